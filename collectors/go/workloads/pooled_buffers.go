package workloads

import (
	"encoding/binary"
	"math/bits"
	"sync"
	"unsafe"

	"gcmeter/go/base"
	"gcmeter/go/harness"
)

const (
	bufferBytes = iota
	bufferBuffers
	bufferHeld
	bufferPool
	bufferTouched
)

const (
	poolNone = iota
	poolShared
	poolSlot
)

const (
	bufferOperationWords   = 2048
	bufferOperationBuffers = 32
)

var pooledBuffers = harness.Workload{
	Name:    "pooled_buffers",
	Summary: "temporary buffers of uneven sizes, from a pool or freshly allocated",
	Operation: "a few buffers taken, written, read back and given back: as many as have 16 KiB " +
		"written, at most 32",
	Params: []harness.Param{
		{"bytes", "bytes", 4096, 64, 1 << 30, "size of the largest buffer"},
		{"buffers", "count", 1500000, 1, 10000000000, "buffers used per iteration, all threads together"},
		{"held", "count", 256, 1, 10000000, "buffers in use at once, all threads together"},
		{"pool", "count", 1, 0, 2, "1: buffers come from a pool; 0: allocated for each use; 2: from one slot of the " +
			"thread, the least that a pool can cost"},
		{"touched", "permille", 125, 0, 1000, "part of a buffer that is written and read back"},
	},
	Traits: harness.TakesThreads,
	LiveBytes: func(run *harness.Run) uint64 {
		p := run.Params
		queue := (p[bufferHeld] + run.Threads) * wordBytes
		if p[bufferPool] != poolNone {
			return queue + p[bufferHeld]*p[bufferBytes]
		}
		part := (p[bufferHeld] + run.Threads - 1) / run.Threads
		uneven := run.Threads * p[bufferBytes] * (2 + uint64(bits.Len64(part))) / 11
		return queue + p[bufferHeld]*p[bufferBytes]/4*3 + uneven
	},
	Check: func(run *harness.Run) string {
		if run.Params[bufferHeld] < run.Threads {
			return "held must be at least the number of threads: each uses a buffer"
		}
		if run.Params[bufferBuffers] < run.Params[bufferHeld] {
			return "buffers must be at least held: the queue would never be full"
		}
		return ""
	},
	Setup: func(thread *harness.Thread) {
		if thread.Param(bufferPool) == poolShared {
			thread.Run.State = new(sync.Pool)
		}
	},
	Iterate: func(thread *harness.Thread) uint64 {
		first, end := thread.Share(thread.Param(bufferBuffers))
		heldFirst, heldEnd := thread.Share(thread.Param(bufferHeld))
		held := heldEnd - heldFirst
		each := buffersPerOperation(thread.Run)
		q := bufferQueue{
			thread:  thread,
			buffers: make([]buffer, held+1),
			slot:    held,
			hasSlot: thread.Param(bufferPool) == poolSlot,
		}
		q.pool, _ = thread.Run.State.(*sync.Pool)
		thread.Allocated((held+1)*wordBytes, 1)

		thread.OperationBegin()
		var checksum, place uint64
		for unit := first; unit < end; unit++ {
			if unit-first >= held {
				checksum += q.endUse(place, unit-held)
			}
			q.beginUse(place, unit)
			if place++; place == held {
				place = 0
			}
			if (unit+1)%each == 0 || unit+1 == end {
				thread.OperationEnd()
			}
		}
		for unit := end - min(end-first, held); unit < end; unit++ {
			checksum += q.endUse((unit-first)%held, unit)
		}
		return checksum
	},
}

// buffer is the start of one. Its length follows from the use, so that a queue or a pool holds one
// word for each, as in C, and no slice header that the pool would have to allocate.
type buffer *byte

func newBuffer(bytes uint64) buffer {
	return &make([]byte, bytes)[0]
}

// bytesNeeded by use number unit: the fraction of a Weyl sequence scaled to bytes/2 .. bytes.
func bytesNeeded(run *harness.Run, unit uint64) uint64 {
	const golden = 0x9e3779b97f4a7c15
	fraction := (base.Mix(run.Seed) + unit*golden) >> 32
	half := run.Params[bufferBytes] / 2
	return half + (half+1)*fraction>>32
}

func wordsTouched(run *harness.Run, bytes uint64) uint64 {
	return bytes * run.Params[bufferTouched] / 1000 / wordBytes
}

func buffersPerOperation(run *harness.Run) uint64 {
	words := max(wordsTouched(run, run.Params[bufferBytes]), 1)
	return min(bufferOperationWords/words+1, bufferOperationBuffers)
}

// firstWord is what is written into the buffer of a use: first, first + step, …
func firstWord(run *harness.Run, unit uint64) uint64 {
	return base.Mix(run.Seed + base.Mix(unit))
}

// bufferQueue is a thread's buffers in use, oldest at the place that comes next; behind them the
// slot of pool=2.
type bufferQueue struct {
	thread  *harness.Thread
	pool    *sync.Pool // or nil
	buffers []buffer
	slot    uint64
	hasSlot bool
}

func (q *bufferQueue) take(bytes uint64) buffer {
	var b buffer
	if q.pool != nil {
		b, _ = q.pool.Get().(buffer)
		bytes = q.thread.Param(bufferBytes)
	} else if q.hasSlot {
		b = q.buffers[q.slot]
		q.buffers[q.slot] = nil
		bytes = q.thread.Param(bufferBytes)
	}
	if b == nil {
		b = newBuffer(bytes)
		q.thread.Allocated(bytes, 1)
	}
	return b
}

func (q *bufferQueue) giveBack(b buffer) {
	if q.pool != nil {
		q.pool.Put(b)
	} else if q.hasSlot {
		q.buffers[q.slot] = b
	}
}

func (q *bufferQueue) beginUse(place, unit uint64) {
	run := q.thread.Run
	bytes := bytesNeeded(run, unit)
	b := q.take(bytes)
	value := firstWord(run, unit)
	step := value | 1
	for text := unsafe.Slice((*byte)(b), wordsTouched(run, bytes)*wordBytes); len(text) >= wordBytes; text = text[wordBytes:] {
		binary.LittleEndian.PutUint64(text, value)
		value += step
	}
	q.buffers[place] = b
}

// endUse reads the buffer back and gives it away.
func (q *bufferQueue) endUse(place, unit uint64) uint64 {
	run := q.thread.Run
	words := wordsTouched(run, bytesNeeded(run, unit))
	b := q.buffers[place]
	q.buffers[place] = nil
	expected := firstWord(run, unit)
	step := expected | 1
	var sum, wrong uint64
	for text := unsafe.Slice((*byte)(b), words*wordBytes); len(text) >= wordBytes; text = text[wordBytes:] {
		word := binary.LittleEndian.Uint64(text)
		sum += word
		wrong |= word ^ expected
		expected += step
	}
	if wrong != 0 {
		q.thread.Fail("pooled_buffers: a buffer does not hold what was written")
	}
	q.giveBack(b)
	return base.Mix(sum ^ words)
}
