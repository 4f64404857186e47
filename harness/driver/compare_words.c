#include "driver/compare_words.h"

#include <math.h>
#include <string.h>

#include "data/figure_text.h"
#include "driver/xalloc.h"

/* Three digits of a ratio, but never more than thousandths. */
static int decimals_of(double ratio)
{
    return ratio >= 99.95 ? 0 : ratio >= 9.995 ? 1 : ratio >= 0.9995 ? 2 : 3;
}

char *compare_effect_text(const struct compare_row *row)
{
    if (isnan(row->estimate))
        return xstrdup("");
    if (row->by_difference) {
        char low[FIGURE_TEXT_BYTES], high[FIGURE_TEXT_BYTES], middle[FIGURE_TEXT_BYTES];
        return xprintf("%s%s [%s, %s]", row->estimate > 0 ? "+" : "",
                       figure_format(middle, row->estimate, row->unit),
                       figure_format(low, row->low, row->unit),
                       figure_format(high, row->high, row->unit));
    }
    return xprintf("%.*f [%.*f, %.*f]", decimals_of(row->estimate), row->estimate,
                   decimals_of(row->low), row->low, decimals_of(row->high), row->high);
}

bool compare_is_range_only(const struct compare_row *row)
{
    return row->kind == COMPARE_STATISTICAL && row->verdict == COMPARE_INCONCLUSIVE &&
           (row->base.count < COMPARE_VERDICT_INVOCATIONS ||
            row->new.count < COMPARE_VERDICT_INVOCATIONS);
}

static const char *verdict_word(const struct compare_result *result, const struct compare_row *row)
{
    if (!result->is_by_backend)
        return compare_verdict_word(row->verdict);
    bool is_time = !strcmp(row->unit, "ns") || !strcmp(row->unit, "per_s");
    switch (row->verdict) {
    case COMPARE_REGRESSED:
        return is_time ? "slower" : "worse";
    case COMPARE_IMPROVED:
        return is_time ? "faster" : "better";
    default:
        return compare_verdict_word(row->verdict);
    }
}

char *compare_verdict_text(const struct compare_result *result, const struct compare_row *row)
{
    if (!strcmp(row->metric, COMPARE_STATUS))
        return xprintf("%s: %s", verdict_word(result, row), row->why);
    if (*row->why)
        return xprintf("inconclusive: %s", row->why);
    if (row->new.count == 0)
        return xprintf("inconclusive: not measured");
    if (compare_is_range_only(row))
        return xprintf("range only");
    if (row->needed_invocations)
        return xprintf("inconclusive: %s%zu more",
                       row->needed_invocations + row->base.count >= COMPARE_NEEDED_MAX ? ">" : "~",
                       row->needed_invocations);
    if (row->kind != COMPARE_STATISTICAL)
        return xprintf("%s (%s)", verdict_word(result, row), compare_kind_word(row->kind));
    return xstrdup(verdict_word(result, row));
}
