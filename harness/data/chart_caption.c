#include "data/chart_caption.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "data/printable.h"

void chart_put_n_range(FILE *out, size_t low, size_t high)
{
    if (high == 0)
        return;
    if (low == high)
        fprintf(out, "n = %zu", low);
    else
        fprintf(out, "n = %zu to %zu", low, high);
}

void chart_put_n(FILE *out, const struct chart_plan *plan, const struct chart_panel *panel)
{
    size_t low = SIZE_MAX, high = 0;
    for (size_t i = 0; i < panel->member_count; i++) {
        size_t n = chart_count(plan, panel->members[i].cell);
        if (n == 0)
            continue;
        low = n < low ? n : low;
        high = n > high ? n : high;
    }
    chart_put_n_range(out, low, high);
}

void chart_put_outcome(FILE *out, const struct chart_plan *plan, uint32_t cell)
{
    const struct run_cell *c = &plan->run->cells[cell];
    size_t counts[RUN_SKIPPED + 1] = {0}, total = 0;
    const char *reason = "";
    for (size_t i = 0; i < c->invocation_count; i++) {
        const struct run_invocation *invocation = &plan->run->invocations[c->invocations[i]];
        if (!chart_invocation_is_measured(plan, c->invocations[i]))
            continue;
        total++;
        counts[invocation->status]++;
        if (invocation->status == RUN_SKIPPED && !*reason)
            reason = invocation->status_detail;
    }
    bool first = true;
    for (int status = RUN_OK + 1; status <= RUN_SKIPPED; status++) {
        if (counts[status] == 0)
            continue;
        if (!first)
            fputs(", ", out);
        first = false;
        fputs(run_status_word((enum run_status)status), out);
        char shown[96];
        if (status == RUN_SKIPPED && *reason)
            fprintf(out, ": %s", printable_copy(shown, sizeof shown, reason));
        else if (status != RUN_SKIPPED)
            fprintf(out, " %zu of %zu", counts[status], total);
    }
    if (total == 0)
        fputs("not measured", out);
}

bool chart_has_failures(const struct chart_plan *plan, uint32_t cell)
{
    const struct run_cell *c = &plan->run->cells[cell];
    for (size_t i = 0; i < c->invocation_count; i++) {
        if (chart_invocation_is_measured(plan, c->invocations[i]) &&
            plan->run->invocations[c->invocations[i]].status != RUN_OK)
            return true;
    }
    return false;
}

static void note_unlimited(struct chart_caption *caption, const struct chart_panel *panel)
{
    for (size_t i = 0; i < panel->member_count; i++) {
        if (!panel->members[i].unlimited)
            continue;
        chart_caption_note(caption, "manual backends: no heap limit");
        return;
    }
}

static void note_failures(struct chart_caption *caption, const struct chart_plan *plan,
                          const struct chart_panel *panel)
{
    FILE *out = caption->note;
    for (int drawn = 0; drawn <= 1; drawn++) {
        bool any = false;
        for (size_t i = 0; i < panel->member_count; i++) {
            uint32_t cell = panel->members[i].cell;
            if ((chart_count(plan, cell) > 0) != drawn ||
                (drawn && !chart_has_failures(plan, cell)))
                continue;
            if (!any)
                chart_caption_note(caption, drawn ? "drawn without failures: " : "not drawn: ");
            else
                fputs(", ", out);
            any = true;
            fprintf(out, "%s (", plan->series[panel->members[i].series].label);
            chart_put_outcome(out, plan, cell);
            fputc(')', out);
        }
    }
    bool any = false;
    for (size_t s = 0; s < plan->series_count; s++) {
        bool member = false;
        for (size_t i = 0; i < panel->member_count; i++)
            member |= panel->members[i].series == s;
        if (member)
            continue;
        if (!any)
            chart_caption_note(caption, "not run here: ");
        fprintf(out, "%s%s", any ? ", " : "", plan->series[s].label);
        any = true;
    }
}

void chart_put_time(FILE *out, double ns)
{
    static const char *const units[] = {"ns", "µs", "ms", "s"};
    size_t unit = 0;
    while (unit < 3 && ns >= 999.5) {
        ns /= 1000;
        unit++;
    }
    int whole = ns >= 1 ? (int)floor(log10(ns)) : 0;
    fprintf(out, "%.*f %s", whole < 2 ? 2 - whole : 0, ns, units[unit]);
}

void chart_put_bytes(FILE *out, double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    while (unit < 4 && bytes >= 1023.5) {
        bytes /= 1024;
        unit++;
    }
    int whole = bytes >= 1 ? (int)floor(log10(bytes)) : 0;
    fprintf(out, "%.*f %s", unit && whole < 2 ? 2 - whole : 0, bytes, units[unit]);
}

int chart_caption_open(struct chart_caption *caption)
{
    *caption = (struct chart_caption){0};
    caption->note = open_memstream(&caption->note_text, &caption->note_length);
    caption->series = open_memstream(&caption->series_text, &caption->series_length);
    if (caption->note && caption->series)
        return 0;
    chart_caption_free(caption);
    return -ENOMEM;
}

void chart_caption_note(struct chart_caption *caption, const char *text)
{
    if (caption->noted)
        fputs("; ", caption->note);
    caption->noted = true;
    fputs(text, caption->note);
}

int chart_caption_note_stopless(struct chart_caption *caption, const struct chart_plan *plan,
                                const struct chart_panel *panel, const bool *has_stops)
{
    for (int reported = 1; reported >= 0; reported--) {
        bool any = false;
        for (size_t i = 0; i < panel->member_count; i++) {
            const struct chart_member *member = &panel->members[i];
            if (has_stops[i] || chart_count(plan, member->cell) == 0)
                continue;
            double *values;
            size_t count;
            int code = chart_values(plan, member->cell, "pause_count", &values, &count);
            free(values);
            if (code)
                return code;
            if ((count > 0 || chart_is_manual(plan, member->cell)) != reported)
                continue;
            if (!any)
                chart_caption_note(caption, reported ? "no stops: " : "stops not reported: ");
            fprintf(caption->note, "%s%s", any ? ", " : "", plan->series[member->series].label);
            any = true;
        }
    }
    return 0;
}

void chart_caption_show(struct chart_caption *caption, uint32_t series)
{
    fprintf(caption->series, "%s%u", caption->shown_count ? " " : "", series + 1);
    caption->shown_count++;
}

int chart_caption_put(struct chart_caption *caption, struct chart_table *table,
                      const struct chart_plan *plan, size_t panel)
{
    return chart_caption_put_as(caption, table, plan, panel, panel + 1, "");
}

/* The columns of a panel. `n` is what `out`, which is closed, was writing. 0 or not. */
static int put_row(struct chart_caption *caption, struct chart_table *table, size_t number,
                   const char *title, FILE *out, char *const *n)
{
    int failed = fclose(out) | fflush(caption->note) | fflush(caption->series);
    if (failed)
        return failed;
    chart_table_int(table, (int64_t)number);
    chart_table_text(table, title);
    chart_table_text(table, *n);
    chart_table_text(table, caption->note_text);
    chart_table_text(table, caption->series_text);
    return 0;
}

int chart_caption_put_as(struct chart_caption *caption, struct chart_table *table,
                         const struct chart_plan *plan, size_t panel, size_t number,
                         const char *addition)
{
    char *title;
    char *n = NULL;
    size_t length;
    if (asprintf(&title, "%s%s", plan->panels[panel].title, addition) < 0)
        return -ENOMEM;
    FILE *out = open_memstream(&n, &length);
    if (!out) {
        free(title);
        return -ENOMEM;
    }
    chart_put_n(out, plan, &plan->panels[panel]);
    note_unlimited(caption, &plan->panels[panel]);
    note_failures(caption, plan, &plan->panels[panel]);
    int failed = put_row(caption, table, number, title, out, &n);
    free(n);
    free(title);
    return failed ? -ENOMEM : 0;
}

int chart_caption_put_own(struct chart_caption *caption, struct chart_table *table, size_t number,
                          const char *title, size_t n_low, size_t n_high)
{
    char *n = NULL;
    size_t length;
    FILE *out = open_memstream(&n, &length);
    if (!out)
        return -ENOMEM;
    chart_put_n_range(out, n_low, n_high);
    int failed = put_row(caption, table, number, title, out, &n);
    free(n);
    return failed ? -ENOMEM : 0;
}

void chart_caption_free(struct chart_caption *caption)
{
    if (caption->note)
        fclose(caption->note);
    if (caption->series)
        fclose(caption->series);
    free(caption->note_text);
    free(caption->series_text);
    *caption = (struct chart_caption){0};
}
