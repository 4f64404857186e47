#include "driver/child.h"

#include "base/clock.h"
#include "data/printable.h"
#include "driver/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* In the child, after fork. Only async-signal-safe calls; errors go up the report pipe. */
static _Noreturn void become(const struct child_options *options, pid_t parent, int null_fd,
                             const int *fds, int report_fd)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (options->measured) {
        int persona = personality(0xffffffff);
        if (persona != -1 && (persona & ADDR_NO_RANDOMIZE))
            personality((unsigned long)(persona & ~ADDR_NO_RANDOMIZE));
        int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        if (score >= 0) {
            ssize_t written = write(score, "1000", 4);
            (void)written; /* a system without it still measures */
            close(score);
        }
    }
    bool ok = (!options->processors ||
               !sched_setaffinity(0, sizeof *options->processors, options->processors)) &&
              dup2(null_fd, STDIN_FILENO) >= 0 && dup2(fds[0], STDOUT_FILENO) >= 0 &&
              dup2(fds[1], STDERR_FILENO) >= 0 &&
              (fds[2] < 0 || dup2(fds[2], CHILD_RECORDS_FD) >= 0) &&
              (!options->event_log_fd || dup2(options->event_log_fd, CHILD_EVENT_LOG_FD) >= 0);
    if (ok && options->env)
        execvpe(options->path, options->argv, options->env);
    else if (ok)
        execvp(options->path, options->argv);
    int error = errno;
    ssize_t written = write(report_fd, &error, sizeof error);
    (void)written; /* the exit code says as much */
    _exit(127);
}

/* How long to wait for a process or memory to become free. */
#define FORK_PATIENCE_NS INT64_C(1000000000)

static pid_t fork_patiently(void)
{
    int64_t deadline_ns = clock_now_ns() + FORK_PATIENCE_NS;
    pid_t pid;
    while ((pid = fork()) < 0 && errno == EAGAIN && clock_now_ns() < deadline_ns)
        poll(NULL, 0, 20);
    return pid;
}

/* A pipe whose ends lie above the descriptors that the child gives new meanings to. */
static int high_pipe(int *read_end, int *write_end)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return -errno;
    int error = 0;
    *read_end = fcntl(ends[0], F_DUPFD_CLOEXEC, 10);
    *write_end = fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
    if (*read_end < 0 || *write_end < 0) {
        /* The limit on open files may be below the number that was asked for. */
        error = errno == EINVAL ? -EMFILE : -errno;
        close_fd(read_end);
        close_fd(write_end);
    }
    close(ends[0]);
    close(ends[1]);
    return error;
}

int child_start(struct child *child, const struct child_options *options)
{
    int writes[3] = {-1, -1, -1};
    int reads[3] = {-1, -1, -1};
    int report[2] = {-1, -1};
    *child = (struct child){.pid = -1, .out_fd = -1, .err_fd = -1, .records_fd = -1};
    int error = 0;
    int null_fd = -1;
    int opened = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (opened >= 0)
        null_fd = fcntl(opened, F_DUPFD_CLOEXEC, 10);
    if (null_fd < 0)
        error = errno == EINVAL ? -EMFILE : -errno;
    close_fd(&opened);
    for (int i = 0; i < (options->records ? 3 : 2) && !error; i++)
        error = high_pipe(&reads[i], &writes[i]);
    if (!error)
        error = high_pipe(&report[0], &report[1]);
    if (!error) {
        pid_t parent = getpid();
        child->pid = fork_patiently();
        if (child->pid < 0)
            error = -errno;
        else if (child->pid == 0)
            become(options, parent, null_fd, writes, report[1]);
    }
    for (int i = 0; i < 3; i++)
        close_fd(&writes[i]);
    close_fd(&report[1]);
    close_fd(&null_fd);
    if (!error) {
        setpgid(child->pid, child->pid); /* whichever of the two comes first */
        int exec_error = 0;
        ssize_t got;
        do
            got = read(report[0], &exec_error, sizeof exec_error);
        while (got < 0 && errno == EINTR);
        if (got == (ssize_t)sizeof exec_error) {
            while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
                ;
            error = -exec_error;
        }
    }
    close_fd(&report[0]);
    for (int i = 0; i < 3; i++) {
        if (error)
            close_fd(&reads[i]);
        else if (reads[i] >= 0)
            fcntl(reads[i], F_SETFL, O_NONBLOCK);
    }
    child->out_fd = reads[0];
    child->err_fd = reads[1];
    child->records_fd = reads[2];
    return error;
}

const char *child_shortage_remedy(int error)
{
    switch (-error) {
    case EMFILE:
        return "raise the limit on open files (ulimit -n 64)";
    case ENFILE:
        return "the machine has too many files open; end other programs";
    case EAGAIN:
        return "raise the limit on processes (ulimit -u), or end other programs";
    case ENOMEM:
        return "memory is short; end other programs";
    default:
        return NULL;
    }
}

void child_signal(const struct child *child, int signal_number)
{
    if (child->pid > 0)
        kill(-child->pid, signal_number);
}

void child_close(struct child *child)
{
    child_signal(child, SIGKILL);
    close_fd(&child->out_fd);
    close_fd(&child->err_fd);
    close_fd(&child->records_fd);
    child->pid = -1;
}

void last_line_feed(struct last_line *line, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] == '\n') {
            line->current[line->length] = '\0';
            if (strspn(line->current, " \t\r") < line->length)
                memcpy(line->complete, line->current, line->length + 1);
            line->length = 0;
        } else if (line->length < sizeof line->current - 1) {
            line->current[line->length++] = bytes[i];
        }
    }
}

void last_line_get(const struct last_line *line, char *text)
{
    char current[sizeof line->current];
    memcpy(current, line->current, line->length);
    current[line->length] = '\0';
    bool blank = strspn(current, " \t\r") == strlen(current);
    const char *from = blank ? line->complete : current;
    size_t n = 0;
    char plain[sizeof line->current];
    for (; from[n]; n++)
        plain[n] = (unsigned char)from[n] < ' ' || from[n] == 127 ? ' ' : from[n];
    while (n > 0 && plain[n - 1] == ' ')
        n--;
    plain[n] = '\0';
    printable_copy(text, sizeof plain, plain);
}

int child_capture(const struct child_options *options, size_t limit_bytes, int timeout_ms,
                  char **out, struct child_end *end)
{
    struct child child;
    *end = (struct child_end){0};
    int error = child_start(&child, options);
    if (error)
        return error;
    struct last_line line = {0};
    char *text = xcalloc(limit_bytes + 1, 1);
    size_t length = 0;
    int64_t deadline_ns = clock_now_ns() + (int64_t)timeout_ms * 1000000;
    struct pollfd polls[2] = {{child.out_fd, POLLIN, 0}, {child.err_fd, POLLIN, 0}};
    while ((polls[0].fd >= 0 || polls[1].fd >= 0) && !end->timed_out) {
        int64_t left_ns = deadline_ns - clock_now_ns();
        if (left_ns <= 0) {
            end->timed_out = true;
            break;
        }
        if (poll(polls, 2, (int)(left_ns / 1000000) + 1) < 0)
            continue;
        for (int i = 0; i < 2; i++) {
            char bytes[4096];
            if (polls[i].fd < 0 || !polls[i].revents)
                continue;
            ssize_t got = read(polls[i].fd, bytes, sizeof bytes);
            if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
                polls[i].fd = -1;
            } else if (got > 0 && i == 1) {
                last_line_feed(&line, bytes, (size_t)got);
            } else if (got > 0 && (size_t)got > limit_bytes - length) {
                end->timed_out = true;
            } else if (got > 0) {
                memcpy(text + length, bytes, (size_t)got);
                length += (size_t)got;
            }
        }
    }
    /* It may have closed its streams and gone on. */
    while (!end->timed_out) {
        pid_t reaped = waitpid(child.pid, &end->status, WNOHANG);
        if (reaped == child.pid)
            break;
        end->timed_out = clock_now_ns() >= deadline_ns;
        poll(NULL, 0, 1);
    }
    if (end->timed_out) {
        child_signal(&child, SIGKILL);
        while (waitpid(child.pid, &end->status, 0) < 0 && errno == EINTR)
            ;
    }
    child_close(&child);
    last_line_get(&line, end->last_line);
    text[length] = '\0';
    *out = text;
    return 0;
}
