/* tcmalloc_gc.h: gperftools' tcmalloc by its own names, of which its malloc and free are aliases.
 * It aligns to 16 from 16 bytes on. */
#ifndef TCMALLOC_TCMALLOC_GC_H
#define TCMALLOC_TCMALLOC_GC_H

#include <gperftools/tcmalloc.h>

#define MANUAL_ALLOC(bytes)        tc_malloc(bytes)
#define MANUAL_ALLOC_ZEROED(bytes) tc_calloc(1, (bytes))
#define MANUAL_FREE(object, bytes) tc_free(object)
#define MANUAL_IS_INTERCEPTED      0

#include "gc_manual.h"

#endif
