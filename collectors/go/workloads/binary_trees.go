package workloads

import (
	"gcmeter/go/base"
	"gcmeter/go/harness"
)

const (
	treesDepth = iota
)

const (
	pairNodeBytes       = 16
	treesMinDepth       = 4
	treesDepthStep      = 2
	treesOperationNodes = 255
)

type pairNode struct {
	left, right *pairNode
}

var binaryTrees = harness.Workload{
	Name:    "binary_trees",
	Summary: "the Benchmarks Game's binary trees: nodes of two pointers, built, counted, dropped",
	Operation: "one tree built, counted and dropped; of trees smaller than 255 nodes, 255/size " +
		"of them, rounded up",
	Params: []harness.Param{
		{"depth", "count", 17, treesMinDepth + 2, 28, "depth of the long-lived tree, the N of the published program"},
	},
	Traits: harness.TakesThreads,
	LiveBytes: func(run *harness.Run) uint64 {
		depth := run.Params[treesDepth]
		deepest := depth - (depth-treesMinDepth)%treesDepthStep
		busy := min(pairTreeCount(run, deepest), run.Threads)
		later := binaryTreeSize(depth) + busy*binaryTreeSize(deepest)
		return max(later, binaryTreeSize(depth+1)) * pairNodeBytes
	},
	Iterate: func(thread *harness.Thread) uint64 {
		depth := thread.Param(treesDepth)
		var checksum uint64
		var longLived *pairNode
		if thread.Index == 0 {
			checksum += checkPairTree(thread, makePairTree(depth+1), depth+1)
			longLived = makePairTree(depth)
		}
		thread.Barrier()
		thread.OperationBegin()
		for d := uint64(treesMinDepth); d <= depth; d += treesDepthStep {
			checksum += makePairTrees(thread, d)
		}
		thread.Barrier()
		if thread.Index == 0 {
			checksum += checkPairTree(thread, longLived, depth)
		}
		return checksum
	},
}

func pairTreeCount(run *harness.Run, depth uint64) uint64 {
	return 1 << (run.Params[treesDepth] - depth + treesMinDepth)
}

func makePairTree(depth uint64) *pairNode {
	if depth == 0 {
		return &pairNode{}
	}
	left := makePairTree(depth - 1)
	return &pairNode{left, makePairTree(depth - 1)}
}

// countPairTree counts nodes as far as the tree reaches; height bounds how deep that can be.
func countPairTree(node *pairNode, height uint64) uint64 {
	if node.left == nil || height == 0 {
		return 1
	}
	count := 1 + countPairTree(node.left, height-1)
	if node.right != nil {
		count += countPairTree(node.right, height-1)
	}
	return count
}

// checkPairTree returns what a tree adds to the checksum.
func checkPairTree(thread *harness.Thread, root *pairNode, depth uint64) uint64 {
	count := countPairTree(root, depth)
	if count != binaryTreeSize(depth) {
		thread.Fail("binary_trees: a tree has not the nodes it was built with")
	}
	thread.Allocated(count*pairNodeBytes, count)
	return base.Mix(depth) * count
}

// makePairTrees is this thread's share of the trees of one depth.
func makePairTrees(thread *harness.Thread, depth uint64) uint64 {
	count := pairTreeCount(thread.Run, depth)
	each := (treesOperationNodes + binaryTreeSize(depth) - 1) / binaryTreeSize(depth)
	first, end := thread.Share((count + each - 1) / each)
	first, end = first*each, min(end*each, count)
	var checksum uint64
	for i := first; i < end; i++ {
		checksum += checkPairTree(thread, makePairTree(depth), depth)
		if (i+1)%each == 0 || i+1 == end {
			thread.OperationEnd()
		}
	}
	return checksum
}
