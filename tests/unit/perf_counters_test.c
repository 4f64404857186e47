/* Counters cover what lies between start and stop, in all threads, and nothing else. Page faults
 * are counted by the kernel itself, so that they can be had, and known, on any machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <linux/perf_event.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/perf_counters.h"

#define PAGES 300

static const struct perf_counter_kind faults[] = {
    {"faults_count", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
    {"nonsense_count", PERF_TYPE_SOFTWARE, 0xffff},
    {NULL, 0, 0},
};

static void *touch_pages(void *unused)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    char *memory =
        mmap(NULL, PAGES * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    madvise(memory, PAGES * page_bytes, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < PAGES; i++)
        ((volatile char *)memory)[i * page_bytes] = 1;
    munmap(memory, PAGES * page_bytes);
    return unused;
}

static void touch_in_a_thread(void)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, touch_pages, NULL), 0);
    pthread_join(thread, NULL);
}

static void what_lies_between_start_and_stop_is_counted(void **state)
{
    (void)state;
    struct perf_counters counters;
    perf_counters_open(&counters, faults);
    assert_int_equal(counters.count, 2);
    if (counters.fds[0] < 0) {
        print_message("skipped: no perf_event_open here\n");
        perf_counters_close(&counters);
        skip();
    }
    touch_pages(NULL);
    assert_int_equal(perf_counters_read(&counters, 0).value, 0);
    perf_counters_start(&counters);
    touch_pages(NULL);
    touch_in_a_thread();
    perf_counters_stop(&counters);
    struct perf_counter_value value = perf_counters_read(&counters, 0);
    assert_true(value.is_known);
    assert_false(value.is_scaled);
    /* And those of the thread's own stack, of tables, of a sanitizer's shadow. */
    assert_true(value.value >= 2 * PAGES);
    touch_pages(NULL);
    touch_in_a_thread();
    assert_int_equal(perf_counters_read(&counters, 0).value, value.value);
    assert_false(perf_counters_read(&counters, 1).is_known);
    perf_counters_close(&counters);
}

/* Whatever this machine offers: known and plausible, or not known. */
static void the_counters_of_the_processor_are_there_or_unknown(void **state)
{
    (void)state;
    struct perf_counters counters;
    perf_counters_open(&counters, perf_counter_kinds);
    assert_string_equal(perf_counter_kinds[0].name, "instructions_count");
    assert_true(counters.count >= 4);
    perf_counters_start(&counters);
    for (volatile int i = 0; i < 1000000; i++)
        continue;
    perf_counters_stop(&counters);
    struct perf_counter_value value = perf_counters_read(&counters, 0);
    if (value.is_known)
        assert_in_range(value.value, 1000000, 100000000);
    else
        print_message("skipped: this machine counts no instructions\n");
    perf_counters_close(&counters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lies_between_start_and_stop_is_counted),
        cmocka_unit_test(the_counters_of_the_processor_are_there_or_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
