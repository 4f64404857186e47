/* report_page.h: a page in the making, as HTML or as Markdown. All text is given plain and escaped
 * here. The HTML is also well-formed XML. Not thread-safe. */
#ifndef DRIVER_REPORT_PAGE_H
#define DRIVER_REPORT_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "driver/text_table.h"

/* Starts as {.out = …, .markdown = …}. */
struct report_page {
    FILE *out;
    bool markdown;
    bool in_list;
    unsigned picture_count; /* inlined so far */
};

/* A part of the page that the contents at its head lead to. */
struct report_part {
    const char *id; /* a word */
    const char *title;
};

/* `style` is a style sheet, which goes in as it is; only for HTML. */
void report_page_begin(struct report_page *page, const char *title, const char *style,
                       const struct report_part *parts, size_t part_count);
void report_page_end(struct report_page *page);

void report_page_part(struct report_page *page, const struct report_part *part);
void report_page_heading(struct report_page *page, int level, const char *text);
void report_page_text(struct report_page *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* An item of a list; `lead`, or NULL, stands out before it. */
void report_page_item(struct report_page *page, const char *lead, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first row is the heading, the first column that of the row. Frees the table. In the last
 * `verdict_count` columns good and bad words are coloured. */
void report_page_table(struct report_page *page, struct text_table *table, size_t verdict_count);

/* Pictures that may stand side by side. */
void report_page_pictures_begin(struct report_page *page);
void report_page_pictures_end(struct report_page *page);

/* An SVG file made by gnuplot: HTML takes it in, Markdown links to it by `link`, relative to the
 * page. A wide one keeps its size where there is no room, and scrolls. 0 or a negative errno. */
int report_page_picture(struct report_page *page, const char *path, const char *link,
                        const char *label, bool wide);

#endif
