/* workload_spec.h: a workload with parameters, as the user writes it: `cyclic_graph:nodes=64`. */
#ifndef DRIVER_WORKLOAD_SPEC_H
#define DRIVER_WORKLOAD_SPEC_H

#include "data/variant_text.h"
#include "driver/catalog.h"

/* Points into the catalog, which must outlive it; owns the rest. */
struct workload_spec {
    const struct catalog_workload *workload;
    char *text;        /* as the user wrote it */
    char *params_text; /* all parameters, name=value joined by commas */
    /* What stands in the cell key: the parameters that differ from their defaults. */
    struct setting *key_settings;
    size_t key_setting_count;
};

/* Reads and validates `text`. 0; or -EINVAL, with one line in `why` (of why_bytes), and nothing to
 * free. */
int workload_spec_parse(struct workload_spec *spec, const struct catalog *catalog, const char *text,
                        char *why, size_t why_bytes);
void workload_spec_free(struct workload_spec *spec);

#endif
