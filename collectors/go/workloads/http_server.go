package workloads

import (
	"bytes"
	"encoding/binary"
	"unsafe"

	"gcmeter/go/base"
	"gcmeter/go/harness"
)

const (
	httpSessions = iota
	httpRequests
	httpNodes
	httpLogins
	httpShards
	httpRate
)

const (
	httpBufferBytes  = 1024 // what a request is read into; all requests fit
	httpPathBytes    = 22   // "/item/" and 16 digits
	httpNameBytes    = 32   // of a user
	httpPageBytes    = 64   // remembered of a page
	httpHistory      = 4    // pages remembered of a session
	httpMarkupBytes  = 11   // "<TAG>" and "</TAG>"
	httpHeaderBytes  = 32
	httpRequestBytes = 24
	httpNodeBytes    = 32
	httpChunkBytes   = 4096
	httpChunkRoom    = 4080
	httpShardBytes   = 24
	httpSessionBytes = 56 + httpNameBytes + httpHistory*httpPageBytes
)

var httpHeaderNames = [...]string{
	"host", "user-agent", "accept", "accept-language", "accept-encoding", "referer", "cookie",
}

const (
	httpHeaders = len(httpHeaderNames)
	httpCookie  = httpHeaders - 1
)

var httpTags = [...]string{"div", "nav", "pre", "sub"}

// httpText is known by its first byte, as in C: its length is in the object that refers to it, or is
// always the same.
type httpText *byte

type httpHeader struct {
	next       *httpHeader
	name       httpText
	value      httpText
	nameBytes  uint32
	valueBytes uint32
}

type httpRequest struct {
	path        httpText
	headers     *httpHeader // the last one first
	headerCount uint64
}

type httpNode struct {
	child     *httpNode
	next      *httpNode // of the same parent
	text      httpText
	textBytes uint32
	tag       uint32
}

type httpChunk struct {
	next      *httpChunk
	usedBytes uint64
	bytes     [httpChunkRoom]byte
}

type httpSession struct {
	id          uint64
	user        httpText
	pages       [httpHistory]httpText
	visitsCount uint64
}

// httpShard has session number id in place id modulo count, so a new one takes the place of the
// oldest.
type httpShard struct {
	sessions **httpSession
	count    uint64
	nextID   uint64
}

func (s *httpShard) table() []*httpSession {
	return unsafe.Slice(s.sessions, s.count)
}

// httpView is one thread's view of the run.
type httpView struct {
	thread     *harness.Thread
	seed       uint64
	nodes      uint64
	logins     uint64
	shardCount uint64 // of all threads
	// Of the request being served.
	rng        base.Rng
	nodeNumber uint64
}

var httpServer = harness.Workload{
	Name:      "http_server",
	Summary:   "requests parsed, answered with a page and dropped, at a rate; sessions that age",
	Operation: "one request read, parsed, answered and dropped",
	Params: []harness.Param{
		{"sessions", "count", 20000, 1, 1000000000, "sessions alive, all shards"},
		{"requests", "count", 10000, 1, 10000000000, "requests per iteration, all threads together"},
		{"nodes", "count", 150, 1, 1000000, "nodes of a page"},
		{"logins", "permille", 50, 0, 1000, "requests that replace the oldest session"},
		{"shards", "count", 16, 1, 1 << 20, "parts of the sessions, each of one thread"},
		{"rate", "per_s", 20000, 0, 1000000000,
			"requests due per second, all threads together; 0: one follows the other"},
	},
	Traits: harness.TakesThreads | harness.IsRequests,
	LiveBytes: func(run *harness.Run) uint64 {
		p := run.Params
		return p[httpShards]*(wordBytes+httpShardBytes) + p[httpSessions]*(wordBytes+httpSessionBytes) +
			run.Threads*httpBytesOfRequest(p[httpNodes])
	},
	Check: func(run *harness.Run) string {
		if run.Params[httpShards] < run.Threads {
			return "shards must be at least the number of threads: each owns some"
		}
		if run.Params[httpSessions] < run.Params[httpShards] {
			return "sessions must be at least shards: each holds some"
		}
		return ""
	},
	Iterate: func(thread *harness.Thread) uint64 {
		s := httpView{
			thread:     thread,
			seed:       thread.Run.Seed,
			nodes:      thread.Param(httpNodes),
			logins:     thread.Param(httpLogins),
			shardCount: thread.Param(httpShards),
		}
		first, end := thread.Share(s.shardCount)
		requests := thread.Param(httpRequests)
		shards := make([]*httpShard, end-first)
		thread.Allocated((end-first)*wordBytes, 1)
		for k := first; k < end; k++ {
			shards[k-first] = s.makeShard(k)
		}

		thread.RequestsBegin()
		var checksum uint64
		for round := uint64(0); round < requests; round += s.shardCount {
			for k := first; k < end && round+k < requests; k++ {
				thread.RequestBegin(round + k)
				checksum += s.serve(shards[k-first], round+k)
				thread.OperationEnd()
			}
		}
		return checksum
	},
}

func httpValueBytes(header int) uint64 {
	if header == httpCookie {
		return 16
	}
	return 16 + 16*(uint64(header)%4)
}

func httpNodeTextBytes(number uint64) uint64 {
	return 16 + 16*(number%3)
}

// httpPageTextBytes is the sum of httpNodeTextBytes over the nodes of a page.
func httpPageTextBytes(nodes uint64) uint64 {
	text := nodes / 3 * (16 + 32 + 48)
	for i := nodes / 3 * 3; i < nodes; i++ {
		text += httpNodeTextBytes(i)
	}
	return text
}

func httpChunkCount(nodes uint64) uint64 {
	return (httpPageTextBytes(nodes) + nodes*httpMarkupBytes + httpChunkRoom - 1) / httpChunkRoom
}

// httpBytesOfRequest is all that is allocated for one request and alive when its page is sent.
func httpBytesOfRequest(nodes uint64) uint64 {
	all := uint64(httpBufferBytes + httpRequestBytes + httpPathBytes)
	for i, name := range httpHeaderNames {
		all += httpHeaderBytes + uint64(len(name)) + httpValueBytes(i)
	}
	return all + nodes*httpNodeBytes + httpPageTextBytes(nodes) + httpChunkCount(nodes)*httpChunkBytes
}

func httpObjectsOfRequest(nodes uint64) uint64 {
	return 1 + 2 + 3*uint64(httpHeaders) + 2*nodes + httpChunkCount(nodes)
}

// writeDigits makes text of 16 hexadecimal digits, lowest first.
func writeDigits(at []byte, value uint64) {
	for i := range at[:16] {
		at[i] = "0123456789abcdef"[value&15]
		value >>= 4
	}
}

func writeRandomText(rng *base.Rng, at []byte) {
	for ; len(at) > 0; at = at[16:] {
		writeDigits(at, rng.Next())
	}
}

func (s *httpView) makeText(length uint64) httpText {
	text := make([]byte, length)
	writeRandomText(&s.rng, text)
	return &text[0]
}

func copyText(from []byte) httpText {
	text := make([]byte, len(from))
	copy(text, from)
	return &text[0]
}

func hashText(hash uint64, text []byte) uint64 {
	for ; len(text) >= wordBytes; text = text[wordBytes:] {
		hash = (hash ^ binary.LittleEndian.Uint64(text)) * 0x9e3779b97f4a7c15
	}
	for _, letter := range text {
		hash = hash*31 + uint64(letter)
	}
	return hash
}

// receive writes what comes in: a request line and headers, the last of which names the session. It
// returns its length.
func (s *httpView) receive(buffer []byte, sessionID uint64) int {
	at := copy(buffer, "GET /item/")
	writeRandomText(&s.rng, buffer[at:at+16])
	at += 16
	at += copy(buffer[at:], " HTTP/1.1\r\n")
	for i, name := range httpHeaderNames {
		at += copy(buffer[at:], name)
		at += copy(buffer[at:], ": ")
		length := int(httpValueBytes(i))
		if i == httpCookie {
			writeDigits(buffer[at:], sessionID)
		} else {
			writeRandomText(&s.rng, buffer[at:at+length])
		}
		at += length
		at += copy(buffer[at:], "\r\n")
	}
	return at + copy(buffer[at:], "\r\n")
}

func (s *httpView) parseHeader(line []byte) *httpHeader {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		s.thread.Fail("http_server: a header has no colon")
	}
	value := line[colon+2:]
	return &httpHeader{
		name:       copyText(line[:colon]),
		value:      copyText(value),
		nameBytes:  uint32(colon),
		valueBytes: uint32(len(value)),
	}
}

func (s *httpView) parse(text []byte) *httpRequest {
	path := bytes.IndexByte(text, ' ') + 1
	length := bytes.IndexByte(text[path:], ' ')
	if path == 0 || length != httpPathBytes {
		s.thread.Fail("http_server: a request line is not what was sent")
	}
	request := &httpRequest{path: copyText(text[path : path+length])}
	for rest := text[path+length+11:]; rest[0] != '\r'; {
		end := bytes.IndexByte(rest, '\r')
		if end < 0 {
			s.thread.Fail("http_server: a header does not end")
		}
		header := s.parseHeader(rest[:end])
		header.next = request.headers
		request.headers = header
		request.headerCount++
		rest = rest[end+2:]
	}
	return request
}

// cookieOf reads the id in the cookie, written by writeDigits.
func (s *httpView) cookieOf(request *httpRequest) uint64 {
	cookie := request.headers
	if request.headerCount != uint64(httpHeaders) || cookie.valueBytes != 16 ||
		string(unsafe.Slice((*byte)(cookie.name), cookie.nameBytes)) != httpHeaderNames[httpCookie] {
		s.thread.Fail("http_server: the headers are not what was sent")
	}
	digits := unsafe.Slice((*byte)(cookie.value), 16)
	var id uint64
	for i := 15; i >= 0; i-- {
		digit := digits[i]
		if digit <= '9' {
			id = id<<4 | uint64(digit-'0')
		} else {
			id = id<<4 | uint64(digit-'a'+10)
		}
	}
	return id
}

func (s *httpView) makeSession(id uint64) *httpSession {
	session := &httpSession{id: id}
	session.user = s.makeText(httpNameBytes)
	for i := range session.pages {
		session.pages[i] = s.makeText(httpPageBytes)
	}
	s.thread.Allocated(httpSessionBytes, 2+httpHistory)
	return session
}

// logIn replaces the oldest session by a new one, whose id is returned.
func (s *httpView) logIn(shard *httpShard) uint64 {
	id := shard.nextID
	shard.nextID++
	place := &shard.table()[id%shard.count]
	*place = nil
	*place = s.makeSession(id)
	return id
}

func (s *httpView) findSession(shard *httpShard, id uint64) *httpSession {
	session := shard.table()[id%shard.count]
	if session == nil || session.id != id {
		s.thread.Fail("http_server: a session is lost")
	}
	return session
}

func (session *httpSession) read() uint64 {
	hash := hashText(session.visitsCount, unsafe.Slice((*byte)(session.user), httpNameBytes))
	for _, page := range session.pages {
		hash = hashText(hash, unsafe.Slice((*byte)(page), httpPageBytes))
	}
	return hash
}

func (s *httpView) rememberPage(session *httpSession) {
	place := session.visitsCount % httpHistory
	session.visitsCount++
	session.pages[place] = nil
	session.pages[place] = s.makeText(httpPageBytes)
	s.thread.Allocated(httpPageBytes, 1)
}

// makeTree makes a tree of budget nodes, in which each has two to eight children if that many are
// left, of about equal size.
func (s *httpView) makeTree(budget uint64) *httpNode {
	length := httpNodeTextBytes(s.nodeNumber)
	s.nodeNumber++
	node := &httpNode{text: s.makeText(length), textBytes: uint32(length)}
	node.tag = uint32(s.rng.Below(uint64(len(httpTags))))
	children := 2 + s.rng.Below(7)
	for budget--; budget > 0; children-- {
		share := budget
		if children > 1 {
			share = (budget + children - 1) / children
		}
		child := s.makeTree(share)
		child.next = node.child
		node.child = child
		budget -= share
	}
	return node
}

// The next two are not inlined, so that what they return is allocated.
//
//go:noinline
func newChunk() *httpChunk {
	return new(httpChunk)
}

//go:noinline
func newBytes(length int) []byte {
	return make([]byte, length)
}

// appendText appends to the chain whose last chunk is given, and returns the last one.
func appendText[T string | []byte](chunk *httpChunk, text T) *httpChunk {
	for len(text) > 0 {
		if chunk.usedBytes == httpChunkRoom {
			chunk.next = newChunk()
			chunk = chunk.next
		}
		part := copy(chunk.bytes[chunk.usedBytes:], text)
		chunk.usedBytes += uint64(part)
		text = text[part:]
	}
	return chunk
}

func (node *httpNode) render(chunk *httpChunk) *httpChunk {
	tag := httpTags[node.tag]
	chunk = appendText(chunk, "<")
	chunk = appendText(chunk, tag)
	chunk = appendText(chunk, ">")
	chunk = appendText(chunk, unsafe.Slice((*byte)(node.text), node.textBytes))
	for child := node.child; child != nil; child = child.next {
		chunk = child.render(chunk)
	}
	chunk = appendText(chunk, "</")
	chunk = appendText(chunk, tag)
	return appendText(chunk, ">")
}

func (s *httpView) sendPage(chunk *httpChunk) uint64 {
	var hash, sent uint64
	for ; chunk != nil; chunk = chunk.next {
		hash = hashText(hash, chunk.bytes[:chunk.usedBytes])
		sent += chunk.usedBytes
	}
	if sent != httpPageTextBytes(s.nodes)+s.nodes*httpMarkupBytes {
		s.thread.Fail("http_server: a page is not what was built")
	}
	return hash
}

// logRequest returns what an access log would have of the request, which so is read once more before
// it goes.
func (s *httpView) logRequest(request *httpRequest) uint64 {
	hash := hashText(0, unsafe.Slice((*byte)(request.path), httpPathBytes))
	count := 0
	for header := request.headers; header != nil; header = header.next {
		hash = hashText(hash, unsafe.Slice((*byte)(header.value), header.valueBytes))
		if header.valueBytes > 0 {
			count++
		}
	}
	if count != httpHeaders {
		s.thread.Fail("http_server: a header is lost")
	}
	return hash
}

func (s *httpView) serve(shard *httpShard, number uint64) uint64 {
	s.rng = base.NewRng(s.seed, number)
	isNew := s.rng.Below(1000) < s.logins
	age := s.rng.Below(s.rng.Below(shard.count) + 1)
	id := shard.nextID - 1 - age
	if isNew {
		id = s.logIn(shard)
	}

	buffer := newBytes(httpBufferBytes)
	request := s.parse(buffer[:s.receive(buffer, id)])
	session := s.findSession(shard, s.cookieOf(request))
	hash := session.read()
	s.nodeNumber = 0
	tree := s.makeTree(s.nodes)
	page := newChunk()
	tree.render(page)
	hash += s.sendPage(page)
	hash ^= s.logRequest(request)
	s.thread.Allocated(httpBytesOfRequest(s.nodes), httpObjectsOfRequest(s.nodes))
	s.rememberPage(session)
	return base.Mix(hash ^ number)
}

// makeShard makes a full shard, in which what a session holds depends on the shard's number and its
// id alone.
func (s *httpView) makeShard(number uint64) *httpShard {
	sessions := s.thread.Param(httpSessions)
	count := sessions / s.shardCount
	if number < sessions%s.shardCount {
		count++
	}
	table := make([]*httpSession, count)
	shard := &httpShard{sessions: &table[0], count: count, nextID: count}
	s.thread.Allocated(count*wordBytes+httpShardBytes, 2)
	for id := range table {
		s.rng = base.NewRng(^s.seed, uint64(id)*s.shardCount+number)
		table[id] = s.makeSession(uint64(id))
	}
	return shard
}
