/* invocation_harness.h: runs the runner's --run in a process of its own, on the fake backend and a
 * workload of the test, and hands over what it wrote. Include it once, after naming FAKE_RECLAIM if
 * need be. */
#ifndef INVOCATION_HARNESS_H
#define INVOCATION_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/command_line.h"
#include "runner/identity.h"
#include "runner/runner_invoke.h"

#include "fake_backend.h"

const struct runner_identity runner_identity = {
    .program = "gcmeter-run-fake", .backend = "fake", .flavour = "", .compiler = "", .flags = ""};

const char *runner_flavours(void)
{
    return "deep:depth=9";
}

struct result {
    int exit_code;
    char *records;
    char *out;
    char *err;
    char *journal; /* of the fake backend; "" if the process ended early */
};

static int harness_file(void)
{
    char name[] = "/tmp/gcmeter-invocation-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    return fd;
}

static char *harness_text(int fd)
{
    off_t length = lseek(fd, 0, SEEK_END);
    assert_true(length >= 0);
    char *text = malloc((size_t)length + 1);
    assert_non_null(text);
    assert_int_equal(pread(fd, text, (size_t)length, 0), length);
    text[length] = '\0';
    close(fd);
    return text;
}

/* Runs `workload` with the command line --run --workload test WORDS. The records go to a descriptor
 * of their own, or to stdout where `to_stdout`. `prepare`, unless NULL, runs first in the child. */
static struct result harness_run(const struct workload *workload, const char *words, bool to_stdout,
                                 void (*prepare)(void))
{
    int records = harness_file();
    int out = harness_file();
    int err = harness_file();
    int journal = harness_file();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char text[512];
        char *argv[32] = {NULL};
        int argc = 0;
        snprintf(text, sizeof text, "runner --run --workload test %s --records %d", words,
                 to_stdout ? STDOUT_FILENO : records);
        for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
            argv[argc++] = word;
        struct command_line line;
        char why[256];
        dup2(out, STDOUT_FILENO);
        dup2(err, STDERR_FILENO);
        if (prepare)
            prepare();
        if (command_line_parse(argc, argv, &line, why, sizeof why))
            _exit(99);
        int code = runner_invoke(&line, workload);
        if (write(journal, fake.journal, fake.journal_length) < 0)
            _exit(98);
        _exit(atomic_load(&fake.broken_rules_count) ? 97 : code);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return (struct result){
        .exit_code = WEXITSTATUS(status),
        .records = harness_text(records),
        .out = harness_text(out),
        .err = harness_text(err),
        .journal = harness_text(journal),
    };
}

static void harness_free(struct result *result)
{
    free(result->records);
    free(result->out);
    free(result->err);
    free(result->journal);
}

/* The first record that begins with `start`, or NULL. */
static inline const char *harness_find(const char *records, const char *start)
{
    for (const char *line = records; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, start, strlen(start)) == 0)
            return line;
    }
    return NULL;
}

static inline size_t harness_count(const char *records, const char *start)
{
    size_t count = 0;
    while ((records = harness_find(records, start))) {
        records += strlen(start);
        count++;
    }
    return count;
}

/* Value of a metric that must be there. */
static inline int64_t harness_metric(const char *records, const char *name)
{
    char start[64];
    int length = snprintf(start, sizeof start, "metric,%s,", name);
    const char *line = harness_find(records, start);
    if (!line)
        fail_msg("no record metric,%s", name);
    return strtoll(line + length, NULL, 10);
}

static inline void assert_no_metric(const char *records, const char *name)
{
    char start[64];
    snprintf(start, sizeof start, "metric,%s", name);
    if (harness_find(records, start))
        fail_msg("there is a record metric,%s", name);
}

static inline void assert_record(const char *records, const char *record)
{
    const char *line = harness_find(records, record);
    if (!line || line[strlen(record)] != '\n')
        fail_msg("no record %s in:\n%.2000s", record, records ? records : "");
}

#endif
