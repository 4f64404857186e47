#include "marksweep_fork_internal.h"

#include <errno.h>
#include <pthread.h>

#include "marksweep_finalizer_internal.h"
#include "marksweep_heap_internal.h"
#include "marksweep_scavenger_internal.h"
#include "marksweep_team_internal.h"
#include "marksweep_world_internal.h"

static void before(void)
{
    ms_world_before_fork();
    ms_finalizer_lock();
    ms_heap_lock();
}

static void in_parent(void)
{
    ms_heap_unlock();
    ms_finalizer_unlock();
    ms_world_after_fork();
}

/* The locks are this thread's, so it may let them go. */
static void in_child(void)
{
    ms_finalizer_unlock();
    ms_world_in_child();
    ms_scavenger_forget();
    ms_team_forget();
    ms_heap_unlock();
}

int ms_fork_init(void)
{
    return -pthread_atfork(before, in_parent, in_child);
}
