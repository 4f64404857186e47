/* event_file.h: the event log of a runner as a file that outlives it (harness/runner/PROTOCOL.md):
 * the driver makes it, the runner maps it and appends, the driver reads it when the runner has
 * ended, however it ended.
 *
 * The file is sparse: a header, and two arrays at fixed places, which grow in place. Numbers are in
 * the machine's byte order. The runner raises a count first and writes the entry then, its first
 * word last; so below the count, an entry whose kind is 0 was never finished. Entries that began
 * before the measured part, those of a reset included, mean nothing.
 */
#ifndef BASE_EVENT_FILE_H
#define BASE_EVENT_FILE_H

#include <stdatomic.h>
#include <stdint.h>

#define EVENT_FILE_VERSION            1
#define EVENT_FILE_STOPS_OFFSET       (INT64_C(1) << 20)
#define EVENT_FILE_COLLECTIONS_OFFSET (INT64_C(1) << 42)
#define EVENT_FILE_BYTES              (INT64_C(1) << 43)

/* In place of a figure that the runner does not know. */
#define EVENT_FILE_UNKNOWN UINT64_MAX

struct event_file_header {
    uint64_t version; /* set by the runner when it has mapped the file; 0: it does not use it */
    _Atomic uint64_t stops_count;
    _Atomic uint64_t collections_count;
};

/* The words of the record `pause`, numbered from 1 in the order of PROTOCOL.md. */
#define EVENT_FILE_STOP_KINDS "full minor mark_start mark_end increment"

struct event_file_stop {
    uint32_t kind;    /* from 1; 0: not written */
    int32_t thread;   /* -1: the whole world */
    int64_t start_ns; /* CLOCK_MONOTONIC */
    int64_t duration_ns;
    uint64_t safepoint_ns; /* this and the following may be EVENT_FILE_UNKNOWN */
    uint64_t cpu_ns;
    uint64_t marked_bytes;
};

#define EVENT_FILE_COLLECTION_KINDS "full minor"

struct event_file_collection {
    uint32_t kind; /* from 1; 0: not written */
    uint32_t unused;
    int64_t start_ns; /* CLOCK_MONOTONIC */
    int64_t end_ns;
    uint64_t figures[7]; /* mark, sweep, heap before, heap after, live, marked count, marked bytes;
                            each may be EVENT_FILE_UNKNOWN */
};

_Static_assert(sizeof(struct event_file_stop) == 48 && sizeof(struct event_file_collection) == 80,
               "the layout is part of the protocol");

#endif
