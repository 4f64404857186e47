#include "record_metric.h"

#include <math.h>

#include "gc_backend.h"

static void begin_metric(struct record_writer *w, const char *name)
{
    record_begin(w, "metric");
    record_text(w, name);
}

void record_metric_i64(struct record_writer *w, const char *name, int64_t value)
{
    begin_metric(w, name);
    record_i64(w, value);
    record_end(w);
}

void record_metric_u64(struct record_writer *w, const char *name, uint64_t value)
{
    begin_metric(w, name);
    record_u64(w, value);
    record_end(w);
}

void record_metric_real(struct record_writer *w, const char *name, double value)
{
    begin_metric(w, name);
    record_real(w, value);
    record_end(w);
}

void record_metric_difference(struct record_writer *w, const char *name, uint64_t begin,
                              uint64_t end)
{
    if (begin != GC_UNKNOWN && end != GC_UNKNOWN)
        record_metric_u64(w, name, end - begin);
}

void record_extra(struct record_writer *w, const char *name, const char *unit, const char *better,
                  double value)
{
    record_begin(w, "extra");
    record_text(w, name);
    record_text(w, unit);
    record_text(w, better);
    /* Counters are compared for equality, so that each of their digits matters. */
    if (value == rint(value) && fabs(value) < 0x1p53)
        record_i64(w, (int64_t)value);
    else
        record_real(w, value);
    record_end(w);
}

void record_flag(struct record_writer *w, const char *word)
{
    record_begin(w, "flag");
    record_text(w, word);
    record_end(w);
}
