/* named_values.h: `name=value,name=value` as parameters of a workload or options of a backend.
 *
 * Both parsers fill `values`, parallel to the table, with the defaults and then with what `text`
 * says ("" or NULL: nothing). Numbers are plain decimal integers. They return 0, or -EINVAL with
 * one line in `why` (of why_bytes, always terminated) that names the pair and what is allowed.
 */
#ifndef RUNNER_NAMED_VALUES_H
#define RUNNER_NAMED_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gc_backend.h"
#include "workload.h"

/* The most parameters or options that a table may have. */
#define NAMED_VALUES_MAX 64

int named_values_params(const struct workload *workload, const char *text, uint64_t *values,
                        char *why, size_t why_bytes);

/* `given`, parallel too, becomes true for what the text names; NULL if not wanted. A choice is
 * written as its word. */
int named_values_options(const struct gc_option *options, size_t count, const char *text,
                         int64_t *values, bool *given, char *why, size_t why_bytes);

/* Bounds that hold for an option: those of its row, 0 and 1 for a flag, all words for a choice. */
int64_t named_values_option_min(const struct gc_option *option);
int64_t named_values_option_max(const struct gc_option *option);

/* Word number `index` of `choices`, words separated by '|': its start, with its length in *length;
 * NULL past the last. */
const char *named_values_choice(const char *choices, int64_t index, size_t *length);

/* Reads the whole text as a plain decimal integer of [0, UINT64_MAX]: digits only. */
bool named_values_unsigned(const char *text, size_t length, uint64_t *value);

#endif
