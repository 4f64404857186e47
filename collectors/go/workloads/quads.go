package workloads

import (
	"gcmeter/go/base"
	"gcmeter/go/harness"
)

const (
	quadsDepth = iota
	quadsRounds
	quadsGarbage
	quadsGarbageDepth
	quadsShuffled
)

const (
	quadBytes           = 32
	quadKids            = 4
	quadsOperationNodes = 255
	// Subtrees two levels below the root of the live tree.
	quadsSubtrees     = 16
	quadsSubtreeLevel = 2
)

type quad struct {
	kids [quadKids]*quad
}

// liveQuads is the live tree, and its subtrees while they are built.
type liveQuads struct {
	root     *quad
	subtrees [quadsSubtrees]*quad
}

var quads = harness.Workload{
	Name:    "quads",
	Summary: "a large tree of four-child nodes kept, small ones built and dropped",
	Operation: "one small tree built, checked and dropped; of trees smaller than 255 nodes, " +
		"255/size of them, rounded up",
	Params: []harness.Param{
		{"depth", "count", 10, 3, 14, "depth of the live tree"},
		{"rounds", "count", 20, 1, 1000000, "rounds of garbage per iteration"},
		{"garbage", "permille", 333, 0, 1000000, "garbage allocated per round, as a part of the live tree"},
		{"garbage_depth", "count", 3, 0, 10, "depth of the trees that are dropped"},
		{"shuffled", "flag", 0, 0, 1, "1: neighbours in the live tree lie far apart in memory"},
	},
	Traits: harness.TakesThreads,
	LiveBytes: func(run *harness.Run) uint64 {
		p := run.Params
		busy := min(quadTreesPerRound(run), run.Threads)
		besides := busy * quadTreeSize(p[quadsGarbageDepth]) * quadBytes
		if p[quadsShuffled] != 0 {
			besides = max(besides, quadLeafCount(p[quadsDepth])*wordBytes)
		}
		return quadTreeSize(p[quadsDepth])*quadBytes + besides
	},
	Check: func(run *harness.Run) string {
		if run.Params[quadsGarbageDepth] >= run.Params[quadsDepth] {
			return "garbage_depth must be smaller than depth"
		}
		return ""
	},
	Setup: func(thread *harness.Thread) {
		thread.Run.State = new(liveQuads)
	},
	Iterate: func(thread *harness.Thread) uint64 {
		live := thread.Run.State.(*liveQuads)
		first, end := thread.Share(quadsSubtrees)
		if thread.Param(quadsShuffled) != 0 {
			live.buildShuffled(thread)
		} else {
			live.build(thread, first, end)
		}
		checksum := live.read(thread, first, end)
		for round := uint64(0); round < thread.Param(quadsRounds); round++ {
			checksum += makeQuadGarbage(thread, round)
			checksum += live.read(thread, first, end)
		}
		thread.Barrier()
		if thread.Index == 0 {
			live.root = nil
		}
		return checksum
	},
}

func quadTreeSize(depth uint64) uint64 {
	return (4<<(2*depth) - 1) / 3
}

func quadLeafCount(depth uint64) uint64 {
	return 1 << (2 * depth)
}

func quadTreesPerRound(run *harness.Run) uint64 {
	p := run.Params
	return quadTreeSize(p[quadsDepth]) * p[quadsGarbage] / 1000 / quadTreeSize(p[quadsGarbageDepth])
}

func makeQuadTree(depth uint64) *quad {
	var kids [quadKids]*quad
	if depth > 0 {
		for i := range kids {
			kids[i] = makeQuadTree(depth - 1)
		}
	}
	return &quad{kids}
}

// shuffleQuads is by Fisher and Yates (Knuth, The Art of Computer Programming 2, algorithm 3.4.2 P).
func shuffleQuads(table []*quad, rng *base.Rng) {
	for i := len(table) - 1; i > 0; i-- {
		k := rng.Below(uint64(i) + 1)
		table[i], table[k] = table[k], table[i]
	}
}

// makeShuffledTree builds level by level, from the leaves up. The table begins with the nodes of the
// level last built.
func makeShuffledTree(thread *harness.Thread, depth uint64) *quad {
	rng := base.NewRng(thread.Run.Seed, 0)
	table := make([]*quad, quadLeafCount(depth))
	thread.Allocated(uint64(len(table))*wordBytes, 1)
	for i := range table {
		table[i] = new(quad)
	}
	for len(table) > 1 {
		shuffleQuads(table, &rng)
		for i := 0; i < len(table)/quadKids; i++ {
			node := new(quad)
			copy(node.kids[:], table[quadKids*i:])
			table[i] = node
		}
		table = table[:len(table)/quadKids]
	}
	return table[0]
}

// countQuads counts the nodes of a tree, which must be whole and no deeper than it was built.
func countQuads(thread *harness.Thread, node *quad, depth uint64) uint64 {
	count := uint64(1)
	for _, kid := range node.kids {
		if (kid == nil) != (depth == 0) {
			thread.Fail("quads: a tree is not what was built")
		}
		if depth > 0 {
			count += countQuads(thread, kid, depth-1)
		}
	}
	return count
}

// checkQuadPath follows one path, chosen by the seed, to a leaf.
func checkQuadPath(thread *harness.Thread, node *quad, depth, tree uint64) uint64 {
	turns := base.Mix(thread.Run.Seed ^ base.Mix(tree))
	hash := turns
	for ; depth > 0; depth-- {
		node = node.kids[turns%quadKids]
		if node == nil {
			thread.Fail("quads: a tree is not what was built")
		}
		hash = hash*31 + depth
		turns >>= 2
	}
	if node.kids != [quadKids]*quad{} {
		thread.Fail("quads: a leaf has children")
	}
	return base.Mix(hash)
}

func (live *liveQuads) buildShuffled(thread *harness.Thread) {
	if thread.Index == 0 {
		depth := thread.Param(quadsDepth)
		live.root = makeShuffledTree(thread, depth)
		thread.Allocated(quadTreeSize(depth)*quadBytes, quadTreeSize(depth))
	}
	thread.Barrier()
}

// build lets all threads make the subtrees, which the first then joins.
func (live *liveQuads) build(thread *harness.Thread, first, end uint64) {
	depth := thread.Param(quadsDepth)
	for i := first; i < end; i++ {
		live.subtrees[i] = makeQuadTree(depth - quadsSubtreeLevel)
	}
	nodes := (end - first) * quadTreeSize(depth-quadsSubtreeLevel)
	thread.Barrier()
	if thread.Index == 0 {
		root := new(quad)
		for i := range root.kids {
			kid := new(quad)
			copy(kid.kids[:], live.subtrees[quadKids*i:])
			root.kids[i] = kid
		}
		live.root = root
		live.subtrees = [quadsSubtrees]*quad{}
		nodes += quadTreeSize(quadsSubtreeLevel - 1)
	}
	thread.Allocated(nodes*quadBytes, nodes)
	thread.Barrier()
}

// makeQuadGarbage is this thread's share of the small trees of one round.
func makeQuadGarbage(thread *harness.Thread, round uint64) uint64 {
	depth := thread.Param(quadsGarbageDepth)
	nodes := quadTreeSize(depth)
	trees := quadTreesPerRound(thread.Run)
	each := (quadsOperationNodes + nodes - 1) / nodes
	first, end := thread.Share((trees + each - 1) / each)
	first, end = first*each, min(end*each, trees)
	thread.OperationBegin()
	var checksum uint64
	for i := first; i < end; i++ {
		checksum += checkQuadPath(thread, makeQuadTree(depth), depth, round*trees+i)
		thread.Allocated(nodes*quadBytes, nodes)
		if (i+1)%each == 0 || i+1 == end {
			thread.OperationEnd()
		}
	}
	return checksum
}

// read reads this thread's subtrees, and the first thread's also the nodes above.
func (live *liveQuads) read(thread *harness.Thread, first, end uint64) uint64 {
	depth := thread.Param(quadsDepth)
	var count uint64
	if thread.Index == 0 {
		count = quadTreeSize(quadsSubtreeLevel - 1)
	}
	for i := first; i < end; i++ {
		kid := live.root.kids[i/quadKids]
		if kid == nil || kid.kids[i%quadKids] == nil {
			thread.Fail("quads: the live tree has lost a subtree")
		}
		count += countQuads(thread, kid.kids[i%quadKids], depth-quadsSubtreeLevel)
	}
	return count
}
