/* compare_words.h: a row of a comparison in words, for tables that people read. What the functions
 * return is freed by the caller. */
#ifndef DRIVER_COMPARE_WORDS_H
#define DRIVER_COMPARE_WORDS_H

#include <stdbool.h>

#include "data/compare.h"

/* "1.19 [0.98, 1.42]", "+3.00 ms [1.00 ms, 5.00 ms]" where it is a difference, or "". */
char *compare_effect_text(const struct compare_row *row);

/* "regressed", "inconclusive: ~12 more", "range only"; between backends "slower" and the like, as
 * nothing has regressed there. */
char *compare_verdict_text(const struct compare_result *result, const struct compare_row *row);

/* Whether its figures are those of so few invocations that they are a range. */
bool compare_is_range_only(const struct compare_row *row);

#endif
