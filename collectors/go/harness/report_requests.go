package harness

import "gcmeter/go/base"

const meteredWindowNs = 100000000

// reportRequests sends what a request-shaped workload has beside simple latency: metered latency
// always, open-loop latency at a rate (harness/runner/report_requests.c).
func (v *invocation) reportRequests() {
	if v.workload.Traits&IsRequests == 0 {
		return
	}
	if window, full, err := v.meter(); err == nil {
		v.reportPercentiles(window, "metered")
		v.reportBuckets(window, "metered_100ms")
		v.reportBuckets(full, "metered_full")
	} else {
		v.records.row("flag", "no_metered")
	}
	v.reportOpen()
	var bytes uint64
	for _, thread := range v.threads {
		bytes += thread.requests.log.count * requestBytes
	}
	v.records.row("extra", "request_log_bytes", "bytes", "none", unsigned(bytes))
}

// meter smooths each iteration by itself: between two of them a workload may build what it needs,
// while no request would be waiting.
func (v *invocation) meter() (window, full *base.Histogram, err error) {
	if window, err = base.NewHistogram(); err != nil {
		return nil, nil, err
	}
	if full, err = base.NewHistogram(); err != nil {
		return nil, nil, err
	}
	var total uint64
	for _, thread := range v.threads {
		total += thread.requests.log.count
	}
	memory, err := base.Mapped[base.Request](total+1, false)
	if err != nil {
		return nil, nil, err
	}
	for iteration := 0; iteration < len(v.iterations)-v.warmup; iteration++ {
		requests := memory[:v.takeRequests(memory, iteration)]
		if len(requests) == 0 {
			continue
		}
		base.SortRequests(requests)
		base.MeteredLatency(requests, meteredWindowNs, window.Record)
		base.MeteredLatency(requests, base.MeteredFullWindow(requests), full.Record)
	}
	return window, full, nil
}

// takeRequests copies those of one measured iteration, of all threads.
func (v *invocation) takeRequests(to []base.Request, iteration int) int {
	count := 0
	for _, thread := range v.threads {
		ends := thread.requests.ends
		var first uint64
		if iteration > 0 {
			first = ends[iteration-1]
		}
		count += thread.requests.log.copyTo(to[count:], first, ends[iteration])
	}
	return count
}

func (v *invocation) reportOpen() {
	all := v.threads[0].requests.open
	if all == nil {
		return
	}
	spinNs := v.threads[0].requests.spinNs
	for _, thread := range v.threads[1:] {
		all.Add(thread.requests.open)
		spinNs += thread.requests.spinNs
	}
	v.reportPercentiles(all, "open")
	v.reportBuckets(all, "open")
	v.records.row("extra", "open_spin_ns", "ns", "none", signed(spinNs))
}
