#include "driver/steal.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

int64_t steal_read_ns(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    uint64_t steal;
    int found = fscanf(file, "cpu %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &steal);
    fclose(file);
    return found == 1 ? (int64_t)steal * (1000000000 / sysconf(_SC_CLK_TCK)) : -1;
}
