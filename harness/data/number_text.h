/* number_text.h: numbers of result files, read strictly: no blanks, no plus sign, no hexadecimal,
 * no nan or inf, nothing after them. Thread-safe, as long as LC_NUMERIC is that of C. */
#ifndef DATA_NUMBER_TEXT_H
#define DATA_NUMBER_TEXT_H

#include <stdint.h>

/* Each returns 0, -EINVAL where `text` is no such number, or -ERANGE where it does not fit. A real
 * that is too small becomes 0. */
int number_parse_int(const char *text, int64_t *value);
int number_parse_uint(const char *text, uint64_t *value);
int number_parse_real(const char *text, double *value);

#endif
