/* lbo.h: lower-bound overhead (METHODS.md section 6; Cai, Blackburn, Bond & Maas, "Distilling the
 * real cost of production garbage collectors", ISPASS 2022).
 *
 * Of one workload at one setting (a panel of chart_plan.h: the same workload, parameters, threads
 * and heap setting, which the manual backends, having none, join), each configuration's distilled
 * cost is its total less what it spent in stops: wall time less the union of its stops, or CPU time
 * less pause_cpu_total_ns. The least of them is the minimum distilled cost (MDC), and the overhead
 * is total / MDC. Manual and never-freeing configurations subtract nothing; nor does one whose
 * stops or their CPU time are not known, which can only make the bound lower.
 *
 * Each invocation is distilled by itself; figures are medians over the invocations that ended well.
 */
#ifndef DATA_LBO_H
#define DATA_LBO_H

#include "data/chart_plan.h"
#include "data/stop_log.h"

enum lbo_time { LBO_WALL, LBO_CPU, LBO_TIME_COUNT };

/* "wall", "cpu" */
const char *lbo_time_word(enum lbo_time time);

/* In ns. NaN: not known. */
struct lbo_cost {
    double total_ns;
    double stopped_ns;
    double distilled_ns;
    double lbo;
};

/* A configuration; parallel to the members of its panel. */
struct lbo_entry {
    size_t ok_count;
    size_t failed_count;
    struct lbo_cost costs[LBO_TIME_COUNT];
};

/* Parallel to the panels of the plan. */
struct lbo_setting {
    struct lbo_entry *entries;
    double mdc_ns[LBO_TIME_COUNT];  /* NaN where nothing was measured */
    size_t mdc_by[LBO_TIME_COUNT];  /* the member that supplied it */
    struct cell_part heap, threads; /* of the collectors */
};

/* The geometric mean of a configuration over the workloads of one heap setting and number of
 * threads in which every configuration shown had no failure. Never-freeing ones are not shown: they
 * are there for the minimum, and mostly out of memory. */
struct lbo_mean {
    struct cell_part heap, threads;
    uint32_t series;
    size_t workloads_count;     /* in the mean */
    double lbo[LBO_TIME_COUNT]; /* NaN where there is none */
};

struct lbo {
    struct lbo_setting *settings;
    size_t setting_count;
    struct lbo_mean *means; /* by first panel of the setting, then by series */
    size_t mean_count;
};

/* `logs` are the stops by invocation of plan->run. The plan and its run must outlive *lbo, which
 * the caller gives to lbo_free(). 0 or -ENOMEM; then there is nothing to free. Thread-safe on
 * different logs. */
int lbo_make(struct lbo *lbo, const struct chart_plan *plan, struct stop_log *logs);
void lbo_free(struct lbo *lbo);

#endif
