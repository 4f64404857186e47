#include "event_log.h"

#include <errno.h>
#include <stddef.h>

#include "base/event_file.h"
#include "base/mapped.h"

/* Backed from the start: what a program of usual size reports in a minute. */
#define FIRST_STOPS       4096
#define FIRST_COLLECTIONS 4096

/* What the backend hands over is what the file holds. */
#define SAME_PLACE(theirs, ours, field)                                                            \
    _Static_assert(offsetof(struct theirs, field) == offsetof(struct ours, field), "file layout")
SAME_PLACE(gc_stop, event_file_stop, kind);
SAME_PLACE(gc_stop, event_file_stop, thread);
SAME_PLACE(gc_stop, event_file_stop, start_ns);
SAME_PLACE(gc_stop, event_file_stop, duration_ns);
SAME_PLACE(gc_stop, event_file_stop, safepoint_ns);
SAME_PLACE(gc_stop, event_file_stop, cpu_ns);
SAME_PLACE(gc_stop, event_file_stop, marked_bytes);
SAME_PLACE(gc_collection, event_file_collection, kind);
SAME_PLACE(gc_collection, event_file_collection, start_ns);
SAME_PLACE(gc_collection, event_file_collection, end_ns);
_Static_assert(offsetof(struct gc_collection, mark_ns) ==
                       offsetof(struct event_file_collection, figures) &&
                   offsetof(struct gc_collection, marked_bytes) ==
                       offsetof(struct event_file_collection, figures[6]),
               "file layout");
_Static_assert(sizeof(struct gc_stop) == sizeof(struct event_file_stop) &&
                   sizeof(struct gc_collection) == sizeof(struct event_file_collection) &&
                   GC_UNKNOWN == EVENT_FILE_UNKNOWN && GC_STOP_FULL == 1 &&
                   GC_STOP_INCREMENT == 5 && GC_COLLECTION_FULL == 1 && GC_COLLECTION_MINOR == 2,
               "file layout");

static int init_in_file(struct event_log *log, int fd)
{
    struct event_file_header *header = mapped_file(fd, 0, sizeof *header, true);
    if (!header)
        return -ENOMEM;
    int error = growable_log_init_file(&log->stops, sizeof(struct gc_stop), FIRST_STOPS, fd,
                                       EVENT_FILE_STOPS_OFFSET, &header->stops_count);
    if (!error)
        error = growable_log_init_file(&log->collections, sizeof(struct gc_collection),
                                       FIRST_COLLECTIONS, fd, EVENT_FILE_COLLECTIONS_OFFSET,
                                       &header->collections_count);
    if (!error)
        header->version = EVENT_FILE_VERSION;
    return error;
}

int event_log_init(struct event_log *log, int fd, struct outcome *outcome)
{
    log->outcome = outcome;
    log->is_file = fd >= 0;
    if (log->is_file)
        return init_in_file(log, fd);
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
