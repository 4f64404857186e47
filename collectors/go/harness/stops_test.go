package harness

import (
	"reflect"
	"testing"
)

func TestGctraceLines(t *testing.T) {
	cycles, err := parseGctrace("gc 1 @0.012s 2%: 0.026+0.39+0.10 ms clock, 0.21+0.88/0.52/0+0.83 ms cpu, " +
		"4->4->0 MB, 4 MB goal, 0 MB stacks, 0 MB globals, 8 P (forced)\n" +
		"scvg: something else\n" +
		"gc 17 @12.3s 0%: 0+12+1.5 ms clock, 0+0/0/0+0 ms cpu, 4->4->0 MB, 4 MB goal, 8 P\n")
	expected := []gctraceCycle{
		{1, 12, 26000, 390000, 100000, true},
		{17, 12300, 0, 12000000, 1500000, false},
	}
	if err != nil || !reflect.DeepEqual(cycles, expected) {
		t.Errorf("%v, %v", cycles, err)
	}
}

// Collections forced at known times by a runtime that started at another known time.
func TestGctraceClock(t *testing.T) {
	const started = 7_000_123_456
	log := gctraceLog{}
	var cycles []gctraceCycle
	for i := int64(0); i < clockCollections; i++ {
		at := started + 3_000_000 + i*int64(clockStep)
		log.forcedNs = append(log.forcedNs, at)
		cycles = append(cycles, gctraceCycle{number: uint64(i + 1), startMs: (at - started) / 1e6, forced: true})
	}
	if err := log.findStart(cycles); err != nil {
		t.Fatal(err)
	}
	if doubt := log.startedNs - started; doubt < -50_000 || doubt > 50_000 {
		t.Errorf("%d ns from the start", doubt)
	}
	cycles[4].forced = false
	if log.findStart(cycles) == nil {
		t.Error("a collection is missing, and it is not said")
	}
}

// The last collection of the measured part ended in it, whatever its millisecond says; one that was
// under way then did not.
func TestGctraceEnd(t *testing.T) {
	log := gctraceLog{startedNs: 1_000_000, begunNs: 2_000_000, earlierCycles: 3}
	cycles := []gctraceCycle{
		{number: 3, startMs: 0, firstNs: 10, markNs: 100, finalNs: 20},
		{number: 4, startMs: 4, firstNs: 1_000, markNs: 2_000_000, finalNs: 3_000},
		{number: 5, startMs: 9, firstNs: 1_000, markNs: 700_000, finalNs: 3_000},
	}
	const endNs = 7_400_000
	stops, collections := log.place(cycles, 1, endNs)
	if len(stops) != 4 || len(collections) != 2 {
		t.Fatalf("%v %v", stops, collections)
	}
	if collections[0].endNs != endNs || stops[1].endNs != endNs || stops[0].startNs != endNs-2_004_000 {
		t.Errorf("the collection that was counted: %v", stops[:2])
	}
	if collections[1].startNs != 10_500_000 {
		t.Errorf("the one that was not: %v", stops[2:])
	}
	stops, _ = log.place(cycles, 1, 2*endNs)
	if stops[0].startNs != 5_500_000 {
		t.Errorf("one that ended long before: %v", stops[:2])
	}
}

// trace builds one as the runtime writes it.
func traceOf(events ...[]byte) []byte {
	all := append([]byte("go 1.19 trace"), 0, 0, 0)
	for _, e := range events {
		all = append(all, e...)
	}
	return all
}

func varint(value uint64) []byte {
	var text []byte
	for ; value >= 0x80; value >>= 7 {
		text = append(text, byte(value)|0x80)
	}
	return append(text, byte(value))
}

func event(kind byte, arguments ...uint64) []byte {
	var text []byte
	for _, a := range arguments {
		text = append(text, varint(a)...)
	}
	if len(arguments) < 4 {
		return append([]byte{kind | byte(len(arguments)-1)<<6}, text...)
	}
	return append(append([]byte{kind | 3<<6}, varint(uint64(len(text)))...), text...)
}

func logEvent(ticks uint64) []byte {
	return append(event(evUserLog, ticks, 0, 0, 0), 2, 'h', 'i')
}

// A tick is 10 ns. Two processors, whose batches come one after the other.
func TestTraceIsRead(t *testing.T) {
	log := traceLog{}
	var events [][]byte
	events = append(events, event(evBatch, 0, 1000), event(evString, 5)[:1], varint(1), varint(3), []byte("abc"))
	for i := 0; i < clockReadings; i++ {
		events = append(events, logEvent(1))
		log.anchors = append(log.anchors, anchor{ns: 10 * int64(1001+i), doubtNs: 50})
	}
	events = append(events,
		event(evSTWStart, 980, 1), // 2000
		event(evSTWDone, 100),     // 2100
		event(evHeapAlloc, 50, 777),
		event(evSTWStart, 850, 0), // 3000
		event(evHeapAlloc, 10, 555),
		event(evSTWDone, 190), // 3200
	)
	for i := 0; i < clockReadings; i++ {
		events = append(events, logEvent(1))
		log.anchors = append(log.anchors, anchor{ns: 10 * int64(3201+i), doubtNs: 50})
	}
	events = append(events, event(evBatch, 1, 1900), event(evHeapAlloc, 10, 999), event(3, 1, 2, 3, 4, 5, 6))

	whole := traceOf(events...)
	if err := log.read(whole); err != nil {
		t.Fatal(err)
	}
	if expected := []stop{{"mark_start", 20000, 21000}, {"mark_end", 30000, 32000}}; !reflect.DeepEqual(log.stops, expected) {
		t.Errorf("stops %v", log.stops)
	}
	expected := []collection{{20000, 32000, 11000, true, 999, 555}}
	if !reflect.DeepEqual(log.collections, expected) {
		t.Errorf("collections %v", log.collections)
	}
	for cut := 0; cut < len(whole)-1; cut++ {
		again := traceLog{anchors: log.anchors}
		if again.read(whole[:cut]) == nil && cut < len(whole)-30 {
			t.Errorf("cut off after %d of %d bytes, it is read", cut, len(whole))
		}
	}
	newer := append([]byte("go 1.22 trace"), whole[13:]...)
	if log.read(newer) == nil {
		t.Error("another format is read")
	}
}
