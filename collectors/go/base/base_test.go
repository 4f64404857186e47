package base

import (
	"math"
	"testing"
)

// Numbers that the authors' programs give (splitmix64.c, xoshiro256starstar.c).
func TestRngIsTheReference(t *testing.T) {
	if Mix(0) != 0xe220a8397b1dcdaf {
		t.Errorf("splitmix64 of 0 is %#x", Mix(0))
	}
	r := Rng{1, 2, 3, 4}
	for i, expected := range []uint64{11520, 0, 1509978240, 1215971899390074240} {
		if n := r.Next(); n != expected {
			t.Errorf("number %d of xoshiro256** from 1, 2, 3, 4 is %d, not %d", i, n, expected)
		}
	}
	for bound := uint64(1); bound < 1<<40; bound *= 3 {
		if n := r.Below(bound); n >= bound {
			t.Errorf("%d is not below %d", n, bound)
		}
	}
	if u := r.Unit(); u < 0 || u >= 1 {
		t.Errorf("%g is not in [0, 1)", u)
	}
}

// Every value lies in its bucket, which is not wider than 1/1024 of it; buckets do not overlap.
func TestHistogramBuckets(t *testing.T) {
	h, err := NewHistogram()
	if err != nil {
		t.Fatal(err)
	}
	for value := int64(1); value < histogramMaxNs; value += 1 + value/3 {
		h.Reset()
		h.Record(value)
		b := h.Buckets()
		if len(b) != 1 || b[0].Count != 1 || value < b[0].LowNs || value > b[0].HighNs {
			t.Fatalf("%d is in %v", value, b)
		}
		if b[0].HighNs-b[0].LowNs > value/1024 {
			t.Errorf("the bucket of %d is %v", value, b)
		}
	}
	h.Reset()
	for _, value := range []int64{-5, 0, 1, histogramMaxNs, histogramMaxNs + 1} {
		h.Record(value)
	}
	if h.ClampedCount != 3 || h.Count() != 5 || h.MaxNs != histogramMaxNs+1 {
		t.Errorf("%d clamped of %d, largest %d", h.ClampedCount, h.Count(), h.MaxNs)
	}
}

func TestHistogramPercentiles(t *testing.T) {
	h, err := NewHistogram()
	if err != nil {
		t.Fatal(err)
	}
	if _, defined := h.Percentile(2); defined {
		t.Error("nothing has a median")
	}
	for value := int64(1); value <= 1000; value++ {
		h.Record(value)
	}
	for tail, expected := range map[uint64]int64{2: 500, 10: 900, 100: 990} {
		if value, defined := h.Percentile(tail); !defined || value != expected {
			t.Errorf("tail 1/%d is %d, not %d", tail, value, expected)
		}
	}
	if _, defined := h.Percentile(1000); defined {
		t.Error("one value of 1000 speaks for p99.9")
	}
}

// At best the kernel's clock, read between two readings of ours, lies between them.
func TestClockIsTheKernels(t *testing.T) {
	closest := int64(math.MaxInt64)
	for i := 0; i < 100; i++ {
		before, kernel, after := Now(), clockGettime(clockMonotonic), Now()
		if early := before - kernel; early > 0 && early < closest {
			closest = early
		} else if late := kernel - after; late > 0 && late < closest {
			closest = late
		} else if early <= 0 && late <= 0 {
			closest = 0
		}
	}
	if closest > 1000 {
		t.Errorf("at best %d ns from the kernel's clock", closest)
	}
}

// Ten requests of 1 ms in a chain, but the fifth takes 6 ms: those behind it feel it (the same list
// as in tests/unit/metered_test.c, which holds the C code against the definition).
func TestMeteredLatencyIsTheSameAsInC(t *testing.T) {
	const ms = 1000000
	var requests []Request
	for i, start := range []int64{0, 1, 2, 3, 4, 10, 11, 12, 13, 14} {
		end := start + 1
		if i == 4 {
			end = 10
		}
		requests = append([]Request{{start * ms, end * ms}}, requests...)
	}
	SortRequests(requests)
	var latencies []int64
	MeteredLatency(requests, MeteredFullWindow(requests), func(ns int64) { latencies = append(latencies, ns) })
	expected := []int64{ms, ms, ms, ms, 6 * ms, 11*ms - 7777777, 12*ms - 9333333, 13*ms - 10888888,
		14*ms - 12444444, ms}
	for i, latency := range latencies {
		if latency != expected[i] {
			t.Errorf("request %d: %d, not %d", i, latency, expected[i])
		}
	}
	latencies = nil
	MeteredLatency(requests, ms, func(ns int64) { latencies = append(latencies, ns) })
	for i, latency := range latencies {
		if simple := requests[i].EndNs - requests[i].BeginNs; latency != simple {
			t.Errorf("request %d alone in its window: %d, not %d", i, latency, simple)
		}
	}
}

func TestSleepUntilIsNotEarly(t *testing.T) {
	for _, sleep := range []int64{-5, 0, 30000, 2000000} {
		wake := Now() + sleep
		SleepUntil(wake)
		if now := Now(); now < wake-1000 {
			t.Errorf("%d ns too early", wake-now)
		}
	}
}
