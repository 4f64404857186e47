/* compare_flags.h: the options that `compare` and `ab` have in common: what is compared, at which
 * tolerance, and how it is printed. */
#ifndef DRIVER_COMPARE_FLAGS_H
#define DRIVER_COMPARE_FLAGS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

#include "data/compare.h"
#include "data/gate_file.h"

#define COMPARE_FLAGS_GATE "results/gate.csv"

/* Keys for argp. */
enum {
    COMPARE_FLAG_METRIC = 512,
    COMPARE_FLAG_TOLERANCE,
    COMPARE_FLAG_ALPHA,
    COMPARE_FLAG_GATE,
    COMPARE_FLAG_ALLOW,
    COMPARE_FLAG_FORMAT,
    COMPARE_FLAG_STRICT,
};

enum compare_format {
    COMPARE_FORMAT_TEXT,
    COMPARE_FORMAT_MARKDOWN,
    COMPARE_FORMAT_CSV,
    COMPARE_FORMAT_JSON,
    COMPARE_FORMAT_JUNIT,
    COMPARE_FORMAT_COUNT,
};

struct compare_flags {
    const char **metrics;
    size_t metric_count;
    const char *gate_path; /* NULL: the default */
    const char **allowed;  /* keys in which runs may differ */
    size_t allowed_count;
    bool has_tolerance;
    double tolerance_percent;
    double alpha;
    enum compare_format format;
    bool strict;
};

/* Tolerance, alpha and format as they are where nothing is said. */
void compare_flags_init(struct compare_flags *flags);
void compare_flags_free(struct compare_flags *flags);

/* Takes the option `key` of the enum above; ARGP_ERR_UNKNOWN for others. Otherwise as cmd_usage().
 */
error_t compare_flags_take(struct compare_flags *flags, const struct argp_state *state, int key,
                           const char *text);

/* Loads what gates into *gate, the caller's to free, and holds its metrics against those of the
 * `run_count` runs, where there are any; NULL where there is no file and metrics were named, which
 * then gate by the tolerance of the flags. CMD_DONE; or the exit code of what went wrong, and the
 * user has been told. */
int compare_flags_gate(const struct compare_flags *flags, struct gate **gate,
                       const struct run_data *const *runs, size_t run_count);

/* What compare_runs() is to do by these flags and that gate. */
struct compare_options compare_flags_options(const struct compare_flags *flags,
                                             const struct gate *gate);

/* Compares two runs as `gcmeter compare` does where it is told nothing. *result and *gate, to which
 * it points, are the caller's to free, whatever is returned. CMD_DONE; or the exit code of what
 * went wrong, and the user has been told. */
int compare_flags_default(const struct run_data *base, const struct run_data *new,
                          struct gate **gate, struct compare_result **result);

/* Prints the comparison of two runs on stdout. CMD_DONE or an exit code. */
int compare_flags_print(const struct compare_flags *flags, const struct compare_options *options,
                        const struct compare_result *result);

/* Whether text is printed in colour. */
bool compare_flags_colour(const struct compare_flags *flags);

/* The exit code of the comparison of two runs. */
int compare_flags_exit(const struct compare_flags *flags, const struct compare_result *result,
                       bool noisy);

/* Whether any invocation of the run is `noisy`. */
bool compare_flags_is_noisy(const struct run_data *run);

#endif
