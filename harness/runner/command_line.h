/* command_line.h: the words of PROTOCOL.md that a runner is called with. */
#ifndef RUNNER_COMMAND_LINE_H
#define RUNNER_COMMAND_LINE_H

#include <stddef.h>
#include <stdint.h>

enum runner_call {
    RUNNER_CALL_HELP = 1,
    RUNNER_CALL_DESCRIBE = 2,
    RUNNER_CALL_LIVE_BYTES = 4,
    RUNNER_CALL_RUN = 8,
};

#define COMMAND_LINE_NO_FD UINT64_MAX

/* What is not given has its default. Texts point into argv, or are "". */
struct command_line {
    enum runner_call call;
    const char *workload;
    const char *params;
    const char *options;
    uint64_t threads;
    uint64_t heap_limit_bytes;
    uint64_t memory_cap_bytes;
    uint64_t warmup;
    uint64_t iterations;
    uint64_t seed;
    uint64_t probe;
    uint64_t record;
    uint64_t records_fd;
    uint64_t event_log_fd; /* COMMAND_LINE_NO_FD: none */
};

/* Fills *line: 0, or -EINVAL with one line in `why` (of why_bytes, always terminated). */
int command_line_parse(int argc, char **argv, struct command_line *line, char *why,
                       size_t why_bytes);

/* The calls and their words, as text of several lines. */
extern const char command_line_help[];

#endif
