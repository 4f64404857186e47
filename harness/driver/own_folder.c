#include "driver/own_folder.h"

#include "driver/xalloc.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

char *own_folder_find(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length > 0) {
        path[length] = '\0';
    } else {
        /* Without /proc, the kernel still has told the path that was executed. */
        unsigned long called = getauxval(AT_EXECFN);
        if (!called || !realpath((const char *)called, path))
            return NULL;
    }
    char *slash = strrchr(path, '/');
    if (!slash)
        return NULL;
    slash[slash == path] = '\0';
    return xstrdup(path);
}
