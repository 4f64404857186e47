// Package workloads holds the ports, one file each, of the same name as the C file. What a workload
// stands for and what it stresses, the head comment of the C file says. Where that frees by hand,
// passes a safepoint or stores through a barrier, Go does by itself.
package workloads

import "gcmeter/go/harness"

// All workloads, in the order of workloads.def.
var All = []*harness.Workload{
	&nothing,
	&sliceAppend,
	&cyclicGraph,
	&pooledBuffers,
	&escape,
	&gcbench,
	&binaryTrees,
	&quads,
	&lruCache,
	&httpServer,
	&stringsCount,
}
