/* child.h: starts a program in a process group of its own, and ends it. */
#ifndef DRIVER_CHILD_H
#define DRIVER_CHILD_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct child {
    pid_t pid;  /* also its process group */
    int out_fd; /* read ends, non-blocking, close-on-exec */
    int err_fd;
    int records_fd; /* -1 unless asked for */
};

/* The descriptor on which the child writes records. */
#define CHILD_RECORDS_FD 3
/* And that of its event log. */
#define CHILD_EVENT_LOG_FD 4

struct child_options {
    const char *path;            /* the program; without a slash it is looked up in PATH */
    char *const *argv;           /* NULL-terminated */
    char *const *env;            /* NULL-terminated, or NULL: the driver's own */
    bool records;                /* give it CHILD_RECORDS_FD */
    int event_log_fd;            /* from 10 on, to become CHILD_EVENT_LOG_FD; 0: none */
    bool measured;               /* raise its oom_score_adj, and make sure that ASLR is on */
    const cpu_set_t *processors; /* on which alone it may run; NULL: the driver's */
};

/* Starts it with stdin from /dev/null and no signal blocked; it dies with this thread. On failure
 * returns the negative errno of pipe, fork or exec, and there is no process. */
int child_start(struct child *child, const struct child_options *options);

/* What to do about an error of child_start(), or of opening files, that is no fault of the program
 * but a want of the machine; NULL for others. */
const char *child_shortage_remedy(int error);

/* Signals the whole group, of which nothing may be left. */
void child_signal(const struct child *child, int signal_number);

/* Closes what is open and kills what is left of the group. The leader has been reaped. */
void child_close(struct child *child);

/* How a program ended that was run to its end. */
struct child_end {
    bool timed_out;
    int status;          /* as of wait(2) */
    char last_line[256]; /* of stderr that is not blank, as text_clean() leaves it */
};

/* Runs `path` and returns its stdout in *out, terminated, to be freed by the caller: at most
 * `limit_bytes`, more is a time-out. After timeout_ms its group is killed. Returns 0, or the
 * negative errno of child_start() and then no *out. */
int child_capture(const struct child_options *options, size_t limit_bytes, int timeout_ms,
                  char **out, struct child_end *end);

/* Keeps the last line that is not blank of a stream that comes in pieces. */
struct last_line {
    char current[256];
    char complete[256];
    size_t length;
};

void last_line_feed(struct last_line *line, const char *bytes, size_t count);

/* The line, with what cannot be printed replaced by blanks; in `text` of at least 256 bytes. */
void last_line_get(const struct last_line *line, char *text);

#endif
