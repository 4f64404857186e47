/* planted_stop.h: a stop of known length inside the collector, for tests: with
 * GCMETER_TEST_STOP_NS=N in its environment a runner makes the first stop of the measured part last
 * N nanoseconds longer, by waiting in gc_listener.stopped, and flags the invocation `planted_stop`.
 * With GCMETER_TEST_STOP_AFTER_NS=A it is the first one A nanoseconds after its beginning. */
#ifndef RUNNER_PLANTED_STOP_H
#define RUNNER_PLANTED_STOP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct planted_stop {
    int64_t duration_ns; /* 0: none */
    int64_t after_ns;
    int64_t due_ns; /* CLOCK_MONOTONIC */
    atomic_bool is_due;
};

/* Reads the environment. 0, or -EINVAL with one line in `why`. */
int planted_stop_init(struct planted_stop *stop, char *why, size_t why_bytes);

/* The measured part has begun at `begin_ns`, of CLOCK_MONOTONIC. */
void planted_stop_arm(struct planted_stop *stop, int64_t begin_ns);

/* Inside a stop, as gc_listener.stopped allows: waits if this is the one. */
void planted_stop_wait(struct planted_stop *stop);

#endif
