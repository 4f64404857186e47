/* variant.h: a backend with options, as the user writes it: `boehm:incremental=1,label=inc`. */
#ifndef DRIVER_VARIANT_H
#define DRIVER_VARIANT_H

#include "data/variant_text.h"
#include "driver/catalog.h"

/* Points into the catalog, which must outlive it; owns the rest. */
struct variant {
    const struct catalog_backend *backend;
    const struct catalog_runner *runner; /* what runs it; its path is right under lib= too */
    const struct catalog_runner *probe;  /* what probes it, or NULL */
    struct catalog_runner *swapped;      /* what it says of itself under lib=, or NULL */
    char *text;                          /* as the user wrote it */
    char *label;                         /* or NULL */
    char *library_dir;                   /* of lib=, or NULL */
    char *options_text;                  /* all options, name=value joined by commas */
    char *unavailable;                   /* why its cells are skipped, or NULL */
    /* What stands in the cell key: the label, or the options that differ from their defaults. */
    struct setting *key_settings;
    size_t key_setting_count;
};

/* Reads and validates `text`. 0; or -EINVAL, with one line in `why` (of why_bytes), and nothing to
 * free. What the machine lacks is no error: `unavailable` says so. */
int variant_parse(struct variant *variant, const struct catalog *catalog, const char *text,
                  char *why, size_t why_bytes);
void variant_free(struct variant *variant);

/* Whether the backend bounds its heap, so that heap settings make a difference. */
bool variant_takes_heap(const struct variant *variant);

#endif
