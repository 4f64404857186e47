/* process_usage.h: what the operating system counts for this process (METHODS.md sections 1, 7).
 * Nothing here allocates. */
#ifndef RUNNER_PROCESS_USAGE_H
#define RUNNER_PROCESS_USAGE_H

#include <stdint.h>
#include <sys/types.h>

struct process_usage {
    int64_t cpu_user_ns;
    int64_t cpu_sys_ns;
    int64_t minor_faults_count;
    int64_t major_faults_count;
    int64_t voluntary_switches_count;
    int64_t involuntary_switches_count;
};

/* Totals since the process began: getrusage(RUSAGE_SELF). */
void process_usage_read(struct process_usage *usage);

/* end - begin, field by field. */
struct process_usage process_usage_between(const struct process_usage *begin,
                                           const struct process_usage *end);

/* What is left of `all` without `own`, of a thread of the harness, no field below 0: the kernel
 * divides CPU time into that of user and system by ticks, less exactly than it knows their sum, and
 * `own` is read over an interval that is longer by the time of reading it. */
void process_usage_take_off(struct process_usage *left, const struct process_usage *all,
                            const struct process_usage *own);

/* Context switches of one thread of this process since it began, and 0 for all else; 0 throughout
 * where /proc does not say. */
void process_usage_of_thread(struct process_usage *usage, pid_t tid);

/* Starts the peak of resident memory, VmHWM, anew from what is resident now. 0, or negative errno
 * where the kernel does not offer it. */
int process_peak_reset(void);

/* VmHWM in bytes, or negative errno. */
int64_t process_peak_bytes(void);

/* Offers this process to the kernel's out-of-memory killer before others. 0 or negative errno. */
int process_volunteer_for_oom(void);

#endif
