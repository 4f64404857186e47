/* marksweep_fixture.h: what the unit tests of marksweep share. The collector starts once per
 * process, so each test program starts it once, with its own settings. */
#ifndef MARKSWEEP_FIXTURE_H
#define MARKSWEEP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gc.h"
#include "gc_backend.h"

struct fixture_settings {
    uint64_t heap_limit_bytes;
    int64_t gogc;
    int64_t stress;
    int64_t verify;
    int64_t markers;
    uint32_t threads_count;
};

/* What the listener saw. */
static struct {
    uint64_t stops_count;
    uint64_t collections_count;
    struct gc_stop last_stop;
    struct gc_collection last_collection;
    jmp_buf *on_out_of_memory; /* NULL: out of memory ends the test */
    size_t out_of_memory_bytes;
} fixture_seen;

static struct gc_mutator *fixture_main;

static void fixture_stop(void *data, const struct gc_stop *stop)
{
    (void)data;
    fixture_seen.stops_count++;
    fixture_seen.last_stop = *stop;
}

static void fixture_collection(void *data, const struct gc_collection *collection)
{
    (void)data;
    fixture_seen.collections_count++;
    fixture_seen.last_collection = *collection;
}

static void fixture_out_of_memory(void *data, size_t bytes)
{
    (void)data;
    fixture_seen.out_of_memory_bytes = bytes;
    if (!fixture_seen.on_out_of_memory) {
        fprintf(stderr, "out of memory for %zu bytes\n", bytes);
        abort();
    }
    longjmp(*fixture_seen.on_out_of_memory, 1);
}

static inline void fixture_start(const struct fixture_settings *settings)
{
    static const struct gc_listener listener = {.stop = fixture_stop,
                                                .collection = fixture_collection,
                                                .out_of_memory = fixture_out_of_memory};
    int64_t values[8] = {0};
    assert_true(gc_backend.option_count <= sizeof values / sizeof values[0]);
    for (size_t i = 0; i < gc_backend.option_count; i++) {
        const struct gc_option *option = &gc_backend.options[i];
        values[i] = option->default_value;
        if (strcmp(option->name, "gogc") == 0 && settings->gogc)
            values[i] = settings->gogc;
        if (strcmp(option->name, "markers") == 0)
            values[i] = settings->markers;
        if (strcmp(option->name, "stress") == 0)
            values[i] = settings->stress;
        if (strcmp(option->name, "verify") == 0)
            values[i] = settings->verify;
    }
    struct gc_config config = {
        .heap_limit_bytes = settings->heap_limit_bytes,
        .threads_count = settings->threads_count ? settings->threads_count : 1,
        .option_values = values,
        .listener = &listener,
    };
    char why[128];
    int error = gc_backend.init(&config, &fixture_main, why, sizeof why);
    if (error)
        fail_msg("init: %d, %s", error, why);
}

/* The heap is consistent, or the test fails with the reason. */
static inline void fixture_verify(void)
{
    char why[256];
    if (gc_backend.verify(fixture_main, why, sizeof why) != 0)
        fail_msg("%s", why);
}

static inline void fixture_register(struct gc_type *type)
{
    assert_int_equal(gc_backend.type_register(type), 0);
}

/* Overwrites the dead part of the stack, where copies of references may lie. */
static __attribute__((noinline, unused)) void fixture_clear_stack(void)
{
    volatile char dead[16384];
    for (size_t i = 0; i < sizeof dead; i++)
        dead[i] = 0;
}

static inline struct gc_stats fixture_stats(void)
{
    struct gc_stats stats;
    gc_backend.stats(&stats);
    return stats;
}

#endif
