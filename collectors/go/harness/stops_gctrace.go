package harness

import (
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gcmeter/go/base"
)

// stderr of the process. Descriptor 2 itself is where the runtime writes gctrace to.
var stderr = os.Stderr

const (
	gctraceSetting = "gctrace=1"

	// A line of gctrace has its time in whole milliseconds since the runtime started; collections
	// forced at known times tell when that was.
	clockCollections = 25
	clockStep        = 1040 * time.Microsecond
)

// gctraceLog reads the lines that the runtime writes, after each collection and with the world
// running again, when gctrace is set.
type gctraceLog struct {
	forcedNs      []int64 // when collections were forced
	startedNs     int64   // when the runtime started
	begunNs       int64
	earlierCycles uint64 // before that
}

// startGctraceLog must come first in a process: the runtime reads its settings when it starts, so
// the program is executed once more.
func startGctraceLog() (*gctraceLog, error) {
	if os.Getenv("GODEBUG") != gctraceSetting {
		os.Setenv("GODEBUG", gctraceSetting)
		return nil, syscall.Exec("/proc/self/exe", os.Args, os.Environ())
	}
	real, err := syscall.Dup(2)
	if err != nil {
		return nil, err
	}
	syscall.CloseOnExec(real)
	file, err := memoryFile()
	if err != nil {
		return nil, err
	}
	if err := syscall.Dup3(int(file.Fd()), 2, 0); err != nil {
		return nil, err
	}
	stderr = os.NewFile(uintptr(real), "stderr")
	return &gctraceLog{}, nil
}

// showPanic, deferred, gives a panic the stderr that it is to be seen on.
func showPanic() {
	if cause := recover(); cause != nil {
		fmt.Fprintf(stderr, "panic: %v\n%s", cause, debug.Stack())
		os.Exit(exitPanic)
	}
}

// readClock forces collections at known times, when the heap is still empty. Each bounds the start
// of the runtime to a millisecond; since they come at different parts of one, all together bound it
// closer.
func (log *gctraceLog) readClock() {
	for i := 0; i < clockCollections; i++ {
		log.forcedNs = append(log.forcedNs, base.Now())
		runtime.GC()
		for due := log.forcedNs[0] + int64(i+1)*int64(clockStep); base.Now() < due; {
			runtime.Gosched()
		}
	}
}

// gc 1 @0.012s 2%: 0.026+0.39+0.10 ms clock, …: number, start, then the first stop, marking beside
// the program, and the last stop. (Package runtime, Environment Variables.)
var gctraceLine = regexp.MustCompile(`^gc (\d+) @(\d+\.\d+)s \d+%: ([\d.]+)\+([\d.]+)\+([\d.]+) ms clock,`)

type gctraceCycle struct {
	number                   uint64
	startMs                  int64 // since the start of the runtime, cut off
	firstNs, markNs, finalNs int64
	forced                   bool
}

func parseGctrace(text string) ([]gctraceCycle, error) {
	var cycles []gctraceCycle
	for _, line := range strings.Split(text, "\n") {
		found := gctraceLine.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		number, err := strconv.ParseUint(found[1], 10, 64)
		if err != nil {
			return nil, err
		}
		var ms [4]float64
		for i := range ms {
			if ms[i], err = strconv.ParseFloat(found[2+i], 64); err != nil {
				return nil, err
			}
		}
		cycles = append(cycles, gctraceCycle{
			number:  number,
			startMs: int64(math.Round(ms[0] * 1e3)),
			firstNs: int64(math.Round(ms[1] * 1e6)),
			markNs:  int64(math.Round(ms[2] * 1e6)),
			finalNs: int64(math.Round(ms[3] * 1e6)),
			forced:  strings.HasSuffix(line, "(forced)"),
		})
	}
	return cycles, nil
}

// findStart bounds the start of the runtime by the collections that readClock forced.
func (log *gctraceLog) findStart(cycles []gctraceCycle) error {
	earliest, latest := int64(math.MinInt64), int64(math.MaxInt64)
	for i, forcedNs := range log.forcedNs {
		if i >= len(cycles) || !cycles[i].forced {
			return errors.New("gctrace does not show the collections that were forced")
		}
		end := forcedNs - cycles[i].startMs*1e6
		if end < latest {
			latest = end
		}
		if end-1e6 > earliest {
			earliest = end - 1e6
		}
	}
	log.startedNs = earliest + (latest-earliest)/2
	return nil
}

func (log *gctraceLog) begin(collections uint64) error {
	log.begunNs = base.Now()
	log.earlierCycles = collections
	return nil
}

func (log *gctraceLog) finish(collections uint64, endNs int64) ([]stop, []collection, error) {
	text, err := contentsOf(2)
	if err != nil {
		return nil, nil, err
	}
	cycles, err := parseGctrace(string(text))
	if err != nil {
		return nil, nil, err
	}
	if err := log.findStart(cycles); err != nil {
		return nil, nil, err
	}
	stops, placed := log.place(cycles, collections, endNs)
	return stops, placed, nil
}

// place finds when the collections of the measured part were.
func (log *gctraceLog) place(cycles []gctraceCycle, count uint64, endNs int64) ([]stop, []collection) {
	var stops []stop
	var collections []collection
	lastNs := log.begunNs
	for _, c := range cycles {
		if c.number <= log.earlierCycles {
			continue
		}
		// The middle of the millisecond, but with an end in the measured part if it had one there, and
		// never inside the collection before.
		start := log.startedNs + c.startMs*1e6 + 5e5
		latest := endNs - c.firstNs - c.markNs - c.finalNs
		if c.number <= log.earlierCycles+count && start > latest {
			start = latest
		}
		if start < lastNs {
			start = lastNs
		}
		mark := start + c.firstNs
		end := mark + c.markNs
		lastNs = end + c.finalNs
		stops = append(stops, stop{"mark_start", start, mark}, stop{"mark_end", end, lastNs})
		collections = append(collections, collection{startNs: start, endNs: lastNs, markNs: lastNs - mark})
	}
	return stops, collections
}
