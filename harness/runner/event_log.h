/* event_log.h: the stops and collections that the backend reports, in memory mapped outside every
 * heap, which grows and drops nothing (METHODS.md section 3); where the driver gives a file for it,
 * what was logged outlives a crash of this process. */
#ifndef RUNNER_EVENT_LOG_H
#define RUNNER_EVENT_LOG_H

#include <stdbool.h>

#include "base/growable_log.h"
#include "gc_backend.h"
#include "outcome.h"

struct event_log {
    struct growable_log stops;       /* of struct gc_stop */
    struct growable_log collections; /* of struct gc_collection */
    struct outcome *outcome;         /* told when a log has no memory left */
    bool is_file;                    /* the driver reads it: no records need to be sent */
};

/* 0 or -ENOMEM. Lasts as long as the process. `fd` is a file as in base/event_file.h, empty but as
 * large, or -1: in private memory. */
int event_log_init(struct event_log *log, int fd, struct outcome *outcome);

/* Append an event, as gc_listener allows. Thread-safe. */
void event_log_stop(struct event_log *log, const struct gc_stop *stop);
void event_log_collection(struct event_log *log, const struct gc_collection *collection);

/* Forgets all events so far. The backend must not be reporting any. */
void event_log_clear(struct event_log *log);

/* Event number `index`. */
const struct gc_stop *event_log_stop_at(const struct event_log *log, uint64_t index);
const struct gc_collection *event_log_collection_at(const struct event_log *log, uint64_t index);

#endif
