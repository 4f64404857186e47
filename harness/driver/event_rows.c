#include "driver/event_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/event_file.h"

/* Descriptors below are those that a child gives new meanings to. */
enum { LOWEST_FD = 10 };

enum { ENTRIES_AT_ONCE = 1024, FIELD_BYTES = 24 };

int event_rows_open(void)
{
    int made = memfd_create("gcmeter events", MFD_CLOEXEC);
    if (made < 0)
        return -errno;
    int fd = fcntl(made, F_DUPFD_CLOEXEC, LOWEST_FD);
    int error = fd < 0 ? -errno : 0;
    close(made);
    if (!error && ftruncate(fd, EVENT_FILE_BYTES)) {
        error = -errno;
        close(fd);
    }
    return error ? error : fd;
}

struct reader {
    int fd;
    int64_t begin_ns, end_ns;
    void (*take)(void *data, const struct record *record);
    void *data;
    uint64_t collection_count; /* handed over */
    uint64_t unreadable_count;
    char texts[RECORD_FIELDS][FIELD_BYTES];
};

/* Word number `number`, from 1, of `words`, joined by blanks. False: there are not so many. */
static bool put_word(char *text, const char *words, uint32_t number)
{
    for (; number > 1 && *words; number--) {
        words += strcspn(words, " ");
        words += strspn(words, " ");
    }
    size_t length = strcspn(words, " ");
    snprintf(text, FIELD_BYTES, "%.*s", (int)length, words);
    return number == 1 && length > 0;
}

static void put_known(char *text, uint64_t value)
{
    text[0] = '\0';
    if (value != EVENT_FILE_UNKNOWN)
        snprintf(text, FIELD_BYTES, "%" PRIu64, value);
}

static void put_signed(char *text, int64_t value)
{
    snprintf(text, FIELD_BYTES, "%" PRId64, value);
}

static bool is_measured(const struct reader *r, int64_t start_ns)
{
    return start_ns >= r->begin_ns && start_ns < r->end_ns;
}

static void hand_over(struct reader *r, enum record_kind kind, size_t field_count)
{
    struct record record = {.kind = kind, .field_count = field_count};
    for (size_t i = 0; i < field_count; i++)
        record.fields[i] = r->texts[i];
    r->take(r->data, &record);
}

static void take_stop(struct reader *r, const void *entry)
{
    struct event_file_stop stop;
    memcpy(&stop, entry, sizeof stop);
    if (stop.kind != 0 && !is_measured(r, stop.start_ns))
        return;
    if (!put_word(r->texts[1], EVENT_FILE_STOP_KINDS, stop.kind) || stop.thread < -1 ||
        stop.duration_ns < 0) {
        r->unreadable_count++;
        return;
    }
    put_signed(r->texts[0], stop.thread);
    put_signed(r->texts[2], stop.start_ns - r->begin_ns);
    put_signed(r->texts[3], stop.duration_ns);
    put_known(r->texts[4], stop.safepoint_ns);
    hand_over(r, RECORD_PAUSE, 5);
}

static void take_collection(struct reader *r, const void *entry)
{
    struct event_file_collection collection;
    memcpy(&collection, entry, sizeof collection);
    if (collection.kind != 0 && !is_measured(r, collection.start_ns))
        return;
    bool has_end = (uint64_t)collection.end_ns != EVENT_FILE_UNKNOWN;
    if (!put_word(r->texts[1], EVENT_FILE_COLLECTION_KINDS, collection.kind) ||
        (has_end && collection.end_ns < collection.start_ns)) {
        r->unreadable_count++;
        return;
    }
    put_known(r->texts[0], r->collection_count++);
    put_signed(r->texts[2], collection.start_ns - r->begin_ns);
    put_known(r->texts[3],
              has_end ? (uint64_t)(collection.end_ns - r->begin_ns) : EVENT_FILE_UNKNOWN);
    for (size_t i = 0; i < sizeof collection.figures / sizeof *collection.figures; i++)
        put_known(r->texts[4 + i], collection.figures[i]);
    hand_over(r, RECORD_COLLECTION, 11);
}

/* A count that was overwritten must not make this read for ever: entries beyond what the file holds
 * were never written. */
static uint64_t bounded(const struct reader *r, uint64_t count, size_t entry_bytes)
{
    struct stat status;
    uint64_t held_bytes = fstat(r->fd, &status) == 0 ? (uint64_t)status.st_blocks * 512 : 0;
    return count < held_bytes / entry_bytes ? count : held_bytes / entry_bytes;
}

static void read_entries(struct reader *r, int64_t offset, uint64_t count, size_t entry_bytes,
                         void (*take_entry)(struct reader *r, const void *entry))
{
    unsigned char entries[ENTRIES_AT_ONCE * sizeof(struct event_file_collection)];
    uint64_t readable_count = bounded(r, count, entry_bytes);
    r->unreadable_count += count - readable_count;
    while (readable_count > 0) {
        uint64_t n = readable_count < ENTRIES_AT_ONCE ? readable_count : ENTRIES_AT_ONCE;
        /* Not mapped: a runner may have cut the file, and reading a mapping would end gcmeter. */
        ssize_t got = pread(r->fd, entries, n * entry_bytes, offset);
        uint64_t read_count = got < 0 ? 0 : (uint64_t)got / entry_bytes;
        for (uint64_t i = 0; i < read_count; i++)
            take_entry(r, entries + i * entry_bytes);
        if (read_count < n) {
            r->unreadable_count += readable_count - read_count;
            return;
        }
        offset += (int64_t)(n * entry_bytes);
        readable_count -= n;
    }
}

uint64_t event_rows_emit(int fd, int64_t begin_ns, int64_t end_ns,
                         void (*take)(void *data, const struct record *record), void *data)
{
    struct reader r = {
        .fd = fd, .begin_ns = begin_ns, .end_ns = end_ns, .take = take, .data = data};
    struct {
        uint64_t version, stops_count, collections_count;
    } header;
    _Static_assert(sizeof header == sizeof(struct event_file_header), "the same without atomics");
    if (pread(fd, &header, sizeof header, 0) != (ssize_t)sizeof header ||
        header.version != EVENT_FILE_VERSION)
        return 0;
    read_entries(&r, EVENT_FILE_STOPS_OFFSET, header.stops_count, sizeof(struct event_file_stop),
                 take_stop);
    read_entries(&r, EVENT_FILE_COLLECTIONS_OFFSET, header.collections_count,
                 sizeof(struct event_file_collection), take_collection);
    return r.unreadable_count;
}
