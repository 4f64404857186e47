#include "event_log.h"

/* Backed from the start: what a program of usual size reports in a minute. */
#define FIRST_STOPS       4096
#define FIRST_COLLECTIONS 1024

int event_log_init(struct event_log *log, struct outcome *outcome)
{
    log->outcome = outcome;
    int error = growable_log_init(&log->stops, sizeof(struct gc_stop), FIRST_STOPS);
    if (error)
        return error;
    return growable_log_init(&log->collections, sizeof(struct gc_collection), FIRST_COLLECTIONS);
}

void event_log_stop(struct event_log *log, const struct gc_stop *stop)
{
    if (growable_log_append(&log->stops, stop))
        outcome_exit(log->outcome, "oom", "no memory for the log of stops");
}

void event_log_collection(struct event_log *log, const struct gc_collection *collection)
{
    if (growable_log_append(&log->collections, collection))
        outcome_exit(log->outcome, "oom", "no memory for the log of collections");
}

void event_log_clear(struct event_log *log)
{
    growable_log_clear(&log->stops);
    growable_log_clear(&log->collections);
}

const struct gc_stop *event_log_stop_at(const struct event_log *log, uint64_t index)
{
    return growable_log_at(&log->stops, index);
}

const struct gc_collection *event_log_collection_at(const struct event_log *log, uint64_t index)
{
    return growable_log_at(&log->collections, index);
}
