package harness

import (
	"sort"

	"gcmeter/go/base"
)

func (v *invocation) reportProcess() {
	r := v.records
	r.metric("wall_ns", signed(v.endNs-v.beginNs))
	r.metric("cpu_user_ns", signed(v.usage.userNs))
	r.metric("cpu_sys_ns", signed(v.usage.sysNs))
	// No init_ns: the runtime has started before any code of this program runs.
	r.metric("minor_faults_count", signed(v.usage.minorFaults))
	r.metric("major_faults_count", signed(v.usage.majorFaults))
	r.metric("voluntary_switches_count", signed(v.usage.voluntarySwitches))
	r.metric("involuntary_switches_count", signed(v.usage.involuntarySwitch))
	if v.peakKnown {
		r.metric("rss_peak_bytes", signed(v.peakBytes))
	} else {
		r.row("flag", "no_rss_peak")
	}
	r.metric("observer_ns", signed(v.observerNs))
	r.metric("checksum", unsigned(v.checksum))
}

func (v *invocation) reportMeasured() {
	v.reportAllocation()
	for i, it := range v.iterations {
		v.records.row("iteration", signed(int64(i-v.warmup)), signed(it.wallNs), signed(it.cpuNs))
	}
	v.reportLatency()
	v.reportRequests()
	v.records.metric("gc_count", unsigned(v.cycles))
	v.records.metric("gc_full_count", unsigned(v.cycles)) // there are no others
	if v.log == nil {
		return
	}
	stops, collections, err := v.log.finish(v.cycles, v.endNs)
	if err != nil {
		// Stops that cannot be seen stay empty (PROTOCOL.md).
		say("stops are not recorded: %s", reason(err))
		return
	}
	v.reportStops(stops)
	v.reportCollections(collections)
}

func (v *invocation) reportAllocation() {
	var bytes, count uint64
	for _, thread := range v.threads {
		bytes += thread.AllocatedBytes
		count += thread.AllocatedCount
	}
	v.records.metric("allocated_bytes", unsigned(bytes))
	v.records.metric("allocated_count", unsigned(count))
}

func (v *invocation) reportLatency() {
	r := v.records
	all := v.threads[0].latency
	for _, thread := range v.threads[1:] {
		all.Add(thread.latency)
	}
	count := all.Count()
	r.metric("operations_count", unsigned(count))
	r.metric("operations_per_s", real(float64(count)*1e9/float64(v.endNs-v.beginNs)))
	v.reportPercentiles(all, "latency")
	v.reportBuckets(all, "simple")
	if median, defined := all.Percentile(2); defined && median < 10*v.observerNs {
		r.row("flag", "latency_near_observer")
	}
}

// reportPercentiles sends the columns of a series that begin with prefix.
func (v *invocation) reportPercentiles(h *base.Histogram, prefix string) {
	r := v.records
	for _, p := range []struct {
		name       string
		tail       uint64
		simpleOnly bool
	}{
		{"p50", 2, false}, {"p90", 10, true}, {"p99", 100, false}, {"p999", 1000, false}, {"p9999", 10000, true},
	} {
		if p.simpleOnly && prefix != "latency" {
			continue
		}
		if value, defined := h.Percentile(p.tail); defined {
			r.metric(prefix+"_"+p.name+"_ns", signed(value))
		}
	}
	if h.Count() > 0 {
		r.metric(prefix+"_max_ns", signed(h.MaxNs))
	}
	if h.ClampedCount > 0 {
		r.row("extra", prefix+"_clamped_count", "count", "lower", unsigned(h.ClampedCount))
	}
}

func (v *invocation) reportBuckets(h *base.Histogram, series string) {
	for _, b := range h.Buckets() {
		v.records.row("latency", series, signed(b.LowNs), signed(b.HighNs), unsigned(b.Count))
	}
}

func (v *invocation) isMeasured(startNs int64) bool {
	return startNs >= v.beginNs && startNs < v.endNs
}

func (v *invocation) reportStops(stops []stop) {
	r := v.records
	var durations []int64
	var total int64
	for _, s := range stops {
		if v.isMeasured(s.startNs) {
			durations = append(durations, s.endNs-s.startNs)
			total += s.endNs - s.startNs
		}
	}
	sort.Slice(durations, func(i, k int) bool { return durations[i] < durations[k] })
	r.metric("pause_count", signed(int64(len(durations))))
	r.metric("pause_total_ns", signed(total))
	if len(durations) > 0 {
		if value, defined := base.PercentileOfSorted(durations, 2); defined {
			r.metric("pause_p50_ns", signed(value))
		}
		if value, defined := base.PercentileOfSorted(durations, 100); defined {
			r.metric("pause_p99_ns", signed(value))
		}
		r.metric("pause_max_ns", signed(durations[len(durations)-1]))
	}
	for _, s := range stops {
		if v.isMeasured(s.startNs) {
			r.row("pause", "-1", s.kind, signed(s.startNs-v.beginNs), signed(s.endNs-s.startNs), "")
		}
	}
	// The runtime's own count of the same, /gc/pauses:seconds.
	r.row("extra", "go_pauses_count", "count", "none", unsigned(v.pausesCount))
}

func (v *invocation) reportCollections(collections []collection) {
	r := v.records
	var number int64
	var marked, live uint64
	known := true
	for _, c := range collections {
		if !v.isMeasured(c.startNs) {
			continue
		}
		before, after := "", ""
		if c.heapKnown {
			before, after = unsigned(c.heapBeforeBytes), unsigned(c.liveBytes)
		}
		r.row("collection", signed(number), "full", signed(c.startNs-v.beginNs), signed(c.endNs-v.beginNs),
			signed(c.markNs), "", before, "", after, "", after)
		marked += c.liveBytes
		live = c.liveBytes
		known = known && c.heapKnown
		number++
	}
	if number > 0 && known {
		r.metric("marked_bytes", unsigned(marked))
		r.metric("live_bytes", unsigned(live))
		r.metric("retained_bytes", signed(int64(live)-int64(v.workload.LiveBytes(v.run))))
	}
}
