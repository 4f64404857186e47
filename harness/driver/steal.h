/* steal.h: what the host takes from this machine, by the kernel's count (METHODS.md section 4).
 * Thread-safe. */
#ifndef DRIVER_STEAL_H
#define DRIVER_STEAL_H

#include <stdint.h>

/* More steal than this part of the wall time makes an invocation noisy. */
#define STEAL_SHARE_MAX 0.01

/* Time stolen since boot, all processors together, in steps of a tick (10 ms, mostly); -1 where the
 * kernel does not say. `path` is /proc/stat, or a file of its form. */
int64_t steal_read_ns(const char *path);

#endif
