#include "data/utf8.h"

#include <stdbool.h>

size_t utf8_decode(const char *text, uint32_t *code)
{
    static const struct {
        unsigned char mask, lead;
        size_t length;
        uint32_t least;
    } forms[] = {
        {0x80, 0x00, 1, 0},
        {0xe0, 0xc0, 2, 0x80},
        {0xf0, 0xe0, 3, 0x800},
        {0xf8, 0xf0, 4, 0x10000},
    };
    const unsigned char *s = (const unsigned char *)text;
    for (size_t f = 0; f < sizeof forms / sizeof forms[0]; f++) {
        if ((s[0] & forms[f].mask) != forms[f].lead)
            continue;
        uint32_t value = s[0] & (unsigned char)~forms[f].mask;
        for (size_t i = 1; i < forms[f].length; i++) {
            if ((s[i] & 0xc0) != 0x80)
                return 0;
            value = value << 6 | (s[i] & 0x3f);
        }
        bool surrogate = value >= 0xd800 && value <= 0xdfff;
        if (value < forms[f].least || value > 0x10ffff || surrogate)
            return 0;
        *code = value;
        return forms[f].length;
    }
    return 0;
}
