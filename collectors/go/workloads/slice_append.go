package workloads

import (
	"fmt"

	"gcmeter/go/base"
	"gcmeter/go/harness"
)

const (
	sliceElements = iota
	sliceSlices
	sliceWindow
	slicePointer
	sliceExample
)

const (
	wordBytes         = 8
	sliceHeaderBytes  = 24
	boxBytes          = 16
	exampleElements   = 10
	operationElements = 4000
)

// What a pointer element refers to.
type box struct {
	value, index uint64
}

// sequence is the elements of one slice: first, first + step, first + 2 step, …
type sequence struct {
	first, step uint64
}

// slicePlan is what growing one slice allocates in all.
type slicePlan struct {
	bytes, count uint64
}

var sliceAppend = harness.Workload{
	Name:    "slice_append",
	Summary: "Go slices grown by append, with Go's growth rule and size classes",
	Operation: "one slice grown to its length and the oldest one read back; where slices are " +
		"shorter than 4000 elements, 4000/elements of them, rounded up",
	Params: []harness.Param{
		{"elements", "count", 1000, 1, 1 << 30, "elements appended to a slice"},
		{"slices", "count", 50000, 1, 1000000000, "slices grown per iteration, all threads together"},
		{"window", "count", 1000, 0, 10000000, "slices alive besides the one that grows, all threads together"},
		{"pointer", "flag", 0, 0, 1, "1: elements are pointers to boxes of 16 bytes; 0: 64-bit integers"},
		{"example", "flag", 0, 0, 1,
			"1: every slice holds 1 to 10 (elements is not used), the first one is printed"},
	},
	Traits: harness.TakesThreads,
	LiveBytes: func(run *harness.Run) uint64 {
		elements := sliceElementCount(run)
		var boxes uint64
		if run.Params[slicePointer] != 0 {
			boxes = boxBytes
		}
		var last, previous uint64
		eachCapacity(elements, func(capacity uint64) { previous, last = last, capacity })
		whole := wordBytes*last + boxes*elements
		growing := wordBytes*(last+previous) + boxes*(previous+1)
		window := run.Params[sliceWindow]
		busy := min(window, run.Threads) // threads that have a window
		return sliceHeaderBytes*window + (window-busy)*whole + run.Threads*max(growing, whole)
	},
	Check: func(run *harness.Run) string {
		if run.Params[sliceSlices] < run.Params[sliceWindow] {
			return "slices must be at least window: the window would never be full"
		}
		return ""
	},
	Setup: func(thread *harness.Thread) {
		var plan slicePlan
		elements := sliceElementCount(thread.Run)
		eachCapacity(elements, func(capacity uint64) {
			plan.bytes += capacity * wordBytes
			plan.count++
		})
		if thread.Param(slicePointer) != 0 {
			plan.bytes += elements * boxBytes
			plan.count += elements
		}
		thread.Run.State = plan
	},
	Iterate: func(thread *harness.Thread) uint64 {
		if thread.Param(slicePointer) != 0 {
			return growSlices(thread, growBoxes, readBoxes)
		}
		return growSlices(thread, growIntegers, readIntegers)
	},
}

// eachCapacity calls visit with the capacities through which append takes a slice of words on its way
// to its length.
func eachCapacity(elements uint64, visit func(capacity uint64)) {
	for capacity := uint64(0); capacity < elements; {
		capacity = nextCapacity(capacity)
		visit(capacity)
	}
}

const (
	largestClassWords = 32768 / wordBytes
	pageWords         = 8192 / wordBytes
)

// nextCapacity is what append makes of a full slice: the runtime is asked where its size classes
// count, and long slices, which take whole pages, are not made for that.
func nextCapacity(capacity uint64) uint64 {
	wanted := 2 * capacity
	if capacity >= 256 {
		wanted = capacity + (capacity+3*256)/4
	}
	if wanted > largestClassWords {
		return (wanted + pageWords - 1) / pageWords * pageWords
	}
	full := make([]uint64, capacity)
	return uint64(cap(append(full, 0)))
}

func sliceElementCount(run *harness.Run) uint64 {
	if run.Params[sliceExample] != 0 {
		return exampleElements
	}
	return run.Params[sliceElements]
}

func sequenceOf(run *harness.Run, number uint64) sequence {
	if run.Params[sliceExample] != 0 {
		return sequence{1, 1}
	}
	first := base.Mix(base.Mix(run.Seed) ^ base.Mix(number))
	return sequence{first, first | 1}
}

func growIntegers(elements uint64, s sequence) []uint64 {
	var slice []uint64
	value := s.first
	for i := uint64(0); i < elements; i++ {
		slice = append(slice, value)
		value += s.step
	}
	return slice
}

func growBoxes(elements uint64, s sequence) []*box {
	var slice []*box
	value := s.first
	for i := uint64(0); i < elements; i++ {
		slice = append(slice, &box{value, i})
		value += s.step
	}
	return slice
}

// readIntegers adds up the elements; ok tells whether they are what was appended.
func readIntegers(slice []uint64, s sequence) (sum uint64, ok bool) {
	var wrong uint64
	expected := s.first
	for _, element := range slice {
		sum += element
		wrong |= element ^ expected
		expected += s.step
	}
	return sum, wrong == 0
}

func readBoxes(slice []*box, s sequence) (sum uint64, ok bool) {
	var wrong uint64
	expected := s.first
	for i, element := range slice {
		sum += element.value
		wrong |= (element.value ^ expected) | (element.index ^ uint64(i))
		expected += s.step
	}
	return sum, wrong == 0
}

type (
	grower[T any] func(elements uint64, s sequence) []T
	reader[T any] func(slice []T, s sequence) (sum uint64, ok bool)
)

// readSlice returns the part of the checksum of slice number.
func readSlice[T any](thread *harness.Thread, read reader[T], slice []T, number uint64) uint64 {
	if uint64(len(slice)) != sliceElementCount(thread.Run) {
		thread.Fail("slice_append: a slice has the wrong length")
	}
	sum, ok := read(slice, sequenceOf(thread.Run, number))
	if !ok {
		thread.Fail("slice_append: an element of a slice is not what was appended")
	}
	return base.Mix(sum + uint64(cap(slice)))
}

// showExample grows the mission's slice, checks each capacity on the way, and prints it.
func showExample[T any](thread *harness.Thread, grow grower[T]) {
	capacities := [exampleElements]int{1, 2, 4, 4, 8, 8, 8, 8, 16, 16}
	var slice, values []T
	values = grow(exampleElements, sequence{1, 1})
	for i, value := range values {
		slice = append(slice, value)
		if cap(slice) != capacities[i] {
			thread.Fail("slice_append: a capacity of the example is not Go's")
		}
	}
	shown := make([]uint64, 0, exampleElements)
	for _, element := range slice {
		switch e := any(element).(type) {
		case uint64:
			shown = append(shown, e)
		case *box:
			shown = append(shown, e.value)
		}
	}
	line := fmt.Sprint("Slice: ", shown)
	thread.Print(line)
	if line != "Slice: [1 2 3 4 5 6 7 8 9 10]" {
		thread.Fail("slice_append: the example does not hold 1 to 10")
	}
	plan := thread.Run.State.(slicePlan)
	thread.Allocated(plan.bytes, plan.count)
}

func growSlices[T any](thread *harness.Thread, grow grower[T], read reader[T]) uint64 {
	run := thread.Run
	plan := run.State.(slicePlan)
	elements := sliceElementCount(run)
	slices := thread.Param(sliceSlices)
	each := (operationElements + elements - 1) / elements
	if thread.Param(sliceExample) != 0 && thread.Index == 0 {
		showExample(thread, grow)
	}

	// Threads share whole operations, so that their number does not depend on the threads.
	first, end := thread.Share((slices + each - 1) / each)
	first, end = min(first*each, slices), min(end*each, slices)
	windowFirst, windowEnd := thread.Share(thread.Param(sliceWindow))
	width := windowEnd - windowFirst
	window := make([][]T, width)
	if width > 0 {
		thread.Allocated(width*sliceHeaderBytes, 1)
	}

	thread.OperationBegin()
	var checksum, slot uint64
	for number := first; number < end; number++ {
		if width == 0 {
			checksum += readSlice(thread, read, grow(elements, sequenceOf(run, number)), number)
		} else {
			if number-first >= width {
				checksum += readSlice(thread, read, window[slot], number-width)
				window[slot] = nil
			}
			window[slot] = grow(elements, sequenceOf(run, number))
			if slot++; slot == width {
				slot = 0
			}
		}
		thread.Allocated(plan.bytes, plan.count)
		if (number+1)%each == 0 || number+1 == end {
			thread.OperationEnd()
		}
	}
	for number := end - min(end-first, width); number < end; number++ {
		checksum += readSlice(thread, read, window[(number-first)%width], number)
	}
	return checksum
}
