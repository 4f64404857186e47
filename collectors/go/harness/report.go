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
	v.records.metric("gc_count", unsigned(v.cycles))
	v.records.metric("gc_full_count", unsigned(v.cycles)) // there are no others
	if v.log == nil {
		return
	}
	stops, collections, err := v.log.finish()
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
	for _, p := range []struct {
		name string
		tail uint64
	}{
		{"latency_p50_ns", 2}, {"latency_p90_ns", 10}, {"latency_p99_ns", 100},
		{"latency_p999_ns", 1000}, {"latency_p9999_ns", 10000},
	} {
		if value, defined := all.Percentile(p.tail); defined {
			r.metric(p.name, signed(value))
		}
	}
	if count > 0 {
		r.metric("latency_max_ns", signed(all.MaxNs))
	}
	for _, b := range all.Buckets() {
		r.row("latency", "simple", signed(b.LowNs), signed(b.HighNs), unsigned(b.Count))
	}
	if median, defined := all.Percentile(2); defined && median < 10*v.observerNs {
		r.row("flag", "latency_near_observer")
	}
	if all.ClampedCount > 0 {
		r.row("extra", "latency_clamped_count", "count", "lower", unsigned(all.ClampedCount))
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
