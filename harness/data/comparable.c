#include "data/comparable.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "data/printable.h"

#define WORKLOAD_PARAMS "workload_params"
#define BACKEND_OPTIONS "backend_options"

const char *const comparable_keys[] = {
    "cpu_model", "cores", "seed", "warmup", "iterations", WORKLOAD_PARAMS, BACKEND_OPTIONS, NULL,
};

static bool is_allowed(const char *key, const char *const *allowed, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(key, allowed[i]) == 0)
            return true;
    return false;
}

static int refuse(const char *key, const char *where, const char *was, const char *is,
                  struct csv_error *error)
{
    char cell[256], from[200], to[200];
    snprintf(error->text, sizeof error->text,
             "the runs differ in %s%s%s: '%s' and '%s'; --allow-different %s compares them all the "
             "same",
             key, *where ? " of " : "", printable_copy(cell, sizeof cell, where),
             printable_copy(from, sizeof from, was), printable_copy(to, sizeof to, is), key);
    return -EINVAL;
}

/* The value of `name` in "name=value,…", or NULL; *length of it. */
static const char *find_value(const char *text, const char *name, size_t name_length,
                              size_t *length)
{
    while (*text) {
        size_t whole = strcspn(text, ",");
        if (whole > name_length && memcmp(text, name, name_length) == 0 &&
            text[name_length] == '=') {
            *length = whole - name_length - 1;
            return text + name_length + 1;
        }
        text += whole + (text[whole] == ',');
    }
    return NULL;
}

bool comparable_values_agree(const char *base, const char *new)
{
    for (const char *pair = base; *pair;) {
        size_t whole = strcspn(pair, ",");
        size_t name_length = strcspn(pair, "=,");
        size_t length;
        const char *other = find_value(new, pair, name_length, &length);
        if (other && name_length < whole &&
            (length != whole - name_length - 1 ||
             memcmp(other, pair + name_length + 1, length) != 0))
            return false;
        pair += whole + (pair[whole] == ',');
    }
    return true;
}

static int check_cell(const struct run_cell *was, const struct run_cell *is,
                      const char *const *allowed, size_t allowed_count, struct csv_error *error)
{
    /* Where no invocation got so far as to say them, there is nothing to compare. */
    if (*was->workload_params && *is->workload_params &&
        !is_allowed(WORKLOAD_PARAMS, allowed, allowed_count) &&
        !comparable_values_agree(was->workload_params, is->workload_params))
        return refuse(WORKLOAD_PARAMS, was->key, was->workload_params, is->workload_params, error);
    if (!is_allowed(BACKEND_OPTIONS, allowed, allowed_count) &&
        !comparable_values_agree(was->backend_options, is->backend_options))
        return refuse(BACKEND_OPTIONS, was->key, was->backend_options, is->backend_options, error);
    return 0;
}

int comparable_check(const struct run_data *base, const struct run_data *new,
                     const char *const *allowed, size_t allowed_count, struct csv_error *error)
{
    for (const char *const *key = comparable_keys; *key; key++) {
        const char *was = run_data_key(base, *key);
        const char *is = run_data_key(new, *key);
        if (was && is && strcmp(was, is) != 0 && !is_allowed(*key, allowed, allowed_count))
            return refuse(*key, "", was, is, error);
    }
    for (size_t i = 0; i < base->cell_count; i++) {
        const struct run_cell *is = run_data_cell(new, base->cells[i].key);
        int result = is ? check_cell(&base->cells[i], is, allowed, allowed_count, error) : 0;
        if (result)
            return result;
    }
    return 0;
}
