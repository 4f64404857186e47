package base

import (
	"math"
	"math/bits"
)

// The layout of harness/base/histogram.h: the first 2048 buckets are 1 ns wide, and each further
// power of two is divided into 1024.
const (
	histogramMinNs   = 1
	histogramMaxNs   = 3600000000000
	subBits          = 10
	subBuckets       = 1 << subBits
	histogramBuckets = 31*subBuckets + histogramMaxNs>>31 + 1
)

// Histogram counts durations in log-linear buckets. Each thread has its own.
type Histogram struct {
	ClampedCount uint64
	MaxNs        int64 // exact, even out of range; math.MinInt64 while empty
	counts       *[histogramBuckets]uint64
}

// Bucket is one that is not empty: Count values in [LowNs, HighNs], both included.
type Bucket struct {
	LowNs, HighNs int64
	Count         uint64
}

// NewHistogram maps the counts outside Go's heap and backs all their pages.
func NewHistogram() (*Histogram, error) {
	counts, err := Mapped[uint64](histogramBuckets, true)
	if err != nil {
		return nil, err
	}
	return &Histogram{MaxNs: math.MinInt64, counts: (*[histogramBuckets]uint64)(counts)}, nil
}

// Reset empties it.
func (h *Histogram) Reset() {
	h.ClampedCount = 0
	h.MaxNs = math.MinInt64
	*h.counts = [histogramBuckets]uint64{}
}

func bucketOf(valueNs uint64) int {
	shift := bits.Len64(valueNs|subBuckets) - 1 - subBits
	return shift<<subBits + int(valueNs>>shift)
}

// Record counts one value.
func (h *Histogram) Record(valueNs int64) {
	if valueNs > h.MaxNs {
		h.MaxNs = valueNs
	}
	if valueNs < histogramMinNs {
		h.ClampedCount++
		valueNs = histogramMinNs
	} else if valueNs > histogramMaxNs {
		h.ClampedCount++
		valueNs = histogramMaxNs
	}
	h.counts[bucketOf(uint64(valueNs))]++
}

// Add adds all that from holds.
func (h *Histogram) Add(from *Histogram) {
	h.ClampedCount += from.ClampedCount
	if from.MaxNs > h.MaxNs {
		h.MaxNs = from.MaxNs
	}
	for i, count := range from.counts {
		h.counts[i] += count
	}
}

// Count returns how many values were recorded.
func (h *Histogram) Count() uint64 {
	var count uint64
	for _, c := range h.counts {
		count += c
	}
	return count
}

// Buckets returns those that are not empty, in order.
func (h *Histogram) Buckets() []Bucket {
	var buckets []Bucket
	for i, count := range h.counts {
		if count == 0 {
			continue
		}
		shift := 0
		if i >= 2*subBuckets {
			shift = i>>subBits - 1
		}
		mantissa := int64(i - shift<<subBits)
		buckets = append(buckets, Bucket{mantissa << shift, (mantissa+1)<<shift - 1, count})
	}
	return buckets
}

// Percentile returns the one with this tail (METHODS.md section 4): the largest value of its
// bucket, or the exact maximum if that is less. False where it is undefined.
func (h *Histogram) Percentile(tail uint64) (int64, bool) {
	rank, defined := percentileRank(h.Count(), tail)
	if !defined {
		return 0, false
	}
	var below uint64
	for _, bucket := range h.Buckets() {
		below += bucket.Count
		if below > rank {
			if h.MaxNs < bucket.HighNs {
				return h.MaxNs, true
			}
			return bucket.HighNs, true
		}
	}
	return 0, false
}

// percentileRank tells which of n sorted values, counted from 0, the percentile is.
func percentileRank(n, tail uint64) (uint64, bool) {
	if n == 0 || (tail != 2 && n/tail < 10) {
		return 0, false
	}
	return n - 1 - n/tail, true
}

// PercentileOfSorted returns the percentile of ascending values; false where it is undefined.
func PercentileOfSorted(sorted []int64, tail uint64) (int64, bool) {
	rank, defined := percentileRank(uint64(len(sorted)), tail)
	if !defined {
		return 0, false
	}
	return sorted[rank], true
}
