/* A comparison as JUnit's XML, which CI systems show: one test case per gated pair of cell and
 * metric. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/compare.h"
#include "data/figure_text.h"
#include "data/printable.h"

/* XML has no form for most control characters, and other bytes must be UTF-8, so what cannot be
 * printed is told as on a terminal first. */
static int put_text(FILE *out, const char *text)
{
    char *printable = NULL;
    size_t length;
    FILE *stream = open_memstream(&printable, &length);
    if (!stream)
        return -ENOMEM;
    printable_put(stream, text);
    if (fclose(stream)) {
        free(printable);
        return -ENOMEM;
    }
    for (const char *c = printable; *c; c++) {
        switch (*c) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            fputc(*c, out);
        }
    }
    free(printable);
    return 0;
}

/* One line: verdict, effect with interval, medians, p. */
static void describe(char *text, size_t size, const struct compare_row *row)
{
    char base[FIGURE_TEXT_BYTES], new[FIGURE_TEXT_BYTES];
    const char *verdict = compare_verdict_word(row->verdict);
    if (strcmp(row->metric, COMPARE_STATUS) == 0) {
        snprintf(text, size, "%s: %s; %zu of %zu failed, %zu of %zu before", verdict, row->why,
                 row->new.of - row->new.count, row->new.of, row->base.of - row->base.count,
                 row->base.of);
        return;
    }
    if (*row->why && isnan(row->estimate)) {
        snprintf(text, size, "%s: %s", verdict, row->why);
        return;
    }
    if (row->new.count == 0) {
        snprintf(text, size, "%s: not measured in the new run", verdict);
        return;
    }
    figure_format(base, row->base.median, row->unit);
    figure_format(new, row->new.median, row->unit);
    int length = snprintf(text, size, "%s: %s %.6g [%.6g, %.6g], %s before and %s now", verdict,
                          row->by_difference ? "difference" : "ratio", row->estimate, row->low,
                          row->high, base, new);
    if (!isnan(row->p_holm) && length > 0 && (size_t)length < size)
        length += snprintf(text + length, size - (size_t)length, ", p %.3g", row->p_holm);
    if (row->needed_invocations && length > 0 && (size_t)length < size)
        snprintf(text + length, size - (size_t)length, ", about %zu more invocations are needed",
                 row->needed_invocations);
    else if (*row->why && length > 0 && (size_t)length < size)
        snprintf(text + length, size - (size_t)length, ", %s", row->why);
}

static int put_case(FILE *out, const struct compare_row *row)
{
    char text[512];
    fputs("  <testcase classname=\"", out);
    int error = put_text(out, row->base_cell->key);
    fputs("\" name=\"", out);
    error = error ? error : put_text(out, row->metric);
    fputs("\"", out);
    bool is_failure = row->verdict == COMPARE_BROKEN || row->verdict == COMPARE_REGRESSED;
    if (!is_failure && row->verdict != COMPARE_INCONCLUSIVE) {
        fputs("/>\n", out);
        return error;
    }
    describe(text, sizeof text, row);
    fprintf(out, ">\n    <%s message=\"", is_failure ? "failure" : "skipped");
    error = error ? error : put_text(out, text);
    fputs("\"/>\n  </testcase>\n", out);
    return error;
}

int compare_write_junit(const struct compare_result *result, FILE *out)
{
    int error = 0;
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
            "<testsuite name=\"gcmeter compare\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" "
            "skipped=\"%zu\">\n",
            result->row_count, result->count[COMPARE_BROKEN] + result->count[COMPARE_REGRESSED],
            result->count[COMPARE_INCONCLUSIVE]);
    for (size_t i = 0; i < result->row_count && !error; i++)
        error = put_case(out, &result->rows[i]);
    fputs("</testsuite>\n", out);
    return error ? error : fflush(out) || ferror(out) ? -EIO : 0;
}
