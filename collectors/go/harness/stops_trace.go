package harness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/trace"
	"sort"

	"gcmeter/go/base"
)

// traceLog records stops by runtime/trace, which tells them to the nanosecond but costs the mutator
// much more than gctrace: an event for each span of small objects. Events go to memory outside of
// Go's heap and are read when the measured part is over.
type traceLog struct {
	file        *os.File
	anchors     []anchor
	stops       []stop
	collections []collection
}

// Types of events of runtime/trace.go in Go 1.11 to 1.21, of which these are read.
const (
	evBatch     = 1  // processor, ticks: what follows is counted from there
	evSTWStart  = 9  // ticks, kind: 1 before marking, 0 when marking ends
	evSTWDone   = 10 // ticks
	evHeapAlloc = 33 // ticks, bytes
	evString    = 37 // id, text
	evUserLog   = 48 // ticks, task, key, stack; text
)

// The clock is read this often at either end of the trace.
const clockReadings = 20

func (log *traceLog) begin(uint64) error {
	var err error
	if log.file, err = memoryFile(); err != nil {
		return err
	}
	if err := trace.Start(log.file); err != nil {
		return err
	}
	log.readClock()
	return nil
}

// readClock writes events into the trace whose time is known, so that its ticks can be told in
// nanoseconds.
func (log *traceLog) readClock() {
	for i := 0; i < clockReadings; i++ {
		before := base.Now()
		trace.Log(context.Background(), "", "")
		after := base.Now()
		log.anchors = append(log.anchors, anchor{ns: (before + after) / 2, doubtNs: after - before})
	}
}

// closestAnchor returns the one that is known best.
func closestAnchor(anchors []anchor) anchor {
	closest := anchors[0]
	for _, a := range anchors {
		if a.doubtNs < closest.doubtNs {
			closest = a
		}
	}
	return closest
}

func (log *traceLog) finish(uint64, int64) ([]stop, []collection, error) {
	log.readClock()
	trace.Stop()
	events, err := contentsOf(log.file.Fd())
	if err != nil {
		return nil, nil, err
	}
	err = log.read(events)
	return log.stops, log.collections, err
}

// A time in ticks beside the same in nanoseconds.
type anchor struct {
	ticks, ns int64
	doubtNs   int64 // time between the two readings round the event
}

type stopEvent struct {
	ticks int64
	done  bool
	kind  uint64
}

func (log *traceLog) read(events []byte) error {
	var anchorTicks []int64
	var stopEvents []stopEvent
	visit := func(kind byte, ticks int64, argument uint64) {
		switch kind {
		case evSTWStart:
			stopEvents = append(stopEvents, stopEvent{ticks, false, argument})
		case evSTWDone:
			stopEvents = append(stopEvents, stopEvent{ticks, true, 0})
		case evUserLog:
			anchorTicks = append(anchorTicks, ticks)
		}
	}
	if err := eachEvent(events, visit); err != nil {
		return err
	}
	if len(anchorTicks) != len(log.anchors) {
		return errors.New("the trace does not tell its clock")
	}
	sort.Slice(anchorTicks, func(i, k int) bool { return anchorTicks[i] < anchorTicks[k] })
	for i, ticks := range anchorTicks {
		log.anchors[i].ticks = ticks
	}
	first, last := closestAnchor(log.anchors[:clockReadings]), closestAnchor(log.anchors[clockReadings:])
	nsPerTick := float64(last.ns-first.ns) / float64(last.ticks-first.ticks)
	ns := func(ticks int64) int64 {
		return first.ns + int64(float64(ticks-first.ticks)*nsPerTick)
	}

	sort.Slice(stopEvents, func(i, k int) bool { return stopEvents[i].ticks < stopEvents[k].ticks })
	for i := 0; i+1 < len(stopEvents); i += 2 {
		start, done := stopEvents[i], stopEvents[i+1]
		if start.done || !done.done {
			return errors.New("a stop in the trace begins or ends twice")
		}
		kind := "mark_end"
		if start.kind == 1 {
			kind = "mark_start"
		}
		log.stops = append(log.stops, stop{kind, ns(start.ticks), ns(done.ticks)})
	}
	return log.findCollections(events, ns)
}

// findCollections pairs the stops, and finds what was allocated last before each of the two: the
// runtime reports what it has marked inside the last stop.
func (log *traceLog) findCollections(events []byte, ns func(int64) int64) error {
	for i, s := range log.stops {
		switch {
		case s.kind == "mark_start":
			log.collections = append(log.collections, collection{startNs: s.startNs, heapKnown: true})
		case len(log.collections) > 0:
			// Marking that was not done yet goes on, and is ended by one more stop.
			c := &log.collections[len(log.collections)-1]
			c.endNs = s.endNs
			c.markNs = s.endNs - c.startNs
			if log.stops[i-1].kind == "mark_start" {
				c.markNs = s.endNs - log.stops[i-1].endNs
			}
		}
	}
	if n := len(log.collections); n > 0 && log.collections[n-1].endNs == 0 {
		log.collections = log.collections[:n-1]
	}
	before := make([]int64, len(log.collections))
	live := make([]int64, len(log.collections))
	return eachEvent(events, func(kind byte, ticks int64, bytes uint64) {
		if kind != evHeapAlloc {
			return
		}
		t := ns(ticks)
		// The first collection that began after this event, and the first that ended after it.
		i := sort.Search(len(log.collections), func(i int) bool { return log.collections[i].startNs > t })
		if i < len(before) && t >= before[i] {
			before[i] = t
			log.collections[i].heapBeforeBytes = bytes
		}
		i = sort.Search(len(log.collections), func(i int) bool { return log.collections[i].endNs > t })
		if i < len(live) && t >= live[i] {
			live[i] = t
			log.collections[i].liveBytes = bytes
		}
	})
}

// eachEvent calls visit with the type of each event, its time and its first argument. The format is
// that of internal/trace/parser.go in Go 1.11 to 1.21.
func eachEvent(events []byte, visit func(kind byte, ticks int64, argument uint64)) error {
	const header = 16
	var minor int
	if len(events) < header {
		return errors.New("the trace is empty")
	}
	if n, err := fmt.Sscanf(string(events[:header]), "go 1.%d trace", &minor); n != 1 || err != nil || minor < 11 ||
		minor > 21 {
		return fmt.Errorf("a trace of another format: %q", bytes.TrimRight(events[:header], "\x00"))
	}
	p := traceReader{rest: events[header:]}
	var ticks int64
	for len(p.rest) > 0 && !p.broken {
		first := p.byte()
		kind, count := first&0x3f, first>>6+1
		if kind == evString {
			p.number()
			p.text()
			continue
		}
		arguments := p.arguments(int(count))
		if kind == evBatch {
			ticks = int64(arguments[1])
			continue
		}
		if kind == evUserLog {
			p.text()
		}
		switch kind {
		case 2, 3, 35: // frequency, stack and timer goroutine have no time
			continue
		}
		ticks += int64(arguments[0])
		if p.broken {
			break
		}
		visit(kind, ticks, arguments[1])
	}
	if p.broken {
		return errors.New("the trace is cut off")
	}
	return nil
}

type traceReader struct {
	rest   []byte
	broken bool
}

func (p *traceReader) byte() byte {
	if len(p.rest) == 0 {
		p.broken = true
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

// number reads a varint: seven bits at a time, the lowest first.
func (p *traceReader) number() uint64 {
	var value uint64
	for shift := 0; ; shift += 7 {
		b := p.byte()
		value |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			return value
		}
	}
}

// text passes over one with its length before it.
func (p *traceReader) text() {
	n := p.number()
	if n > uint64(len(p.rest)) {
		p.broken = true
		return
	}
	p.rest = p.rest[n:]
}

// arguments returns the first two of an event. Where there are more than three, their length in
// bytes comes before them.
func (p *traceReader) arguments(count int) [2]uint64 {
	var found [2]uint64
	if count < 4 {
		for i := 0; i < count; i++ {
			n := p.number()
			if i < len(found) {
				found[i] = n
			}
		}
		return found
	}
	length := p.number()
	if length > uint64(len(p.rest)) {
		p.broken = true
		return found
	}
	inner := traceReader{rest: p.rest[:length]}
	p.rest = p.rest[length:]
	for i := 0; i < len(found) && len(inner.rest) > 0; i++ {
		found[i] = inner.number()
	}
	return found
}
