/* mapped.h: memory of the harness itself, straight from the system, so that it lies in no backend's
 * heap or roots and no malloc is called for it (METHODS.md section 2). Thread-safe. */
#ifndef BASE_MAPPED_H
#define BASE_MAPPED_H

#include <stddef.h>

/* Returns `bytes` (> 0, rounded up to whole pages) of zeroes, aligned to a page and backed already,
 * so that their first use faults no page in; or NULL with errno set. The caller unmaps it. */
void *mapped_new(size_t bytes);

/* The same without backing: for memory of which only a part may be used. */
void *mapped_new_lazy(size_t bytes);

/* Gives back what mapped_new or mapped_new_lazy returned for `bytes`. NULL is allowed. */
void mapped_free(void *memory, size_t bytes);

#endif
