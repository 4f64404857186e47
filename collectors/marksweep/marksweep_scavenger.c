#include "marksweep_scavenger_internal.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include "marksweep_heap_internal.h"
#include "marksweep_pacer_internal.h"
#include "marksweep_world_internal.h"

#define PERIOD_NS   250000000
#define PIECE_BYTES (UINT64_C(256) << 10)
#define STACK_BYTES ((size_t)64 << 10)

static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static bool started; /* or never to be */

static bool has_excess(void)
{
    return ms_space.free_runs.blocks > 0 && ms_space_held_bytes() > ms_pacer_least_bytes();
}

void ms_scavenger_release(void)
{
    while (ms_space.free_runs.blocks > 0) {
        uint64_t held = ms_space_held_bytes();
        uint64_t keep = ms_pacer_keep_bytes(ms_world_now_ns());
        if (held <= keep)
            return;
        /* What is kept falls all the time: asked again after the last piece, it would be less. */
        bool is_last = held - keep <= PIECE_BYTES;
        if (!ms_space_release(is_last ? keep : held - PIECE_BYTES) || is_last)
            return;
        ms_heap_unlock();
        ms_heap_lock();
    }
}

static void *scavenge(void *unused)
{
    (void)unused;
    const struct timespec period = {0, PERIOD_NS};
    ms_heap_lock();
    for (;;) {
        while (!has_excess())
            pthread_cond_wait(&work, &ms_heap.lock);
        ms_heap_unlock();
        nanosleep(&period, NULL);
        ms_heap_lock();
        ms_scavenger_release();
    }
    return NULL;
}

static bool start(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    /* The program's signals are for the program's threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool done = pthread_create(&thread, &attributes, scavenge, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return done;
}

void ms_scavenger_forget(void)
{
    pthread_cond_init(&work, NULL);
    started = true;
}

void ms_scavenger_wake(void)
{
    if (!has_excess())
        return;
    if (!started)
        started = start();
    else
        pthread_cond_signal(&work);
}
