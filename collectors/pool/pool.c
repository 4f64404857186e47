/* pool.c: the slow half of the pool: shared queues, stealing, rotation (pool.h has the design).
 *
 * Compiled once per runner, so GC_POOL_ROTATION and GC_RECLAIMS_BY_HAND are the backend's.
 *
 * Lock order: pools_lock, then one local's lock; never two locals' at once. Nothing is allocated
 * from, or freed to, the backend while a local's lock is held, so a collector that waits for the
 * world can never wait for a pool.
 *
 * Under GC_POOL_AT_ANY_POINT gc_pool_roots may run between any two instructions of any other
 * function here. So lists are linked and unlinked by single stores, in an order that keeps every
 * chunk with objects reachable from its queue's tail; entries outside a queue are NULL in linked
 * chunks; and an object on its way from one place to another is in a register or on a stack, which
 * the collector scans.
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gc.h"
#include "gc_backend.h"

enum {
    CHUNK_BYTES = 4096,
    CHUNK_ENTRIES = (CHUNK_BYTES - 32) / (GC_RECLAIMS_BY_HAND ? 16 : 8),
    SPARES_KEPT = 1,
    SPARES_UNMAPPED_AT_ONCE = 8,
    SPINS = 64,
};

struct gc_pool_chunk {
    struct gc_pool_chunk *next; /* towards the head */
    struct gc_pool_chunk *previous;
    uint32_t begin; /* entries [begin, end) hold objects */
    uint32_t end;
    void *objects[CHUNK_ENTRIES];
    /* Only memory that is given back by hand needs its size again. */
    size_t bytes[GC_RECLAIMS_BY_HAND ? CHUNK_ENTRIES : 1];
};

_Static_assert(sizeof(struct gc_pool_chunk) <= CHUNK_BYTES, "a chunk fits its mapping");

static uint32_t threads_count;
static struct gc_pool *pools; /* all of them; changed under pools_lock */
static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;

static void *map_bytes(size_t bytes)
{
#if GC_POOL_IS_COUNTED
    if (!gc_pool_count_bytes(bytes))
        return NULL;
#endif
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p != MAP_FAILED)
        return p;
#if GC_POOL_IS_COUNTED
    gc_pool_uncount_bytes(bytes);
#endif
    return NULL;
}

static void unmap_bytes(void *p, size_t bytes)
{
    munmap(p, bytes);
#if GC_POOL_IS_COUNTED
    gc_pool_uncount_bytes(bytes);
#endif
}

/* A spin lock, because the stopped world asks whether it is held. */
static void lock_local(struct gc_pool_local *local)
{
    for (int spins = 0; __atomic_exchange_n(&local->lock, 1, __ATOMIC_ACQUIRE);) {
        while (__atomic_load_n(&local->lock, __ATOMIC_RELAXED)) {
            if (++spins % SPINS == 0)
                sched_yield();
        }
    }
}

static void unlock_local(struct gc_pool_local *local)
{
    __atomic_store_n(&local->lock, 0, __ATOMIC_RELEASE);
}

/* The functions from here to queue_pop_tail need the local's lock. */

static void chunk_release(struct gc_pool_local *local, struct gc_pool_chunk *chunk)
{
    chunk->next = local->spares;
    local->spares = chunk;
}

/* An empty chunk, or NULL. A rotation leaves stale entries in those that it takes out of use. */
static struct gc_pool_chunk *chunk_take(struct gc_pool_local *local)
{
    struct gc_pool_chunk *chunk = local->spares;
    if (!chunk)
        return map_bytes(CHUNK_BYTES);
    local->spares = chunk->next;
    for (uint32_t i = chunk->begin; i < chunk->end; i++)
        chunk->objects[i] = NULL;
    chunk->begin = chunk->end = 0;
    chunk->next = NULL;
    return chunk;
}

/* A rotation makes whole queues spare at once, while the world may be stopped; all but one are
 * unmapped later, a few at each slow operation. */
static void spares_trim(struct gc_pool_local *local)
{
    for (int i = 0; i < SPARES_UNMAPPED_AT_ONCE && local->spares && local->spares->next; i++) {
        struct gc_pool_chunk *chunk = local->spares;
        local->spares = chunk->next;
        unmap_bytes(chunk, CHUNK_BYTES);
    }
}

static void queue_count(struct gc_pool_queue *queue, int change)
{
    __atomic_store_n(&queue->count, queue->count + (uint32_t)change, __ATOMIC_RELAXED);
}

static void queue_move(struct gc_pool_queue *to, struct gc_pool_queue *from)
{
    to->tail = from->tail;
    to->head = from->head;
    __atomic_store_n(&to->count, from->count, __ATOMIC_RELAXED);
    from->tail = from->head = NULL;
    __atomic_store_n(&from->count, 0, __ATOMIC_RELAXED);
}

/* Returns 0 where there is no memory for a further chunk. */
static int queue_push_head(struct gc_pool_local *local, struct gc_pool_queue *queue, void *object,
                           size_t bytes)
{
    struct gc_pool_chunk *head = queue->head;
    if (!head || head->end == CHUNK_ENTRIES) {
        struct gc_pool_chunk *chunk = chunk_take(local);
        if (!chunk)
            return 0;
        chunk->previous = head;
        __atomic_store_n(head ? &head->next : &queue->tail, chunk, __ATOMIC_RELEASE);
        queue->head = head = chunk;
    }
    if (GC_RECLAIMS_BY_HAND)
        head->bytes[head->end] = bytes;
    head->objects[head->end] = object;
    head->end++;
    queue_count(queue, 1);
    return 1;
}

/* Takes a chunk without entries out of the queue, unless it is the only one. */
static void queue_unlink(struct gc_pool_local *local, struct gc_pool_queue *queue,
                         struct gc_pool_chunk *chunk)
{
    struct gc_pool_chunk *next = chunk->next;
    struct gc_pool_chunk *previous = chunk->previous;
    if (!next && !previous) {
        chunk->begin = chunk->end = 0;
        return;
    }
    __atomic_store_n(previous ? &previous->next : &queue->tail, next, __ATOMIC_RELEASE);
    if (next)
        next->previous = previous;
    else
        queue->head = previous;
    chunk_release(local, chunk);
}

static void *queue_pop_head(struct gc_pool_local *local, struct gc_pool_queue *queue)
{
    struct gc_pool_chunk *head = queue->head;
    if (queue->count == 0)
        return NULL;
    uint32_t i = head->end - 1;
    void *object = head->objects[i];
    head->objects[i] = NULL;
    head->end = i;
    queue_count(queue, -1);
    if (head->begin == head->end)
        queue_unlink(local, queue, head);
    return object;
}

static void *queue_pop_tail(struct gc_pool_local *local, struct gc_pool_queue *queue)
{
    struct gc_pool_chunk *tail = queue->tail;
    if (queue->count == 0)
        return NULL;
    uint32_t i = tail->begin;
    void *object = tail->objects[i];
    tail->objects[i] = NULL;
    tail->begin = i + 1;
    queue_count(queue, -1);
    if (tail->begin == tail->end)
        queue_unlink(local, queue, tail);
    return object;
}

/* Takes the newest of the caller's own queue or the oldest of another's; locks only what may have
 * something. */
static void *pool_take(struct gc_pool_local *local, struct gc_pool_queue *queue, int own)
{
    if (__atomic_load_n(&queue->count, __ATOMIC_RELAXED) == 0)
        return NULL;
    lock_local(local);
    void *object = own ? queue_pop_head(local, queue) : queue_pop_tail(local, queue);
    spares_trim(local);
    unlock_local(local);
    return object;
}

static void *take_victim_object(struct gc_pool_local *local)
{
    if (!__atomic_load_n(&local->victim_object, __ATOMIC_RELAXED))
        return NULL;
    lock_local(local);
    void *object = local->victim_object;
    __atomic_store_n(&local->victim_object, NULL, __ATOMIC_RELAXED);
    unlock_local(local);
    return object;
}

#if GC_POOL_ROTATION == GC_POOL_WITHOUT_STOPPING

/* Misses are counted per local and added up in steps, so that a program whose pools are always
 * empty does not fight over one cache line. */
#define MISSED_STEP_BYTES (GC_POOL_ROTATE_BYTES / 64)

static uint64_t missed_bytes; /* since the last rotation, all threads */
static int can_order;         /* membarrier(2) is there */

static void drop_object(struct gc_mutator *m, void *object, size_t bytes)
{
    if (object)
        gc_free(m, object, bytes);
}

/* Gives the objects back and unmaps the chunks, of which the caller is the only owner. */
static void drop_queue(struct gc_mutator *m, struct gc_pool_queue *queue)
{
    for (struct gc_pool_chunk *chunk = queue->tail, *next; chunk; chunk = next) {
        next = chunk->next;
        for (uint32_t i = chunk->begin; GC_RECLAIMS_BY_HAND && i < chunk->end; i++)
            drop_object(m, chunk->objects[i], chunk->bytes[i]);
        unmap_bytes(chunk, CHUNK_BYTES);
    }
    *queue = (struct gc_pool_queue){0};
}

/* Rotates one local, whose owner is either the caller or keeps out of its private slot, or else
 * may_take is 0 and the private object stays for the next rotation. */
static void rotate_local(struct gc_mutator *m, struct gc_pool_local *local, int may_take)
{
    struct gc_pool_queue dropped;
    void *object = NULL;
    size_t bytes = 0;
    if (may_take) {
        object = __atomic_load_n(&local->private_object, __ATOMIC_ACQUIRE);
        bytes = __atomic_load_n(&local->private_bytes, __ATOMIC_RELAXED);
        __atomic_store_n(&local->private_object, NULL, __ATOMIC_RELAXED);
    }
    lock_local(local);
    queue_move(&dropped, &local->victim);
    queue_move(&local->victim, &local->shared);
    void *dropped_object = local->victim_object;
    size_t dropped_bytes = local->victim_bytes;
    __atomic_store_n(&local->victim_object, object, __ATOMIC_RELAXED);
    local->victim_bytes = bytes;
    unlock_local(local);
    drop_object(m, dropped_object, dropped_bytes);
    drop_queue(m, &dropped);
}

/* With pools_lock. Other mutators run. Between `revoked` and a look at `busy` every running thread
 * passes a memory barrier (Dekker's pattern with its costly half here): either the owner's busy is
 * seen, or the owner sees revoked from its next operation on. */
static void rotate_running(struct gc_mutator *m)
{
    for (struct gc_pool *pool = pools; pool; pool = pool->next)
        for (uint32_t i = 0; i < pool->locals_count; i++)
            __atomic_store_n(&pool->locals[i].revoked, i != m->pool_index, __ATOMIC_RELAXED);
    int ordered = can_order && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
    for (struct gc_pool *pool = pools; pool; pool = pool->next) {
        for (uint32_t i = 0; i < pool->locals_count; i++) {
            struct gc_pool_local *local = &pool->locals[i];
            int may_take =
                i == m->pool_index || (ordered && !__atomic_load_n(&local->busy, __ATOMIC_ACQUIRE));
            rotate_local(m, local, may_take);
            __atomic_store_n(&local->revoked, 0, __ATOMIC_RELEASE);
        }
    }
}

static void count_miss(struct gc_mutator *m, struct gc_pool *pool)
{
    struct gc_pool_local *local = &pool->locals[m->pool_index];
    local->missed_bytes += pool->bytes;
    if (local->missed_bytes < MISSED_STEP_BYTES)
        return;
    uint64_t step = local->missed_bytes;
    local->missed_bytes = 0;
    if (__atomic_add_fetch(&missed_bytes, step, __ATOMIC_RELAXED) < GC_POOL_ROTATE_BYTES)
        return;
    /* Whoever has the lock is rotating already, or is making a pool. */
    if (pthread_mutex_trylock(&pools_lock) != 0)
        return;
    if (__atomic_load_n(&missed_bytes, __ATOMIC_RELAXED) >= GC_POOL_ROTATE_BYTES) {
        __atomic_store_n(&missed_bytes, 0, __ATOMIC_RELAXED);
        rotate_running(m);
    }
    pthread_mutex_unlock(&pools_lock);
}

static void start_rotation(void)
{
    can_order = syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

#else

static void drop_object(struct gc_mutator *m, void *object, size_t bytes)
{
    (void)m;
    (void)object;
    (void)bytes;
}

static void drop_queue(struct gc_mutator *m, struct gc_pool_queue *queue)
{
    (void)m;
    for (struct gc_pool_chunk *chunk = queue->tail, *next; chunk; chunk = next) {
        next = chunk->next;
        unmap_bytes(chunk, CHUNK_BYTES);
    }
}

static void count_miss(struct gc_mutator *m, struct gc_pool *pool)
{
    (void)m;
    (void)pool;
}

static void start_rotation(void)
{
}

/* Forgets the queue's objects while the world is stopped, in a time that does not depend on their
 * number. */
static void queue_drop(struct gc_pool_local *local, struct gc_pool_queue *queue)
{
    if (!queue->head)
        return;
    queue->head->next = local->spares;
    local->spares = queue->tail;
    *queue = (struct gc_pool_queue){0};
}

void gc_pool_rotate(void)
{
    for (struct gc_pool *pool = pools; pool; pool = pool->next) {
        for (uint32_t i = 0; i < pool->locals_count; i++) {
            struct gc_pool_local *local = &pool->locals[i];
            if (__atomic_load_n(&local->lock, __ATOMIC_ACQUIRE) ||
                __atomic_load_n(&local->busy, __ATOMIC_ACQUIRE))
                continue;
            queue_drop(local, &local->victim);
            queue_move(&local->victim, &local->shared);
            local->victim_object = local->private_object;
            local->private_object = NULL;
        }
    }
}

void gc_pool_roots(void (*visit)(void *data, void **low, void **high), void *data)
{
    for (struct gc_pool *pool = __atomic_load_n(&pools, __ATOMIC_ACQUIRE); pool;
         pool = pool->next) {
        for (uint32_t i = 0; i < pool->locals_count; i++) {
            struct gc_pool_local *local = &pool->locals[i];
            const struct gc_pool_queue *const queues[] = {&local->shared, &local->victim};
            visit(data, &local->private_object, &local->private_object + 1);
            visit(data, &local->victim_object, &local->victim_object + 1);
            for (int q = 0; q < 2; q++) {
                /* A thread stopped inside may have stored an entry but not its index: visit them
                 * all, the others being NULL. */
                for (struct gc_pool_chunk *chunk =
                         __atomic_load_n(&queues[q]->tail, __ATOMIC_ACQUIRE);
                     chunk; chunk = __atomic_load_n(&chunk->next, __ATOMIC_ACQUIRE))
                    visit(data, chunk->objects, chunk->objects + CHUNK_ENTRIES);
            }
        }
    }
}

#endif

void gc_pool_start(uint32_t threads_count_)
{
    threads_count = threads_count_;
    start_rotation();
}

static size_t pool_bytes(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = sizeof(struct gc_pool) + threads_count * sizeof(struct gc_pool_local);
    return (bytes + page - 1) / page * page;
}

struct gc_pool *gc_pool_create(struct gc_mutator *m, const struct gc_type *type, size_t bytes)
{
    (void)m;
    (void)type;
    struct gc_pool *pool = map_bytes(pool_bytes());
#if GC_POOL_IS_COUNTED
    if (!pool) {
        gc_backend.collect(m);
        pool = map_bytes(pool_bytes());
    }
#endif
    if (!pool) {
        errno = ENOMEM;
        return NULL;
    }
    pool->bytes = bytes;
    pool->locals_count = threads_count;
    pthread_mutex_lock(&pools_lock);
    pool->next = pools;
    __atomic_store_n(&pools, pool, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&pools_lock);
    return pool;
}

void gc_pool_destroy(struct gc_mutator *m, struct gc_pool *pool)
{
    pthread_mutex_lock(&pools_lock);
    struct gc_pool **link = &pools;
    while (*link != pool)
        link = &(*link)->next;
    __atomic_store_n(link, pool->next, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&pools_lock);
    for (uint32_t i = 0; i < pool->locals_count; i++) {
        struct gc_pool_local *local = &pool->locals[i];
        struct gc_pool_queue spares = {.tail = local->spares};
        drop_object(m, local->private_object, local->private_bytes);
        drop_object(m, local->victim_object, local->victim_bytes);
        drop_queue(m, &local->shared);
        drop_queue(m, &local->victim);
        drop_queue(m, &spares);
    }
    unmap_bytes(pool, pool_bytes());
}

void *gc_pool_get_slow(struct gc_mutator *m, struct gc_pool *pool)
{
    uint32_t own = m->pool_index;
    uint32_t count = pool->locals_count;
    void *object = pool_take(&pool->locals[own], &pool->locals[own].shared, 1);
    for (uint32_t i = 1; i < count && !object; i++) {
        struct gc_pool_local *other = &pool->locals[(own + i) % count];
        object = pool_take(other, &other->shared, 0);
    }
    if (!object)
        object = take_victim_object(&pool->locals[own]);
    for (uint32_t i = 0; i < count && !object; i++) {
        struct gc_pool_local *other = &pool->locals[(own + i) % count];
        object = pool_take(other, &other->victim, 0);
    }
    if (!object)
        count_miss(m, pool);
    return object;
}

void gc_pool_put_slow(struct gc_mutator *m, struct gc_pool *pool, void *object, size_t bytes)
{
    struct gc_pool_local *local = &pool->locals[m->pool_index];
    if (!object)
        return;
    lock_local(local);
    int done = queue_push_head(local, &local->shared, object, bytes);
    spares_trim(local);
    unlock_local(local);
    if (!done)
        drop_object(m, object, bytes);
}
