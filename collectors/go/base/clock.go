package base

import (
	"math"
	"syscall"
	"time"
	"unsafe"
)

const (
	clockMonotonic      = 1
	clockProcessCPUTime = 2
)

// The standard library reads CLOCK_MONOTONIC without a system call, but shows only differences: now
// is epoch + epochNs.
var (
	epoch   = time.Now()
	epochNs = findEpoch()
)

func clockGettime(clock uintptr) int64 {
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

// findEpoch reads the absolute time between two differences, and believes the closest pair.
func findEpoch() int64 {
	var found int64
	closest := int64(math.MaxInt64)
	for i := 0; i < 100; i++ {
		before := int64(time.Since(epoch))
		absolute := clockGettime(clockMonotonic)
		after := int64(time.Since(epoch))
		if after-before < closest {
			closest = after - before
			found = absolute - before - (after-before)/2
		}
	}
	return found
}

// Now returns CLOCK_MONOTONIC in nanoseconds.
func Now() int64 {
	return int64(time.Since(epoch)) + epochNs
}

// SleepUntil sleeps to that time of CLOCK_MONOTONIC, in a system call, during which the world may be
// stopped: the runtime's own timers wake up to a millisecond late. Slack of timers, by default 50 us,
// is taken away each time, since a goroutine may be on another thread by now.
func SleepUntil(wakeNs int64) {
	const setTimerSlack, absolute = 29, 1
	syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1, 0)
	wake := syscall.NsecToTimespec(wakeNs)
	for {
		_, _, err := syscall.Syscall6(syscall.SYS_CLOCK_NANOSLEEP, clockMonotonic, absolute,
			uintptr(unsafe.Pointer(&wake)), 0, 0, 0)
		if err != syscall.EINTR {
			return
		}
	}
}

// CPUNow returns the process's CPU time in nanoseconds, by a system call.
func CPUNow() int64 {
	return clockGettime(clockProcessCPUTime)
}
