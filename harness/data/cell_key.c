#include "data/cell_key.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "data/csv_write.h"
#include "data/size_text.h"

/* Beyond these no heap is meant, and the key would need an exponent, which is not read. */
#define FACTOR_MIN 0.001
#define FACTOR_MAX 1e6

int heap_setting_parse(struct heap_setting *heap, const char *text)
{
    *heap = (struct heap_setting){.kind = HEAP_NONE};
    if (strcmp(text, "none") == 0)
        return 0;
    const char *times = strchr(text, 'x');
    if (!times) {
        heap->kind = HEAP_BYTES;
        return size_parse(text, &heap->bytes) || heap->bytes == 0 ? -EINVAL : 0;
    }
    if (strcmp(times, "xlive") == 0)
        heap->kind = HEAP_TIMES_LIVE;
    else if (strcmp(times, "xmin") == 0)
        heap->kind = HEAP_TIMES_MIN;
    else
        return -EINVAL;
    if (strspn(text, "0123456789.") != (size_t)(times - text))
        return -EINVAL;
    char *end;
    heap->factor = strtod(text, &end);
    return end == times && heap->factor >= FACTOR_MIN && heap->factor <= FACTOR_MAX ? 0 : -EINVAL;
}

char *heap_setting_format(char *buffer, const struct heap_setting *heap)
{
    char factor[CSV_REAL_BYTES];
    switch (heap->kind) {
    case HEAP_NONE:
        snprintf(buffer, HEAP_SETTING_BYTES, "none");
        break;
    case HEAP_BYTES:
        snprintf(buffer, HEAP_SETTING_BYTES, "%" PRIu64, heap->bytes);
        break;
    case HEAP_TIMES_LIVE:
    case HEAP_TIMES_MIN:
        csv_format_real(factor, heap->factor);
        snprintf(buffer, HEAP_SETTING_BYTES, "%sx%s", factor,
                 heap->kind == HEAP_TIMES_LIVE ? "live" : "min");
        break;
    }
    return buffer;
}

static void write_settings(FILE *out, const struct setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fputc(i ? ',' : ':', out);
        if (settings[i].name)
            fprintf(out, "%s=", settings[i].name);
        variant_text_encode(out, settings[i].value);
    }
}

char *cell_key_format(const struct cell_name *name)
{
    char *key = NULL;
    size_t length;
    FILE *out = open_memstream(&key, &length);
    if (!out)
        return NULL;
    char heap[HEAP_SETTING_BYTES];
    fputs(name->workload, out);
    write_settings(out, name->params, name->param_count);
    fprintf(out, "/%s", name->backend);
    write_settings(out, name->options, name->option_count);
    fprintf(out, "/heap=%s/threads=%u", heap_setting_format(heap, &name->heap), name->threads);
    if (fclose(out)) {
        free(key);
        errno = ENOMEM;
        return NULL;
    }
    return key;
}

/* The part up to the next slash or the end, after `prefix`; moves *at past the slash. */
static int take_part(struct cell_part *part, const char **at, const char *prefix)
{
    size_t prefix_length = strlen(prefix);
    if (!*at || strncmp(*at, prefix, prefix_length) != 0)
        return -EINVAL;
    part->text = *at + prefix_length;
    size_t length = strcspn(part->text, "/");
    if (length == 0 || length > INT_MAX)
        return -EINVAL;
    part->length = (int)length;
    *at = part->text[length] ? part->text + length + 1 : NULL;
    return 0;
}

static struct cell_part name_of(const struct cell_part *part)
{
    const char *colon = memchr(part->text, ':', (size_t)part->length);
    return (struct cell_part){part->text, colon ? (int)(colon - part->text) : part->length};
}

int cell_key_split(struct cell_parts *parts, const char *key)
{
    const char *at = key;
    if (take_part(&parts->workload, &at, "") || take_part(&parts->backend, &at, "") ||
        take_part(&parts->heap, &at, "heap=") || take_part(&parts->threads, &at, "threads=") || at)
        return -EINVAL;
    parts->workload_name = name_of(&parts->workload);
    parts->backend_name = name_of(&parts->backend);
    if (parts->workload_name.length == 0 || parts->backend_name.length == 0 ||
        strspn(parts->threads.text, "0123456789") != (size_t)parts->threads.length)
        return -EINVAL;
    return 0;
}
