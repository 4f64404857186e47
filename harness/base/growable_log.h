/* growable_log.h: a log of equal entries in mapped memory that never drops one.
 *
 * Appending takes no lock, so it may be done by several threads at once, in a signal handler, and
 * with the world stopped while another thread was halfway through appending. It writes to memory
 * mapped beforehand, but for the rare entry that needs a new part: parts double in size, so of n
 * entries log2(n) call mmap. (The bucket array of Dechev, Pirkelbauer & Stroustrup, "Lock-free
 * dynamically resizable arrays", OPODIS 2006.)
 *
 * A log may lie in a file, where its entries are one array, so that what was appended is there when
 * the process has crashed: see event_file.h.
 */
#ifndef BASE_GROWABLE_LOG_H
#define BASE_GROWABLE_LOG_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define GROWABLE_LOG_PARTS 40

struct growable_log {
    size_t entry_bytes;
    uint64_t first_count; /* entries in part 0; part k has first_count * 2^k */
    int fd;               /* the file, or -1 */
    int64_t file_offset;  /* of entry 0 */
    _Atomic uint64_t *count;
    _Atomic uint64_t own_count; /* what count points to, unless that is in the file too */
    _Atomic(unsigned char *) parts[GROWABLE_LOG_PARTS];
};

/* Makes an empty log of entries of entry_bytes (> 0, a multiple of 8) each, whose first first_count
 * (> 0) are backed by memory already. 0 or -ENOMEM. It must not be moved. The caller gives it to
 * growable_log_free. */
int growable_log_init(struct growable_log *log, size_t entry_bytes, uint64_t first_count);

/* The same in the file `fd`, which stays the caller's, from `offset` on; the file is large enough,
 * and may be sparse. *count, 0, is the number of entries and lies in memory that outlives the log:
 * it is raised before an entry is written, whose first 8 bytes are written last. Parts must be
 * whole pages: first_count * entry_bytes and `offset` are multiples of the page size. */
int growable_log_init_file(struct growable_log *log, size_t entry_bytes, uint64_t first_count,
                           int fd, int64_t offset, _Atomic uint64_t *count);

void growable_log_free(struct growable_log *log);

/* Copies *entry to the end. 0, or -ENOMEM where the system has no memory for a new part: the log is
 * then spoilt, since an entry is missing in its middle, and the caller must give up. */
int growable_log_append(struct growable_log *log, const void *entry);

/* For a log's only writer, which may then write entries by itself: appends as many entries as fit
 * in a row, at most `most` (> 0), and returns the first of them, not written, with their number in
 * *count. NULL where the system has no memory for a new part. */
void *growable_log_claim(struct growable_log *log, uint64_t most, uint64_t *count);

/* Takes back the last `count` entries of those claimed. */
void growable_log_unclaim(struct growable_log *log, uint64_t count);

/* How many entries there are. */
uint64_t growable_log_count(const struct growable_log *log);

/* Entry number `index` < count, valid until growable_log_free. No append may be under way. */
const void *growable_log_at(const struct growable_log *log, uint64_t index);

/* Forgets all entries and keeps the memory. No append may be under way. */
void growable_log_clear(struct growable_log *log);

#endif
