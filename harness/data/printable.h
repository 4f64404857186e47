/* printable.h: text that came from a file, made safe to print on a terminal: control characters,
 * bytes that are not UTF-8 and characters that turn the direction of text become \xNN. Thread-safe.
 */
#ifndef DATA_PRINTABLE_H
#define DATA_PRINTABLE_H

#include <stddef.h>
#include <stdio.h>

/* Columns it takes up, counting each character as one. */
size_t printable_put(FILE *out, const char *text);

/* The same into `buffer` of `size` bytes (> 0), cut off at a whole character and always terminated.
 * Returns `buffer`. */
char *printable_copy(char *buffer, size_t size, const char *text);

#endif
