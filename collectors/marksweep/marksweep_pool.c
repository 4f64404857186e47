/* What pools map counts as metadata, before it is mapped: no thread may take the memory meanwhile.
 */
#include "marksweep_heap_internal.h"

int gc_pool_count_bytes(size_t bytes)
{
    ms_heap_lock();
    int fits = ms_space_charge_in_place_of_free(bytes) == 0;
    ms_heap_unlock();
    return fits;
}

void gc_pool_uncount_bytes(size_t bytes)
{
    ms_heap_lock();
    ms_space_uncharge(bytes);
    ms_heap_unlock();
}
