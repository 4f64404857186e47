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
	bufferRare
)

const (
	poolNone = iota
	poolShared
	poolSlot
	poolMixed
)

const (
	bufferOperationWords   = 4096
	bufferOperationBuffers = 64
	usualPart              = 16 // where large buffers are rare, the usual ones are so much smaller
)

var pooledBuffers = harness.Workload{
	Name:    "pooled_buffers",
	Summary: "temporary buffers of uneven sizes, from a pool or freshly allocated",
	Operation: "a few buffers taken, written, read back and given back: as many as have 32 KiB " +
		"written, at most 64",
	Params: []harness.Param{
		{"bytes", "bytes", 4096, 64, 1 << 30, "size of the largest buffer"},
		{"buffers", "count", 1500000, 1, 10000000000, "buffers used per iteration, all threads together"},
		{"held", "count", 256, 1, 10000000, "buffers in use at once, all threads together"},
		{"pool", "count", 1, 0, 3, "1: buffers come from a pool; 0: allocated for each use; 2: from one slot of the " +
			"thread, the least that a pool can cost; 3: from a pool in which sizes mix"},
		{"touched", "permille", 125, 0, 1000, "part of a buffer that is written and read back"},
		{"rare", "count", 0, 0, 1000000, "one use of so many needs a buffer of `bytes`, the others 1/16; 0: uneven sizes"},
	},
	Traits: harness.TakesThreads,
	LiveBytes: func(run *harness.Run) uint64 {
		p := run.Params
		queue := (p[bufferHeld] + run.Threads) * wordBytes
		if p[bufferPool] == poolMixed {
			return queue + p[bufferHeld]*(p[bufferBytes]+wordBytes)
		}
		if p[bufferPool] != poolNone {
			return queue + p[bufferHeld]*p[bufferBytes]
		}
		part := (p[bufferHeld] + run.Threads - 1) / run.Threads
		uneven := p[bufferHeld]*p[bufferBytes]/4*3 + run.Threads*p[bufferBytes]*(2+uint64(bits.Len64(part)))/11
		if p[bufferRare] == 0 {
			return queue + uneven
		}
		large := part
		if part >= 2 {
			large = min((part-2)/p[bufferRare]+2, part)
		}
		return queue + uneven/usualPart + run.Threads*large*p[bufferBytes]
	},
	Check: func(run *harness.Run) string {
		if run.Params[bufferHeld] < run.Threads {
			return "held must be at least the number of threads: each uses a buffer"
		}
		if run.Params[bufferBuffers] < run.Params[bufferHeld] {
			return "buffers must be at least held: the queue would never be full"
		}
		if run.Params[bufferRare] > 0 && run.Params[bufferBytes] < 2*usualPart*wordBytes {
			return "bytes must be at least 256 with rare: the usual buffers hold a word"
		}
		return ""
	},
	Setup: func(thread *harness.Thread) {
		if pool := thread.Param(bufferPool); pool == poolShared || pool == poolMixed {
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
		if thread.Param(bufferPool) == poolMixed {
			q.sizes = make([]uint64, held)
			thread.Allocated(held*wordBytes, 1)
		}

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

// isRare says whether unit is the one of each `rare` uses that follow each other.
func isRare(run *harness.Run, unit uint64) bool {
	rare := run.Params[bufferRare]
	return base.Mix(run.Seed+base.Mix(^(unit/rare)))%rare == unit%rare
}

// bytesNeeded by use number unit: the fraction of a Weyl sequence scaled to bytes/2 .. bytes.
func bytesNeeded(run *harness.Run, unit uint64) uint64 {
	const golden = 0x9e3779b97f4a7c15
	fraction := (base.Mix(run.Seed) + unit*golden) >> 32
	half := run.Params[bufferBytes] / 2
	bytes := half + (half+1)*fraction>>32
	if run.Params[bufferRare] == 0 {
		return bytes
	}
	if isRare(run, unit) {
		return run.Params[bufferBytes]
	}
	return bytes / usualPart
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
	sizes   []uint64 // what the buffers in use were allocated with, if sizes mix; else nil
}

// takeMixed takes a buffer that has its size in its first word while it is in the pool.
func (q *bufferQueue) takeMixed(place, bytes uint64) buffer {
	b, _ := q.pool.Get().(buffer)
	if b != nil {
		if size := binary.LittleEndian.Uint64(unsafe.Slice((*byte)(b), wordBytes)); size >= bytes {
			q.sizes[place] = size
			return b
		}
	}
	q.sizes[place] = bytes
	q.thread.Allocated(bytes, 1)
	return newBuffer(bytes)
}

func (q *bufferQueue) take(place, bytes uint64) buffer {
	if q.sizes != nil {
		return q.takeMixed(place, bytes)
	}
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

func (q *bufferQueue) giveBack(place uint64, b buffer) {
	if q.sizes != nil {
		binary.LittleEndian.PutUint64(unsafe.Slice((*byte)(b), wordBytes), q.sizes[place])
	}
	if q.pool != nil {
		q.pool.Put(b)
	} else if q.hasSlot {
		q.buffers[q.slot] = b
	}
}

func (q *bufferQueue) beginUse(place, unit uint64) {
	run := q.thread.Run
	bytes := bytesNeeded(run, unit)
	b := q.take(place, bytes)
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
	q.giveBack(place, b)
	return base.Mix(sum ^ words)
}
