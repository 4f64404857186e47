/* workload_audit.h: a host in which a unit test runs one workload with every call into the contract
 * checked.
 *
 * A test includes this header, then the workload's .c file, whose gc_* calls are thereby redirected
 * to an auditing memory manager by hand. It knows every object alive, so it finds
 *   - fields that are read or traced before they were written (new memory is filled with 0xa5),
 *   - gc_init_field on anything but the newest object, gc_store outside the object or the type,
 *   - sizes that do not fit the type, types that the descriptor does not name,
 *   - frees of what is not alive or has another size, and leaks,
 * and what the workload really allocated and had alive at most. Since a workload frees at the first
 * moment it can, that peak is the live set it must state.
 */
#ifndef WORKLOAD_AUDIT_H
#define WORKLOAD_AUDIT_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gc.h"
#include "workload.h"

#define AUDIT_FILL    0xa5
#define AUDIT_MAGIC   UINT64_C(0x6f626a656374206f)
#define AUDIT_THREADS 4
#define AUDIT_LINES   4

/* In front of every object. */
struct audit_header {
    _Alignas(16) uint64_t magic;
    const struct gc_type *type;
    size_t bytes;
    struct audit_header *next; /* all objects alive, in no order */
    struct audit_header *previous;
};

static struct {
    pthread_mutex_t lock;
    pthread_barrier_t barrier;
    const struct workload *workload;
    struct workload_run *run;
    struct audit_header *live;
    uint64_t live_bytes;
    uint64_t peak_bytes;
    uint64_t allocated_bytes;
    uint64_t allocated_count;
    uint64_t operations_count;
    uint64_t requests_count;
    uint64_t requests_sum; /* of their numbers */
    /* Objects of the run's one pool, last in first out. */
    void **pool;
    size_t pool_count;
    size_t pool_bytes;
    /* The object to be wiped: number `victim_number` of its type, counted from 0, `victim_delay`
     * allocations after its own. */
    const struct gc_type *victim_type;
    uint64_t victim_number;
    uint64_t victim_delay;
    void *victim;
    jmp_buf failed;
    bool may_fail;
    char lines[AUDIT_LINES][128];
    size_t line_count;
} audit;

/* The thread's newest object until its next safepoint. */
static _Thread_local char *audit_newest;
/* The least number that its next request may have. */
static _Thread_local uint64_t audit_next_request;

static inline void audit_fail(const char *what)
{
    fprintf(stderr, "audit of %s: %s\n", audit.workload->name, what);
    abort();
}

static inline struct audit_header *audit_header_of(const void *object)
{
    struct audit_header *header = (struct audit_header *)(uintptr_t)object - 1;
    if (header->magic != AUDIT_MAGIC)
        audit_fail("not the start of an object that is alive");
    return header;
}

static inline bool audit_is_pointer(const struct gc_type *type, size_t offset)
{
    if (offset % sizeof(void *) != 0)
        return false;
    if (offset < type->fixed_bytes)
        return offset / sizeof(void *) < 64 &&
               type->fixed_pointers >> (offset / sizeof(void *)) & 1;
    if (type->element_bytes == 0)
        return false;
    return type->element_pointers >>
               ((offset - type->fixed_bytes) % type->element_bytes / sizeof(void *)) &
           1;
}

/* Every call into the contract that may let the world stop. */
static inline void audit_safepoint(void)
{
    if (audit_newest == NULL)
        return;
    struct audit_header *header = audit_header_of(audit_newest);
    uintptr_t unwritten;
    memset(&unwritten, AUDIT_FILL, sizeof unwritten);
    for (size_t at = 0; at + sizeof(void *) <= header->bytes; at += sizeof(void *))
        if (audit_is_pointer(header->type, at) &&
            *(uintptr_t *)(void *)(audit_newest + at) == unwritten)
            audit_fail("a reference field is not initialised at a safepoint");
    audit_newest = NULL;
}

static inline void audit_check_type(const struct gc_type *type, size_t bytes)
{
    size_t i = 0;
    while (audit.workload->types[i] != type)
        if (audit.workload->types[i++] == NULL)
            audit_fail("a type is not in the descriptor");
    if (bytes == 0)
        audit_fail("an object of no bytes");
    if (gc_type_is_leaf(type))
        return;
    if (bytes < type->fixed_bytes)
        audit_fail("an object is smaller than its type");
    bytes -= type->fixed_bytes;
    if (type->element_bytes == 0 ? bytes != 0 : bytes % type->element_bytes != 0)
        audit_fail("an object's size does not fit its type");
}

static inline void *audit_alloc(const struct gc_type *type, size_t bytes, int fill)
{
    audit_safepoint();
    audit_check_type(type, bytes);
    struct audit_header *header = malloc(sizeof *header + bytes);
    if (header == NULL)
        audit_fail("out of memory");
    *header = (struct audit_header){.magic = AUDIT_MAGIC, .type = type, .bytes = bytes};
    memset(header + 1, fill, bytes);
    pthread_mutex_lock(&audit.lock);
    header->next = audit.live;
    if (audit.live != NULL)
        audit.live->previous = header;
    audit.live = header;
    audit.allocated_bytes += bytes;
    audit.allocated_count++;
    audit.live_bytes += bytes;
    if (audit.live_bytes > audit.peak_bytes)
        audit.peak_bytes = audit.live_bytes;
    if (audit.victim != NULL && audit.victim_delay-- == 0) {
        memset(audit.victim, 0, audit_header_of(audit.victim)->bytes);
        audit.victim = NULL;
    }
    if (type == audit.victim_type && audit.victim_number-- == 0) {
        audit.victim = header + 1;
        audit.victim_type = NULL;
    }
    pthread_mutex_unlock(&audit.lock);
    if (fill == AUDIT_FILL)
        audit_newest = (char *)(header + 1);
    return header + 1;
}

static inline void audit_free(void *object, size_t bytes)
{
    if (object == NULL)
        return;
    struct audit_header *header = audit_header_of(object);
    if (header->bytes != bytes)
        audit_fail("an object is freed with another size");
    if (audit_newest == object)
        audit_newest = NULL;
    pthread_mutex_lock(&audit.lock);
    audit.live_bytes -= bytes;
    if (header->next != NULL)
        header->next->previous = header->previous;
    if (header->previous != NULL)
        header->previous->next = header->next;
    else
        audit.live = header->next;
    pthread_mutex_unlock(&audit.lock);
    memset(header, 0, sizeof *header + bytes);
    free(header);
}

/* Frees what is still alive, however it came to be. */
static inline void audit_clear(void)
{
    audit_newest = NULL;
    while (audit.live != NULL)
        audit_free(audit.live + 1, audit.live->bytes);
    free(audit.pool);
    audit.pool = NULL;
    audit.pool_count = 0;
}

static inline void audit_store(const void *object, const void *field, const void *value)
{
    struct audit_header *header = audit_header_of(object);
    size_t offset = (size_t)((const char *)field - (const char *)object);
    if (offset >= header->bytes || !audit_is_pointer(header->type, offset))
        audit_fail("gc_store into something that is no reference field of the object");
    if (value != NULL)
        audit_header_of(value);
}

static inline void audit_init(const void *field, const void *value)
{
    const char *root = (const char *)audit.run->roots;
    const char *at = field;
    if (value != NULL)
        audit_header_of(value);
    if (at >= root && at < root + sizeof audit.run->roots)
        return;
    if (audit_newest == NULL || at < audit_newest ||
        at >= audit_newest + audit_header_of(audit_newest)->bytes)
        audit_fail("gc_init_field on an object that is not the newest");
    if (!audit_is_pointer(audit_header_of(audit_newest)->type, (size_t)(at - audit_newest)))
        audit_fail("gc_init_field on something that is no reference field");
}

static inline struct gc_pool *audit_pool_create(const struct gc_type *type, size_t bytes)
{
    audit_check_type(type, bytes);
    audit.pool_bytes = bytes;
    return (struct gc_pool *)&audit;
}

static inline void *audit_pool_get(void)
{
    void *object = NULL;
    pthread_mutex_lock(&audit.lock);
    if (audit.pool_count > 0)
        object = audit.pool[--audit.pool_count];
    pthread_mutex_unlock(&audit.lock);
    return object;
}

static inline void audit_pool_put(void *object, size_t bytes)
{
    if (bytes != audit.pool_bytes || audit_header_of(object)->bytes != bytes)
        audit_fail("an object of another size is given to the pool");
    pthread_mutex_lock(&audit.lock);
    audit.pool = realloc(audit.pool, (audit.pool_count + 1) * sizeof(void *));
    if (audit.pool == NULL)
        audit_fail("out of memory");
    audit.pool[audit.pool_count++] = object;
    pthread_mutex_unlock(&audit.lock);
}

static inline void audit_pool_destroy(void)
{
    while (audit.pool_count > 0)
        audit_free(audit.pool[--audit.pool_count], audit.pool_bytes);
}

#undef gc_store
#undef gc_init_field
#define gc_alloc(m, type, bytes)        ((void)(m), audit_alloc((type), (bytes), AUDIT_FILL))
#define gc_alloc_zeroed(m, type, bytes) ((void)(m), audit_alloc((type), (bytes), 0))
#define gc_free(m, object, bytes)       ((void)(m), audit_free((object), (bytes)))
#define gc_safepoint(m)                 ((void)(m), audit_safepoint())
#define gc_store(m, object, lvalue, value)                                                         \
    ((void)(m), audit_store((object), &(lvalue), (value)), (void)((lvalue) = (value)))
#define gc_init_field(lvalue, value)        (audit_init(&(lvalue), (value)), (void)((lvalue) = (value)))
#define gc_pool_create(m, type, bytes)      ((void)(m), audit_pool_create((type), (bytes)))
#define gc_pool_get(m, pool)                ((void)(m), (void)(pool), audit_pool_get())
#define gc_pool_put(m, pool, object, bytes) ((void)(m), (void)(pool), audit_pool_put(object, bytes))
#define gc_pool_destroy(m, pool)            ((void)(m), (void)(pool), audit_pool_destroy())

void workload_operation_begin(struct workload_thread *thread)
{
    (void)thread;
}

void workload_operation_end(struct workload_thread *thread)
{
    (void)thread;
    __atomic_fetch_add(&audit.operations_count, 1, __ATOMIC_RELAXED);
}

void workload_requests_begin(struct workload_thread *thread)
{
    audit_next_request = 0;
    workload_barrier(thread);
}

/* A thread serves its own requests in ascending order, and no other thread serves them too: the
 * numbers seen must add up to those of 0 .. n - 1 (audit_result). */
void workload_request_begin(struct workload_thread *thread, uint64_t request)
{
    (void)thread;
    if (request < audit_next_request)
        audit_fail("a thread serves its requests out of order");
    audit_next_request = request + 1;
    __atomic_fetch_add(&audit.requests_count, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&audit.requests_sum, request, __ATOMIC_RELAXED);
}

void workload_fail(struct workload_thread *thread, const char *what)
{
    (void)thread;
    if (!audit.may_fail)
        audit_fail(what);
    longjmp(audit.failed, 1);
}

void workload_print(struct workload_thread *thread, const char *line)
{
    (void)thread;
    if (audit.line_count == AUDIT_LINES)
        audit_fail("too many lines");
    snprintf(audit.lines[audit.line_count++], sizeof audit.lines[0], "%s", line);
}

void workload_barrier(struct workload_thread *thread)
{
    (void)thread;
    audit_safepoint();
    pthread_barrier_wait(&audit.barrier);
}

/* What one iteration came to. */
struct audit_result {
    uint64_t checksum;
    uint64_t stated_live_bytes;
    uint64_t peak_bytes;
    uint64_t allocated_bytes; /* as seen */
    uint64_t allocated_count;
    uint64_t stated_bytes; /* as the workload counts */
    uint64_t stated_count;
    uint64_t operations_count;
    uint64_t leaked_bytes;
};

struct audit_thread {
    struct workload_thread thread;
    uint64_t checksum;
};

static inline void *audit_thread_main(void *data)
{
    struct audit_thread *t = data;
    t->checksum = audit.workload->iterate(&t->thread);
    audit_safepoint();
    return NULL;
}

/* Runs one iteration. `params` has one value for each parameter of the workload. */
static inline struct audit_result audit_run(const struct workload *workload, const uint64_t *params,
                                            unsigned threads, uint64_t seed)
{
    struct workload_run run = {.params = params, .seed = seed, .threads = threads};
    struct audit_thread t[AUDIT_THREADS];
    pthread_t ids[AUDIT_THREADS];
    struct audit_result result = {0};

    assert_in_range(threads, 1, AUDIT_THREADS);
    for (size_t i = 0; i < workload->param_count; i++)
        assert_in_range(params[i], workload->params[i].min, workload->params[i].max);
    if (workload->check != NULL)
        assert_null(workload->check(&run));
    pthread_mutex_init(&audit.lock, NULL);
    pthread_barrier_init(&audit.barrier, NULL, threads);
    audit.workload = workload;
    audit.run = &run;
    audit.live_bytes = audit.peak_bytes = 0;
    audit.allocated_bytes = audit.allocated_count = audit.operations_count = 0;
    audit.requests_count = audit.requests_sum = 0;
    audit.victim = NULL;
    audit.line_count = 0;
    for (unsigned i = 0; i < threads; i++)
        t[i] = (struct audit_thread){.thread = {.run = &run, .index = i}};

    if (workload->setup != NULL)
        workload->setup(&t[0].thread);
    void *roots[WORKLOAD_ROOTS];
    memcpy(roots, run.roots, sizeof roots);
    for (unsigned i = 1; i < threads; i++)
        assert_int_equal(0, pthread_create(&ids[i], NULL, audit_thread_main, &t[i]));
    audit_thread_main(&t[0]);
    for (unsigned i = 1; i < threads; i++)
        pthread_join(ids[i], NULL);
    assert_memory_equal(roots, run.roots, sizeof roots);
    if (workload->teardown != NULL)
        workload->teardown(&t[0].thread);
    for (size_t i = 0; i < WORKLOAD_ROOTS; i++)
        assert_null(run.roots[i]);

    for (unsigned i = 0; i < threads; i++) {
        result.checksum += t[i].checksum;
        result.stated_bytes += t[i].thread.allocated_bytes;
        result.stated_count += t[i].thread.allocated_count;
    }
    result.stated_live_bytes = workload->live_bytes(&run);
    result.peak_bytes = audit.peak_bytes;
    result.allocated_bytes = audit.allocated_bytes;
    result.allocated_count = audit.allocated_count;
    result.operations_count = audit.operations_count;
    if (workload->traits & WORKLOAD_IS_REQUESTS) {
        assert_int_equal(audit.requests_count, audit.operations_count);
        assert_int_equal(audit.requests_sum, audit.requests_count * (audit.requests_count - 1) / 2);
    }
    result.leaked_bytes = audit.live_bytes;
    audit_clear();
    pthread_barrier_destroy(&audit.barrier);
    pthread_mutex_destroy(&audit.lock);
    return result;
}

/* Runs one iteration in which object number `number` of `type` is wiped `delay` allocations after
 * its own, as if a collector had taken it for garbage; returns whether the workload noticed. */
static inline bool audit_notices(const struct workload *workload, const uint64_t *params,
                                 const struct gc_type *type, uint64_t number, uint64_t delay)
{
    volatile bool noticed = true; /* survives longjmp */
    audit.victim_type = type;
    audit.victim_number = number;
    audit.victim_delay = delay;
    audit.may_fail = true;
    if (setjmp(audit.failed) == 0) {
        audit_run(workload, params, 1, 1);
        noticed = false;
        assert_null(audit.victim_type);
    }
    audit_clear();
    audit.may_fail = false;
    return noticed;
}

/* What holds for every workload: an iteration leaves nothing behind, and its result and its counts
 * do not depend on the threads. `extra_bytes` is what manual management adds per thread, in one
 * object that the workload does not count. */
static inline void audit_any(const struct workload *workload, const uint64_t *params,
                             uint64_t extra_bytes)
{
    struct audit_result one = audit_run(workload, params, 1, 1);
    struct audit_result again = audit_run(workload, params, 1, 1);
    uint64_t extra_count = extra_bytes > 0 ? 1 : 0;
    assert_int_equal(one.checksum, again.checksum);
    assert_int_equal(one.leaked_bytes, 0);
    for (unsigned threads = 1; threads <= AUDIT_THREADS; threads++) {
        struct audit_result r = audit_run(workload, params, threads, 1);
        assert_int_equal(r.checksum, one.checksum);
        assert_int_equal(r.operations_count > 0, 1);
        assert_int_equal(r.leaked_bytes, 0);
        assert_int_equal(r.stated_count + threads * extra_count, r.allocated_count);
        assert_int_equal(r.stated_bytes + threads * extra_bytes, r.allocated_bytes);
        assert_true(r.peak_bytes <= r.stated_live_bytes + threads * extra_bytes);
    }
    assert_true((double)one.peak_bytes >= 0.95 * (double)one.stated_live_bytes);
}

#endif
