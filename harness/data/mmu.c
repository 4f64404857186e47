#include "data/mmu.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/processors.h"

#define US INT64_C(1000)
#define MS INT64_C(1000000)

const int64_t mmu_windows_ns[MMU_WINDOW_COUNT] = {
    10 * US,  20 * US,   50 * US,   100 * US,  200 * US,   500 * US, 1 * MS,
    2 * MS,   5 * MS,    10 * MS,   20 * MS,   50 * MS,    100 * MS, 200 * MS,
    500 * MS, 1000 * MS, 2000 * MS, 5000 * MS, 10000 * MS,
};

const int64_t mmu_columns_ns[MMU_COLUMN_COUNT] = {1 * MS, 10 * MS, 100 * MS};

/* The product of two times. */
__extension__ typedef __int128 product;

/* How many intervals are looked at together. */
#define NEAR 8

/* When one thread was stopped: disjoint intervals, ascending, none of them empty, with gaps between
 * them. Column by column, since a search looks at one column in many places. */
struct timeline {
    int64_t *start_ns; /* of each, and NEAR further ones that never start */
    int64_t *until_ns; /* stopped until its end, from 0 on; the same */
    int64_t *end_ns;
    size_t count;
    int64_t length_ns;
};

static void timeline_free(struct timeline *line)
{
    free(line->start_ns);
    free(line->until_ns);
    free(line->end_ns);
}

/* 0 or -ENOMEM; on failure there is nothing to free. */
static int timeline_init(struct timeline *line, size_t capacity, int64_t length_ns)
{
    size_t bytes = (capacity + NEAR) * sizeof(int64_t);
    *line = (struct timeline){malloc(bytes), malloc(bytes), malloc(bytes), 0, length_ns};
    if (line->start_ns && line->until_ns && line->end_ns)
        return 0;
    timeline_free(line);
    return -ENOMEM;
}

static void timeline_take(struct timeline *line, const struct stop *stop)
{
    size_t n = line->count;
    int64_t start_ns = stop->start_ns > 0 ? stop->start_ns : 0;
    int64_t end_ns = stop->end_ns < line->length_ns ? stop->end_ns : line->length_ns;
    if (end_ns <= start_ns)
        return;
    if (n > 0 && start_ns <= line->end_ns[n - 1]) {
        if (end_ns > line->end_ns[n - 1]) {
            line->until_ns[n - 1] += end_ns - line->end_ns[n - 1];
            line->end_ns[n - 1] = end_ns;
        }
        return;
    }
    line->start_ns[n] = start_ns;
    line->end_ns[n] = end_ns;
    line->until_ns[n] = (n > 0 ? line->until_ns[n - 1] : 0) + (end_ns - start_ns);
    line->count++;
}

static void timeline_finish(struct timeline *line)
{
    for (size_t i = 0; i < NEAR; i++)
        line->start_ns[line->count + i] = line->until_ns[line->count + i] = INT64_MAX;
}

static int64_t stopped_before(const struct timeline *line, size_t i)
{
    return i > 0 ? line->until_ns[i - 1] : 0;
}

/* The timelines of a log, one at a time, since each is as long as the log. */
struct timelines {
    const struct stop_log *log;
    int32_t *threads; /* with stops of their own; STOP_WORLD alone where there is none */
    size_t count;
    size_t made; /* number in `threads` of the timeline that is in `line`, from 1 */
    struct timeline line;
};

/* Where `thread` is in lines->threads, which ascends, or belongs. */
static size_t timelines_find(const struct timelines *lines, int32_t thread)
{
    size_t low = 0, high = lines->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (lines->threads[middle] < thread)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int timelines_add_thread(struct timelines *lines, int32_t thread)
{
    size_t at = timelines_find(lines, thread);
    if (at < lines->count && lines->threads[at] == thread)
        return 0;
    int32_t *grown = realloc(lines->threads, (lines->count + 1) * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    memmove(grown + at + 1, grown + at, (lines->count - at) * sizeof *grown);
    grown[at] = thread;
    lines->threads = grown;
    lines->count++;
    return 0;
}

/* A thread without stops of its own is stopped no more than any that has some, so only where there
 * is none of those does the world stand for itself. */
static int timelines_add_threads(struct timelines *lines)
{
    int error = 0;
    int32_t previous = STOP_WORLD;
    for (size_t i = 0; i < lines->log->count && !error; i++) {
        int32_t thread = lines->log->stops[i].thread;
        if (thread != STOP_WORLD && thread != previous)
            error = timelines_add_thread(lines, previous = thread);
    }
    return error || lines->count ? error : timelines_add_thread(lines, STOP_WORLD);
}

static void timelines_free(struct timelines *lines)
{
    free(lines->threads);
    timeline_free(&lines->line);
}

/* 0 or -ENOMEM; on failure there is nothing to free. */
static int timelines_init(struct timelines *lines, struct stop_log *log, int64_t length_ns)
{
    stop_log_sort(log);
    *lines = (struct timelines){.log = log};
    int error = timeline_init(&lines->line, log->count, length_ns);
    if (error)
        return error;
    error = timelines_add_threads(lines);
    if (error)
        timelines_free(lines);
    return error;
}

static const struct timeline *timelines_at(struct timelines *lines, size_t i)
{
    if (lines->made == i + 1)
        return &lines->line;
    int32_t thread = lines->threads[i];
    lines->line.count = 0;
    for (size_t k = 0; k < lines->log->count; k++) {
        const struct stop *stop = &lines->log->stops[k];
        if (stop->thread == STOP_WORLD || stop->thread == thread)
            timeline_take(&lines->line, stop);
    }
    timeline_finish(&lines->line);
    lines->made = i + 1;
    return &lines->line;
}

/* The first interval from `from` on whose `edge`, one of the two columns that go on beyond the
 * last, is above `limit`, or `count`. Mostly it is one of the next few, which are all compared,
 * because that costs less than a branch whose way cannot be foreseen; else steps double, so that
 * where much may be skipped little is looked at. */
static size_t first_beyond(const struct timeline *line, const int64_t *edge, size_t from,
                           int64_t limit)
{
    size_t low = from;
    for (size_t i = 0; i < NEAR; i++)
        low += edge[from + i] <= limit;
    if (low < from + NEAR)
        return low;
    size_t step = NEAR;
    while (low + step <= line->count && edge[low + step - 1] <= limit) {
        low += step;
        step *= 2;
    }
    size_t high = low + step - 1 < line->count ? low + step - 1 : line->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (edge[middle] <= limit)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Stopped time in [0, t_ns], where `next` is the first interval that starts after t_ns. */
static int64_t stopped_until(const struct timeline *line, size_t next, int64_t t_ns)
{
    if (next == 0)
        return 0;
    int64_t end_ns = line->end_ns[next - 1];
    return line->until_ns[next - 1] - (end_ns > t_ns ? end_ns - t_ns : 0);
}

static int64_t stopped_in(const struct timeline *line, int64_t t_ns, int64_t window_ns)
{
    int64_t end_ns = t_ns + window_ns;
    return stopped_until(line, first_beyond(line, line->start_ns, 0, end_ns), end_ns) -
           stopped_until(line, first_beyond(line, line->start_ns, 0, t_ns), t_ns);
}

struct densest {
    int64_t start_ns;
    int64_t stopped_ns;
};

/* Takes the window where more is stopped, or as much and earlier. */
static void keep_densest(struct densest *best, int64_t start_ns, int64_t stopped_ns)
{
    if (stopped_ns > best->stopped_ns ||
        (stopped_ns == best->stopped_ns && start_ns < best->start_ns))
        *best = (struct densest){start_ns, stopped_ns};
}

/* With S(t) for what is stopped until t, a window has S(t+w) - S(t). After one at t, a later one is
 * as dense as the best of all so far only from where S(t'+w) reaches S(t) + best: those before are
 * left out. */

/* Windows that start where a stop does. */
static void scan_starts(const struct timeline *line, int64_t window_ns, int64_t low_ns,
                        int64_t high_ns, struct densest *best)
{
    size_t k = first_beyond(line, line->start_ns, 0, low_ns - 1);
    size_t next = k;
    while (k < line->count && line->start_ns[k] <= high_ns) {
        int64_t t_ns = line->start_ns[k], before_ns = stopped_before(line, k);
        next = first_beyond(line, line->start_ns, next, t_ns + window_ns);
        int64_t stopped_ns = stopped_until(line, next, t_ns + window_ns) - before_ns;
        keep_densest(best, t_ns, stopped_ns);
        if (stopped_ns == window_ns)
            return;
        int64_t reach_ns = before_ns + best->stopped_ns;
        size_t last = first_beyond(line, line->until_ns, next - 1, reach_ns - 1);
        if (last == line->count)
            return;
        int64_t end_ns = line->end_ns[last] - (line->until_ns[last] - reach_ns);
        k = first_beyond(line, line->start_ns, k + 1, end_ns - window_ns - 1);
    }
}

/* Windows that end where a stop does. One without any gap is not earlier than that which starts
 * where its stop does. */
static void scan_ends(const struct timeline *line, int64_t window_ns, int64_t low_ns,
                      int64_t high_ns, struct densest *best)
{
    size_t k = first_beyond(line, line->start_ns, 0, low_ns + window_ns - 1);
    /* The one before starts by then, and may end after it. */
    if (k > 0 && line->end_ns[k - 1] >= low_ns + window_ns)
        k--;
    size_t next = 0;
    while (best->stopped_ns < window_ns && k < line->count &&
           line->end_ns[k] - window_ns <= high_ns) {
        int64_t t_ns = line->end_ns[k] - window_ns;
        next = first_beyond(line, line->start_ns, next, t_ns);
        int64_t before_ns = stopped_until(line, next, t_ns);
        keep_densest(best, t_ns, line->until_ns[k] - before_ns);
        k = first_beyond(line, line->until_ns, k + 1, before_ns + best->stopped_ns - 1);
    }
}

/* The window starting in [low_ns, high_ns] in which most is stopped, of equal ones the earliest:
 * found at one of the ends, at the start of a stop or ending at the end of one. */
static void find_densest(const struct timeline *line, int64_t window_ns, int64_t low_ns,
                         int64_t high_ns, struct densest *best)
{
    keep_densest(best, low_ns, stopped_in(line, low_ns, window_ns));
    keep_densest(best, high_ns, stopped_in(line, high_ns, window_ns));
    scan_starts(line, window_ns, low_ns, high_ns, best);
    scan_ends(line, window_ns, low_ns, high_ns, best);
}

/* Below this a helper takes longer to start than it would help. */
#define SHARED_STOPS 100000
#define HELPERS_MAX  7

/* The densest window of each length. Each is one piece of work, which nothing but the timeline
 * bears on, so that it is all the same who does it. */
struct search {
    const struct timeline *line;
    const int64_t *windows_ns;
    size_t count;
    struct densest *found;
    atomic_size_t next; /* that nobody has taken yet */
};

static void *search_windows(void *data)
{
    struct search *search = data;
    for (;;) {
        size_t i = atomic_fetch_add_explicit(&search->next, 1, memory_order_relaxed);
        if (i >= search->count)
            return NULL;
        int64_t latest_ns = search->line->length_ns - search->windows_ns[i];
        search->found[i] = (struct densest){0, -1};
        if (latest_ns >= 0)
            find_densest(search->line, search->windows_ns[i], 0, latest_ns, &search->found[i]);
    }
}

/* Sets found[i] for each window that is no longer than the timeline. A long one is searched by a
 * thread for each processor, as far as they can be had. */
static void find_all(const struct timeline *line, const int64_t *windows_ns, size_t count,
                     struct densest *found)
{
    struct search search = {.line = line, .windows_ns = windows_ns, .count = count, .found = found};
    pthread_t helpers[HELPERS_MAX];
    size_t helper_count = 0, searcher_count = line->count < SHARED_STOPS ? 1 : processors_count();
    if (searcher_count > count)
        searcher_count = count;
    while (helper_count < HELPERS_MAX && helper_count + 1 < searcher_count &&
           pthread_create(&helpers[helper_count], NULL, search_windows, &search) == 0)
        helper_count++;
    search_windows(&search);
    for (size_t i = 0; i < helper_count; i++)
        pthread_join(helpers[i], NULL);
}

/* A share of stopped time: of the part of the timeline, at least as long as a window, that is
 * stopped most. */
struct density {
    int64_t stopped_ns;
    int64_t length_ns;
};

static bool is_denser(struct density a, struct density b)
{
    return (product)a.stopped_ns * b.length_ns > (product)b.stopped_ns * a.length_ns;
}

/* Raises *best to the density of the densest part that is at least window_ns long and goes from the
 * start of a stop to the end of one, if that is higher: by Dinkelbach's method ("On nonlinear
 * fractional programming", Management Science 1967). Each pass finds the part whose stopped time
 * most exceeds what *best would make of its length; there is none where *best is the highest. */
static void raise_to_densest_part(const struct timeline *line, int64_t window_ns,
                                  struct density *best)
{
    while (best->stopped_ns < best->length_ns) {
        product highest = 0;
        struct density found = *best;
        /* Of the starts at least a window before the end: where the excess so far is least. */
        product least = 0;
        size_t least_at = 0, starts = 0;
        for (size_t j = 0; j < line->count; j++) {
            for (; starts <= j && line->start_ns[starts] <= line->end_ns[j] - window_ns; starts++) {
                product excess = (product)stopped_before(line, starts) * best->length_ns -
                                 (product)line->start_ns[starts] * best->stopped_ns;
                if (starts == 0 || excess < least) {
                    least = excess;
                    least_at = starts;
                }
            }
            if (starts == 0)
                continue;
            int64_t stopped_ns = line->until_ns[j];
            product excess = (product)stopped_ns * best->length_ns -
                             (product)line->end_ns[j] * best->stopped_ns - least;
            if (excess > highest) {
                highest = excess;
                found = (struct density){stopped_ns - stopped_before(line, least_at),
                                         line->end_ns[j] - line->start_ns[least_at]};
            }
        }
        if (highest == 0)
            return;
        *best = found;
    }
}

static double utilisation(struct density density)
{
    return (double)(density.length_ns - density.stopped_ns) / (double)density.length_ns;
}

/* `found` is room for one of each window. */
static void take_line(double *mmu, double *bmu, const struct timeline *line,
                      const int64_t *windows_ns, size_t count, struct densest *found)
{
    find_all(line, windows_ns, count, found);
    /* A part that is longer than a window is also longer than the windows below it, so from the
     * longest window on the density only rises. */
    struct density part = {0, 1};
    for (size_t i = count; i-- > 0;) {
        int64_t window_ns = windows_ns[i];
        if (window_ns > line->length_ns)
            continue;
        struct density window = {found[i].stopped_ns, window_ns};
        mmu[i] = fmin(mmu[i], utilisation(window));
        if (!bmu)
            continue;
        if (is_denser(window, part))
            part = window;
        raise_to_densest_part(line, window_ns, &part);
        bmu[i] = fmin(bmu[i], utilisation(part));
    }
}

int mmu_compute(double *mmu, double *bmu, struct stop_log *log, int64_t length_ns,
                const int64_t *windows_ns, size_t count)
{
    struct timelines lines;
    struct densest *found = calloc(count + 1, sizeof *found);
    int error = found ? timelines_init(&lines, log, length_ns) : -ENOMEM;
    if (error) {
        free(found);
        return error;
    }
    for (size_t i = 0; i < count; i++) {
        mmu[i] = NAN;
        if (bmu)
            bmu[i] = NAN;
    }
    for (size_t i = 0; i < lines.count; i++)
        take_line(mmu, bmu, timelines_at(&lines, i), windows_ns, count, found);
    timelines_free(&lines);
    free(found);
    return 0;
}

/* Where windows may start that are disjoint from those taken. */
struct range {
    int64_t low_ns;
    int64_t high_ns;
};

int mmu_worst(struct mmu_window *worst, size_t count, struct stop_log *log, int64_t length_ns,
              int64_t window_ns)
{
    if (window_ns > length_ns)
        return 0;
    struct timelines lines;
    /* Each window taken parts one range in two. */
    struct range *ranges = calloc(count + 1, sizeof *ranges);
    int error = ranges ? timelines_init(&lines, log, length_ns) : -ENOMEM;
    if (error) {
        free(ranges);
        return error;
    }
    size_t found = 0, range_count = 1;
    ranges[0] = (struct range){0, length_ns - window_ns};
    while (found < count && range_count > 0) {
        struct densest best = {0, -1};
        size_t best_range = 0;
        int32_t best_thread = STOP_WORLD;
        for (size_t i = 0; i < lines.count; i++) {
            const struct timeline *line = timelines_at(&lines, i);
            for (size_t r = 0; r < range_count; r++) {
                struct densest before = best;
                find_densest(line, window_ns, ranges[r].low_ns, ranges[r].high_ns, &best);
                if (best.stopped_ns == before.stopped_ns && best.start_ns == before.start_ns)
                    continue;
                best_range = r;
                best_thread = lines.threads[i];
            }
        }
        if (best.stopped_ns <= 0)
            break;
        worst[found++] = (struct mmu_window){best_thread, best.start_ns, best.stopped_ns};
        struct range whole = ranges[best_range];
        struct range parts[] = {{whole.low_ns, best.start_ns - window_ns},
                                {best.start_ns + window_ns, whole.high_ns}};
        ranges[best_range] = ranges[--range_count];
        for (size_t p = 0; p < 2; p++)
            if (parts[p].low_ns <= parts[p].high_ns)
                ranges[range_count++] = parts[p];
    }
    timelines_free(&lines);
    free(ranges);
    return (int)found;
}
