/* compare.h: verdicts by METHODS.md section 8: two runs cell by cell, or the backends of one run
 * with each other. */
#ifndef DATA_COMPARE_H
#define DATA_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "data/csv_read.h"
#include "data/run_data.h"
#include "data/statistics.h"

/* How much worse is still the same: a change that is within either is none. */
struct compare_tolerance {
    double relative; /* 0.05: 5 % */
    double absolute; /* in the metric's unit */
};

struct gate; /* gate_file.h */

struct compare_options {
    const char *const *metrics;
    size_t metric_count;
    struct compare_tolerance tolerance;
    double alpha; /* 0 < alpha < 1 */

    /* Where there is one, it has the tolerance of what it gates, and `metrics` gate only in cells
     * where it says so, except that: */
    const struct gate *gate;
    bool gates_all; /* `metrics` gate in every cell, by `tolerance` where it says nothing */
    bool overrides_tolerance; /* `tolerance` is that of all, whatever it says */
};

/* What is compared where nothing is named: time, longest stop, worst operation, peak memory. */
extern const char *const compare_default_metrics[];
extern const size_t compare_default_metric_count;

/* One metric over the invocations of one cell. */
struct compare_sample {
    size_t count; /* invocations that were ok and have a value */
    size_t of;    /* invocations that might have had one: not those of other purpose */
    double median;
    double min;
    double max;
};

enum compare_kind {
    COMPARE_STATISTICAL,
    COMPARE_EXACT,      /* equal in all of at least 3 invocations on both sides */
    COMPARE_NEAR_EXACT, /* a counter of small spread */
};

/* Worst first. */
enum compare_verdict {
    COMPARE_BROKEN,
    COMPARE_REGRESSED,
    COMPARE_INCONCLUSIVE,
    COMPARE_IMPROVED,
    COMPARE_SAME,
};

/* An estimate of more invocations than this in all is as good as never, and ends here. */
#define COMPARE_NEEDED_MAX 9999

/* Samples smaller than this show a range and give no statistical verdict (METHODS.md section 1): no
 * interval of theirs reaches 95 % against a sample of their own size. */
#define COMPARE_VERDICT_INVOCATIONS 4

/* "status" in the place of a metric: whether invocations complete. */
#define COMPARE_STATUS "status"

/* One (cell, metric), or one cell's failures. Figures that do not apply are NaN. */
struct compare_row {
    const struct run_cell *base_cell;
    const struct run_cell *new_cell; /* NULL: missing in the new run */
    const char *metric;
    const char *unit;
    enum schema_better better;
    struct compare_sample base;
    struct compare_sample new;
    struct compare_tolerance tolerance;
    bool by_difference; /* estimate, low and high are differences in the unit, not ratios */
    double estimate;
    double low;
    double high;
    double coverage; /* reached by [low, high] */
    double p;
    double p_holm;
    enum compare_kind kind;
    enum compare_verdict verdict;
    size_t needed_invocations; /* more of them, on both sides, where inconclusive; else 0 */
    const char *why;           /* of a status row, or of a verdict withheld, one line; else "" */
};

struct compare_result {
    struct compare_row *rows;
    size_t row_count;
    bool is_by_backend;
    size_t family;                  /* tests that Holm's adjustment counts */
    size_t family_invocations;      /* what that family needs for a verdict */
    size_t undecidable_count;       /* rows that no data of this size or kind decides */
    size_t incomparable_count;      /* of those, metrics that new lacks or counted otherwise */
    bool is_withheld;               /* all verdicts but those on failures */
    size_t new_cell_count;          /* cells of the new run alone, not compared */
    size_t count[COMPARE_SAME + 1]; /* rows by verdict */
};

/* Whether there are comparisons, or all of them, that nothing is known of: no reason to say that
 * all is well. */
bool compare_is_undecided(const struct compare_result *result);

/* Compares every cell of `base` with the cell of the same key in `new`, rows worst first. A cell
 * that never completed in `base` is not compared. The result is owned by the caller until
 * compare_free(), and points into both runs. 0; -EINVAL: a metric that neither run knows or that
 * has no direction, described in *error; -ENOMEM. */
int compare_runs(struct compare_result **result, const struct run_data *base,
                 const struct run_data *new, const struct compare_options *options,
                 struct csv_error *error);

/* Compares the cells of the variant `reference` (as in the cell key, `boehm:incremental=1`), as
 * base, with the other variants' of the same workload, threads and heap setting; a cell without a
 * limit of a backend that does not trace is paired with every heap setting. Rows by workload,
 * reference cell and then as the cells came. Besides, -EINVAL where no cell is of that variant. */
int compare_backends(struct compare_result **result, const struct run_data *run,
                     const char *reference, const struct compare_options *options,
                     struct csv_error *error);

/* Holds what is regressed or broken against a comparison of further invocations of the same cells:
 * what is neither there becomes inconclusive, with `why` saying so. What has no
 * invocations at all in the new run stays broken. Only compare_runs() results. */
void compare_confirm(struct compare_result *result, const struct compare_result *fresh);

/* Whether the row is regressed or broken. */
bool compare_is_bad(const struct compare_row *row);

/* The row of the same cell and metric as `like`, which may be of another result; NULL where there
 * is none. */
const struct compare_row *compare_find(const struct compare_result *result,
                                       const struct compare_row *like);

/* Makes every verdict inconclusive but those on failures, with that `why`, which must live as long
 * as the result. */
void compare_withhold(struct compare_result *result, const char *why);

void compare_free(struct compare_result *result);

/* Whether the metric is compared in the cell of that key, and then at which *tolerance. */
bool compare_is_gated(const struct compare_options *options, const char *cell, const char *metric,
                      struct compare_tolerance *tolerance);

/* One metric of one cell, as the comparison sees it. -ENOMEM or 0. */
int compare_sample_of(struct compare_sample *sample, const struct run_data *run,
                      const struct run_cell *cell, const char *metric);

/* Whether compare_backends() sets `other` against `reference`: same workload, threads and fitting
 * heap settings, of another variant. */
bool compare_is_paired(const struct run_data *run, const struct run_cell *reference,
                       const struct run_cell *other);

/* "statistical", …; "broken", … */
const char *compare_kind_word(enum compare_kind kind);
const char *compare_verdict_word(enum compare_verdict verdict);

/* For tools: the columns cell, metric, n_base, n_new, median_base, … of DESIGN.md. 0 or -EIO. */
int compare_write_csv(const struct compare_result *result, FILE *out);
/* The same as an array of objects (RFC 8259). */
int compare_write_json(const struct compare_result *result, FILE *out);
/* For CI systems: JUnit's XML, a test case per row; regressed and broken ones are failures,
 * inconclusive ones skipped. compare_runs() only. 0, -ENOMEM or -EIO. */
int compare_write_junit(const struct compare_result *result, FILE *out);

#endif
