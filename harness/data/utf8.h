/* utf8.h: characters of UTF-8 (RFC 3629). Thread-safe. */
#ifndef DATA_UTF8_H
#define DATA_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Length in bytes of the character at the terminated text `s`, and its code point; 0 where there is
 * none: a stray or missing continuation byte, an overlong form, a surrogate, beyond U+10FFFF. */
size_t utf8_decode(const char *s, uint32_t *code);

#endif
