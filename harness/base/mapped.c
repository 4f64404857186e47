#include "mapped.h"

#include <sys/mman.h>

static void *map(size_t bytes, int populate)
{
    void *memory =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | populate, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

void *mapped_new(size_t bytes)
{
    return map(bytes, MAP_POPULATE);
}

void *mapped_new_lazy(size_t bytes)
{
    return map(bytes, 0);
}

void *mapped_file(int fd, int64_t offset, size_t bytes, bool backed)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | (backed ? MAP_POPULATE : 0), fd, offset);
    return memory == MAP_FAILED ? NULL : memory;
}

void mapped_free(void *memory, size_t bytes)
{
    if (memory)
        munmap(memory, bytes);
}
