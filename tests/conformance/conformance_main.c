/* conformance_main.c: runs each case in a child process and reports to cmocka (see conformance.h).
 *
 * GCMETER_CONFORMANCE_OPTIONS holds backend options, as in a variant: stress=1,verify=1. A
 * flavour's own option is set by the name of the program, conformance-BACKEND-FLAVOUR.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "conformance.h"

enum { EXIT_FAILED = 1, EXIT_SKIPPED = 77, CASE_TIMEOUT_S = 120, OPTIONS_MAX = 32 };

struct conformance_case {
    const char *name;
    void (*body)(struct gc_mutator *m);
    uint64_t heap_limit_bytes;
    uint64_t memory_cap_bytes;
};

static const struct conformance_case cases[] = {
#define CASE(name, limit, cap) {#name, case_##name, limit, cap},
#include "conformance_cases.def"
#undef CASE
};
enum { CASES_COUNT = sizeof cases / sizeof cases[0] };

struct gc_type type_leaf = GC_TYPE_LEAF("leaf");
struct gc_type type_array = GC_TYPE_POINTER_ARRAY("array");
struct gc_type type_node = GC_TYPE_RECORD(struct node, GC_POINTER_BIT(struct node, left) |
                                                           GC_POINTER_BIT(struct node, right));
struct gc_type type_mixed = GC_TYPE_RECORD_AND_POINTERS(
    struct header_and_children, GC_POINTER_BIT(struct header_and_children, first));
struct gc_type type_pairs = {
    .name = "pairs",
    .element_bytes = sizeof(struct pair),
    .element_pointers = GC_POINTER_BIT(struct pair, reference),
};
struct gc_type type_sparse =
    GC_TYPE_RECORD(struct sparse, GC_POINTER_BIT(struct sparse, first) |
                                      GC_POINTER_BIT(struct sparse, last_mapped));
static struct gc_type *const types[] = {&type_leaf,  &type_array, &type_node,
                                        &type_mixed, &type_pairs, &type_sparse};

struct gc_config conformance_config;
void **conformance_roots;
struct conformance_events *conformance_events;

static int64_t option_values[OPTIONS_MAX];
static bool has_options; /* from the environment */
static bool is_stressed; /* by an option of that name: each allocation collects */
static const char *case_name;
static bool expects_out_of_memory;
static jmp_buf out_of_memory_jump;
static size_t out_of_memory_bytes;

void conformance_fail(const char *file, int line, const char *condition, const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fprintf(stderr, "# %s: %s:%d: %s does not hold: ", case_name, file, line, condition);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    _exit(EXIT_FAILED);
}

static void note(const char *what, const char *format, va_list args)
{
    printf("# %s %s: ", what, case_name);
    vprintf(format, args);
    putchar('\n');
    fflush(stdout);
}

void conformance_skip(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note("skipped", format, args);
    va_end(args);
    _exit(EXIT_SKIPPED);
}

void conformance_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note("skipped in part", format, args);
    va_end(args);
}

uint64_t conformance_scaled(uint64_t count)
{
    /* A collection per allocation makes the work quadratic. */
    uint64_t stressed = GC_SANITIZED_THREAD ? 400 : 100;
    uint64_t scaled = count / (is_stressed ? stressed : has_options || GC_SANITIZED ? 20 : 1);
    return scaled ? scaled : 1;
}

void need_tracing(void)
{
    if (gc_backend.reclaim != GC_RECLAIM_TRACING)
        conformance_skip("%s does not trace", gc_backend.name);
}

void need_threads(void)
{
    if (!(gc_backend.capabilities & GC_CAN_THREADS))
        conformance_skip("%s has one thread only", gc_backend.name);
}

void pattern_fill(void *object, size_t bytes, uint64_t seed)
{
    unsigned char *p = object;
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) {
        uint64_t word = rng_mix(seed + i);
        memcpy(p + i, &word, 8);
    }
    for (; i < bytes; i++)
        p[i] = (unsigned char)(seed + i);
}

void pattern_check(const void *object, size_t bytes, uint64_t seed)
{
    const unsigned char *p = object;
    size_t i = 0;
    for (; i + 8 <= bytes; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        CHECK(word == rng_mix(seed + i),
              "object of %zu bytes at %p, byte %zu: %#" PRIx64 " instead of %#" PRIx64, bytes,
              object, i, word, rng_mix(seed + i));
    }
    for (; i < bytes; i++)
        CHECK(p[i] == (unsigned char)(seed + i), "object of %zu bytes at %p, byte %zu: %u", bytes,
              object, i, p[i]);
}

void *pattern_object(struct gc_mutator *m, size_t bytes, uint64_t seed)
{
    void *object = gc_alloc(m, &type_leaf, bytes);
    pattern_fill(object, bytes, seed);
    return object;
}

__attribute__((noinline)) void clear_dead_stack(void)
{
    volatile char dead[64 << 10];
    for (size_t i = 0; i < sizeof dead; i++)
        dead[i] = 0;
}

void collect_twice(struct gc_mutator *m)
{
    for (int i = 0; i < 2; i++) {
        clear_dead_stack();
        gc_backend.collect(m);
    }
}

__attribute__((noinline)) void churn(struct gc_mutator *m, size_t object_bytes, uint64_t bytes)
{
    for (uint64_t done = 0; done < bytes; done += object_bytes) {
        void *object = gc_alloc(m, &type_leaf, object_bytes);
        memset(object, 0xdb, object_bytes);
        gc_keep(object);
        gc_free(m, object, object_bytes);
    }
}

uint64_t rotate_pools(struct gc_mutator *m)
{
    if (gc_backend.reclaim == GC_RECLAIM_TRACING) {
        struct gc_stats before, after;
        clear_dead_stack();
        gc_backend.stats(&before);
        gc_backend.collect(m);
        gc_backend.stats(&after);
        return before.gc_count == GC_UNKNOWN ? 1 : after.gc_count - before.gc_count;
    }
    /* Each get of an empty pool counts as an allocation of its size. */
    struct gc_pool *empty = gc_pool_create(m, &type_leaf, 1 << 20);
    CHECK(empty != NULL, "%s", strerror(errno));
    for (uint64_t bytes = 0; bytes < GC_POOL_ROTATE_BYTES; bytes += 1 << 20)
        CHECK(gc_pool_get(m, empty) == NULL, "a new pool is not empty");
    gc_pool_destroy(m, empty);
    return 1;
}

uint64_t memory_available_bytes(void)
{
    char line[256];
    uint64_t kib = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
            break;
    }
    if (f)
        fclose(f);
    return kib << 10;
}

struct case_thread {
    pthread_t thread;
    unsigned index;
    void (*body)(struct gc_mutator *m, unsigned index);
};

static bool attaching_may_fail;
static _Thread_local bool is_attaching;

void let_attaching_fail(void)
{
    attaching_may_fail = true;
}

static void *thread_main(void *argument)
{
    struct case_thread *t = argument;
    is_attaching = true;
    struct gc_mutator *m = gc_backend.attach();
    is_attaching = false;
    if (!m && attaching_may_fail)
        _exit(0);
    CHECK(m != NULL, "thread %u cannot attach: %s", t->index, strerror(errno));
    t->body(m, t->index);
    gc_backend.detach(m);
    return NULL;
}

void run_threads(struct gc_mutator *m, unsigned count, void (*body)(struct gc_mutator *m, unsigned))
{
    struct case_thread threads[CASE_THREADS];
    for (unsigned i = 0; i < count; i++) {
        threads[i] = (struct case_thread){.index = i, .body = body};
        int error = pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]);
        CHECK(error == 0, "pthread_create: %s", strerror(error));
    }
    gc_backend.enter_blocked(m);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i].thread, NULL);
    gc_backend.leave_blocked(m);
}

bool runs_out_of_memory(void (*body)(struct gc_mutator *m), struct gc_mutator *m, size_t *bytes)
{
    expects_out_of_memory = true;
    if (setjmp(out_of_memory_jump) == 0) {
        body(m);
        expects_out_of_memory = false;
        return false;
    }
    expects_out_of_memory = false;
    *bytes = out_of_memory_bytes;
    return true;
}

static void on_out_of_memory(void *data, size_t bytes)
{
    (void)data;
    if (is_attaching && attaching_may_fail)
        _exit(0);
    CHECK(expects_out_of_memory, "out of memory for %zu bytes", bytes);
    out_of_memory_bytes = bytes;
    longjmp(out_of_memory_jump, 1);
}

static void on_stop(void *data, const struct gc_stop *stop)
{
    struct conformance_events *events = data;
    size_t i = __atomic_fetch_add(&events->stops_count, 1, __ATOMIC_RELAXED);
    events->missed_count += events->stopped_ns < stop->start_ns ||
                            events->stopped_ns > stop->start_ns + stop->duration_ns;
    events->stopped_ns = 0;
    if (i < EVENTS_KEPT)
        events->stops[i] = *stop;
}

static void on_stopped(void *data)
{
    struct conformance_events *events = data;
    events->stopped_ns = clock_now_ns();
}

static void on_collection(void *data, const struct gc_collection *collection)
{
    struct conformance_events *events = data;
    size_t i = __atomic_fetch_add(&events->collections_count, 1, __ATOMIC_RELAXED);
    if (i < EVENTS_KEPT)
        events->collections[i] = *collection;
}

static void *map_zeroed(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED, "mmap: %s", strerror(errno));
    return p;
}

/* In the child. */
static _Noreturn void case_main(const struct conformance_case *c)
{
    char why[512] = "";
    struct gc_mutator *m = NULL;
    static struct gc_listener listener;
    alarm(CASE_TIMEOUT_S);
    conformance_events = map_zeroed(sizeof *conformance_events);
    conformance_roots = map_zeroed(ROOTS_COUNT * sizeof(void *));
    listener = (struct gc_listener){.data = conformance_events,
                                    .stop = on_stop,
                                    .collection = on_collection,
                                    .stopped = on_stopped,
                                    .out_of_memory = on_out_of_memory};
    conformance_config = (struct gc_config){
        .heap_limit_bytes = is_stressed ? c->heap_limit_bytes / 4 : c->heap_limit_bytes,
        .memory_cap_bytes = c->memory_cap_bytes,
        .threads_count = CASE_THREADS + 1,
        .option_values = option_values,
        .listener = &listener,
    };
    if (c->heap_limit_bytes && !(gc_backend.capabilities & GC_CAN_LIMIT_HEAP))
        conformance_skip("%s has no heap limit", gc_backend.name);
    int error = gc_backend.init(&conformance_config, &m, why, sizeof why);
    if (error == -ENOTSUP)
        conformance_skip("%s", why);
    CHECK(error == 0, "init: %s: %s", strerror(-error), why);
    CHECK(m != NULL, "init made no main mutator");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        error = gc_backend.type_register(types[i]);
        CHECK(error == 0, "type %s: %s", types[i]->name, strerror(-error));
    }
    error = gc_backend.roots_add(conformance_roots, conformance_roots + ROOTS_COUNT);
    CHECK(error == 0, "roots: %s", strerror(-error));
    c->body(m);
    if (gc_backend.capabilities & GC_CAN_VERIFY)
        CHECK(gc_backend.verify(m, why, sizeof why) == 0, "%s", why);
    fflush(stdout);
    _exit(0);
}

static void run_case(void **state)
{
    const struct conformance_case *c = *state;
    int status;
    case_name = c->name;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        case_main(c);
    assert_true(child > 0);
    while (waitpid(child, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    if (WIFSIGNALED(status))
        fail_msg("%s: killed by signal %d (%s)", c->name, WTERMSIG(status),
                 WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) == EXIT_SKIPPED)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

static _Noreturn void refuse(const char *text)
{
    fprintf(stderr,
            "conformance: \"%s\" is no option of %s with a value of its kind; name=value,…\n", text,
            gc_backend.name);
    exit(2);
}

/* Index of the word in `a|b|c`, or -1. */
static int64_t choice_index(const char *choices, const char *word)
{
    size_t length = strlen(word);
    for (int64_t i = 0;; i++) {
        size_t each = strcspn(choices, "|");
        if (each == length && strncmp(choices, word, length) == 0)
            return i;
        if (choices[each] == '\0')
            return -1;
        choices += each + 1;
    }
}

static void set_option(const char *name, const char *value, const char *text)
{
    for (size_t i = 0; i < gc_backend.option_count; i++) {
        const struct gc_option *option = &gc_backend.options[i];
        char *end;
        if (strcmp(option->name, name) != 0)
            continue;
        if (option->kind == GC_OPTION_CHOICE) {
            option_values[i] = choice_index(option->choices, value);
            if (option_values[i] < 0)
                refuse(text);
            return;
        }
        errno = 0;
        int64_t number = strtoll(value, &end, 10);
        if (end == value || *end || errno || number < option->min || number > option->max)
            refuse(text);
        option_values[i] = number;
        is_stressed |= number && strcmp(name, "stress") == 0;
        return;
    }
    refuse(text);
}

/* Sets name=value,name=value… */
static void set_options(const char *text)
{
    char *copy = strdup(text);
    char *rest = copy;
    for (char *word; (word = strsep(&rest, ",")) != NULL;) {
        char *value = strchr(word, '=');
        if (!value)
            refuse(text);
        *value++ = '\0';
        set_option(word, value, text);
    }
    free(copy);
}

/* The flavours of this backend in backends.def: words NAME:OPTION=VALUE. */
static void set_flavour(const char *program)
{
#define BACKEND(folder, flavours, header, libraries, package, summary) {#folder, flavours},
    static const char *const rows[][2] = {
#include "backends.def"
    };
#undef BACKEND
    const char *base = strrchr(program, '/') ? strrchr(program, '/') + 1 : program;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *copy = strdup(rows[i][1]);
        char *rest = copy;
        for (char *word; (word = strsep(&rest, " ")) != NULL;) {
            char name[128];
            char *option = strchr(word, ':');
            if (!option)
                continue;
            *option++ = '\0';
            snprintf(name, sizeof name, "conformance-%s-%s", rows[i][0], word);
            if (strcmp(base, name) == 0)
                set_options(option);
        }
        free(copy);
    }
}

int main(int argc, char **argv)
{
    const char *options = getenv("GCMETER_CONFORMANCE_OPTIONS");
    struct CMUnitTest tests[CASES_COUNT];
    (void)argc;
    if (gc_backend.option_count > OPTIONS_MAX) {
        fprintf(stderr, "conformance: %s has more than %d options\n", gc_backend.name, OPTIONS_MAX);
        return 2;
    }
    for (size_t i = 0; i < gc_backend.option_count; i++)
        option_values[i] = gc_backend.options[i].default_value;
    set_flavour(argv[0]);
    if (options && *options) {
        has_options = true;
        set_options(options);
    }
    for (size_t i = 0; i < CASES_COUNT; i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = run_case,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    return cmocka_run_group_tests_name(gc_backend.name, tests, NULL, NULL);
}
