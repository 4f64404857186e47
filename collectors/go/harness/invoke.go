package harness

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sort"
	"sync"
	"syscall"

	"gcmeter/go/base"
)

// An empty record is timed 10^6 times (METHODS.md section 2).
const (
	observerBatches = 100
	observerBatch   = 10000
)

type iteration struct {
	wallNs, cpuNs int64
}

// invocation is one run and all that is known of it.
type invocation struct {
	records    *records
	workload   *Workload
	run        *Run
	threads    []*Thread
	options    map[string]int64
	watch      *watch
	warmup     int
	iterations []iteration // warm-up ones first

	checksum       uint64
	observerNs     int64
	beginNs, endNs int64
	usage          usage
	peakBytes      int64
	peakKnown      bool
	cycles         uint64
	log            stopSource // or nil
	pausesCount    uint64     // by the runtime's own count
	taken          sync.Mutex // by whoever sends the status, never to be given back
}

// Main is the whole of a runner; it returns the exit code.
func Main(workloads []*Workload) int {
	line, err := parseCommandLine(os.Args[1:])
	if err != nil {
		say("%s", err)
		return exitUsage
	}
	switch line.call {
	case "--help":
		fmt.Printf("usage: %s CALL\n%s", os.Args[0], Help)
		return exitOK
	case "--describe":
		describe(workloads)
		return exitOK
	}
	for _, w := range workloads {
		if w.Name == line.workload {
			return call(line, w)
		}
	}
	say("--workload %s: no such workload; --describe lists them", line.workload)
	return exitUsage
}

func call(line *commandLine, w *Workload) int {
	params, err := parseParams(w, line.params)
	run := &Run{Params: params, Seed: line.numbers["--seed"], Threads: line.numbers["--threads"]}
	if err == nil && w.Check != nil {
		if refusal := w.Check(run); refusal != "" {
			err = fmt.Errorf("workload %s: %s", w.Name, refusal)
		}
	}
	v := &invocation{workload: w, run: run, warmup: int(line.numbers["--warmup"])}
	if err == nil && line.call == "--run" {
		v.options, err = parseOptions(line.options)
	}
	fd := uintptr(line.numbers["--records"])
	if err == nil && line.call == "--run" && !isWritable(fd) {
		err = fmt.Errorf("--records %d: not open for writing", fd)
	}
	if err != nil {
		say("%s", err)
		return exitUsage
	}
	if line.call == "--live-bytes" {
		r := newRecords(1)
		r.row(unsigned(w.LiveBytes(run)))
		r.flush()
		return exitOK
	}
	switch v.options[optionStops] {
	case stopsTrace:
		v.log = new(traceLog)
	case stopsGctrace:
		if v.log, err = startGctraceLog(); err != nil {
			say("stops cannot be seen by gctrace: %s", reason(err))
			return exitUnavailable
		}
	}
	v.iterations = make([]iteration, v.warmup+int(line.numbers["--iterations"]))
	v.records = newRecords(fd)
	v.watch = newWatch(line.numbers["--heap-limit"], line.numbers["--memory-cap"], v.exit)
	v.invoke()
	return exitOK
}

func isWritable(fd uintptr) bool {
	flags, _, err := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
	return err == 0 && flags&syscall.O_ACCMODE != syscall.O_RDONLY
}

// exit sends the status and ends the process, whatever the other threads do.
func (v *invocation) exit(status, detail string) {
	v.taken.Lock()
	v.records.finish(status, detail)
}

// giveUp says on stderr and in the records why the run cannot start.
func (v *invocation) giveUp(what string, err error) {
	detail := what + ": " + reason(err)
	say("%s", detail)
	if errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EAGAIN) {
		v.exit("oom", detail)
	}
	v.exit("skipped", detail)
}

func (v *invocation) invoke() {
	signal.Ignore(syscall.SIGPIPE)
	volunteerForOOM()
	v.records.row("hello", "1")
	v.records.flush()
	if v.run.Threads > 1 && v.workload.Traits&TakesThreads == 0 {
		const refusal = "the workload runs on one thread only"
		say(refusal)
		v.exit("skipped", refusal)
	}
	v.prepare()
	v.configure()
	if log, ok := v.log.(*gctraceLog); ok {
		log.readClock()
	}
	v.observerNs = timeEmptyRecord(v.threads[0])
	if v.workload.Setup != nil {
		v.workload.Setup(v.threads[0])
	}
	v.iterate(0, v.warmup)
	runtime.GC()
	v.measure()
	v.records.flushAndWait()
	v.reportProcess()
	v.records.flushAndWait()
	v.reportMeasured()
	v.exit("ok", "")
}

func (v *invocation) prepare() {
	v.run.barrier = newBarrier(v.run.Threads)
	v.run.giveUp = v.exit
	v.run.rate = rateOf(v.workload, v.run.Params)
	v.run.print = func(line string) { v.print(line) }
	for i := uint64(0); i < v.run.Threads; i++ {
		latency, err := base.NewHistogram()
		if err != nil {
			v.giveUp("memory of the harness", err)
		}
		thread := &Thread{Run: v.run, Index: i, latency: latency}
		if v.workload.Traits&IsRequests != 0 {
			if thread.requests, err = newRequestRecorder(v.run.rate > 0); err != nil {
				v.giveUp("memory of the harness", err)
			}
		}
		v.threads = append(v.threads, thread)
	}
}

// print writes to stderr where the records have stdout, which a print must not come between. What
// cannot be printed is no failure: the checksum is the result.
func (v *invocation) print(line string) {
	out := os.Stdout
	if v.records.file.Fd() == out.Fd() {
		out = stderr
	}
	_, _ = io.WriteString(out, line+"\n")
}

// configure sets what the environment could have set otherwise (GOGC, GOMEMLIMIT, GOMAXPROCS).
func (v *invocation) configure() {
	procs := v.options[optionProcs]
	if procs == 0 {
		procs = int64(v.run.Threads)
	}
	runtime.GOMAXPROCS(int(procs))
	debug.SetGCPercent(int(v.options[optionGogc]))
	limit := int64(math.MaxInt64)
	if v.watch.limitBytes != 0 {
		limit = int64(v.watch.limitBytes)
	}
	debug.SetMemoryLimit(limit)
	v.watch.start()
}

// timeEmptyRecord returns the median over batches.
func timeEmptyRecord(thread *Thread) int64 {
	batches := make([]int64, observerBatches)
	for batch := range batches {
		before := base.Now()
		for i := 0; i < observerBatch; i++ {
			thread.OperationEnd()
		}
		if thread.requests != nil {
			thread.requests.reset()
		}
		batches[batch] = base.Now() - before
	}
	sort.Slice(batches, func(i, k int) bool { return batches[i] < batches[k] })
	return (batches[observerBatches/2] + observerBatch/2) / observerBatch
}

// together runs one iteration on all threads, and adds up their checksums.
func (v *invocation) together() uint64 {
	parts := make([]uint64, len(v.threads))
	var others sync.WaitGroup
	for i, thread := range v.threads[1:] {
		others.Add(1)
		go func(i int, thread *Thread) {
			defer others.Done()
			defer showPanic()
			thread.OperationBegin()
			parts[i] = v.workload.Iterate(thread)
		}(i+1, thread)
	}
	defer showPanic()
	v.threads[0].OperationBegin()
	parts[0] = v.workload.Iterate(v.threads[0])
	others.Wait()
	var sum uint64
	for _, part := range parts {
		sum += part
	}
	return sum
}

// iterate runs iterations [first, end) of all, the warm-up ones included.
func (v *invocation) iterate(first, end int) {
	for i := first; i < end; i++ {
		cpu, wall := base.CPUNow(), base.Now()
		checksum := v.together()
		v.iterations[i] = iteration{base.Now() - wall, base.CPUNow() - cpu}
		v.run.prints = false
		v.watch.look()
		if i >= v.warmup {
			v.markRequests()
		}
		if i == 0 {
			v.checksum = checksum
		}
		if checksum != v.checksum {
			v.exit("wrong", fmt.Sprintf("checksum of iteration %d is %d, that of %d was %d", i-v.warmup, checksum,
				-v.warmup, v.checksum))
		}
	}
}

// markRequests notes which requests belong to the iterations up to now.
func (v *invocation) markRequests() {
	for _, thread := range v.threads {
		if r := thread.requests; r != nil {
			r.ends = append(r.ends, r.log.count)
		}
	}
}

func gcCycles() uint64 {
	sample := []metrics.Sample{{Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// gcPauses counts the stops of the world for collections.
func gcPauses() uint64 {
	sample := []metrics.Sample{{Name: "/gc/pauses:seconds"}}
	metrics.Read(sample)
	var count uint64
	for _, c := range sample[0].Value.Float64Histogram().Counts {
		count += c
	}
	return count
}

// measure runs the measured part, between its two records.
func (v *invocation) measure() {
	for _, thread := range v.threads {
		thread.latency.Reset()
		if thread.requests != nil {
			thread.requests.reset()
		}
		thread.AllocatedBytes, thread.AllocatedCount = 0, 0
	}
	v.run.prints = true
	cycles, pauses := gcCycles(), gcPauses()
	if v.log != nil {
		if err := v.log.begin(cycles); err != nil {
			v.giveUp("the record of stops", err)
		}
	}
	peakReset := resetPeak()
	begin := readUsage()

	v.beginNs = base.Now()
	v.records.now("begin", v.beginNs)
	v.iterate(v.warmup, len(v.iterations))
	v.endNs = base.Now()

	v.usage = readUsage().minus(begin)
	v.peakBytes, v.peakKnown = peakBytes()
	v.peakKnown = v.peakKnown && peakReset
	v.cycles = gcCycles() - cycles
	v.pausesCount = gcPauses() - pauses
	v.records.now("end", v.endNs)
}
