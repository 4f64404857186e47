// Package base is harness/base of gcmeter in Go: the clock, random numbers and histograms, the same
// to the last bit. It knows nothing of workloads.
package base

import "math"

// Rng is xoshiro256** seeded by splitmix64, as in harness/base/rng.h: the same sequences.
type Rng struct {
	s0, s1, s2, s3 uint64
}

// Mix is one step of splitmix64.
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// NewRng starts the sequence number unit of seed.
func NewRng(seed, unit uint64) Rng {
	var r Rng
	r.s0 = Mix(Mix(seed) ^ Mix(^unit))
	r.s1 = Mix(r.s0)
	r.s2 = Mix(r.s1)
	r.s3 = Mix(r.s2)
	return r
}

// Next returns the next 64 bits.
func (r *Rng) Next() uint64 {
	x := r.s1 * 5
	t := r.s1 << 17
	x = (x<<7 | x>>57) * 9
	r.s2 ^= r.s0
	r.s3 ^= r.s1
	r.s1 ^= r.s2
	r.s0 ^= r.s3
	r.s2 ^= t
	r.s3 = r.s3<<45 | r.s3>>19
	return x
}

// Below returns a number in 0 .. bound - 1; bound must not be 0.
func (r *Rng) Below(bound uint64) uint64 {
	if bound <= math.MaxUint32 {
		return (r.Next() >> 32) * bound >> 32
	}
	return r.Next() % bound
}

// Unit returns a number in [0, 1) of 53 bits.
func (r *Rng) Unit() float64 {
	return float64(r.Next()>>11) * 0x1p-53
}
