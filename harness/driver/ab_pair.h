/* ab_pair.h: two runs that are measured together, each process of the one beside one of the other:
 * their plans, their folders, and what has been measured. */
#ifndef DRIVER_AB_PAIR_H
#define DRIVER_AB_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/agreement.h"
#include "driver/environment.h"
#include "driver/plan.h"
#include "driver/progress.h"
#include "driver/run_files.h"

enum { AB_BASE, AB_NEW, AB_ARMS };

/* Shorter processes that take turns are too seldom interrupted for their ratio to be sharp: with
 * 40 ms it varied by 3 %, with 550 ms by 1 %. */
#define AB_BESIDE_NS INT64_C(500000000)

/* What an invocation is made for. */
enum ab_kind {
    AB_NORMAL,
    AB_INSTRUCTIONS, /* under valgrind; all cells have measure_has_instructions() */
    AB_BESIDE,       /* taking turns with a process of base (beside.h), in both arms */
    AB_KINDS
};

struct ab_pair {
    const struct plan *plans[AB_ARMS]; /* with the same keys in the same order */
    struct run_files files[AB_ARMS];
    bool *chosen; /* by cell: whether it is measured, in the arms that do not skip it */
    unsigned done_counts[AB_KINDS]; /* invocations of each chosen cell in each arm */
    /* By cell: the shortest iteration of base's normal invocations; 0: none was ok. */
    int64_t *iteration_ns;
};

/* What run.csv says of an arm beyond what it says of any run. */
struct ab_arm {
    const char *variant; /* as typed */
    const char *commit;  /* or NULL */
};

/* Opens FOLDER/base and FOLDER/new, which are absent or empty, and writes what is known before
 * measuring. Every cell that base does not skip is chosen; of what an arm skips there is a row that
 * says why. 0, or a negative errno of writing and nothing to close. */
int ab_pair_open(struct ab_pair *pair, const char *folder, const struct plan *const plans[AB_ARMS],
                 const struct ab_arm arms[AB_ARMS], const struct environment_run *run);

/* The first error of all writing, or 0. */
int ab_pair_close(struct ab_pair *pair);

/* Measures pairs, and keeps count over all of them. */
struct ab_meter {
    const struct invocation_options *invocation; /* with its signal_fd */
    uint64_t order_seed;
    struct progress *progress;
    struct agreement agreement; /* freed by the caller */
    unsigned started_count;
    unsigned failed_count; /* of those */
    unsigned round_counts[AB_KINDS];
    unsigned expected_count; /* of invocations, for the progress */
    int error;               /* of writing or of starting a process, a negative errno */
    bool interrupted;
};

/* Goes on until each chosen cell of each of the pairs has `invocations` invocations of that kind in
 * both arms: in rounds, each of which runs every chosen cell of every pair once in each arm, all in
 * one random order, so that what changes on the machine meets both arms alike. Those that take
 * turns have as many iterations as last AB_BESIDE_NS at the speed of the normal ones before, and at
 * least as many as these. Ends early where the meter has an error or was interrupted. */
void ab_pair_measure(struct ab_meter *meter, enum ab_kind kind, struct ab_pair *const *pairs,
                     size_t pair_count, unsigned invocations);

#endif
