#include "request_recorder.h"

#include <errno.h>

#include "base/mapped.h"

/* Backed from the start: 64 KiB. The rest is mapped in the warm-up, if there is one. */
#define FIRST_REQUESTS 4096

struct request_recorder *request_recorder_new(uint64_t iterations_count, bool open,
                                              struct outcome *outcome)
{
    struct request_recorder *recorder = mapped_new(sizeof *recorder);
    if (!recorder)
        return NULL;
    recorder->outcome = outcome;
    recorder->ends = mapped_new(iterations_count * sizeof *recorder->ends);
    if (!recorder->ends)
        return NULL;
    if (open) {
        recorder->open = histogram_new();
        if (!recorder->open)
            return NULL;
    }
    int error = growable_log_init(&recorder->log, sizeof(struct request), FIRST_REQUESTS);
    if (!error)
        return recorder;
    errno = -error;
    return NULL;
}

void request_recorder_reset(struct request_recorder *recorder)
{
    growable_log_clear(&recorder->log);
    if (recorder->open)
        histogram_reset(recorder->open);
    recorder->spin_ns = 0;
}

void request_recorder_end(struct request_recorder *recorder, int64_t begin_ns, int64_t end_ns)
{
    const struct request request = {.begin_ns = begin_ns, .end_ns = end_ns};
    if (growable_log_append(&recorder->log, &request))
        outcome_exit(recorder->outcome, "oom", "no memory for the log of requests");
    if (recorder->open)
        histogram_record(recorder->open, end_ns - recorder->due_ns);
}
