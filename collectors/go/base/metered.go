package base

import "sort"

// Request is one as it was served, CLOCK_MONOTONIC.
type Request struct {
	BeginNs, EndNs int64
}

// SortRequests sorts by start, those with equal starts by end.
func SortRequests(requests []Request) {
	sort.Slice(requests, func(i, k int) bool {
		a, b := requests[i], requests[k]
		return a.BeginNs < b.BeginNs || (a.BeginNs == b.BeginNs && a.EndNs < b.EndNs)
	})
}

// smoothedStart is b_s + (i - s) * (b_e - b_s) / (e - s), rounded down. The product can exceed 64
// bits, so the time is divided first and its remainder carried along.
func smoothedStart(sorted []Request, i, s, e int) int64 {
	steps, done := uint64(e-s), uint64(i-s)
	spanNs := uint64(sorted[e].BeginNs - sorted[s].BeginNs)
	return sorted[s].BeginNs + int64(done*(spanNs/steps)+done*(spanNs%steps)/steps)
}

// MeteredLatency calls take with the metered latency of each of the sorted requests (METHODS.md
// section 4.2; harness/base/metered.h).
func MeteredLatency(sorted []Request, windowNs int64, take func(latencyNs int64)) {
	halfNs := windowNs / 2
	s, e := 0, 0
	for i, request := range sorted {
		// Starts ascend, so both ends of the window do.
		for sorted[s].BeginNs < request.BeginNs-halfNs {
			s++
		}
		for e < len(sorted)-1 && sorted[e].BeginNs < request.BeginNs+halfNs {
			e++
		}
		startNs := request.BeginNs
		if e != s {
			if smoothedNs := smoothedStart(sorted, i, s, e); smoothedNs < startNs {
				startNs = smoothedNs
			}
		}
		take(request.EndNs - startNs)
	}
}

// MeteredFullWindow is the window of full smoothing, 10 x elapsed, from the first start to the last
// end of the requests, sorted and not none.
func MeteredFullWindow(sorted []Request) int64 {
	last := sorted[0].EndNs
	for _, request := range sorted {
		if request.EndNs > last {
			last = request.EndNs
		}
	}
	return 10 * (last - sorted[0].BeginNs)
}
