package workloads

import (
	"unsafe"

	"gcmeter/go/base"
	"gcmeter/go/harness"
)

const (
	graphNodes = iota
	graphDegree
	graphWindow
	graphWindows
	graphLeak
)

const (
	graphNodeBytes      = 16
	graphOperationNodes = 128
)

// graphNode is followed by its edges: Go has no type for an array of a length that only a parameter
// tells, and a slice would make two objects of each node.
type graphNode struct {
	value   uint64
	number  uint32
	visited uint32 // of the walk that frees by hand; here for its size
}

// edges of a node with so many.
func (n *graphNode) edges(degree uint64) []*graphNode {
	return unsafe.Slice((**graphNode)(unsafe.Add(unsafe.Pointer(n), graphNodeBytes)), degree)
}

type nodeAndEdges[E any] struct {
	graphNode
	edges E
}

// buildGraphs build a graph by the degree of its nodes, from 1 on.
var buildGraphs = []func(b *graphBuilder, unit uint64) *graphNode{
	buildGraph[[1]*graphNode],
	buildGraph[[2]*graphNode],
	buildGraph[[3]*graphNode],
	buildGraph[[4]*graphNode],
	buildGraph[[5]*graphNode],
	buildGraph[[6]*graphNode],
	buildGraph[[7]*graphNode],
	buildGraph[[8]*graphNode],
	buildGraph[[9]*graphNode],
	buildGraph[[10]*graphNode],
	buildGraph[[11]*graphNode],
	buildGraph[[12]*graphNode],
	buildGraph[[13]*graphNode],
	buildGraph[[14]*graphNode],
	buildGraph[[15]*graphNode],
	buildGraph[[16]*graphNode],
	buildGraph[[17]*graphNode],
	buildGraph[[18]*graphNode],
	buildGraph[[19]*graphNode],
	buildGraph[[20]*graphNode],
	buildGraph[[21]*graphNode],
	buildGraph[[22]*graphNode],
	buildGraph[[23]*graphNode],
	buildGraph[[24]*graphNode],
	buildGraph[[25]*graphNode],
	buildGraph[[26]*graphNode],
	buildGraph[[27]*graphNode],
	buildGraph[[28]*graphNode],
	buildGraph[[29]*graphNode],
	buildGraph[[30]*graphNode],
	buildGraph[[31]*graphNode],
	buildGraph[[32]*graphNode],
	buildGraph[[33]*graphNode],
	buildGraph[[34]*graphNode],
	buildGraph[[35]*graphNode],
	buildGraph[[36]*graphNode],
	buildGraph[[37]*graphNode],
	buildGraph[[38]*graphNode],
	buildGraph[[39]*graphNode],
	buildGraph[[40]*graphNode],
	buildGraph[[41]*graphNode],
	buildGraph[[42]*graphNode],
	buildGraph[[43]*graphNode],
	buildGraph[[44]*graphNode],
	buildGraph[[45]*graphNode],
	buildGraph[[46]*graphNode],
	buildGraph[[47]*graphNode],
	buildGraph[[48]*graphNode],
	buildGraph[[49]*graphNode],
	buildGraph[[50]*graphNode],
	buildGraph[[51]*graphNode],
	buildGraph[[52]*graphNode],
	buildGraph[[53]*graphNode],
	buildGraph[[54]*graphNode],
	buildGraph[[55]*graphNode],
	buildGraph[[56]*graphNode],
	buildGraph[[57]*graphNode],
	buildGraph[[58]*graphNode],
	buildGraph[[59]*graphNode],
	buildGraph[[60]*graphNode],
	buildGraph[[61]*graphNode],
	buildGraph[[62]*graphNode],
	buildGraph[[63]*graphNode],
	buildGraph[[64]*graphNode],
}

var cyclicGraph = harness.Workload{
	Name:    "cyclic_graph",
	Summary: "rings with random edges, strongly connected, a window of them alive",
	Operation: "one graph built, and the oldest read and dropped; where graphs are smaller than " +
		"128 nodes, 128/nodes of them, rounded up",
	Params: []harness.Param{
		{"nodes", "count", 64, 1, 100000000, "nodes of a graph"},
		{"degree", "count", 4, 1, 64, "edges of a node, one of which closes the ring"},
		{"window", "count", 2000, 1, 100000000, "graphs alive, all threads together"},
		{"windows", "count", 20, 5, 1000000, "windows of graphs that an iteration builds"},
		{"leak", "flag", 0, 0, 1, "1: by hand, dropped graphs are never freed"},
	},
	Traits: harness.TakesThreads,
	LiveBytes: func(run *harness.Run) uint64 {
		p := run.Params
		graph := p[graphNodes] * (graphNodeBytes + p[graphDegree]*wordBytes)
		return p[graphWindow]*(wordBytes+graph) + run.Threads*p[graphNodes]*wordBytes
	},
	Check: func(run *harness.Run) string {
		if run.Params[graphWindow] < run.Threads {
			return "window must be at least the number of threads: each keeps a graph alive"
		}
		return ""
	},
	Iterate: func(thread *harness.Thread) uint64 {
		first, end := thread.Share(thread.Param(graphWindow))
		width := end - first
		b := graphBuilder{
			thread: thread,
			nodes:  thread.Param(graphNodes),
			degree: thread.Param(graphDegree),
			build:  buildGraphs[thread.Param(graphDegree)-1],
		}
		each := (graphOperationNodes + b.nodes - 1) / b.nodes
		window := make([]*graphNode, width)
		thread.Allocated(width*wordBytes, 1)

		thread.OperationBegin()
		// The thread's units are contiguous: each of its slots sees every width-th of them.
		firstUnit, endUnit := first*thread.Param(graphWindows), end*thread.Param(graphWindows)
		var checksum, slot uint64
		for unit := firstUnit; unit < endUnit; unit++ {
			if unit-firstUnit >= width {
				graph := window[slot]
				window[slot] = nil
				checksum += b.read(graph, unit-width)
			}
			window[slot] = b.build(&b, unit)
			if slot++; slot == width {
				slot = 0
			}
			if (unit+1)%each == 0 || unit+1 == endUnit {
				thread.OperationEnd()
			}
		}
		for unit := endUnit - width; unit < endUnit; unit++ {
			slot := (unit - firstUnit) % width
			graph := window[slot]
			window[slot] = nil
			checksum += b.read(graph, unit)
		}
		return checksum
	},
}

// graphBuilder is one thread's view of the run.
type graphBuilder struct {
	thread        *harness.Thread
	nodes, degree uint64
	build         func(b *graphBuilder, unit uint64) *graphNode
}

func graphValue(key, number uint64) uint64 {
	return base.Mix(key + number)
}

// buildGraph returns node 0 of graph unit. The table of nodes is dropped at the end.
func buildGraph[E any](b *graphBuilder, unit uint64) *graphNode {
	rng := base.NewRng(b.thread.Run.Seed, unit)
	key := rng.Next()
	table := make([]*graphNode, b.nodes)
	for i := range table {
		node := &new(nodeAndEdges[E]).graphNode
		node.value = graphValue(key, uint64(i))
		node.number = uint32(i)
		table[i] = node
	}
	for i, node := range table {
		next := i + 1
		if next == len(table) {
			next = 0
		}
		edges := node.edges(b.degree)
		edges[0] = table[next]
		for k := 1; k < len(edges); k++ {
			edges[k] = table[rng.Below(b.nodes)]
		}
	}
	b.thread.Allocated(b.nodes*(wordBytes+graphNodeBytes+b.degree*wordBytes), b.nodes+1)
	return table[0]
}

// read goes round the ring, reads what every edge leads to, and returns the graph's part of the
// checksum.
func (b *graphBuilder) read(start *graphNode, unit uint64) uint64 {
	rng := base.NewRng(b.thread.Run.Seed, unit)
	key := rng.Next()
	var hash uint64
	node := start
	for i := uint64(0); i < b.nodes; i++ {
		if uint64(node.number) != i || node.value != graphValue(key, i) {
			b.thread.Fail("cyclic_graph: a node is not what was built")
		}
		edges := node.edges(b.degree)
		for _, target := range edges[1:] {
			if uint64(target.number) != rng.Below(b.nodes) {
				b.thread.Fail("cyclic_graph: an edge leads to the wrong node")
			}
			hash = hash*31 + target.value
		}
		hash = hash*31 + node.value
		node = edges[0]
	}
	if node != start {
		b.thread.Fail("cyclic_graph: a ring is not closed")
	}
	return base.Mix(hash)
}
