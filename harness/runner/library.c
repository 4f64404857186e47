#include "library.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gc_backend.h"
#include "identity.h"

void library_path(char *path, size_t path_bytes)
{
    Dl_info library, own;
    path[0] = '\0';
    if (!gc_backend.library_symbol || !dladdr(gc_backend.library_symbol, &library) ||
        !dladdr(&runner_identity, &own))
        return;
    /* In an executable that is not position-independent, the address of a library's function is
     * that of a stub in the executable; the function itself comes next in search order. */
    if (library.dli_fbase == own.dli_fbase && library.dli_sname) {
        void *real = dlsym(RTLD_NEXT, library.dli_sname);
        if (!real || !dladdr(real, &library))
            return;
    }
    if (library.dli_fbase == own.dli_fbase)
        return;
    char resolved[PATH_MAX];
    const char *name = realpath(library.dli_fname, resolved) ? resolved : library.dli_fname;
    snprintf(path, path_bytes, "%s", name);
}

int library_check(char *why, size_t why_bytes)
{
    const char *loaded = gc_backend.version();
    const char *headers = gc_backend.header_version();
    if (strcmp(loaded, headers) == 0)
        return 0;
    char path[PATH_MAX];
    library_path(path, sizeof path);
    snprintf(why, why_bytes,
             "built against the headers of %s %s, but %s is version %s: rebuild it against the "
             "headers of that library",
             gc_backend.name, headers, path[0] ? path : "the library", loaded);
    return -ELIBACC;
}
