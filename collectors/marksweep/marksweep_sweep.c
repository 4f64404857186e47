#include "marksweep_sweep_internal.h"

#include <string.h>

#include "marksweep_heap_internal.h"

/* The run of free (or released) blocks that is being put together. */
struct gathering {
    uint32_t first;
    size_t blocks;
    enum ms_block_state state;
};

static void gather_end(struct gathering *g)
{
    if (g->blocks > 0)
        ms_space_add_run(g->first, g->blocks, g->state);
    g->blocks = 0;
}

static void gather(struct gathering *g, uint32_t first, size_t blocks, enum ms_block_state state)
{
    if (g->state != state)
        gather_end(g);
    if (g->blocks == 0) {
        g->first = first;
        g->state = state;
    }
    g->blocks += blocks;
}

static void make_free(uint32_t first, size_t blocks)
{
    for (size_t i = 0; i < blocks; i++)
        ms_space.table[first + i].state = MS_FREE;
    if (ms_heap.poison)
        memset(ms_space_address(first), MS_POISON_BYTE, blocks * MS_BLOCK_BYTES);
}

static void poison_free_slots(uint32_t span, const struct ms_class *c, const uint64_t *bits)
{
    for (size_t i = 0; i < c->slots; i++)
        if (!ms_bit_test(bits, i * c->slot_granules))
            memset(ms_space_address(span) + i * c->slot_bytes, MS_POISON_BYTE, c->slot_bytes);
}

/* In line: without an option for the processor, gcc calls a function that looks up bytes. */
static inline size_t count_bits(uint64_t word)
{
    word -= word >> 1 & UINT64_C(0x5555555555555555);
    word = (word & UINT64_C(0x3333333333333333)) + (word >> 2 & UINT64_C(0x3333333333333333));
    word = (word + (word >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (size_t)(word * UINT64_C(0x0101010101010101) >> 56);
}

/* What is set in any of the words of a block's bitmap. */
static inline uint64_t any_of(const uint64_t *w)
{
    return (w[0] | w[1] | w[2] | w[3]) | (w[4] | w[5] | w[6] | w[7]);
}

static inline bool equal_bits(const uint64_t *a, const uint64_t *b)
{
    return (((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3])) |
            ((a[4] ^ b[4]) | (a[5] ^ b[5]) | (a[6] ^ b[6]) | (a[7] ^ b[7]))) == 0;
}

/* Number of objects in a span; cheap for what most spans are, empty or full. */
static inline size_t count_objects(const struct ms_class *c, const uint64_t *bits)
{
    if (c->one_block) {
        if (any_of(bits) == 0)
            return 0;
        if (equal_bits(bits, c->starts))
            return c->slots;
    }
    size_t count = 0;
    for (size_t word = 0; word < c->blocks * MS_BLOCK_WORDS; word++)
        if (bits[word] != 0)
            count += count_bits(bits[word]);
    return count;
}

struct ms_sweep_result ms_sweep(void)
{
    struct ms_sweep_result result = {0, 0, 0};
    struct gathering g = {MS_NO_BLOCK, 0, MS_FREE};

    uint64_t *marked = ms_space.marks;
    ms_space.marks = ms_space.allocated;
    ms_space.allocated = marked;
    memset(ms_space.marks, 0, ms_space.top * MS_BLOCK_WORDS * sizeof *ms_space.marks);

    memset(ms_heap.partial, 0, ms_layout_count() * MARKSWEEP_CLASSES * sizeof ms_heap.partial[0]);
    ms_space_forget_runs();
    size_t blocks;
    for (uint32_t first = 1; first < ms_space.top; first += (uint32_t)blocks) {
        const struct ms_block *block = &ms_space.table[first];
        const uint64_t *bits = ms_space_bits(marked, first);
        blocks = block->run;
        result.run_count++;
        if (block->state == MS_SMALL) {
            ms_kind kind = ms_space.kinds[first];
            const struct ms_class *c = &ms_classes[ms_kind_class(kind)];
            blocks = c->blocks;
            size_t objects = count_objects(c, bits);
            if (objects > 0) {
                gather_end(&g);
                result.live_count += objects;
                result.live_bytes += objects * c->slot_bytes;
                if (objects < c->slots) {
                    ms_heap_append_partial(ms_kind_list(kind), first);
                    if (ms_heap.poison)
                        poison_free_slots(first, c, bits);
                }
                continue;
            }
            make_free(first, blocks);
        } else if (block->state == MS_LARGE) {
            if (ms_bit_test(bits, 0)) {
                gather_end(&g);
                result.live_count++;
                result.live_bytes += blocks * MS_BLOCK_BYTES;
                continue;
            }
            make_free(first, blocks);
        }
        gather(&g, first, blocks, (enum ms_block_state)block->state);
    }
    gather_end(&g);
    return result;
}
