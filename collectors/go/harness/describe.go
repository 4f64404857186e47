package harness

import (
	"runtime"
	"runtime/debug"
	"strings"
)

const (
	optionGogc  = "gogc"
	optionProcs = "procs"
	optionStops = "stops"
)

// Values of the option stops.
const (
	stopsGctrace = iota
	stopsTrace
	stopsNone
)

var options = []option{
	{optionGogc, "number", "percent", 100, -1, 1000000, nil,
		"growth of the heap over what is live until the next collection (GOGC); -1: none but by the heap limit"},
	{optionProcs, "number", "count", 0, 0, 1024, nil,
		"processors that Go uses at once (GOMAXPROCS), for its collector too; 0: as many as --threads"},
	{optionStops, "choice", "", stopsGctrace, 0, stopsNone, []string{"gctrace", "trace", "none"},
		"how stops are seen: gctrace disturbs least, and knows a start to half a millisecond and a length to two " +
			"digits; trace (Go before 1.22) knows both exactly, and live bytes, but slows allocation"},
}

// facts are those of gc_backend.h's struct gc_facts.
var facts = [][2]string{
	{"allocation", "called, on the heap where the compiler finds that a value escapes"},
	{"scanning", "typed in the heap and on stacks; conservative in frames that were preempted by a signal"},
	{"interior", "from everywhere"},
	{"zeroing", "all objects, by the runtime"},
	{"markers", "a quarter of GOMAXPROCS (option procs), idle processors, and allocating goroutines that assist"},
	{"initial_heap", "none; the first collection at 4 MiB x GOGC / 100"},
	{"limit", "soft (GOMEMLIMIT): all that the runtime holds; over 5 % above it is out of memory"},
}

// buildFlags are the settings of the build that change the code.
func buildFlags() string {
	var flags []string
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if !strings.HasPrefix(setting.Key, "vcs") {
				flags = append(flags, setting.Key+"="+setting.Value)
			}
		}
	}
	return strings.Join(flags, " ")
}

func describe(workloads []*Workload) {
	r := newRecords(1)
	r.row("protocol", "1")
	r.row("name", "go")
	r.row("flavour", "")
	r.row("summary", "the Go runtime itself, running Go ports of the workloads")
	r.row("version", runtime.Version())
	r.row("header_version", runtime.Version())
	r.row("library", "")
	r.row("compiler", runtime.Compiler+" "+runtime.Version())
	r.row("flags", buildFlags())
	r.row("reclaim", "tracing")
	for _, capability := range []string{"heap_limit", "collect", "threads", "precise"} {
		r.row("capability", capability)
	}
	for _, fact := range facts {
		r.row("fact", fact[0], fact[1])
	}
	for _, o := range options {
		if o.choices != nil {
			r.row("option", o.name, o.kind, o.unit, o.choices[o.byDefault], "", "", strings.Join(o.choices, "|"), o.help)
			continue
		}
		r.row("option", o.name, o.kind, o.unit, signed(o.byDefault), signed(o.min), signed(o.max), "", o.help)
	}
	for _, w := range workloads {
		var traits []string
		if w.Traits&TakesThreads != 0 {
			traits = append(traits, "threads")
		}
		if w.Traits&IsRequests != 0 {
			traits = append(traits, "requests")
		}
		r.row("workload", w.Name, w.Operation, strings.Join(traits, "|"), w.Summary)
		for _, p := range w.Params {
			r.row("param", w.Name, p.Name, p.Unit, unsigned(p.DefaultValue), unsigned(p.Min), unsigned(p.Max), p.Help)
		}
	}
	r.flush()
}
