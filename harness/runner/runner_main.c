/* runner_main.c: a runner: one backend, all workloads, one invocation per process (PROTOCOL.md). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/errors.h"
#include "command_line.h"
#include "describe.h"
#include "descriptor_check.h"
#include "gc_backend.h"
#include "identity.h"
#include "invocation.h"
#include "named_values.h"
#include "outcome.h"
#include "record_writer.h"
#include "workload_table.h"

static int finish_output(struct record_writer *w)
{
    int error = record_flush(w);
    if (!error)
        return RUNNER_EXIT_OK;
    errors_say("cannot write to stdout: %s", strerror(-error));
    return RUNNER_EXIT_RECORDS;
}

static int answer_describe(void)
{
    static struct record_writer w;
    record_writer_init(&w, STDOUT_FILENO);
    describe(&w);
    return finish_output(&w);
}

static int answer_live_bytes(const struct command_line *line, const struct workload *workload)
{
    static struct record_writer w;
    char why[ERRORS_LINE_BYTES];
    char digits[24];
    uint64_t params[NAMED_VALUES_MAX];
    struct workload_run run = {.params = NULL};
    if (invocation_prepare_run(line, workload, &run, params, why, sizeof why)) {
        errors_say("%s", why);
        return RUNNER_EXIT_USAGE;
    }
    snprintf(digits, sizeof digits, "%" PRIu64, workload->live_bytes(&run));
    record_writer_init(&w, STDOUT_FILENO);
    record_begin(&w, digits);
    record_end(&w);
    return finish_output(&w);
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
        return answer_describe();

    const struct workload *workload = workload_find(line.workload);
    if (!workload) {
        errors_say("--workload %s: no such workload; --describe lists them", line.workload);
        return RUNNER_EXIT_USAGE;
    }
    if (line.call == RUNNER_CALL_LIVE_BYTES)
        return answer_live_bytes(&line, workload);
    return invocation_run(&line, workload);
}
