#include "dead_stack.h"

/* More than the frames of any function that the runner, the C library or a backend waits in. */
#define DEAD_STACK_BYTES 16384

#define CALLS_BYTES 512

__attribute__((noinline)) void dead_stack_clear(void)
{
    char dead[DEAD_STACK_BYTES];
    __builtin_memset(dead, 0, sizeof dead);
    __asm__ volatile("" : : "r"(dead) : "memory");
}

__attribute__((noinline)) void dead_stack_clear_calls(void)
{
    char dead[CALLS_BYTES];
    __builtin_memset(dead, 0, sizeof dead);
    __asm__ volatile("" : : "r"(dead) : "memory");
}
