#include "driver/suite.h"

#include <string.h>

const struct suite suites[] = {
#define SUITE(name, invocations, probes, summary) {#name, invocations, probes, summary},
#define CELL(suite, workload, backends, heap, threads)
#include "driver/suites.def"
#undef SUITE
#undef CELL
};
const size_t suite_count = sizeof suites / sizeof *suites;

const struct suite_row suite_rows[] = {
#define SUITE(name, invocations, probes, summary)
#define CELL(suite, workload, backends, heap, threads) {#suite, workload, backends, heap, threads},
#include "driver/suites.def"
#undef SUITE
#undef CELL
};
const size_t suite_row_count = sizeof suite_rows / sizeof *suite_rows;

const struct suite *suite_find(const char *name)
{
    for (size_t i = 0; i < suite_count; i++)
        if (!strcmp(suites[i].name, name))
            return &suites[i];
    return NULL;
}
