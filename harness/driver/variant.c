#include "driver/variant.h"

#include "data/size_text.h"
#include "driver/cmd.h"
#include "driver/xalloc.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LABEL_MAX = 40 };

static const struct catalog_option *find_option(const struct catalog_runner *runner,
                                                const char *name)
{
    for (size_t i = 0; i < runner->option_count; i++)
        if (!strcmp(runner->options[i].name, name))
            return &runner->options[i];
    return NULL;
}

static bool has_choice(const char *choices, const char *word)
{
    size_t length = strlen(word);
    for (const char *c = choices; *c; c += *c == '|') {
        size_t n = strcspn(c, "|");
        if (n == length && n > 0 && !memcmp(c, word, n))
            return true;
        c += n;
    }
    return false;
}

/* The canonical text of a value, to be freed, or NULL with the reason. */
static char *option_value(const struct catalog_option *option, const char *text, char *why,
                          size_t why_bytes)
{
    if (option->kind == CATALOG_CHOICE) {
        if (has_choice(option->choices, text))
            return xstrdup(text);
        snprintf(why, why_bytes, "%s is one of %s, not '%s'", option->name, option->choices, text);
        return NULL;
    }
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool read = *text && !isspace((unsigned char)*text) && !*end && !errno;
    uint64_t bytes;
    if (!read && option->kind == CATALOG_BYTES && size_parse(text, &bytes) == 0 &&
        bytes <= INT64_MAX) {
        value = (long long)bytes;
        read = true;
    }
    if (!read || value < option->min || value > option->max) {
        snprintf(why, why_bytes, "%s is %s from %" PRId64 " to %" PRId64 "%s%s, not '%s'",
                 option->name, option->kind == CATALOG_BYTES ? "a size" : "a number", option->min,
                 option->max, *option->unit ? " " : "", option->unit, text);
        return NULL;
    }
    return xprintf("%lld", value);
}

static void unknown_backend(const struct catalog *catalog, const char *name, char *why,
                            size_t why_bytes)
{
    const char **names = xcalloc(catalog->backend_count + 1, sizeof *names);
    for (size_t i = 0; i < catalog->backend_count; i++)
        names[i] = catalog->backends[i].name;
    const char *nearest = cmd_nearest(name, names);
    if (nearest)
        snprintf(why, why_bytes, "unknown backend '%s': did you mean '%s'?", name, nearest);
    else
        snprintf(why, why_bytes, "unknown backend '%s'; see gcmeter list backends", name);
    free(names);
}

static void unknown_option(const struct catalog_runner *runner, const char *name, char *why,
                           size_t why_bytes)
{
    const char **names = xcalloc(runner->option_count + 3, sizeof *names);
    for (size_t i = 0; i < runner->option_count; i++)
        names[i] = runner->options[i].name;
    names[runner->option_count] = "label";
    names[runner->option_count + 1] = "lib";
    const char *nearest = cmd_nearest(name, names);
    if (nearest)
        snprintf(why, why_bytes, "backend %s has no option '%s': did you mean '%s'?", runner->name,
                 name, nearest);
    else
        snprintf(why, why_bytes, "backend %s has no option '%s'; see gcmeter list backends",
                 runner->name, name);
    free(names);
}

static int set_label(struct variant *v, const char *label, char *why, size_t why_bytes)
{
    size_t length = strlen(label);
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)label[i]) && !strchr("._+-", label[i]))
            length = 0;
    if (length == 0 || length > LABEL_MAX) {
        snprintf(why, why_bytes, "label '%s' must be 1 to %d characters of A-Z a-z 0-9 . _ + -",
                 label, LABEL_MAX);
        return -EINVAL;
    }
    v->label = xstrdup(label);
    return 0;
}

static int set_library(struct variant *v, const char *folder, char *why, size_t why_bytes)
{
    struct stat st;
    char *resolved = realpath(folder, NULL);
    if (!resolved || stat(resolved, &st) || !S_ISDIR(st.st_mode)) {
        snprintf(why, why_bytes, "lib='%s' is not a folder", folder);
        free(resolved);
        return -EINVAL;
    }
    v->library_dir = resolved;
    return 0;
}

static void add_key_setting(struct variant *v, const char *name, const char *value)
{
    struct setting *s = xappend(&v->key_settings, &v->key_setting_count, sizeof *s);
    s->name = name ? xstrdup(name) : NULL;
    s->value = xstrdup(value);
}

static void append_option(struct variant *v, const char *name, const char *value)
{
    char *longer = xprintf("%s%s%s=%s", v->options_text, *v->options_text ? "," : "", name, value);
    free(v->options_text);
    v->options_text = longer;
}

/* Options of a backend that cannot be described are taken as they are: its cells are skipped, but
 * keep their names. */
static void take_unchecked(struct variant *v, const struct variant_text *text)
{
    for (size_t i = 0; i < text->setting_count; i++) {
        const struct setting *s = &text->settings[i];
        if (!s->name || !strcmp(s->name, "label") || !strcmp(s->name, "lib"))
            continue;
        append_option(v, s->name, s->value);
        if (!v->label)
            add_key_setting(v, s->name, s->value);
    }
    v->unavailable = xstrdup(v->backend->unavailable);
}

static int take_options(struct variant *v, const struct variant_text *text, char *why,
                        size_t why_bytes)
{
    const struct catalog_runner *plain = v->backend->plain;
    const char *flavour = "";
    for (size_t i = 0; i < text->setting_count; i++) {
        const char *name = text->settings[i].name;
        if (strcmp(name, "label") && strcmp(name, "lib") && !find_option(plain, name)) {
            unknown_option(plain, name, why, why_bytes);
            return -EINVAL;
        }
    }
    for (size_t i = 0; i < plain->option_count; i++) {
        const struct catalog_option *option = &plain->options[i];
        const char *given = variant_text_get(text, option->name);
        char *value =
            given ? option_value(option, given, why, why_bytes) : xstrdup(option->default_text);
        if (!value)
            return -EINVAL;
        append_option(v, option->name, value);
        if (!v->label && strcmp(value, option->default_text))
            add_key_setting(v, option->name, value);
        for (size_t j = 0; j < plain->use_flavour_count; j++) {
            const struct catalog_use_flavour *use = &plain->use_flavours[j];
            if (!strcmp(use->option, option->name) && !strcmp(use->value, value))
                flavour = use->flavour;
        }
        free(value);
    }
    v->runner = catalog_runner(v->backend, flavour);
    char *probe = xprintf("%s%sprobe", flavour, *flavour ? "-" : "");
    v->probe = catalog_runner(v->backend, probe);
    if (v->probe && v->probe->unavailable)
        v->probe = NULL;
    free(probe);
    if (!v->runner)
        v->unavailable = xprintf("no runner gcmeter-run-%s-%s", v->backend->name, flavour);
    else if (v->runner->unavailable)
        v->unavailable = xstrdup(v->runner->unavailable);
    return 0;
}

int variant_parse(struct variant *variant, const struct catalog *catalog, const char *text,
                  char *why, size_t why_bytes)
{
    struct variant_text parsed;
    int error = variant_text_parse(&parsed, text, why, why_bytes);
    if (error)
        return error;
    *variant = (struct variant){.text = xstrdup(text), .options_text = xstrdup("")};
    variant->backend = catalog_backend(catalog, parsed.name);
    const char *label = variant_text_get(&parsed, "label");
    const char *library = variant_text_get(&parsed, "lib");
    if (!variant->backend) {
        unknown_backend(catalog, parsed.name, why, why_bytes);
        error = -EINVAL;
    } else if (variant_text_get(&parsed, NULL)) {
        snprintf(why, why_bytes, "'%s' is not OPTION=VALUE; a label is written label=%s",
                 variant_text_get(&parsed, NULL), variant_text_get(&parsed, NULL));
        error = -EINVAL;
    }
    if (!error && label)
        error = set_label(variant, label, why, why_bytes);
    if (!error && library)
        error = set_library(variant, library, why, why_bytes);
    if (!error && variant->label)
        add_key_setting(variant, NULL, variant->label);
    if (!error && variant->backend->unavailable)
        take_unchecked(variant, &parsed);
    else if (!error)
        error = take_options(variant, &parsed, why, why_bytes);
    variant_text_free(&parsed);
    if (!error && variant->library_dir && variant->runner && !variant->unavailable) {
        variant->swapped = xcalloc(1, sizeof *variant->swapped);
        catalog_describe(variant->swapped, variant->runner->path, variant->library_dir);
        if (variant->swapped->unavailable)
            variant->unavailable = xstrdup(variant->swapped->unavailable);
    }
    if (error)
        variant_free(variant);
    return error;
}

void variant_free(struct variant *variant)
{
    if (variant->swapped)
        catalog_runner_free(variant->swapped);
    free(variant->swapped);
    for (size_t i = 0; i < variant->key_setting_count; i++) {
        free((void *)variant->key_settings[i].name);
        free((void *)variant->key_settings[i].value);
    }
    free(variant->key_settings);
    free(variant->text);
    free(variant->label);
    free(variant->library_dir);
    free(variant->options_text);
    free(variant->unavailable);
    *variant = (struct variant){0};
}

bool variant_takes_heap(const struct variant *variant)
{
    return variant->runner && catalog_has_word(variant->runner->capabilities, "heap_limit");
}
