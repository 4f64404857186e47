/* agreement.h: the same work must give the same checksum on every backend and in every invocation
 * of a run. */
#ifndef DRIVER_AGREEMENT_H
#define DRIVER_AGREEMENT_H

#include <stdbool.h>
#include <stddef.h>

/* Starts as {0}. */
struct agreement {
    struct agreement_entry *entries;
    size_t count;
};

/* Compares a checksum of `workload` (name and parameters) with the first that was seen of it, or
 * keeps it as the first. False: they differ, and `why` (of why_bytes) names both. */
bool agreement_check(struct agreement *agreement, const char *workload, const char *params,
                     const char *cell, const char *checksum, char *why, size_t why_bytes);
void agreement_free(struct agreement *agreement);

#endif
