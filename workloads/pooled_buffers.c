/* pooled_buffers: temporary buffers, out of a pool or freshly allocated.
 *
 * Stands for servers that render into a buffer, send it and forget it: the pattern for which Go has
 * sync.Pool. A buffer is taken, `touched` of it is written, it waits in a queue of `held` buffers,
 * is read back and checked, and given back. With pool=1 it comes from and returns to one gc_pool,
 * whose buffers all have `bytes`; with pool=0 it is allocated at the size needed, and freed by
 * hand. What pool=1 saves is the ratio between the two. With pool=2 it comes from a slot beside the
 * thread's queue, which is what the best pool does where it never misses.
 *
 * Sizes are uneven, from bytes/2 to bytes: a Weyl sequence (multiples of the golden ratio, modulo
 * 1) started from the seed, so that neighbours differ as random ones would, while any run of them
 * has the mean 3/4 bytes and the live set is known.
 *
 * Two ways to use a pool wrongly. With pool=3 a buffer is allocated at the size needed, as with
 * pool=0, and enters the pool with that: sizes mix there, one that is too small for its next use is
 * given up for a new one, and in the end all have the largest size. `rare` shows what that costs
 * (golang/go#23199): one use of so many, drawn from the seed, then needs `bytes`, the others a
 * sixteenth of what they did, yet each buffer in use soon has `bytes`. Buffers kept too long are a
 * larger `held`: the pool is then empty when it is asked, and the cache cold when it answers.
 *
 * Stresses: allocation of medium-sized leaf objects at a high rate, clearing them where the memory
 * manager does so, and the pool with its stealing between threads. Does not stress: tracing (there
 * is one table of pointers), small objects, long lives.
 *
 * Live set, all threads together: 8 (held + threads) + held * bytes with a pool (with pool=3, at
 * which it arrives after many uses, bytes + 8); with pool=0
 *     8 (held + threads) + 3/4 held * bytes + threads * bytes * (2 + bits of w) / 11
 * where w is a thread's part of `held`. The last term bounds the unevenness of a run of w sizes; it
 * was found by trying every w up to 3000 and some to 10^6, and is small beside the rest. With rare
 * the last two terms are divided by 16, and joined by one of `bytes` for the most large ones in w:
 *     threads * min(w, (w - 2) / rare + 2) * bytes
 *
 * With pool=1 or 3, how often the pool is empty depends on how often the backend clears it: the
 * counts of allocations are then those of the misses and not the same on every backend.
 *
 * A good collector makes pool=0 cost little more than pool=1: it reuses a buffer's memory while it
 * is still in the cache and does not clear leaf objects. A bad one clears or scans every buffer, or
 * takes a lock for each one over a small size. A bad pool loses its buffers at each collection or
 * makes threads wait for each other.
 */
#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { BYTES, BUFFERS, HELD, POOL, TOUCHED, RARE };
enum { POOL_NONE, POOL_SHARED, POOL_SLOT, POOL_MIXED };

static const struct workload_param params[] = {
    [BYTES] = {"bytes", "bytes", 4096, 64, UINT64_C(1) << 30, "size of the largest buffer"},
    [BUFFERS] = {"buffers", "count", 1500000, 1, UINT64_C(10000000000),
                 "buffers used per iteration, all threads together"},
    [HELD] = {"held", "count", 256, 1, 10000000, "buffers in use at once, all threads together"},
    [POOL] = {"pool", "count", 1, 0, 3,
              "1: buffers come from a pool; 0: allocated for each use; 2: from one slot of the "
              "thread, the least that a pool can cost; 3: from a pool in which sizes mix"},
    [TOUCHED] = {"touched", "permille", 125, 0, 1000,
                 "part of a buffer that is written and read back"},
    [RARE] = {"rare", "count", 0, 0, 1000000,
              "one use of so many needs a buffer of `bytes`, the others 1/16; 0: uneven sizes"},
};

/* One operation uses as many buffers as together have this many words touched. */
#define OPERATION_WORDS   4096
#define OPERATION_BUFFERS 64
/* Words handled between two safepoints. */
#define CHUNK_WORDS 1024
#define WORD_BYTES  8
/* Where large buffers are rare, the usual ones are so many times smaller. */
#define USUAL_PART 16

static struct gc_type buffer_type = GC_TYPE_LEAF("buffer");
static struct gc_type queue_type = GC_TYPE_POINTER_ARRAY("queue of buffers");
static struct gc_type sizes_type = GC_TYPE_LEAF("sizes of buffers");

static struct gc_type *const types[] = {&buffer_type, &queue_type, &sizes_type, NULL};

static uint64_t live_bytes(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    uint64_t queue_bytes = (p[HELD] + run->threads) * sizeof(void *);
    if (p[POOL] == POOL_MIXED)
        return queue_bytes + p[HELD] * (p[BYTES] + sizeof(uint64_t));
    if (p[POOL] != POOL_NONE)
        return queue_bytes + p[HELD] * p[BYTES];
    uint64_t part = (p[HELD] + run->threads - 1) / run->threads;
    uint64_t bits = 64 - (uint64_t)__builtin_clzll(part);
    uint64_t uneven = p[HELD] * p[BYTES] / 4 * 3 + run->threads * p[BYTES] * (2 + bits) / 11;
    if (p[RARE] == 0)
        return queue_bytes + uneven;
    uint64_t large = part < 2 ? part : (part - 2) / p[RARE] + 2;
    if (large > part)
        large = part;
    return queue_bytes + uneven / USUAL_PART + run->threads * large * p[BYTES];
}

/* One of each `rare` uses that follow each other. */
static bool is_rare(const struct workload_run *run, uint64_t unit)
{
    uint64_t rare = run->params[RARE];
    return rng_mix(run->seed + rng_mix(~(unit / rare))) % rare == unit % rare;
}

/* Bytes that use number `unit` needs: the fraction of a Weyl sequence scaled to bytes/2 .. bytes.
 */
static uint64_t bytes_needed(const struct workload_run *run, uint64_t unit)
{
    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t fraction = (rng_mix(run->seed) + unit * golden) >> 32;
    uint64_t half = run->params[BYTES] / 2;
    uint64_t bytes = half + (((half + 1) * fraction) >> 32);
    if (run->params[RARE] == 0)
        return bytes;
    return is_rare(run, unit) ? run->params[BYTES] : bytes / USUAL_PART;
}

static uint64_t words_touched(const struct workload_run *run, uint64_t bytes)
{
    return bytes * run->params[TOUCHED] / 1000 / WORD_BYTES;
}

static uint64_t buffers_per_operation(const struct workload_run *run)
{
    uint64_t words = words_touched(run, run->params[BYTES]);
    uint64_t buffers = OPERATION_WORDS / (words ? words : 1) + 1;
    return buffers < OPERATION_BUFFERS ? buffers : OPERATION_BUFFERS;
}

static bool has_pool(const struct workload_run *run)
{
    return run->params[POOL] == POOL_SHARED || run->params[POOL] == POOL_MIXED;
}

static void setup(struct workload_thread *thread)
{
    if (!has_pool(thread->run))
        return;
    struct gc_pool *pool =
        gc_pool_create(thread->mutator, &buffer_type, workload_param(thread, BYTES));
    if (pool == NULL)
        workload_fail(thread, "pooled_buffers: the pool cannot be created");
    thread->run->state = pool;
}

static void teardown(struct workload_thread *thread)
{
    if (thread->run->state != NULL)
        gc_pool_destroy(thread->mutator, thread->run->state);
    thread->run->state = NULL;
}

/* What is written into the buffer of a use: first, first + step, … */
static uint64_t first_word(const struct workload_run *run, uint64_t unit)
{
    return rng_mix(run->seed + rng_mix(unit));
}

/* A thread's buffers in use, oldest at the place that comes next; behind them, at `held`, the slot
 * of pool=2. */
struct queue {
    struct workload_thread *thread;
    struct gc_mutator *m;
    uint64_t **buffers;
    uint64_t held;
    bool has_slot;
    uint64_t *sizes; /* what the buffers in use were allocated with, if sizes mix; else NULL */
};

/* While it is in the pool, a buffer has its size in its first word. */
static uint64_t *take_mixed(const struct queue *q, uint64_t place, uint64_t bytes)
{
    uint64_t *buffer = gc_pool_get(q->m, q->thread->run->state);
    if (buffer != NULL && buffer[0] >= bytes) {
        q->sizes[place] = buffer[0];
        return buffer;
    }
    if (buffer != NULL)
        gc_free(q->m, buffer, buffer[0]);
    q->sizes[place] = bytes;
    workload_allocated(q->thread, bytes, 1);
    return gc_alloc(q->m, &buffer_type, bytes);
}

static uint64_t *take_buffer(const struct queue *q, uint64_t place, uint64_t bytes)
{
    uint64_t *buffer = NULL;
    if (q->sizes != NULL)
        return take_mixed(q, place, bytes);
    if (q->thread->run->state != NULL) {
        buffer = gc_pool_get(q->m, q->thread->run->state);
        bytes = workload_param(q->thread, BYTES);
    } else if (q->has_slot) {
        buffer = q->buffers[q->held];
        gc_store(q->m, q->buffers, q->buffers[q->held], NULL);
        bytes = workload_param(q->thread, BYTES);
    }
    if (buffer == NULL) {
        buffer = gc_alloc(q->m, &buffer_type, bytes);
        workload_allocated(q->thread, bytes, 1);
    }
    return buffer;
}

static void give_back(const struct queue *q, uint64_t place, uint64_t *buffer, uint64_t bytes)
{
    if (q->sizes != NULL) {
        buffer[0] = q->sizes[place];
        gc_pool_put(q->m, q->thread->run->state, buffer, buffer[0]);
    } else if (q->thread->run->state != NULL) {
        gc_pool_put(q->m, q->thread->run->state, buffer, workload_param(q->thread, BYTES));
    } else if (q->has_slot && q->buffers[q->held] == NULL) {
        gc_store(q->m, q->buffers, q->buffers[q->held], buffer);
    } else {
        gc_free(q->m, buffer, q->has_slot ? workload_param(q->thread, BYTES) : bytes);
    }
}

static void write_words(struct workload_thread *thread, uint64_t *buffer, uint64_t words,
                        uint64_t first)
{
    uint64_t value = first, step = first | 1;
    for (uint64_t i = 0; i < words;) {
        uint64_t end = i + CHUNK_WORDS < words ? i + CHUNK_WORDS : words;
        for (; i < end; i++, value += step)
            buffer[i] = value;
        gc_safepoint(thread->mutator);
    }
    gc_keep(buffer);
}

static uint64_t read_words(struct workload_thread *thread, const uint64_t *buffer, uint64_t words,
                           uint64_t first)
{
    uint64_t expected = first, step = first | 1, sum = 0, wrong = 0;
    for (uint64_t i = 0; i < words;) {
        uint64_t end = i + CHUNK_WORDS < words ? i + CHUNK_WORDS : words;
        for (; i < end; i++, expected += step) {
            sum += buffer[i];
            wrong |= buffer[i] ^ expected;
        }
        gc_safepoint(thread->mutator);
    }
    gc_keep(buffer);
    if (wrong)
        workload_fail(thread, "pooled_buffers: a buffer does not hold what was written");
    return rng_mix(sum ^ words);
}

/* Use number `unit` begins: its buffer goes into the queue. */
static void begin_use(const struct queue *q, uint64_t place, uint64_t unit)
{
    const struct workload_run *run = q->thread->run;
    uint64_t bytes = bytes_needed(run, unit);
    uint64_t *buffer = take_buffer(q, place, bytes);
    write_words(q->thread, buffer, words_touched(run, bytes), first_word(run, unit));
    gc_store(q->m, q->buffers, q->buffers[place], buffer);
}

/* It ends: the buffer is read back and given away. */
static uint64_t end_use(const struct queue *q, uint64_t place, uint64_t unit)
{
    const struct workload_run *run = q->thread->run;
    uint64_t bytes = bytes_needed(run, unit);
    uint64_t *buffer = q->buffers[place];
    gc_store(q->m, q->buffers, q->buffers[place], NULL);
    uint64_t checksum =
        read_words(q->thread, buffer, words_touched(run, bytes), first_word(run, unit));
    give_back(q, place, buffer, bytes);
    return checksum;
}

static uint64_t iterate(struct workload_thread *thread)
{
    uint64_t first, end, held_first, held_end, checksum = 0;
    workload_share(thread, workload_param(thread, BUFFERS), &first, &end);
    workload_share(thread, workload_param(thread, HELD), &held_first, &held_end);
    uint64_t held = held_end - held_first;
    uint64_t queue_bytes = (held + 1) * sizeof(void *);
    uint64_t each = buffers_per_operation(thread->run);
    struct queue q = {
        .thread = thread,
        .m = thread->mutator,
        .buffers = gc_alloc_zeroed(thread->mutator, &queue_type, queue_bytes),
        .held = held,
        .has_slot = workload_param(thread, POOL) == POOL_SLOT,
    };
    workload_allocated(thread, queue_bytes, 1);
    uint64_t sizes_bytes = held * sizeof *q.sizes;
    if (workload_param(thread, POOL) == POOL_MIXED) {
        q.sizes = gc_alloc(thread->mutator, &sizes_type, sizes_bytes);
        workload_allocated(thread, sizes_bytes, 1);
    }

    workload_operation_begin(thread);
    uint64_t place = 0;
    for (uint64_t unit = first; unit < end; unit++) {
        if (unit - first >= held)
            checksum += end_use(&q, place, unit - held);
        begin_use(&q, place, unit);
        place = place + 1 == held ? 0 : place + 1;
        if ((unit + 1) % each == 0 || unit + 1 == end)
            workload_operation_end(thread);
    }
    uint64_t waiting = end - first < held ? end - first : held;
    for (uint64_t unit = end - waiting; unit < end; unit++)
        checksum += end_use(&q, (unit - first) % held, unit);

    if (q.buffers[held] != NULL)
        gc_free(thread->mutator, q.buffers[held], workload_param(thread, BYTES));
    gc_keep(q.buffers);
    gc_keep(q.sizes);
    gc_free(thread->mutator, q.buffers, queue_bytes);
    gc_free(thread->mutator, q.sizes, sizes_bytes);
    return checksum;
}

static const char *check(const struct workload_run *run)
{
    if (run->params[HELD] < run->threads)
        return "held must be at least the number of threads: each uses a buffer";
    if (run->params[BUFFERS] < run->params[HELD])
        return "buffers must be at least held: the queue would never be full";
    if (run->params[RARE] > 0 && run->params[BYTES] < 2 * USUAL_PART * WORD_BYTES)
        return "bytes must be at least 256 with rare: the usual buffers hold a word";
    return NULL;
}

const struct workload workload_pooled_buffers = {
    .name = "pooled_buffers",
    .summary = "temporary buffers of uneven sizes, from a pool or freshly allocated",
    .operation = "a few buffers taken, written, read back and given back: as many as have 32 KiB "
                 "written, at most 64",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS,
    .live_bytes = live_bytes,
    .check = check,
    .setup = setup,
    .teardown = teardown,
    .iterate = iterate,
};
