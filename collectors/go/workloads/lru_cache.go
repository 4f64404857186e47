package workloads

import (
	"unsafe"

	"gcmeter/go/base"
	"gcmeter/go/harness"
)

const (
	lruEntries = iota
	lruKeys
	lruBytes
	lruRequests
	lruGets
	lruWrites
	lruShards
	lruRate
)

const (
	lruEntryBytes = 48
	lruShardBytes = 32
)

// A value and the slots of a shard are known by their first word, as in C: slices would make entries
// and shards larger than they are there.
type lruEntry struct {
	key     uint64
	chain   *lruEntry // next of its slot
	newer   *lruEntry // neighbours in the order of use
	older   *lruEntry
	value   *uint64
	version uint64 // how often it was replaced
}

type lruShard struct {
	slots     **lruEntry
	newest    *lruEntry
	oldest    *lruEntry
	slotCount uint64 // also the number of entries, once it is full
}

func (s *lruShard) table() []*lruEntry {
	return unsafe.Slice(s.slots, s.slotCount)
}

// lruView is one thread's view of the run.
type lruView struct {
	thread     *harness.Thread
	seed       uint64
	shardCount uint64 // of all threads
	keys       uint64 // of each shard
	valueBytes uint64
	gets       uint64
	writes     uint64
}

var lruCache = harness.Workload{
	Name:      "lru_cache",
	Summary:   "requests against a large cache: a hash map and a list in the order of use",
	Operation: "one request: several keys looked up, the missing ones made and the oldest dropped",
	Params: []harness.Param{
		{"entries", "count", 50000, 1, 1000000000, "entries of the cache, all shards"},
		{"keys", "count", 150000, 1, 100000000000, "different keys that are asked for, all shards"},
		{"bytes", "bytes", 256, 16, 1 << 20, "size of a value, a multiple of 8"},
		{"requests", "count", 50000, 1, 10000000000, "requests per iteration, all threads together"},
		{"gets", "count", 32, 8, 100000, "keys that a request asks for"},
		{"writes", "permille", 100, 0, 1000, "hits that replace the value"},
		{"shards", "count", 16, 1, 1 << 20, "parts of the cache, each owned by one thread"},
		{"rate", "per_s", 0, 0, 1000000000,
			"requests due per second, all threads together; 0: one follows the other"},
	},
	Traits: harness.TakesThreads | harness.IsRequests,
	LiveBytes: func(run *harness.Run) uint64 {
		p := run.Params
		return p[lruShards]*(wordBytes+lruShardBytes) + p[lruEntries]*(wordBytes+lruEntryBytes+p[lruBytes])
	},
	Check: func(run *harness.Run) string {
		p := run.Params
		if p[lruShards] < run.Threads {
			return "shards must be at least the number of threads: each owns some"
		}
		if p[lruEntries] < p[lruShards] {
			return "entries must be at least shards: each holds some"
		}
		if p[lruKeys]/p[lruShards] < (p[lruEntries]+p[lruShards]-1)/p[lruShards] {
			return "keys / shards must be at least entries / shards, rounded up"
		}
		if p[lruBytes]%wordBytes != 0 {
			return "bytes must be a multiple of 8"
		}
		return ""
	},
	Iterate: func(thread *harness.Thread) uint64 {
		c := lruView{
			thread:     thread,
			seed:       thread.Run.Seed,
			shardCount: thread.Param(lruShards),
			keys:       thread.Param(lruKeys) / thread.Param(lruShards),
			valueBytes: thread.Param(lruBytes),
			gets:       thread.Param(lruGets),
			writes:     thread.Param(lruWrites),
		}
		first, end := thread.Share(c.shardCount)
		requests := thread.Param(lruRequests)
		shards := make([]*lruShard, end-first)
		thread.Allocated((end-first)*wordBytes, 1)
		for s := first; s < end; s++ {
			shards[s-first] = c.makeShard(s)
		}

		thread.RequestsBegin()
		var checksum uint64
		for round := uint64(0); round < requests; round += c.shardCount {
			for s := first; s < end && round+s < requests; s++ {
				thread.RequestBegin(round + s)
				checksum += c.serve(shards[s-first], round+s)
				thread.OperationEnd()
			}
		}
		return checksum
	},
}

// valueTag is the first word of a value, by which it is known.
func (c *lruView) valueTag(key, version uint64) uint64 {
	return base.Mix(c.seed ^ base.Mix(key) ^ version)
}

func (c *lruView) makeValue(key, version uint64) *uint64 {
	value := make([]uint64, c.valueBytes/wordBytes)
	tag := c.valueTag(key, version)
	for i := range value {
		tag += uint64(i)
		value[i] = tag
	}
	c.thread.Allocated(c.valueBytes, 1)
	return &value[0]
}

func (c *lruView) readValue(entry *lruEntry) uint64 {
	if entry.value == nil || *entry.value != c.valueTag(entry.key, entry.version) {
		c.thread.Fail("lru_cache: a value is not what was stored")
	}
	hash := entry.version
	for _, word := range unsafe.Slice(entry.value, c.valueBytes/wordBytes) {
		hash = hash*31 + word
	}
	return hash
}

func (c *lruView) slotOf(shard *lruShard, key uint64) uint64 {
	return base.Mix(c.seed+key) % shard.slotCount
}

func (c *lruView) find(shard *lruShard, key uint64) *lruEntry {
	entry := shard.table()[c.slotOf(shard, key)]
	for entry != nil && entry.key != key {
		entry = entry.chain
	}
	return entry
}

// push makes the entry, which is in no list, the one used last.
func (shard *lruShard) push(entry *lruEntry) {
	second := shard.newest
	entry.newer = nil
	entry.older = second
	if second != nil {
		second.newer = entry
	} else {
		shard.oldest = entry
	}
	shard.newest = entry
}

func (shard *lruShard) remove(entry *lruEntry) {
	newer, older := entry.newer, entry.older
	if newer != nil {
		newer.older = older
	} else {
		shard.newest = older
	}
	if older != nil {
		older.newer = newer
	} else {
		shard.oldest = newer
	}
}

func (c *lruView) removeFromChain(shard *lruShard, entry *lruEntry) {
	slot := &shard.table()[c.slotOf(shard, entry.key)]
	for *slot != nil && *slot != entry {
		slot = &(*slot).chain
	}
	if *slot == nil {
		c.thread.Fail("lru_cache: an entry is not in the chain of its slot")
	}
	*slot = entry.chain
}

// evict drops the entry that was used longest ago.
func (c *lruView) evict(shard *lruShard) {
	entry := shard.oldest
	c.removeFromChain(shard, entry)
	shard.remove(entry)
}

func (c *lruView) insert(shard *lruShard, key uint64) *lruEntry {
	value := c.makeValue(key, 0)
	slot := &shard.table()[c.slotOf(shard, key)]
	entry := &lruEntry{key: key, chain: *slot, value: value}
	c.thread.Allocated(lruEntryBytes, 1)
	*slot = entry
	shard.push(entry)
	return entry
}

func (c *lruView) replaceValue(entry *lruEntry) {
	entry.value = nil
	entry.version++
	entry.value = c.makeValue(entry.key, entry.version)
}

func (c *lruView) serve(shard *lruShard, request uint64) uint64 {
	rng := base.NewRng(c.seed, request)
	number := request % c.shardCount
	hash := request
	for i := uint64(0); i < c.gets; i++ {
		key := rng.Below(rng.Below(c.keys)+1)*c.shardCount + number
		writes := rng.Below(1000) < c.writes
		entry := c.find(shard, key)
		var hit uint64
		if entry != nil {
			hit = 1
			shard.remove(entry)
			shard.push(entry)
			if writes {
				c.replaceValue(entry)
			}
		} else {
			c.evict(shard)
			entry = c.insert(shard, key)
		}
		hash = hash*31 + c.readValue(entry) + hit
	}
	return base.Mix(hash)
}

// makeShard makes a full shard, its low keys used last.
func (c *lruView) makeShard(number uint64) *lruShard {
	capacity := c.thread.Param(lruEntries) / c.shardCount
	if number < c.thread.Param(lruEntries)%c.shardCount {
		capacity++
	}
	slots := make([]*lruEntry, capacity)
	shard := &lruShard{slots: &slots[0], slotCount: capacity}
	c.thread.Allocated(capacity*wordBytes+lruShardBytes, 2)
	for k := capacity; k > 0; k-- {
		c.insert(shard, (k-1)*c.shardCount+number)
	}
	return shard
}
