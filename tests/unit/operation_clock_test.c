/* The clock that ends of operations are taken from is CLOCK_MONOTONIC, to within what it says, and
 * is read itself where it cannot be extrapolated. Nothing here depends on how fast the machine is:
 * each reading lies between two of the clock, however far apart those come to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "runner/operation_clock.h"

#define A_WHILE_NS INT64_C(200000000)
#define SETTLED_NS INT64_C(20000000000)
#define READINGS   100000
#define SET_RIGHT  1000 /* ns a millisecond, more than any clock is slewed by */
#define ATTEMPTS   1000
#define NOTICED_NS INT64_C(1000)

static struct operation_clock subject;

static void need_counter(void)
{
    if (!operation_clock_has_counter())
        skip();
    operation_clock_init(&subject, true);
}

static void check_reading(int64_t tolerance_ns)
{
    int64_t before_ns = clock_now_ns();
    int64_t now_ns = operation_clock_now_ns(&subject);
    int64_t after_ns = clock_now_ns();
    assert_true(now_ns >= before_ns - tolerance_ns);
    assert_true(now_ns <= after_ns + tolerance_ns);
}

static double window_ns(void)
{
    return (double)subject.window_ticks * (double)subject.rate /
           (double)(UINT64_C(1) << OPERATION_CLOCK_RATE_BITS);
}

/* Until anchors are good for as long as they can be. How long that takes is not known: on a busy
 * machine the rate may have to be measured anew. */
static void settle(void)
{
    int64_t until_ns = clock_now_ns() + SETTLED_NS;
    while (window_ns() <= 0.999 * (double)OPERATION_CLOCK_WINDOW_NS && clock_now_ns() < until_ns)
        operation_clock_now_ns(&subject);
    assert_true(window_ns() > 0.999 * (double)OPERATION_CLOCK_WINDOW_NS);
}

static void without_a_counter_it_is_the_clock(void **state)
{
    (void)state;
    operation_clock_init(&subject, false);
    for (int i = 0; i < READINGS; i++)
        check_reading(0);
    assert_int_equal(subject.error_max_ns, -1);
}

static void extrapolated_it_is_the_clock_from_the_start(void **state)
{
    (void)state;
    need_counter();
    int64_t until_ns = clock_now_ns() + A_WHILE_NS;
    while (clock_now_ns() < until_ns)
        check_reading(SET_RIGHT);
    assert_true(subject.window_ticks > 0);
    assert_true(subject.error_max_ns >= 0);
}

/* A window is a millisecond, whatever the rate of the counter. */
static void an_anchor_is_good_for_a_millisecond(void **state)
{
    (void)state;
    need_counter();
    settle();
    assert_true(window_ns() < 1.001 * (double)OPERATION_CLOCK_WINDOW_NS);
    int64_t anchor_ns = subject.anchor_ns;
    while (clock_now_ns() < anchor_ns + 2 * OPERATION_CLOCK_WINDOW_NS)
        continue;
    check_reading(0);
}

/* Makes anchors until one is taken: a reading that was interrupted is none. */
static void anchor(void)
{
    uint64_t ticks = subject.anchor_ticks;
    for (int i = 0; i < ATTEMPTS && subject.anchor_ticks == ticks; i++)
        operation_clock_anchor_ns(&subject);
    assert_true(subject.anchor_ticks != ticks);
}

static void a_wrong_anchor_is_noticed_and_the_rate_measured_anew(void **state)
{
    (void)state;
    need_counter();
    for (int sign = -1; sign <= 1; sign += 2) {
        settle();
        subject.error_max_ns = -1;
        do { /* until the one after it is not too late to tell */
            anchor();
            subject.anchor_ns += sign * NOTICED_NS;
            anchor();
        } while (subject.error_max_ns < NOTICED_NS / 2);
        assert_int_equal(subject.window_ticks, 0);
        assert_true(subject.first_ns == subject.anchor_ns);
        check_reading(0);
        settle();
    }
}

static void a_counter_that_was_set_back_is_not_believed(void **state)
{
    (void)state;
    need_counter();
    settle();
    subject.anchor_ticks += subject.window_ticks * 1000;
    subject.first_ticks += subject.window_ticks * 1000;
    check_reading(0);
    anchor();
    int64_t until_ns = clock_now_ns() + A_WHILE_NS;
    while (clock_now_ns() < until_ns)
        check_reading(SET_RIGHT);
}

/* As where it belongs to another machine than a moment ago. */
static void a_counter_that_jumped_is_not_believed(void **state)
{
    (void)state;
    need_counter();
    settle();
    subject.anchor_ticks -= subject.window_ticks * 1000;
    subject.first_ticks -= subject.window_ticks * 1000;
    int64_t first_ns = subject.first_ns;
    check_reading(0);
    anchor();
    assert_true(subject.first_ns > first_ns);
    int64_t until_ns = clock_now_ns() + A_WHILE_NS;
    while (clock_now_ns() < until_ns)
        check_reading(SET_RIGHT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_counter_it_is_the_clock),
        cmocka_unit_test(extrapolated_it_is_the_clock_from_the_start),
        cmocka_unit_test(an_anchor_is_good_for_a_millisecond),
        cmocka_unit_test(a_wrong_anchor_is_noticed_and_the_rate_measured_anew),
        cmocka_unit_test(a_counter_that_was_set_back_is_not_believed),
        cmocka_unit_test(a_counter_that_jumped_is_not_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
