// gcmeter-run-go is the runner of the backend go: the Go runtime itself, running ports of the
// workloads in workloads/ by the protocol of harness/runner/PROTOCOL.md.
//
// The ports allocate the same objects in the same order and come to the same checksums; appending,
// pooling (sync.Pool) and collecting are Go's own. Memory is cleared by the runtime, as always in Go.
//
// Threads are goroutines, and GOMAXPROCS is their number, so Go's collector, which works beside the
// program on a quarter of the processors, shares them with it; option procs gives it more. A heap
// limit is the runtime's memory limit (GOMEMLIMIT), which is soft: who holds 5 % more is out of
// memory. Stops come from gctrace, option stops says why; /gc/pauses:seconds is there to check them.
package main

import (
	"os"

	"gcmeter/go/harness"
	"gcmeter/go/workloads"
)

func main() {
	os.Exit(harness.Main(workloads.All))
}
