package harness

import (
	"gcmeter/go/base"
)

const (
	firstRequests = 4096 // backed from the start: 64 KiB
	requestBytes  = 16
	// The rest of a wait is spent reading the clock, since a thread that sleeps wakes up late.
	spinNs = 20000
)

// requestLog grows by parts that double in size, in memory outside Go's heap.
type requestLog struct {
	parts [][]base.Request
	part  int            // of the next request
	room  []base.Request // left in it
	count uint64
}

func (l *requestLog) append(request base.Request) error {
	if len(l.room) == 0 {
		if err := l.nextPart(); err != nil {
			return err
		}
	}
	l.room[0] = request
	l.room = l.room[1:]
	l.count++
	return nil
}

func (l *requestLog) nextPart() error {
	if l.count > 0 {
		l.part++
	}
	if l.part == len(l.parts) {
		part, err := base.Mapped[base.Request](firstRequests<<l.part, l.part == 0)
		if err != nil {
			return err
		}
		l.parts = append(l.parts, part)
	}
	l.room = l.parts[l.part]
	return nil
}

// reset forgets all requests and keeps the memory.
func (l *requestLog) reset() {
	l.part, l.count, l.room = 0, 0, l.parts[0]
}

// copyTo copies requests [first, end) and returns how many there are.
func (l *requestLog) copyTo(to []base.Request, first, end uint64) int {
	copied, before := 0, uint64(0)
	for _, part := range l.parts {
		size := uint64(len(part))
		from, until := max(first, before), min(end, before+size)
		if from < until {
			copied += copy(to[copied:], part[from-before:until-before])
		}
		before += size
	}
	return copied
}

// requestRecorder is what a thread records of its requests beside their simple latency.
type requestRecorder struct {
	log    requestLog
	open   *base.Histogram // nil in a closed loop
	dueNs  int64           // of the current request, in an open loop
	spinNs int64           // spent reading the clock until requests were due
	ends   []uint64        // how many there were when each measured iteration was over
}

func newRequestRecorder(isOpen bool) (*requestRecorder, error) {
	r := &requestRecorder{}
	if err := r.log.nextPart(); err != nil {
		return nil, err
	}
	if isOpen {
		open, err := base.NewHistogram()
		if err != nil {
			return nil, err
		}
		r.open = open
	}
	return r, nil
}

func (r *requestRecorder) reset() {
	r.log.reset()
	if r.open != nil {
		r.open.Reset()
	}
	r.spinNs = 0
	r.ends = r.ends[:0]
}

func (r *requestRecorder) end(run *Run, beginNs, endNs int64) {
	if err := r.log.append(base.Request{BeginNs: beginNs, EndNs: endNs}); err != nil {
		run.giveUp("oom", "no memory for the log of requests")
	}
	if r.open != nil {
		r.open.Record(endNs - r.dueNs)
	}
}

// rateOf returns the parameter `rate` of a request-shaped workload, or 0.
func rateOf(w *Workload, params []uint64) uint64 {
	for i, p := range w.Params {
		if w.Traits&IsRequests != 0 && p.Name == "rate" {
			return params[i]
		}
	}
	return 0
}

// dueNs tells when a request is due (harness/runner/open_loop.h).
func (r *Run) dueNs(request uint64) int64 {
	const second = 1000000000
	return r.openStartNs + int64(request/r.rate*second+request%r.rate*second/r.rate)
}

// waitUntilDue returns for how long of the wait the processor was kept busy.
func waitUntilDue(dueNs int64) int64 {
	now := base.Now()
	if now < dueNs-spinNs {
		base.SleepUntil(dueNs - spinNs)
		now = base.Now()
	}
	began := now
	for now < dueNs {
		now = base.Now()
	}
	return now - began
}

// RequestsBegin waits for all threads of the run and starts the schedule of the open loop and the
// clock of the first request. Once per iteration, by every thread.
func (t *Thread) RequestsBegin() {
	t.Barrier()
	if t.Index == 0 {
		t.Run.openStartNs = base.Now()
	}
	t.Barrier()
	t.OperationBegin()
}

// RequestBegin waits, in an open loop, until that request of the iteration is due, and starts the
// clock of its simple latency.
func (t *Thread) RequestBegin(request uint64) {
	if t.Run.rate == 0 {
		return
	}
	dueNs := t.Run.dueNs(request)
	t.requests.dueNs = dueNs
	if dueNs <= t.operationStartNs {
		return // it has been waiting for the one before it, whose end is its start
	}
	t.requests.spinNs += waitUntilDue(dueNs)
	t.operationStartNs = base.Now()
}
