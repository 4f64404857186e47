/* runner_main.c: a runner: one backend, all workloads, one invocation per process (PROTOCOL.md). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/errors.h"
#include "base/mapped.h"
#include "command_line.h"
#include "describe.h"
#include "descriptor_check.h"
#include "gc_backend.h"
#include "identity.h"
#include "named_values.h"
#include "outcome.h"
#include "record_writer.h"
#include "runner_invoke.h"
#include "workload_table.h"

/* Prints what `answer` writes. The writer is mapped: static data are roots for a conservative
 * collector, and would lengthen its pauses in --run. */
static int print_answer(void (*answer)(struct record_writer *w, const void *data), const void *data)
{
    struct record_writer *w = mapped_new(sizeof *w);
    if (!w) {
        errors_say("no memory for the answer: %s", strerror(errno));
        return RUNNER_EXIT_RECORDS;
    }
    record_writer_init(w, STDOUT_FILENO);
    answer(w, data);
    int error = record_flush(w);
    mapped_free(w, sizeof *w);
    if (!error)
        return RUNNER_EXIT_OK;
    errors_say("cannot write to stdout: %s", strerror(-error));
    return RUNNER_EXIT_RECORDS;
}

static void write_description(struct record_writer *w, const void *data)
{
    (void)data;
    describe(w);
}

static void write_live_bytes(struct record_writer *w, const void *data)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, *(const uint64_t *)data);
    record_begin(w, digits);
    record_end(w);
}

static int answer_live_bytes(const struct command_line *line, const struct workload *workload)
{
    char why[ERRORS_LINE_BYTES];
    uint64_t params[NAMED_VALUES_MAX];
    struct workload_run run = {.params = NULL};
    if (runner_prepare(line, workload, &run, params, why, sizeof why)) {
        errors_say("%s", why);
        return RUNNER_EXIT_USAGE;
    }
    uint64_t live_bytes = workload->live_bytes(&run);
    return print_answer(write_live_bytes, &live_bytes);
}

/* 0, or a negative errno after saying what is wrong. */
static int check_tables(void)
{
    char why[ERRORS_LINE_BYTES];
    int error = descriptor_check_backend(&gc_backend, runner_identity.backend, runner_flavours(),
                                         why, sizeof why);
    for (const struct workload *const *w = workload_table; *w && !error; w++)
        error = descriptor_check_workload(*w, why, sizeof why);
    if (error)
        errors_say("%s", why);
    return error;
}

int main(int argc, char **argv)
{
    struct command_line line;
    char why[ERRORS_LINE_BYTES];
    errors_set_program(runner_identity.program);
    if (check_tables())
        return RUNNER_EXIT_UNAVAILABLE;
    if (command_line_parse(argc, argv, &line, why, sizeof why)) {
        errors_say("%s", why);
        return RUNNER_EXIT_USAGE;
    }
    if (line.call == RUNNER_CALL_HELP) {
        printf("usage: %s CALL\n%s", runner_identity.program, command_line_help);
        return fflush(stdout) ? RUNNER_EXIT_RECORDS : RUNNER_EXIT_OK;
    }
    if (line.call == RUNNER_CALL_DESCRIBE)
        return print_answer(write_description, NULL);

    const struct workload *workload = workload_find(line.workload);
    if (!workload) {
        errors_say("--workload %s: no such workload; --describe lists them", line.workload);
        return RUNNER_EXIT_USAGE;
    }
    if (line.call == RUNNER_CALL_LIVE_BYTES)
        return answer_live_bytes(&line, workload);
    return runner_invoke(&line, workload);
}
