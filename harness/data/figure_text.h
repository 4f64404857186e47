/* figure_text.h: figures for people, with three or four digits and a unit that fits. Thread-safe.
 */
#ifndef DATA_FIGURE_TEXT_H
#define DATA_FIGURE_TEXT_H

#include <stddef.h>

/* Writes `value`, in the schema's unit `unit`, into `buffer` of at least FIGURE_TEXT_BYTES bytes:
 * "812 ms", "61.0 MiB", "1.25 M/s", "-" where it is NaN. Returns `buffer`. */
#define FIGURE_TEXT_BYTES 48
char *figure_format(char *buffer, double value, const char *unit);

#endif
