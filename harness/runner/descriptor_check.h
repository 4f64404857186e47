/* descriptor_check.h: what the author of a backend or workload may have got wrong in its table,
 * found at the start of every runner rather than in a result.
 *
 * The functions return 0, or -EINVAL with one line in `why` (of why_bytes, always terminated).
 */
#ifndef RUNNER_DESCRIPTOR_CHECK_H
#define RUNNER_DESCRIPTOR_CHECK_H

#include <stddef.h>

#include "gc_backend.h"
#include "workload.h"

/* `folder` is the name that the build knows the backend by, `flavours` its words in backends.def.
 */
int descriptor_check_backend(const struct gc_backend *backend, const char *folder,
                             const char *flavours, char *why, size_t why_bytes);

int descriptor_check_workload(const struct workload *workload, char *why, size_t why_bytes);

#endif
