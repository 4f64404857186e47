/* The sampler, on a process of the test's own: resident memory follows what it touches, pages that
 * it offers back by MADV_FREE show and are subtracted, readings that are costly are rare, and a
 * process that has ended does no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "driver/memory_sampler.h"

#define MIB       ((uint64_t)1 << 20)
#define TOUCHED   (64 * MIB)
#define OFFERED   (48 * MIB)
#define TOLERANCE (2 * MIB) /* the kernel's counts lag by some pages per processor */
/* Until the first costly reading must have come, on a machine busy with other things. */
#define PATIENCE_NS INT64_C(20000000000)

/* A process that does a step whenever it is told to, and says so. */
struct subject {
    pid_t pid;
    int tell, hear;
};

static void serve(int hear, int tell)
{
    char step;
    char *block = mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    while (block != MAP_FAILED && read(hear, &step, 1) == 1) {
        if (step == 't')
            memset(block, 1, TOUCHED);
        else if (step == 'f' && madvise(block, OFFERED, MADV_FREE))
            break;
        else if (step == 'd' && madvise(block, TOUCHED, MADV_DONTNEED))
            break;
        if (write(tell, &step, 1) != 1)
            break;
    }
    _exit(0);
}

static int start(void **state)
{
    static struct subject subject;
    int down[2], up[2];
    if (pipe(down) || pipe(up))
        return -1;
    subject.pid = fork();
    if (subject.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(down[1]);
        close(up[0]);
        serve(down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    subject.tell = down[1];
    subject.hear = up[0];
    *state = &subject;
    return subject.pid < 0;
}

static void finish(struct subject *subject)
{
    if (subject->pid <= 0)
        return;
    close(subject->tell);
    close(subject->hear);
    waitpid(subject->pid, NULL, 0);
    subject->pid = 0;
}

static int stop(void **state)
{
    finish(*state);
    return 0;
}

/* What a sanitizer keeps beside each page is resident too. */
static void skip_under_thread_sanitizer(void)
{
    const char *sanitizers = getenv("GCMETER_SAN");
    if (sanitizers != NULL && strstr(sanitizers, "thread") != NULL) {
        print_message("skipped: ThreadSanitizer keeps several bytes for each that is touched\n");
        skip();
    }
}

static void step(struct subject *subject, char what)
{
    char answer = 0;
    assert_int_equal(write(subject->tell, &what, 1), 1);
    assert_int_equal(read(subject->hear, &answer, 1), 1);
    assert_int_equal(answer, what);
}

static void assert_near(uint64_t value, uint64_t expected)
{
    uint64_t low = expected > TOLERANCE ? expected - TOLERANCE : 0;
    assert_in_range(value, low, expected + TOLERANCE);
}

static const struct memory_sample *last_sample(const struct memory_sampler *sampler)
{
    size_t count;
    const struct memory_sample *samples = memory_sampler_series(sampler, &count);
    assert_true(count > 0);
    return &samples[count - 1];
}

static void resident_memory_follows_what_is_touched(void **state)
{
    skip_under_thread_sanitizer();
    struct subject *subject = *state;
    struct memory_sampler *sampler = memory_sampler_create(subject->pid);
    assert_non_null(sampler);
    uint64_t before = memory_sampler_take(sampler);
    assert_true(before > 0);
    size_t count;
    memory_sampler_series(sampler, &count);
    assert_int_equal(count, 0); /* the series has not begun */
    memory_sampler_begin(sampler);
    step(subject, 't');
    assert_near(memory_sampler_take(sampler), before + TOUCHED);
    step(subject, 'd');
    assert_near(memory_sampler_take(sampler), before);
    const struct memory_sample *samples = memory_sampler_series(sampler, &count);
    assert_int_equal(count, 3);
    assert_true(samples[0].t_ns < samples[1].t_ns && samples[1].t_ns < samples[2].t_ns);
    assert_near(memory_sampler_mean_bytes(sampler),
                (samples[0].rss_bytes + samples[1].rss_bytes + samples[2].rss_bytes) / 3);
    memory_sampler_free(sampler);
}

static void pages_offered_back_show_and_are_subtracted(void **state)
{
    skip_under_thread_sanitizer();
    struct subject *subject = *state;
    struct memory_sampler *sampler = memory_sampler_create(subject->pid);
    assert_non_null(sampler);
    uint64_t before = memory_sampler_take(sampler);
    step(subject, 't');
    step(subject, 'f');
    memory_sampler_begin(sampler);
    assert_true(last_sample(sampler)->lazyfree_bytes == MEMORY_UNKNOWN);
    /* The reading at the end alone must show it. */
    memory_sampler_end(sampler);
    const struct memory_sample *last = last_sample(sampler);
    if (last->lazyfree_bytes == MEMORY_UNKNOWN) {
        memory_sampler_free(sampler);
        skip(); /* a kernel without smaps_rollup */
    }
    assert_near(last->rss_bytes, before + TOUCHED);
    assert_near(last->lazyfree_bytes, OFFERED);
    /* Two samples: the first without knowing, the second less what was offered. */
    assert_near(memory_sampler_mean_bytes(sampler), before + TOUCHED - OFFERED / 2);

    /* Once known it holds for the samples that follow. */
    memory_sampler_begin(sampler);
    memory_sampler_end(sampler);
    step(subject, 't'); /* takes the pages back */
    memory_sampler_begin(sampler);
    memory_sampler_end(sampler);
    assert_near(last_sample(sampler)->lazyfree_bytes, 0);
    assert_near(memory_sampler_mean_bytes(sampler), before + TOUCHED);
    memory_sampler_free(sampler);
}

/* What reading smaps_rollup of the process costs at least; 0 where there is none. */
static int64_t rollup_cost_ns(pid_t pid)
{
    char path[64], text[4096];
    int64_t least_ns = INT64_MAX;
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return 0;
    for (int i = 0; i < 5; i++) {
        int64_t start_ns = clock_now_ns();
        assert_true(pread(fd, text, sizeof text, 0) > 0);
        int64_t cost_ns = clock_now_ns() - start_ns;
        least_ns = cost_ns < least_ns ? cost_ns : least_ns;
    }
    close(fd);
    return least_ns;
}

/* smaps_rollup holds the map lock of the process while it is read. */
static void costly_readings_are_rare_and_do_come(void **state)
{
    skip_under_thread_sanitizer();
    struct subject *subject = *state;
    struct memory_sampler *sampler = memory_sampler_create(subject->pid);
    assert_non_null(sampler);
    step(subject, 't');
    int64_t cost_ns = rollup_cost_ns(subject->pid);
    if (cost_ns == 0) {
        memory_sampler_free(sampler);
        skip();
    }
    memory_sampler_begin(sampler);
    size_t count = 0, costly_count = 0;
    const struct memory_sample *samples = memory_sampler_series(sampler, &count);
    for (int64_t start_ns = clock_now_ns();
         costly_count < 2 && clock_now_ns() - start_ns < PATIENCE_NS;) {
        nanosleep(&(struct timespec){.tv_nsec = MEMORY_SAMPLE_PERIOD_NS}, NULL);
        memory_sampler_take(sampler);
        samples = memory_sampler_series(sampler, &count);
        costly_count += samples[count - 1].lazyfree_bytes != MEMORY_UNKNOWN;
    }
    /* The second is due after 1000 times what the first has cost, however long that was here. */
    assert_in_range(costly_count, 1, 2);
    int64_t last_ns = 0;
    for (size_t i = 0; i < count; i++) {
        if (samples[i].lazyfree_bytes == MEMORY_UNKNOWN)
            continue;
        if (last_ns)
            assert_true(samples[i].t_ns - last_ns >= 100 * cost_ns);
        last_ns = samples[i].t_ns;
    }
    memory_sampler_free(sampler);
}

static void a_long_series_is_thinned_and_its_mean_is_not(void **state)
{
    skip_under_thread_sanitizer();
    struct subject *subject = *state;
    struct memory_sampler *sampler = memory_sampler_create(subject->pid);
    assert_non_null(sampler);
    uint64_t before = memory_sampler_take(sampler);
    memory_sampler_begin(sampler);
    for (unsigned i = 0; i < 2 * MEMORY_SAMPLES_MAX; i++)
        memory_sampler_take(sampler);
    step(subject, 't');
    for (unsigned i = 0; i < 2 * MEMORY_SAMPLES_MAX; i++)
        memory_sampler_take(sampler);
    size_t count;
    const struct memory_sample *samples = memory_sampler_series(sampler, &count);
    assert_in_range(count, MEMORY_SAMPLES_MAX / 4, MEMORY_SAMPLES_MAX);
    for (size_t i = 1; i < count; i++)
        assert_true(samples[i - 1].t_ns <= samples[i].t_ns);
    assert_near(memory_sampler_mean_bytes(sampler), before + TOUCHED / 2);
    memory_sampler_free(sampler);
}

/* By turns of waiting until it is due and of a sample that costs as much. */
static double share_at_cost(int64_t cost_ns, int64_t begin_ns, int64_t *longest_ns)
{
    int64_t now_ns = begin_ns, cpu_ns = 0;
    *longest_ns = 0;
    for (int i = 0; i < 1000; i++) {
        cpu_ns += cost_ns;
        int64_t due_ns = memory_sampler_due_ns(begin_ns, now_ns, cpu_ns);
        assert_true(due_ns >= now_ns + MEMORY_SAMPLE_PERIOD_NS);
        if (due_ns - now_ns > *longest_ns)
            *longest_ns = due_ns - now_ns;
        now_ns = due_ns;
    }
    return (double)cpu_ns / (double)(now_ns - begin_ns);
}

static void sampling_keeps_to_its_share_where_waking_up_is_dear(void **state)
{
    (void)state;
    const int64_t begin_ns = INT64_C(4000000000000);
    int64_t longest_ns;
    assert_true(fabs(share_at_cost(20000, begin_ns, &longest_ns) - 0.002) < 1e-6);
    assert_int_equal(longest_ns, MEMORY_SAMPLE_PERIOD_NS);
    for (int64_t cost_ns = 90000; cost_ns <= 900000; cost_ns += 90000) {
        assert_true(fabs(share_at_cost(cost_ns, begin_ns, &longest_ns) - 0.009) < 1e-5);
        assert_in_range(longest_ns, cost_ns * 100, cost_ns * 112);
    }
    /* Memory is to be held below its cap however dear that is. */
    share_at_cost(50000000, begin_ns, &longest_ns);
    assert_int_equal(longest_ns, MEMORY_SAMPLE_PERIOD_MAX_NS);
}

static void a_process_that_has_ended_gives_nothing(void **state)
{
    struct subject *subject = *state;
    struct memory_sampler *sampler = memory_sampler_create(subject->pid);
    assert_non_null(sampler);
    memory_sampler_begin(sampler);
    size_t count, later;
    memory_sampler_series(sampler, &count);
    assert_int_equal(count, 1);
    pid_t pid = subject->pid;
    finish(subject);
    assert_int_equal(memory_sampler_take(sampler), 0);
    memory_sampler_end(sampler);
    memory_sampler_series(sampler, &later);
    assert_int_equal(later, count);
    memory_sampler_free(sampler);
    assert_null(memory_sampler_create(pid));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(resident_memory_follows_what_is_touched, start, stop),
        cmocka_unit_test_setup_teardown(pages_offered_back_show_and_are_subtracted, start, stop),
        cmocka_unit_test_setup_teardown(costly_readings_are_rare_and_do_come, start, stop),
        cmocka_unit_test_setup_teardown(a_long_series_is_thinned_and_its_mean_is_not, start, stop),
        cmocka_unit_test(sampling_keeps_to_its_share_where_waking_up_is_dear),
        cmocka_unit_test_setup_teardown(a_process_that_has_ended_gives_nothing, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
