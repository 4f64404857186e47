package workloads

import (
	"gcmeter/go/base"
	"gcmeter/go/harness"
)

const (
	gcbenchStretchDepth = iota
	gcbenchLongLivedDepth
	gcbenchArray
	gcbenchMinDepth
	gcbenchMaxDepth
)

const (
	binaryNodeBytes       = 24
	gcbenchDepthStep      = 2
	gcbenchOperationNodes = 255
	gcbenchCheckedIndex   = 1000
)

// Numbers of the two long trees; those of the temporary ones follow.
const (
	stretchTree = iota
	longLivedTree
	firstTree
)

type binaryNode struct {
	left, right *binaryNode
	height      int32  // of the tree below, 0 for a leaf
	tree        uint32 // number of the tree it belongs to
}

var gcbench = harness.Workload{
	Name:    "gcbench",
	Summary: "GCBench by Ellis, Kovac and Boehm: binary trees beside long-lived data",
	Operation: "one temporary tree built, checked and dropped; of trees smaller than 255 nodes, " +
		"255/size of them, rounded up",
	Params: []harness.Param{
		{"stretch_depth", "count", 18, 1, 28, "depth of the tree that is dropped"},
		{"long_lived_depth", "count", 16, 1, 28, "depth of the tree that stays"},
		{"array", "count", 500000, 2002, 1 << 30,
			"doubles in the long-lived array, the first half of which is filled"},
		{"min_depth", "count", 4, 1, 28, "depth of the smallest temporary trees"},
		{"max_depth", "count", 16, 1, 28, "depth of the largest temporary trees"},
	},
	Traits: harness.TakesThreads,
	LiveBytes: func(run *harness.Run) uint64 {
		p := run.Params
		nodes := binaryTreeSize(p[gcbenchLongLivedDepth]) + temporaryNodes(run)
		return max(nodes*binaryNodeBytes+p[gcbenchArray]*wordBytes,
			binaryTreeSize(p[gcbenchStretchDepth])*binaryNodeBytes)
	},
	Check: func(run *harness.Run) string {
		if run.Params[gcbenchMinDepth] > run.Params[gcbenchMaxDepth] {
			return "min_depth must be at most max_depth"
		}
		if run.Params[gcbenchMaxDepth] > run.Params[gcbenchStretchDepth] {
			return "max_depth must be at most stretch_depth, which sets the number of nodes per depth"
		}
		return ""
	},
	Iterate: func(thread *harness.Thread) uint64 {
		if thread.Index > 0 {
			thread.Barrier()
			defer thread.Barrier()
			return constructAll(thread)
		}
		depth, length := thread.Param(gcbenchLongLivedDepth), thread.Param(gcbenchArray)
		checksum := stretchHeap(thread)
		root := &binaryNode{height: int32(depth), tree: longLivedTree}
		populate(root, depth)
		array := make([]float64, length)
		for i := uint64(1); i < length/2; i++ {
			array[i] = 1.0 / float64(i)
		}
		thread.Allocated(length*wordBytes, 1)

		thread.Barrier()
		checksum += constructAll(thread)
		thread.Barrier()

		count := countBinaryTree(thread, root, depth, longLivedTree)
		if array[gcbenchCheckedIndex] != 1.0/gcbenchCheckedIndex {
			thread.Fail("gcbench: the long-lived array is not what was written")
		}
		thread.Allocated(count*binaryNodeBytes, count)
		return checksum + count
	},
}

func binaryTreeSize(depth uint64) uint64 {
	return 2<<depth - 1
}

// binaryTreeCount is as many trees of one depth as together have twice the nodes of the stretch
// tree.
func binaryTreeCount(run *harness.Run, depth uint64) uint64 {
	return 2 * binaryTreeSize(run.Params[gcbenchStretchDepth]) / binaryTreeSize(depth)
}

// temporaryNodes is how many nodes of temporary trees live at a time. Each thread has one, and where the
// deepest are fewer than threads, the others may still be at the trees of the depth before.
func temporaryNodes(run *harness.Run) uint64 {
	p := run.Params
	idle, nodes := run.Threads, uint64(0)
	for depth := p[gcbenchMaxDepth] - (p[gcbenchMaxDepth]-p[gcbenchMinDepth])%gcbenchDepthStep; ; depth -= gcbenchDepthStep {
		busy := min(binaryTreeCount(run, depth), idle)
		nodes += busy * binaryTreeSize(depth)
		idle -= busy
		if idle == 0 || depth < p[gcbenchMinDepth]+gcbenchDepthStep {
			return nodes
		}
	}
}

// populate grows the tree below node from the top down, assigning to older objects.
func populate(node *binaryNode, depth uint64) {
	if depth == 0 {
		return
	}
	depth--
	node.left = &binaryNode{height: int32(depth), tree: node.tree}
	node.right = &binaryNode{height: int32(depth), tree: node.tree}
	populate(node.left, depth)
	populate(node.right, depth)
}

// makeBinaryTree builds a tree from the bottom up.
func makeBinaryTree(depth uint64, tree uint32) *binaryNode {
	if depth == 0 {
		return &binaryNode{tree: tree}
	}
	left := makeBinaryTree(depth-1, tree)
	right := makeBinaryTree(depth-1, tree)
	return &binaryNode{left, right, int32(depth), tree}
}

func checkBinaryNode(thread *harness.Thread, node *binaryNode, height uint64, tree uint32) {
	if node == nil || node.height != int32(height) || node.tree != tree {
		thread.Fail("gcbench: a tree is not what was built")
	}
}

// countBinaryTree checks each node.
func countBinaryTree(thread *harness.Thread, node *binaryNode, height uint64, tree uint32) uint64 {
	checkBinaryNode(thread, node, height, tree)
	if height == 0 {
		return 1
	}
	count := 1 + countBinaryTree(thread, node.left, height-1, tree)
	return count + countBinaryTree(thread, node.right, height-1, tree)
}

// checkAndDrop checks the nodes from the root to one leaf, chosen by the seed.
func checkAndDrop(thread *harness.Thread, node *binaryNode, depth uint64, tree uint32) uint64 {
	turns := base.Mix(thread.Run.Seed ^ base.Mix(uint64(tree)))
	hash := turns
	for height := depth; height > 0; height-- {
		checkBinaryNode(thread, node, height, tree)
		hash = hash*31 + uint64(node.height) + uint64(node.tree)
		if turns&1 != 0 {
			node = node.left
		} else {
			node = node.right
		}
		turns >>= 1
	}
	checkBinaryNode(thread, node, 0, tree)
	if node.left != nil || node.right != nil {
		thread.Fail("gcbench: a leaf has children")
	}
	thread.Allocated(binaryTreeSize(depth)*binaryNodeBytes, binaryTreeSize(depth))
	return base.Mix(hash + uint64(node.tree))
}

// timeConstruction is this thread's share of the trees of one depth, whose numbers start at tree.
func timeConstruction(thread *harness.Thread, depth uint64, tree uint32) uint64 {
	count := binaryTreeCount(thread.Run, depth)
	each := (gcbenchOperationNodes + binaryTreeSize(depth) - 1) / binaryTreeSize(depth)
	first, end := thread.Share((count + each - 1) / each)
	first, end = first*each, min(end*each, count)

	var checksum uint64
	for i := first; i < end; i++ {
		root := &binaryNode{height: int32(depth), tree: tree + uint32(i)}
		populate(root, depth)
		checksum += checkAndDrop(thread, root, depth, tree+uint32(i))
		if (i+1)%each == 0 || i+1 == end {
			thread.OperationEnd()
		}
	}
	tree += uint32(count)
	for i := first; i < end; i++ {
		root := makeBinaryTree(depth, tree+uint32(i))
		checksum += checkAndDrop(thread, root, depth, tree+uint32(i))
		if (i+1)%each == 0 || i+1 == end {
			thread.OperationEnd()
		}
	}
	return checksum
}

func stretchHeap(thread *harness.Thread) uint64 {
	depth := thread.Param(gcbenchStretchDepth)
	count := countBinaryTree(thread, makeBinaryTree(depth, stretchTree), depth, stretchTree)
	thread.Allocated(count*binaryNodeBytes, count)
	return count
}

func constructAll(thread *harness.Thread) uint64 {
	var checksum uint64
	tree := uint64(firstTree)
	thread.OperationBegin()
	for depth := thread.Param(gcbenchMinDepth); depth <= thread.Param(gcbenchMaxDepth); depth += gcbenchDepthStep {
		checksum += timeConstruction(thread, depth, uint32(tree))
		tree += 2 * binaryTreeCount(thread.Run, depth)
	}
	return checksum
}
