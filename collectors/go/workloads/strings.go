package workloads

import (
	"bytes"
	"math/bits"
	"sync/atomic"
	"unsafe"

	"gcmeter/go/base"
	"gcmeter/go/harness"
)

const (
	stringsVocabulary = iota
	stringsDocuments
	stringsBytes
)

const (
	wordLetters    = 16 // first letters, each of which has a map of its own
	wordConsonants = "bcdfghjklmnpqrstvwxz"
	wordVowels     = "aeiou"
	wordDigits     = uint64(len(wordConsonants))
	longestWord    = 15
	leastCapacity  = 64
	wordEntryBytes = 32
	wordHeadBytes  = 8
	shortWordBytes = 16
	longWordBytes  = 32
	operationWords = 1000
	fnvStart       = 2166136261
	fnvPrime       = 16777619
)

// word is the head of a string object, whose letters follow it, in one of two sizes: as in C, 8 bytes
// and the letters are rounded up to 16.
type word struct {
	length, hash uint32
}

type shortWord struct {
	word
	letters [shortWordBytes - wordHeadBytes]byte
}

type longWord struct {
	word
	letters [longWordBytes - wordHeadBytes]byte
}

func (w *word) letters() []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(w), wordHeadBytes)), w.length)
}

type wordEntry struct {
	next  *wordEntry // in the same bucket
	word  *word
	count uint64
	hash  uint64
}

// wordMap is the map of a letter.
type wordMap struct {
	table []*wordEntry
	count uint64
}

// wordCount is the state of a run.
type wordCount struct {
	maps [wordLetters]wordMap
	// Words counted by all threads in this iteration, less those found in maps when they are dropped.
	counted uint64
}

var stringsCount = harness.Workload{
	Name:      "strings",
	Summary:   "the words of a text counted in a hash map of interned strings",
	Operation: "one text read and its words counted; before that, 1000 words interned",
	Params: []harness.Param{
		{"vocabulary", "count", 100000, 16, 1 << 30, "distinct words"},
		{"documents", "count", 400, 1, 1000000000, "texts read per iteration, all threads together"},
		{"bytes", "bytes", 65536, 64, 1 << 30, "length of a text"},
	},
	Traits: harness.TakesThreads,
	LiveBytes: func(run *harness.Run) uint64 {
		vocabulary := run.Params[stringsVocabulary]
		live := vocabulary * wordEntryBytes
		// Words of one length follow each other.
		next := uint64(wordLetters)
		for rank := uint64(0); rank < vocabulary; rank, next = next, next*wordDigits {
			live += (min(next, vocabulary) - rank) * wordBytesOf(wordLength(rank))
		}
		for letter := uint64(0); letter < wordLetters; letter++ {
			live += finalCapacity(wordsOf(run, letter)) * wordBytes
		}
		outgrown := finalCapacity(wordsOf(run, 0)) / 2 * wordBytes
		return live + run.Threads*max(run.Params[stringsBytes]+wordBytesOf(longestWord), outgrown)
	},
	Setup: func(thread *harness.Thread) {
		thread.Run.State = new(wordCount)
	},
	Iterate: func(thread *harness.Thread) uint64 {
		w := thread.Run.State.(*wordCount)
		first, end := thread.Share(thread.Param(stringsDocuments))
		firstLetter, endLetter := thread.Share(wordLetters)

		thread.OperationBegin()
		if thread.Index == 0 {
			w.counted = 0
		}
		for letter := firstLetter; letter < endLetter; letter++ {
			w.fillMap(thread, letter)
		}
		thread.Barrier()

		thread.OperationBegin()
		for document := first; document < end; document++ {
			w.countDocument(thread, document)
			thread.OperationEnd()
		}
		thread.Barrier()

		var checksum uint64
		for letter := firstLetter; letter < endLetter; letter++ {
			checksum += w.dropMap(thread, letter)
		}
		thread.Barrier()
		if thread.Index == 0 && w.counted != 0 {
			thread.Fail("strings: the counts do not add up to the words read")
		}
		return checksum
	},
}

func wordLength(rank uint64) uint64 {
	length := uint64(1)
	for rest := rank / wordLetters; rest > 0; rest /= wordDigits {
		length += 2
	}
	return length
}

// wordBytesOf is the size of a string object with so many letters.
func wordBytesOf(length uint64) uint64 {
	return (wordHeadBytes + length + 15) / 16 * 16
}

// wordsOf is how many words begin with that letter.
func wordsOf(run *harness.Run, letter uint64) uint64 {
	return (run.Params[stringsVocabulary] + wordLetters - 1 - letter) / wordLetters
}

func finalCapacity(words uint64) uint64 {
	capacity := uint64(leastCapacity)
	for capacity < words {
		capacity *= 2
	}
	return capacity
}

// spellWord writes word number rank and returns its length.
func spellWord(run *harness.Run, rank uint64, letters []byte) int {
	choice := base.Mix(run.Seed^base.Mix(rank)) >> 16
	letters[0] = byte('a' + rank%wordLetters)
	length := 1
	for rest := rank / wordLetters; rest > 0; rest /= wordDigits {
		letters[length] = wordConsonants[rest%wordDigits]
		letters[length+1] = wordVowels[choice%uint64(len(wordVowels))]
		choice /= uint64(len(wordVowels))
		length += 2
	}
	return length
}

func hashLetters(letters []byte) uint32 {
	hash := uint32(fnvStart)
	for _, letter := range letters {
		hash = (hash ^ uint32(letter)) * fnvPrime
	}
	return hash
}

// makeWord is not inlined, so that what it returns is allocated.
//
//go:noinline
func makeWord(letters []byte) *word {
	var w *word
	if wordBytesOf(uint64(len(letters))) == shortWordBytes {
		w = &new(shortWord).word
	} else {
		w = &new(longWord).word
	}
	w.length = uint32(len(letters))
	copy(w.letters(), letters)
	w.hash = hashLetters(letters)
	return w
}

func (w *wordCount) find(wanted *word) *wordEntry {
	letters := wanted.letters()
	table := w.maps[(letters[0]-'a')%wordLetters].table
	entry := table[uint64(wanted.hash)&uint64(len(table)-1)]
	for entry != nil && (entry.hash != uint64(wanted.hash) || !bytes.Equal(entry.word.letters(), letters)) {
		entry = entry.next
	}
	return entry
}

// grow doubles the table of a map and moves its entries.
func (m *wordMap) grow(thread *harness.Thread) {
	capacity := max(2*uint64(len(m.table)), leastCapacity)
	table := make([]*wordEntry, capacity)
	for slot, entry := range m.table {
		for entry != nil {
			next := entry.next
			bucket := &table[entry.hash&(capacity-1)]
			entry.next = *bucket
			*bucket = entry
			entry = next
		}
		m.table[slot] = nil
	}
	m.table = table
	thread.Allocated(capacity*wordBytes, 1)
}

// enterWord interns a word that the map does not have.
func (w *wordCount) enterWord(thread *harness.Thread, rank uint64) {
	m := &w.maps[rank%wordLetters]
	var spelled [longestWord]byte
	length := spellWord(thread.Run, rank, spelled[:])
	if m.count == uint64(len(m.table)) {
		m.grow(thread)
	}
	interned := makeWord(spelled[:length])
	if w.find(interned) != nil {
		thread.Fail("strings: a word is in the map before it has been entered")
	}
	bucket := &m.table[uint64(interned.hash)&uint64(len(m.table)-1)]
	*bucket = &wordEntry{next: *bucket, word: interned, hash: uint64(interned.hash)}
	m.count++
	thread.Allocated(wordBytesOf(uint64(length))+wordEntryBytes, 2)
}

// fillMap fills the map of a letter.
func (w *wordCount) fillMap(thread *harness.Thread, letter uint64) {
	vocabulary := thread.Param(stringsVocabulary)
	w.maps[letter] = wordMap{}
	for rank := letter; rank < vocabulary; rank += wordLetters {
		w.enterWord(thread, rank)
		if (rank/wordLetters+1)%operationWords == 0 || rank+wordLetters >= vocabulary {
			thread.OperationEnd()
		}
	}
}

// writeText writes words with a blank behind each, as many as fit, and returns the number of bytes.
func writeText(thread *harness.Thread, text []byte, document uint64) int {
	vocabulary := thread.Param(stringsVocabulary)
	octaves := uint64(bits.Len64(vocabulary))
	limit := len(text) - longestWord - 1
	used := 0
	rng := base.NewRng(thread.Run.Seed, document)
	for used <= limit {
		octave := rng.Below(octaves)
		rank := 1<<octave - 1 + rng.Below(1<<octave)
		if rank >= vocabulary {
			continue
		}
		used += spellWord(thread.Run, rank, text[used:])
		text[used] = ' '
		used++
	}
	return used
}

func (w *wordCount) countDocument(thread *harness.Thread, document uint64) {
	text := make([]byte, thread.Param(stringsBytes))
	rest := text[:writeText(thread, text, document)]
	var words, allWordsBytes uint64
	for len(rest) > 0 {
		end := 0
		for rest[end] != ' ' {
			end++
		}
		read := makeWord(rest[:end])
		entry := w.find(read)
		if entry == nil {
			thread.Fail("strings: a word has been lost from the map")
		}
		atomic.AddUint64(&entry.count, 1)
		allWordsBytes += wordBytesOf(uint64(end))
		words++
		rest = rest[end+1:]
	}
	atomic.AddUint64(&w.counted, words)
	thread.Allocated(uint64(len(text))+allWordsBytes, 1+words)
}

// dropMap checks and drops a map, and returns its part of the checksum.
func (w *wordCount) dropMap(thread *harness.Thread, letter uint64) uint64 {
	m := w.maps[letter]
	w.maps[letter] = wordMap{}
	var checksum, found, total uint64
	for _, entry := range m.table {
		for ; entry != nil; entry = entry.next {
			if uint64(hashLetters(entry.word.letters())) != entry.hash {
				thread.Fail("strings: a word in the map is not what was entered")
			}
			checksum += base.Mix(entry.hash + base.Mix(entry.count))
			total += entry.count
			found++
		}
	}
	if found != m.count {
		thread.Fail("strings: the map has lost words")
	}
	atomic.AddUint64(&w.counted, -total)
	return checksum
}
