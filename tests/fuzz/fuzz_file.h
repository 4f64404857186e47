/* fuzz_file.h: files from a fuzzer's bytes, for what reads files, in a folder of this process's own
 * that is removed when it ends. */
#ifndef TESTS_FUZZ_FILE_H
#define TESTS_FUZZ_FILE_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char fuzz_folder[64];
static pid_t fuzz_folder_owner;

static inline void fuzz_folder_remove(void)
{
    static const char *const names[] = {"run.csv", "invocations.csv", "metrics.csv", "file.csv"};
    char path[128];
    /* A child of fork has it from its parent. */
    if (getpid() != fuzz_folder_owner)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", fuzz_folder, names[i]);
        unlink(path);
    }
    rmdir(fuzz_folder);
}

/* The path of a file of the folder that holds the bytes; valid until the next call. */
static inline const char *fuzz_file(const char *name, const uint8_t *data, size_t bytes)
{
    static char path[128];
    if (fuzz_folder_owner != getpid()) {
        fuzz_folder_owner = getpid();
        snprintf(fuzz_folder, sizeof fuzz_folder, "%s/gcmeter-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
        if (!mkdtemp(fuzz_folder))
            abort();
        atexit(fuzz_folder_remove);
    }
    snprintf(path, sizeof path, "%s/%s", fuzz_folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes || close(fd))
        abort();
    return path;
}

static inline void fuzz_check(int holds)
{
    if (!holds)
        abort();
}

/* What is wrong is told in one line that can be printed. */
static inline void fuzz_check_line(const char *text)
{
    fuzz_check(*text != '\0');
    for (; *text; text++)
        fuzz_check((unsigned char)*text >= ' ' && *text != 127);
}

#endif
