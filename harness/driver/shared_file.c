#include "driver/shared_file.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/xalloc.h"

static char *existing(const char *folder, const char *between, const char *name)
{
    char *path = xprintf("%s/%s/%s", folder, between, name);
    char *found = access(path, R_OK) == 0 ? realpath(path, NULL) : NULL;
    free(path);
    return found;
}

char *shared_file_find(const char *in_tree, const char *name)
{
    char own[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    if (length <= 0)
        return NULL;
    own[length] = '\0';
    *strrchr(own, '/') = '\0';
    /* In the tree the program is build/HASH/bin/gcmeter. */
    char *found = existing(own, "../../..", in_tree);
    return found ? found : existing(own, "../share/gcmeter", name);
}
