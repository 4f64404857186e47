/* rng.h: small deterministic random numbers: xoshiro256** seeded by splitmix64
 * (Blackman & Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 2021;
 * Steele, Lea & Flood, OOPSLA 2014). The same sequence on every machine. Not for secrets. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

/* One step of splitmix64: also a good 64-bit mixing function for checksums, rng_mix(x). */
static inline uint64_t rng_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Starts the sequence number `unit` of `seed`. Different units give unrelated sequences. */
static inline void rng_seed(struct rng *rng, uint64_t seed, uint64_t unit)
{
    uint64_t x = rng_mix(seed) ^ rng_mix(~unit);
    for (int i = 0; i < 4; i++)
        rng->s[i] = x = rng_mix(x);
}

static inline uint64_t rng_next(struct rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t r = s[1] * 5;
    uint64_t t = s[1] << 17;
    r = (r << 7 | r >> 57) * 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = s[3] << 45 | s[3] >> 19;
    return r;
}

/* Uniform in 0 .. bound - 1, bound > 0: Lemire's multiply-shift on 32 bits where bound fits, whose
 * bias is below 2^-32 * bound; by remainder otherwise. */
static inline uint64_t rng_below(struct rng *rng, uint64_t bound)
{
    if (bound <= UINT32_MAX)
        return ((rng_next(rng) >> 32) * bound) >> 32;
    return rng_next(rng) % bound;
}

/* Uniform in [0, 1), 53 bits. */
static inline double rng_unit(struct rng *rng)
{
    return (double)(rng_next(rng) >> 11) * 0x1p-53;
}

#endif
