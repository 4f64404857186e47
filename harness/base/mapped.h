/* mapped.h: memory of the harness itself, straight from the system, so that it lies in no backend's
 * heap or roots and no malloc is called for it (METHODS.md section 2). Thread-safe. */
#ifndef BASE_MAPPED_H
#define BASE_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns `bytes` (> 0, rounded up to whole pages) of zeroes, aligned to a page and backed already,
 * so that their first use faults no page in; or NULL with errno set. The caller unmaps it. */
void *mapped_new(size_t bytes);

/* The same without backing: for memory of which only a part may be used. */
void *mapped_new_lazy(size_t bytes);

/* Maps `bytes` (> 0) of an open file from `offset` on, a multiple of the page size, shared with all
 * who map it; `backed` at once, or page by page as they are used. NULL with errno set. */
void *mapped_file(int fd, int64_t offset, size_t bytes, bool backed);

/* Gives back what one of these returned for `bytes`. NULL is allowed. */
void mapped_free(void *memory, size_t bytes);

#endif
