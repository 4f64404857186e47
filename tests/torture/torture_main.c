/* torture_main.c: random work on the heap of one backend, compared with a model (graph_model.h), on
 * several threads that come and go, for as long as it is told.
 *
 *   torture-BACKEND [--seconds N] [--round-seconds N] [--seed N] [--threads N] [--options LIST]
 *
 * The time is divided into rounds, each a process with a backend of its own, started with the next
 * seed. From the seed follow, unless they are given, the number of threads, the heap limit and the
 * backend's options, out of those below. As the conformance suite, it takes options from
 * GCMETER_CONFORMANCE_OPTIONS too. Reports each round as a TAP test, with its seed and counts; a
 * round that fails, crashes or hangs is a failed test, and says how to have it again. Threads are
 * scheduled as the system likes, so the same seed does the same work in another order.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "gc_sanitizers.h"
#include "torture/graph_model.h"

enum { THREADS_MAX = 64, OPTIONS_MAX = 32, FORK_ROUNDS = 20, STEPS_MIN = 50, EXIT_SKIPPED = 77 };

/* What a round may be started with. Every option that changes how a collector works is there. */
static const char *const modes[] = {
#ifdef MARKSWEEP_GC_H
    "",
    "verify=1",
    "markers=1,verify=1",
    "markers=2",
    "markers=4,verify=1",
    "stress=1,verify=1",
    "stress=7,markers=1",
    "stress=100,verify=1",
    "gogc=20",
    "gogc=400,markers=1",
#elif defined(BOEHM_BOEHM_GC_H) && defined(GC_FLAVOUR_TYPED)
    "typed=1",
    "typed=1,markers=1",
    "typed=1,interior=0",
#elif defined(BOEHM_BOEHM_GC_H)
    "",
    "markers=1",
    "markers=4",
    "interior=0",
    "free_space_divisor=20",
    "incremental=1",
    "incremental=1,markers=1",
#else
    "",
#endif
};

static struct {
    uint64_t seconds;
    uint64_t round_seconds;
    uint64_t seed;
    uint64_t threads; /* 0: by the seed */
    const char *options;
} given = {.seconds = 2, .round_seconds = 1, .seed = 1};

/* Of one round; shared with the process that runs it. */
struct report {
    char options[128];
    unsigned threads;
    uint64_t heap_limit_bytes;
    struct graph_counts counts;
    uint64_t collections;
    uint64_t threads_started;
    uint64_t bursts;
    uint64_t forks;
};
static struct report *report;

/* Graphs are more than threads, so that they change hands. */
struct slot {
    struct graph *graph;
    int is_taken;
};
static struct slot slots[2 * THREADS_MAX];
static unsigned slots_count;
static int64_t end_ns;
static bool is_stressed;

/* ---- A round ---- */

static uint64_t random_below(void *data, uint64_t bound)
{
    return rng_below(data, bound);
}

static bool is_over(void)
{
    return clock_now_ns() >= __atomic_load_n(&end_ns, __ATOMIC_RELAXED);
}

static struct slot *take_slot(struct rng *rng)
{
    struct slot *slot = &slots[rng_below(rng, slots_count)];
    int is_free = 0;
    return __atomic_compare_exchange_n(&slot->is_taken, &is_free, 1, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED)
               ? slot
               : NULL;
}

/* Works on one graph for a while. */
static void burst(struct gc_mutator *m, struct rng *rng)
{
    struct slot *slot = take_slot(rng);
    if (!slot) {
        gc_safepoint(m);
        return;
    }
    __atomic_fetch_add(&report->bursts, 1, __ATOMIC_RELAXED);
    graph_take(slot->graph, m, (struct graph_choices){random_below, rng});
    uint64_t steps = STEPS_MIN + rng_below(rng, is_stressed ? 60 : 2000);
    for (uint64_t i = 0; i < steps && (i < STEPS_MIN || !is_over()); i++)
        graph_step(slot->graph);
    graph_compare(slot->graph);
    __atomic_store_n(&slot->is_taken, 0, __ATOMIC_RELEASE);
}

static void sleep_blocked(struct gc_mutator *m, uint64_t ns)
{
    const struct timespec time = {0, (long)ns};
    gc_backend.enter_blocked(m);
    nanosleep(&time, NULL);
    gc_backend.leave_blocked(m);
}

struct worker {
    pthread_t thread;
    uint64_t number;
    int is_done;
};

static _Thread_local bool is_attaching;

static void *worker_main(void *data)
{
    struct worker *worker = data;
    struct rng rng;
    rng_seed(&rng, given.seed, 100 + worker->number);
    is_attaching = true;
    struct gc_mutator *m = gc_backend.attach();
    is_attaching = false;
    if (!m) {
        fprintf(stderr, "# attach: %s\n", strerror(errno));
        abort();
    }
    for (uint64_t bursts = rng_below(&rng, 30); bursts > 0 && !is_over(); bursts--) {
        burst(m, &rng);
        if (rng_below(&rng, 8) == 0)
            sleep_blocked(m, rng_below(&rng, 1000000));
    }
    gc_backend.detach(m);
    __atomic_store_n(&worker->is_done, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void start_worker(struct worker *worker)
{
    worker->number = report->threads_started++;
    worker->is_done = 0;
    int error = pthread_create(&worker->thread, NULL, worker_main, worker);
    if (error) {
        fprintf(stderr, "# pthread_create: %s\n", strerror(error));
        abort();
    }
}

#ifdef MARKSWEEP_GC_H
#define CAN_FORK 1
#else
#define CAN_FORK 0 /* none of the others promises anything */
#endif

/* A child of a mutator, forked while others use the heap, goes on with the heap. Threads are not in
 * it; under ThreadSanitizer it may have none of its own either. */
static void fork_child(struct gc_mutator *m, struct rng *rng)
{
    struct slot *slot = take_slot(rng);
    if (!slot)
        return;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        graph_take(slot->graph, m, (struct graph_choices){random_below, rng});
        for (int i = 0; i < (is_stressed ? 20 : 500); i++)
            graph_step(slot->graph);
        gc_backend.collect(m);
        graph_compare(slot->graph);
        char why[256];
        if (gc_backend.verify(m, why, sizeof why) != 0) {
            fprintf(stderr, "# in a child: %s\n", why);
            _exit(1);
        }
        _exit(0);
    }
    __atomic_store_n(&slot->is_taken, 0, __ATOMIC_RELEASE);
    int status = 0;
    gc_backend.enter_blocked(m);
    pid_t ended = waitpid(pid, &status, 0);
    gc_backend.leave_blocked(m);
    if (pid < 0 || ended != pid || status != 0) {
        fprintf(stderr, "# the child of a fork ended with status %#x\n", status);
        abort();
    }
    report->forks++;
}

static void add_counts(struct graph_counts *to, struct graph_counts from)
{
    to->operations += from.operations;
    to->objects += from.objects;
    to->comparisons += from.comparisons;
    to->compared += from.compared;
    to->finalized += from.finalized;
    to->weak_cleared += from.weak_cleared;
    to->pooled += from.pooled;
    to->exchanged += from.exchanged;
    to->out_of_memory += from.out_of_memory;
}

static void verify(struct gc_mutator *m)
{
    char why[256];
    if ((gc_backend.capabilities & GC_CAN_VERIFY) && gc_backend.verify(m, why, sizeof why) != 0) {
        fprintf(stderr, "# the heap is not right: %s\n", why);
        abort();
    }
}

static void run_work(struct gc_mutator *m, struct rng *rng)
{
    struct worker workers[THREADS_MAX];
    unsigned count = report->threads - 1;
    for (unsigned i = 0; i < count; i++)
        start_worker(&workers[i]);
    /* However slow the machine is, something is compared. */
    do {
        burst(m, rng);
        if (CAN_FORK && !GC_SANITIZED_THREAD && rng_below(rng, FORK_ROUNDS) == 0)
            fork_child(m, rng);
        for (unsigned i = 0; i < count; i++) {
            if (!__atomic_load_n(&workers[i].is_done, __ATOMIC_ACQUIRE))
                continue;
            pthread_join(workers[i].thread, NULL);
            start_worker(&workers[i]);
        }
    } while (!is_over() || __atomic_load_n(&report->bursts, __ATOMIC_RELAXED) == 0);
    gc_backend.enter_blocked(m);
    for (unsigned i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    gc_backend.leave_blocked(m);
}

static void on_out_of_memory(void *data, size_t bytes)
{
    (void)data;
    /* The library has no room for a thread, and holds its lock: the round ends here. */
    if (is_attaching && report->heap_limit_bytes > 0)
        _exit(report->bursts > 0 ? 0 : EXIT_SKIPPED);
    /* Nothing that was allocated is ever there again: the end of the round. */
    if (gc_backend.reclaim == GC_RECLAIM_NEVER) {
        __atomic_store_n(&end_ns, 0, __ATOMIC_RELAXED);
        graph_expect_memory(false);
    }
    graph_out_of_memory(bytes);
}

static uint64_t stats_collections(void)
{
    struct gc_stats stats;
    gc_backend.stats(&stats);
    return stats.gc_count == GC_UNKNOWN ? 0 : stats.gc_count;
}

/* Reads NAME=NUMBER,… into the backend's options; false where one is none. */
static bool read_options(const char *text, int64_t *values)
{
    char copy[sizeof report->options];
    char *rest = copy;
    snprintf(copy, sizeof copy, "%s", text);
    for (size_t i = 0; i < gc_backend.option_count; i++)
        values[i] = gc_backend.options[i].default_value;
    for (char *word; (word = strsep(&rest, ",")) != NULL;) {
        char *equals = strchr(word, '=');
        size_t i = gc_backend.option_count;
        if (*word == '\0')
            continue;
        if (equals) {
            *equals = '\0';
            for (i = 0; i < gc_backend.option_count; i++)
                if (strcmp(gc_backend.options[i].name, word) == 0)
                    break;
        }
        if (i == gc_backend.option_count)
            return false;
        values[i] = strtoll(equals + 1, NULL, 10);
        is_stressed |= strcmp(word, "stress") == 0 && values[i] > 0 && values[i] < 50;
    }
    return true;
}

/* What follows from the seed, whatever is given. */
static void choose_backend(struct rng *rng)
{
    unsigned threads = 1 + (unsigned)rng_below(rng, 8);
    report->threads = given.threads ? (unsigned)given.threads : threads;
    if (!(gc_backend.capabilities & GC_CAN_THREADS))
        report->threads = 1;
    const char *mode = modes[rng_below(rng, sizeof modes / sizeof modes[0])];
    snprintf(report->options, sizeof report->options, "%s", given.options ? given.options : mode);
    uint64_t limit = rng_below(rng, 3) == 0 ? 0 : UINT64_C(2) << (20 + rng_below(rng, 4));
    report->heap_limit_bytes = gc_backend.capabilities & GC_CAN_LIMIT_HEAP ? limit : 0;
}

static struct graph_limits choose_limits(struct rng *rng)
{
    static const uint32_t nodes[] = {150, 600, 2500, 15000};
    return (struct graph_limits){
        .nodes_max = nodes[rng_below(rng, is_stressed ? 2 : 4)],
        .object_max = rng_below(rng, 2) == 0 ? 2000000 : 3000,
        .bytes_max = UINT64_C(300000) << rng_below(rng, 5),
        .collect_one_in = GC_SANITIZED ? 64 : 8,
    };
}

static _Noreturn void round_main(void)
{
    static int64_t values[OPTIONS_MAX];
    static const struct gc_listener listener = {.out_of_memory = on_out_of_memory};
    struct gc_mutator *m = NULL;
    struct rng rng;
    char why[256] = "";
    alarm((unsigned)(60 + 10 * given.round_seconds));
    rng_seed(&rng, given.seed, 0);
    choose_backend(&rng);
    if (!read_options(report->options, values)) {
        fprintf(stderr, "# %s has no options %s\n", gc_backend.name, report->options);
        _exit(2);
    }
    struct graph_limits limits = choose_limits(&rng);
    struct gc_config config = {
        .heap_limit_bytes = report->heap_limit_bytes,
        .memory_cap_bytes =
            gc_backend.reclaim == GC_RECLAIM_NEVER ? UINT64_C(512) << 20 : UINT64_C(0),
        .threads_count = report->threads,
        .option_values = values,
        .listener = &listener,
    };
    int error = gc_backend.init(&config, &m, why, sizeof why);
    if (error == -ENOTSUP) {
        printf("# skipped: %s\n", why);
        fflush(stdout);
        _exit(EXIT_SKIPPED);
    }
    if (error) {
        fprintf(stderr, "# init: %s\n", why);
        _exit(2);
    }
    graph_start(m);
    graph_expect_memory(report->heap_limit_bytes == 0 && gc_backend.reclaim != GC_RECLAIM_NEVER);
    slots_count = report->threads + 1;
    for (unsigned i = 0; i < slots_count; i++)
        slots[i].graph = graph_create(i, &limits);
    end_ns = clock_now_ns() + (int64_t)given.round_seconds * 1000000000;
    uint64_t collections = stats_collections();
    run_work(m, &rng);
    for (unsigned i = 0; i < slots_count; i++) {
        graph_take(slots[i].graph, m, (struct graph_choices){random_below, &rng});
        graph_compare(slots[i].graph);
        graph_clear(slots[i].graph);
        add_counts(&report->counts, graph_counts(slots[i].graph));
    }
    gc_backend.collect(m);
    verify(m);
    report->collections = stats_collections() - collections;
    _exit(report->counts.comparisons > 0 && report->counts.compared > 0 ? 0 : 3);
}

/* ---- Rounds ---- */

static int run_round(void)
{
    *report = (struct report){0};
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        round_main();
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

static void print_round(const char *program, uint64_t number, int status)
{
    bool skipped = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED;
    const struct graph_counts *c = &report->counts;
    printf("%sok %" PRIu64 " - %sseed %" PRIu64 ", threads %u, heap %" PRIu64 ", options '%s'\n",
           status == 0 ? "" : "not ", number, skipped ? "# SKIP " : "", given.seed, report->threads,
           report->heap_limit_bytes, report->options);
    if (status == 0) {
        printf("# operations %" PRIu64 ", objects %" PRIu64 ", collections %" PRIu64
               ", comparisons %" PRIu64 " of %" PRIu64 " objects\n",
               c->operations, c->objects, report->collections, c->comparisons, c->compared);
        printf("# finalized %" PRIu64 ", weak cleared %" PRIu64 ", pooled %" PRIu64
               ", exchanged %" PRIu64 ", out of memory %" PRIu64 ", threads started %" PRIu64
               ", forks %" PRIu64 "\n",
               c->finalized, c->weak_cleared, c->pooled, c->exchanged, c->out_of_memory,
               report->threads_started, report->forks);
        if (c->comparisons == 0)
            printf("# ended by a thread for which the library had no memory\n");
    } else if (!skipped) {
        if (WIFSIGNALED(status))
            printf("# killed by signal %d\n", WTERMSIG(status));
        else
            printf("# ended with %d\n", WEXITSTATUS(status));
        printf("# again: %s --seed %" PRIu64 " --seconds %" PRIu64 " --round-seconds %" PRIu64
               " --threads %u --options '%s'\n",
               program, given.seed, given.round_seconds, given.round_seconds, report->threads,
               report->options);
    }
    fflush(stdout);
}

static const struct argp_option arguments[] = {
    {"seconds", 's', "N", 0, "Run for N seconds (2)", 0},
    {"round-seconds", 'r', "N", 0, "Start anew after N seconds (1)", 0},
    {"seed", 'e', "N", 0, "First round's seed (1)", 0},
    {"threads", 't', "N", 0, "N threads, up to 64, rather than by the seed", 0},
    {"options", 'o', "LIST", 0, "The backend's options rather than by the seed", 0},
    {0},
};

static error_t read_argument(int key, char *value, struct argp_state *state)
{
    uint64_t *number = key == 's'   ? &given.seconds
                       : key == 'r' ? &given.round_seconds
                       : key == 'e' ? &given.seed
                       : key == 't' ? &given.threads
                                    : NULL;
    if (key == 'o') {
        given.options = value;
        return 0;
    }
    if (!number)
        return ARGP_ERR_UNKNOWN;
    char *end;
    *number = strtoull(value, &end, 10);
    if (end == value || *end != '\0' || (key == 't' && *number > THREADS_MAX) ||
        (key != 'e' && *number == 0))
        argp_error(state, "\"%s\" is no number in bounds", value);
    return 0;
}

int main(int argc, char **argv)
{
    static const struct argp parser = {arguments, read_argument, NULL, NULL, NULL, NULL, NULL};
    const char *options = getenv("GCMETER_CONFORMANCE_OPTIONS");
    given.options = options && *options ? options : NULL;
    argp_parse(&parser, argc, argv, 0, NULL, NULL);
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        return 3;
    uint64_t rounds = (given.seconds + given.round_seconds - 1) / given.round_seconds;
    uint64_t failed_count = 0;
    printf("1..%" PRIu64 "\n", rounds);
    for (uint64_t number = 1; number <= rounds; number++, given.seed++) {
        int status = run_round();
        print_round(argv[0], number, status);
        failed_count += status != 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SKIPPED);
    }
    return failed_count > 0;
}
