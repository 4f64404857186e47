/* graph_model.h: a graph of objects on the heap of one backend, and a model of it outside: what
 * each object holds and where its references lead. Operations change both; a comparison walks both.
 *
 * A graph belongs to one thread at a time, which may be another each time, and no reference leads
 * from one graph to another; so a model needs no lock, while objects are allocated, changed and
 * finalized by many threads. What is between graphs, pools and slots in which threads exchange
 * objects, describes itself: its bytes follow from a seed that is its first word.
 *
 * The model lies in memory that is mapped, which no collector scans. It knows objects by their
 * addresses: none of the backends moves them.
 *
 * What is checked, any difference being reported by graph_fail:
 *   - All that is reachable from the roots, or from an interior pointer on a stack, is as it was
 *     written, by graph_compare.
 *   - A weak reference gives its target as long as that is reachable, and never one that has been
 *     finalized since; what it gives is whole, with all that it refers to.
 *   - A finalizer runs once for each registration, the last one, on an object that is not
 *     reachable and that is whole, with all that it refers to.
 *   - What comes out of a pool or an exchange is as it went in.
 */
#ifndef TORTURE_GRAPH_MODEL_H
#define TORTURE_GRAPH_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gc.h"
#include "gc_backend.h"

/* Where decisions come from: random numbers, or the bytes of a fuzzer. */
struct graph_choices {
    uint64_t (*below)(void *data, uint64_t bound); /* 0 .. bound - 1 */
    void *data;
};

struct graph_counts {
    uint64_t operations;
    uint64_t objects;
    uint64_t comparisons;
    uint64_t compared; /* objects that were compared */
    uint64_t finalized;
    uint64_t weak_cleared;
    uint64_t pooled;    /* objects that came out of a pool */
    uint64_t exchanged; /* and out of an exchange */
    uint64_t out_of_memory;
};

struct graph_limits {
    uint32_t nodes_max;      /* objects in the model, garbage that it has not forgotten included */
    uint64_t bytes_max;      /* of these */
    uint64_t object_max;     /* largest object */
    uint32_t collect_one_in; /* an operation in so many forces a collection */
};

struct graph;

/* Registers all types and makes what graphs share. Once, on the main thread. */
void graph_start(struct gc_mutator *m);

/* A graph, empty, for the life of the process. `number` tells them apart in messages. */
struct graph *graph_create(unsigned number, const struct graph_limits *limits);

/* Makes the calling thread the owner: m is its mutator. */
void graph_take(struct graph *graph, struct gc_mutator *m, struct graph_choices choices);

/* One operation, which may contain others. Needs some 10 KiB of stack for each of 3 levels. */
void graph_step(struct graph *graph);

/* Compares the graph with its model, and lets the model forget what is not needed any more. */
void graph_compare(struct graph *graph);

/* Drops all roots, and by hand frees all objects. */
void graph_clear(struct graph *graph);

struct graph_counts graph_counts(const struct graph *graph);

/* For gc_listener.out_of_memory. Does not return: the operation fails. */
_Noreturn void graph_out_of_memory(size_t bytes);

/* Out of memory is reported as a failure from now on, or no longer is. */
void graph_expect_memory(bool expected);

#endif
