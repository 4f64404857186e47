/* histogram.h: counts of durations in log-linear buckets.
 *
 * Executive summary: a value read back is too high by at most 1/1024 of itself and never too low;
 * values below 2048 ns are exact; range 1 ns to 1 h; 262 KiB per histogram, whatever it holds; the
 * smallest and the largest value are kept exactly beside the buckets. A value out of range is
 * counted in the nearest bucket and in `clamped_count`, never dropped.
 *
 * The buckets: the first 2048 are 1 ns wide, and each further power of two is divided into 1024
 * equal ones. (The layout of HdrHistogram with a significand of 10 bits.)
 *
 * Each thread records in its own histogram; they are added up afterwards. Nothing here is atomic.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_MIN_NS INT64_C(1)
#define HISTOGRAM_MAX_NS INT64_C(3600000000000)

#define HISTOGRAM_SUB_BITS 10
/* histogram_bucket(HISTOGRAM_MAX_NS) + 1, which histogram.c checks. */
#define HISTOGRAM_BUCKETS 33421

struct histogram {
    uint64_t clamped_count;
    int64_t min_ns; /* exact, even out of range; INT64_MAX while empty */
    int64_t max_ns; /* exact, even out of range; INT64_MIN while empty */
    /* Values of [known_ns, known_ns + known_count) are in range and change neither extreme. */
    uint64_t known_ns;
    uint64_t known_count;
    uint64_t counts[HISTOGRAM_BUCKETS];
};

/* A bucket that is not empty: count values in [low_ns, high_ns], both included. */
struct histogram_bucket {
    int64_t low_ns;
    int64_t high_ns;
    uint64_t count;
};

/* Returns an empty histogram in mapped memory (never malloc'ed), all pages backed, or NULL with
 * errno set. The caller gives it to histogram_free. */
struct histogram *histogram_new(void);
void histogram_free(struct histogram *h); /* NULL is allowed */

/* Empties it. */
void histogram_reset(struct histogram *h);

/* Adds all that `from` holds to `into`. */
void histogram_add(struct histogram *into, const struct histogram *from);

/* How many values were recorded. Walks all buckets. */
uint64_t histogram_count(const struct histogram *h);

/* Sets *value_ns to the percentile with this tail (percentile.h): the largest value of its bucket,
 * or the exact maximum if that is less. False where it is undefined. Walks all buckets. */
bool histogram_percentile(const struct histogram *h, uint64_t tail, int64_t *value_ns);

/* Walks the buckets that are not empty, in order: start with *cursor = 0. Returns false past the
 * last. */
bool histogram_next(const struct histogram *h, size_t *cursor, struct histogram_bucket *bucket);

/* The bucket of a value in range. The branch is there for its prediction: what waits for the count,
 * as the fence of the next clock reading does, need not wait for the logarithm of a short value. */
static inline size_t histogram_bucket(uint64_t value_ns)
{
    if (value_ns < UINT64_C(2) << HISTOGRAM_SUB_BITS)
        return (size_t)value_ns;
    unsigned shift = 63u - HISTOGRAM_SUB_BITS - (unsigned)__builtin_clzll(value_ns);
    return ((size_t)shift << HISTOGRAM_SUB_BITS) + (size_t)(value_ns >> shift);
}

/* For histogram_record: takes note of a value out of range or beyond an extreme. Returns the value
 * in range that is counted for it. */
int64_t histogram_extend(struct histogram *h, int64_t value_ns);

/* Whether a value is in range and changes neither extreme. */
static inline bool histogram_is_known(const struct histogram *h, int64_t value_ns)
{
    return (uint64_t)value_ns - h->known_ns < h->known_count;
}

/* Counts one value of which that is so. */
static inline void histogram_record_known(struct histogram *h, int64_t value_ns)
{
    h->counts[histogram_bucket((uint64_t)value_ns)]++;
}

/* Counts one value: about ten instructions, one line of memory beside the head. */
static inline void histogram_record(struct histogram *h, int64_t value_ns)
{
    if (__builtin_expect(!histogram_is_known(h, value_ns), 0))
        value_ns = histogram_extend(h, value_ns);
    histogram_record_known(h, value_ns);
}

#endif
