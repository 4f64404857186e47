package harness

import (
	"os"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"
)

// A stop of the world, in CLOCK_MONOTONIC, from the request until it runs again.
type stop struct {
	kind           string // mark_start or mark_end
	startNs, endNs int64
}

// A collection, from the start of its first stop to the end of its last.
type collection struct {
	startNs, endNs  int64
	markNs          int64
	heapKnown       bool   // whether the next two are
	heapBeforeBytes uint64 // in objects
	liveBytes       uint64 // marked
}

// stopSource is a way to see stops.
type stopSource interface {
	// begin comes before the measured part, after so many collections.
	begin(collections uint64) error
	// finish returns all since then, in order, when the measured part is over: it ended at that time,
	// after so many collections more.
	finish(collections uint64, endNs int64) ([]stop, []collection, error)
}

// Package syscall has no name for it on every machine.
var memfdCreate = map[string]uintptr{"amd64": 319, "arm64": 279}

// memoryFile returns a file that is neither on a disk nor in the memory of the process.
func memoryFile() (*os.File, error) {
	const closeOnExec = 1
	name := []byte("gcmeter-stops\x00")
	fd, _, err := syscall.Syscall(memfdCreate[runtime.GOARCH], uintptr(unsafe.Pointer(&name[0])), closeOnExec, 0)
	if err != 0 {
		return nil, err
	}
	return os.NewFile(fd, "stops"), nil
}

// contentsOf an open file, from its beginning.
func contentsOf(fd uintptr) ([]byte, error) {
	return os.ReadFile("/proc/self/fd/" + strconv.Itoa(int(fd)))
}
