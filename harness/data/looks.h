/* looks.h: when a sequential comparison looks at its data, and what each look may spend.
 *
 * Who looks more than once and stops when something shows raises more false alarms than alpha. So
 * the looks are fixed before anything is measured, and alpha is spent in equal parts over them: at
 * each of K looks a verdict needs p below alpha / K, adjusted over the family by Holm. By
 * Bonferroni's inequality the chance that any look shows anything false is at most K * (alpha / K)
 * = alpha, whatever the dependence between looks, which share their data. (Equal parts, as in
 * Pocock, Biometrika 1977, whose constants are a little larger, but hold for normal data only.)
 *
 * Pure functions, thread-safe. */
#ifndef DATA_LOOKS_H
#define DATA_LOOKS_H

#include <stddef.h>

#define LOOKS_MAX 18

struct looks {
    size_t count;
    size_t invocations[LOOKS_MAX]; /* of each arm, at which it looks; ascending */
    double alpha;                  /* that each look spends */
    size_t family;                 /* tests that one look makes, at most */
    size_t asked;                  /* for at most so many invocations */
};

/* The looks of a comparison of `family` > 0 tests with at most `most` > 0 invocations of each arm,
 * 0 < alpha < 1: of 8, 12, 16, 24, 32, 40, 64, 100, 160, 250, 400, 640, 1000, ... 6400 those from
 * `least` on that lie below `most`, and `most` itself. Looks that are too small to decide the
 * family are left out, and where all are the last is raised to the least that can: then
 * invocations[count - 1] > most. */
void looks_plan(struct looks *looks, size_t least, size_t most, size_t family, double alpha);

#endif
