#include "driver/memory_sampler.h"

#include "base/clock.h"
#include "driver/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* Of the one percent of wall time that the sampler may take, what is left over is for the last
 * sample. */
#define CPU_SHARE_MAX 0.009

/* What smaps_rollup costs before it has been measured: 10 ms per GiB. At 1000 times its cost apart
 * its readings take a tenth of a percent: where waking up is dear, those of statm take nearly all
 * of the one that the sampler may take. */
#define ROLLUP_COST_NS_PER_GIB 1e7
enum { ROLLUP_COST_MIN_NS = 50000, ROLLUP_INTERVAL = 1000 };

struct memory_sampler {
    int statm_fd;
    int rollup_fd; /* -1 where the kernel has none */
    uint64_t page_bytes;
    bool running;
    int64_t rollup_end_ns;     /* of the last one; at first, when sampling began */
    double rollup_ns_per_byte; /* as last measured, at least as assumed */
    uint64_t lazyfree_bytes;   /* as last read */
    struct memory_sample *samples;
    size_t count;
    unsigned keep_every; /* a power of two */
    uint64_t taken_count;
    double sum_bytes;
};

struct memory_sampler *memory_sampler_create(pid_t pid)
{
    char path[64];
    struct memory_sampler *s = xcalloc(1, sizeof *s);
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    s->statm_fd = open(path, O_RDONLY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    s->rollup_fd = open(path, O_RDONLY | O_CLOEXEC);
    bool short_of_files = s->rollup_fd < 0 && (errno == EMFILE || errno == ENFILE);
    if (s->statm_fd < 0 || short_of_files) {
        int error = errno;
        if (s->statm_fd >= 0)
            close(s->statm_fd);
        if (s->rollup_fd >= 0)
            close(s->rollup_fd);
        free(s);
        errno = error;
        return NULL;
    }
    s->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    s->samples = xcalloc(MEMORY_SAMPLES_MAX, sizeof *s->samples);
    s->keep_every = 1;
    return s;
}

void memory_sampler_free(struct memory_sampler *s)
{
    if (!s)
        return;
    close(s->statm_fd);
    if (s->rollup_fd >= 0)
        close(s->rollup_fd);
    free(s->samples);
    free(s);
}

static uint64_t read_rss(const struct memory_sampler *s)
{
    char text[128];
    ssize_t length = pread(s->statm_fd, text, sizeof text - 1, 0);
    if (length <= 0)
        return 0;
    text[length] = '\0';
    uint64_t size_pages, resident_pages;
    if (sscanf(text, "%" SCNu64 " %" SCNu64, &size_pages, &resident_pages) != 2)
        return 0;
    return resident_pages * s->page_bytes;
}

/* The file holds the process's map lock while it walks the page tables. */
static void read_lazyfree(struct memory_sampler *s, uint64_t rss_bytes, uint64_t *bytes)
{
    char text[4096];
    int64_t start_ns = clock_now_ns();
    ssize_t length = pread(s->rollup_fd, text, sizeof text - 1, 0);
    s->rollup_end_ns = clock_now_ns();
    double ns_per_byte = (double)(s->rollup_end_ns - start_ns) / (double)rss_bytes;
    s->rollup_ns_per_byte = fmax(ns_per_byte, ROLLUP_COST_NS_PER_GIB / 0x1p30);
    text[length > 0 ? length : 0] = '\0';
    const char *line = strstr(text, "LazyFree:");
    uint64_t kib;
    if (line && sscanf(line, "LazyFree: %" SCNu64, &kib) == 1) {
        *bytes = kib * 1024;
        s->lazyfree_bytes = *bytes;
    }
}

/* By what it would cost now: a heap that has grown since the last reading makes the next one
 * dearer. */
static bool rollup_is_due(const struct memory_sampler *s, const struct memory_sample *sample)
{
    double cost_ns = fmax(s->rollup_ns_per_byte * (double)sample->rss_bytes, ROLLUP_COST_MIN_NS);
    return (double)(sample->t_ns - s->rollup_end_ns) >= cost_ns * ROLLUP_INTERVAL;
}

static void record(struct memory_sampler *s, const struct memory_sample *sample)
{
    s->sum_bytes +=
        (double)(sample->rss_bytes > s->lazyfree_bytes ? sample->rss_bytes - s->lazyfree_bytes : 0);
    bool keep = s->taken_count++ % s->keep_every == 0 || sample->lazyfree_bytes != MEMORY_UNKNOWN;
    if (!keep)
        return;
    if (s->count == MEMORY_SAMPLES_MAX) {
        for (size_t i = 0; i < MEMORY_SAMPLES_MAX / 2; i++)
            s->samples[i] = s->samples[2 * i];
        s->count = MEMORY_SAMPLES_MAX / 2;
        s->keep_every *= 2;
    }
    s->samples[s->count++] = *sample;
}

void memory_sampler_begin(struct memory_sampler *s)
{
    s->running = true;
    s->count = 0;
    s->taken_count = 0;
    s->keep_every = 1;
    s->sum_bytes = 0;
    s->rollup_end_ns = clock_now_ns();
    s->rollup_ns_per_byte = ROLLUP_COST_NS_PER_GIB / 0x1p30;
    s->lazyfree_bytes = 0;
    memory_sampler_take(s);
}

static uint64_t take(struct memory_sampler *s, bool want_lazyfree)
{
    struct memory_sample sample = {.t_ns = clock_now_ns(), .lazyfree_bytes = MEMORY_UNKNOWN};
    sample.rss_bytes = read_rss(s);
    if (!s->running || sample.rss_bytes == 0)
        return sample.rss_bytes;
    if (s->rollup_fd >= 0 && (want_lazyfree || rollup_is_due(s, &sample)))
        read_lazyfree(s, sample.rss_bytes, &sample.lazyfree_bytes);
    record(s, &sample);
    return sample.rss_bytes;
}

uint64_t memory_sampler_take(struct memory_sampler *s)
{
    return take(s, false);
}

int64_t memory_sampler_due_ns(int64_t begin_ns, int64_t now_ns, int64_t cpu_ns)
{
    int64_t within_share_ns = begin_ns + (int64_t)((double)cpu_ns / CPU_SHARE_MAX);
    int64_t least_ns = now_ns + MEMORY_SAMPLE_PERIOD_NS;
    int64_t most_ns = now_ns + MEMORY_SAMPLE_PERIOD_MAX_NS;
    return within_share_ns < least_ns  ? least_ns
           : within_share_ns > most_ns ? most_ns
                                       : within_share_ns;
}

void memory_sampler_end(struct memory_sampler *s)
{
    take(s, true);
    s->running = false;
}

const struct memory_sample *memory_sampler_series(const struct memory_sampler *s, size_t *count)
{
    *count = s->count;
    return s->samples;
}

uint64_t memory_sampler_mean_bytes(const struct memory_sampler *s)
{
    return s->taken_count ? (uint64_t)(s->sum_bytes / (double)s->taken_count) : MEMORY_UNKNOWN;
}

int64_t memory_sampler_statm_cost_ns(void)
{
    enum { READINGS = 200 };
    struct memory_sampler *s = memory_sampler_create(getpid());
    if (!s)
        return 0;
    int64_t start_ns = clock_now_ns();
    for (int i = 0; i < READINGS; i++)
        read_rss(s);
    int64_t cost_ns = (clock_now_ns() - start_ns) / READINGS;
    memory_sampler_free(s);
    return cost_ns;
}

static bool read_number(const char *path, uint64_t *value)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    bool found = fscanf(file, "%" SCNu64, value) == 1; /* `max` is no number: no limit */
    fclose(file);
    return found;
}

/* Lowers *bytes to the limit of the control group `group`, or of one above it. */
static void apply_groups(const char *mount, const char *group, const char *limit_name,
                         uint64_t *bytes)
{
    char *folder = xstrdup(group);
    for (;;) {
        uint64_t limit;
        char *path = xprintf("%s%s/%s", mount, folder, limit_name);
        if (read_number(path, &limit) && limit < *bytes)
            *bytes = limit;
        free(path);
        char *slash = strrchr(folder, '/');
        if (!slash)
            break;
        *slash = '\0';
    }
    free(folder);
}

/* Without /proc/meminfo the kernel does not say how much of what it caches it would give up, so
 * what is free is all that is certain. */
static uint64_t free_bytes(void)
{
    struct sysinfo info;
    if (sysinfo(&info))
        return (uint64_t)INT64_MAX;
    return ((uint64_t)info.freeram + info.bufferram) * info.mem_unit;
}

uint64_t memory_cap_bytes(void)
{
    uint64_t available = UINT64_MAX;
    char line[512];
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof line, file)) {
        uint64_t kib;
        if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
            available = kib * 1024;
    }
    if (file)
        fclose(file);
    if (available == UINT64_MAX)
        available = free_bytes();
    file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        /* HIERARCHY:CONTROLLERS:PATH; version 2 has hierarchy 0 and no controllers. */
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = '\0';
        if (!strncmp(line, "0:", 2))
            apply_groups("/sys/fs/cgroup", group, "memory.max", &available);
        else if (strstr(controllers, "memory"))
            apply_groups("/sys/fs/cgroup/memory", group, "memory.limit_in_bytes", &available);
    }
    if (file)
        fclose(file);
    return available / 4 * 3;
}
