#include "driver/shared_file.h"

#include <stdlib.h>
#include <unistd.h>

#include "driver/own_folder.h"
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
    char *own = own_folder_find();
    if (!own)
        return NULL;
    /* In the tree the program is build/HASH/bin/gcmeter. */
    char *found = existing(own, "../../..", in_tree);
    if (!found)
        found = existing(own, "../share/gcmeter", name);
    free(own);
    return found;
}
