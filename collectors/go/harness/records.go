package harness

import (
	"encoding/csv"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

const (
	exitOK          = 0
	exitUsage       = 2
	exitUnavailable = 3
	exitStatus      = 4
	exitRecords     = 5
	exitPanic       = 70

	readerPatience = time.Second
	readerLook     = 20 * time.Microsecond
)

// records writes the rows of PROTOCOL.md to a descriptor.
type records struct {
	file *os.File
	csv  *csv.Writer
}

func newRecords(fd uintptr) *records {
	file := os.NewFile(fd, "descriptor "+strconv.Itoa(int(fd)))
	return &records{file: file, csv: csv.NewWriter(file)}
}

func (r *records) row(fields ...string) {
	r.csv.Write(fields) // an error stays with the writer, and flush meets it
}

func (r *records) flush() {
	r.csv.Flush()
	if err := r.csv.Error(); err != nil {
		say("cannot write records to descriptor %d: %s", r.file.Fd(), reason(err))
		os.Exit(exitRecords)
	}
}

// flushAndWait waits until a reader at the other end of a pipe has taken what was written.
func (r *records) flushAndWait() {
	r.flush()
	var status syscall.Stat_t
	fd := int(r.file.Fd())
	if syscall.Fstat(fd, &status) != nil || status.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return
	}
	for until := time.Now().Add(readerPatience); isUnread(fd) && time.Now().Before(until); {
		time.Sleep(readerLook)
	}
}

func isUnread(fd int) bool {
	const fionread = 0x541B
	poll := struct {
		fd             int32
		events, result int16
	}{fd: int32(fd)}
	var now syscall.Timespec
	var bytes int32
	hungUp, _, err := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1,
		uintptr(unsafe.Pointer(&now)), 0, 0, 0)
	if err != 0 || hungUp != 0 {
		return false
	}
	_, _, err = syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), fionread, uintptr(unsafe.Pointer(&bytes)))
	return err == 0 && bytes > 0
}

func (r *records) now(key string, t int64) {
	r.row(key, signed(t))
	r.flush()
}

func (r *records) metric(name, value string) {
	r.row("metric", name, value)
}

// finish sends the status and ends the process.
func (r *records) finish(status, detail string) {
	r.row("status", status, detail)
	r.row("done")
	r.flush()
	if status == "ok" {
		os.Exit(exitOK)
	}
	os.Exit(exitStatus)
}

func signed(value int64) string {
	return strconv.FormatInt(value, 10)
}

func unsigned(value uint64) string {
	return strconv.FormatUint(value, 10)
}

func real(value float64) string {
	return strconv.FormatFloat(value, 'g', 9, 64)
}
