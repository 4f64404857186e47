/* jemalloc_gc.h: jemalloc as a C program uses it: linked before the C library, whose malloc and
 * free it replaces in the whole process. Its own mallocx() lacks the short path that its malloc()
 * has. It aligns to 16 from 16 bytes on. */
#ifndef JEMALLOC_JEMALLOC_GC_H
#define JEMALLOC_JEMALLOC_GC_H

#include <jemalloc/jemalloc.h>
#include <stdlib.h>

#define MANUAL_ALLOC(bytes)        malloc(bytes)
#define MANUAL_ALLOC_ZEROED(bytes) calloc(1, (bytes))
#define MANUAL_FREE(object, bytes) free(object)
#define MANUAL_IS_INTERCEPTED      1

#include "gc_manual.h"

#endif
