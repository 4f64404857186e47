#include "hiccup_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mapped.h"
#include "base/processors.h"

#define STACK_BYTES 65536
#define HICCUPS_MAX (4u << 20)
#define THREADS_MAX 2048
/* How often threads are looked for and the period is set anew. */
#define ROUND_WAKES 32

/* The thread shares the thread-local storage of the main one, errno included, and runs no code of
 * libc, nor any that a sanitizer has instrumented. */
#define ON_ITS_OWN __attribute__((no_sanitize("address", "thread", "undefined")))

/* ThreadSanitizer must see every thread begin, and dies of one that it has not seen. */
#if defined(__SANITIZE_THREAD__)
#define CAN_WATCH false
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CAN_WATCH false
#endif
#endif
#ifndef CAN_WATCH
#define CAN_WATCH true
#endif

struct hiccup_watch {
    uint32_t over;
    uint32_t tid;    /* cleared by the kernel when the thread has ended */
    pid_t known_tid; /* of the thread, to the others */
    int32_t own_tid; /* and to itself */
    unsigned processors_count;
    int task_fd; /* /proc/self/task */
    int64_t period_ns;
    int64_t period_max_ns;
    int64_t late_max_ns;
    struct hiccup *hiccups; /* backed as they come */
    size_t hiccup_count;
    bool is_full;
    int32_t tids[THREADS_MAX]; /* of the other threads */
    size_t thread_count;
    char names[32768] __attribute__((aligned(8))); /* entries of /proc/self/task */
    unsigned char stack[STACK_BYTES] __attribute__((aligned(64)));
};

ON_ITS_OWN static long call(long number, long a, long b, long c, long d)
{
#if defined(__x86_64__)
    register long fourth __asm__("r10") = d;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
#else
    register long number_register __asm__("x8") = number;
    register long first __asm__("x0") = a;
    register long second __asm__("x1") = b;
    register long third __asm__("x2") = c;
    register long fourth __asm__("x3") = d;
    __asm__ volatile("svc 0"
                     : "+r"(first)
                     : "r"(number_register), "r"(second), "r"(third), "r"(fourth)
                     : "memory");
    return first;
#endif
}

/* Negative where the clock is that of a thread that has ended. */
ON_ITS_OWN static int64_t read_ns(clockid_t clock)
{
    struct timespec t = {0};
    if (call(SYS_clock_gettime, clock, (long)&t, 0, 0) != 0)
        return -1;
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

ON_ITS_OWN static void sleep_until(int64_t due_ns)
{
    struct timespec due = {due_ns / 1000000000, due_ns % 1000000000};
    while (call(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, (long)&due, 0) == -EINTR)
        continue;
}

/* CPU clock of one thread (linux/posix-timers.h: CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED). */
ON_ITS_OWN static clockid_t thread_clock(int32_t tid)
{
    return (clockid_t)(~(uint32_t)tid << 3 | 6);
}

struct linux_dirent64 {
    uint64_t d_ino;
    int64_t d_off;
    unsigned short d_reclen;
    unsigned char d_type;
    char d_name[];
};

/* Looks for threads that have started or ended. */
ON_ITS_OWN static void find_threads(struct hiccup_watch *w)
{
    w->thread_count = 0;
    call(SYS_lseek, w->task_fd, 0, SEEK_SET, 0);
    for (;;) {
        long bytes = call(SYS_getdents64, w->task_fd, (long)w->names, sizeof w->names, 0);
        if (bytes <= 0)
            return;
        for (long at = 0; at < bytes;) {
            const struct linux_dirent64 *entry = (const struct linux_dirent64 *)(w->names + at);
            int32_t tid = 0;
            for (const char *c = entry->d_name; *c >= '0' && *c <= '9'; c++)
                tid = tid * 10 + (*c - '0');
            at += entry->d_reclen;
            if (tid != 0 && tid != w->own_tid && w->thread_count < THREADS_MAX)
                w->tids[w->thread_count++] = tid;
        }
    }
}

/* What all other threads of the process have used, those that have ended included. The clock of the
 * process counts a running thread up to its last tick only, some milliseconds ago, unless its own
 * clock was read since. */
ON_ITS_OWN static int64_t read_cpu_ns(const struct hiccup_watch *w)
{
    for (size_t i = 0; i < w->thread_count; i++)
        read_ns(thread_clock(w->tids[i]));
    return read_ns(CLOCK_PROCESS_CPUTIME_ID) - read_ns(CLOCK_THREAD_CPUTIME_ID);
}

ON_ITS_OWN bool hiccup_is_outside(const struct hiccup_lateness *late)
{
    int64_t all_ns = late->late_ns * (int64_t)late->processors_count;
    int64_t own_ns = late->cpu_ns - (int64_t)(late->usual_share * (double)late->slept_ns);
    if (own_ns < 0)
        own_ns = 0;
    int64_t others_ns = own_ns < all_ns ? all_ns - own_ns : 0;
    return 2 * others_ns >= late->late_ns;
}

ON_ITS_OWN static void note(struct hiccup_watch *w, int64_t due_ns, int64_t now_ns)
{
    if (w->hiccup_count == HICCUPS_MAX) {
        w->is_full = true;
        return;
    }
    struct hiccup *hiccup = &w->hiccups[w->hiccup_count++];
    hiccup->start_ns = due_ns;
    hiccup->end_ns = now_ns;
}

/* So that the next round costs no more than the share that is allowed, by what this one cost. */
ON_ITS_OWN static void set_period(struct hiccup_watch *w, int64_t round_cpu_ns)
{
    int64_t period_ns = round_cpu_ns / ROUND_WAKES * 1000 / HICCUP_CPU_PERMILLE;
    period_ns = (period_ns / HICCUP_PERIOD_NS + 1) * HICCUP_PERIOD_NS;
    if (round_cpu_ns / ROUND_WAKES * 1000 <= HICCUP_PERIOD_NS * HICCUP_CPU_PERMILLE)
        period_ns = HICCUP_PERIOD_NS;
    w->period_ns = period_ns < HICCUP_PERIOD_MAX_NS ? period_ns : HICCUP_PERIOD_MAX_NS;
    if (w->period_ns > w->period_max_ns)
        w->period_max_ns = w->period_ns;
}

ON_ITS_OWN static int watch(void *data)
{
    struct hiccup_watch *w = data;
    double usual_share = 0;
    w->own_tid = (int32_t)call(SYS_gettid, 0, 0, 0, 0);
    int64_t round_cpu_ns = read_ns(CLOCK_THREAD_CPUTIME_ID);
    call(SYS_prctl, PR_SET_TIMERSLACK, 1, 0, 0);
    find_threads(w);
    int64_t cpu_ns = read_cpu_ns(w);
    int64_t read_at_ns = read_ns(CLOCK_MONOTONIC);
    for (unsigned wakes = 1; !__atomic_load_n(&w->over, __ATOMIC_ACQUIRE); wakes++) {
        int64_t due_ns = read_at_ns + w->period_ns;
        sleep_until(due_ns);
        int64_t now_ns = read_ns(CLOCK_MONOTONIC);
        struct hiccup_lateness late = {
            .slept_ns = due_ns - read_at_ns,
            .late_ns = now_ns - due_ns,
            .usual_share = usual_share,
            .processors_count = w->processors_count,
        };
        bool is_late = late.late_ns >= HICCUP_LEAST_NS;
        if (is_late || wakes % ROUND_WAKES == 0)
            find_threads(w);
        int64_t cpu_now_ns = read_cpu_ns(w);
        late.cpu_ns = cpu_now_ns - cpu_ns;
        cpu_ns = cpu_now_ns;
        if (late.late_ns > w->late_max_ns)
            w->late_max_ns = late.late_ns;
        if (!is_late)
            usual_share = (double)late.cpu_ns / (double)(late.slept_ns + late.late_ns);
        else if (hiccup_is_outside(&late))
            note(w, due_ns, now_ns);
        if (wakes % ROUND_WAKES == 0) {
            int64_t watch_cpu_ns = read_ns(CLOCK_THREAD_CPUTIME_ID);
            set_period(w, watch_cpu_ns - round_cpu_ns);
            round_cpu_ns = watch_cpu_ns;
        }
        read_at_ns = read_ns(CLOCK_MONOTONIC);
    }
    return 0;
}

static int start_thread(struct hiccup_watch *w)
{
    /* Not CLONE_FILES: in a table of descriptors that is shared each call looks one up more slowly,
     * and growing it waits for milliseconds. */
    const int flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                      CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    w->tid = UINT32_MAX;
    int tid = clone(watch, w->stack + sizeof w->stack, flags, w, &w->tid, NULL, &w->tid);
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return tid;
}

struct hiccup_watch *hiccup_watch_start(void)
{
    if (!CAN_WATCH) {
        errno = ENOTSUP;
        return NULL;
    }
    struct hiccup_watch *w = mapped_new_lazy(sizeof *w);
    if (!w)
        return NULL;
    w->period_ns = w->period_max_ns = HICCUP_PERIOD_NS;
    w->processors_count = processors_count();
    w->task_fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    w->hiccups = mapped_new_lazy(HICCUPS_MAX * sizeof *w->hiccups);
    if (w->task_fd >= 0 && w->hiccups) {
        w->known_tid = start_thread(w);
        if (w->known_tid > 0)
            return w;
    }
    int error = errno;
    hiccup_watch_free(w);
    errno = error;
    return NULL;
}

int64_t hiccup_watch_cpu_ns(const struct hiccup_watch *watch)
{
    return clock_read_ns(thread_clock(watch->known_tid));
}

void hiccup_watch_usage(const struct hiccup_watch *watch, struct process_usage *usage)
{
    process_usage_of_thread(usage, watch->known_tid);
    /* It does nothing but sleep and read clocks, by system calls. */
    usage->cpu_user_ns = 0;
    usage->cpu_sys_ns = hiccup_watch_cpu_ns(watch);
}

void hiccup_watch_stop(struct hiccup_watch *w)
{
    __atomic_store_n(&w->over, 1, __ATOMIC_RELEASE);
    uint32_t tid;
    while ((tid = __atomic_load_n(&w->tid, __ATOMIC_ACQUIRE)) != 0)
        syscall(SYS_futex, &w->tid, FUTEX_WAIT, tid, NULL, NULL, 0);
}

void hiccup_watch_free(struct hiccup_watch *w)
{
    if (!w)
        return;
    if (w->task_fd >= 0)
        close(w->task_fd);
    mapped_free(w->hiccups, HICCUPS_MAX * sizeof *w->hiccups);
    mapped_free(w, sizeof *w);
}

const struct hiccup *hiccup_watch_hiccups(const struct hiccup_watch *watch, size_t *count)
{
    *count = watch->hiccup_count;
    return watch->is_full ? NULL : watch->hiccups;
}

int64_t hiccup_watch_period_ns(const struct hiccup_watch *watch)
{
    return watch->period_max_ns;
}

int64_t hiccup_watch_late_max_ns(const struct hiccup_watch *watch)
{
    return watch->late_max_ns;
}

int64_t hiccup_overlap_ns(const struct hiccup *hiccups, size_t count, int64_t start_ns,
                          int64_t end_ns)
{
    size_t low = 0;
    size_t high = count; /* the first that ends after start_ns lies in [low, high] */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (hiccups[middle].end_ns > start_ns)
            high = middle;
        else
            low = middle + 1;
    }
    int64_t sum_ns = 0;
    for (; low < count && hiccups[low].start_ns < end_ns; low++) {
        int64_t from_ns = hiccups[low].start_ns > start_ns ? hiccups[low].start_ns : start_ns;
        int64_t to_ns = hiccups[low].end_ns < end_ns ? hiccups[low].end_ns : end_ns;
        sum_ns += to_ns - from_ns;
    }
    return sum_ns;
}
