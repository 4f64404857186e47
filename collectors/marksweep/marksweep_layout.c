#include "marksweep_layout_internal.h"

#include <errno.h>

#include "marksweep_heap_internal.h"
#include "marksweep_mutator_internal.h"

#define LINE_BYTES 64u

struct ms_layout ms_layouts[MS_LAYOUTS];
struct ms_slot_scan ms_slot_scans[MS_KINDS];
static unsigned layout_count;

void ms_layout_init(void)
{
    ms_layouts[MS_LAYOUT_LEAF] = (struct ms_layout){.kind = MS_SCAN_LEAF};
    ms_layouts[MS_LAYOUT_CONSERVATIVE] = (struct ms_layout){.kind = MS_SCAN_CONSERVATIVE};
    ms_layouts[MS_LAYOUT_WEAK] = (struct ms_layout){.kind = MS_SCAN_RECORD};
    ms_layouts[MS_LAYOUT_EPHEMERON] = (struct ms_layout){.kind = MS_SCAN_RECORD};
    layout_count = 4;
}

unsigned ms_layout_count(void)
{
    return layout_count;
}

static int same_layout(const struct ms_layout *a, const struct ms_layout *b)
{
    return a->kind == b->kind && a->fixed_bytes == b->fixed_bytes &&
           a->element_bytes == b->element_bytes && a->fixed_pointers == b->fixed_pointers &&
           a->element_pointers == b->element_pointers;
}

/* Every bit of a map must lie inside its part. */
static int map_fits(uint64_t map, uint32_t bytes)
{
    uint32_t words = bytes / 8;
    return words >= 64 || (map >> words) == 0;
}

/* Elements are taken to go on to the end of the slot, as everywhere in tracing. */
static uint64_t slot_map(const struct ms_layout *layout, size_t slot_bytes)
{
    uint64_t map = layout->fixed_pointers;
    if (layout->kind == MS_SCAN_POINTERS || layout->kind == MS_SCAN_ELEMENTS) {
        if (slot_bytes > 64 * sizeof(void *))
            return 0;
        for (size_t offset = layout->fixed_bytes; offset + layout->element_bytes <= slot_bytes;
             offset += layout->element_bytes)
            map |= layout->element_pointers << offset / 8;
    }
    if (slot_bytes / 8 < 64)
        map &= (UINT64_C(1) << slot_bytes / 8) - 1;
    return map;
}

static struct ms_slot_scan slot_scan(uint64_t map)
{
    struct ms_slot_scan scan = {.map = map};
    unsigned first = map == 0 ? 0 : (unsigned)__builtin_ctzll(map);
    uint64_t shifted = map >> first;
    if ((shifted & (shifted + 1)) == 0) {
        scan.first = first;
        scan.count = (unsigned)__builtin_popcountll(map);
    }
    return scan;
}

static struct ms_layout layout_of(const struct gc_type *type)
{
    if (gc_type_is_leaf(type))
        return ms_layouts[MS_LAYOUT_LEAF];
    struct ms_layout layout = {
        .kind = MS_SCAN_RECORD,
        .fixed_pointers = type->fixed_pointers,
    };
    if (type->element_pointers != 0) {
        layout.fixed_bytes = type->fixed_bytes;
        layout.element_bytes = type->element_bytes;
        layout.element_pointers = type->element_pointers;
        layout.kind = type->fixed_bytes == 0 && type->element_bytes == sizeof(void *)
                          ? MS_SCAN_POINTERS
                          : MS_SCAN_ELEMENTS;
    }
    return layout;
}

/* Slots begin at multiples of their size, and large objects with a block. */
static bool may_lie_in_two_lines(unsigned size_class)
{
    size_t slot_bytes = marksweep_slot_bytes(size_class);
    return size_class != MS_CLASS_LARGE && LINE_BYTES % slot_bytes != 0 &&
           slot_bytes % LINE_BYTES != 0;
}

ms_kind ms_kind_of(unsigned layout, unsigned size_class)
{
    unsigned kind = layout << MS_KIND_LAYOUT_SHIFT | size_class;
    if (layout != MS_LAYOUT_LEAF && may_lie_in_two_lines(size_class))
        kind |= MS_KIND_TWO_LINES;
    return (ms_kind)kind;
}

static void fill_slot_scans(unsigned number)
{
    const struct ms_layout *layout = &ms_layouts[number];
    for (unsigned i = 0; i < MARKSWEEP_CLASSES; i++)
        ms_slot_scans[ms_kind_of(number, i)] = slot_scan(slot_map(layout, marksweep_slot_bytes(i)));
    ms_slot_scans[ms_kind_of(number, MS_CLASS_LARGE)] = slot_scan(slot_map(layout, SIZE_MAX));
}

int ms_layout_register(struct gc_type *type)
{
    if (!gc_type_is_leaf(type) && (type->fixed_bytes % 8 != 0 || type->element_bytes % 8 != 0 ||
                                   !map_fits(type->fixed_pointers, type->fixed_bytes) ||
                                   !map_fits(type->element_pointers, type->element_bytes)))
        return -EINVAL;
    struct ms_layout layout = layout_of(type);
    int result = 0;
    ms_heap_lock();
    unsigned i = 0;
    while (i < layout_count && !same_layout(&ms_layouts[i], &layout))
        i++;
    if (i == MS_LAYOUTS) {
        i = MS_LAYOUT_CONSERVATIVE;
    } else if (i == layout_count) {
        result = ms_heap_charge_layout();
        if (result == 0) {
            ms_layouts[i] = layout;
            fill_slot_scans(i);
            layout_count++;
        }
    }
    if (result == 0)
        type->backend_word = ms_mutator_row(i);
    ms_heap_unlock();
    return result;
}
