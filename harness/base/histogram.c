#include "histogram.h"

#include <string.h>

#include "mapped.h"
#include "percentile.h"

#define SUB_BUCKETS (INT64_C(1) << HISTOGRAM_SUB_BITS)

/* 1 h lies in [2^41, 2^42): its bucket ignores 31 bits. */
_Static_assert(HISTOGRAM_MAX_NS >> 41 == 1, "shift of the last bucket");
_Static_assert(HISTOGRAM_BUCKETS == 31 * SUB_BUCKETS + (HISTOGRAM_MAX_NS >> 31) + 1,
               "number of buckets");

struct histogram *histogram_new(void)
{
    struct histogram *h = mapped_new(sizeof *h);
    if (h)
        histogram_reset(h);
    return h;
}

void histogram_free(struct histogram *h)
{
    mapped_free(h, sizeof *h);
}

void histogram_reset(struct histogram *h)
{
    memset(h, 0, sizeof *h);
    h->min_ns = INT64_MAX;
    h->max_ns = INT64_MIN;
}

static int64_t in_range(int64_t value_ns)
{
    if (value_ns < HISTOGRAM_MIN_NS)
        return HISTOGRAM_MIN_NS;
    return value_ns > HISTOGRAM_MAX_NS ? HISTOGRAM_MAX_NS : value_ns;
}

static void find_known(struct histogram *h)
{
    int64_t low_ns = h->min_ns < HISTOGRAM_MIN_NS ? HISTOGRAM_MIN_NS : h->min_ns;
    int64_t high_ns = h->max_ns > HISTOGRAM_MAX_NS ? HISTOGRAM_MAX_NS : h->max_ns;
    bool is_any = low_ns <= high_ns;
    h->known_ns = is_any ? (uint64_t)low_ns : 0;
    h->known_count = is_any ? (uint64_t)(high_ns - low_ns) + 1 : 0;
}

int64_t histogram_extend(struct histogram *h, int64_t value_ns)
{
    int64_t counted_ns = in_range(value_ns);
    if (value_ns < h->min_ns)
        h->min_ns = value_ns;
    if (value_ns > h->max_ns)
        h->max_ns = value_ns;
    if (counted_ns != value_ns)
        h->clamped_count++;
    find_known(h);
    return counted_ns;
}

void histogram_add(struct histogram *into, const struct histogram *from)
{
    into->clamped_count += from->clamped_count;
    if (from->min_ns < into->min_ns)
        into->min_ns = from->min_ns;
    if (from->max_ns > into->max_ns)
        into->max_ns = from->max_ns;
    find_known(into);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->counts[i] += from->counts[i];
}

uint64_t histogram_count(const struct histogram *h)
{
    uint64_t count = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
        count += h->counts[i];
    return count;
}

/* The inverse of histogram_bucket. */
static void bounds(size_t index, struct histogram_bucket *bucket)
{
    unsigned shift = index < 2 * SUB_BUCKETS ? 0 : (unsigned)(index >> HISTOGRAM_SUB_BITS) - 1;
    int64_t mantissa = (int64_t)index - ((int64_t)shift << HISTOGRAM_SUB_BITS);
    bucket->low_ns = mantissa << shift;
    bucket->high_ns = ((mantissa + 1) << shift) - 1;
}

bool histogram_next(const struct histogram *h, size_t *cursor, struct histogram_bucket *bucket)
{
    while (*cursor < HISTOGRAM_BUCKETS) {
        size_t index = (*cursor)++;
        if (h->counts[index] == 0)
            continue;
        bounds(index, bucket);
        bucket->count = h->counts[index];
        return true;
    }
    return false;
}

bool histogram_percentile(const struct histogram *h, uint64_t tail, int64_t *value_ns)
{
    uint64_t rank;
    if (!percentile_rank(histogram_count(h), tail, &rank))
        return false;
    size_t cursor = 0;
    struct histogram_bucket bucket = {0};
    uint64_t below = 0;
    while (histogram_next(h, &cursor, &bucket)) {
        below += bucket.count;
        if (below > rank)
            break;
    }
    *value_ns = bucket.high_ns < h->max_ns ? bucket.high_ns : h->max_ns;
    return true;
}
