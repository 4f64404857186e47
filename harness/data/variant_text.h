/* variant_text.h: the texts NAME[:SETTING,SETTING…] that name a backend with options or a workload
 * with parameters; a setting is `name=value`, or one bare word (a label, the file of `program`).
 * Bytes that would be mistaken are written %XX, in any part, so that a part of a cell key can be
 * given back on the command line. */
#ifndef DATA_VARIANT_TEXT_H
#define DATA_VARIANT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct setting {
    const char *name; /* NULL for a bare word */
    const char *value;
};

/* Owns the strings it points to. */
struct variant_text {
    const char *name;
    struct setting *settings;
    size_t setting_count;
    char *storage;
};

/* Parses `text` into *variant, which the caller gives to variant_text_free(). -EINVAL: `why` (of
 * why_bytes, always terminated) says in one line what is wrong with it; -ENOMEM. NAME is a word of
 * [a-z0-9_]; a setting is named once, and at most one is a bare word. */
int variant_text_parse(struct variant_text *variant, const char *text, char *why, size_t why_bytes);
void variant_text_free(struct variant_text *variant);

/* Value of the setting `name` (NULL: of the bare word), or NULL. */
const char *variant_text_get(const struct variant_text *variant, const char *name);

/* Writes `value` with every byte outside [A-Za-z0-9._+-] as %XX. */
void variant_text_encode(FILE *out, const char *value);

#endif
