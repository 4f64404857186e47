/* gc_slots.h: one slot of memory per attached mutator, for backends that need little more than an
 * index for each thread. Slots are zeroed, 128 bytes apart or more, outside every heap, and used
 * again after their thread has detached. */
#ifndef GC_SLOTS_H
#define GC_SLOTS_H

#include <stddef.h>
#include <stdint.h>

/* Once per process. 0, -EINVAL (count is 0) or -ENOMEM. */
int gc_slots_init(uint32_t count, size_t slot_bytes);

/* The free slot with the lowest index, as it was left by its last user, or NULL with errno EAGAIN
 * where all are taken. Thread-safe, as is the next. */
void *gc_slots_take(uint32_t *index);
void gc_slots_release(uint32_t index);

#endif
