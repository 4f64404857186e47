/* flavour.h: the flavours of the backend, each a runner of its own, and which options go with this
 * one. */
#ifndef RUNNER_FLAVOUR_H
#define RUNNER_FLAVOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gc_backend.h"

/* One word NAME:OPTION=VALUE of backends.def. Pieces are not terminated. */
struct flavour {
    const char *name;
    size_t name_bytes;
    const char *option;
    size_t option_bytes;
    const char *value;
    size_t value_bytes;
};

/* Takes the next flavour off *words: 1, 0 at the end, or -EINVAL if it is not NAME:OPTION=VALUE. */
int flavour_next(const char **words, struct flavour *flavour);

/* Makes the option values agree with the flavour `own` ("": the plain one) of those in `words`: in
 * a flavour's runner, its option has its value unless given. 0, or -EINVAL with one line in `why`
 * where the options belong to another runner of the backend, whose inline code differs. */
int flavour_apply(const char *words, const char *own, const struct gc_option *options, size_t count,
                  int64_t *values, const bool *given, char *why, size_t why_bytes);

#endif
