#include "driver/report_page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "driver/inline_svg.h"
#include "driver/markup_text.h"
#include "driver/xalloc.h"

static void put(const struct report_page *page, const char *text)
{
    if (page->markdown)
        markup_put_markdown(page->out, text);
    else
        markup_put_html(page->out, text);
}

static void put_formatted(const struct report_page *page, const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        return;
    put(page, text);
    free(text);
}

static void end_list(struct report_page *page)
{
    if (!page->in_list)
        return;
    fputs(page->markdown ? "\n" : "</ul>\n", page->out);
    page->in_list = false;
}

void report_page_begin(struct report_page *page, const char *title, const char *style,
                       const struct report_part *parts, size_t part_count)
{
    FILE *out = page->out;
    if (page->markdown) {
        fputs("# ", out);
        put(page, title);
        fputs("\n\n", out);
        return;
    }
    fputs("<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
          "<meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
          "<meta name=\"color-scheme\" content=\"light dark\"/>\n"
          "<link rel=\"icon\" href=\"data:,\"/>\n<title>",
          out);
    put(page, title);
    fputs("</title>\n<style>\n", out);
    fputs(style, out);
    fputs("</style>\n</head>\n<body>\n<main>\n<h1>", out);
    put(page, title);
    fputs("</h1>\n<nav>", out);
    for (size_t i = 0; i < part_count; i++) {
        fprintf(out, "%s<a href=\"#%s\">", i ? " " : "", parts[i].id);
        put(page, parts[i].title);
        fputs("</a>", out);
    }
    fputs("</nav>\n", out);
}

void report_page_end(struct report_page *page)
{
    end_list(page);
    if (!page->markdown)
        fputs("</main>\n</body>\n</html>\n", page->out);
}

void report_page_part(struct report_page *page, const struct report_part *part)
{
    end_list(page);
    if (page->markdown) {
        report_page_heading(page, 2, part->title);
        return;
    }
    fprintf(page->out, "<h2 id=\"%s\">", part->id);
    put(page, part->title);
    fputs("</h2>\n", page->out);
}

void report_page_heading(struct report_page *page, int level, const char *text)
{
    end_list(page);
    if (page->markdown)
        fprintf(page->out, "%.*s ", level, "######");
    else
        fprintf(page->out, "<h%d>", level);
    put(page, text);
    if (page->markdown)
        fputs("\n\n", page->out);
    else
        fprintf(page->out, "</h%d>\n", level);
}

void report_page_text(struct report_page *page, const char *format, ...)
{
    va_list arguments;
    end_list(page);
    fputs(page->markdown ? "" : "<p>", page->out);
    va_start(arguments, format);
    put_formatted(page, format, arguments);
    va_end(arguments);
    fputs(page->markdown ? "\n\n" : "</p>\n", page->out);
}

void report_page_item(struct report_page *page, const char *lead, const char *format, ...)
{
    va_list arguments;
    if (!page->in_list && !page->markdown)
        fputs("<ul>\n", page->out);
    page->in_list = true;
    fputs(page->markdown ? "- " : "<li>", page->out);
    if (lead) {
        fputs(page->markdown ? "**" : "<strong>", page->out);
        put(page, lead);
        fputs(page->markdown ? "** " : "</strong> ", page->out);
    }
    va_start(arguments, format);
    put_formatted(page, format, arguments);
    va_end(arguments);
    fputs(page->markdown ? "\n" : "</li>\n", page->out);
}

static void put_markdown_table(const struct report_page *page, const struct text_table *table)
{
    for (size_t i = 0; i < table->field_count; i++) {
        fputs(i % table->column_count ? " | " : "| ", page->out);
        put(page, table->fields[i]);
        if ((i + 1) % table->column_count)
            continue;
        fputs(" |\n", page->out);
        if (i + 1 == table->column_count) {
            for (size_t j = 0; j < table->column_count; j++)
                fputs("|---", page->out);
            fputs("|\n", page->out);
        }
    }
    fputc('\n', page->out);
}

static const char *class_of(const char *verdict)
{
    static const struct {
        const char *word;
        const char *class;
    } classes[] = {
        {"faster", "good"},       {"less", "good"},         {"improved", "good"},
        {"better", "good"},       {"slower", "bad"},        {"more", "bad"},
        {"regressed", "bad"},     {"broken", "bad"},        {"worse", "bad"},
        {"failed", "bad"},        {"inconclusive", "open"}, {"range only", "open"},
        {"not measured", "open"},
    };
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (!strncmp(verdict, classes[i].word, strlen(classes[i].word)))
            return classes[i].class;
    return NULL;
}

/* A field up to this long, such as a ratio with its interval, is not broken. */
#define WHOLE_BYTES_MAX 28

static void put_html_table(const struct report_page *page, const struct text_table *table,
                           size_t verdict_count)
{
    FILE *out = page->out;
    fputs("<div class=\"scroll\" tabindex=\"0\">\n<table>\n<thead>\n", out);
    for (size_t i = 0; i < table->field_count; i++) {
        size_t column = i % table->column_count;
        bool is_head = i < table->column_count;
        const char *class = NULL;
        bool is_verdict = column + verdict_count >= table->column_count;
        if (!is_head && is_verdict)
            class = class_of(table->fields[i]);
        if (column == 0)
            fputs("<tr>", out);
        const char *whole =
            !is_head && !is_verdict && strlen(table->fields[i]) <= WHOLE_BYTES_MAX ? "whole" : NULL;
        fputs(is_head ? "<th scope=\"col\"" : column == 0 ? "<th scope=\"row\"" : "<td", out);
        if (class || whole)
            fprintf(out, " class=\"%s%s%s\"", class ? class : "", class && whole ? " " : "",
                    whole ? whole : "");
        fputs(">", out);
        put(page, table->fields[i]);
        fputs(is_head || column == 0 ? "</th>" : "</td>", out);
        if (column + 1 == table->column_count)
            fputs(is_head ? "</tr>\n</thead>\n<tbody>\n" : "</tr>\n", out);
    }
    fputs("</tbody>\n</table>\n</div>\n", out);
}

void report_page_table(struct report_page *page, struct text_table *table, size_t verdict_count)
{
    end_list(page);
    if (page->markdown)
        put_markdown_table(page, table);
    else
        put_html_table(page, table, verdict_count);
    text_table_free(table);
}

void report_page_pictures_begin(struct report_page *page)
{
    end_list(page);
    if (!page->markdown)
        fputs("<div class=\"charts\">\n", page->out);
}

void report_page_pictures_end(struct report_page *page)
{
    if (!page->markdown)
        fputs("</div>\n", page->out);
}

/* A link of Markdown ends at a blank or a parenthesis. */
static void put_link(FILE *out, const char *link)
{
    for (const unsigned char *c = (const unsigned char *)link; *c; c++) {
        bool is_plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                        (*c >= '0' && *c <= '9') || strchr("._-/", *c);
        fprintf(out, is_plain ? "%c" : "%%%02X", *c);
    }
}

int report_page_picture(struct report_page *page, const char *path, const char *link,
                        const char *label, bool wide)
{
    if (page->markdown) {
        fputs("![", page->out);
        put(page, label);
        fputs("](", page->out);
        put_link(page->out, link);
        fputs(")\n\n", page->out);
        return 0;
    }
    char prefix[32];
    snprintf(prefix, sizeof prefix, "c%u-", ++page->picture_count);
    fprintf(page->out, "<figure class=\"%s\">\n", wide ? "chart wide" : "chart");
    int error = inline_svg_put(page->out, path, prefix, label);
    fputs("\n</figure>\n", page->out);
    return error;
}
