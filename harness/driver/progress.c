#include "driver/progress.h"

#include "data/printable.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

void progress_init(struct progress *progress, bool quiet)
{
    const char *term = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    bool terminal = isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb");
    *progress = (struct progress){
        .quiet = quiet, .terminal = terminal, .colour = terminal && !(no_color && *no_color)};
}

char *progress_format_time(char *buffer, int64_t ns)
{
    int64_t s = (ns + 500000000) / 1000000000;
    if (s < 60)
        snprintf(buffer, PROGRESS_TIME_BYTES, "%" PRId64 " s", s);
    else if (s < 3600)
        snprintf(buffer, PROGRESS_TIME_BYTES, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else
        snprintf(buffer, PROGRESS_TIME_BYTES, "%" PRId64 " h %" PRId64 " min", s / 3600,
                 s % 3600 / 60);
    return buffer;
}

static size_t terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

void progress_clear(struct progress *progress)
{
    if (progress->line_shown)
        fputs("\r\033[K", stderr);
    progress->line_shown = false;
}

void progress_show(struct progress *progress, const char *cell, double done_share, int64_t left_ns)
{
    if (progress->quiet || !progress->terminal)
        return;
    char time[PROGRESS_TIME_BYTES];
    char tail[64] = "";
    char shown[512];
    printable_copy(shown, sizeof shown, cell);
    if (left_ns >= 0)
        snprintf(tail, sizeof tail, ", about %s left", progress_format_time(time, left_ns));
    /* One column stays free, since a full line wraps on some terminals. */
    size_t width = terminal_width() - 1;
    size_t taken = strlen("[100%] ") + strlen(tail);
    size_t room = width > taken ? width - taken : 0;
    progress_clear(progress);
    fprintf(stderr, "[%3.0f%%] %.*s%s", done_share * 100, (int)room, shown, tail);
    fflush(stderr);
    progress->line_shown = true;
}

void progress_line(struct progress *progress, bool bad, const char *format, ...)
{
    if (progress->quiet && !bad)
        return;
    progress_clear(progress);
    /* Where both go to one log, in the order in which they were written. */
    fflush(stdout);
    bool red = bad && progress->colour;
    if (red)
        fputs("\033[31m", stderr);
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    /* Labels, paths and what a runner said of itself may be in it. */
    printable_put(stderr, text ? text : "out of memory");
    free(text);
    fputs(red ? "\033[0m\n" : "\n", stderr);
}
