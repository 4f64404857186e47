#include "data/run_data.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/number_text.h"
#include "data/printable.h"
#include "data/string_table.h"

/* A backend of its own may add figures; so many in one invocation are a mistake. */
#define EXTRAS_PER_INVOCATION_MAX 1024
#define METRICS_MAX               4096

/* A value of metrics.csv; those of one invocation are linked. */
struct extra_value {
    uint32_t metric;
    uint32_t next; /* index + 1, 0: none */
    double value;
};

struct run_tables {
    char *folder;
    struct string_table texts;   /* every string that is handed out */
    struct string_table keys;    /* of run.csv, parallel to run->keys */
    struct string_table cells;   /* parallel to run->cells */
    struct string_table metrics; /* parallel to run->metrics */

    size_t key_capacity;
    size_t cell_capacity;
    size_t invocation_capacity;
    size_t metric_capacity;

    /* Values of the metrics in schema.def, builtin_count per invocation, NaN: not measured. */
    double *builtin_values;
    size_t builtin_capacity;
    size_t builtin_count;
    size_t builtin_columns[SCHEMA_INVOCATIONS_COUNT];

    struct extra_value *extras;
    size_t extra_count;
    size_t extra_capacity;
    uint32_t *first_extra; /* by invocation, index + 1; NULL: there are none at all */

    size_t *cell_room; /* by cell: capacity of its list of invocations */
    size_t cell_room_capacity;

    /* (cell, number) of an invocation to its index + 1, by open addressing. */
    uint32_t *slots;
    size_t slot_count;
};

struct loader {
    struct run_data *run;
    struct csv_error *error;
};

static const char *const status_words[] = {
    [RUN_OK] = "ok",           [RUN_OOM] = "oom",     [RUN_CRASHED] = "crashed",
    [RUN_TIMEOUT] = "timeout", [RUN_WRONG] = "wrong", [RUN_SKIPPED] = "skipped",
};

const char *run_status_word(enum run_status status)
{
    return status_words[status];
}

/* Room for one more element of `unit` bytes. */
static void *with_room(void *array, size_t *capacity, size_t count, size_t unit)
{
    if (count < *capacity)
        return array;
    size_t more = *capacity ? *capacity * 2 : 16;
    void *grown = realloc(array, more * unit);
    if (grown)
        *capacity = more;
    return grown;
}

static int out_of_memory(struct csv_error *error)
{
    snprintf(error->text, sizeof error->text, "out of memory");
    return -ENOMEM;
}

/* A copy that lives as long as the run, or NULL. */
static const char *keep_text(struct run_tables *tables, const char *text)
{
    int64_t number = string_table_put(&tables->texts, text);
    return number < 0 ? NULL : tables->texts.strings[number];
}

static int take_run_row(void *data, const struct csv_row *row)
{
    struct loader *loader = data;
    struct run_data *run = loader->run;
    const char *key = row->text[SCHEMA_RUN_key];
    if (string_table_get(&run->tables->keys, key) >= 0)
        return csv_field_refuse(row, SCHEMA_RUN_key, "a key that was given before");
    void *keys =
        with_room(run->keys, &run->tables->key_capacity, run->key_count, sizeof *run->keys);
    if (!keys)
        return out_of_memory(row->error);
    run->keys = keys;
    int64_t number = string_table_put(&run->tables->keys, key);
    const char *value = keep_text(run->tables, row->text[SCHEMA_RUN_value]);
    if (number < 0 || !value)
        return out_of_memory(row->error);
    run->keys[run->key_count++] = (struct run_key){run->tables->keys.strings[number], value};
    if (strcmp(key, "schema_version") != 0)
        return 0;
    uint64_t version;
    if (number_parse_uint(value, &version) || version != SCHEMA_VERSION) {
        char printable[32];
        return csv_field_refuse(row, SCHEMA_RUN_value,
                                "schema version '%s', but this gcmeter reads version %d",
                                printable_copy(printable, sizeof printable, value), SCHEMA_VERSION);
    }
    return 0;
}

/* The slot of (cell, number), or the empty one where it belongs. */
static size_t find_slot(const struct run_data *run, uint32_t cell, int64_t number)
{
    const struct run_tables *tables = run->tables;
    size_t mask = tables->slot_count - 1;
    size_t slot = rng_mix((uint64_t)cell << 40 ^ (uint64_t)number) & mask;
    while (tables->slots[slot]) {
        const struct run_invocation *there = &run->invocations[tables->slots[slot] - 1];
        if (there->cell == cell && there->number == number)
            break;
        slot = (slot + 1) & mask;
    }
    return slot;
}

static int make_slots(struct run_data *run)
{
    struct run_tables *tables = run->tables;
    if ((run->invocation_count + 1) * 3 <= tables->slot_count * 2)
        return 0;
    size_t slot_count = tables->slot_count ? tables->slot_count * 2 : 256;
    uint32_t *slots = calloc(slot_count, sizeof *slots);
    if (!slots)
        return -ENOMEM;
    free(tables->slots);
    tables->slots = slots;
    tables->slot_count = slot_count;
    for (size_t i = 0; i < run->invocation_count; i++)
        slots[find_slot(run, run->invocations[i].cell, run->invocations[i].number)] =
            (uint32_t)i + 1;
    return 0;
}

/* What every row of a cell says alike. A skipped invocation may not know its parameters. */
static int check_constant(const struct csv_row *row, struct run_tables *tables, size_t column,
                          const char **kept)
{
    const char *text = row->text[column];
    if (*kept && **kept && *text && strcmp(*kept, text) != 0)
        return csv_field_refuse(row, column, "%s differs from earlier rows of this cell",
                                row->file->columns[column].name);
    if (*kept && (**kept || !*text))
        return 0;
    *kept = keep_text(tables, text);
    return *kept ? 0 : out_of_memory(row->error);
}

static int check_constants(const struct csv_row *row, struct run_data *run, struct run_cell *cell)
{
    const struct {
        size_t column;
        const char **kept;
    } constants[] = {
        {SCHEMA_INVOCATIONS_workload, &cell->workload},
        {SCHEMA_INVOCATIONS_workload_params, &cell->workload_params},
        {SCHEMA_INVOCATIONS_backend, &cell->backend},
        {SCHEMA_INVOCATIONS_backend_options, &cell->backend_options},
        {SCHEMA_INVOCATIONS_heap_factor, &cell->heap_factor},
        {SCHEMA_INVOCATIONS_heap_limit_bytes, &cell->heap_limit_bytes},
        {SCHEMA_INVOCATIONS_threads, &cell->threads},
    };
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        int error = check_constant(row, run->tables, constants[i].column, constants[i].kept);
        if (error)
            return error;
    }
    return 0;
}

static int64_t add_cell(const struct csv_row *row, struct run_data *run)
{
    struct run_tables *tables = run->tables;
    void *cells =
        with_room(run->cells, &tables->cell_capacity, run->cell_count, sizeof *run->cells);
    if (!cells)
        return out_of_memory(row->error);
    run->cells = cells;
    void *room = with_room(tables->cell_room, &tables->cell_room_capacity, run->cell_count,
                           sizeof *tables->cell_room);
    if (!room)
        return out_of_memory(row->error);
    tables->cell_room = room;
    int64_t number = string_table_put(&tables->cells, row->text[SCHEMA_INVOCATIONS_cell]);
    if (number < 0)
        return out_of_memory(row->error);
    struct run_cell *cell = &run->cells[number];
    *cell = (struct run_cell){.key = tables->cells.strings[number]};
    tables->cell_room[number] = 0;
    run->cell_count++;
    if (cell_key_split(&cell->parts, cell->key))
        return csv_field_refuse(row, SCHEMA_INVOCATIONS_cell,
                                "cell is not WORKLOAD/BACKEND/heap=H/threads=N");
    return number;
}

static int add_to_cell(struct run_data *run, uint32_t number)
{
    struct run_cell *cell = &run->cells[number];
    void *list = with_room(cell->invocations, &run->tables->cell_room[number],
                           cell->invocation_count, sizeof *cell->invocations);
    if (!list)
        return -ENOMEM;
    cell->invocations = list;
    cell->invocations[cell->invocation_count++] = (uint32_t)run->invocation_count;
    return 0;
}

static int read_status(const struct csv_row *row, enum run_status *status)
{
    const char *text = row->text[SCHEMA_INVOCATIONS_status];
    for (size_t i = 0; i < sizeof status_words / sizeof status_words[0]; i++) {
        if (strcmp(text, status_words[i]) == 0) {
            *status = (enum run_status)i;
            return 0;
        }
    }
    char printable[32];
    return csv_field_refuse(row, SCHEMA_INVOCATIONS_status,
                            "status is '%s', not ok, oom, crashed, timeout, wrong or skipped",
                            printable_copy(printable, sizeof printable, text));
}

/* Numbers that identify a row and must be there. */
static int need_int(const struct csv_row *row, size_t column, int64_t *value)
{
    int got = csv_row_int(row, column, value);
    if (got == 0)
        return csv_field_refuse(row, column, "%s is empty", row->file->columns[column].name);
    return got < 0 ? got : 0;
}

static int read_values(const struct csv_row *row, struct run_data *run)
{
    struct run_tables *tables = run->tables;
    size_t count = tables->builtin_count;
    size_t used = run->invocation_count * count;
    if (used + count > tables->builtin_capacity) {
        size_t capacity = tables->builtin_capacity ? tables->builtin_capacity * 2 : 64 * count;
        double *values = realloc(tables->builtin_values, capacity * sizeof *values);
        if (!values)
            return out_of_memory(row->error);
        tables->builtin_values = values;
        tables->builtin_capacity = capacity;
    }
    for (size_t i = 0; i < count; i++) {
        double *value = &tables->builtin_values[used + i];
        *value = NAN;
        int got = csv_row_number(row, tables->builtin_columns[i], value);
        if (got < 0)
            return got;
    }
    return 0;
}

static int read_invocation(const struct csv_row *row, struct run_data *run,
                           struct run_invocation *invocation)
{
    int error = need_int(row, SCHEMA_INVOCATIONS_invocation, &invocation->number);
    if (!error)
        error = read_status(row, &invocation->status);
    invocation->order = -1;
    if (!error && (invocation->status != RUN_SKIPPED || *row->text[SCHEMA_INVOCATIONS_order]))
        error = need_int(row, SCHEMA_INVOCATIONS_order, &invocation->order);
    if (error)
        return error;
    int got = csv_row_uint(row, SCHEMA_INVOCATIONS_checksum, &invocation->checksum);
    if (got < 0)
        return got;
    invocation->has_checksum = got;
    invocation->status_detail = keep_text(run->tables, row->text[SCHEMA_INVOCATIONS_status_detail]);
    invocation->flags = keep_text(run->tables, row->text[SCHEMA_INVOCATIONS_flags]);
    if (!invocation->status_detail || !invocation->flags)
        return out_of_memory(row->error);
    return read_values(row, run);
}

static int take_invocation_row(void *data, const struct csv_row *row)
{
    struct loader *loader = data;
    struct run_data *run = loader->run;
    struct run_tables *tables = run->tables;
    int64_t cell = string_table_get(&tables->cells, row->text[SCHEMA_INVOCATIONS_cell]);
    if (cell < 0)
        cell = add_cell(row, run);
    if (cell < 0)
        return (int)cell;
    struct run_invocation invocation = {.cell = (uint32_t)cell};
    int error = check_constants(row, run, &run->cells[cell]);
    if (!error)
        error = read_invocation(row, run, &invocation);
    if (error)
        return error;

    void *invocations = with_room(run->invocations, &tables->invocation_capacity,
                                  run->invocation_count, sizeof *run->invocations);
    if (!invocations)
        return out_of_memory(row->error);
    run->invocations = invocations;
    if (make_slots(run))
        return out_of_memory(row->error);
    size_t slot = find_slot(run, invocation.cell, invocation.number);
    if (tables->slots[slot])
        return csv_field_refuse(row, SCHEMA_INVOCATIONS_invocation,
                                "invocation %" PRId64 " of this cell was given before",
                                invocation.number);
    if (add_to_cell(run, invocation.cell))
        return out_of_memory(row->error);
    run->invocations[run->invocation_count++] = invocation;
    tables->slots[slot] = (uint32_t)run->invocation_count;
    return 0;
}

static int add_metric(struct run_data *run, const char *name, const char *unit,
                      enum schema_better better)
{
    struct run_tables *tables = run->tables;
    void *metrics =
        with_room(run->metrics, &tables->metric_capacity, run->metric_count, sizeof *run->metrics);
    if (!metrics)
        return -ENOMEM;
    run->metrics = metrics;
    int64_t number = string_table_put(&tables->metrics, name);
    const char *kept_unit = keep_text(tables, unit);
    if (number < 0 || !kept_unit)
        return -ENOMEM;
    run->metrics[run->metric_count++] =
        (struct run_metric){tables->metrics.strings[number], kept_unit, better};
    return 0;
}

static int add_builtin_metrics(struct run_data *run)
{
    const struct schema_file *file = &schema_files[SCHEMA_FILE_INVOCATIONS];
    struct run_tables *tables = run->tables;
    for (size_t i = 0; i < file->column_count; i++) {
        const struct schema_column *column = &file->columns[i];
        if (!schema_is_metric(column))
            continue;
        tables->builtin_columns[tables->builtin_count++] = i;
        if (add_metric(run, column->name, column->unit, column->better))
            return -ENOMEM;
    }
    return 0;
}

static int read_better(const struct csv_row *row, enum schema_better *better)
{
    const char *text = row->text[SCHEMA_METRICS_better];
    for (int i = SCHEMA_LOWER; i <= SCHEMA_NONE; i++) {
        if (strcmp(text, schema_better_word((enum schema_better)i)) == 0) {
            *better = (enum schema_better)i;
            return 0;
        }
    }
    return csv_field_refuse(row, SCHEMA_METRICS_better, "better is not lower, higher or none");
}

/* The metric of a row of metrics.csv, added where it is new. */
static int64_t find_extra_metric(const struct csv_row *row, struct run_data *run)
{
    const char *name = row->text[SCHEMA_METRICS_metric];
    const char *unit = row->text[SCHEMA_METRICS_unit];
    enum schema_better better = SCHEMA_NONE;
    int error = read_better(row, &better);
    if (error)
        return error;
    int64_t number = string_table_get(&run->tables->metrics, name);
    if (number < 0) {
        if (!*name)
            return csv_field_refuse(row, SCHEMA_METRICS_metric, "metric is empty");
        if (run->metric_count >= METRICS_MAX)
            return csv_row_refuse(row, "more than %d different metrics", METRICS_MAX);
        if (add_metric(run, name, unit, better))
            return out_of_memory(row->error);
        return (int64_t)run->metric_count - 1;
    }
    if ((size_t)number < run->tables->builtin_count)
        return csv_field_refuse(row, SCHEMA_METRICS_metric,
                                "metric is named as a column of invocations.csv");
    if (strcmp(run->metrics[number].unit, unit) != 0 || run->metrics[number].better != better)
        return csv_row_refuse(row, "unit or better differs from earlier rows of this metric");
    return number;
}

static int take_metric_row(void *data, size_t invocation, const struct csv_row *row)
{
    struct loader *loader = data;
    struct run_data *run = loader->run;
    struct run_tables *tables = run->tables;
    int64_t metric = find_extra_metric(row, run);
    if (metric < 0)
        return (int)metric;
    double value;
    int got = csv_row_number(row, SCHEMA_METRICS_value, &value);
    if (got <= 0)
        return got;
    if (!tables->first_extra)
        tables->first_extra = calloc(run->invocation_count, sizeof *tables->first_extra);
    if (!tables->first_extra)
        return out_of_memory(row->error);
    void *extras = with_room(tables->extras, &tables->extra_capacity, tables->extra_count,
                             sizeof *tables->extras);
    if (!extras)
        return out_of_memory(row->error);
    tables->extras = extras;
    size_t seen = 0;
    for (uint32_t e = tables->first_extra[invocation]; e; e = tables->extras[e - 1].next) {
        if (tables->extras[e - 1].metric == metric)
            return csv_row_refuse(row, "this metric was given before for this invocation");
        if (++seen >= EXTRAS_PER_INVOCATION_MAX)
            return csv_row_refuse(row, "more than %d metrics in one invocation",
                                  EXTRAS_PER_INVOCATION_MAX);
    }
    tables->extras[tables->extra_count++] =
        (struct extra_value){(uint32_t)metric, tables->first_extra[invocation], value};
    tables->first_extra[invocation] = (uint32_t)tables->extra_count;
    return 0;
}

/* The path of a file of the run, to be freed by the caller, or NULL. */
static char *path_of(const char *folder, enum schema_file_id file)
{
    char *path;
    return asprintf(&path, "%s/%s", folder, schema_files[file].name) < 0 ? NULL : path;
}

static int load_file(struct loader *loader, enum schema_file_id file, csv_row_function *take)
{
    char *path = path_of(loader->run->folder, file);
    if (!path)
        return out_of_memory(loader->error);
    int error = csv_read(path, &schema_files[file], take, loader, NULL, loader->error);
    free(path);
    return error;
}

static void append(struct csv_error *error, const char *remedy)
{
    size_t length = strlen(error->text);
    snprintf(error->text + length, sizeof error->text - length, "%s", remedy);
}

static int load(struct run_data *run, struct csv_error *error)
{
    struct loader loader = {run, error};
    int result = add_builtin_metrics(run) ? out_of_memory(error) : 0;
    if (!result)
        result = load_file(&loader, SCHEMA_FILE_RUN, take_run_row);
    if (result == -ENOENT || result == -ENOTDIR)
        append(error, "; name the folder of a run");
    if (!result && !run_data_key(run, "schema_version")) {
        char folder[512];
        printable_copy(folder, sizeof folder, run->folder);
        snprintf(error->text, sizeof error->text,
                 "%s/run.csv:1:1: the key schema_version is missing", folder);
        result = -EBADMSG;
    }
    if (!result)
        result = load_file(&loader, SCHEMA_FILE_INVOCATIONS, take_invocation_row);
    if (!result)
        result = run_data_each(run, SCHEMA_FILE_METRICS, take_metric_row, &loader, error);
    return result;
}

int run_data_load(struct run_data **run, const char *folder, struct csv_error *error)
{
    struct run_data *made = calloc(1, sizeof *made);
    if (made)
        made->tables = calloc(1, sizeof *made->tables);
    if (made && made->tables)
        made->folder = made->tables->folder = strdup(folder);
    int result = -ENOMEM;
    if (!made || !made->folder) {
        out_of_memory(error);
    } else if (!*folder) {
        /* A variable of a script that is not set; the root is nobody's run. */
        snprintf(error->text, sizeof error->text, "the name of a run is empty; name its folder");
        result = -ENOENT;
    } else {
        result = load(made, error);
    }
    if (result)
        run_data_free(made);
    else
        *run = made;
    return result;
}

void run_data_free(struct run_data *run)
{
    if (!run)
        return;
    for (size_t i = 0; i < run->cell_count; i++)
        free(run->cells[i].invocations);
    free(run->keys);
    free(run->cells);
    free(run->invocations);
    free(run->metrics);
    struct run_tables *tables = run->tables;
    if (tables) {
        string_table_free(&tables->texts);
        string_table_free(&tables->keys);
        string_table_free(&tables->cells);
        string_table_free(&tables->metrics);
        free(tables->builtin_values);
        free(tables->extras);
        free(tables->first_extra);
        free(tables->cell_room);
        free(tables->slots);
        free(tables->folder);
    }
    free(tables);
    free(run);
}

const char *run_data_key(const struct run_data *run, const char *key)
{
    int64_t number = string_table_get(&run->tables->keys, key);
    return number < 0 ? NULL : run->keys[number].value;
}

const char *run_data_backend_key(const struct run_data *run, const char *backend, const char *key)
{
    char name[256];
    int length = snprintf(name, sizeof name, "backend_%s_%s", backend, key);
    return (size_t)length < sizeof name ? run_data_key(run, name) : NULL;
}

const struct run_cell *run_data_cell(const struct run_data *run, const char *key)
{
    int64_t number = string_table_get(&run->tables->cells, key);
    return number < 0 ? NULL : &run->cells[number];
}

int64_t run_data_invocation(const struct run_data *run, const char *cell, int64_t number)
{
    int64_t index = string_table_get(&run->tables->cells, cell);
    if (index < 0)
        return -ENOENT;
    uint32_t found = run->tables->slots[find_slot(run, (uint32_t)index, number)];
    return found ? (int64_t)found - 1 : -ENOENT;
}

int run_data_metric(const struct run_data *run, const char *name)
{
    int64_t number = string_table_get(&run->tables->metrics, name);
    return number < 0 ? -1 : (int)number;
}

bool run_data_value(const struct run_data *run, size_t invocation, size_t metric, double *value)
{
    const struct run_tables *tables = run->tables;
    if (metric < tables->builtin_count) {
        *value = tables->builtin_values[invocation * tables->builtin_count + metric];
        return !isnan(*value);
    }
    if (!tables->first_extra)
        return false;
    for (uint32_t e = tables->first_extra[invocation]; e; e = tables->extras[e - 1].next) {
        if (tables->extras[e - 1].metric == metric) {
            *value = tables->extras[e - 1].value;
            return true;
        }
    }
    return false;
}

bool run_invocation_has_flag(const struct run_invocation *invocation, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = invocation->flags; *at; at += strspn(at, " ")) {
        size_t this_length = strcspn(at, " ");
        if (this_length == length && memcmp(at, word, length) == 0)
            return true;
        at += this_length;
    }
    return false;
}

struct committed_reader {
    const struct run_data *run;
    run_row_function *each;
    void *data;
    size_t cell_column;
    size_t invocation_column;
    /* Of the row before, which the next one mostly belongs with. */
    const char *cell;
    int64_t number;
    int64_t invocation; /* or negative */
};

static int take_row_if_committed(void *data, const struct csv_row *row)
{
    struct committed_reader *reader = data;
    const struct run_data *run = reader->run;
    int64_t number;
    int error = need_int(row, reader->invocation_column, &number);
    if (error)
        return error;
    const char *cell = row->text[reader->cell_column];
    if (!reader->cell || number != reader->number || strcmp(cell, reader->cell) != 0) {
        reader->invocation = run_data_invocation(run, cell, number);
        reader->cell = reader->invocation < 0
                           ? NULL
                           : run->cells[run->invocations[reader->invocation].cell].key;
        reader->number = number;
    }
    return reader->invocation < 0 ? 0 : reader->each(reader->data, (size_t)reader->invocation, row);
}

int run_data_each(const struct run_data *run, enum schema_file_id file, run_row_function *each,
                  void *data, struct csv_error *error)
{
    const struct schema_file *schema = &schema_files[file];
    struct committed_reader reader = {
        .run = run,
        .each = each,
        .data = data,
        .cell_column = (size_t)schema_column_index(schema, "cell"),
        .invocation_column = (size_t)schema_column_index(schema, "invocation"),
    };
    char *path = path_of(run->folder, file);
    if (!path)
        return out_of_memory(error);
    int result = csv_read(path, schema, take_row_if_committed, &reader, NULL, error);
    free(path);
    return result == -ENOENT || result == -ENODATA ? 0 : result;
}
