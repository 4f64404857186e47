/* http_server: requests that are read, parsed, answered with a page and forgotten, and sessions
 * that are not.
 *
 * Stands for web services: nearly all that is allocated dies with its request, and beside it lies a
 * table of sessions that slowly ages. A request is read into a buffer and parsed into a path and
 * headers, each text copied; a tree of `nodes` nodes with texts is built as the page, rendered into
 * a chain of chunks and sent (summed up); then everything is dropped, by hand object by object, as
 * programs without regions do. The cookie names a session, recent ones more often: what it holds is
 * read, and the page it visited longest ago is replaced. With `logins` permille of the requests,
 * the oldest session is replaced by a new one.
 *
 * By default requests are due on a schedule (`rate`), whether or not the server keeps up, so that a
 * stop delays all that come in it, as it would delay their users. Sessions lie in `shards` parts
 * that share nothing: request r goes to shard r modulo `shards`, and a thread owns whole shards, so
 * what a request finds does not depend on threads or time.
 *
 * Each iteration first fills the table of sessions, which is no operation.
 *
 * Stresses: short-lived small objects of mixed kinds and sizes beside a live set of medium age, in
 * which new objects are stored into old ones; latency under a fixed load. Does not stress: large
 * objects, cycles, data shared by threads, throughput (at a rate that it keeps up with, a faster
 * backend only waits longer; see rate=0).
 *
 * Live set, all threads together: shards * (8 + 24) + sessions * (8 + 56 + 32 + 4 * 64), for
 * references, shard, session, name of the user and four pages, and for each thread the buffer,
 * texts, headers, tree and chunks of one request (request_bytes() below); all sizes are fixed, only
 * contents vary.
 *
 * A good collector reclaims a request at next to no cost, does not look at the sessions each time,
 * and stops for less than the time between two requests. A bad one makes some hundred requests
 * wait for each of its collections, or falls behind the rate for good.
 */
#include <string.h>

#include "base/rng.h"
#include "gc.h"
#include "workload.h"

enum { SESSIONS, REQUESTS, NODES, LOGINS, SHARDS, RATE };

static const struct workload_param params[] = {
    [SESSIONS] = {"sessions", "count", 20000, 1, 1000000000, "sessions alive, all shards"},
    [REQUESTS] = {"requests", "count", 10000, 1, UINT64_C(10000000000),
                  "requests per iteration, all threads together"},
    [NODES] = {"nodes", "count", 150, 1, 1000000, "nodes of a page"},
    [LOGINS] = {"logins", "permille", 50, 0, 1000, "requests that replace the oldest session"},
    [SHARDS] = {"shards", "count", 16, 1, 1 << 20, "parts of the sessions, each of one thread"},
    [RATE] = {"rate", "per_s", 20000, 0, 1000000000,
              "requests due per second, all threads together; 0: one follows the other"},
};

#define BUFFER_BYTES 1024 /* what a request is read into; all requests fit */
#define PATH_BYTES   22   /* "/item/" and 16 digits */
#define NAME_BYTES   32   /* of a user */
#define PAGE_BYTES   64   /* remembered of a page */
#define HISTORY      4    /* pages remembered of a session */
#define TAG_BYTES    3
#define MARKUP_BYTES 11 /* "<TAG>" and "</TAG>" */

static const char *const header_names[] = {
    "host", "user-agent", "accept", "accept-language", "accept-encoding", "referer", "cookie",
};
#define HEADERS (sizeof header_names / sizeof header_names[0])
#define COOKIE  (HEADERS - 1)

static const char tags[][TAG_BYTES + 1] = {"div", "nav", "pre", "sub"};

struct header {
    struct header *next;
    char *name;
    char *value;
    uint32_t name_bytes;
    uint32_t value_bytes;
};

struct request {
    char *path;
    struct header *headers; /* the last one first */
    uint64_t header_count;
};

struct node {
    struct node *child;
    struct node *next; /* of the same parent */
    char *text;
    uint32_t text_bytes;
    uint32_t tag;
};

struct chunk {
    struct chunk *next;
    uint64_t used_bytes;
    char bytes[4080];
};

struct session {
    uint64_t id;
    char *user;
    char *pages[HISTORY];
    uint64_t visits_count;
};

/* Session number id lies in place id modulo count, so a new one takes the place of the oldest. */
struct shard {
    struct session **table;
    uint64_t count;
    uint64_t next_id;
};

static struct gc_type text_type = GC_TYPE_LEAF("text");
static struct gc_type header_type = GC_TYPE_RECORD(
    struct header, GC_POINTER_BIT(struct header, next) | GC_POINTER_BIT(struct header, name) |
                       GC_POINTER_BIT(struct header, value));
static struct gc_type request_type = GC_TYPE_RECORD(
    struct request, GC_POINTER_BIT(struct request, path) | GC_POINTER_BIT(struct request, headers));
static struct gc_type node_type = GC_TYPE_RECORD(
    struct node, GC_POINTER_BIT(struct node, child) | GC_POINTER_BIT(struct node, next) |
                     GC_POINTER_BIT(struct node, text));
static struct gc_type chunk_type = GC_TYPE_RECORD(struct chunk, GC_POINTER_BIT(struct chunk, next));
static struct gc_type session_type =
    GC_TYPE_RECORD(struct session, GC_POINTER_BIT(struct session, user) |
                                       GC_POINTER_BIT(struct session, pages[0]) |
                                       GC_POINTER_BIT(struct session, pages[1]) |
                                       GC_POINTER_BIT(struct session, pages[2]) |
                                       GC_POINTER_BIT(struct session, pages[3]));
static struct gc_type shard_type =
    GC_TYPE_RECORD(struct shard, GC_POINTER_BIT(struct shard, table));
static struct gc_type table_type = GC_TYPE_POINTER_ARRAY("sessions of a shard");
static struct gc_type shards_type = GC_TYPE_POINTER_ARRAY("shards of a thread");

static struct gc_type *const types[] = {&text_type,   &header_type,  &request_type, &node_type,
                                        &chunk_type,  &session_type, &shard_type,   &table_type,
                                        &shards_type, NULL};

/* One thread's view of the run. */
struct server {
    struct workload_thread *thread;
    struct gc_mutator *m;
    uint64_t seed;
    uint64_t nodes;
    uint64_t logins;
    uint64_t shard_count; /* of all threads */
    /* Of the request being served. */
    struct rng rng;
    uint64_t node_number;
};

static uint32_t header_value_bytes(uint64_t number)
{
    return number == COOKIE ? 16 : 16 + 16 * (uint32_t)(number % 4);
}

static uint32_t node_text_bytes(uint64_t number)
{
    return 16 + 16 * (uint32_t)(number % 3);
}

/* Sums of node_text_bytes over the nodes of a page. */
static uint64_t page_text_bytes(uint64_t nodes)
{
    uint64_t bytes = nodes / 3 * (16 + 32 + 48);
    for (uint64_t i = nodes / 3 * 3; i < nodes; i++)
        bytes += node_text_bytes(i);
    return bytes;
}

static uint64_t chunk_count(uint64_t nodes)
{
    uint64_t room = sizeof((struct chunk *)0)->bytes;
    return (page_text_bytes(nodes) + nodes * MARKUP_BYTES + room - 1) / room;
}

/* All that is allocated for one request and alive when its page is sent. */
static uint64_t request_bytes(uint64_t nodes)
{
    uint64_t bytes = BUFFER_BYTES + sizeof(struct request) + PATH_BYTES;
    for (uint64_t i = 0; i < HEADERS; i++)
        bytes += sizeof(struct header) + strlen(header_names[i]) + header_value_bytes(i);
    return bytes + nodes * sizeof(struct node) + page_text_bytes(nodes) +
           chunk_count(nodes) * sizeof(struct chunk);
}

static uint64_t request_objects(uint64_t nodes)
{
    return 1 + 2 + 3 * HEADERS + 2 * nodes + chunk_count(nodes);
}

#define SESSION_BYTES (sizeof(struct session) + NAME_BYTES + HISTORY * PAGE_BYTES)

static uint64_t live_bytes(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    return p[SHARDS] * (sizeof(struct shard *) + sizeof(struct shard)) +
           p[SESSIONS] * (sizeof(struct session *) + SESSION_BYTES) +
           run->threads * request_bytes(p[NODES]);
}

/* Text is made of 16 hexadecimal digits at a time. */
static void write_digits(char *at, uint64_t value)
{
    for (int i = 0; i < 16; i++, value >>= 4)
        at[i] = "0123456789abcdef"[value & 15];
}

static void write_text(struct rng *rng, char *at, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes; i += 16)
        write_digits(at + i, rng_next(rng));
}

static char *make_text(struct server *s, uint64_t bytes)
{
    char *text = gc_alloc(s->m, &text_type, bytes);
    write_text(&s->rng, text, bytes);
    return text;
}

static char *copy_text(struct server *s, const char *from, uint64_t bytes)
{
    char *text = gc_alloc(s->m, &text_type, bytes);
    memcpy(text, from, bytes);
    return text;
}

static uint64_t hash_text(uint64_t hash, const char *text, uint64_t bytes)
{
    uint64_t word;
    for (; bytes >= sizeof word; bytes -= sizeof word, text += sizeof word) {
        memcpy(&word, text, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    }
    for (; bytes > 0; bytes--, text++)
        hash = hash * 31 + (unsigned char)*text;
    return hash;
}

/* What comes in: a request line and headers, the last of which names the session. Returns its
 * length. */
static uint64_t receive(struct server *s, char *buffer, uint64_t session_id)
{
    char *at = buffer;
    at = mempcpy(at, "GET /item/", 10);
    write_text(&s->rng, at, 16);
    at = mempcpy(at + 16, " HTTP/1.1\r\n", 11);
    for (uint64_t i = 0; i < HEADERS; i++) {
        at = mempcpy(at, header_names[i], strlen(header_names[i]));
        at = mempcpy(at, ": ", 2);
        if (i == COOKIE)
            write_digits(at, session_id);
        else
            write_text(&s->rng, at, header_value_bytes(i));
        at = mempcpy(at + header_value_bytes(i), "\r\n", 2);
    }
    at = mempcpy(at, "\r\n", 2);
    return (uint64_t)(at - buffer);
}

static struct header *parse_header(struct server *s, const char *line, uint64_t bytes)
{
    const char *colon = memchr(line, ':', bytes);
    if (colon == NULL)
        workload_fail(s->thread, "http_server: a header has no colon");
    uint64_t name_bytes = (uint64_t)(colon - line);
    uint64_t value_bytes = bytes - name_bytes - 2;
    char *name = copy_text(s, line, name_bytes);
    char *value = copy_text(s, colon + 2, value_bytes);
    struct header *header = gc_alloc(s->m, &header_type, sizeof *header);
    gc_init_field(header->next, NULL);
    gc_init_field(header->name, name);
    gc_init_field(header->value, value);
    header->name_bytes = (uint32_t)name_bytes;
    header->value_bytes = (uint32_t)value_bytes;
    return header;
}

static struct request *parse(struct server *s, const char *buffer, uint64_t bytes)
{
    const char *at = buffer;
    const char *end = buffer + bytes;
    const char *path = memchr(at, ' ', bytes);
    const char *path_end = path ? memchr(path + 1, ' ', (size_t)(end - path - 1)) : NULL;
    if (path_end == NULL || path_end - path - 1 != PATH_BYTES)
        workload_fail(s->thread, "http_server: a request line is not what was sent");
    char *path_text = copy_text(s, path + 1, PATH_BYTES);
    struct request *request = gc_alloc(s->m, &request_type, sizeof *request);
    gc_init_field(request->path, path_text);
    gc_init_field(request->headers, NULL);
    request->header_count = 0;
    for (at = path_end + 11; at < end && *at != '\r'; at += 2) {
        const char *line_end = memchr(at, '\r', (size_t)(end - at));
        if (line_end == NULL)
            workload_fail(s->thread, "http_server: a header does not end");
        struct header *header = parse_header(s, at, (uint64_t)(line_end - at));
        gc_store(s->m, header, header->next, request->headers);
        gc_store(s->m, request, request->headers, header);
        request->header_count++;
        at = line_end;
    }
    gc_keep(buffer);
    return request;
}

/* The id in the cookie, written by write_digits, lowest digit first. */
static uint64_t cookie_of(struct server *s, const struct request *request)
{
    const struct header *cookie = request->headers;
    if (request->header_count != HEADERS || cookie->value_bytes != 16 ||
        memcmp(cookie->name, header_names[COOKIE], cookie->name_bytes) != 0)
        workload_fail(s->thread, "http_server: the headers are not what was sent");
    uint64_t id = 0;
    for (int i = 15; i >= 0; i--) {
        char digit = cookie->value[i];
        id = id << 4 | (uint64_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
    }
    return id;
}

static struct session *make_session(struct server *s, uint64_t id)
{
    struct session *session = gc_alloc_zeroed(s->m, &session_type, sizeof *session);
    session->id = id;
    char *text = make_text(s, NAME_BYTES);
    gc_store(s->m, session, session->user, text);
    for (unsigned i = 0; i < HISTORY; i++) {
        text = make_text(s, PAGE_BYTES);
        gc_store(s->m, session, session->pages[i], text);
    }
    workload_allocated(s->thread, SESSION_BYTES, 2 + HISTORY);
    return session;
}

static void free_session(struct server *s, struct session *session)
{
    if (!GC_RECLAIMS_BY_HAND)
        return;
    for (unsigned i = 0; i < HISTORY; i++)
        gc_free(s->m, session->pages[i], PAGE_BYTES);
    gc_free(s->m, session->user, NAME_BYTES);
    gc_free(s->m, session, sizeof *session);
}

/* Replaces the oldest session by a new one, whose id is returned. */
static uint64_t log_in(struct server *s, struct shard *shard)
{
    uint64_t id = shard->next_id++;
    uint64_t place = id % shard->count;
    struct session *old = shard->table[place];
    gc_store(s->m, shard->table, shard->table[place], NULL);
    free_session(s, old);
    struct session *session = make_session(s, id);
    gc_store(s->m, shard->table, shard->table[place], session);
    return id;
}

static struct session *find_session(struct server *s, const struct shard *shard, uint64_t id)
{
    struct session *session = shard->table[id % shard->count];
    if (session == NULL || session->id != id)
        workload_fail(s->thread, "http_server: a session is lost");
    return session;
}

static uint64_t read_session(const struct session *session)
{
    uint64_t hash = hash_text(session->visits_count, session->user, NAME_BYTES);
    for (unsigned i = 0; i < HISTORY; i++)
        hash = hash_text(hash, session->pages[i], PAGE_BYTES);
    return hash;
}

static void remember_page(struct server *s, struct session *session)
{
    uint64_t place = session->visits_count++ % HISTORY;
    char *old = session->pages[place];
    gc_store(s->m, session, session->pages[place], NULL);
    gc_free(s->m, old, PAGE_BYTES);
    char *page = make_text(s, PAGE_BYTES);
    gc_store(s->m, session, session->pages[place], page);
    workload_allocated(s->thread, PAGE_BYTES, 1);
}

/* A tree of `budget` nodes, in which each has two to eight children if that many are left, of about
 * equal size: so it is at most about log2(budget) deep. */
static struct node *make_tree(struct server *s, uint64_t budget)
{
    uint32_t text_bytes = node_text_bytes(s->node_number++);
    char *text = make_text(s, text_bytes);
    struct node *node = gc_alloc(s->m, &node_type, sizeof *node);
    gc_init_field(node->child, NULL);
    gc_init_field(node->next, NULL);
    gc_init_field(node->text, text);
    node->text_bytes = text_bytes;
    node->tag = (uint32_t)rng_below(&s->rng, sizeof tags / sizeof tags[0]);
    uint64_t children = 2 + rng_below(&s->rng, 7);
    for (budget--; budget > 0; children--) {
        uint64_t share = children > 1 ? (budget + children - 1) / children : budget;
        struct node *child = make_tree(s, share);
        gc_store(s->m, child, child->next, node->child);
        gc_store(s->m, node, node->child, child);
        budget -= share;
    }
    return node;
}

static void free_tree(struct server *s, struct node *node)
{
    if (!GC_RECLAIMS_BY_HAND)
        return;
    for (struct node *child = node->child, *next; child != NULL; child = next) {
        next = child->next;
        free_tree(s, child);
    }
    gc_free(s->m, node->text, node->text_bytes);
    gc_free(s->m, node, sizeof *node);
}

static struct chunk *make_chunk(struct server *s)
{
    struct chunk *chunk = gc_alloc(s->m, &chunk_type, sizeof *chunk);
    gc_init_field(chunk->next, NULL);
    chunk->used_bytes = 0;
    return chunk;
}

/* Appends to the chain whose last chunk is `chunk`, and returns the last one. */
static struct chunk *append(struct server *s, struct chunk *chunk, const char *text, uint64_t bytes)
{
    while (bytes > 0) {
        uint64_t room = sizeof chunk->bytes - chunk->used_bytes;
        if (room == 0) {
            struct chunk *next = make_chunk(s);
            gc_store(s->m, chunk, chunk->next, next);
            chunk = next;
            continue;
        }
        uint64_t part = bytes < room ? bytes : room;
        memcpy(chunk->bytes + chunk->used_bytes, text, part);
        chunk->used_bytes += part;
        text += part;
        bytes -= part;
    }
    return chunk;
}

static struct chunk *render(struct server *s, struct chunk *chunk, const struct node *node)
{
    const char *tag = tags[node->tag];
    chunk = append(s, chunk, "<", 1);
    chunk = append(s, chunk, tag, TAG_BYTES);
    chunk = append(s, chunk, ">", 1);
    chunk = append(s, chunk, node->text, node->text_bytes);
    for (const struct node *child = node->child; child != NULL; child = child->next)
        chunk = render(s, chunk, child);
    chunk = append(s, chunk, "</", 2);
    chunk = append(s, chunk, tag, TAG_BYTES);
    gc_safepoint(s->m);
    return append(s, chunk, ">", 1);
}

static uint64_t send_page(struct server *s, const struct chunk *chunk)
{
    uint64_t hash = 0;
    uint64_t bytes = 0;
    for (; chunk != NULL; chunk = chunk->next) {
        hash = hash_text(hash, chunk->bytes, chunk->used_bytes);
        bytes += chunk->used_bytes;
        gc_safepoint(s->m);
    }
    if (bytes != page_text_bytes(s->nodes) + s->nodes * MARKUP_BYTES)
        workload_fail(s->thread, "http_server: a page is not what was built");
    return hash;
}

/* What an access log would have of the request, which so is read once more before it goes. */
static uint64_t log_request(struct server *s, const struct request *request)
{
    uint64_t count = 0;
    uint64_t hash = hash_text(0, request->path, PATH_BYTES);
    for (const struct header *header = request->headers; header != NULL; header = header->next) {
        hash = hash_text(hash, header->value, header->value_bytes);
        count += header->value_bytes > 0;
    }
    if (count != HEADERS)
        workload_fail(s->thread, "http_server: a header is lost");
    return hash;
}

static void free_request(struct server *s, struct request *request)
{
    if (!GC_RECLAIMS_BY_HAND)
        return;
    for (struct header *header = request->headers, *next; header != NULL; header = next) {
        next = header->next;
        gc_free(s->m, header->name, header->name_bytes);
        gc_free(s->m, header->value, header->value_bytes);
        gc_free(s->m, header, sizeof *header);
    }
    gc_free(s->m, request->path, PATH_BYTES);
    gc_free(s->m, request, sizeof *request);
}

static void free_chunks(struct server *s, struct chunk *chunk)
{
    if (!GC_RECLAIMS_BY_HAND)
        return;
    for (struct chunk *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        gc_free(s->m, chunk, sizeof *chunk);
    }
}

/* Not inlined, so that no object of a request outlives it in the frame of the loop. */
static __attribute__((noinline)) uint64_t serve(struct server *s, struct shard *shard,
                                                uint64_t number)
{
    rng_seed(&s->rng, s->seed, number);
    bool is_new = rng_below(&s->rng, 1000) < s->logins;
    uint64_t age = rng_below(&s->rng, rng_below(&s->rng, shard->count) + 1);
    uint64_t id = is_new ? log_in(s, shard) : shard->next_id - 1 - age;

    char *buffer = gc_alloc(s->m, &text_type, BUFFER_BYTES);
    uint64_t bytes = receive(s, buffer, id);
    struct request *request = parse(s, buffer, bytes);
    struct session *session = find_session(s, shard, cookie_of(s, request));
    uint64_t hash = read_session(session);
    s->node_number = 0;
    struct node *tree = make_tree(s, s->nodes);
    struct chunk *page = make_chunk(s);
    render(s, page, tree);
    hash += send_page(s, page);
    hash ^= log_request(s, request);
    workload_allocated(s->thread, request_bytes(s->nodes), request_objects(s->nodes));
    remember_page(s, session);

    gc_keep(tree);
    gc_keep(buffer);
    free_chunks(s, page);
    free_tree(s, tree);
    free_request(s, request);
    gc_free(s->m, buffer, BUFFER_BYTES);
    return rng_mix(hash ^ number);
}

/* A full shard, in which what a session holds depends on the shard's number and its id alone. */
static struct shard *make_shard(struct server *s, uint64_t number)
{
    uint64_t sessions = workload_param(s->thread, SESSIONS);
    uint64_t count = sessions / s->shard_count + (number < sessions % s->shard_count ? 1 : 0);
    struct session **table = gc_alloc_zeroed(s->m, &table_type, count * sizeof(struct session *));
    struct shard *shard = gc_alloc(s->m, &shard_type, sizeof *shard);
    gc_init_field(shard->table, table);
    shard->count = count;
    shard->next_id = count;
    workload_allocated(s->thread, count * sizeof(struct session *) + sizeof *shard, 2);
    for (uint64_t id = 0; id < count; id++) {
        rng_seed(&s->rng, ~s->seed, id * s->shard_count + number);
        struct session *session = make_session(s, id);
        gc_store(s->m, shard->table, shard->table[id], session);
    }
    return shard;
}

static void drop_shard(struct server *s, struct shard *shard)
{
    if (!GC_RECLAIMS_BY_HAND)
        return;
    for (uint64_t i = 0; i < shard->count; i++)
        free_session(s, shard->table[i]);
    gc_free(s->m, shard->table, shard->count * sizeof(struct session *));
    gc_free(s->m, shard, sizeof *shard);
}

static uint64_t iterate(struct workload_thread *thread)
{
    uint64_t first, end;
    uint64_t checksum = 0;
    uint64_t requests = workload_param(thread, REQUESTS);
    struct server s = {
        .thread = thread,
        .m = thread->mutator,
        .seed = thread->run->seed,
        .nodes = workload_param(thread, NODES),
        .logins = workload_param(thread, LOGINS),
        .shard_count = workload_param(thread, SHARDS),
    };
    workload_share(thread, s.shard_count, &first, &end);
    uint64_t shards_bytes = (end - first) * sizeof(struct shard *);
    struct shard **shards = gc_alloc_zeroed(s.m, &shards_type, shards_bytes);
    workload_allocated(thread, shards_bytes, 1);
    for (uint64_t k = first; k < end; k++) {
        struct shard *shard = make_shard(&s, k);
        gc_store(s.m, shards, shards[k - first], shard);
    }

    workload_requests_begin(thread);
    for (uint64_t round = 0; round < requests; round += s.shard_count)
        for (uint64_t k = first; k < end && round + k < requests; k++) {
            workload_request_begin(thread, round + k);
            checksum += serve(&s, shards[k - first], round + k);
            workload_operation_end(thread);
        }

    for (uint64_t k = first; k < end; k++)
        drop_shard(&s, shards[k - first]);
    gc_keep(shards);
    gc_free(s.m, shards, shards_bytes);
    return checksum;
}

static const char *check(const struct workload_run *run)
{
    const uint64_t *p = run->params;
    if (p[SHARDS] < run->threads)
        return "shards must be at least the number of threads: each owns some";
    if (p[SESSIONS] < p[SHARDS])
        return "sessions must be at least shards: each holds some";
    return NULL;
}

const struct workload workload_http_server = {
    .name = "http_server",
    .summary = "requests parsed, answered with a page and dropped, at a rate; sessions that age",
    .operation = "one request read, parsed, answered and dropped",
    .params = params,
    .param_count = sizeof params / sizeof params[0],
    .types = types,
    .traits = WORKLOAD_TAKES_THREADS | WORKLOAD_IS_REQUESTS,
    .live_bytes = live_bytes,
    .check = check,
    .iterate = iterate,
};
