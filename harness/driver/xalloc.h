/* xalloc.h: memory for the command line. Where there is none left the process ends with one line
 * and CMD_MISSING, so results are never NULL; the caller frees them. */
#ifndef DRIVER_XALLOC_H
#define DRIVER_XALLOC_H

#include <stddef.h>
#include <stdio.h>

void *xcalloc(size_t count, size_t bytes);
char *xstrdup(const char *text);
char *xprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A stream into memory: on fclose() *text is what was written, *length bytes of it. */
FILE *xmemstream(char **text, size_t *length);

/* Room for one more zeroed item at the end of the array *items, which holds *count of them: grows
 * it, counts the item and returns its address. */
void *xappend(void *items, size_t *count, size_t item_bytes);

#endif
