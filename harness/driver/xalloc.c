#include "driver/xalloc.h"

#include "driver/cmd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory)
{
    if (!memory)
        exit(cmd_fail(CMD_MISSING, "out of memory"));
    return memory;
}

void *xcalloc(size_t count, size_t bytes)
{
    return checked(calloc(count ? count : 1, bytes));
}

char *xstrdup(const char *text)
{
    return checked(strdup(text));
}

FILE *xmemstream(char **text, size_t *length)
{
    return checked(open_memstream(text, length));
}

char *xprintf(const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    return checked(length < 0 ? NULL : text);
}

void *xappend(void *items, size_t *count, size_t item_bytes)
{
    void *old;
    memcpy(&old, items, sizeof old);
    /* The capacity is the next power of two, so it need not be kept. */
    if ((*count & (*count - 1)) == 0) {
        void *grown = checked(reallocarray(old, *count ? *count * 2 : 1, item_bytes));
        memcpy(items, &grown, sizeof grown);
        old = grown;
    }
    char *item = (char *)old + *count * item_bytes;
    memset(item, 0, item_bytes);
    ++*count;
    return item;
}
