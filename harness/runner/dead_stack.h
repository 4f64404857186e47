/* dead_stack.h: clears what finished calls have left on the stack. */
#ifndef RUNNER_DEAD_STACK_H
#define RUNNER_DEAD_STACK_H

/* Overwrites the part of the calling thread's stack just below the caller's frame. A conservative
 * collector that later scans deeper frames would otherwise find stale references in those of their
 * words that nothing has written yet. */
void dead_stack_clear(void);

/* Less of it, and sooner done: the frames of a call or two of the harness's own. */
void dead_stack_clear_calls(void);

#endif
