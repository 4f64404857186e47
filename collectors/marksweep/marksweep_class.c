#include "marksweep_class_internal.h"

struct ms_class ms_classes[MARKSWEEP_CLASSES];

void ms_class_init(void)
{
    for (unsigned i = 0; i < MARKSWEEP_CLASSES; i++) {
        struct ms_class *c = &ms_classes[i];
        size_t slot = marksweep_slot_bytes(i);
        size_t blocks = (slot + MS_BLOCK_BYTES - 1) / MS_BLOCK_BYTES;
        while (blocks * MS_BLOCK_BYTES % slot * 8 > blocks * MS_BLOCK_BYTES)
            blocks++;
        c->slot_bytes = (uint32_t)slot;
        c->slot_granules = (uint32_t)(slot / MS_GRANULE_BYTES);
        c->blocks = (uint32_t)blocks;
        c->slots = (uint32_t)(blocks * MS_BLOCK_BYTES / slot);
        c->reciprocal = ((UINT64_C(1) << 32) + c->slot_granules - 1) / c->slot_granules;
        c->one_block = blocks == 1;
        for (uint32_t slot_index = 0; c->one_block && slot_index < c->slots; slot_index++) {
            size_t granule = (size_t)slot_index * c->slot_granules;
            c->starts[granule / 64] |= UINT64_C(1) << (granule % 64);
        }
    }
}
