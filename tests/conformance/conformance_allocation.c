/* conformance_allocation.c: sizes, alignment and contents of objects. */
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "conformance.h"

static void check_alignment(const void *object, size_t bytes)
{
    uintptr_t align = bytes >= 16 ? 16 : 8;
    CHECK(object != NULL, "NULL for %zu bytes", bytes);
    CHECK((uintptr_t)object % align == 0, "%zu bytes at %p, not aligned to %zu", bytes, object,
          (size_t)align);
}

static void try_size(struct gc_mutator *m, const struct gc_type *type, size_t bytes)
{
    void *plain = gc_alloc(m, type, bytes);
    check_alignment(plain, bytes);
    memset(plain, 0, bytes);
    void *zeroed = gc_alloc_zeroed(m, type, bytes);
    check_alignment(zeroed, bytes);
    CHECK((uintptr_t)plain + bytes <= (uintptr_t)zeroed ||
              (uintptr_t)zeroed + bytes <= (uintptr_t)plain,
          "two objects of %zu bytes overlap: %p and %p", bytes, plain, zeroed);
    gc_keep(plain);
    gc_free(m, plain, bytes);
    gc_free(m, zeroed, bytes);
}

void case_alignment(struct gc_mutator *m)
{
    uint64_t step = conformance_scaled(20) == 20 ? 1 : 7;
    for (size_t bytes = 1; bytes <= 4200; bytes += bytes < 300 ? 1 : step)
        try_size(m, &type_leaf, bytes);
    for (size_t bytes = 8192; bytes <= 1 << 20; bytes *= 2)
        for (size_t near = bytes - 1; near <= bytes + 1; near++)
            try_size(m, &type_leaf, near);
    for (size_t words = 1; words <= 600; words += step)
        try_size(m, &type_array, words * sizeof(void *));
    for (size_t i = 1; i <= 100; i += step) {
        try_size(m, &type_pairs, i * sizeof(struct pair));
        try_size(m, &type_mixed, sizeof(struct header_and_children) + i * sizeof(void *));
    }
    try_size(m, &type_node, sizeof(struct node));
    try_size(m, &type_sparse, sizeof(struct sparse));
}

/* From 1 byte to 1 GiB, touched at both ends and once per MiB. */
void case_size_range(struct gc_mutator *m)
{
    uint64_t most = GC_SANITIZED_THREAD ? 64 << 20 : UINT64_C(1) << 30;
    uint64_t room = memory_available_bytes() / 4;
    for (uint64_t bytes = 1; bytes <= UINT64_C(1) << 30; bytes *= 2) {
        if (bytes > most || bytes > room) {
            conformance_note("objects from %" PRIu64 " bytes on: %s", bytes,
                             bytes > most ? "too slow under ThreadSanitizer" : "memory is short");
            return;
        }
        unsigned char *p = gc_alloc(m, &type_leaf, bytes);
        check_alignment(p, bytes);
        for (uint64_t i = 0; i < bytes; i += 1 << 20)
            p[i] = (unsigned char)(i >> 20);
        p[bytes - 1] = 0xa5;
        for (uint64_t i = 0; i < bytes - 1; i += 1 << 20)
            CHECK(p[i] == (unsigned char)(i >> 20), "byte %" PRIu64 " of %" PRIu64, i, bytes);
        CHECK(p[bytes - 1] == 0xa5, "last byte of %" PRIu64, bytes);
        gc_free(m, p, bytes);
    }
}

/* Sizes as programs have them: most small, a few large. */
static size_t random_size(struct rng *rng)
{
    switch (rng_below(rng, 64)) {
    case 0:
        return 1 + rng_below(rng, 200000);
    case 1:
    case 2:
    case 3:
        return 1 + rng_below(rng, 8192);
    default:
        return 1 + rng_below(rng, 256);
    }
}

void case_contents(struct gc_mutator *m)
{
    enum { SLOTS = 1000 };
    static size_t sizes[SLOTS];
    static uint64_t seeds[SLOTS];
    struct rng rng;
    rng_seed(&rng, 1, 0);
    for (uint64_t step = 1; step <= conformance_scaled(200000); step++) {
        uint64_t slot = rng_below(&rng, SLOTS);
        if (conformance_roots[slot]) {
            pattern_check(conformance_roots[slot], sizes[slot], seeds[slot]);
            gc_free(m, conformance_roots[slot], sizes[slot]);
        }
        sizes[slot] = random_size(&rng);
        seeds[slot] = step;
        conformance_roots[slot] = pattern_object(m, sizes[slot], step);
    }
    for (size_t slot = 0; slot < SLOTS; slot++)
        if (conformance_roots[slot])
            pattern_check(conformance_roots[slot], sizes[slot], seeds[slot]);
}

void case_zeroed(struct gc_mutator *m)
{
    static const size_t sizes[] = {1,   8,    16,   24,    32,     56,     104,
                                   512, 2048, 4096, 30000, 100000, 1 << 20};
    struct gc_type *const kinds[] = {&type_leaf, &type_array};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (int kind = 0; kind < 2; kind++) {
            size_t bytes = kind == 0 ? sizes[s] : (sizes[s] + 7) / 8 * 8;
            uint64_t rounds = conformance_scaled(bytes < 5000 ? 2000 : 60);
            /* Memory that has been used, so that there is something to clear. */
            churn(m, bytes, rounds * bytes);
            for (uint64_t i = 0; i < rounds; i++) {
                unsigned char *p = gc_alloc_zeroed(m, kinds[kind], bytes);
                for (size_t b = 0; b < bytes; b++)
                    CHECK(p[b] == 0, "byte %zu of %zu is %u", b, bytes, p[b]);
                memset(p, kind == 0 ? 0xdb : 0, bytes);
                gc_keep(p);
                gc_free(m, p, bytes);
            }
        }
    }
}

void case_free_null(struct gc_mutator *m)
{
    gc_free(m, NULL, 0);
    gc_free(m, NULL, 100);
    void *object = pattern_object(m, 100, 1);
    pattern_check(object, 100, 1);
    gc_free(m, object, 100);
}
