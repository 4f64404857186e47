#include "record_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "gc_backend.h"

#define READER_PATIENCE_NS INT64_C(1000000000)
#define READER_LOOK_NS     20000

void record_writer_init(struct record_writer *w, int fd)
{
    w->fd = fd;
    w->error = 0;
    w->used = 0;
}

/* A descriptor in non-blocking mode, inherited like that, is waited for. */
static int wait_writable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int record_flush(struct record_writer *w)
{
    for (size_t done = 0; done < w->used && !w->error;) {
        ssize_t n = write(w->fd, w->buffer + done, w->used - done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno == EAGAIN)
            w->error = wait_writable(w->fd);
        else if (errno != EINTR)
            w->error = -errno;
    }
    w->used = 0;
    return w->error;
}

/* Whether the pipe has something that its reader, still there, has not taken. */
static bool is_unread(int fd)
{
    struct pollfd p = {.fd = fd};
    int bytes = 0;
    return poll(&p, 1, 0) == 0 && ioctl(fd, FIONREAD, &bytes) == 0 && bytes > 0;
}

int record_flush_and_wait(struct record_writer *w)
{
    struct stat status;
    struct timespec look = {.tv_nsec = READER_LOOK_NS};
    int error = record_flush(w);
    if (error || fstat(w->fd, &status) || !S_ISFIFO(status.st_mode))
        return error;
    int64_t until_ns = clock_now_ns() + READER_PATIENCE_NS;
    while (is_unread(w->fd) && clock_now_ns() < until_ns)
        nanosleep(&look, NULL);
    return 0;
}

static void put(struct record_writer *w, const char *bytes, size_t length)
{
    while (length > 0) {
        if (w->used == sizeof w->buffer)
            record_flush(w);
        size_t room = sizeof w->buffer - w->used;
        size_t n = length < room ? length : room;
        memcpy(w->buffer + w->used, bytes, n);
        w->used += n;
        bytes += n;
        length -= n;
    }
}

void record_begin(struct record_writer *w, const char *key)
{
    put(w, key, strlen(key));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* RFC 4180, and blanks at either end too: libcsv drops them otherwise. */
static bool needs_quotes(const char *text, size_t length)
{
    if (length == 0)
        return false;
    if (is_blank(text[0]) || is_blank(text[length - 1]))
        return true;
    for (size_t i = 0; i < length; i++)
        if (text[i] == '"' || text[i] == ',' || text[i] == '\r' || text[i] == '\n')
            return true;
    return false;
}

void record_words(struct record_writer *w, const char *text, size_t length)
{
    put(w, ",", 1);
    if (!needs_quotes(text, length)) {
        put(w, text, length);
        return;
    }
    put(w, "\"", 1);
    for (size_t i = 0; i < length; i++)
        put(w, text[i] == '"' ? "\"\"" : &text[i], text[i] == '"' ? 2 : 1);
    put(w, "\"", 1);
}

void record_text(struct record_writer *w, const char *text)
{
    record_words(w, text, strlen(text));
}

void record_i64(struct record_writer *w, int64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, ",%" PRId64, value);
    put(w, digits, (size_t)length);
}

void record_u64(struct record_writer *w, uint64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, ",%" PRIu64, value);
    put(w, digits, (size_t)length);
}

void record_known(struct record_writer *w, uint64_t value)
{
    if (value == GC_UNKNOWN)
        put(w, ",", 1);
    else
        record_u64(w, value);
}

void record_real(struct record_writer *w, double value)
{
    char digits[40];
    int length = snprintf(digits, sizeof digits, ",%.9g", value);
    put(w, digits, (size_t)length);
}

void record_end(struct record_writer *w)
{
    put(w, "\n", 1);
}
