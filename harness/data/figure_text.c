#include "data/figure_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/size_text.h"

_Static_assert(FIGURE_TEXT_BYTES >= SIZE_TEXT_BYTES, "a size must fit");

struct scale {
    double unit;
    const char *text;
};

/* Three significant digits in the largest unit that leaves at least 1; the smallest is counted in
 * whole numbers where the value is one. */
static void scale_format(char *buffer, double value, const struct scale *scales, size_t count)
{
    size_t i = 0;
    while (i + 1 < count && fabs(value) >= 0.9995 * scales[i + 1].unit)
        i++;
    double scaled = value / scales[i].unit;
    double size = fabs(scaled);
    int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
    if (i == 0 && scaled == floor(scaled))
        decimals = 0;
    if (size < 1e15)
        snprintf(buffer, FIGURE_TEXT_BYTES, "%.*f%s", decimals, scaled, scales[i].text);
    else
        snprintf(buffer, FIGURE_TEXT_BYTES, "%.3g%s", scaled, scales[i].text);
}

char *figure_format(char *buffer, double value, const char *unit)
{
    static const struct scale times[] = {{1, " ns"}, {1e3, " µs"}, {1e6, " ms"}, {1e9, " s"}};
    static const struct scale rates[] = {{1, " /s"}, {1e3, " k/s"}, {1e6, " M/s"}, {1e9, " G/s"}};
    static const struct scale counts[] = {{1, ""}, {1e6, " M"}, {1e9, " G"}, {1e12, " T"}};
    if (isnan(value))
        snprintf(buffer, FIGURE_TEXT_BYTES, "-");
    else if (strcmp(unit, "ns") == 0)
        scale_format(buffer, value, times, sizeof times / sizeof times[0]);
    else if (strcmp(unit, "per_s") == 0)
        scale_format(buffer, value, rates, sizeof rates / sizeof rates[0]);
    else if (strcmp(unit, "count") == 0)
        scale_format(buffer, value, counts, sizeof counts / sizeof counts[0]);
    else if (strcmp(unit, "bytes") == 0 && fabs(value) < 1e30)
        size_format(buffer, value);
    else
        snprintf(buffer, FIGURE_TEXT_BYTES, "%.4g", value);
    return buffer;
}
