/* record_writer.h: the records of PROTOCOL.md: CSV rows by RFC 4180, each ending in '\n', on a
 * descriptor.
 *
 * Rows collect in a buffer inside the structure and are written when it is full or flushed. The
 * first error of the descriptor is kept, later output is dropped, and every flush returns it. It
 * allocates nothing. Not thread-safe.
 *
 * A row is record_begin(), any fields, record_end().
 */
#ifndef RUNNER_RECORD_WRITER_H
#define RUNNER_RECORD_WRITER_H

#include <stddef.h>
#include <stdint.h>

#define RECORD_WRITER_BYTES 65536

struct record_writer {
    int fd;
    int error; /* 0 or negative errno, the first one */
    size_t used;
    char buffer[RECORD_WRITER_BYTES];
};

/* `fd` stays the caller's. A pipe's reader may go away: the caller has SIGPIPE ignored. */
void record_writer_init(struct record_writer *w, int fd);

void record_begin(struct record_writer *w, const char *key);
void record_text(struct record_writer *w, const char *text); /* quoted where needed */
void record_words(struct record_writer *w, const char *text, size_t length); /* the same */
void record_i64(struct record_writer *w, int64_t value);
void record_u64(struct record_writer *w, uint64_t value);
void record_known(struct record_writer *w, uint64_t value); /* empty where GC_UNKNOWN */
void record_real(struct record_writer *w, double value);    /* 9 significant digits */
void record_end(struct record_writer *w);

/* Writes out what is buffered: 0, or the negative errno of the first error. */
int record_flush(struct record_writer *w);

/* The same, then waits until the reader has taken it all, if the descriptor is a pipe: a second at
 * most, since the reader need not be a driver that reads at once. */
int record_flush_and_wait(struct record_writer *w);

#endif
