#include "workload_table.h"

#include <string.h>

#define WORKLOAD(name) extern const struct workload workload_##name;
#include "workloads.def"
#undef WORKLOAD

const struct workload *const workload_table[] = {
#define WORKLOAD(name) &workload_##name,
#include "workloads.def"
#undef WORKLOAD
    NULL,
};

const struct workload *workload_find(const char *name)
{
    for (const struct workload *const *w = workload_table; *w; w++)
        if (strcmp((*w)->name, name) == 0)
            return *w;
    return NULL;
}
