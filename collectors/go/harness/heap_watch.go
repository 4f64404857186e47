package harness

import (
	"fmt"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	watchPeriod = 10 * time.Millisecond
	// GOMEMLIMIT is soft. How far above it the heap may be, in percent (DESIGN.md, Heap limit).
	toleratedPercent = 5
)

// watch ends the run as `oom` where what the runtime holds from the system passes a bound. It looks
// every 10 ms, without stopping the world, since the runtime itself never refuses an allocation.
type watch struct {
	limitBytes uint64 // soft limit of the heap, or 0
	capBytes   uint64 // bound without a limit, or 0
	outcome    func(status, detail string)
	lock       sync.Mutex
	samples    []metrics.Sample
}

func newWatch(limitBytes, capBytes uint64, outcome func(status, detail string)) *watch {
	return &watch{limitBytes: limitBytes, capBytes: capBytes, outcome: outcome, samples: []metrics.Sample{
		{Name: "/memory/classes/total:bytes"},
		{Name: "/memory/classes/heap/released:bytes"},
	}}
}

func (w *watch) look() {
	w.lock.Lock()
	defer w.lock.Unlock()
	metrics.Read(w.samples)
	held := w.samples[0].Value.Uint64() - w.samples[1].Value.Uint64()
	if limit := w.limitBytes; limit != 0 && held > limit+limit/100*toleratedPercent {
		w.outcome("oom", fmt.Sprintf("%d bytes are held, more than %d %% above the limit of %d", held, toleratedPercent,
			limit))
	}
	if w.capBytes != 0 && held > w.capBytes {
		w.outcome("oom", fmt.Sprintf("%d bytes are held, more than %d", held, w.capBytes))
	}
}

// start looks from now on, as long as the process lives.
func (w *watch) start() {
	if w.limitBytes == 0 && w.capBytes == 0 {
		return
	}
	go func() {
		for range time.Tick(watchPeriod) {
			w.look()
		}
	}()
}
