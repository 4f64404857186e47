/* schema.h: the result files as tables: every file, column and key of run.csv, from schema.def and
 * schema_run_keys.def. All of it is constant data, so thread-safe. */
#ifndef DATA_SCHEMA_H
#define DATA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Written to run.csv. It changes only when a column's meaning does; an appended column leaves it.
 */
#define SCHEMA_VERSION 1

enum schema_kind {
    SCHEMA_TEXT,
    SCHEMA_INT,  /* int64 or uint64 in decimal */
    SCHEMA_REAL, /* finite, decimal */
    SCHEMA_CHECKSUM,
};

enum schema_better {
    SCHEMA_KEY, /* identifies the row: no metric */
    SCHEMA_LOWER,
    SCHEMA_HIGHER,
    SCHEMA_NONE, /* a figure without direction */
};

enum schema_file_id {
#define FILE_BEGIN(id, name, what) SCHEMA_FILE_##id,
#define COLUMN(id, name, kind, unit, better, help)
#define FILE_END(id)
#include "data/schema.def"
#undef FILE_BEGIN
#undef COLUMN
#undef FILE_END
    SCHEMA_FILE_COUNT
};

/* The files of a run, in its folder, are those before this one. */
#define SCHEMA_RUN_FILE_COUNT (SCHEMA_FILE_METRICS + 1)

/* SCHEMA_INVOCATIONS_wall_ns and so on: a column's index in its file; SCHEMA_INVOCATIONS_COUNT how
 * many there are. */
#define FILE_BEGIN(id, name, what)                 enum {
#define COLUMN(id, name, kind, unit, better, help) SCHEMA_##id##_##name,
#define FILE_END(id)                                                                               \
    SCHEMA_##id##_COUNT                                                                            \
    }                                                                                              \
    ;
#include "data/schema.def"
#undef FILE_BEGIN
#undef COLUMN
#undef FILE_END

struct schema_column {
    const char *name;
    enum schema_kind kind;
    const char *unit; /* "" where there is none */
    enum schema_better better;
    const char *help;
};

struct schema_file {
    const char *name; /* "run.csv" */
    const char *what;
    const struct schema_column *columns;
    size_t column_count;
};

/* Indexed by enum schema_file_id. */
extern const struct schema_file schema_files[SCHEMA_FILE_COUNT];

/* A key of run.csv. One that is per backend reads backend_NAME_<key>. */
struct schema_run_key {
    const char *key;
    bool per_backend;
    const char *help;
};

extern const struct schema_run_key schema_run_keys[];
extern const size_t schema_run_key_count;

/* Index of the column of that name, or -1. */
int schema_column_index(const struct schema_file *file, const char *name);

/* The column of invocations.csv that is a metric (not a key, nor the checksum) of that name, or
 * NULL. Its index is the difference to schema_files[SCHEMA_FILE_INVOCATIONS].columns. */
const struct schema_column *schema_metric(const char *name);

/* Whether the column holds a figure: neither a key nor text nor a checksum. */
bool schema_is_metric(const struct schema_column *column);

/* "text", "int", "real", "checksum" and "key", "lower", "higher", "none". */
const char *schema_kind_word(enum schema_kind kind);
const char *schema_better_word(enum schema_better better);

/* Writes results/SCHEMA.md. Returns 0 or a negative errno of the stream. */
int schema_write_markdown(FILE *out);

#endif
