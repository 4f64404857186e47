#include "driver/run_files.h"

#include "base/clock.h"
#include "driver/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A killed gcmeter is gone before the runner that it had just forked is, and until that has been
 * killed too, or has become its program, it holds the lock that it inherited. */
#define LOCK_PATIENCE_NS INT64_C(2000000000)
#define LOCK_RETRY_MS    10

int run_files_make_folder(const char *folder)
{
    char *path = xstrdup(folder);
    int error = 0;
    for (char *slash = path + 1; !error; slash++) {
        slash = strchrnul(slash, '/');
        char kept = *slash;
        *slash = '\0';
        if (mkdir(path, 0777) && errno != EEXIST)
            error = -errno;
        *slash = kept;
        if (!kept)
            break;
    }
    free(path);
    return error;
}

int run_files_check_empty(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT ? 0 : -errno;
    int error = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            error = -EEXIST;
    closedir(dir);
    return error;
}

int run_files_open(struct run_files *files, const char *folder, bool resume)
{
    *files = (struct run_files){.folder = xstrdup(folder)};
    int error = run_files_make_folder(folder);
    if (!error && !resume)
        error = run_files_check_empty(folder);
    for (size_t i = 0; i < SCHEMA_RUN_FILE_COUNT && !error; i++) {
        char *path = xprintf("%s/%s", folder, schema_files[i].name);
        error = csv_writer_open(&files->writers[i], path, &schema_files[i]);
        free(path);
    }
    if (error)
        run_files_close(files);
    return error;
}

int run_files_lock(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int64_t deadline_ns = clock_now_ns() + LOCK_PATIENCE_NS;
    for (;;) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
        int error = errno;
        if (error != EWOULDBLOCK || clock_now_ns() >= deadline_ns) {
            close(fd);
            return -error;
        }
        poll(NULL, 0, LOCK_RETRY_MS);
    }
}

int run_files_close(struct run_files *files)
{
    int first = files->error;
    for (size_t i = 0; i < SCHEMA_RUN_FILE_COUNT; i++) {
        int error = csv_writer_close(files->writers[i]);
        if (!first)
            first = error;
        files->writers[i] = NULL;
    }
    free(files->folder);
    files->folder = NULL;
    return first;
}

static void end_row(struct run_files *files, enum schema_file_id id)
{
    int error = csv_writer_row(files->writers[id]);
    if (!files->error)
        files->error = error;
}

void run_files_key(struct run_files *files, const char *key, const char *value)
{
    struct csv_writer *w = files->writers[SCHEMA_FILE_RUN];
    csv_writer_text(w, SCHEMA_RUN_key, key);
    csv_writer_text(w, SCHEMA_RUN_value, value);
    end_row(files, SCHEMA_FILE_RUN);
}

void run_files_record(struct run_files *files, const struct run_files_place *place,
                      const struct record *record)
{
    /* The columns after cell and invocation are the fields of the record, in their order. */
    static const struct {
        enum record_kind kind;
        enum schema_file_id file;
    } targets[] = {
        {RECORD_ITERATION, SCHEMA_FILE_ITERATIONS},   {RECORD_PAUSE, SCHEMA_FILE_PAUSES},
        {RECORD_COLLECTION, SCHEMA_FILE_COLLECTIONS}, {RECORD_LATENCY, SCHEMA_FILE_LATENCY},
        {RECORD_EXTRA, SCHEMA_FILE_METRICS},
    };
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        if (targets[i].kind != record->kind)
            continue;
        struct csv_writer *w = files->writers[targets[i].file];
        csv_writer_text(w, 0, place->cell->key);
        csv_writer_int(w, 1, place->invocation);
        for (size_t f = 0; f < record->field_count; f++)
            csv_writer_text(w, 2 + f, record->fields[f]);
        end_row(files, targets[i].file);
    }
}

void run_files_memory(struct run_files *files, const struct run_files_place *place, int64_t t_ns,
                      uint64_t rss_bytes, uint64_t lazyfree_bytes, uint64_t heap_bytes,
                      uint64_t live_bytes)
{
    struct csv_writer *w = files->writers[SCHEMA_FILE_MEMORY];
    csv_writer_text(w, SCHEMA_MEMORY_cell, place->cell->key);
    csv_writer_int(w, SCHEMA_MEMORY_invocation, place->invocation);
    csv_writer_int(w, SCHEMA_MEMORY_t_ns, t_ns);
    csv_writer_uint(w, SCHEMA_MEMORY_rss_bytes, rss_bytes);
    if (lazyfree_bytes != UINT64_MAX)
        csv_writer_uint(w, SCHEMA_MEMORY_lazyfree_bytes, lazyfree_bytes);
    if (heap_bytes != UINT64_MAX)
        csv_writer_uint(w, SCHEMA_MEMORY_heap_bytes, heap_bytes);
    if (live_bytes != UINT64_MAX)
        csv_writer_uint(w, SCHEMA_MEMORY_live_bytes, live_bytes);
    end_row(files, SCHEMA_FILE_MEMORY);
}

void run_files_commit(struct run_files *files, const struct run_files_place *place,
                      const struct invocation_result *result)
{
    struct csv_writer *w = files->writers[SCHEMA_FILE_INVOCATIONS];
    const struct plan_cell *cell = place->cell;
    csv_writer_text(w, SCHEMA_INVOCATIONS_cell, cell->key);
    csv_writer_text(w, SCHEMA_INVOCATIONS_workload, cell->workload->workload->name);
    csv_writer_text(w, SCHEMA_INVOCATIONS_workload_params, cell->workload->params_text);
    csv_writer_text(w, SCHEMA_INVOCATIONS_backend, cell->variant->backend->name);
    csv_writer_text(w, SCHEMA_INVOCATIONS_backend_options, cell->variant->options_text);
    if (cell->heap.kind == HEAP_TIMES_LIVE || cell->heap.kind == HEAP_TIMES_MIN)
        csv_writer_real(w, SCHEMA_INVOCATIONS_heap_factor, cell->heap.factor);
    if (cell->heap_limit_bytes)
        csv_writer_uint(w, SCHEMA_INVOCATIONS_heap_limit_bytes, cell->heap_limit_bytes);
    csv_writer_uint(w, SCHEMA_INVOCATIONS_threads, cell->threads);
    csv_writer_int(w, SCHEMA_INVOCATIONS_invocation, place->invocation);
    if (place->order >= 0)
        csv_writer_int(w, SCHEMA_INVOCATIONS_order, place->order);
    csv_writer_uint(w, SCHEMA_INVOCATIONS_seed, place->order_seed);
    csv_writer_text(w, SCHEMA_INVOCATIONS_status, invocation_status_word(result->status));
    csv_writer_text(w, SCHEMA_INVOCATIONS_status_detail, result->detail);
    csv_writer_text(w, SCHEMA_INVOCATIONS_flags, result->flags ? result->flags : "");
    for (size_t i = 0; i < SCHEMA_INVOCATIONS_COUNT; i++)
        if (result->metrics[i])
            csv_writer_text(w, i, result->metrics[i]);
    end_row(files, SCHEMA_FILE_INVOCATIONS);
}
