package workloads

import (
	"math"

	"gcmeter/go/base"
	"gcmeter/go/harness"
)

const (
	escapeHeap = iota
	escapeLevels
	escapeChains
	escapeKept
)

const (
	matrixBytes           = 32
	escapeOperationValues = 1024
)

type matrix struct {
	a, b, c, d uint64
}

var escape = harness.Workload{
	Name:    "escape",
	Summary: "the same products of small matrices, on the heap or (heap=0) on the stack",
	Operation: "one chain multiplied, and the oldest result checked and dropped; of chains " +
		"shorter than 1024 values, 1024/values of them, rounded up",
	Params: []harness.Param{
		{"heap", "flag", 1, 0, 1, "1: every value is an object; 0: only the results are"},
		{"levels", "count", 4, 0, 20, "a chain multiplies 2^levels matrices"},
		{"chains", "count", 1000000, 1, 10000000000, "chains per iteration, all threads together"},
		{"kept", "count", 50000, 1, 100000000, "results kept, all threads together"},
	},
	Traits: harness.TakesThreads,
	LiveBytes: func(run *harness.Run) uint64 {
		p := run.Params
		var deepest uint64
		if p[escapeHeap] != 0 && p[escapeLevels] > 0 {
			deepest = p[escapeLevels] + 1
		}
		return p[escapeKept]*(wordBytes+matrixBytes) + run.Threads*deepest*matrixBytes
	},
	Check: func(run *harness.Run) string {
		if run.Params[escapeKept] < run.Threads {
			return "kept must be at least the number of threads: each keeps a result"
		}
		if run.Params[escapeChains] < run.Params[escapeKept] {
			return "chains must be at least kept: the table would never be full"
		}
		return ""
	},
	Iterate: func(thread *harness.Thread) uint64 {
		first, end := thread.Share(thread.Param(escapeChains))
		keptFirst, keptEnd := thread.Share(thread.Param(escapeKept))
		kept := keptEnd - keptFirst
		values := uint64(2)<<thread.Param(escapeLevels) - 1
		each := (escapeOperationValues + values - 1) / values
		table := make([]*matrix, kept)

		thread.OperationBegin()
		var checksum, slot uint64
		for chain := first; chain < end; chain++ {
			if chain-first >= kept {
				checksum += retireMatrix(thread, table, slot)
			}
			table[slot] = makeMatrix(thread, chain)
			if slot++; slot == kept {
				slot = 0
			}
			if (chain+1)%each == 0 || chain+1 == end {
				thread.OperationEnd()
			}
		}
		for i := uint64(0); i < min(end-first, kept); i++ {
			checksum += retireMatrix(thread, table, i)
		}
		objects := end - first
		if thread.Param(escapeHeap) != 0 {
			objects *= values
		}
		thread.Allocated(kept*wordBytes+objects*matrixBytes, 1+objects)
		return checksum
	},
}

func matrixFactor(key, number uint64) matrix {
	return matrix{a: base.Mix(key + number), b: 1, c: 1}
}

func multiplyMatrices(x, y *matrix) matrix {
	return matrix{
		a: x.a*y.a + x.b*y.c,
		b: x.a*y.b + x.b*y.d,
		c: x.c*y.a + x.d*y.c,
		d: x.c*y.b + x.d*y.d,
	}
}

// productOnStack is the product of 2^level factors, from number first on.
//
//go:noinline
func productOnStack(key, first, level uint64) matrix {
	if level == 0 {
		return matrixFactor(key, first)
	}
	level--
	x := productOnStack(key, first, level)
	y := productOnStack(key, first+1<<level, level)
	return multiplyMatrices(&x, &y)
}

// productOnHeap is the same. What it returns escapes, so it is allocated.
//
//go:noinline
func productOnHeap(key, first, level uint64) *matrix {
	if level == 0 {
		result := matrixFactor(key, first)
		return &result
	}
	level--
	x := productOnHeap(key, first, level)
	y := productOnHeap(key, first+1<<level, level)
	result := multiplyMatrices(x, y)
	return &result
}

func makeMatrix(thread *harness.Thread, chain uint64) *matrix {
	key := base.Mix(thread.Run.Seed ^ base.Mix(chain))
	levels := thread.Param(escapeLevels)
	if thread.Param(escapeHeap) != 0 {
		return productOnHeap(key, 0, levels)
	}
	result := productOnStack(key, 0, levels)
	return &result
}

// retireMatrix takes a result out of the table, checks it, and returns its part of the checksum.
func retireMatrix(thread *harness.Thread, table []*matrix, slot uint64) uint64 {
	r := table[slot]
	table[slot] = nil
	determinant := uint64(1)
	if thread.Param(escapeLevels) == 0 {
		determinant = math.MaxUint64
	}
	if r.a*r.d-r.b*r.c != determinant {
		thread.Fail("escape: a result is not a product of the factors")
	}
	return base.Mix(r.a + 31*r.b + 961*r.c)
}
