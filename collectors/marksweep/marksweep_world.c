#include "marksweep_world_internal.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>

#include "marksweep_finalizer_internal.h"
#include "marksweep_heap_internal.h"
#include "marksweep_space_internal.h"
#include "marksweep_stack_internal.h"

uint32_t marksweep_stop_requested;
struct ms_world ms_world;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_stopped = PTHREAD_COND_INITIALIZER;
static pthread_cond_t resumed = PTHREAD_COND_INITIALIZER;

/* Mutators waiting at a safepoint for stop number `stop_number` to end. When it ends they count as
 * running at once, though they have yet to wake up, so that the next stop cannot come before each
 * of them has had its turn. */
static uint32_t parked;
static uint64_t stop_number;

/* The calling thread's, for a fork, which passes none. */
static _Thread_local struct ms_mutator *own;

static int64_t read_clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t ms_world_now_ns(void)
{
    return read_clock_ns(CLOCK_MONOTONIC);
}

int64_t ms_world_cpu_ns(void)
{
    return read_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

typedef void spilled_work(struct ms_mutator *m, void *data);

__attribute__((noinline)) static void run_below(struct ms_mutator *m, spilled_work *work,
                                                void *data)
{
    m->stack_top = __builtin_frame_address(0);
    work(m, data);
    __asm__ volatile("" : : : "memory"); /* not a tail call: this frame stays */
}

/* Calls work with all callee-saved registers of the caller in a frame that lies within [stack_top,
 * stack_base): this function saves them all in its own, and run_below's frame is below that. */
__attribute__((noinline)) static void run_spilled(struct ms_mutator *m, spilled_work *work,
                                                  void *data)
{
    __builtin_unwind_init();
    run_below(m, work, data);
    __asm__ volatile("" : : : "memory");
}

static bool stopping(void)
{
    return __atomic_load_n(&marksweep_stop_requested, __ATOMIC_RELAXED) != 0;
}

static void no_longer_running(void)
{
    if (--ms_world.running == 0 && stopping())
        pthread_cond_signal(&all_stopped);
}

/* Waits out the stop that is on. Under the world lock, spilled. */
static void park(struct ms_mutator *m, void *data)
{
    (void)m;
    (void)data;
    uint64_t number = stop_number;
    parked++;
    no_longer_running();
    while (stop_number == number)
        pthread_cond_wait(&resumed, &lock);
}

void marksweep_safepoint_slow(struct gc_mutator *mutator)
{
    struct ms_mutator *m = (struct ms_mutator *)mutator;
    pthread_mutex_lock(&lock);
    if (stopping())
        run_spilled(m, park, NULL);
    pthread_mutex_unlock(&lock);
}

void ms_world_init(uint32_t mutator_max)
{
    ms_world.mutator_max = mutator_max > 0 ? mutator_max : 1;
}

/* The lowest index that no attached mutator has. */
static uint32_t free_pool_index(void)
{
    for (uint32_t index = 0;; index++) {
        const struct ms_mutator *m = ms_world.mutators;
        while (m && m->inlined.pool_index != index)
            m = m->next;
        if (!m)
            return index;
    }
}

/* The end of the calling thread's stack: 0 or a positive errno. */
static int find_stack_base(char **base)
{
    pthread_attr_t attributes;
    void *low;
    size_t bytes;
    int error = pthread_getattr_np(pthread_self(), &attributes);
    if (error)
        return error;
    error = pthread_attr_getstack(&attributes, &low, &bytes);
    pthread_attr_destroy(&attributes);
    if (error)
        return error;
    *base = (char *)low + bytes;
    return 0;
}

struct ms_mutator *ms_world_attach(void)
{
    char *stack_base;
    int error = find_stack_base(&stack_base);
    if (error) {
        errno = error;
        return NULL;
    }
    struct ms_mutator *m = mmap(NULL, sizeof *m, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m == MAP_FAILED)
        return NULL;
    m->stack_base = stack_base;
    m->stress_left = ms_heap.stress;
    pthread_mutex_lock(&lock);
    while (stopping())
        pthread_cond_wait(&resumed, &lock);
    bool room = ms_world.mutator_count < ms_world.mutator_max;
    if (room) {
        m->inlined.pool_index = free_pool_index();
        m->next = ms_world.mutators;
        if (m->next)
            m->next->previous = m;
        ms_world.mutators = m;
        ms_world.mutator_count++;
        ms_world.running++;
    }
    pthread_mutex_unlock(&lock);
    if (!room) {
        munmap(m, sizeof *m);
        errno = EAGAIN;
        return NULL;
    }
    own = m;
    return m;
}

/* Takes the mutator, which allocates no more, out of the list. Under the lock. */
static void forget_mutator(struct ms_mutator *m)
{
    ms_heap_flush_mutator(m);
    if (m->previous)
        m->previous->next = m->next;
    else
        ms_world.mutators = m->next;
    if (m->next)
        m->next->previous = m->previous;
    ms_world.mutator_count--;
}

void ms_world_detach(struct ms_mutator *m)
{
    pthread_mutex_lock(&lock);
    while (stopping())
        run_spilled(m, park, NULL);
    ms_heap_lock();
    forget_mutator(m);
    ms_heap_unlock();
    no_longer_running();
    pthread_mutex_unlock(&lock);
    own = NULL;
    munmap(m, sizeof *m);
}

/* Reads frames of this thread word by word, red zones of sanitizers included, hence volatile: a
 * call of memcpy would be checked. */
__attribute__((no_sanitize("address", "thread", "undefined"))) static void
take_snapshot(struct ms_mutator *m, void *data)
{
    (void)data;
    const volatile uintptr_t *word = (const volatile uintptr_t *)(void *)m->stack_top;
    size_t count = (size_t)(m->stack_base - m->stack_top) / sizeof *word;
    if (count > MS_SNAPSHOT_WORDS)
        count = MS_SNAPSHOT_WORDS;
    for (size_t i = 0; i < count; i++)
        m->snapshot[i] = word[i];
    m->snapshot_count = count;
}

void ms_world_enter_blocked(struct ms_mutator *m)
{
    run_spilled(m, take_snapshot, NULL);
    pthread_mutex_lock(&lock);
    m->is_blocked = true;
    no_longer_running();
    pthread_mutex_unlock(&lock);
}

void ms_world_leave_blocked(struct ms_mutator *m)
{
    pthread_mutex_lock(&lock);
    while (stopping())
        pthread_cond_wait(&resumed, &lock);
    ms_world.running++;
    m->is_blocked = false;
    m->snapshot_count = 0;
    pthread_mutex_unlock(&lock);
}

struct stopped_work {
    ms_world_work *work;
    const struct ms_world_stop *stop;
    void *data;
};

static void run_stopped(struct ms_mutator *m, void *data)
{
    struct stopped_work *stopped = data;
    stopped->work(m, stopped->stop, stopped->data);
}

/* Waits until no other mutator runs. Under the lock, no stop being on; the caller, if it is a
 * mutator, does not count as running. */
static void stop_others(void)
{
    __atomic_store_n(&marksweep_stop_requested, 1, __ATOMIC_RELAXED);
    while (ms_world.running > 0)
        pthread_cond_wait(&all_stopped, &lock);
}

/* Ends the stop; `callers` of this thread run on. */
static void resume_others(uint32_t callers)
{
    __atomic_store_n(&marksweep_stop_requested, 0, __ATOMIC_RELAXED);
    ms_world.running = parked + callers;
    parked = 0;
    stop_number++;
    pthread_cond_broadcast(&resumed);
}

int ms_world_stop(struct ms_mutator *m, ms_world_work *work, void *data)
{
    pthread_mutex_lock(&lock);
    if (stopping()) {
        run_spilled(m, park, NULL);
        pthread_mutex_unlock(&lock);
        return 0;
    }
    struct ms_world_stop stop = {.start_ns = ms_world_now_ns(), .cpu_start_ns = ms_world_cpu_ns()};
    ms_world.running--;
    stop_others();
    stop.safepoint_ns = (uint64_t)(ms_world_now_ns() - stop.start_ns);
    struct stopped_work stopped = {work, &stop, data};
    run_spilled(m, run_stopped, &stopped);
    resume_others(1);
    pthread_mutex_unlock(&lock);
    return 1;
}

/* Whether the calling thread counts as running where it is not stopped. */
static uint32_t runs(void)
{
    return own && !own->is_blocked ? 1 : 0;
}

void ms_world_before_fork(void)
{
    pthread_mutex_lock(&lock);
    while (stopping()) {
        if (runs())
            run_spilled(own, park, NULL);
        else
            pthread_cond_wait(&resumed, &lock);
    }
    ms_world.running -= runs();
    stop_others();
}

void ms_world_after_fork(void)
{
    resume_others(runs());
    pthread_mutex_unlock(&lock);
}

/* Conditions that threads were waiting for would wait for them. */
void ms_world_in_child(void)
{
    for (struct ms_mutator *m = ms_world.mutators, *next; m; m = next) {
        next = m->next;
        if (m == own)
            continue;
        ms_finalizer_return(m);
        forget_mutator(m);
        munmap(m, sizeof *m);
    }
    ms_stack_forget_threads(own ? &own->inlined : NULL);
    pthread_cond_init(&all_stopped, NULL);
    pthread_cond_init(&resumed, NULL);
    parked = 0;
    resume_others(runs());
    pthread_mutex_init(&lock, NULL);
}
