#include "data/size_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int read_unit(const char *text, uint64_t *unit)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } units[] = {
        {"", 1},
        {"B", 1},
        {"K", UINT64_C(1) << 10},
        {"KiB", UINT64_C(1) << 10},
        {"KB", UINT64_C(1000)},
        {"M", UINT64_C(1) << 20},
        {"MiB", UINT64_C(1) << 20},
        {"MB", UINT64_C(1000000)},
        {"G", UINT64_C(1) << 30},
        {"GiB", UINT64_C(1) << 30},
        {"GB", UINT64_C(1000000000)},
        {"T", UINT64_C(1) << 40},
        {"TiB", UINT64_C(1) << 40},
        {"TB", UINT64_C(1000000000000)},
    };
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcasecmp(text, units[i].text) == 0) {
            *unit = units[i].bytes;
            return 0;
        }
    }
    return -EINVAL;
}

int size_parse(const char *text, uint64_t *bytes)
{
    size_t whole_digits = strspn(text, "0123456789");
    const char *fraction_text = text + whole_digits;
    size_t fraction_digits = 0;
    if (*fraction_text == '.')
        fraction_digits = strspn(++fraction_text, "0123456789");
    if (whole_digits == 0 || (fraction_text[-1] == '.' && fraction_digits == 0))
        return -EINVAL;

    uint64_t unit;
    if (read_unit(fraction_text + fraction_digits, &unit))
        return -EINVAL;

    uint64_t whole = 0;
    for (size_t i = 0; i < whole_digits; i++)
        if (__builtin_mul_overflow(whole, 10, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(text[i] - '0'), &whole))
            return -ERANGE;
    double fraction = 0;
    for (size_t i = fraction_digits; i-- > 0;)
        fraction = (fraction + fraction_text[i] - '0') / 10;

    uint64_t total;
    uint64_t part = (uint64_t)floor(fraction * (double)unit);
    if (__builtin_mul_overflow(whole, unit, &total) || __builtin_add_overflow(total, part, &total))
        return -ERANGE;
    *bytes = total;
    return 0;
}

char *size_format(char *buffer, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (fabs(bytes) >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    int decimals = unit == 0 || fabs(bytes) >= 100 ? 0 : fabs(bytes) >= 10 ? 1 : 2;
    snprintf(buffer, SIZE_TEXT_BYTES, "%.*f %s", decimals, bytes, units[unit]);
    return buffer;
}
