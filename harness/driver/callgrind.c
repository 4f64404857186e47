#include "driver/callgrind.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "driver/child.h"
#include "driver/xalloc.h"

#define VERSION_TIMEOUT_MS 10000

char *callgrind_version(void)
{
    char *const words[] = {(char[]){"valgrind"}, (char[]){"--version"}, NULL};
    const struct child_options options = {.path = words[0], .argv = words};
    char *out = NULL;
    struct child_end end;
    if (child_capture(&options, 4096, VERSION_TIMEOUT_MS, &out, &end))
        return NULL;
    if (end.timed_out || !WIFEXITED(end.status) || WEXITSTATUS(end.status) || !*out) {
        free(out);
        return NULL;
    }
    out[strcspn(out, "\n")] = '\0';
    return out;
}

char *callgrind_file(void)
{
    const char *folder = getenv("TMPDIR");
    char *path = xprintf("%s/gcmeter-callgrind-XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkstemp(path);
    if (fd < 0) {
        free(path);
        return NULL;
    }
    close(fd);
    return path;
}

void callgrind_words(char **words, const char *file)
{
    static const char *const fixed[] = {
        "valgrind",
        "-q",
        "--tool=callgrind",
        /* No pipes for a debugger, which would be left where the process is killed. */
        "--vgdb=no",
        "--instr-atstart=no",
        /* Threads that wait for each other by spinning must all get their turn. */
        "--fair-sched=try",
        /* One sum for all of them. */
        "--separate-threads=no",
        /* A stop has a dump of its own, of which nothing but the sum is wanted. */
        "--combine-dumps=yes",
        "--dump-line=no",
    };
    size_t count = sizeof fixed / sizeof *fixed;
    _Static_assert(sizeof fixed / sizeof *fixed + 1 == CALLGRIND_WORDS, "and the file");
    for (size_t i = 0; i < count; i++)
        words[i] = xstrdup(fixed[i]);
    /* A per cent sign in the name would be taken for a format. */
    char *plain = xstrdup("");
    for (const char *c = file; *c; c++) {
        char *longer = xprintf("%s%s%c", plain, *c == '%' ? "%" : "", *c);
        free(plain);
        plain = longer;
    }
    words[count] = xprintf("--callgrind-out-file=%s", plain);
    free(plain);
}

struct callgrind_counts callgrind_read(const char *file)
{
    static const char trigger[] = "desc: Trigger: ";
    struct callgrind_counts counts = {0};
    bool is_stop = false;
    char *line = NULL;
    size_t capacity = 0;
    FILE *in = fopen(file, "re");
    while (in && getline(&line, &capacity, in) >= 0) {
        int64_t total;
        if (!strncmp(line, trigger, sizeof trigger - 1))
            is_stop = !strcmp(line + sizeof trigger - 1, "Client Request: stop\n");
        if (sscanf(line, "totals: %" SCNd64, &total) != 1)
            continue;
        counts.instructions_count += total;
        counts.stop_instructions_count += is_stop ? total : 0;
        counts.stops_count += is_stop;
    }
    if (in)
        fclose(in);
    free(line);
    return counts;
}
