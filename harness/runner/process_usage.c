#include "process_usage.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int64_t timeval_ns(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

void process_usage_read(struct process_usage *usage)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r); /* fails for bad arguments only */
    *usage = (struct process_usage){
        .cpu_user_ns = timeval_ns(r.ru_utime),
        .cpu_sys_ns = timeval_ns(r.ru_stime),
        .minor_faults_count = r.ru_minflt,
        .major_faults_count = r.ru_majflt,
        .voluntary_switches_count = r.ru_nvcsw,
        .involuntary_switches_count = r.ru_nivcsw,
    };
}

struct process_usage process_usage_between(const struct process_usage *begin,
                                           const struct process_usage *end)
{
    return (struct process_usage){
        .cpu_user_ns = end->cpu_user_ns - begin->cpu_user_ns,
        .cpu_sys_ns = end->cpu_sys_ns - begin->cpu_sys_ns,
        .minor_faults_count = end->minor_faults_count - begin->minor_faults_count,
        .major_faults_count = end->major_faults_count - begin->major_faults_count,
        .voluntary_switches_count = end->voluntary_switches_count - begin->voluntary_switches_count,
        .involuntary_switches_count =
            end->involuntary_switches_count - begin->involuntary_switches_count,
    };
}

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, text, strlen(text));
    int error = n < 0 ? -errno : 0;
    close(fd);
    return error;
}

int process_peak_reset(void)
{
    return write_file("/proc/self/clear_refs", "5\n");
}

int process_volunteer_for_oom(void)
{
    return write_file("/proc/self/oom_score_adj", "900\n");
}

#define STATUS_BYTES 4096

/* Reads a status file of /proc, as a string. 0 or negative errno. */
static int read_status(const char *path, char text[static STATUS_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t n = read(fd, text, STATUS_BYTES - 1);
    int error = n < 0 ? -errno : 0;
    close(fd);
    if (!error)
        text[n] = '\0';
    return error;
}

static int64_t not_negative(int64_t value)
{
    return value > 0 ? value : 0;
}

void process_usage_take_off(struct process_usage *left, const struct process_usage *all,
                            const struct process_usage *own)
{
    *left = process_usage_between(own, all);
    if (left->cpu_sys_ns < 0)
        left->cpu_user_ns += left->cpu_sys_ns;
    left->cpu_sys_ns = not_negative(left->cpu_sys_ns);
    left->cpu_user_ns = not_negative(left->cpu_user_ns);
    left->minor_faults_count = not_negative(left->minor_faults_count);
    left->major_faults_count = not_negative(left->major_faults_count);
    left->voluntary_switches_count = not_negative(left->voluntary_switches_count);
    left->involuntary_switches_count = not_negative(left->involuntary_switches_count);
}

void process_usage_of_thread(struct process_usage *usage, pid_t tid)
{
    char path[64];
    char text[STATUS_BYTES];
    *usage = (struct process_usage){0};
    snprintf(path, sizeof path, "/proc/self/task/%d/status", (int)tid);
    if (read_status(path, text))
        return;
    const char *line = strstr(text, "\nvoluntary_ctxt_switches:");
    if (line)
        sscanf(line, "\nvoluntary_ctxt_switches: %" SCNd64 " nonvoluntary_ctxt_switches: %" SCNd64,
               &usage->voluntary_switches_count, &usage->involuntary_switches_count);
}

int64_t process_peak_bytes(void)
{
    char text[STATUS_BYTES];
    int error = read_status("/proc/self/status", text);
    if (error)
        return error;
    const char *line = strstr(text, "\nVmHWM:");
    int64_t kib;
    if (!line || sscanf(line, "\nVmHWM: %" SCNd64 " kB", &kib) != 1)
        return -ENODATA;
    return kib * 1024;
}
