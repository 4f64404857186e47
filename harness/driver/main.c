/* main.c: `gcmeter COMMAND …`: --help and --version from the table of commands, and its dispatch.
 */
#include "driver/cmd.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command commands[] = {
#define COMMAND(name, function, summary) {#name, function, summary},
#include "driver/commands.def"
#undef COMMAND
    {NULL, NULL, NULL},
};

static int help(void)
{
    puts("Usage: gcmeter COMMAND [OPTION...]\n"
         "Compare garbage collectors and allocators on the same C programs.\n\n"
         "Commands:");
    for (const struct command *c = commands; c->name; c++)
        printf("  %-10s %s\n", c->name, c->summary);
    puts("\n  gcmeter COMMAND --help   the options of a command\n"
         "  gcmeter --version        print the version\n"
         "\n"
         "Exit codes: 0 done, 1 regressed, 2 usage or malformed input, 3 something is missing on\n"
         "this machine, 4 some cells failed, 5 not decidable, 130 interrupted.");
    return CMD_DONE;
}

/* A standard stream that the caller closed would be the number of the next file that is opened, and
 * what is printed would go into it. In the wrong direction, /dev/null fails as a closed one does.
 */
static void occupy_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            _exit(CMD_MISSING);
}

int main(int argc, char **argv)
{
    occupy_standard_streams();
    if (argc < 2)
        return cmd_fail(CMD_USAGE, "no command given; see gcmeter --help");
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help"))
        return cmd_flush(help());
    if (!strcmp(name, "--version")) {
        puts("gcmeter " GCMETER_VERSION);
        return cmd_flush(CMD_DONE);
    }
    const char *names[sizeof commands / sizeof *commands];
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        names[i] = commands[i].name;
        if (!commands[i].name || strcmp(name, commands[i].name))
            continue;
        char full_name[64];
        snprintf(full_name, sizeof full_name, "gcmeter %s", name);
        argv[1] = full_name;
        return cmd_flush(commands[i].run(argc - 1, argv + 1));
    }
    const char *nearest = cmd_nearest(name, names);
    if (nearest)
        return cmd_fail(CMD_USAGE, "unknown command '%s': did you mean '%s'?", name, nearest);
    return cmd_fail(CMD_USAGE, "unknown command '%s'; see gcmeter --help", name);
}
