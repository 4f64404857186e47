/* instruction_window.h: the part of a process whose instructions valgrind's callgrind counts, where
 * the process runs under it with --instr-atstart=no; outside of it each of these takes a few
 * instructions. All threads of the process are counted. What stops take of it is counted apart: at
 * both ends of a stop the counts so far are dumped, those of the stop under the name "stop".
 */
#ifndef RUNNER_INSTRUCTION_WINDOW_H
#define RUNNER_INSTRUCTION_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
/* Whether there is such a window: valgrind's header came with valgrind when this was compiled. */
#define INSTRUCTION_WINDOW_IS_KNOWN 1
#else
#define INSTRUCTION_WINDOW_IS_KNOWN 0
#define RUNNING_ON_VALGRIND         0
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_DUMP_STATS_AT(name) ((void)(name))
#endif

/* Zero is a closed one; where nothing counts it never opens, so that no stop makes a request. The
 * thread that stops the world need not be the one that opened it. */
struct instruction_window {
    atomic_bool is_open;
};

/* Whether this process runs under valgrind, so that stops are worth telling apart. */
static inline bool instruction_window_is_watched(void)
{
    return RUNNING_ON_VALGRIND != 0;
}

static inline void instruction_window_open(struct instruction_window *window)
{
    atomic_store(&window->is_open, instruction_window_is_watched());
    CALLGRIND_START_INSTRUMENTATION;
}

static inline void instruction_window_close(struct instruction_window *window)
{
    CALLGRIND_STOP_INSTRUMENTATION;
    atomic_store(&window->is_open, false);
}

/* In a stop, when all mutators have stopped. */
static inline void instruction_window_begin_stop(struct instruction_window *window)
{
    if (atomic_load(&window->is_open))
        CALLGRIND_DUMP_STATS_AT("mutators");
}

/* In the same stop, at its end. */
static inline void instruction_window_end_stop(struct instruction_window *window)
{
    if (atomic_load(&window->is_open))
        CALLGRIND_DUMP_STATS_AT("stop");
}

#endif
