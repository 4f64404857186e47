#include "workload_host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include "base/clock.h"
#include "dead_stack.h"
#include "gc_backend.h"

void workload_operation_begin(struct workload_thread *thread)
{
    struct workload_recorder *recorder = thread->recorder;
    recorder->operation_start_ns = operation_clock_now_ns(&recorder->clock);
}

#define NOT_KNOWN INT64_MIN

static __attribute__((noinline)) void end_by_calls(struct workload_recorder *recorder,
                                                   int64_t now_ns)
{
    if (now_ns == NOT_KNOWN)
        now_ns = operation_clock_anchor_ns(&recorder->clock);
    histogram_record(recorder->latency, now_ns - recorder->operation_start_ns);
    if (recorder->requests)
        request_recorder_end(recorder->requests, recorder->operation_start_ns, now_ns);
    recorder->operation_start_ns = now_ns;
}

/* Clears what it left of the workload's registers. */
static __attribute__((noinline)) void end_rarely(struct workload_recorder *recorder, int64_t now_ns)
{
    end_by_calls(recorder, now_ns);
    dead_stack_clear_calls();
}

/* Calls nothing where it can, and has no frame there: a reference of the workload's that it put on
 * the stack, in a word that no later frame writes, would retain garbage. */
void workload_operation_end(struct workload_thread *thread)
{
    struct workload_recorder *recorder = thread->recorder;
    struct histogram *latency = recorder->latency;
    if (!latency)
        return;
    struct request_recorder *requests = recorder->requests;
    int64_t start_ns = recorder->operation_start_ns;
    int64_t now_ns = NOT_KNOWN;
    if (__builtin_expect(!operation_clock_extrapolate(&recorder->clock, &now_ns) ||
                             !histogram_is_known(latency, now_ns - start_ns) ||
                             (requests && !request_recorder_is_ready(requests, now_ns)),
                         0)) {
        end_rarely(recorder, now_ns);
        return;
    }
    histogram_record_known(latency, now_ns - start_ns);
    if (requests)
        request_recorder_end_ready(requests, start_ns, now_ns);
    recorder->operation_start_ns = now_ns;
}

void workload_requests_begin(struct workload_thread *thread)
{
    if (thread->recorder->host->open_loop.rate_per_s > 0)
        open_loop_begin_thread();
    workload_barrier(thread);
    if (thread->index == 0)
        thread->recorder->host->open_loop.start_ns = clock_now_ns();
    workload_barrier(thread);
    workload_operation_begin(thread);
}

void workload_request_begin(struct workload_thread *thread, uint64_t request)
{
    struct workload_recorder *recorder = thread->recorder;
    const struct open_loop *loop = &recorder->host->open_loop;
    if (loop->rate_per_s == 0)
        return;
    int64_t due_ns = open_loop_due_ns(loop, request);
    recorder->requests->due_ns = due_ns;
    if (due_ns <= recorder->operation_start_ns)
        return; /* it has been waiting for the one before it, whose end is its start */
    gc_backend.enter_blocked(thread->mutator);
    recorder->requests->spin_ns += open_loop_wait(due_ns);
    gc_backend.leave_blocked(thread->mutator);
    workload_operation_begin(thread);
}

void workload_fail(struct workload_thread *thread, const char *what)
{
    outcome_exit(thread->recorder->host->outcome, "wrong", what);
}

/* In one write, so that lines of several threads do not mix, and without stdio, which would call
 * malloc in the measured part. */
void workload_print(struct workload_thread *thread, const char *line)
{
    struct workload_host *host = thread->recorder->host;
    if (!atomic_load_explicit(&host->prints, memory_order_relaxed))
        return;
    struct iovec pieces[2] = {
        {.iov_base = (void *)(uintptr_t)line, .iov_len = strlen(line)},
        {.iov_base = (void *)(uintptr_t) "\n", .iov_len = 1},
    };
    struct iovec *rest = pieces;
    int count = 2;
    while (count > 0) {
        ssize_t n = writev(host->print_fd, rest, count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break; /* what the workload prints is a courtesy; its checksum is the result */
        size_t written = (size_t)n;
        for (; count > 0 && written >= rest->iov_len; rest++, count--)
            written -= rest->iov_len;
        if (count > 0) {
            rest->iov_base = (char *)rest->iov_base + written;
            rest->iov_len -= written;
        }
    }
}

void workload_barrier(struct workload_thread *thread)
{
    if (thread->run->threads == 1)
        return;
    gc_backend.enter_blocked(thread->mutator);
    pthread_barrier_wait(&thread->recorder->host->barrier);
    gc_backend.leave_blocked(thread->mutator);
}
