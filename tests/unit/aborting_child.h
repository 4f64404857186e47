/* aborting_child.h: what a process says before it aborts. Include after cmocka.h. */
#ifndef TESTS_ABORTING_CHILD_H
#define TESTS_ABORTING_CHILD_H

#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `act` in a child, which has to abort in it. `text`, of `size` bytes, gets what it wrote to
 * stderr. */
static inline void expect_abort(void (*act)(void), char *text, size_t size)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        act();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    ssize_t got;
    while ((got = read(ends[0], text + length, size - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#endif
