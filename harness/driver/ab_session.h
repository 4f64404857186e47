/* ab_session.h: a sequential comparison of two builds: looks at fixed numbers of invocations
 * (data/looks.h), a negative control, and the confirmation of what regressed.
 *
 * Why the false-alarm rate stays at alpha: a regression is reported only where (1) one of the looks
 * found it, each of which spends its part of alpha over all that is gated, so that the chance of
 * any false one at any look is at most alpha, and (2) fresh invocations that took no part in (1)
 * show it again, which can only take away from that chance, however often they are looked at; they
 * too spend alpha over their looks. When to stop depends on the data, but what a look may spend
 * does not. */
#ifndef DRIVER_AB_SESSION_H
#define DRIVER_AB_SESSION_H

#include "driver/ab_pair.h"
#include "driver/compare_flags.h"

struct ab_session {
    const struct plan *plans[AB_ARMS];
    struct ab_arm arms[AB_ARMS];
    const struct compare_flags *flags;
    const struct gate *gate;
    struct environment_run run; /* instructions and beside are set by ab_session_run() */
    unsigned invocations;       /* at most, of each arm */
    bool counts_instructions;
    unsigned instructions; /* invocations that count them, of each arm; 0: as many as can decide */
    bool takes_turns;
    unsigned beside;    /* invocations that do, of each arm; 0: as many as there are others */
    const char *folder; /* gets base/, new/, control/base/, control/new/, and confirm/ */
    struct progress *progress;
};

/* The invocations without which there is no such metric; AB_NORMAL where it needs none beyond
 * those. */
enum ab_kind ab_session_kind_of(const char *metric);

/* Measures, compares, and prints the verdicts on stdout; returns an exit code. run.options is given
 * a signalfd meanwhile. */
int ab_session_run(struct ab_session *session, struct invocation_options *invocation);

#endif
