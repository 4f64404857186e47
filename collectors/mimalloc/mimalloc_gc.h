/* mimalloc_gc.h: mimalloc by its own names, so that nothing else of the process uses it. It aligns
 * to 16 from 16 bytes on (mimalloc.h, MI_MAX_ALIGN_SIZE). */
#ifndef MIMALLOC_MIMALLOC_GC_H
#define MIMALLOC_MIMALLOC_GC_H

#include <mimalloc.h>

#define MANUAL_ALLOC(bytes)        mi_malloc(bytes)
#define MANUAL_ALLOC_ZEROED(bytes) mi_zalloc(bytes)
#define MANUAL_FREE(object, bytes) mi_free(object)
#define MANUAL_IS_INTERCEPTED      0

#include "gc_manual.h"

#endif
