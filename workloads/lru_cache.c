/* lru_cache: requests against a large cache that is always full.
 *
 * Stands for memcached, page and object caches, and anything else whose heap is one large table of
 * which a little changes all the time. The cache is a hash map with chains and a list in the order
 * of last use, in `shards` parts that share nothing. A request is a multi-get of `gets` keys in one
 * shard, low keys more often than high ones: a hit moves its entry to the front of the list and
 * reads its value; with `writes` permille of the hits the value is replaced; a miss drops the entry
 * that was used longest ago and makes a new one. The request numbered r goes to shard r modulo
 * `shards`, and a thread owns whole shards, so what is hit and missed does not depend on threads or
 * time, and the checksum, which has every hit in it, says whether all evicted the same.
 *
 * Each iteration first fills the cache with the keys from 0 on, which is no operation.
 *
 * Stresses: stores of new objects into old ones and between old ones (a write barrier, a remembered
 * set), a live set that dwarfs what is allocated between two collections, objects that die old and
 * in an order that has little to do with where they lie, cache misses. Does not stress: short
 * lives (almost nothing dies young), mixed sizes, cycles that must be found (dropped entries refer
 * to nothing but their value), deep structures.
 *
 * Live set, all threads together: shards * (8 + 32) + entries * (8 + 48 + bytes), with 8 the size
 * of a reference in the table of shards and in a map, 32 that of a shard and 48 that of an entry.
 *
 * A good collector stops for much less than it takes to mark the cache, and its barrier is not
 * noticed in the moves to the front. A bad one stops every request for as long as marking all
 * entries takes, or, being generational, copies or marks all of them again since everything dies
 * old.
 */
#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { ENTRIES, KEYS, BYTES, REQUESTS, GETS, WRITES, SHARDS, RATE };

static const struct workload_param params[] = {
    [ENTRIES] = {"entries", "count", 50000, 1, 1000000000, "entries of the cache, all shards"},
    [KEYS] = {"keys", "count", 150000, 1, UINT64_C(100000000000),
              "different keys that are asked for, all shards"},
    [BYTES] = {"bytes", "bytes", 256, 16, 1 << 20, "size of a value, a multiple of 8"},
    [REQUESTS] = {"requests", "count", 50000, 1, UINT64_C(10000000000),
                  "requests per iteration, all threads together"},
    [GETS] = {"gets", "count", 32, 8, 100000, "keys that a request asks for"},
    [WRITES] = {"writes", "permille", 100, 0, 1000, "hits that replace the value"},
    [SHARDS] = {"shards", "count", 16, 1, 1 << 20, "parts of the cache, each owned by one thread"},
    [RATE] = {"rate", "per_s", 0, 0, 1000000000,
              "requests due per second, all threads together; 0: one follows the other"},
};

/* Words written or read between two safepoints. */
#define CHUNK_WORDS 1024

struct entry {
    uint64_t key;
    struct entry *chain; /* next of its slot */
    struct entry *newer; /* neighbours in the order of use */
    struct entry *older;
    uint64_t *value;
    uint64_t version; /* how often it was replaced */
};

struct shard {
    struct entry **slots;
    struct entry *newest;
    struct entry *oldest;
    uint64_t slot_count; /* also the number of entries, once it is full */
};

static struct gc_type entry_type = GC_TYPE_RECORD(
    struct entry, GC_POINTER_BIT(struct entry, chain) | GC_POINTER_BIT(struct entry, newer) |
                      GC_POINTER_BIT(struct entry, older) | GC_POINTER_BIT(struct entry, value));
static struct gc_type shard_type = GC_TYPE_RECORD(
    struct shard, GC_POINTER_BIT(struct shard, slots) | GC_POINTER_BIT(struct shard, newest) |
                      GC_POINTER_BIT(struct shard, oldest));
static struct gc_type slots_type = GC_TYPE_POINTER_ARRAY("slots of a shard");
static struct gc_type shards_type = GC_TYPE_POINTER_ARRAY("shards of a thread");
static struct gc_type value_type = GC_TYPE_LEAF("value");

static struct gc_type *const types[] = {&entry_type,  &shard_type, &slots_type,
                                        &shards_type, &value_type, NULL};

/* One thread's view of the run. */
struct cache {
    struct workload_thread *thread;
    struct gc_mutator *m;
    uint64_t seed;
    uint64_t shard_count; /* of all threads */
    uint64_t keys;        /* of each shard */
    uint64_t value_bytes;
    uint64_t gets;
    uint64_t writes;
};

static uint64_t live_bytes(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    return p[SHARDS] * (sizeof(struct shard *) + sizeof(struct shard)) +
           p[ENTRIES] * (sizeof(struct entry *) + sizeof(struct entry) + p[BYTES]);
}

static uint64_t shard_capacity(const struct workload_run *run, uint64_t shard)
{
    const uint64_t *p = run->params;
    return p[ENTRIES] / p[SHARDS] + (shard < p[ENTRIES] % p[SHARDS] ? 1 : 0);
}

/* The first word of a value, by which it is known. */
static uint64_t value_tag(const struct cache *c, uint64_t key, uint64_t version)
{
    return rng_mix(c->seed ^ rng_mix(key) ^ version);
}

static uint64_t *make_value(const struct cache *c, uint64_t key, uint64_t version)
{
    uint64_t *value = gc_alloc(c->m, &value_type, c->value_bytes);
    uint64_t tag = value_tag(c, key, version);
    value[0] = tag;
    for (uint64_t i = 1; i < c->value_bytes / sizeof *value; i++) {
        value[i] = tag += i;
        if (i % CHUNK_WORDS == 0)
            gc_safepoint(c->m);
    }
    workload_allocated(c->thread, c->value_bytes, 1);
    return value;
}

static uint64_t read_value(const struct cache *c, const struct entry *entry)
{
    const uint64_t *value = entry->value;
    if (value == NULL || value[0] != value_tag(c, entry->key, entry->version))
        workload_fail(c->thread, "lru_cache: a value is not what was stored");
    uint64_t hash = entry->version;
    for (uint64_t i = 0; i < c->value_bytes / sizeof *value; i++) {
        hash = hash * 31 + value[i];
        if (i % CHUNK_WORDS == CHUNK_WORDS - 1)
            gc_safepoint(c->m);
    }
    gc_keep(value);
    return hash;
}

static uint64_t slot_of(const struct cache *c, const struct shard *shard, uint64_t key)
{
    return rng_mix(c->seed + key) % shard->slot_count;
}

static struct entry *find(const struct cache *c, const struct shard *shard, uint64_t key)
{
    struct entry *entry = shard->slots[slot_of(c, shard, key)];
    while (entry != NULL && entry->key != key)
        entry = entry->chain;
    return entry;
}

/* Makes the entry, which is in no list, the one used last. */
static void list_push(struct gc_mutator *m, struct shard *shard, struct entry *entry)
{
    struct entry *second = shard->newest;
    gc_store(m, entry, entry->newer, NULL);
    gc_store(m, entry, entry->older, second);
    if (second != NULL)
        gc_store(m, second, second->newer, entry);
    else
        gc_store(m, shard, shard->oldest, entry);
    gc_store(m, shard, shard->newest, entry);
}

static void list_remove(struct gc_mutator *m, struct shard *shard, struct entry *entry)
{
    struct entry *newer = entry->newer;
    struct entry *older = entry->older;
    if (newer != NULL)
        gc_store(m, newer, newer->older, older);
    else
        gc_store(m, shard, shard->newest, older);
    if (older != NULL)
        gc_store(m, older, older->newer, newer);
    else
        gc_store(m, shard, shard->oldest, newer);
}

static void chain_remove(const struct cache *c, struct shard *shard, struct entry *entry)
{
    uint64_t slot = slot_of(c, shard, entry->key);
    struct entry *before = shard->slots[slot];
    if (before == entry) {
        gc_store(c->m, shard->slots, shard->slots[slot], entry->chain);
        return;
    }
    while (before != NULL && before->chain != entry)
        before = before->chain;
    if (before == NULL)
        workload_fail(c->thread, "lru_cache: an entry is not in the chain of its slot");
    gc_store(c->m, before, before->chain, entry->chain);
}

/* Drops the entry that was used longest ago. Not inlined, nor are the two that follow, as the frame
 * of the loop is to hold no entry. */
static __attribute__((noinline)) void evict(const struct cache *c, struct shard *shard)
{
    struct entry *entry = shard->oldest;
    chain_remove(c, shard, entry);
    list_remove(c->m, shard, entry);
    gc_free(c->m, entry->value, c->value_bytes);
    gc_free(c->m, entry, sizeof *entry);
}

static __attribute__((noinline)) struct entry *insert(const struct cache *c, struct shard *shard,
                                                      uint64_t key)
{
    uint64_t *value = make_value(c, key, 0);
    struct entry *entry = gc_alloc(c->m, &entry_type, sizeof *entry);
    uint64_t slot = slot_of(c, shard, key);
    entry->key = key;
    entry->version = 0;
    gc_init_field(entry->chain, shard->slots[slot]);
    gc_init_field(entry->newer, NULL);
    gc_init_field(entry->older, NULL);
    gc_init_field(entry->value, value);
    workload_allocated(c->thread, sizeof *entry, 1);
    gc_store(c->m, shard->slots, shard->slots[slot], entry);
    list_push(c->m, shard, entry);
    return entry;
}

static void replace_value(const struct cache *c, struct entry *entry)
{
    uint64_t *old = entry->value;
    gc_store(c->m, entry, entry->value, NULL);
    gc_free(c->m, old, c->value_bytes);
    entry->version++;
    uint64_t *value = make_value(c, entry->key, entry->version);
    gc_store(c->m, entry, entry->value, value);
}

static __attribute__((noinline)) uint64_t serve(const struct cache *c, struct shard *shard,
                                                uint64_t request)
{
    struct rng rng;
    uint64_t number = request % c->shard_count;
    uint64_t hash = request;
    rng_seed(&rng, c->seed, request);
    for (uint64_t i = 0; i < c->gets; i++) {
        uint64_t key = rng_below(&rng, rng_below(&rng, c->keys) + 1) * c->shard_count + number;
        bool writes = rng_below(&rng, 1000) < c->writes;
        struct entry *entry = find(c, shard, key);
        bool hit = entry != NULL;
        if (hit) {
            list_remove(c->m, shard, entry);
            list_push(c->m, shard, entry);
            if (writes)
                replace_value(c, entry);
        } else {
            evict(c, shard);
            entry = insert(c, shard, key);
        }
        hash = hash * 31 + read_value(c, entry) + hit;
        gc_safepoint(c->m);
    }
    return rng_mix(hash);
}

/* A full shard, its low keys used last. */
static struct shard *make_shard(const struct cache *c, uint64_t number)
{
    uint64_t capacity = shard_capacity(c->thread->run, number);
    struct entry **slots = gc_alloc_zeroed(c->m, &slots_type, capacity * sizeof(struct entry *));
    struct shard *shard = gc_alloc(c->m, &shard_type, sizeof *shard);
    gc_init_field(shard->slots, slots);
    gc_init_field(shard->newest, NULL);
    gc_init_field(shard->oldest, NULL);
    shard->slot_count = capacity;
    workload_allocated(c->thread, capacity * sizeof *slots + sizeof *shard, 2);
    for (uint64_t k = capacity; k-- > 0;)
        insert(c, shard, k * c->shard_count + number);
    return shard;
}

static void drop_shard(const struct cache *c, struct shard *shard)
{
    if (!GC_RECLAIMS_BY_HAND)
        return;
    for (struct entry *entry = shard->newest, *older; entry != NULL; entry = older) {
        older = entry->older;
        gc_free(c->m, entry->value, c->value_bytes);
        gc_free(c->m, entry, sizeof *entry);
    }
    gc_free(c->m, shard->slots, shard->slot_count * sizeof *shard->slots);
    gc_free(c->m, shard, sizeof *shard);
}

static uint64_t iterate(struct workload_thread *thread)
{
    uint64_t first, end;
    uint64_t checksum = 0;
    uint64_t requests = workload_param(thread, REQUESTS);
    const struct cache c = {
        .thread = thread,
        .m = thread->mutator,
        .seed = thread->run->seed,
        .shard_count = workload_param(thread, SHARDS),
        .keys = workload_param(thread, KEYS) / workload_param(thread, SHARDS),
        .value_bytes = workload_param(thread, BYTES),
        .gets = workload_param(thread, GETS),
        .writes = workload_param(thread, WRITES),
    };
    workload_share(thread, c.shard_count, &first, &end);
    uint64_t shards_bytes = (end - first) * sizeof(struct shard *);
    struct shard **shards = gc_alloc_zeroed(c.m, &shards_type, shards_bytes);
    workload_allocated(thread, shards_bytes, 1);
    for (uint64_t s = first; s < end; s++) {
        struct shard *shard = make_shard(&c, s);
        gc_store(c.m, shards, shards[s - first], shard);
    }

    workload_requests_begin(thread);
    for (uint64_t round = 0; round < requests; round += c.shard_count)
        for (uint64_t s = first; s < end && round + s < requests; s++) {
            workload_request_begin(thread, round + s);
            checksum += serve(&c, shards[s - first], round + s);
            workload_operation_end(thread);
        }

    for (uint64_t s = first; s < end; s++)
        drop_shard(&c, shards[s - first]);
    gc_keep(shards);
    gc_free(c.m, shards, shards_bytes);
    return checksum;
}

static const char *check(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    if (p[SHARDS] < run->threads)
        return "shards must be at least the number of threads: each owns some";
    if (p[ENTRIES] < p[SHARDS])
        return "entries must be at least shards: each holds some";
    /* With fewer keys a shard would not be full. */
    if (p[KEYS] / p[SHARDS] < p[ENTRIES] / p[SHARDS] + (p[ENTRIES] % p[SHARDS] != 0))
        return "keys / shards must be at least entries / shards, rounded up";
    if (p[BYTES] % 8 != 0)
        return "bytes must be a multiple of 8";
    return NULL;
}

const struct workload workload_lru_cache = {
    .name = "lru_cache",
    .summary = "requests against a large cache: a hash map and a list in the order of use",
    .operation =
        "one request: several keys looked up, the missing ones made and the oldest dropped",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS | WORKLOAD_IS_REQUESTS,
    .live_bytes = live_bytes,
    .check = check,
    .iterate = iterate,
};
