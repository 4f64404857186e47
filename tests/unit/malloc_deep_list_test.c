/* deep_list under audit, and the depth that it asks of a mark stack. */
#include "unit/workload_audit.h"

#include "deep_list.c"

static const struct workload *const subject = &workload_deep_list;

static void work_is_sound(void **state)
{
    static const uint64_t tried[][4] = {
        {1000, 4, 3, 2}, {1, 7, 2, 2}, {2345, 5, 1, 0}, {1001, 4, 5, 1}, {50, 100, 2, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tried / sizeof tried[0]; i++)
        audit_any(subject, tried[i], 0);
}

static void allocations_follow_the_formula(void **state)
{
    (void)state;
    uint64_t values[] = {700, 3, 4, 2};
    struct audit_result r = audit_run(subject, values, 1, 1);
    assert_int_equal(r.allocated_count, 1 + 3 * 4 * 700 * 3);
    assert_int_equal(r.allocated_bytes, 3 * 8 + 3 * 4 * 700 * (32 + 2 * 16));
    assert_int_equal(r.peak_bytes, r.stated_live_bytes);
    /* Of 700 nodes, only the first operation of a list ends inside it: at its last node. */
    assert_int_equal(r.operations_count, 3 * 4 * 2);
}

static void seeds_differ(void **state)
{
    (void)state;
    uint64_t values[] = {100, 2, 2, 2};
    assert_int_not_equal(audit_run(subject, values, 1, 1).checksum,
                         audit_run(subject, values, 1, 2).checksum);
}

/* Marks depth first what `head` leads to, the fields of an object pushed in ascending or descending
 * order, and returns the greatest number of entries that the stack ever had. */
static size_t depth_of(struct node *head, bool descending, size_t objects)
{
    const struct gc_type *type_of_top;
    void **stack = calloc(4 * objects, sizeof *stack);
    void **seen = calloc(objects, sizeof *seen);
    size_t count = 0, deepest = 0, seen_count = 0;
    assert_non_null(stack);
    assert_non_null(seen);
    stack[count++] = head;
    audit_header_of(head)->magic++;
    while (count > 0) {
        void **object = stack[--count];
        seen[seen_count++] = object;
        struct audit_header *header = (struct audit_header *)(void *)object - 1;
        type_of_top = header->type;
        size_t words = header->bytes / sizeof(void *);
        for (size_t i = 0; i < words; i++) {
            size_t at = descending ? words - 1 - i : i;
            if (!audit_is_pointer(type_of_top, at * sizeof(void *)) || object[at] == NULL)
                continue;
            struct audit_header *target = (struct audit_header *)object[at] - 1;
            if (target->magic != AUDIT_MAGIC)
                continue;
            target->magic++; /* marked */
            stack[count++] = object[at];
        }
        if (count > deepest)
            deepest = count;
    }
    assert_int_equal(seen_count, objects);
    for (size_t i = 0; i < seen_count; i++)
        ((struct audit_header *)seen[i] - 1)->magic = AUDIT_MAGIC;
    free(stack);
    free(seen);
    return deepest;
}

static void mark_stack_gets_as_deep_as_the_list(void **state)
{
    (void)state;
    enum { NODES = 500 };
    for (uint64_t items = 0; items <= 2; items++) {
        uint64_t values[] = {NODES, 1, 1, items};
        struct workload_run run = {.params = values, .seed = 1, .threads = 1};
        struct workload_thread thread = {.run = &run};
        pthread_mutex_init(&audit.lock, NULL);
        audit.workload = subject;
        audit.run = &run;
        struct node *head = build_list(&thread, 0);
        size_t objects = NODES * (1 + items);
        size_t ascending = depth_of(head, false, objects);
        size_t descending = depth_of(head, true, objects);
        audit_clear();
        pthread_mutex_destroy(&audit.lock);
        if (items == 0) {
            assert_int_equal(ascending, 1);
            assert_int_equal(descending, 1);
        } else if (items == 1) {
            assert_true(ascending >= NODES || descending >= NODES);
            assert_true(ascending <= 3 || descending <= 3);
        } else {
            assert_true(ascending >= NODES);
            assert_true(descending >= NODES);
        }
    }
}

static void lost_objects_are_noticed(void **state)
{
    (void)state;
    uint64_t values[] = {300, 2, 4, 2};
    assert_true(audit_notices(subject, values, &node_type, 150, 200));
    assert_true(audit_notices(subject, values, &item_type, 301, 200));
    assert_false(audit_notices(subject, values, &node_type, 150, 1000000));
}

static void threads_need_lists(void **state)
{
    (void)state;
    uint64_t values[] = {10, 3, 1, 2};
    struct workload_run run = {.params = values, .threads = 4};
    assert_non_null(subject->check(&run));
    run.threads = 3;
    assert_null(subject->check(&run));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_sound),
        cmocka_unit_test(allocations_follow_the_formula),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(mark_stack_gets_as_deep_as_the_list),
        cmocka_unit_test(lost_objects_are_noticed),
        cmocka_unit_test(threads_need_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
