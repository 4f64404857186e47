/* fuzz_replay.c: the main program of a fuzz target where there is no fuzzer: runs every input of
 * the kept corpus, the empty one, and a few made of random numbers, each in a child process, and
 * reports them as TAP. With arguments: these files instead, each a crash to look into.
 *
 * A target is tests/fuzz/NAME_fuzz.c with LLVMFuzzerTestOneInput, and LLVMFuzzerInitialize where
 * something must be started first; its corpus is tests/fuzz/corpus/NAME.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { RANDOM_INPUTS = 16, RANDOM_BYTES = 4096, INPUT_TIMEOUT_S = 60 };

static int numbered_count;
static int failed_count;

static int run_in_child(const uint8_t *data, size_t bytes, int argc, char **argv)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(INPUT_TIMEOUT_S);
        if (LLVMFuzzerInitialize)
            LLVMFuzzerInitialize(&argc, &argv);
        exit(LLVMFuzzerTestOneInput(data, bytes));
    }
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return -1;
    return status;
}

static void run_input(const char *name, const uint8_t *data, size_t bytes, int argc, char **argv)
{
    int status = run_in_child(data, bytes, argc, argv);
    printf("%s %d - %s\n", status == 0 ? "ok" : "not ok", ++numbered_count, name);
    if (status != 0) {
        failed_count++;
        printf("# %s: %s %d\n", name,
               status > 0 && WIFSIGNALED(status) ? "killed by signal" : "ended with",
               status > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
}

static void run_file(const char *path, int argc, char **argv)
{
    uint8_t *data = NULL;
    size_t bytes = 0;
    FILE *f = fopen(path, "rb");
    if (f && fseek(f, 0, SEEK_END) == 0) {
        bytes = (size_t)ftell(f);
        rewind(f);
        /* Of exactly that size, so that a sanitizer sees a read beyond it. */
        data = malloc(bytes ? bytes : 1);
    }
    if (!data || fread(data, 1, bytes, f) != bytes) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(2);
    }
    fclose(f);
    run_input(path, data, bytes, argc, argv);
    free(data);
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* tests/fuzz/corpus/NAME of a program NAME_fuzz. */
static void corpus_path(char *path, size_t path_bytes, const char *program)
{
    const char *name = strrchr(program, '/');
    name = name ? name + 1 : program;
    size_t length = strlen(name);
    const char suffix[] = "_fuzz";
    if (length > strlen(suffix) && strcmp(name + length - strlen(suffix), suffix) == 0)
        length -= strlen(suffix);
    snprintf(path, path_bytes, "tests/fuzz/corpus/%.*s", (int)length, name);
}

static void run_corpus(const struct dirent *const *entries, int count, const char *folder, int argc,
                       char **argv)
{
    char path[4096];
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        run_file(path, argc, argv);
    }
}

static void run_random(int argc, char **argv)
{
    static uint8_t data[RANDOM_BYTES];
    for (uint64_t i = 0; i < RANDOM_INPUTS; i++) {
        struct rng rng;
        char name[64];
        rng_seed(&rng, 1, i);
        size_t bytes = rng_below(&rng, sizeof data);
        for (size_t b = 0; b < bytes; b++)
            data[b] = (uint8_t)rng_next(&rng);
        uint8_t *exact = malloc(bytes ? bytes : 1);
        if (!exact)
            exit(3);
        memcpy(exact, data, bytes);
        snprintf(name, sizeof name, "random input %d", (int)i);
        run_input(name, exact, bytes, argc, argv);
        free(exact);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        printf("1..%d\n", argc - 1);
        for (int i = 1; i < argc; i++)
            run_file(argv[i], argc, argv);
        return failed_count > 0;
    }
    char folder[2048];
    struct dirent **entries = NULL;
    corpus_path(folder, sizeof folder, argv[0]);
    int count = scandir(folder, &entries, is_input, alphasort);
    if (count < 0) {
        fprintf(stderr, "%s: %s; run this from the top of the source tree\n", folder,
                strerror(errno));
        return 2;
    }
    printf("1..%d\n", count + 1 + RANDOM_INPUTS);
    run_input("the empty input", (const uint8_t *)"", 0, argc, argv);
    run_corpus((const struct dirent *const *)entries, count, folder, argc, argv);
    run_random(argc, argv);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return failed_count > 0;
}
