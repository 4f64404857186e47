#include "data/looks.h"

#include <string.h>

#include "data/statistics.h"

/* From 40 on in steps of about 1.6, whose powers these are rounded from: what a look adds must grow
 * with what there is, or most looks would learn nothing new and still cost their part of alpha. */
static const size_t schedule[] = {8,   12,  16,  24,   32,   40,   64,   100, 160,
                                  250, 400, 640, 1000, 1600, 2500, 4000, 6400};
_Static_assert(sizeof schedule / sizeof *schedule < LOOKS_MAX, "and the last one");

static void drop_first(struct looks *looks)
{
    looks->count--;
    memmove(looks->invocations, looks->invocations + 1, looks->count * sizeof *looks->invocations);
}

void looks_plan(struct looks *looks, size_t least, size_t most, size_t family, double alpha)
{
    *looks = (struct looks){.family = family, .asked = most};
    for (size_t i = 0; i < sizeof schedule / sizeof *schedule && schedule[i] < most; i++)
        if (schedule[i] >= least)
            looks->invocations[looks->count++] = schedule[i];
    looks->invocations[looks->count++] = most;
    for (;;) {
        looks->alpha = alpha / (double)looks->count;
        size_t needed = statistics_needed_invocations(family, looks->alpha);
        if (looks->invocations[0] >= needed)
            return;
        /* With fewer looks each spends more, so that `needed` does not grow. */
        if (looks->count > 1 && looks->invocations[1] <= needed)
            drop_first(looks);
        else
            looks->invocations[0] = needed;
    }
}
