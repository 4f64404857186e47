#include "data/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "data/utf8.h"

static bool is_harmless(uint32_t code)
{
    bool control = code < 0x20 || (code >= 0x7f && code < 0xa0);
    bool direction = (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                     (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
    return !control && !direction;
}

/* Writes the next piece of *text, one character or the escapes for its bytes, to `piece` of at
 * least PIECE_BYTES and moves on. Returns its columns. */
#define PIECE_BYTES 17
static size_t next_piece(const char **text, char *piece)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *s = (const unsigned char *)*text;
    uint32_t code = 0;
    size_t length = utf8_decode(*text, &code);
    if (length && is_harmless(code)) {
        memcpy(piece, s, length);
        piece[length] = '\0';
        *text += length;
        return 1;
    }
    if (!length)
        length = 1;
    for (size_t i = 0; i < length; i++) {
        piece[4 * i] = '\\';
        piece[4 * i + 1] = 'x';
        piece[4 * i + 2] = digits[s[i] >> 4];
        piece[4 * i + 3] = digits[s[i] & 15];
    }
    piece[4 * length] = '\0';
    *text += length;
    return 4 * length;
}

size_t printable_put(FILE *out, const char *text)
{
    size_t columns = 0;
    char piece[PIECE_BYTES];
    while (*text) {
        columns += next_piece(&text, piece);
        fputs(piece, out);
    }
    return columns;
}

char *printable_copy(char *buffer, size_t size, const char *text)
{
    size_t length = 0;
    char piece[PIECE_BYTES];
    while (*text) {
        next_piece(&text, piece);
        size_t more = strlen(piece);
        if (length + more >= size)
            break;
        memcpy(buffer + length, piece, more);
        length += more;
    }
    buffer[length] = '\0';
    return buffer;
}
