#include "driver/inline_svg.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "driver/markup_text.h"
#include "driver/xalloc.h"

/* A picture of more is no chart that anybody looks at. */
#define FILE_BYTES_MAX ((size_t)64 << 20)

static int read_whole(const char *path, char **text)
{
    FILE *in = fopen(path, "re");
    if (!in)
        return -errno;
    size_t length = 0, room = 1 << 16;
    char *read = malloc(room);
    while (read) {
        length += fread(read + length, 1, room - length - 1, in);
        if (length + 1 < room || room >= FILE_BYTES_MAX)
            break;
        char *grown = realloc(read, room *= 2);
        if (!grown)
            free(read);
        read = grown;
    }
    int error = !read ? -ENOMEM : ferror(in) ? -EIO : !feof(in) ? -EFBIG : 0;
    if (!error && memchr(read, '\0', length))
        error = -EINVAL;
    fclose(in);
    if (error) {
        free(read);
        return error;
    }
    read[length] = '\0';
    *text = read;
    return 0;
}

/* Whether [value, end) of an attribute of that name may stand in a page: references lead to
 * elements of the same picture, and nothing is run. */
static bool is_harmless(const char *name, size_t name_length, const char *value, const char *end)
{
    size_t length = (size_t)(end - value);
    if (name_length >= 2 && !strncasecmp(name, "on", 2))
        return false;
    bool is_reference = (name_length == 4 && !strncasecmp(name, "href", 4)) ||
                        (name_length == 10 && !strncasecmp(name, "xlink:href", 10));
    if (is_reference)
        return length > 0 && *value == '#';
    for (const char *at = value; at + 4 <= end; at++)
        if (!strncasecmp(at, "url(", 4) && (at + 4 == end || at[4] != '#'))
            return false;
    return true;
}

/* Writes the value with the prefix before each id in it. */
static void put_value(FILE *out, const char *name, size_t name_length, const char *value,
                      const char *end, const char *prefix)
{
    bool is_id = name_length == 2 && !memcmp(name, "id", 2);
    bool is_reference = name_length >= 4 && !memcmp(name + name_length - 4, "href", 4);
    if (is_id)
        fputs(prefix, out);
    for (const char *at = value; at < end; at++) {
        fputc(*at, out);
        bool is_url = *at == '#' && at - value >= 4 && !strncasecmp(at - 4, "url(", 4);
        if (is_url || (is_reference && at == value))
            fputs(prefix, out);
    }
}

/* Copies the tag at *text, whose name has been copied, up to and with its '>'. */
static int copy_attributes(FILE *out, const char **text, const char *prefix)
{
    const char *at = *text;
    while (*at && *at != '>') {
        if (isspace((unsigned char)*at) || *at == '/') {
            fputc(*at++, out);
            continue;
        }
        const char *name = at;
        while (isalnum((unsigned char)*at) || (*at && strchr(":-_.", *at)))
            at++;
        size_t name_length = (size_t)(at - name);
        const char *equals = at;
        while (isspace((unsigned char)*at))
            at++;
        if (name_length == 0 || *at != '=')
            return -EINVAL;
        at++;
        while (isspace((unsigned char)*at))
            at++;
        char quote = *at;
        const char *value = at + 1;
        const char *end = quote == '"' || quote == '\'' ? strchr(value, quote) : NULL;
        if (!end || memchr(value, '<', (size_t)(end - value)) ||
            !is_harmless(name, name_length, value, end))
            return -EINVAL;
        fwrite(name, 1, (size_t)(equals - name), out);
        fprintf(out, "=%c", quote);
        put_value(out, name, name_length, value, end, prefix);
        fputc(quote, out);
        at = end + 1;
    }
    if (!*at)
        return -EINVAL;
    fputc('>', out);
    *text = at + 1;
    return 0;
}

/* What gnuplot's SVG is made of. */
static bool is_known_element(const char *name, size_t length)
{
    static const char *const known[] = {
        "svg",     "title",   "desc",        "g",        "defs",           "use",
        "path",    "rect",    "circle",      "line",     "polyline",       "polygon",
        "ellipse", "text",    "tspan",       "clipPath", "pattern",        "mask",
        "filter",  "feFlood", "feComposite", "marker",   "linearGradient", "stop",
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i]) == length && !memcmp(known[i], name, length))
            return true;
    return false;
}

static int copy_elements(FILE *out, const char *text, const char *prefix, const char *label)
{
    size_t depth = 0;
    do {
        if (*text != '<') {
            size_t length = strcspn(text, "<");
            fwrite(text, 1, length, out);
            text += length;
            continue;
        }
        bool closes = text[1] == '/';
        const char *name = text + 1 + closes;
        size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (!is_known_element(name, length) || (closes && depth == 0))
            return -EINVAL;
        bool is_root = depth == 0;
        fwrite(text, 1, (size_t)(name + length - text), out);
        text = name + length;
        if (is_root) {
            fputs(" role=\"img\" aria-label=\"", out);
            markup_put_html(out, label);
            fputs("\"", out);
        }
        int error = copy_attributes(out, &text, prefix);
        if (error)
            return error;
        bool is_empty = text[-2] == '/';
        if (closes)
            depth--;
        else if (!is_empty)
            depth++;
    } while (depth > 0 && *text);
    return depth > 0 || text[strspn(text, " \t\r\n")] ? -EINVAL : 0;
}

int inline_svg_put(FILE *out, const char *path, const char *prefix, const char *label)
{
    char *text = NULL;
    int error = read_whole(path, &text);
    if (error)
        return error;
    const char *root = text ? strstr(text, "<svg") : NULL;
    char *made = NULL;
    size_t made_length = 0;
    FILE *made_out = root ? open_memstream(&made, &made_length) : NULL;
    if (!root)
        error = -EINVAL;
    else if (!made_out)
        error = -ENOMEM;
    if (!error) {
        error = copy_elements(made_out, root, prefix, label);
        if (fclose(made_out) && !error)
            error = -ENOMEM;
    }
    if (!error && fwrite(made, 1, made_length, out) != made_length)
        error = -EIO;
    free(made);
    free(text);
    return error;
}
