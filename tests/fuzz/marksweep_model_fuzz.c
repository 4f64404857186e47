/* marksweep_model_fuzz.c: bytes are operations on a graph of objects, which is compared with a
 * model of it (torture/graph_model.h), under a small heap limit, the heap being verified before and
 * after each collection. One byte chooses an operation, those that follow it what it is done to. */
#include <stdlib.h>
#include <string.h>

#include "torture/graph_model.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

enum { HEAP_LIMIT = 4 << 20, VALUES_MAX = 32 };

static struct gc_mutator *mutator;
static struct graph *graph;

struct input {
    const uint8_t *next;
    const uint8_t *end;
};

/* As many bytes as the bound needs; zeroes at the end. */
static uint64_t input_below(void *data, uint64_t bound)
{
    struct input *input = data;
    uint64_t value = 0;
    for (uint64_t rest = bound - 1; rest > 0; rest >>= 8)
        value = value << 8 | (input->next < input->end ? *input->next++ : 0);
    return value % bound;
}

static void on_out_of_memory(void *data, size_t bytes)
{
    (void)data;
    graph_out_of_memory(bytes);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const struct gc_listener listener = {.out_of_memory = on_out_of_memory};
    static int64_t values[VALUES_MAX];
    char why[256];
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < gc_backend.option_count; i++) {
        const struct gc_option *option = &gc_backend.options[i];
        values[i] = option->default_value;
        if (strcmp(option->name, "verify") == 0 || strcmp(option->name, "markers") == 0)
            values[i] = 1;
    }
    const struct gc_config config = {.heap_limit_bytes = HEAP_LIMIT,
                                     .threads_count = 1,
                                     .option_values = values,
                                     .listener = &listener};
    const struct graph_limits limits = {
        .nodes_max = 500, .bytes_max = 1 << 20, .object_max = 300000, .collect_one_in = 1};
    if (gc_backend.init(&config, &mutator, why, sizeof why) != 0)
        abort();
    graph_start(mutator);
    graph = graph_create(0, &limits);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct input input = {data, data + bytes};
    graph_take(graph, mutator, (struct graph_choices){input_below, &input});
    while (input.next < input.end)
        graph_step(graph);
    gc_backend.collect(mutator);
    graph_compare(graph);
    /* The next input begins with nothing, but for what a stale word on the stack holds. */
    for (int i = 0; i < 2; i++) {
        graph_clear(graph);
        gc_backend.collect(mutator);
        gc_finalizers_run(mutator);
        graph_clear(graph);
    }
    return 0;
}
