/* size_text.h: sizes as people write them. Thread-safe. */
#ifndef DATA_SIZE_TEXT_H
#define DATA_SIZE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Reads `text` as a number of bytes: decimal digits, perhaps with a fraction, then nothing or a
 * unit, in either case of letters: K M G T and KiB MiB GiB TiB are powers of 1024, KB MB GB TB
 * powers of 1000 (as in GNU coreutils), B is one. A fraction of a byte is cut off. 0, -EINVAL
 * where it is no such text, -ERANGE where it exceeds 2^64-1. */
int size_parse(const char *text, uint64_t *bytes);

/* Writes `bytes` for people, "48 MiB" or "1.50 GiB", in at least SIZE_TEXT_BYTES bytes; returns
 * `buffer`. */
#define SIZE_TEXT_BYTES 24
char *size_format(char *buffer, double bytes);

#endif
