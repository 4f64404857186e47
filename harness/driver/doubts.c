#include "driver/doubts.h"

#include "data/statistics.h"
#include "driver/catalog.h"
#include "driver/steal.h"
#include "driver/xalloc.h"

#include <stdlib.h>

void doubts_take(struct doubts *doubts, const struct invocation_result *result)
{
    const char *flags = result->flags ? result->flags : "";
    const char *observer = result->metrics[SCHEMA_INVOCATIONS_observer_ns];
    if (result->status != INVOCATION_OK)
        return;
    doubts->invocation_count++;
    doubts->noisy_count += catalog_has_word(flags, "noisy");
    doubts->unsteady_count += catalog_has_word(flags, "unsteady");
    doubts->near_observer_count += catalog_has_word(flags, "latency_near_observer") ||
                                   catalog_has_word(flags, "pauses_near_observer");
    if (observer)
        *(double *)xappend(&doubts->observer_ns, &doubts->observer_count,
                           sizeof *doubts->observer_ns) = strtod(observer, NULL);
}

double doubts_observer_ns(struct doubts *doubts)
{
    if (!doubts->observer_count)
        return -1;
    statistics_sort(doubts->observer_ns, doubts->observer_count);
    return statistics_median(doubts->observer_ns, doubts->observer_count);
}

void doubts_tell(struct doubts *doubts, struct progress *progress)
{
    if (doubts->observer_count)
        progress_line(progress, false, "observer: %.3g ns per operation recorded",
                      doubts_observer_ns(doubts));
    if (doubts->near_observer_count)
        progress_line(progress, false,
                      "in doubt: %u of %u invocations have figures under ten times what observing "
                      "them costs (latency_near_observer, pauses_near_observer)",
                      doubts->near_observer_count, doubts->invocation_count);
    if (doubts->noisy_count)
        progress_line(progress, false,
                      "in doubt: %u of %u invocations lost more than %g %% of their time to the "
                      "host (noisy)",
                      doubts->noisy_count, doubts->invocation_count, STEAL_SHARE_MAX * 100);
    if (doubts->unsteady_count)
        progress_line(progress, false,
                      "in doubt: %u of %u invocations still drifted in their last half (unsteady); "
                      "give them more --warmup",
                      doubts->unsteady_count, doubts->invocation_count);
}

void doubts_free(struct doubts *doubts)
{
    free(doubts->observer_ns);
    *doubts = (struct doubts){0};
}
