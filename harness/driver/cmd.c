#include "driver/cmd.h"

#include "data/printable.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_HELP = 'h', WORD_MAX = 32 };

/* What a parser returns once it has told the user what is wrong. */
enum { ALREADY_REPORTED = ECANCELED };

struct frame {
    const struct argp *root;
    char *name;
    void *input;
    int next; /* index of the argument after the one that was refused */
};

/* Names from a file, from a runner or of a folder may be in it, so it is made one line of what can
 * be printed. */
static void report(const char *prefix, const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    fflush(stdout);
    fprintf(stderr, "%s: ", prefix);
    printable_put(stderr, text ? text : "out of memory");
    fputc('\n', stderr);
    free(text);
}

error_t cmd_usage(const struct argp_state *state, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(state->name, format, arguments);
    va_end(arguments);
    return ALREADY_REPORTED;
}

error_t cmd_take_run(const struct argp_state *state, const char **folder, const char *argument)
{
    if (*folder)
        return cmd_usage(state, "one run at a time: '%s' and '%s'", *folder, argument);
    *folder = argument;
    return 0;
}

int cmd_fail(enum cmd_exit code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report("gcmeter", format, arguments);
    va_end(arguments);
    return (int)code;
}

int cmd_fail_reading(int error, const struct csv_error *why)
{
    return cmd_fail(error == -ENOMEM ? CMD_MISSING : CMD_USAGE, "%s", why->text);
}

int cmd_flush(int code)
{
    /* After an earlier failure errno is no longer that of the write. */
    bool failed = ferror(stdout);
    if (fflush(stdout))
        cmd_fail(CMD_MISSING, "stdout cannot be written: %s", strerror(errno));
    else if (failed)
        cmd_fail(CMD_MISSING, "stdout cannot be written");
    else
        return code;
    return code == CMD_DONE ? CMD_MISSING : code;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Levenshtein distance, of at most WORD_MAX characters each. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t a_length = least(strlen(a), WORD_MAX);
    size_t b_length = least(strlen(b), WORD_MAX);
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            row[j] = least(least(above, row[j - 1]) + 1, replaced);
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *cmd_nearest(const char *typed, const char *const *words)
{
    const char *best = NULL;
    size_t best_distance = strlen(typed) / 3 + 2;
    for (; *words; words++) {
        size_t d = distance(typed, *words);
        if (d < best_distance) {
            best_distance = d;
            best = *words;
        }
    }
    return best;
}

static error_t parse_common(int key, char *argument, struct argp_state *state)
{
    struct frame *frame = state->input;
    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = frame->input;
        return 0;
    case KEY_HELP:
        /* The note that short options need the values of long ones is of no use to anybody. */
        setenv("ARGP_HELP_FMT", "no-dup-args-note", false);
        argp_help(frame->root, stdout, ARGP_HELP_STD_HELP & ~(unsigned)ARGP_HELP_EXIT_OK,
                  frame->name);
        exit(cmd_flush(CMD_DONE));
    case ARGP_KEY_ERROR:
        frame->next = state->next;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* argp has no message of its own under ARGP_NO_ERRS, which keeps getopt's two lines away. */
static int refuse(const struct argp *argp, const char *name, const char *word)
{
    if (word[0] != '-' || !word[1])
        return cmd_fail(CMD_USAGE, "unexpected argument '%s'; see %s --help", word, name);
    if (word[1] != '-')
        return cmd_fail(CMD_USAGE, "unknown option or missing value: '%s'; see %s --help", word,
                        name);
    const char *names[64];
    const char *first = NULL, *second = NULL;
    size_t count = 0;
    size_t length = strcspn(word + 2, "=");
    for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++) {
        if (!o->name || o->flags & OPTION_HIDDEN)
            continue;
        if (strlen(o->name) == length && !memcmp(o->name, word + 2, length)) {
            if (o->arg)
                return cmd_fail(CMD_USAGE, "--%s needs a value: --%s %s", o->name, o->name, o->arg);
            return cmd_fail(CMD_USAGE, "--%s takes no value", o->name);
        }
        /* getopt takes the beginning of a name for the name, where only one begins so. */
        if (!first && length && !strncmp(o->name, word + 2, length))
            first = o->name;
        else if (first && !second && !strncmp(o->name, word + 2, length))
            second = o->name;
        if (count < sizeof names / sizeof *names - 1)
            names[count++] = o->name;
    }
    if (second)
        return cmd_fail(CMD_USAGE, "option '%.*s' may be --%s or --%s", (int)length + 2, word,
                        first, second);
    names[count] = NULL;
    char typed[WORD_MAX + 1];
    snprintf(typed, sizeof typed, "%.*s", (int)length, word + 2);
    const char *nearest = cmd_nearest(typed, names);
    if (nearest)
        return cmd_fail(CMD_USAGE, "unknown option '--%s': did you mean --%s?", typed, nearest);
    return cmd_fail(CMD_USAGE, "unknown option '--%s'; see %s --help", typed, name);
}

int cmd_parse(const struct argp *argp, int argc, char **argv, void *input)
{
    static const struct argp_option common[] = {
        {"help", KEY_HELP, 0, 0, "this help", -1},
        {0},
    };
    /* The command's own options come first, under no heading of their own. */
    struct argp_child children[] = {{argp, 0, NULL, 0}, {0}};
    struct argp root = {.options = common,
                        .parser = parse_common,
                        .args_doc = argp->args_doc,
                        .doc = argp->doc,
                        .children = children};
    struct argp own = *argp;
    own.args_doc = NULL;
    own.doc = NULL;
    children[0].argp = &own;
    struct frame frame = {&root, argv[0], input, 1};
    int end = argc;
    error_t error =
        argp_parse(&root, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT, &end, &frame);
    switch (error) {
    case 0:
        if (end < argc)
            return refuse(argp, argv[0], argv[end]);
        return -1;
    case ALREADY_REPORTED:
        return CMD_USAGE;
    case ENOMEM:
        return cmd_fail(CMD_MISSING, "out of memory");
    default:
        return refuse(argp, argv[0], argv[frame.next > 1 ? frame.next - 1 : 1]);
    }
}
