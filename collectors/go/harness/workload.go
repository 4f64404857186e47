// Package harness is the runner of the Go reference: what workloads/workload.h and harness/runner
// are to the C workloads, spoken to by the same protocol (harness/runner/PROTOCOL.md).
package harness

import (
	"sync"

	"gcmeter/go/base"
)

// Param is an unsigned parameter of a workload, as in workload.h: unit "count", "bytes", "per_s",
// "permille" or "flag".
type Param struct {
	Name, Unit   string
	DefaultValue uint64
	Min, Max     uint64
	Help         string
}

// Traits of a workload.
const (
	TakesThreads = 1 << iota
	IsRequests
)

// Workload is a port of the C workload of that name: the same parameters, work, operations, counts
// of allocations and checksums. What its source does not say, the head comment of the C file does.
type Workload struct {
	Name, Summary, Operation string
	Params                   []Param
	Traits                   int
	LiveBytes                func(run *Run) uint64
	Check                    func(run *Run) string // "" where the parameters go together
	Setup                    func(thread *Thread)
	Iterate                  func(thread *Thread) uint64
}

// Run is one run of a workload in one process.
type Run struct {
	Params  []uint64 // parallel to the workload's table, validated
	Seed    uint64
	Threads uint64
	State   any // the workload's own

	rate        uint64 // requests due per second over all threads; 0: a closed loop
	openStartNs int64
	barrier     *barrier
	prints      bool
	print       func(line string)
	giveUp      func(status, what string)
}

// Thread is one mutator of a run: a goroutine.
type Thread struct {
	Run            *Run
	Index          uint64
	AllocatedBytes uint64
	AllocatedCount uint64

	latency          *base.Histogram
	requests         *requestRecorder // nil where operations are no requests
	operationStartNs int64
	_                [64]byte // no two threads write to one line of the cache
}

// Param returns parameter number index of the workload's own table.
func (t *Thread) Param(index int) uint64 {
	return t.Run.Params[index]
}

// Share returns this thread's part [first, end) of the units 0 .. total - 1.
func (t *Thread) Share(total uint64) (first, end uint64) {
	threads := t.Run.Threads
	each, rest := total/threads, total%threads
	first = t.Index*each + min(t.Index, rest)
	end = first + each
	if t.Index < rest {
		end++
	}
	return first, end
}

// Allocated counts allocations that the workload asked for.
func (t *Thread) Allocated(bytes, count uint64) {
	t.AllocatedBytes += bytes
	t.AllocatedCount += count
}

// OperationBegin starts the clock of the next operation now.
func (t *Thread) OperationBegin() {
	t.operationStartNs = base.Now()
}

// OperationEnd ends the current operation and begins the next.
func (t *Thread) OperationEnd() {
	now := base.Now()
	t.latency.Record(now - t.operationStartNs)
	if t.requests != nil {
		t.requests.end(t.Run, t.operationStartNs, now)
	}
	t.operationStartNs = now
}

// Fail ends the process with status `wrong`. It does not return.
func (t *Thread) Fail(what string) {
	t.Run.giveUp("wrong", what)
}

// Print prints a line, in the first measured iteration only.
func (t *Thread) Print(line string) {
	if t.Run.prints {
		t.Run.print(line)
	}
}

// Barrier waits until all threads of the run have called it.
func (t *Thread) Barrier() {
	if t.Run.Threads > 1 {
		t.Run.barrier.wait()
	}
}

type barrier struct {
	lock    sync.Mutex
	opened  sync.Cond
	threads uint64
	waiting uint64
	round   uint64
}

func newBarrier(threads uint64) *barrier {
	b := &barrier{threads: threads}
	b.opened.L = &b.lock
	return b
}

func (b *barrier) wait() {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.waiting++
	if b.waiting == b.threads {
		b.waiting = 0
		b.round++
		b.opened.Broadcast()
		return
	}
	for round := b.round; round == b.round; {
		b.opened.Wait()
	}
}

func min(a, b uint64) uint64 {
	if a < b {
		return a
	}
	return b
}

func max(a, b uint64) uint64 {
	if a > b {
		return a
	}
	return b
}
