#include "data/json_text.h"

#include <math.h>

#include "data/csv_write.h"
#include "data/utf8.h"

void json_put_text(FILE *out, const char *text)
{
    fputc('"', out);
    while (*text) {
        uint32_t code;
        size_t length = utf8_decode(text, &code);
        if (length == 0) {
            fprintf(out, "\\\\x%02x", (unsigned)(unsigned char)*text);
            length = 1;
        } else if (code == '"' || code == '\\') {
            fprintf(out, "\\%c", (char)code);
        } else if (code < 0x20 || code == 0x7f) {
            fprintf(out, "\\u%04x", (unsigned)code);
        } else {
            fwrite(text, 1, length, out);
        }
        text += length;
    }
    fputc('"', out);
}

void json_put_number(FILE *out, double value)
{
    char digits[CSV_REAL_BYTES];
    if (isfinite(value))
        csv_format_real(digits, value);
    fputs(isfinite(value) ? digits : "null", out);
}
