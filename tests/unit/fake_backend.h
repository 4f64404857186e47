/* fake_backend.h: a backend for tests of the runner: it allocates nothing, keeps to the rules of
 * gc_backend.h and checks that the runner does, and writes down what it is asked for.
 *
 * Each event is a letter in fake.journal: i init, t type_register, r roots_add, a attach, d detach,
 * c collect, p reset_peak, s stats. Tests add letters of their own by fake_note().
 */
#ifndef FAKE_BACKEND_H
#define FAKE_BACKEND_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "gc_backend.h"

#ifndef FAKE_RECLAIM
#define FAKE_RECLAIM      GC_RECLAIM_TRACING
#define FAKE_CAPABILITIES (GC_CAN_LIMIT_HEAP | GC_CAN_COLLECT | GC_CAN_THREADS)
#endif

struct gc_mutator {
    pthread_t owner;
    bool blocked;
};

#define FAKE_MUTATORS 64

static struct {
    pthread_mutex_t lock;
    char journal[256];
    size_t journal_length;
    struct gc_mutator mutators[FAKE_MUTATORS];
    unsigned mutators_count;
    unsigned attached_count;
    unsigned attach_limit;    /* attach fails beyond it; 0: never */
    bool attach_ends_process; /* where it fails, as a library may */
    _Atomic unsigned broken_rules_count;
    const struct gc_listener *listener;
    _Atomic int64_t stopped_until_ns; /* a stop of the world, which ends at this time */
    int init_result;
    struct gc_config config;
    struct gc_stats stats;
    uint64_t gc_step; /* what the counts grow by with every look at them */
    uint64_t gc_full_step;
    const char *pause_source;
    const char *header_version;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER, .header_version = "1.0"};

static inline void fake_note(char letter)
{
    pthread_mutex_lock(&fake.lock);
    if (fake.journal_length < sizeof fake.journal - 1)
        fake.journal[fake.journal_length++] = letter;
    pthread_mutex_unlock(&fake.lock);
}

static inline void fake_require(bool kept)
{
    if (!kept)
        atomic_fetch_add(&fake.broken_rules_count, 1);
}

static struct gc_mutator *fake_new_mutator(void)
{
    struct gc_mutator *m = NULL;
    pthread_mutex_lock(&fake.lock);
    if (fake.mutators_count < FAKE_MUTATORS &&
        (fake.attach_limit == 0 || fake.attached_count < fake.attach_limit)) {
        m = &fake.mutators[fake.mutators_count++];
        m->owner = pthread_self();
        m->blocked = false;
        fake.attached_count++;
    }
    pthread_mutex_unlock(&fake.lock);
    return m;
}

static int fake_init(const struct gc_config *config, struct gc_mutator **main, char *why,
                     size_t why_bytes)
{
    fake_note('i');
    fake.listener = config->listener;
    fake.config = *config;
    snprintf(why, why_bytes, "this is refused");
    *main = fake_new_mutator();
    return fake.init_result;
}

static struct gc_mutator *fake_attach(void)
{
    fake_note('a');
    struct gc_mutator *m = fake_new_mutator();
    if (!m && fake.attach_ends_process)
        fake.listener->out_of_memory(fake.listener->data, 0);
    if (!m)
        errno = EAGAIN;
    return m;
}

static void fake_detach(struct gc_mutator *m)
{
    fake_note('d');
    fake_require(pthread_equal(m->owner, pthread_self()) && !m->blocked);
    pthread_mutex_lock(&fake.lock);
    fake.attached_count--;
    pthread_mutex_unlock(&fake.lock);
}

static void fake_enter_blocked(struct gc_mutator *m)
{
    fake_require(pthread_equal(m->owner, pthread_self()) && !m->blocked);
    m->blocked = true;
}

/* Waits where the world is stopped. */
static inline void fake_safepoint(void)
{
    while (clock_now_ns() < atomic_load(&fake.stopped_until_ns))
        continue;
}

static void fake_leave_blocked(struct gc_mutator *m)
{
    fake_safepoint();
    fake_require(pthread_equal(m->owner, pthread_self()) && m->blocked);
    m->blocked = false;
}

static int fake_type_register(struct gc_type *type)
{
    fake_note('t');
    type->backend_word = 1;
    return 0;
}

static int fake_roots_add(void *low, void *high)
{
    fake_note('r');
    fake_require((uintptr_t)low % 8 == 0 && (char *)low < (char *)high);
    return 0;
}

static void fake_roots_remove(void *low, void *high)
{
    (void)low;
    (void)high;
}

static void fake_collect(struct gc_mutator *m)
{
    fake_note('c');
    fake_require(pthread_equal(m->owner, pthread_self()) && !m->blocked);
}

static void fake_stats(struct gc_stats *stats)
{
    fake_note('s');
    *stats = fake.stats;
    fake.stats.gc_count += fake.gc_step;
    fake.stats.gc_full_count += fake.gc_full_step;
}

static void fake_reset_peak(void)
{
    fake_note('p');
}

static int fake_metric(size_t index, struct gc_metric *metric)
{
    static double cumulative = 10;
    if (index == 0)
        *metric = (struct gc_metric){"fake_levels_count", "count", "none", 2.5, 0};
    else if (index == 1)
        *metric = (struct gc_metric){"fake_looks_count", "count", "lower", cumulative++, 1};
    return index <= 1;
}

static const char *fake_version(void)
{
    return "1.0";
}

static const char *fake_header_version(void)
{
    return fake.header_version;
}

static const char *fake_pause_source(void)
{
    return fake.pause_source;
}

static const struct gc_option fake_options[] = {
    {"depth", GC_OPTION_NUMBER, "count", NULL, 3, 1, 9, "how deep"},
    {"eager", GC_OPTION_FLAG, "", NULL, 1, 0, 0, "sweeps, at once"},
    {"mode", GC_OPTION_CHOICE, "", "stop|concurrent", 1, 0, 0, "how to mark"},
};

const struct gc_backend gc_backend = {
    .name = "fake",
    .summary = "for tests",
    .facts = {.scanning = "typed, \"mostly\"", .limit = "none"},
    .reclaim = FAKE_RECLAIM,
    .capabilities = FAKE_CAPABILITIES,
    .needs = GC_NEEDS_TYPES | GC_MOVES_OBJECTS,
    .options = fake_options,
    .option_count = sizeof fake_options / sizeof fake_options[0],
    .version = fake_version,
    .header_version = fake_header_version,
    .init = fake_init,
    .attach = fake_attach,
    .detach = fake_detach,
    .enter_blocked = fake_enter_blocked,
    .leave_blocked = fake_leave_blocked,
    .type_register = fake_type_register,
    .roots_add = fake_roots_add,
    .roots_remove = fake_roots_remove,
    .collect = fake_collect,
    .stats = fake_stats,
    .reset_peak = fake_reset_peak,
    .metric = fake_metric,
    .pause_source = fake_pause_source,
};

#endif
