/* outcome.h: how an invocation ends: its `status` and `done` records, once. */
#ifndef RUNNER_OUTCOME_H
#define RUNNER_OUTCOME_H

#include <stdatomic.h>

#include "record_writer.h"

/* Exit codes of a runner (PROTOCOL.md). */
enum {
    RUNNER_EXIT_OK = 0,
    RUNNER_EXIT_USAGE = 2,
    RUNNER_EXIT_UNAVAILABLE = 3,
    RUNNER_EXIT_STATUS = 4,
    RUNNER_EXIT_RECORDS = 5,
};

struct outcome {
    struct record_writer *writer;
    atomic_flag taken;
};

void outcome_init(struct outcome *outcome, struct record_writer *writer);

/* Sends status and done, and returns the exit code of that status, or RUNNER_EXIT_RECORDS where
 * they could not be written. If another thread is ending the invocation already, never returns. */
int outcome_send(struct outcome *outcome, const char *status, const char *detail);

/* The same, and ends the process at once: for any thread, with locks held or the world stopped. No
 * thread may be writing records meanwhile, which the main thread does only while no workload runs.
 */
void outcome_exit(struct outcome *outcome, const char *status, const char *detail)
    __attribute__((noreturn));

#endif
