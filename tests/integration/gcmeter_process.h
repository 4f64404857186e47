/* gcmeter_process.h: runs the built gcmeter (in the folder GCMETER_BIN, default build/bin) as a
 * user would, for tests of the command line. Include after cmocka.h. */
#ifndef TESTS_GCMETER_PROCESS_H
#define TESTS_GCMETER_PROCESS_H

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESS_ARGUMENTS 32

/* What a command left behind. */
struct process {
    int exit_code;   /* 128 + N after signal N */
    char out[65536]; /* stdout, terminated, cut off where longer */
    char err[16384]; /* stderr */
};

/* A folder of this test program's own, made by process_setup() and removed by process_teardown().
 */
static char process_folder[] = "/tmp/gcmeter-test-XXXXXX";

/* The program, by its absolute path. */
static char process_program[PATH_MAX + 16];

static inline int process_setup(void **state)
{
    (void)state;
    char folder[PATH_MAX];
    const char *bin = getenv("GCMETER_BIN");
    if (!realpath(bin ? bin : "build/bin", folder))
        return -1;
    snprintf(process_program, sizeof process_program, "%s/gcmeter", folder);
    return mkdtemp(process_folder) ? 0 : -1;
}

static inline int process_teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", process_folder);
    return system(command);
}

/* The path of `name` in the folder; valid until four more calls. */
static inline const char *process_path(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", process_folder, name);
    return path;
}

static inline void process_read_file(const char *path, char *text, size_t bytes)
{
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, bytes - 1, file) : 0;
    text[length] = '\0';
    if (file)
        fclose(file);
}

/* Puts `gcmeter ARGUMENTS…` into argv, which holds until the next call: words are separated by
 * single blanks; @ stands for the folder. */
static inline void process_split(const char *arguments, char *argv[PROCESS_ARGUMENTS + 2])
{
    static char words[4096];
    size_t length = 0;
    for (const char *c = arguments; *c; c++) {
        int n = *c == '@' ? snprintf(words + length, sizeof words - length, "%s", process_folder)
                          : snprintf(words + length, sizeof words - length, "%c", *c);
        length += (size_t)n;
        assert_true(length < sizeof words);
    }
    words[length] = '\0';
    size_t argc = 0;
    argv[argc++] = process_program;
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
        assert_true(argc < PROCESS_ARGUMENTS);
        argv[argc++] = word;
    }
    argv[argc] = NULL;
}

/* Starts `gcmeter ARGUMENTS…`, as process_split() takes them, with stdout and stderr into files of
 * the folder. */
static inline pid_t process_start(const char *arguments)
{
    char *argv[PROCESS_ARGUMENTS + 2];
    process_split(arguments, argv);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, process_path("stdout"),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0666);
    posix_spawn_file_actions_addopen(&actions, 2, process_path("stderr"),
                                     O_WRONLY | O_CREAT | O_TRUNC, 0666);
    pid_t pid;
    int error = posix_spawn(&pid, process_program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        fail_msg("%s: %s; build it, or set GCMETER_BIN", process_program, strerror(error));
    return pid;
}

static inline void process_wait(struct process *process, pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    process->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    process_read_file(process_path("stdout"), process->out, sizeof process->out);
    process_read_file(process_path("stderr"), process->err, sizeof process->err);
}

static inline void process_run(struct process *process, const char *arguments)
{
    process_wait(process, process_start(arguments));
}

/* As process_start(), but `prepare` is called in the new process first, with the streams in place.
 * Where it fails the process ends with PROCESS_UNPREPARED. */
#define PROCESS_UNPREPARED 99
static inline pid_t process_start_prepared(const char *arguments, bool (*prepare)(void *data),
                                           void *data)
{
    char *argv[PROCESS_ARGUMENTS + 2];
    process_split(arguments, argv);
    int out = open(process_path("stdout"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int err = open(process_path("stderr"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    assert_true(out >= 0 && err >= 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (dup2(out, 1) < 0 || dup2(err, 2) < 0 || !prepare(data))
            _exit(PROCESS_UNPREPARED);
        execv(process_program, argv);
        _exit(PROCESS_UNPREPARED);
    }
    close(out);
    close(err);
    return pid;
}

static inline void process_run_prepared(struct process *process, const char *arguments,
                                        bool (*prepare)(void *data), void *data)
{
    process_wait(process, process_start_prepared(arguments, prepare, data));
}

/* Nothing is on stderr but one line, which says `part`. */
static inline void assert_one_line(const struct process *process, const char *part)
{
    if (!strstr(process->err, part))
        fail_msg("'%s' is not in: %s", part, process->err);
    const char *newline = strchr(process->err, '\n');
    if (!newline || newline[1])
        fail_msg("not one line: %s", process->err);
}

static inline void assert_exit_code(const struct process *process, int expected)
{
    if (process->exit_code != expected)
        fail_msg("exit code %d, not %d; stderr: %s", process->exit_code, expected, process->err);
}

static inline void assert_contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in: %s", part, text);
}

/* Bad input gets one line on stderr, which says `part`, and nothing on stdout. */
static inline void assert_refused(const char *arguments, int exit_code, const char *part)
{
    static struct process process;
    process_run(&process, arguments);
    assert_exit_code(&process, exit_code);
    assert_string_equal(process.out, "");
    assert_one_line(&process, part);
}

static inline void skip_because(const char *reason)
{
    print_message("skipped: %s\n", reason);
    skip();
}

#endif
