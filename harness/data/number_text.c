#include "data/number_text.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* How many digits `text` begins with. strspn() would make a table of its set at every call. */
static size_t digit_count(const char *text)
{
    size_t count = 0;
    while (text[count] >= '0' && text[count] <= '9')
        count++;
    return count;
}

int number_parse_uint(const char *text, uint64_t *value)
{
    uint64_t sum = 0;
    bool overflows = false;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        overflows |= __builtin_mul_overflow(sum, 10, &sum) ||
                     __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum);
    if (at == text || *at)
        return -EINVAL;
    if (overflows)
        return -ERANGE;
    *value = sum;
    return 0;
}

int number_parse_int(const char *text, int64_t *value)
{
    int negative = *text == '-';
    uint64_t magnitude;
    int error = number_parse_uint(text + negative, &magnitude);
    if (error)
        return error;
    if (magnitude > (uint64_t)INT64_MAX + (uint64_t)negative)
        return -ERANGE;
    *value = (int64_t)(negative ? -magnitude : magnitude);
    return 0;
}

int number_parse_real(const char *text, double *value)
{
    const char *at = text + (*text == '-');
    size_t whole = digit_count(at);
    at += whole;
    if (*at == '.') {
        size_t fraction = digit_count(at + 1);
        at += 1 + fraction;
        whole += fraction;
    }
    if (whole == 0)
        return -EINVAL;
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '+' || *at == '-';
        size_t exponent = digit_count(at);
        if (exponent == 0)
            return -EINVAL;
        at += exponent;
    }
    if (*at)
        return -EINVAL;
    double number = strtod(text, NULL);
    if (!isfinite(number))
        return -ERANGE;
    *value = number;
    return 0;
}
