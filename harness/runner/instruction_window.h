/* instruction_window.h: the part of a process whose instructions valgrind's callgrind counts, where
 * the process runs under it with --instr-atstart=no; outside of it each of these takes a few
 * instructions. All threads of the process are counted. */
#ifndef RUNNER_INSTRUCTION_WINDOW_H
#define RUNNER_INSTRUCTION_WINDOW_H

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
/* Whether there is such a window: valgrind's header came with valgrind when this was compiled. */
#define INSTRUCTION_WINDOW_IS_KNOWN 1
#else
#define INSTRUCTION_WINDOW_IS_KNOWN 0
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#endif

static inline void instruction_window_open(void)
{
    CALLGRIND_START_INSTRUMENTATION;
}

static inline void instruction_window_close(void)
{
    CALLGRIND_STOP_INSTRUMENTATION;
}

#endif
