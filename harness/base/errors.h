/* errors.h: how a program of the harness says what went wrong: one line on stderr, in one write, so
 * that lines of several processes or threads never mix.
 *
 * Allocates nothing and takes no lock, so it also serves where memory has run out or the world is
 * stopped. Lines longer than ERRORS_LINE_BYTES are cut. It never exits: that is for main().
 */
#ifndef BASE_ERRORS_H
#define BASE_ERRORS_H

#include <stddef.h>

#define ERRORS_LINE_BYTES 1024

/* The name that begins each line. Kept, not copied; set once, before other threads exist. */
void errors_set_program(const char *name);

/* Prints "PROGRAM: " and the formatted text, line breaks in it turned into blanks, and a newline.
 * Leaves errno as it was. Thread-safe. */
void errors_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Formats one line into `why`, of why_bytes, and returns -EINVAL. */
int errors_refuse(char *why, size_t why_bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
