/* event_rows.h: the stops and collections of a runner out of the file in which it logs them
 * (base/event_file.h), whether it ended well or crashed. */
#ifndef DRIVER_EVENT_ROWS_H
#define DRIVER_EVENT_ROWS_H

#include <stdint.h>

#include "driver/record_reader.h"

/* A new file in memory for one runner, or the negative errno with which there is none. The
 * descriptor, above those that a child is given, closes on exec and is the caller's. */
int event_rows_open(void);

/* Hands over the stops, then the collections, that began in [begin_ns, end_ns), CLOCK_MONOTONIC, as
 * the records `pause` and `collection` that the runner would have written, in the order of the log.
 * The runner must have ended: whatever it left in the file is checked. Returns how many entries
 * cannot be read: those that a crash cut off, or left by a runner that does not keep to the
 * protocol. */
uint64_t event_rows_emit(int fd, int64_t begin_ns, int64_t end_ns,
                         void (*take)(void *data, const struct record *record), void *data);

#endif
