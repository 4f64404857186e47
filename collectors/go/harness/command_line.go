package harness

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Help is what --help prints after the name of the program.
const Help = `--describe
    what this runner is, as key,value CSV
--live-bytes --workload W [--params P] [--threads N]
    the workload's stated live set, in bytes
--run --workload W [--params P] [--options O] [--threads N] [--heap-limit BYTES]
      [--memory-cap BYTES] [--warmup N] [--iterations N] [--seed N] [--records FD]
    one invocation; records go to descriptor FD (default 1)
P and O are name=value pairs joined by commas.
`

// commandLine is a call of PROTOCOL.md, its numbers by their words.
type commandLine struct {
	call                      string
	workload, params, options string
	numbers                   map[string]uint64
}

type word struct {
	name         string
	forLiveBytes bool // and not for --run only
	min, max     uint64
	byDefault    uint64
}

var words = []word{
	{"--threads", true, 1, 1024, 1},
	{"--heap-limit", false, 0, math.MaxInt64, 0},
	{"--memory-cap", false, 0, math.MaxInt64, 0},
	{"--warmup", false, 0, 1000000, 1},
	{"--iterations", false, 1, 1000000, 1},
	{"--seed", false, 0, math.MaxUint64, 1},
	{"--probe", false, 0, math.MaxUint64, 0},
	{"--records", false, 0, math.MaxInt32, 1},
}

// say prints one line on stderr.
func say(format string, arguments ...any) {
	fmt.Fprintf(stderr, "%s: %s\n", filepath.Base(os.Args[0]), fmt.Sprintf(format, arguments...))
}

// reason is the cause of an error without the call and the file.
func reason(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		return number.Error()
	}
	return err.Error()
}

// parseUnsigned reads plain decimal digits.
func parseUnsigned(text string) (uint64, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	value, err := strconv.ParseUint(text, 10, 64)
	return value, err == nil
}

func parseCommandLine(arguments []string) (*commandLine, error) {
	call := "no call"
	if len(arguments) > 0 {
		call = arguments[0]
	}
	switch call {
	case "--help", "--describe", "--live-bytes", "--run":
	default:
		return nil, fmt.Errorf("%s: the first word must be --describe, --live-bytes, --run or --help", call)
	}
	line := &commandLine{call: call, numbers: map[string]uint64{}}
	for _, w := range words {
		line.numbers[w.name] = w.byDefault
	}
	given := map[string]bool{}
	for i := 1; i < len(arguments); i += 2 {
		name := arguments[i]
		text, number := line.find(name)
		switch {
		case text == nil && number == nil:
			return nil, fmt.Errorf("%s is no word of %s; see --help", name, call)
		case given[name]:
			return nil, fmt.Errorf("%s: given twice", name)
		case i+1 == len(arguments):
			return nil, fmt.Errorf("%s: its value is missing", name)
		}
		given[name] = true
		value := arguments[i+1]
		if text != nil {
			*text = value
		} else if n, ok := parseUnsigned(value); ok && n >= number.min && n <= number.max {
			line.numbers[name] = n
		} else {
			return nil, fmt.Errorf("%s %s: not an integer from %d to %d", name, value, number.min, number.max)
		}
	}
	if (call == "--run" || call == "--live-bytes") && line.workload == "" {
		return nil, fmt.Errorf("%s needs --workload NAME; --describe lists them", call)
	}
	if probe := line.numbers["--probe"]; probe != 0 {
		return nil, fmt.Errorf("--probe %d: this is not a probe runner", probe)
	}
	return line, nil
}

// find returns where the value of a word goes, or two nils where the call has no such word.
func (line *commandLine) find(name string) (*string, *word) {
	run := line.call == "--run"
	if !run && line.call != "--live-bytes" {
		return nil, nil
	}
	switch {
	case name == "--workload":
		return &line.workload, nil
	case name == "--params":
		return &line.params, nil
	case name == "--options" && run:
		return &line.options, nil
	}
	for i := range words {
		if words[i].name == name && (run || words[i].forLiveBytes) {
			return nil, &words[i]
		}
	}
	return nil, nil
}

// eachPair calls take with every name=value of the text.
func eachPair(what, text string, take func(name, value string) error) error {
	if text == "" {
		return nil
	}
	given := map[string]bool{}
	for _, pair := range strings.Split(text, ",") {
		name, value, found := strings.Cut(pair, "=")
		if !found || name == "" {
			return fmt.Errorf("'%s' is not name=value", pair)
		}
		if given[name] {
			return fmt.Errorf("%s %s: given twice", what, name)
		}
		given[name] = true
		if err := take(name, value); err != nil {
			return err
		}
	}
	return nil
}

func parseParams(w *Workload, text string) ([]uint64, error) {
	values := make([]uint64, len(w.Params))
	for i, p := range w.Params {
		values[i] = p.DefaultValue
	}
	err := eachPair("parameter", text, func(name, value string) error {
		for i, p := range w.Params {
			if p.Name != name {
				continue
			}
			n, ok := parseUnsigned(value)
			if !ok || n < p.Min || n > p.Max {
				return fmt.Errorf("parameter %s=%s: not an integer from %d to %d (%s)", name, value, p.Min, p.Max,
					p.Unit)
			}
			values[i] = n
			return nil
		}
		return fmt.Errorf("workload %s has no parameter '%s'", w.Name, name)
	})
	return values, err
}

// option of the backend; the value of a choice is the index of its word.
type option struct {
	name, kind, unit string
	byDefault        int64
	min, max         int64
	choices          []string // or nil
	help             string
}

func (o *option) parse(text string) (int64, error) {
	for i, choice := range o.choices {
		if choice == text {
			return int64(i), nil
		}
	}
	if o.choices != nil {
		return 0, fmt.Errorf("option %s=%s: not one of %s", o.name, text, strings.Join(o.choices, "|"))
	}
	magnitude, ok := parseUnsigned(strings.TrimPrefix(text, "-"))
	value := int64(magnitude)
	if strings.HasPrefix(text, "-") {
		value = -value
	}
	if !ok || magnitude > math.MaxInt64 || value < o.min || value > o.max {
		return 0, fmt.Errorf("option %s=%s: not an integer from %d to %d %s", o.name, text, o.min, o.max, o.unit)
	}
	return value, nil
}

func parseOptions(text string) (map[string]int64, error) {
	values := map[string]int64{}
	for _, o := range options {
		values[o.name] = o.byDefault
	}
	err := eachPair("option", text, func(name, value string) error {
		for i := range options {
			if o := &options[i]; o.name == name {
				n, err := o.parse(value)
				values[name] = n
				return err
			}
		}
		return fmt.Errorf("the backend has no option '%s'", name)
	})
	return values, err
}
