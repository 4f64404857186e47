package workloads

import "gcmeter/go/harness"

var nothing = harness.Workload{
	Name:      "nothing",
	Summary:   "empty operations: what the harness itself costs",
	Operation: "nothing at all",
	Params: []harness.Param{
		{"operations", "count", 1000000, 1, 1000000000, "empty operations per iteration, all threads together"},
	},
	Traits:    harness.TakesThreads,
	LiveBytes: func(*harness.Run) uint64 { return 0 },
	Iterate: func(thread *harness.Thread) uint64 {
		var checksum uint64
		first, end := thread.Share(thread.Param(0))
		for i := first; i < end; i++ {
			checksum += i
			thread.OperationEnd()
		}
		return checksum
	},
}
