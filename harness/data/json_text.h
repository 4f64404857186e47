/* json_text.h: strings of JSON (RFC 8259, section 7). Thread-safe. */
#ifndef DATA_JSON_TEXT_H
#define DATA_JSON_TEXT_H

#include <stdio.h>

/* Writes `text` in quotes: control characters escaped, and bytes that are no UTF-8, which JSON has
 * no form for, as the four characters \xNN. */
void json_put_text(FILE *out, const char *text);

/* Writes a number that reads back as the same double, or null where it is not finite. */
void json_put_number(FILE *out, double value);

#endif
