package harness

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// usage is what the process has used so far.
type usage struct {
	userNs, sysNs                        int64
	minorFaults, majorFaults             int64
	voluntarySwitches, involuntarySwitch int64
}

func readUsage() usage {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r) // fails for bad arguments only
	return usage{
		userNs:            r.Utime.Nano(),
		sysNs:             r.Stime.Nano(),
		minorFaults:       r.Minflt,
		majorFaults:       r.Majflt,
		voluntarySwitches: r.Nvcsw,
		involuntarySwitch: r.Nivcsw,
	}
}

func (u usage) minus(begin usage) usage {
	return usage{
		userNs:            u.userNs - begin.userNs,
		sysNs:             u.sysNs - begin.sysNs,
		minorFaults:       u.minorFaults - begin.minorFaults,
		majorFaults:       u.majorFaults - begin.majorFaults,
		voluntarySwitches: u.voluntarySwitches - begin.voluntarySwitches,
		involuntarySwitch: u.involuntarySwitch - begin.involuntarySwitch,
	}
}

// resetPeak makes VmHWM start anew; false where the kernel does not.
func resetPeak() bool {
	return os.WriteFile("/proc/self/clear_refs", []byte("5\n"), 0) == nil
}

// peakBytes returns VmHWM.
func peakBytes() (int64, bool) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	for _, line := range strings.Split(string(text), "\n") {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			return kib * 1024, err == nil
		}
	}
	return 0, false
}

// volunteerForOOM makes the kernel end this process before others.
func volunteerForOOM() {
	// Where it may not be written, the driver's own bound remains.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("900\n"), 0)
}
