#include "outcome.h"

#include <string.h>
#include <unistd.h>

#include "base/errors.h"

void outcome_init(struct outcome *outcome, struct record_writer *writer)
{
    outcome->writer = writer;
    atomic_flag_clear(&outcome->taken);
}

int outcome_send(struct outcome *outcome, const char *status, const char *detail)
{
    while (atomic_flag_test_and_set(&outcome->taken))
        pause();
    struct record_writer *w = outcome->writer;
    record_begin(w, "status");
    record_text(w, status);
    record_text(w, detail);
    record_end(w);
    record_begin(w, "done");
    record_end(w);
    int error = record_flush(w);
    if (error) {
        errors_say("cannot write records to descriptor %d: %s", w->fd, strerror(-error));
        return RUNNER_EXIT_RECORDS;
    }
    return strcmp(status, "ok") == 0 ? RUNNER_EXIT_OK : RUNNER_EXIT_STATUS;
}

void outcome_exit(struct outcome *outcome, const char *status, const char *detail)
{
    _exit(outcome_send(outcome, status, detail));
}
