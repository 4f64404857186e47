/* gc_slots.c: see gc_slots.h. Attaching is rare, so one lock and a linear search serve. */
#include "gc_slots.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *slots;
static bool *taken; /* one per slot, in the same mapping */
static size_t stride;
static uint32_t slots_count;

int gc_slots_init(uint32_t count, size_t slot_bytes)
{
    if (count == 0)
        return -EINVAL;
    stride = (slot_bytes + 127) / 128 * 128;
    void *p = mmap(NULL, count * (stride + sizeof *taken), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return -ENOMEM;
    slots = p;
    taken = (bool *)(slots + count * stride);
    slots_count = count;
    return 0;
}

void *gc_slots_take(uint32_t *index)
{
    void *slot = NULL;
    pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i < slots_count && !slot; i++) {
        if (!taken[i]) {
            taken[i] = true;
            *index = i;
            slot = slots + i * stride;
        }
    }
    pthread_mutex_unlock(&lock);
    if (!slot)
        errno = EAGAIN;
    return slot;
}

void gc_slots_release(uint32_t index)
{
    pthread_mutex_lock(&lock);
    taken[index] = false;
    pthread_mutex_unlock(&lock);
}
