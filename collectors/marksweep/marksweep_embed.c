/* The embedding API of marksweep.h over the descriptor of the backend. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marksweep.h"

#define OPTIONS_MAX 64

const struct gc_option *marksweep_option(size_t index)
{
    return index < gc_backend.option_count ? &gc_backend.options[index] : NULL;
}

static void out_of_memory(void *data, size_t bytes)
{
    (void)data;
    fprintf(stderr, "marksweep: out of memory for %zu bytes\n", bytes);
    abort();
}

/* A decimal number within the option's bounds: marksweep has no options of other kinds. */
static bool read_value(const struct gc_option *option, const char *value, size_t length,
                       int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(value, &end, 10);
    return end == value + length && length > 0 && errno == 0 && *number >= option->min &&
           *number <= option->max;
}

/* Reads one name=value of `length` bytes. Returns false where it is not right. */
static bool read_option(const char *text, size_t length, int64_t *values)
{
    const char *equals = memchr(text, '=', length);
    for (size_t i = 0; equals && i < gc_backend.option_count; i++) {
        const struct gc_option *option = &gc_backend.options[i];
        if (strlen(option->name) == (size_t)(equals - text) &&
            strncmp(option->name, text, (size_t)(equals - text)) == 0)
            return read_value(option, equals + 1, (size_t)(text + length - equals - 1), &values[i]);
    }
    return false;
}

int marksweep_init(const struct marksweep_config *config, struct gc_mutator **main, char *why,
                   size_t why_bytes)
{
    static const struct gc_listener aborting = {.out_of_memory = out_of_memory};
    static int64_t values[OPTIONS_MAX];
    char unwanted[1];
    if (why_bytes == 0) {
        why = unwanted;
        why_bytes = sizeof unwanted;
    }
    for (size_t i = 0; i < gc_backend.option_count; i++)
        values[i] = gc_backend.options[i].default_value;
    for (const char *text = config->options; text && *text;) {
        size_t length = strcspn(text, ",");
        if (!read_option(text, length, values)) {
            snprintf(why, why_bytes, "\"%.*s\" is no option with a value of its kind and bounds",
                     (int)length, text);
            return -EINVAL;
        }
        text += length + (text[length] == ',');
    }
    const struct gc_config backend_config = {
        .heap_limit_bytes = config->heap_limit_bytes,
        .threads_count = config->threads_max ? config->threads_max : 1,
        .option_values = values,
        .listener = config->listener ? config->listener : &aborting,
    };
    return gc_backend.init(&backend_config, main, why, why_bytes);
}

struct gc_mutator *marksweep_attach(void)
{
    return gc_backend.attach();
}

void marksweep_detach(struct gc_mutator *m)
{
    gc_backend.detach(m);
}

void marksweep_enter_blocked(struct gc_mutator *m)
{
    gc_backend.enter_blocked(m);
}

void marksweep_leave_blocked(struct gc_mutator *m)
{
    gc_backend.leave_blocked(m);
}

int marksweep_type_register(struct gc_type *type)
{
    return gc_backend.type_register(type);
}

int marksweep_roots_add(void *low, void *high)
{
    return gc_backend.roots_add(low, high);
}

void marksweep_roots_remove(void *low, void *high)
{
    gc_backend.roots_remove(low, high);
}

void marksweep_collect(struct gc_mutator *m)
{
    gc_backend.collect(m);
}

void marksweep_stats(struct gc_stats *stats)
{
    gc_backend.stats(stats);
}

void marksweep_reset_peak(void)
{
    gc_backend.reset_peak();
}

int marksweep_verify(struct gc_mutator *m, char *why, size_t why_bytes)
{
    return gc_backend.verify(m, why, why_bytes);
}
