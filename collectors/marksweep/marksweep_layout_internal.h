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

#define MS_CLASS_LARGE MARKSWEEP_CLASSES /* of an object with blocks of its own */

/* Layout and size class (or MS_CLASS_LARGE) of an object, and whether it may lie in two cache
 * lines, as one number, so that marking loads it once and finds the rest at that index of
 * ms_slot_scans. Kinds of leaves are those below MS_KIND_REFERENCES. */
typedef uint16_t ms_kind;
#define MS_KIND_LAYOUT_SHIFT 7u
#define MS_KIND_TWO_LINES    (MS_LAYOUTS << MS_KIND_LAYOUT_SHIFT) /* never of leaves */
#define MS_KIND_REFERENCES   (1u << MS_KIND_LAYOUT_SHIFT)
#define MS_KINDS             (2 * MS_KIND_TWO_LINES)
_Static_assert(MS_CLASS_LARGE < MS_KIND_REFERENCES, "a size class needs more bits");
_Static_assert(MS_KINDS - 1 <= UINT16_MAX, "a kind needs more bits");

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
};

extern struct ms_layout ms_layouts[MS_LAYOUTS];
extern struct ms_slot_scan ms_slot_scans[MS_KINDS];

void ms_layout_init(void);

/* Gives the type its layout and sets type->backend_word. Registering a type again changes nothing.
 * Returns 0, -EINVAL for a map that does not fit its sizes, -ENOMEM where the heap limit leaves no
 * room for the mutators' new rows. Takes the heap lock. */
int ms_layout_register(struct gc_type *type);

/* Layouts given out so far. Under the heap lock. */
unsigned ms_layout_count(void);

/* The kind of objects of this layout and class. */
ms_kind ms_kind_of(unsigned layout, unsigned size_class);

static inline unsigned ms_kind_layout(ms_kind kind)
{
    return kind >> MS_KIND_LAYOUT_SHIFT & (MS_LAYOUTS - 1);
}

static inline unsigned ms_kind_class(ms_kind kind)
{
    return kind & (MS_KIND_REFERENCES - 1);
}

/* Index of the holes of small objects of this kind, and of the list of partly free spans. */
static inline size_t ms_kind_list(ms_kind kind)
{
    return (size_t)ms_kind_layout(kind) * MARKSWEEP_CLASSES + ms_kind_class(kind);
}

/* Whether tracing reads the bytes between what was asked for and the end of the slot. Holes of such
 * layouts are zeroed when they are taken. */
static inline int ms_layout_reads_slack(unsigned layout)
{
    return ms_layouts[layout].kind >= MS_SCAN_POINTERS;
}

#endif
