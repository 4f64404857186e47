/* cell_key.h: the text that identifies a cell, and is the key between result files:
 *
 *     WORKLOAD[:PARAMS]/BACKEND[:OPTIONS or LABEL]/heap=H/threads=N
 *
 * PARAMS and OPTIONS hold only what differs from the default, in table order, numbers in plain base
 * units, bytes of values outside [A-Za-z0-9._+-] percent-encoded. H is `none`, bytes, `2.5xlive` or
 * `2.5xmin`. So no part contains a slash. Thread-safe.
 */
#ifndef DATA_CELL_KEY_H
#define DATA_CELL_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "data/variant_text.h"

enum heap_kind {
    HEAP_NONE,
    HEAP_BYTES,
    HEAP_TIMES_LIVE, /* times the workload's stated live set */
    HEAP_TIMES_MIN,  /* times the smallest minimum heap of any backend */
};

struct heap_setting {
    enum heap_kind kind;
    double factor;  /* of HEAP_TIMES_* */
    uint64_t bytes; /* of HEAP_BYTES */
};

/* Reads `none`, a size as in size_text.h, `Fxlive` or `Fxmin` with F from 0.001
 * to 1000000. 0 or -EINVAL. */
int heap_setting_parse(struct heap_setting *heap, const char *text);

/* The H of the key, in at least HEAP_SETTING_BYTES bytes; returns `buffer`. */
#define HEAP_SETTING_BYTES 48
char *heap_setting_format(char *buffer, const struct heap_setting *heap);

/* What the key is made of; settings with plain, not encoded, values, only those that differ from
 * the default. A label is given as the only option, a bare word. */
struct cell_name {
    const char *workload;
    const struct setting *params;
    size_t param_count;
    const char *backend;
    const struct setting *options;
    size_t option_count;
    struct heap_setting heap;
    unsigned threads;
};

/* The key, to be freed by the caller, or NULL with errno ENOMEM. */
char *cell_key_format(const struct cell_name *name);

/* A key taken apart: ranges of the key's own text, not terminated. */
struct cell_part {
    const char *text;
    int length; /* for printf's %.*s */
};

struct cell_parts {
    struct cell_part workload;      /* with parameters */
    struct cell_part workload_name; /* without */
    struct cell_part backend;       /* with options or label */
    struct cell_part backend_name;
    struct cell_part heap; /* H alone */
    struct cell_part threads;
};

/* 0, or -EINVAL where `key` is not of that form. */
int cell_key_split(struct cell_parts *parts, const char *key);

#endif
