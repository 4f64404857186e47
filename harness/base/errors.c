#include "errors.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static const char *program = "gcmeter";

void errors_set_program(const char *name)
{
    program = name;
}

void errors_say(const char *format, ...)
{
    int saved_errno = errno;
    char line[ERRORS_LINE_BYTES];
    /* One byte is kept for the newline. */
    const size_t room = sizeof line - 1;
    int prefix = snprintf(line, room, "%s: ", program);
    size_t used = prefix < 0 ? 0 : (size_t)prefix < room ? (size_t)prefix : room - 1;

    va_list arguments;
    va_start(arguments, format);
    int text = vsnprintf(line + used, room - used, format, arguments);
    va_end(arguments);
    if (text > 0)
        used += (size_t)text < room - used ? (size_t)text : room - used - 1;

    for (size_t i = 0; i < used; i++)
        if (line[i] == '\n' || line[i] == '\r')
            line[i] = ' ';
    line[used++] = '\n';
    for (size_t done = 0; done < used;) {
        ssize_t n = write(STDERR_FILENO, line + done, used - done);
        if (n < 0 && errno != EINTR)
            break; /* nowhere is left to say so */
        if (n > 0)
            done += (size_t)n;
    }
    errno = saved_errno;
}

int errors_refuse(char *why, size_t why_bytes, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, why_bytes, format, arguments);
    va_end(arguments);
    return -EINVAL;
}
