/* Stacks grown to 100 MB, with references in every frame: a thread's, and the main one's. */
#include <pthread.h>
#include <stdbool.h>
#include <sys/resource.h>

#include "marksweep_fixture.h"

#define DEEP_BYTES ((size_t)100 << 20)
#define ROOM_BYTES ((size_t)16 << 20)

static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");
static uint64_t wrong_count;
static uint64_t frames_count;

/* Holds an object by an interior pointer in this frame alone, while the frames below it grow. At
 * the bottom: collections, and allocation that would overwrite what was freed. */
static __attribute__((noinline)) void go_down(struct gc_mutator *m, const char *top, uint64_t depth)
{
    volatile char room[4000];
    room[0] = room[sizeof room - 1] = (char)depth;
    uint64_t *object = gc_alloc(m, &leaf_type, 64);
    for (uint64_t i = 0; i < 8; i++)
        object[i] = depth + i;
    char *volatile interior = (char *)object + depth % 64;
    object = NULL;
    if ((size_t)(top - (const char *)__builtin_frame_address(0)) < DEEP_BYTES) {
        go_down(m, top, depth + 1);
    } else {
        frames_count = depth;
        for (int i = 0; i < 3; i++) {
            gc_backend.collect(m);
            for (uint64_t churn = 0; churn < 4 * depth; churn++)
                memset(gc_alloc(m, &leaf_type, 64), 0xdb, 64);
        }
    }
    const uint64_t *found = (const uint64_t *)(void *)(interior - depth % 64);
    for (uint64_t i = 0; i < 8; i++)
        wrong_count += found[i] != depth + i;
    wrong_count += room[0] != (char)depth || room[sizeof room - 1] != (char)depth;
}

static void check_went_deep(void)
{
    assert_int_equal(wrong_count, 0);
    /* Frames may be larger than what they hold, under a sanitizer several times. */
    assert_in_range(frames_count, DEEP_BYTES / 40000, DEEP_BYTES / 4000);
    fixture_verify();
}

static void *run_thread(void *data)
{
    (void)data;
    struct gc_mutator *m = gc_backend.attach();
    go_down(m, __builtin_frame_address(0), 0);
    gc_backend.detach(m);
    return NULL;
}

static void stack_of_a_thread(void **state)
{
    (void)state;
    pthread_t thread;
    pthread_attr_t attributes;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, DEEP_BYTES + ROOM_BYTES), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run_thread, NULL), 0);
    pthread_attr_destroy(&attributes);
    gc_backend.enter_blocked(fixture_main);
    pthread_join(thread, NULL);
    gc_backend.leave_blocked(fixture_main);
    check_went_deep();
}

static void stack_of_the_main_thread(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_STACK, &limit), 0);
    const rlim_t wanted = DEEP_BYTES + ROOM_BYTES;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted;
        if (limit.rlim_max < wanted || setrlimit(RLIMIT_STACK, &limit) != 0) {
            print_message("skipped: the system's limit of the stack is below 116 MiB\n");
            skip();
        }
    }
    go_down(fixture_main, __builtin_frame_address(0), 0);
    check_went_deep();
}

static int start(void **state)
{
    (void)state;
    fixture_start(&(struct fixture_settings){.threads_count = 2});
    fixture_register(&leaf_type);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stack_of_a_thread),
        cmocka_unit_test(stack_of_the_main_thread),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
