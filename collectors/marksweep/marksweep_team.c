#include "marksweep_team_internal.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "marksweep_space_internal.h"

/* What a marker thread may touch of its own stack, charged to the heap limit. */
#define THREAD_TOUCHED_BYTES ((size_t)16 << 10)
#define MARK_STACK_BYTES     ((size_t)32 << 10)
#define THREAD_STACK_BYTES   ((size_t)256 << 10)

/* Tries before a marker that waits goes to sleep: some 10 us, less than falling asleep and waking
 * up take together. */
#define SPINS 400

uint32_t ms_team_hungry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t begun = PTHREAD_COND_INITIALIZER;
static pthread_cond_t given = PTHREAD_COND_INITIALIZER;

/* Under the lock. */
static uint64_t cycle;
static uint32_t joined;
static uint32_t waiting;
static uint32_t asleep; /* of those waiting */
static bool over = true;
static size_t pool_count; /* also read without the lock, as a hint */
static uintptr_t pool[MS_TEAM_POOL];

struct ms_marker ms_team_helpers[MS_MARKERS_MAX - 1];
static unsigned helper_max;   /* that have a stack */
static unsigned helper_count; /* that have been started */

static bool make_helper(struct ms_marker *k)
{
    if (ms_space_charge(THREAD_TOUCHED_BYTES) != 0)
        return false;
    if ((k->marks = ms_space_add_bitmap())) {
        if (ms_mark_init_stack(k, MARK_STACK_BYTES) == 0)
            return true;
        ms_space_remove_bitmap(k->marks);
    }
    ms_space_uncharge(THREAD_TOUCHED_BYTES);
    return false;
}

/* Under the heap lock, while no cycle is on. */
static void remove_helper(struct ms_marker *k)
{
    ms_mark_free_stack(k);
    ms_space_remove_bitmap(k->marks);
    ms_space_uncharge(THREAD_TOUCHED_BYTES);
}

void ms_team_init(unsigned markers)
{
    if (markers == 0) {
        cpu_set_t set;
        markers = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
        if (markers > MS_MARKERS_CAP)
            markers = MS_MARKERS_CAP;
    }
    /* A bitmap is a 128th of the heap. */
    uint64_t each_bytes = MARK_STACK_BYTES + THREAD_TOUCHED_BYTES + ms_space.limit_bytes / 128;
    for (; helper_max + 1 < markers; helper_max++) {
        if ((ms_space.limit_bytes != 0 &&
             (helper_max + 1) * each_bytes > ms_space.limit_bytes / 64) ||
            !make_helper(&ms_team_helpers[helper_max]))
            return;
    }
}

unsigned ms_team_helper_count(void)
{
    return helper_count;
}

static void set_pool_count(size_t count)
{
    __atomic_store_n(&pool_count, count, __ATOMIC_RELAXED);
    __atomic_store_n(&ms_team_hungry, count == 0 && (waiting > 0 || joined == 1), __ATOMIC_RELAXED);
}

static void *helper_main(void *data)
{
    struct ms_marker *k = data;
    uint64_t seen = 0;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (cycle == seen || over)
            pthread_cond_wait(&begun, &lock);
        seen = cycle;
        joined++;
        pthread_mutex_unlock(&lock);
        ms_mark_shared(k);
        pthread_mutex_lock(&lock);
    }
    return NULL;
}

void ms_team_forget(void)
{
    while (helper_max > 0)
        remove_helper(&ms_team_helpers[--helper_max]);
    helper_count = 0;
    asleep = 0;
    pthread_mutex_init(&lock, NULL);
    pthread_cond_init(&begun, NULL);
    pthread_cond_init(&given, NULL);
}

static bool start_helper(struct ms_marker *k)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    /* Signals are the program's business. */
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(&thread, &attributes, helper_main, k);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

void ms_team_start(void)
{
    if (helper_count == helper_max)
        return;
    while (helper_count < helper_max && start_helper(&ms_team_helpers[helper_count]))
        helper_count++;
    /* What was refused once is not asked for again. */
    while (helper_max > helper_count)
        remove_helper(&ms_team_helpers[--helper_max]);
}

void ms_team_begin(void)
{
    pthread_mutex_lock(&lock);
    cycle++;
    over = false;
    joined = 1;
    waiting = 0;
    set_pool_count(0);
    pthread_cond_broadcast(&begun);
    pthread_mutex_unlock(&lock);
}

/* Entries [0, n) of a stack may be parted from the rest, unless that would part the two entries of
 * an array: then one more. */
static size_t whole_entries(const uintptr_t *entries, size_t n, size_t count)
{
    return n < count && (entries[n] & 1) ? n + 1 : n;
}

uintptr_t *ms_team_give(uintptr_t *bottom, uintptr_t *top)
{
    size_t count = (size_t)(top - bottom);
    size_t n = count / 2 < MS_TEAM_POOL - 1 ? count / 2 : MS_TEAM_POOL - 1;
    n = whole_entries(bottom, n, count);
    pthread_mutex_lock(&lock);
    if (pool_count > 0) {
        n = 0;
    } else {
        memcpy(pool, bottom, n * sizeof *pool);
        set_pool_count(n);
        if (asleep > 0)
            pthread_cond_signal(&given);
    }
    pthread_mutex_unlock(&lock);
    return bottom + n;
}

static void spin(void)
{
    for (int i = 0; i < SPINS && __atomic_load_n(&pool_count, __ATOMIC_RELAXED) == 0; i++) {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("isb");
#endif
    }
}

size_t ms_team_take(uintptr_t *entries)
{
    size_t n = 0;
    bool spun = false;
    pthread_mutex_lock(&lock);
    waiting++;
    for (uint64_t mine = cycle;;) {
        /* Who sleeps on until the next cycle has begun is in that one only when it joins. */
        if (over || cycle != mine)
            break;
        if (pool_count > 0) {
            /* The lower end stays for the others who wait. */
            /* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): this marker is one of those */
            size_t left = pool_count - (pool_count + waiting - 1) / waiting;
            left = whole_entries(pool, left, pool_count);
            if (left == pool_count)
                left -= 2; /* those of an array, on top */
            n = pool_count - left;
            memcpy(entries, pool + left, n * sizeof *entries);
            waiting--;
            set_pool_count(left);
            break;
        }
        if (waiting == joined) {
            over = true;
            pthread_cond_broadcast(&given);
            break;
        }
        set_pool_count(0);
        if (spun) {
            asleep++;
            pthread_cond_wait(&given, &lock);
            asleep--;
        } else {
            pthread_mutex_unlock(&lock);
            spin();
            pthread_mutex_lock(&lock);
            spun = true;
        }
    }
    pthread_mutex_unlock(&lock);
    return n;
}
