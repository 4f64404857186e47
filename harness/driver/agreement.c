#include "driver/agreement.h"

#include "driver/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct agreement_entry {
    char *work;
    char *cell;
    char *checksum;
};

bool agreement_check(struct agreement *agreement, const char *workload, const char *params,
                     const char *cell, const char *checksum, char *why, size_t why_bytes)
{
    char *work = xprintf("%s:%s", workload, params);
    for (size_t i = 0; i < agreement->count; i++) {
        const struct agreement_entry *first = &agreement->entries[i];
        if (strcmp(first->work, work))
            continue;
        free(work);
        if (!strcmp(first->checksum, checksum))
            return true;
        snprintf(why, why_bytes, "checksum %s, but %s in %s", checksum, first->checksum,
                 first->cell);
        return false;
    }
    struct agreement_entry *entry = xappend(&agreement->entries, &agreement->count, sizeof *entry);
    entry->work = work;
    entry->cell = xstrdup(cell);
    entry->checksum = xstrdup(checksum);
    return true;
}

void agreement_free(struct agreement *agreement)
{
    for (size_t i = 0; i < agreement->count; i++) {
        free(agreement->entries[i].work);
        free(agreement->entries[i].cell);
        free(agreement->entries[i].checksum);
    }
    free(agreement->entries);
    *agreement = (struct agreement){0};
}
