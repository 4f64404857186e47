/* cmd.h: the command line: the table of commands, what they return, and how they parse and fail. */
#ifndef DRIVER_CMD_H
#define DRIVER_CMD_H

#include <argp.h>

#include "data/csv_read.h"

/* Exit codes of gcmeter. When several apply the first of this order wins: interrupted, usage,
 * missing, regressed, failed, undecided. */
enum cmd_exit {
    CMD_DONE = 0,
    CMD_REGRESSED = 1, /* a gated metric regressed, or a cell broke */
    CMD_USAGE = 2,     /* usage or malformed input */
    CMD_MISSING = 3,   /* something needed is missing on this machine */
    CMD_FAILED = 4,    /* some cells failed, the rest stand */
    CMD_UNDECIDED = 5, /* more invocations are needed */
    CMD_INTERRUPTED = 130
};

/* A command gets its own arguments, with argv[0] reading "gcmeter NAME", and returns an exit code.
 * It writes data to stdout, everything else to stderr. */
struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
};

#define COMMAND(name, function, summary) int function(int argc, char **argv);
#include "commands.def"
#undef COMMAND

/* Parses the arguments of a command by `argp`, whose parser is called with `input`, and adds
 * --help. Returns -1 to go on, or the exit code to end with: what was wrong has been said then. A
 * parser refuses a value by `return cmd_usage(state, ...)`; an argument that it does not know
 * (ARGP_ERR_UNKNOWN) is refused here. */
int cmd_parse(const struct argp *argp, int argc, char **argv, void *input);

/* Prints "gcmeter NAME: MESSAGE" on stderr, one line, and returns what the parser must return. */
error_t cmd_usage(const struct argp_state *state, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Takes an argument as the one run that a command is about. 0, or as cmd_usage(). */
error_t cmd_take_run(const struct argp_state *state, const char **folder, const char *argument);

/* Prints "gcmeter: MESSAGE" on stderr, one line, and returns `code`. */
int cmd_fail(enum cmd_exit code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says on stderr why a result file or what it holds was refused, and returns CMD_USAGE, or
 * CMD_MISSING where `error` is -ENOMEM. */
int cmd_fail_reading(int error, const struct csv_error *why);

/* Writes out what is buffered for stdout. Returns `code`; or, where stdout cannot be written,
 * CMD_MISSING in place of CMD_DONE, and the user has been told. */
int cmd_flush(int code);

/* The word of the NULL-terminated `words` that `typed` most probably meant, or NULL. */
const char *cmd_nearest(const char *typed, const char *const *words);

#endif
