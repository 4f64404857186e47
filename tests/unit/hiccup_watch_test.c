/* Lateness is told apart by who caused it, on paper and on this machine, and watching for it costs
 * little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "runner/hiccup_watch.h"

static const int64_t ms = 1000000;

static void sleep_ms(int64_t n)
{
    struct timespec t = {n / 1000, n % 1000 * ms};
    while (nanosleep(&t, &t) && errno == EINTR)
        continue;
}

static void spin_ms(int64_t n)
{
    int64_t end_ns = clock_now_ns() + n * ms;
    while (clock_now_ns() < end_ns)
        continue;
}

/* Two processors throughout; the figures are worked out by hand. */
static void lateness_is_told_apart_by_who_used_the_processors(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct hiccup_lateness late;
        bool outside;
    } cases[] = {
        {"both markers ran all the while", {1000, 2000, 2 * 2000 + 1000, 1, 2}, false},
        {"one mutator ran before and after", {1000, 2000, 3000, 1, 2}, true},
        {"one mutator, stolen too", {1000, 2000, 1000, 1, 2}, true},
        {"nobody of ours", {1000, 2000, 0, 0, 2}, true},
        /* Others had 4000 - 3000, half the lateness; and less than half. */
        {"half of it by others", {1000, 2000, 4000, 1, 2}, true},
        {"less than half of it by others", {1000, 2000, 4001, 1, 2}, false},
        {"on one processor, ours", {1000, 500, 1500, 1, 1}, false},
        {"on one processor, others", {1000, 500, 1000, 1, 1}, true},
        {"more than there can be", {1000, 500, 99999, 0, 2}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (hiccup_is_outside(&cases[i].late) != cases[i].outside)
            fail_msg("%s", cases[i].what);
}

/* Against a count of every nanosecond. */
static void overlap_equals_a_count_of_nanoseconds(void **state)
{
    (void)state;
    struct rng rng;
    rng_seed(&rng, 7, 1);
    for (int trial = 0; trial < 3000; trial++) {
        struct hiccup hiccups[12];
        size_t count = rng_below(&rng, 13);
        int64_t t_ns = 0;
        for (size_t i = 0; i < count; i++) {
            hiccups[i].start_ns = t_ns + (int64_t)rng_below(&rng, 6);
            hiccups[i].end_ns = t_ns = hiccups[i].start_ns + 1 + (int64_t)rng_below(&rng, 9);
        }
        int64_t start_ns = (int64_t)rng_below(&rng, 150);
        int64_t end_ns = start_ns + (int64_t)rng_below(&rng, 40);
        int64_t expected = 0;
        for (int64_t t = start_ns; t < end_ns; t++)
            for (size_t i = 0; i < count; i++)
                expected += hiccups[i].start_ns <= t && t < hiccups[i].end_ns;
        assert_int_equal(hiccup_overlap_ns(hiccups, count, start_ns, end_ns), expected);
    }
}

/* A watch, or the test is skipped where there can be none. */
static struct hiccup_watch *start(void)
{
    struct hiccup_watch *watch = hiccup_watch_start();
    if (!watch && errno == ENOTSUP) {
        print_message("skipped: not under ThreadSanitizer\n");
        skip();
    }
    assert_non_null(watch);
    return watch;
}

static int64_t longest(const struct hiccup_watch *watch)
{
    size_t count;
    const struct hiccup *hiccups = hiccup_watch_hiccups(watch, &count);
    int64_t max_ns = 0;
    for (size_t i = 0; i < count; i++)
        if (hiccups[i].end_ns - hiccups[i].start_ns > max_ns)
            max_ns = hiccups[i].end_ns - hiccups[i].start_ns;
    return max_ns;
}

#define STOPPED_MS 200

static _Noreturn void be_stopped(int ready, int over)
{
    char byte;
    struct hiccup_watch *watch = hiccup_watch_start();
    if (!watch)
        _exit(2);
    spin_ms(20);
    if (write(ready, "", 1) != 1 || read(over, &byte, 1) != 1)
        _exit(3);
    hiccup_watch_stop(watch);
    _exit(longest(watch) >= STOPPED_MS * ms - HICCUP_PERIOD_MAX_NS ? 0 : 1);
}

/* A process that is stopped from outside: its threads used nothing meanwhile, and its watch was to
 * wake within a period. */
static void lateness_planted_from_outside_is_a_hiccup(void **state)
{
    (void)state;
    int ready[2], over[2];
    char byte;
    int status;
    struct hiccup_watch *probe = start();
    hiccup_watch_stop(probe);
    hiccup_watch_free(probe);
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(over), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_stopped(ready[1], over[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    /* SIGCONT takes back a SIGSTOP that a busy machine has not let the process see yet. */
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_true(WIFSTOPPED(status));
    sleep_ms(STOPPED_MS);
    assert_int_equal(kill(pid, SIGCONT), 0);
    assert_int_equal(write(over[1], "", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(ready[0]);
    close(ready[1]);
    close(over[0]);
    close(over[1]);
}

static pthread_barrier_t all_ready;

static void *hold_a_processor(void *data)
{
    const int *processor = data;
    cpu_set_t one;
    struct sched_param first = {.sched_priority = 1};
    CPU_ZERO(&one);
    CPU_SET((unsigned)*processor, &one);
    int error = pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    if (!error)
        error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &first);
    /* All at once: while one waits for its processor others use that. */
    pthread_barrier_wait(&all_ready);
    if (!error)
        spin_ms(60);
    return error ? data : NULL;
}

#define HOLDERS_MAX 64

struct held {
    int64_t late_ns;   /* of the watch, while the processors were held */
    int64_t hiccup_ns; /* what it took that for */
    bool is_refused;   /* the threads may not be first */
};

static struct held watch_held_processors(int *processors, size_t count)
{
    struct held held = {.is_refused = false};
    pthread_t threads[HOLDERS_MAX];
    struct hiccup_watch *watch = start();
    sleep_ms(20);
    pthread_barrier_init(&all_ready, NULL, (unsigned)count + 1);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, hold_a_processor, &processors[i]), 0);
    pthread_barrier_wait(&all_ready);
    int64_t start_ns = clock_now_ns();
    for (size_t i = 0; i < count; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        held.is_refused |= failed != NULL;
    }
    hiccup_watch_stop(watch);
    held.late_ns = hiccup_watch_late_max_ns(watch);
    size_t hiccup_count;
    const struct hiccup *hiccups = hiccup_watch_hiccups(watch, &hiccup_count);
    held.hiccup_ns = hiccup_overlap_ns(hiccups, hiccup_count, start_ns, start_ns + 55 * ms);
    hiccup_watch_free(watch);
    pthread_barrier_destroy(&all_ready);
    return held;
}

/* Threads of the same process that let no other run, as markers may: late, and no hiccup. On a busy
 * host a processor may be taken from the thread that holds it, which is a hiccup indeed, or be free
 * by the time another has come to hold its own: then they are held once more. */
static void lateness_by_our_own_threads_is_none(void **state)
{
    (void)state;
    cpu_set_t set;
    int processors[HOLDERS_MAX];
    size_t count = 0;
    assert_int_equal(sched_getaffinity(0, sizeof set, &set), 0);
    for (int i = 0; i < CPU_SETSIZE && count < HOLDERS_MAX; i++)
        if (CPU_ISSET((unsigned)i, &set))
            processors[count++] = i;
    if ((int)count < CPU_COUNT(&set)) {
        print_message("skipped: too many processors to hold them all\n");
        skip();
    }
    bool were_held = false;
    for (int attempt = 0; attempt < 10; attempt++) {
        struct held held = watch_held_processors(processors, count);
        if (held.is_refused) {
            print_message("skipped: no permission for SCHED_FIFO\n");
            skip();
        }
        if (held.late_ns < 30 * ms)
            continue;
        if (held.hiccup_ns < 25 * ms)
            return;
        were_held = true;
    }
    if (were_held)
        fail_msg("lateness by our own threads is taken for a hiccup ten times");
    print_message("skipped: the processors could not be held\n");
    skip();
}

/* METHODS.md's figures are worth nothing if taking them changes them. Tried again, as another
 * program may make waking dearer than it was in the round before. */
static void watching_takes_less_than_half_a_percent(void **state)
{
    (void)state;
    double least = 1;
    for (int attempt = 0; attempt < 20 && least >= 0.005; attempt++) {
        struct hiccup_watch *watch = start();
        spin_ms(100); /* until it knows what waking costs here */
        int64_t cpu_ns = hiccup_watch_cpu_ns(watch);
        int64_t wall_ns = clock_now_ns();
        spin_ms(400);
        cpu_ns = hiccup_watch_cpu_ns(watch) - cpu_ns;
        wall_ns = clock_now_ns() - wall_ns;
        hiccup_watch_stop(watch);
        double share = (double)cpu_ns / (double)wall_ns;
        assert_true(share > 0);
        assert_in_range(hiccup_watch_period_ns(watch), HICCUP_PERIOD_NS, HICCUP_PERIOD_MAX_NS);
        hiccup_watch_free(watch);
        least = share < least ? share : least;
    }
    if (least >= 0.005)
        fail_msg("it takes %.2f %% of a processor", least * 100);
}

/* It is counted apart, so that it can be taken off what the program used. */
static void what_it_uses_is_known(void **state)
{
    (void)state;
    struct hiccup_watch *watch = start();
    struct process_usage before, after;
    hiccup_watch_usage(watch, &before);
    spin_ms(150);
    hiccup_watch_usage(watch, &after);
    hiccup_watch_stop(watch);
    hiccup_watch_free(watch);
    assert_true(after.cpu_sys_ns > before.cpu_sys_ns);
    assert_true(after.voluntary_switches_count > before.voluntary_switches_count);
    assert_int_equal(after.cpu_user_ns, 0);
    assert_int_equal(after.minor_faults_count, 0);
}

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>

/* libc's allocator takes other paths once it knows of a second thread. */
static void libc_knows_nothing_of_it(void **state)
{
    (void)state;
    if (!__libc_single_threaded) {
        print_message("skipped: a sanitizer's own thread is there already\n");
        skip();
    }
    struct hiccup_watch *watch = start();
    assert_true(__libc_single_threaded);
    hiccup_watch_stop(watch);
    hiccup_watch_free(watch);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
    /* First, before any other thread was there. */
#if __has_include(<sys/single_threaded.h>)
        cmocka_unit_test(libc_knows_nothing_of_it),
#endif
        cmocka_unit_test(lateness_is_told_apart_by_who_used_the_processors),
        cmocka_unit_test(overlap_equals_a_count_of_nanoseconds),
        cmocka_unit_test(lateness_planted_from_outside_is_a_hiccup),
        cmocka_unit_test(lateness_by_our_own_threads_is_none),
        cmocka_unit_test(watching_takes_less_than_half_a_percent),
        cmocka_unit_test(what_it_uses_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
