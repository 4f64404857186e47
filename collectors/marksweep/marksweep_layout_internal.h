/* marksweep_layout_internal.h: what marking needs to know of an object, shared by many types.
 *
 * A *layout* is a pointer map without a name or a size. All leaf types share layout 0, and types
 * whose maps are equal share one. A span holds objects of one layout only, so the layout of an
 * object is found from its address and objects need no header. When all numbers are given out,
 * further types get MS_LAYOUT_CONSERVATIVE, whose objects are scanned word by word; that is sound
 * because objects never move, and retains at most what such words happen to name.
 */
#ifndef MARKSWEEP_LAYOUT_INTERNAL_H
#define MARKSWEEP_LAYOUT_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "marksweep_class_internal.h"

#define MS_LAYOUTS             64u
#define MS_LAYOUT_LEAF         0u
#define MS_LAYOUT_CONSERVATIVE 1u
#define MS_LAYOUT_WEAK         2u /* marksweep_weak_internal.h's; records without references */
#define MS_LAYOUT_EPHEMERON    3u

enum ms_layout_kind {
    MS_SCAN_LEAF,         /* no references */
    MS_SCAN_RECORD,       /* fixed_pointers, nothing beyond */
    MS_SCAN_POINTERS,     /* an array of references and nothing else */
    MS_SCAN_ELEMENTS,     /* a fixed part, then elements up to the end of the slot */
    MS_SCAN_CONSERVATIVE, /* any word may be the start of an object */
};

/* Where the references of a slot are, elements included, so that most objects are scanned alike
 * whatever their kind. `map` is 0 where 64 words cannot say; where its bits are neighbours, they
 * are bits [first, first + count), else count is 0. */
struct ms_slot_scan {
    uint64_t map;
    uint32_t first;
    uint32_t count;
};

struct ms_layout {
    enum ms_layout_kind kind;
    uint32_t fixed_bytes;   /* 0 for a record */
    uint32_t element_bytes; /* 0 for a record */
    uint64_t fixed_pointers;
    uint64_t element_pointers;
    /* By size class, the last being that of large objects. */
    struct ms_slot_scan slots[MARKSWEEP_CLASSES + 1];
};

extern struct ms_layout ms_layouts[MS_LAYOUTS];

void ms_layout_init(void);

/* Gives the type its layout and sets type->backend_word. Registering a type again changes nothing.
 * Returns 0, -EINVAL for a map that does not fit its sizes, -ENOMEM where the heap limit leaves no
 * room for the mutators' new rows. Takes the heap lock. */
int ms_layout_register(struct gc_type *type);

/* Layouts given out so far. Under the heap lock. */
unsigned ms_layout_count(void);

/* Whether tracing reads the bytes between what was asked for and the end of the slot. Holes of such
 * layouts are zeroed when they are taken. */
static inline int ms_layout_reads_slack(unsigned layout)
{
    return ms_layouts[layout].kind >= MS_SCAN_POINTERS;
}

#endif
