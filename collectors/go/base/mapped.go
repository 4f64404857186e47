package base

import (
	"syscall"
	"unsafe"
)

// Mapped returns count (> 0) zeroed values in memory outside Go's heap, so that its collector neither
// counts nor paces itself by them; T holds no pointers. It stays mapped as long as the process lives.
// With backed, all its pages are there from the start.
func Mapped[T any](count uint64, backed bool) ([]T, error) {
	var one T
	flags := syscall.MAP_PRIVATE | syscall.MAP_ANONYMOUS | syscall.MAP_NORESERVE
	if backed {
		flags = syscall.MAP_PRIVATE | syscall.MAP_ANONYMOUS | syscall.MAP_POPULATE
	}
	memory, err := syscall.Mmap(-1, 0, int(count)*int(unsafe.Sizeof(one)), syscall.PROT_READ|syscall.PROT_WRITE, flags)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&memory[0])), count), nil
}
