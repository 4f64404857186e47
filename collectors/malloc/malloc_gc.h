/* malloc_gc.h: the C library's malloc and free, called as a C program calls them. glibc aligns to
 * 16 on both machines. */
#ifndef MALLOC_MALLOC_GC_H
#define MALLOC_MALLOC_GC_H

#include <stdlib.h>

#ifdef GC_FLAVOUR_CENSUS
#include "malloc/malloc_census.h"
#define MANUAL_ALLOC(bytes)        census_alloc(type, (bytes))
#define MANUAL_ALLOC_ZEROED(bytes) census_alloc_zeroed(type, (bytes))
#define MANUAL_FREE(object, bytes) census_free((object), (bytes))
#else
#define MANUAL_ALLOC(bytes)        malloc(bytes)
#define MANUAL_ALLOC_ZEROED(bytes) calloc(1, (bytes))
#define MANUAL_FREE(object, bytes) free(object)
#endif
#define MANUAL_IS_INTERCEPTED 1

#include "gc_manual.h"

#endif
