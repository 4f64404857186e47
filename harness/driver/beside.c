#include "driver/beside.h"

#include "data/csv_write.h"
#include "driver/stop_signals.h"
#include "driver/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct cpu_times {
    int64_t cpu_ns; /* of the measured part; 0: unknown */
    int64_t pause_cpu_ns;
};

/* What is to be known of the other. */
struct reply {
    enum invocation_status status;
    bool interrupted;
    int shortage;
    struct cpu_times times;
    char detail[320];
};

static int64_t take_ns(struct invocation_result *result, size_t column)
{
    int64_t ns = result->metrics[column] ? strtoll(result->metrics[column], NULL, 10) : 0;
    free(result->metrics[column]);
    result->metrics[column] = NULL;
    return ns;
}

static struct cpu_times take_times(struct invocation_result *result)
{
    int64_t user_ns = take_ns(result, SCHEMA_INVOCATIONS_cpu_user_ns);
    int64_t sys_ns = take_ns(result, SCHEMA_INVOCATIONS_cpu_sys_ns);
    return (struct cpu_times){user_ns + sys_ns,
                              take_ns(result, SCHEMA_INVOCATIONS_pause_cpu_total_ns)};
}

static void run(struct invocation_result *result, const struct beside_process *process,
                const cpu_set_t *processor, const struct invocation_sink *sink)
{
    struct invocation_options options = *process->options;
    options.beside = processor;
    options.timeout_s *= 2;
    options.timeout_ns *= 2;
    options.memory_cap_bytes /= 2;
    invocation_run(result, process->cell, process->padding_bytes, &options, sink);
}

/* In a process of its own: invocation_run() watches one child. */
static _Noreturn void run_other(const struct beside_process *other, const cpu_set_t *processor,
                                int reply_fd)
{
    struct invocation_sink sink = {0};
    struct invocation_result result;
    run(&result, other, processor, &sink);
    struct reply reply = {.status = result.status,
                          .interrupted = result.interrupted,
                          .shortage = result.shortage,
                          .times = take_times(&result)};
    memcpy(reply.detail, result.detail, sizeof reply.detail);
    invocation_result_free(&result);
    ssize_t written = write(reply_fd, &reply, sizeof reply);
    _exit(written == (ssize_t)sizeof reply ? 0 : 1);
}

/* 0, and *pid and the end to read its reply from; or a negative errno. */
static int start_other(const struct beside_process *other, const cpu_set_t *processor, pid_t *pid,
                       int *reply_fd)
{
    int ends[2];
    pid_t parent = getpid();
    if (pipe2(ends, O_CLOEXEC))
        return -errno;
    /* What is buffered would be written twice, should it end by exit(). */
    fflush(NULL);
    *pid = fork();
    if (*pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        close(ends[0]);
        run_other(other, processor, ends[1]);
    }
    int error = *pid < 0 ? -errno : 0;
    close(ends[1]);
    if (error)
        close(ends[0]);
    *reply_fd = ends[0];
    return error;
}

/* Waits for the reply, or for a signal, which is passed on. False: it left none. */
static bool await(struct reply *reply, pid_t pid, int reply_fd, int signal_fd, bool *interrupted)
{
    struct pollfd polls[] = {{reply_fd, POLLIN, 0}, {signal_fd, POLLIN, 0}};
    for (;;) {
        if (poll(polls, 2, -1) < 0 && errno != EINTR)
            break;
        if (polls[1].revents && stop_signals_take(signal_fd)) {
            *interrupted = true;
            kill(pid, SIGTERM);
        }
        if (polls[0].revents)
            break;
    }
    /* Smaller than PIPE_BUF, so whole or not at all. */
    ssize_t got = read(reply_fd, reply, sizeof *reply);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return got == (ssize_t)sizeof *reply;
}

static void fail(struct invocation_result *result, const struct beside_process *other,
                 const struct reply *reply)
{
    result->status = reply->status == INVOCATION_OK ? INVOCATION_CRASHED : reply->status;
    snprintf(result->detail, sizeof result->detail, "beside it %s: %.160s",
             other->cell->variant->text, reply->detail);
}

static void set_ratio(struct invocation_result *result, size_t column, int64_t own_ns,
                      int64_t other_ns)
{
    char text[CSV_REAL_BYTES];
    if (own_ns <= 0 || other_ns <= 0)
        return;
    csv_format_real(text, (double)own_ns / (double)other_ns);
    result->metrics[column] = xstrdup(text);
}

static cpu_set_t processor_of(unsigned turn)
{
    cpu_set_t all, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof all, &all) || CPU_COUNT(&all) == 0) {
        CPU_SET(0, &one);
        return one;
    }
    unsigned left = turn % (unsigned)CPU_COUNT(&all);
    for (unsigned i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &all) && left-- == 0) {
            CPU_SET(i, &one);
            break;
        }
    return one;
}

void beside_run(struct invocation_result *result, const struct beside_process *own,
                const struct beside_process *other, unsigned turn)
{
    cpu_set_t processor = processor_of(turn);
    struct invocation_sink sink = {0};
    struct reply reply = {.status = INVOCATION_CRASHED, .detail = "its driver ended"};
    pid_t pid = -1;
    int reply_fd = -1;
    int error = start_other(other, &processor, &pid, &reply_fd);
    if (error) {
        *result = (struct invocation_result){.status = INVOCATION_CRASHED, .shortage = error};
        return;
    }
    run(result, own, &processor, &sink);
    struct cpu_times times = take_times(result);
    if (result->status != INVOCATION_OK || result->interrupted || result->shortage)
        kill(pid, SIGTERM);
    bool replied = await(&reply, pid, reply_fd, own->options->signal_fd, &result->interrupted);
    close(reply_fd);
    result->interrupted |= replied && reply.interrupted && result->status == INVOCATION_OK;
    if (result->interrupted || result->shortage || result->status != INVOCATION_OK)
        return;
    result->shortage = reply.shortage;
    if (!replied || reply.status != INVOCATION_OK) {
        fail(result, other, &reply);
        return;
    }
    set_ratio(result, SCHEMA_INVOCATIONS_beside_cpu_ratio, times.cpu_ns, reply.times.cpu_ns);
    set_ratio(result, SCHEMA_INVOCATIONS_beside_pause_cpu_ratio, times.pause_cpu_ns,
              reply.times.pause_cpu_ns);
}
