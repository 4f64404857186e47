/* suite.h: the suites of suites.def as tables. */
#ifndef DRIVER_SUITE_H
#define DRIVER_SUITE_H

#include <stddef.h>

struct suite_row {
    const char *suite;
    const char *workload;
    const char *backends; /* joined by blanks */
    const char *heaps;    /* joined by blanks */
    unsigned threads;
};

struct suite {
    const char *name;
    unsigned invocations;
    unsigned probes;
    const char *summary;
};

extern const struct suite suites[];
extern const size_t suite_count;
extern const struct suite_row suite_rows[];
extern const size_t suite_row_count;

/* The suite of that name, or NULL. */
const struct suite *suite_find(const char *name);

#endif
