/* markup_text.h: text that came from a file or a name, put where a page is written: what cannot be
 * printed becomes \xNN (data/printable.h), and what the page's language would act on is escaped.
 * Thread-safe. */
#ifndef DRIVER_MARKUP_TEXT_H
#define DRIVER_MARKUP_TEXT_H

#include <stdio.h>

/* Into an element, or an attribute in double or single quotes, of HTML or XML. */
void markup_put_html(FILE *out, const char *text);

/* Into a line of Markdown, also in a cell of a table and between the brackets of a picture. */
void markup_put_markdown(FILE *out, const char *text);

#endif
