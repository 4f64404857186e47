/* marksweep.h: the marksweep collector for a runtime of your own: a language's heap, a server's.
 *
 * It is a precise (in the heap), conservative (on stacks), non-moving mark-sweep collector for C
 * and whatever calls C. This header is all that you include; `pkg-config --cflags --libs marksweep`
 * says how. The collector starts once per process. collectors/marksweep/example/ has a small Lisp
 * on it.
 *
 *     struct gc_mutator *m;
 *     marksweep_init(&(struct marksweep_config){.threads_max = 1}, &m, why, sizeof why);
 *     marksweep_type_register(&pair_type);
 *     marksweep_roots_add(globals, globals + GLOBALS);
 *     struct pair *p = gc_alloc(m, &pair_type, sizeof *p);
 *
 * What your code uses all the time comes from gc.h and gc_type.h, which this includes, and is
 * inline:
 *   gc_alloc, gc_alloc_zeroed      objects, by type (struct gc_type: where their references are)
 *   gc_store, gc_init_field        stores of references into objects
 *   gc_safepoint                   in loops that do not allocate for more than about 10 us
 *   gc_keep                        holds an object up to this point
 *   gc_pool_get, gc_pool_put       objects used again, as Go's sync.Pool
 *   gc_weak_new, gc_weak_get       weak references
 *   gc_finalizer_set, gc_finalizers_run    finalizers, which run where you say
 * What is called seldom is declared here.
 *
 * What you must keep to:
 *   - Each thread that touches the heap is attached, and passes its own mutator.
 *   - A reference that is to retain its object lies in a field that the object's type names, in a
 *     registered range, on the stack of an attached thread or in its registers, or on a registered
 *     stack. malloc'ed memory, thread-local variables and static data are not looked at unless they
 *     are registered as roots.
 *   - Fields and roots hold the start of an object or NULL. On stacks any address inside an object
 *     retains it; one past its end does not.
 *   - Every field of an object that was allocated without zeroing is initialised before the
 * thread's next call that may be a safepoint: gc_alloc and its like, gc_safepoint, and everything
 * below that is not said to be none.
 *   - fork is a safepoint, of whichever thread calls it. Its child may go on with the heap; only
 * the thread that forked is a mutator there, if it was one. A lock that a handler of pthread_atfork
 * takes must not be held by a mutator that waits at a safepoint: register such handlers after
 * marksweep_init, so that they come first, and take the lock within marksweep_enter_blocked
 * wherever its holder allocates.
 *   - No attached thread is cancelled (pthread_cancel): it may hold the collector's locks.
 *   - A thread that blocks or computes for long without a safepoint says so
 *     (marksweep_enter_blocked), or all others wait for it at the next collection.
 * Functions return 0 or a negative errno, unless they say otherwise.
 */
#ifndef MARKSWEEP_H
#define MARKSWEEP_H

#include <stddef.h>
#include <stdint.h>

#ifndef GC_BACKEND_HEADER
#define GC_BACKEND_HEADER "marksweep/marksweep_gc.h"
#endif
#include "gc.h"
#include "gc_backend.h"

#ifdef __cplusplus
#error "marksweep.h is C; wrap what you need in a C file of your own"
#endif

struct marksweep_config {
    /* Bound on all bytes held for objects and metadata, never exceeded; 0: none. */
    uint64_t heap_limit_bytes;
    /* Mutators attached at once, the first included; 0: 1. Each takes some 22 KiB of the heap
     * limit, attached or not, and 3 KiB more for each type whose references lie in other places. */
    uint32_t threads_max;
    /* Options as name=value joined by commas, such as "gogc=200,verify=1"; NULL: all have their
     * defaults. marksweep_option lists them. */
    const char *options;
    /* Told of stops and collections, and asked what to do without memory (gc_backend.h); must stay
     * valid. NULL: out of memory prints one line on stderr and aborts. */
    const struct gc_listener *listener;
};

/* Starts the collector on the calling thread, which becomes its first mutator. Before any other
 * function, once. -EINVAL (an option, or a heap limit that leaves nothing), -ENOMEM (address
 * space), -ENOTSUP (pages of more than 8 KiB) or what kept the thread from being attached; `why`
 * (of why_bytes, may be NULL where why_bytes is 0) then has one line of explanation. */
int marksweep_init(const struct marksweep_config *config, struct gc_mutator **main, char *why,
                   size_t why_bytes);

/* Option number `index`: its name, kind, bounds, default and help; NULL past the last. Callable
 * before marksweep_init. */
const struct gc_option *marksweep_option(size_t index);

/* Makes the calling thread, which is none, a mutator; NULL with errno EAGAIN (threads_max are
 * attached), ENOMEM or one of pthread_getattr_np(3). Each thread detaches itself before it ends; it
 * must hold no reference then. */
struct gc_mutator *marksweep_attach(void);
void marksweep_detach(struct gc_mutator *m);

/* Around code that neither touches the heap nor reaches a safepoint: the world may be stopped
 * without waiting for this thread. References it holds at the moment of entering stay roots. To be
 * called from the function that also leaves, or from one whose frame takes less than 1 KiB: what it
 * saved of its callers' registers is gone once it returns. */
void marksweep_enter_blocked(struct gc_mutator *m);
void marksweep_leave_blocked(struct gc_mutator *m);

/* Tells the collector of a type before its first use. The type must stay valid; its backend_word is
 * the collector's. -EINVAL: a map that does not fit; -ENOMEM: the heap limit. No safepoint. */
int marksweep_type_register(struct gc_type *type);

/* Registers the words of [low, high), aligned to 8, as roots, each NULL or the start of an object:
 * global tables, a virtual machine's value stack. The collector reads them when the world is
 * stopped, whatever they hold then. Any thread; no safepoint. remove takes a range as it was added.
 */
int marksweep_roots_add(void *low, void *high);
void marksweep_roots_remove(void *low, void *high);

/* Stacks of your own, for fibers and coroutines. A marksweep_stack stands for one of them; what is
 * on it is found, as on a thread's own stack, from its base down to where it was left.
 *
 *     marksweep_stack_own(m, &fiber_main.stack);            once, for the thread's own stack
 *     marksweep_stack_add(&fiber->stack, top_of_its_memory);
 *     marksweep_stack_switch(m, &current->stack, &fiber->stack);
 *     swapcontext(&current->context, &fiber->context);      at once, or what you have instead
 *
 * The structures are yours and stay where they are while they are registered; their members are the
 * collector's. */
#define MARKSWEEP_STACK_SNAPSHOT 48
struct marksweep_stack {
    void *base;      /* its highest address */
    const char *top; /* of what is left on it; NULL while it runs or before it ever did */
    const struct gc_mutator *thread; /* whose thread began on it, or NULL */
    struct marksweep_stack *next;
    struct marksweep_stack *previous;
    size_t snapshot_count;
    uintptr_t snapshot[MARKSWEEP_STACK_SNAPSHOT]; /* registers when it was left */
};

/* Registers a stack that has not run yet; base is its highest address, aligned to 8. What has been
 * put on it, as arguments of makecontext, is no root before it runs. -EINVAL. No safepoint. */
int marksweep_stack_add(struct marksweep_stack *stack, void *base);
/* The same for the stack that the calling thread, on its own stack, is running on. */
int marksweep_stack_own(struct gc_mutator *m, struct marksweep_stack *stack);
/* Forgets a stack, which does not run: nothing on it is a root any more. No safepoint. */
void marksweep_stack_remove(struct marksweep_stack *stack);
/* Says that the calling thread leaves the stack `from` (NULL: for good) for `to`, immediately
 * before it does. A stack may be left on one thread and entered on another, but runs on one at a
 * time, and a thread is back on its own when it detaches. No safepoint. */
void marksweep_stack_switch(struct gc_mutator *m, struct marksweep_stack *from,
                            struct marksweep_stack *to);

/* An ephemeron: holds its value as long as its key is reachable otherwise, and retains neither
 * beyond that: an entry of a table with weak keys. An object of 16 bytes, held like any other. When
 * the key is found unreachable, before it is finalized, key and value both read NULL. Both are
 * starts of objects, or not of the heap: then a key counts as reachable. */
struct marksweep_ephemeron;
struct marksweep_ephemeron *marksweep_ephemeron_new(struct gc_mutator *m, void *key, void *value);
void *marksweep_ephemeron_key(const struct marksweep_ephemeron *e);
void *marksweep_ephemeron_value(const struct marksweep_ephemeron *e);
/* Does nothing once the key is gone. No safepoint. */
void marksweep_ephemeron_set_value(struct gc_mutator *m, struct marksweep_ephemeron *e,
                                   void *value);

/* A full collection that begins after the call. */
void marksweep_collect(struct gc_mutator *m);

void marksweep_stats(struct gc_stats *stats);
/* Starts heap_peak_bytes anew from what is held now. */
void marksweep_reset_peak(void);

/* Checks every invariant of the heap with the world stopped: 0, or -EFAULT with the first violation
 * in `why`. For the bugs of the embedder too: a field that holds no object's start is one. */
int marksweep_verify(struct gc_mutator *m, char *why, size_t why_bytes);

#endif
