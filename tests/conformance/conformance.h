/* conformance.h: what the files of the conformance suite share. The suite checks what gc.h,
 * gc_backend.h and pool.h promise, on the one backend that the program is linked with.
 *
 * A case is a function `void case_NAME(struct gc_mutator *m)` and a row in conformance_cases.def.
 * It runs in a child process with a backend of its own, since a backend starts once per process,
 * and ends by returning (passed), by a failed CHECK, or by conformance_skip. What the case leaves
 * behind ends with the child.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gc.h"
#include "gc_backend.h"
#include "gc_sanitizers.h"

#define CASE(name, heap_limit_bytes, memory_cap_bytes) void case_##name(struct gc_mutator *m);
#include "conformance_cases.def"
#undef CASE

/* Ends the case as failed, with the text. Stays on in every build. */
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            conformance_fail(__FILE__, __LINE__, #condition, __VA_ARGS__);                         \
    } while (0)

_Noreturn void conformance_fail(const char *file, int line, const char *condition,
                                const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Ends the case as skipped. */
_Noreturn void conformance_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says on stdout what part of a case was left out. */
void conformance_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* `count`, a twentieth of it where each allocation is slow (under a sanitizer, or with options that
 * make the backend check itself), a hundredth where each collects. At least 1. */
uint64_t conformance_scaled(uint64_t count);

/* What the case was started with. */
extern struct gc_config conformance_config;

/* Types, registered before the case runs. */
struct node {
    struct node *left;
    uint64_t value;
    struct node *right;
    uint64_t padding;
};
struct header_and_children {
    uint64_t value;
    void *first;
    void *children[];
};
struct pair {
    uint64_t value;
    void *reference;
};
#define SPARSE_WORDS 70
struct sparse {
    void *first;
    uint64_t data[62];
    void *last_mapped; /* word 63, the last that a map reaches */
    uint64_t more[SPARSE_WORDS - 64];
};
extern struct gc_type type_leaf, type_array, type_node, type_mixed, type_pairs, type_sparse;

/* Words registered as roots, all NULL at first. */
enum { ROOTS_COUNT = 4096 };
extern void **conformance_roots;

/* Fills an object with bytes that depend on the seed, and checks them. */
void pattern_fill(void *object, size_t bytes, uint64_t seed);
void pattern_check(const void *object, size_t bytes, uint64_t seed);

/* A leaf object filled with the pattern of `seed`. */
void *pattern_object(struct gc_mutator *m, size_t bytes, uint64_t seed);

/* Skips the case unless the backend traces. */
void need_tracing(void);
void need_threads(void);

/* Overwrites dead stack below the caller, where stale references may lie. */
void clear_dead_stack(void);

/* Two full collections with a clean stack before each, since the first may find what lazy work of
 * an earlier one kept. */
void collect_twice(struct gc_mutator *m);

/* Allocates `bytes` in leaf objects of `object_bytes` each and drops them, so that what was freed
 * wrongly is overwritten. */
void churn(struct gc_mutator *m, size_t object_bytes, uint64_t bytes);

/* Lets pass what rotates pools: a collection, or enough bytes missed. Returns how many rotations
 * there have been: a forced collection may first end one that was under way. */
uint64_t rotate_pools(struct gc_mutator *m);

uint64_t memory_available_bytes(void);

/* From now on a thread that finds no memory to be attached ends the case as passed. */
void let_attaching_fail(void);

/* Threads of a case. Each runs body(mutator, argument + index) attached; join waits blocked. */
enum { CASE_THREADS = 4 };
void run_threads(struct gc_mutator *m, unsigned count,
                 void (*body)(struct gc_mutator *m, unsigned));

/* Calls `body`; returns true where it ended in out-of-memory, with the bytes then asked for. */
bool runs_out_of_memory(void (*body)(struct gc_mutator *m), struct gc_mutator *m, size_t *bytes);

/* Events so far. */
enum { EVENTS_KEPT = 1024 };
struct conformance_events {
    size_t stops_count;
    size_t collections_count;
    int64_t stopped_ns;  /* when gc_listener.stopped was called last; 0: not since the last stop */
    size_t missed_count; /* stops inside which it was not */
    struct gc_stop stops[EVENTS_KEPT]; /* the first ones */
    struct gc_collection collections[EVENTS_KEPT];
};
extern struct conformance_events *conformance_events;

#endif
