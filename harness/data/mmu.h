/* mmu.h: minimum and bounded mutator utilisation (METHODS.md section 5).
 *
 * Over the length T of the measured part, for each thread, whose stops are its own and those of the
 * whole world, merged into disjoint intervals and cut to [0, T]:
 *
 *   MMU(w) = min over t in [0, T-w] of 1 - (stopped time inside [t, t+w]) / w
 *   BMU(w) = min over w' in [w, T] of MMU(w')
 *
 * and of all threads the least. (Cheng & Blelloch, "A parallel, real-time garbage collector", PLDI
 * 2001; Sachindran, Moss & Berger, "MC2: high-performance garbage collection for memory-constrained
 * environments", OOPSLA 2004.) All is computed in whole nanoseconds; only the last division rounds.
 * A thread's life is taken to be the measured part. Functions keep no state beyond their arguments.
 */
#ifndef DATA_MMU_H
#define DATA_MMU_H

#include "data/stop_log.h"

/* 10 us to 10 s in 1-2-5 steps. */
#define MMU_WINDOW_COUNT 19
extern const int64_t mmu_windows_ns[MMU_WINDOW_COUNT];

/* Those that have a column in invocations.csv: 1, 10 and 100 ms. */
#define MMU_COLUMN_COUNT 3
extern const int64_t mmu_columns_ns[MMU_COLUMN_COUNT];

/* Sets mmu[i] and, unless `bmu` is NULL, bmu[i] for `count` windows of windows_ns[i] > 0,
 * ascending; NaN where the window is longer than length_ns. Sorts the log. O(n) per window and
 * thread that has stops of its own for mmu; for bmu each improvement over what MMU found costs a
 * further O(n), and there are O(log(n T)) at most. Windows of a long log are shared out among
 * threads, which are gone when it returns. 0 or -ENOMEM. */
int mmu_compute(double *mmu, double *bmu, struct stop_log *log, int64_t length_ns,
                const int64_t *windows_ns, size_t count);

/* A window with little left for the mutator. */
struct mmu_window {
    int32_t thread; /* that was stopped most in it; STOP_WORLD: all were stopped alike */
    int64_t start_ns;
    int64_t stopped_ns;
};

/* Sets `worst` to up to `count` windows of window_ns: the one in which some thread was stopped
 * longest (of equal ones the earliest), then the same of those that are disjoint from it, and so
 * on, while there are stops. Sorts the log. Returns how many there are, or -ENOMEM. */
int mmu_worst(struct mmu_window *worst, size_t count, struct stop_log *log, int64_t length_ns,
              int64_t window_ns);

#endif
