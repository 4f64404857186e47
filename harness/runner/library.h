/* library.h: the backend's library that was really loaded. */
#ifndef RUNNER_LIBRARY_H
#define RUNNER_LIBRARY_H

#include <stddef.h>

/* Writes the resolved path of the shared library that holds gc_backend.library_symbol to `path` (of
 * path_bytes, at least PATH_MAX), or "" where the backend is part of the executable. */
void library_path(char *path, size_t path_bytes);

/* 0 if the loaded library is the one that the headers describe, else -ELIBACC with one line in
 * `why` (of why_bytes, always terminated) that says what is wrong and how to mend it. */
int library_check(char *why, size_t why_bytes);

#endif
