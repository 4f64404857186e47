#include "marksweep_stack_internal.h"

#include <errno.h>

#include "marksweep.h"
#include "marksweep_heap_internal.h"
#include "marksweep_roots_internal.h"

static struct marksweep_stack *stacks;

int marksweep_stack_add(struct marksweep_stack *stack, void *base)
{
    if (!base || (uintptr_t)base % sizeof(void *) != 0)
        return -EINVAL;
    ms_heap_lock();
    *stack = (struct marksweep_stack){.base = base, .next = stacks};
    if (stacks)
        stacks->previous = stack;
    stacks = stack;
    ms_heap_unlock();
    return 0;
}

int marksweep_stack_own(struct gc_mutator *m, struct marksweep_stack *stack)
{
    int error = marksweep_stack_add(stack, ((struct ms_mutator *)m)->stack_base);
    stack->thread = m;
    return error;
}

void ms_stack_forget_threads(const struct gc_mutator *m)
{
    for (struct marksweep_stack *s = stacks; s; s = s->next) {
        if (!s->thread || s->thread == m)
            continue;
        s->top = NULL;
        s->snapshot_count = 0;
    }
}

void marksweep_stack_remove(struct marksweep_stack *stack)
{
    ms_heap_lock();
    if (stack->previous)
        stack->previous->next = stack->next;
    else
        stacks = stack->next;
    if (stack->next)
        stack->next->previous = stack->previous;
    ms_heap_unlock();
}

/* Copies the words from this frame on, as many as the snapshot takes: those of the caller's frame
 * too, in which it has spilled all registers, and which is dead once it returns. That frame ends
 * above its address on machines whose frames begin with the saved frame pointer. Reads frames word
 * by word, red zones of sanitizers included, hence volatile: a call of memcpy would be checked. */
__attribute__((noinline, no_sanitize("address", "thread", "undefined"))) static void
leave(struct marksweep_stack *stack, const char *top)
{
    const volatile uintptr_t *word = __builtin_frame_address(0);
    size_t count = 0;
    for (; (const volatile char *)word < (char *)stack->base && count < MARKSWEEP_STACK_SNAPSHOT;
         word++)
        stack->snapshot[count++] = *word;
    stack->snapshot_count = count;
    stack->top = top;
}

/* What the caller holds in callee-saved registers is saved in this frame, since it is told that all
 * of them are used up; what it holds elsewhere lies above. */
__attribute__((noinline)) void marksweep_stack_switch(struct gc_mutator *m,
                                                      struct marksweep_stack *from,
                                                      struct marksweep_stack *to)
{
    __builtin_unwind_init();
    if (from)
        leave(from, __builtin_frame_address(0));
    to->top = NULL;
    to->snapshot_count = 0;
    ((struct ms_mutator *)m)->stack_base = to->base;
    __asm__ volatile("" : : : "memory");
}

uint64_t ms_stack_visit(struct ms_marker *k)
{
    uint64_t bytes = 0;
    for (const struct marksweep_stack *s = stacks; s; s = s->next) {
        if (!s->top)
            continue;
        bytes += ms_roots_visit_words(k, s->top, s->base, true);
        bytes += ms_roots_visit_words(k, s->snapshot, s->snapshot + s->snapshot_count, true);
    }
    return bytes;
}
