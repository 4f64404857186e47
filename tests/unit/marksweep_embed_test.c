/* The embedding API of marksweep.h, on a heap of its own: options in words, fibers on stacks of
 * their own whose only references lie there, and a thread that comes and goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include "aborting_child.h"
#include "gc_sanitizers.h"
#include "marksweep/marksweep.h"

enum { FIBERS = 4, ROUNDS = 200, STACK_BYTES = 128 << 10, CHAIN = 40 };

struct node {
    struct node *next;
    uint64_t value;
};

static struct gc_type node_type = GC_TYPE_RECORD(struct node, GC_POINTER_BIT(struct node, next));
static struct gc_mutator *m;
static void *roots[4];

static struct fiber {
    struct marksweep_stack stack;
    ucontext_t context;
    uint64_t sum;
    char memory[STACK_BYTES] __attribute__((aligned(64)));
} fibers[FIBERS];

static struct {
    struct marksweep_stack stack;
    ucontext_t context;
} own;

static void leave_fiber(struct fiber *f)
{
    marksweep_stack_switch(m, &f->stack, &own.stack);
    swapcontext(&f->context, &own.context);
}

/* Each round makes a chain that only this stack holds, and lets the others run while it does. */
static void fiber_main(int index)
{
    struct fiber *f = &fibers[index];
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct node *first = NULL;
        for (uint64_t i = 0; i < CHAIN; i++) {
            struct node *node = gc_alloc(m, &node_type, sizeof *node);
            node->value = round + i;
            gc_init_field(node->next, first);
            first = node;
        }
        leave_fiber(f);
        uint64_t i = CHAIN;
        for (const struct node *node = first; node; node = node->next)
            if (node->value != round + --i)
                fail_msg("fiber %d, round %d: a node was lost", index, (int)round);
        assert_int_equal(i, 0);
        f->sum += round;
    }
    marksweep_stack_switch(m, NULL, &own.stack);
    setcontext(&own.context);
}

static void resume(struct fiber *f)
{
    marksweep_stack_switch(m, &own.stack, &f->stack);
    swapcontext(&own.context, &f->context);
}

static void references_on_fibers_retain(void **state)
{
    (void)state;
    if (GC_SANITIZED) {
        print_message("skipped: sanitizers do not know of stacks that are switched\n");
        skip();
    }
    assert_int_equal(marksweep_stack_own(m, &own.stack), 0);
    for (int i = 0; i < FIBERS; i++) {
        getcontext(&fibers[i].context);
        fibers[i].context.uc_stack.ss_sp = fibers[i].memory;
        fibers[i].context.uc_stack.ss_size = STACK_BYTES;
        makecontext(&fibers[i].context, (void (*)(void))(uintptr_t)fiber_main, 1, i);
        assert_int_equal(marksweep_stack_add(&fibers[i].stack, fibers[i].memory + STACK_BYTES), 0);
    }
    for (uint64_t round = 0; round <= ROUNDS; round++) {
        for (int i = 0; i < FIBERS; i++) {
            resume(&fibers[i]);
            /* On the thread's own stack, with all fibers left; and inside one, by allocation. */
            if (round % 10 == (uint64_t)i)
                marksweep_collect(m);
        }
    }
    for (int i = 0; i < FIBERS; i++) {
        assert_int_equal(fibers[i].sum, ROUNDS * (ROUNDS - 1) / 2);
        marksweep_stack_remove(&fibers[i].stack);
    }
    marksweep_stack_remove(&own.stack);
    marksweep_collect(m);
    struct gc_stats stats;
    marksweep_stats(&stats);
    assert_true(stats.live_bytes < FIBERS * CHAIN * 16 + 4096);
}

#if defined(__x86_64__)
/* Leaves the stack `from` with an object in one callee-saved register and nowhere else, as a switch
 * in assembler may, has what lies below the stack pointer overwritten, as by the next call, and
 * collects on the stack `to`. Both ways the object is known by the complement of its address, which
 * is no reference. */
#define COLLECT_HOLDING(held, other)                                                               \
    uintptr_t collect_holding_##held(uintptr_t hidden, struct gc_mutator *mutator,                 \
                                     struct marksweep_stack *from, struct marksweep_stack *to,     \
                                     char *to_top);                                                \
    __asm__(".text\n"                                                                              \
            "collect_holding_" #held ":\n"                                                         \
            "push %rbp\n push %rbx\n push %r12\n push %r13\n push %r14\n push %r15\n"              \
            "sub $40, %rsp\n"                                                                      \
            "mov %rsi, 0(%rsp)\n mov %rdx, 8(%rsp)\n mov %rcx, 16(%rsp)\n"                         \
            "mov %rdi, %" #held "\n not %" #held "\n"                                              \
            "mov %r8, %" #other "\n"                                                               \
            "mov %rsi, %rdi\n mov %rdx, %rsi\n mov %rcx, %rdx\n"                                   \
            "call marksweep_stack_switch@PLT\n"                                                    \
            "movq $0, -8(%rsp)\n movq $0, -16(%rsp)\n"                                             \
            "not %" #held "\n"                                                                     \
            "xchg %rsp, %" #other "\n"                                                             \
            "mov 0(%" #other "), %rdi\n"                                                           \
            "call marksweep_collect@PLT\n"                                                         \
            "mov 0(%" #other "), %rdi\n"                                                           \
            "mov 16(%" #other "), %rsi\n"                                                          \
            "mov 8(%" #other "), %rdx\n"                                                           \
            "call marksweep_stack_switch@PLT\n"                                                    \
            "xchg %rsp, %" #other "\n"                                                             \
            "mov %" #held ", %rax\n"                                                               \
            "add $40, %rsp\n"                                                                      \
            "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbx\n pop %rbp\n"                    \
            "ret\n")

COLLECT_HOLDING(rbp, rbx);
COLLECT_HOLDING(rbx, rbp);
COLLECT_HOLDING(r12, rbx);
COLLECT_HOLDING(r13, rbx);
COLLECT_HOLDING(r14, rbx);
COLLECT_HOLDING(r15, rbx);

/* The complement of the address of a new object, to which roots[2] refers weakly. */
static __attribute__((noinline)) uintptr_t hide_object(void)
{
    struct node *node = gc_alloc(m, &node_type, sizeof *node);
    gc_init_field(node->next, NULL);
    node->value = 11;
    roots[3] = node;
    roots[2] = gc_weak_new(m, node);
    uintptr_t hidden = ~(uintptr_t)roots[3];
    roots[3] = NULL;
    return hidden;
}

static void registers_of_a_stack_that_was_left_retain(void **state)
{
    (void)state;
    static uintptr_t (*const collect_holding[])(
        uintptr_t, struct gc_mutator *, struct marksweep_stack *, struct marksweep_stack *,
        char *) = {collect_holding_rbp, collect_holding_rbx, collect_holding_r12,
                   collect_holding_r13, collect_holding_r14, collect_holding_r15};
    if (GC_SANITIZED) {
        print_message("skipped: sanitizers do not know of stacks that are switched\n");
        skip();
    }
    static struct marksweep_stack from, to;
    char *to_top = fibers[0].memory + STACK_BYTES;
    assert_int_equal(marksweep_stack_own(m, &from), 0);
    assert_int_equal(marksweep_stack_add(&to, to_top), 0);
    size_t lost[sizeof collect_holding / sizeof collect_holding[0]], lost_count = 0;
    for (size_t i = 0; i < sizeof collect_holding / sizeof collect_holding[0]; i++) {
        uintptr_t hidden = hide_object();
        assert_int_equal(collect_holding[i](hidden, m, &from, &to, to_top), hidden);
        if (!gc_weak_get(m, roots[2]))
            lost[lost_count++] = i;
    }
    marksweep_stack_remove(&from);
    marksweep_stack_remove(&to);
    roots[2] = NULL;
    if (lost_count > 0)
        fail_msg("the object in callee-saved register %zu was lost", lost[0]);
}
#endif

static void *thread_main(void *data)
{
    struct gc_mutator *other = marksweep_attach();
    assert_non_null(other);
    errno = 0;
    assert_null(marksweep_attach());
    assert_int_equal(errno, EAGAIN);
    struct node *node = gc_alloc(other, &node_type, sizeof *node);
    node->value = 7;
    gc_init_field(node->next, NULL);
    *(struct node **)data = node;
    marksweep_collect(other);
    marksweep_detach(other);
    return NULL;
}

static void threads_come_and_go(void **state)
{
    (void)state;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, thread_main, &roots[0]), 0);
    marksweep_enter_blocked(m);
    pthread_join(thread, NULL);
    marksweep_leave_blocked(m);
    marksweep_collect(m);
    assert_int_equal(((struct node *)roots[0])->value, 7);
}

enum { REMOVED = 64, REMOVED_BYTES = 64 << 10 };

static struct gc_type leaf_type = GC_TYPE_LEAF("leaf");
static void *more_roots[REMOVED];

/* In a frame of its own, so that the references lie in more_roots only. */
static __attribute__((noinline)) void fill_more_roots(void)
{
    for (int i = 0; i < REMOVED; i++)
        more_roots[i] = gc_alloc(m, &leaf_type, REMOVED_BYTES);
}

static uint64_t live_after_collection(void)
{
    struct gc_stats stats;
    marksweep_collect(m);
    marksweep_stats(&stats);
    return stats.live_bytes;
}

static void roots_that_are_removed_retain_nothing(void **state)
{
    (void)state;
    uint64_t before_bytes = live_after_collection();
    assert_int_equal(marksweep_roots_add(more_roots, more_roots + REMOVED), 0);
    fill_more_roots();
    assert_true(live_after_collection() >= before_bytes + REMOVED * REMOVED_BYTES);
    marksweep_roots_remove(more_roots, more_roots + REMOVED);
    /* A few may be named by what is left on the stack. */
    assert_true(live_after_collection() < before_bytes + REMOVED / 4 * REMOVED_BYTES);
}

static void ask_for_too_much(void)
{
    gc_alloc(m, &leaf_type, (size_t)1 << 50);
}

/* Who embeds it and says nothing about that gets a line, and an end. */
static void out_of_memory_is_told_before_the_end(void **state)
{
    (void)state;
    char text[256];
    expect_abort(ask_for_too_much, text, sizeof text);
    assert_string_equal(text, "marksweep: out of memory for 1125899906842624 bytes\n");
}

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    char word;
    assert_int_equal(marksweep_roots_add(roots, (char *)roots + 3), -EINVAL);
    assert_int_equal(marksweep_stack_add(&own.stack, NULL), -EINVAL);
    struct gc_type wrong = {.name = "wrong", .fixed_bytes = 8, .fixed_pointers = 2};
    assert_int_equal(marksweep_type_register(&wrong), -EINVAL);
    roots[1] = &word; /* no object: ignored in roots */
    assert_int_equal(marksweep_verify(m, (char[200]){""}, 200), 0);
    roots[1] = NULL;
    marksweep_reset_peak();
    struct gc_stats stats;
    marksweep_stats(&stats);
    assert_int_equal(stats.heap_peak_bytes, stats.heap_bytes);
}

static int start(void **state)
{
    static const char *const wrong[] = {
        "gogc",      "gogc=",    "gogc=x",   "gogc=0", "verify=2",
        "unknown=1", "gogc=1,,", "gogc=10x", "=1",     "gogc=99999999999999999999"};
    char why[256];
    (void)state;
    size_t options = 0;
    while (marksweep_option(options))
        assert_non_null(marksweep_option(options++)->help);
    assert_true(options >= 3);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct marksweep_config config = {.options = wrong[i]};
        why[0] = '\0';
        assert_int_equal(marksweep_init(&config, &m, why, sizeof why), -EINVAL);
        assert_true(why[0] != '\0');
        assert_int_equal(marksweep_init(&config, &m, NULL, 0), -EINVAL);
    }
    struct marksweep_config config = {
        .heap_limit_bytes = 8 << 20, .threads_max = 2, .options = "gogc=50,verify=1"};
    if (marksweep_init(&config, &m, why, sizeof why) != 0)
        return -1;
    return marksweep_type_register(&node_type) || marksweep_type_register(&leaf_type) ||
           marksweep_roots_add(roots, roots + 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(references_on_fibers_retain),
#if defined(__x86_64__)
        cmocka_unit_test(registers_of_a_stack_that_was_left_retain),
#endif
        cmocka_unit_test(threads_come_and_go),
        cmocka_unit_test(roots_that_are_removed_retain_nothing),
        cmocka_unit_test(out_of_memory_is_told_before_the_end),
        cmocka_unit_test(what_is_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
