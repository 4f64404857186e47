/* request_recorder.h: what one thread records of its requests beside their simple latency: when
 * each began and ended, for metered latency, and in an open loop its latency from the due time. */
#ifndef RUNNER_REQUEST_RECORDER_H
#define RUNNER_REQUEST_RECORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/growable_log.h"
#include "base/histogram.h"
#include "base/metered.h"
#include "outcome.h"

struct request_recorder {
    struct growable_log log; /* of struct request, in the order in which the thread served them */
    struct request *next;    /* to be written, of those claimed in the log */
    struct request *end;     /* of those */
    struct histogram *open;  /* NULL in a closed loop */
    int64_t due_ns;          /* of the current request, in an open loop */
    int64_t spin_ns;         /* spent reading the clock until requests were due */
    uint64_t *ends;          /* how many there were when each measured iteration was over */
    struct outcome *outcome; /* told when the log has no memory left */
};

/* A recorder in mapped memory, for that many measured iterations, or NULL with errno set. It lasts
 * as long as the process. */
struct request_recorder *request_recorder_new(uint64_t iterations_count, bool open,
                                              struct outcome *outcome);

/* Forgets all requests and keeps the memory. The thread must not be serving any. */
void request_recorder_reset(struct request_recorder *recorder);

/* Claims further entries in the log. Ends the process as out of memory where it can take no more.
 */
void request_recorder_claim(struct request_recorder *recorder);

/* Leaves no entry in the log that is not written: before its entries are counted or read. */
void request_recorder_settle(struct request_recorder *recorder);

/* Whether a request that ends at this time is recorded without a call. */
static inline bool request_recorder_is_ready(const struct request_recorder *recorder,
                                             int64_t end_ns)
{
    return recorder->next != recorder->end &&
           (!recorder->open || histogram_is_known(recorder->open, end_ns - recorder->due_ns));
}

/* Two stores. There must be an entry that is claimed. */
static inline void request_recorder_append(struct request_recorder *recorder, int64_t begin_ns,
                                           int64_t end_ns)
{
    *recorder->next++ = (struct request){.begin_ns = begin_ns, .end_ns = end_ns};
}

/* Records a request for which that is so. */
static inline void request_recorder_end_ready(struct request_recorder *recorder, int64_t begin_ns,
                                              int64_t end_ns)
{
    request_recorder_append(recorder, begin_ns, end_ns);
    if (recorder->open)
        histogram_record_known(recorder->open, end_ns - recorder->due_ns);
}

/* Records a request. May end the process, as claiming does. */
static inline void request_recorder_end(struct request_recorder *recorder, int64_t begin_ns,
                                        int64_t end_ns)
{
    if (recorder->next == recorder->end)
        request_recorder_claim(recorder);
    request_recorder_append(recorder, begin_ns, end_ns);
    if (recorder->open)
        histogram_record(recorder->open, end_ns - recorder->due_ns);
}

#endif
