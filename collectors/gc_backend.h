/* gc_backend.h: the cold interface of a backend: options, start, threads, roots, forced
 * collections, events and statistics. The hot one is gc.h.
 *
 * A runner links exactly one backend, which defines `gc_backend`. Functions return 0 or a negative
 * errno unless they say otherwise; strings handed out live as long as the process.
 */
#ifndef GC_BACKEND_H
#define GC_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#include "gc_type.h"

struct gc_mutator;

/* A figure that a backend cannot know. It becomes an empty cell, never 0. */
#define GC_UNKNOWN UINT64_MAX

/* Times are CLOCK_MONOTONIC, in nanoseconds. */

/* Numbered from 1, so that memory that was never written is no stop. */
enum gc_stop_kind {
    GC_STOP_FULL = 1,   /* the whole collection, or all of its marking, in one stop */
    GC_STOP_MINOR,      /* the same of a young generation */
    GC_STOP_MARK_START, /* a concurrent collection's first stop */
    GC_STOP_MARK_END,   /* and its last */
    GC_STOP_INCREMENT,  /* a piece of an incremental collection */
};

/* One interval in which the collector kept mutators from running, from its request to stop until
 * they may run again (METHODS.md section 3). */
struct gc_stop {
    enum gc_stop_kind kind;
    int32_t thread;        /* index of the one mutator that was stopped, or -1: the whole world */
    int64_t start_ns;      /* when the stop was asked for */
    int64_t duration_ns;   /* includes the time to safepoint */
    uint64_t safepoint_ns; /* from the request until all had stopped; may be GC_UNKNOWN */
    uint64_t cpu_ns;       /* process CPU time inside the stop; may be GC_UNKNOWN */
    uint64_t marked_bytes; /* bytes marked inside the stop; may be GC_UNKNOWN */
};

enum gc_collection_kind { GC_COLLECTION_FULL = 1, GC_COLLECTION_MINOR };

/* One collection, reported when its end is known. All but kind and start may be GC_UNKNOWN. */
struct gc_collection {
    enum gc_collection_kind kind;
    int64_t start_ns;
    int64_t end_ns;
    uint64_t mark_ns;  /* wall time spent marking */
    uint64_t sweep_ns; /* and sweeping, without what is left to later allocations */
    uint64_t heap_before_bytes;
    uint64_t heap_after_bytes;
    uint64_t live_bytes; /* bytes of objects found reachable */
    uint64_t marked_count;
    uint64_t marked_bytes;
};

/* What the backend tells its embedder. The functions may run with the world stopped and locks held:
 * they read clocks and write to memory mapped beforehand, no more. Any but
 * out_of_memory may be NULL. */
struct gc_listener {
    void *data;
    void (*stop)(void *data, const struct gc_stop *stop);
    void (*collection)(void *data, const struct gc_collection *collection);
    /* Called on the allocating thread when `bytes` cannot be had; 0: what a thread needs to be
     * attached. Must not return (it may exit, or, but from attach, leave by longjmp to a frame
     * below every call into the backend). */
    void (*out_of_memory)(void *data, size_t bytes);
    /* Called once in each stop, when all mutators have stopped and none may run yet, so that a test
     * can lengthen the stop by a known time. */
    void (*stopped)(void *data);
};

enum gc_option_kind {
    GC_OPTION_FLAG,   /* 0 or 1 */
    GC_OPTION_NUMBER, /* a count in `unit` */
    GC_OPTION_BYTES,  /* a size; written with K, M, G (powers of 1024) or plain */
    GC_OPTION_CHOICE, /* index into the words of `choices` */
};

/* One option of a variant, `NAME:option=value`. */
struct gc_option {
    const char *name;
    enum gc_option_kind kind;
    const char *unit;    /* "" where there is none */
    const char *choices; /* words separated by '|', for GC_OPTION_CHOICE; else NULL */
    int64_t default_value;
    int64_t min; /* bounds, both allowed */
    int64_t max;
    const char *help; /* one line */
};

struct gc_config {
    uint64_t heap_limit_bytes; /* bound on all bytes held for objects and metadata; 0: none */
    uint64_t memory_cap_bytes; /* what a backend without a heap limit must not exceed; 0: none */
    uint32_t threads_count; /* how many mutators will be attached at once at most, main included */
    const int64_t *option_values; /* parallel to gc_backend.options, validated */
    const struct gc_listener *listener;
};

/* Cumulative since init, unless said otherwise. Any may be GC_UNKNOWN. */
struct gc_stats {
    uint64_t gc_count;
    uint64_t gc_full_count;
    uint64_t heap_bytes;      /* held from the system now, metadata included */
    uint64_t heap_peak_bytes; /* largest so far, since the last reset_peak */
    uint64_t live_bytes;      /* as of the last collection */
    uint64_t allocated_bytes;
    uint64_t allocated_count;
    uint64_t marked_count;
    uint64_t marked_bytes;
};

/* A figure of the backend's own, for metrics.csv. */
struct gc_metric {
    const char *name;   /* snake_case, with its unit as suffix */
    const char *unit;   /* "ns", "bytes", "count", … */
    const char *better; /* "lower", "higher" or "none" */
    double value;
    int is_cumulative; /* counted since init: the measured part's is a difference */
};

enum gc_reclaim { GC_RECLAIM_TRACING, GC_RECLAIM_MANUAL, GC_RECLAIM_NEVER };

/* What a backend can do (capabilities) … */
#define GC_CAN_LIMIT_HEAP 1u  /* honours heap_limit_bytes */
#define GC_CAN_COLLECT    2u  /* has collect() */
#define GC_CAN_VERIFY     4u  /* has verify() */
#define GC_CAN_THREADS    8u  /* more than one mutator */
#define GC_IS_PRECISE     16u /* traces heap objects by type */
#define GC_CAN_FINALIZE   32u /* GC_HAS_FINALIZERS of gc.h */
#define GC_CAN_WEAK       64u /* GC_HAS_WEAK of gc.h */
/* … and what it needs of a workload. */
#define GC_NEEDS_BARRIER    1u
#define GC_NEEDS_TYPES      2u
#define GC_NEEDS_SAFEPOINTS 4u
#define GC_NEEDS_FREE       8u
#define GC_NEEDS_ROOTS      16u /* ranges outside stacks must be registered */
#define GC_MOVES_OBJECTS    32u

/* What a comparison has to say of a backend to be fair (METHODS.md section 10), as one line each.
 * NULL where it does not apply. */
struct gc_facts {
    const char *allocation; /* inlined into the workload, or called */
    const char *scanning;   /* what is taken for a reference: typed or conservative, where */
    const char *interior;   /* where an interior pointer retains its object */
    const char *zeroing;    /* what gc_alloc clears */
    const char *markers;
    const char *initial_heap;
    const char *limit; /* which bound it keeps, and what that counts */
};

struct gc_backend {
    const char *name;
    const char *summary; /* one line */
    struct gc_facts facts;
    enum gc_reclaim reclaim;
    unsigned capabilities;
    unsigned needs;
    const struct gc_option *options;
    size_t option_count;

    /* Version of the library really loaded, and of the headers compiled against. The same string
     * where a backend has no library of its own. */
    const char *(*version)(void);
    const char *(*header_version)(void);
    /* An address inside the loaded library, by which its path is found; NULL: part of the runner.
     */
    const void *library_symbol;

    /* Starts the backend on the calling thread, which becomes its first mutator, stored in *main.
     * Called once per process, before any other thread exists. -EINVAL: an option combination that
     * is refused; -ENOTSUP: this build cannot run here, under this sanitizer say; both explained in
     * `why` (of why_bytes, always terminated). */
    int (*init)(const struct gc_config *config, struct gc_mutator **main, char *why,
                size_t why_bytes);

    /* Makes the calling thread a mutator, or NULL with errno set. A library that ends the process
     * where it has no memory for a thread calls out_of_memory for 0 bytes instead.
     * Each thread detaches itself before it ends; the main one never does. */
    struct gc_mutator *(*attach)(void);
    void (*detach)(struct gc_mutator *m);

    /* Around code that neither touches the heap nor reaches a safepoint (joining, sleeping, I/O):
     * the world may be stopped without waiting for this thread. Its stack is still scanned. */
    void (*enter_blocked)(struct gc_mutator *m);
    void (*leave_blocked)(struct gc_mutator *m);

    /* Registers a type before its first use; sets type->backend_word. */
    int (*type_register)(struct gc_type *type);

    /* Registers the words of [low, high) as roots, each NULL or an object's start; aligned to 8. */
    int (*roots_add)(void *low, void *high);
    void (*roots_remove)(void *low, void *high);

    /* A full collection, sweeping finished before it returns. No-op where not GC_CAN_COLLECT. */
    void (*collect)(struct gc_mutator *m);

    void (*stats)(struct gc_stats *stats);
    /* Starts heap_peak_bytes anew from what is held now. */
    void (*reset_peak)(void);

    /* Checks every invariant of the heap: 0, or -EFAULT with the first violation described in `why`
     * (of why_bytes). NULL where not GC_CAN_VERIFY. The calling thread stops the world. */
    int (*verify)(struct gc_mutator *m, char *why, size_t why_bytes);

    /* Fills *metric with the backend's own figure number `index`; returns 1, or 0 past the last.
     * NULL: it has none. */
    int (*metric)(size_t index, struct gc_metric *metric);

    /* How stops are seen, once init has returned: NULL where they are those of METHODS.md section
     * 3; a word such as "mark" where another interval has to stand for them, which becomes the flag
     * pause_source=WORD; "" where they cannot be seen, and pause figures stay empty. A NULL
     * function stands for NULL. */
    const char *(*pause_source)(void);
};

extern const struct gc_backend gc_backend;

/* A call into the memory manager that took longer than this is a stall (METHODS.md section 3). */
#define GC_STALL_OVER_NS 10000

/* Takes note of one. Called by workloads that were compiled for a probe runner (gc_probe.h), on any
 * thread; defined by the runner, not by the backend. */
void gc_stall(int64_t start_ns, int64_t duration_ns);

#endif
