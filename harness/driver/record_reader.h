/* record_reader.h: reads the stream of records that a runner writes (harness/runner/PROTOCOL.md),
 * piece by piece, and checks it strictly: every field of every record, and their order. Memory is
 * bounded whatever is written. */
#ifndef DRIVER_RECORD_READER_H
#define DRIVER_RECORD_READER_H

#include <stdbool.h>
#include <stddef.h>

enum record_kind {
    RECORD_HELLO,
    RECORD_BEGIN,
    RECORD_END,
    RECORD_FLAG,
    RECORD_METRIC,
    RECORD_EXTRA,
    RECORD_ITERATION,
    RECORD_PAUSE,
    RECORD_COLLECTION,
    RECORD_LATENCY,
    RECORD_STATUS,
    RECORD_DONE,
};

/* More than the longest record has. */
#define RECORD_FIELDS 13

struct record {
    enum record_kind kind;
    /* The fields after the record's name, valid as their kinds demand; until the callback returns.
     * A field that may be empty is "" then. */
    const char *fields[RECORD_FIELDS];
    size_t field_count;
};

struct record_reader;

/* `take` is called for each record with `data`. NULL with errno set where there is no memory. */
struct record_reader *record_reader_create(void (*take)(void *data, const struct record *record),
                                           void *data);
void record_reader_free(struct record_reader *reader);

/* False: the stream is not what a runner writes, record_reader_problem() says why, and nothing more
 * is read. */
bool record_reader_feed(struct record_reader *reader, const char *bytes, size_t count);

/* The stream has ended. False: in the middle of a record. */
bool record_reader_finish(struct record_reader *reader);

/* One line, or NULL while nothing is wrong. */
const char *record_reader_problem(const struct record_reader *reader);

/* Whether `done` has been read. */
bool record_reader_done(const struct record_reader *reader);

#endif
