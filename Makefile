# gcmeter: the only build system. `make help` lists the targets.

# Set by hand where needed: CC, CFLAGS, LDFLAGS, PREFIX, DESTDIR, and
#   SAN=address,undefined or SAN=thread   builds (and tests) with these sanitizers
#   LAYOUT=…                              how code is aligned
#   DEPS=no                               never installs anything
#   GO=…                                  the Go tool, for the backend go (GO= leaves it out)
#   SUITE=quick                           for bench and baseline: the suite to measure
#   BASE=REVISION                         for regress: what to compare with
#   INSTRUCTIONS=N                        for regress: processes under valgrind of each build
#   BESIDE=N                              for regress: processes of each build that take turns with base's
#   RUN=DIR                               for plots and report: the run (default results/latest)
#   FUZZ_SECONDS=N                        for fuzz: how long each target runs
#   TORTURE_SECONDS=N TORTURE_SEED=N      for torture: how long in all, and the first seed
SHELL := /bin/sh
ifeq ($(origin CC),default)
CC := $(shell command -v gcc >/dev/null 2>&1 && echo gcc || echo clang)
endif
CFLAGS ?= -O2 -g
LDFLAGS ?=
PREFIX ?= /usr/local
DESTDIR ?=
SAN ?=
DEPS ?= yes
GO ?= go
SUITE ?= standard
RUN ?= results/latest
FUZZ_SECONDS ?= 60
TORTURE_SECONDS ?= 3600
TORTURE_SEED ?= $(shell date +%s)
BUILD ?= build

VERSION := 0.1.0
MACHINE := $(shell uname -s)-$(shell uname -m)
ifeq ($(filter Linux-x86_64 Linux-aarch64,$(MACHINE)),)
$(error gcmeter runs on Linux on x86-64 and aarch64; this is $(MACHINE))
endif

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wwrite-strings -Wpointer-arith -Wvla -Wconversion
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
# Collectors and workloads look at the same memory under several types.
LANGUAGE := -std=c11 -D_GNU_SOURCE -fno-strict-aliasing -pthread
# Where a function or a loop begins within its cache lines must not depend on what the linker put
# before it: without these, the same objects in another order took 7 % less time in one workload.
LAYOUT ?= -falign-functions=64 -falign-loops=32
INCLUDES := -Icollectors -Iworkloads -Iharness -Itests
# V=1 shows whole commands.
say = $(if $(V),,@printf '  %-4s %s\n' '$(1)' '$(2)';)
COMPILE = $(call say,CC,$<)$(CC) $(LANGUAGE) $(LAYOUT) $(WARNINGS) $(SANFLAGS) $(CPPFLAGS) $(CFLAGS) $(INCLUDES) -MMD -MP
LINK = $(call say,LINK,$@)$(CC) -pthread $(SANFLAGS) $(CFLAGS) $(LDFLAGS)

# What decides what code comes out, as run.csv tells it.
FLAGS := $(strip $(LANGUAGE) $(LAYOUT) $(SANFLAGS) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS))
# One folder of objects per set of flags, so that switching between them rebuilds nothing.
FLAGS_HASH := $(shell printf '%s\n' '$(CC) $(FLAGS)' | cksum | cut -d' ' -f1)
OBJ := $(BUILD)/$(FLAGS_HASH)
BIN := $(OBJ)/bin

# What is on this machine. have(HEADER) is `yes` where the compiler finds it.
have = $(if $(1),$(shell printf '\043include <stdio.h>\n\043include <$(1)>\n' | $(CC) $(CPPFLAGS) $(CFLAGS) -E -xc - >/dev/null 2>&1 && echo yes),yes)
HAVE_CC := $(shell command -v $(CC) >/dev/null 2>&1 && echo yes)
# Not --coverage, which leaves a file even then.
HAVE_FLAGS := $(shell $(CC) $(LAYOUT) $(SANFLAGS) $(CPPFLAGS) $(filter-out --coverage,$(CFLAGS)) -fsyntax-only -xc /dev/null >/dev/null 2>&1 && echo yes)
HAVE_CSV := $(call have,csv.h)
HAVE_ZLIB := $(call have,zlib.h)
HAVE_CMOCKA := $(shell printf '\043include <stdarg.h>\n\043include <stddef.h>\n\043include <stdint.h>\n\043include <setjmp.h>\n\043include <cmocka.h>\n' | $(CC) $(CPPFLAGS) $(CFLAGS) -E -xc - >/dev/null 2>&1 && echo yes)
HAVE_CJSON := $(call have,cjson/cJSON.h)
HAVE_GNUPLOT := $(shell command -v gnuplot >/dev/null 2>&1 && echo yes)

# Rows of collectors/backends.def as words NAME|FLAVOURS|HEADER|LIBRARIES|PACKAGE, with `-` for an
# empty field and `~` for a blank.
BACKEND_ROWS := $(shell sed -n 's/""/"-"/g; s/^BACKEND.\([a-z0-9_]*\), *"\([^"]*\)", *"\([^"]*\)", *"\([^"]*\)", *"\([^"]*\)",.*/\1|\2|\3|\4|\5/p' collectors/backends.def | tr ' ' '~')
field = $(filter-out -,$(subst ~, ,$(word $(2),$(subst |, ,$(1)))))
WORKLOADS := $(shell sed -n 's/^WORKLOAD.\([a-z0-9_]*\).*/\1/p' workloads/workloads.def)

# A folder with a go.mod is a runner in itself, written in Go; the others are C.
GO_ROWS := $(foreach row,$(BACKEND_ROWS),$(if $(wildcard collectors/$(call field,$(row),1)/go.mod),$(row)))
HAVE_GO := $(if $(GO),$(shell minor=$$('$(GO)' version 2>/dev/null | sed -n 's/^go version go1\.\([0-9]*\).*/\1/p'); [ "$${minor:-0}" -ge 19 ] && echo yes))
BUILT_ROWS := $(foreach row,$(filter-out $(GO_ROWS),$(BACKEND_ROWS)),$(if $(call have,$(call field,$(row),3)),$(row)))
BUILT_GO_ROWS := $(if $(HAVE_GO),$(GO_ROWS))
BACKENDS := $(foreach row,$(BUILT_ROWS),$(call field,$(row),1))
BACKEND_PACKAGES := $(sort $(foreach row,$(BACKEND_ROWS),$(call field,$(row),5)))

# `-` stands for the plain flavour. runners: words BACKEND|FLAVOUR|LIBRARIES
RUNNERS := $(foreach row,$(BUILT_ROWS),$(foreach flavour,- $(foreach f,$(call field,$(row),2),$(firstword $(subst :, ,$(f)))),$(call field,$(row),1)|$(flavour)|$(word 4,$(subst |, ,$(row)))))
exe = $(1)$(if $(filter-out -,$(2)),-$(2))

BASE_OBJECTS := $(patsubst %.c,$(OBJ)/%.o,$(wildcard harness/base/*.c))
DATA_OBJECTS := $(patsubst %.c,$(OBJ)/%.o,$(wildcard harness/data/*.c))
DRIVER_OBJECTS := $(patsubst %.c,$(OBJ)/%.o,$(wildcard harness/driver/*.c))
# identity.c is compiled once per runner, with its backend and flavour.
RUNNER_OBJECTS := $(patsubst %.c,$(OBJ)/%.o,$(filter-out harness/runner/identity.c,$(wildcard harness/runner/*.c)))

COMMA := ,
RUNNER_EXES :=
TEST_EXES :=
TORTURE_EXES :=

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all
all: ## build everything that this machine has the libraries for (default)

# fail(CODE, MESSAGE): one line of what is wrong, then what gcmeter itself would have returned, since
# make ends with 2 whatever a recipe returned.
fail = { printf '%s\n' "gcmeter: $(2)" >&2; printf 'gcmeter: exit $(1)\n' >&2; exit $(1); }

define RUNNER_RULES
# $(1) backend, $(2) flavour or -, $(3) libraries, $(4) name of the runner
$(4)_DEFINES := -DGC_BACKEND_HEADER='"$(1)/$(1)_gc.h"' $(if $(filter-out -,$(2)),-DGC_FLAVOUR_$(shell printf '%s' '$(2)' | tr a-z A-Z)=1)
$(4)_BACKEND := $$(patsubst %.c,$$(OBJ)/$(4)/%.o,$$(wildcard collectors/*.c collectors/$(1)/*.c collectors/pool/*.c))
$(4)_WORKLOADS := $$(WORKLOADS:%=$$(OBJ)/$(4)/workloads/%.o)
$(4)_IDENTITY := $$(OBJ)/$(4)/harness/runner/identity.o
$(4)_IDENTITY_DEFINES = -DRUNNER_BACKEND='"$(1)"' -DRUNNER_FLAVOUR='"$(filter-out -,$(2))"' -DRUNNER_COMPILER='"$$(CC)"' -DRUNNER_FLAGS='"$$(FLAGS)"'

$$(OBJ)/$(4)/%.o: %.c
	@mkdir -p '$$(@D)'
	$$(COMPILE) $$($(4)_DEFINES) -c -o $$@ $$<

$$($(4)_IDENTITY): harness/runner/identity.c collectors/backends.def Makefile
	@mkdir -p '$$(@D)'
	$$(COMPILE) $$($(4)_IDENTITY_DEFINES) -c -o $$@ $$<

$$(BIN)/gcmeter-run-$(4): $$($(4)_BACKEND) $$($(4)_WORKLOADS) $$($(4)_IDENTITY) $$(RUNNER_OBJECTS) $$(BASE_OBJECTS)
	@mkdir -p '$$(@D)'
	$$(LINK) -o $$@ $$^ $(3) -lm
RUNNER_EXES += $$(BIN)/gcmeter-run-$(4)

# Its probe runner: only the workloads are compiled anew, with every call into the backend timed.
$(4)-probe_WORKLOADS := $$(WORKLOADS:%=$$(OBJ)/$(4)-probe/workloads/%.o)
$(4)-probe_IDENTITY := $$(OBJ)/$(4)-probe/harness/runner/identity.o

$$(OBJ)/$(4)-probe/workloads/%.o: workloads/%.c
	@mkdir -p '$$(@D)'
	$$(COMPILE) $$($(4)_DEFINES) -DGC_PROBE=1 -c -o $$@ $$<

$$($(4)-probe_IDENTITY): harness/runner/identity.c collectors/backends.def Makefile
	@mkdir -p '$$(@D)'
	$$(COMPILE) -DGC_PROBE=1 $$($(4)_IDENTITY_DEFINES) -c -o $$@ $$<

$$(BIN)/gcmeter-run-$(4)-probe: $$($(4)_BACKEND) $$($(4)-probe_WORKLOADS) $$($(4)-probe_IDENTITY) $$(RUNNER_OBJECTS) $$(BASE_OBJECTS)
	@mkdir -p '$$(@D)'
	$$(LINK) -o $$@ $$^ $(3) -lm
RUNNER_EXES += $$(BIN)/gcmeter-run-$(4)-probe

$$(OBJ)/tests/conformance-$(4): $$(patsubst %.c,$$(OBJ)/$(4)/%.o,$$(wildcard tests/conformance/*.c)) $$($(4)_BACKEND) $$(BASE_OBJECTS)
	@mkdir -p '$$(@D)'
	$$(LINK) -o $$@ $$^ $(3) -lcmocka -lm
ifneq ($$(wildcard tests/conformance/*.c),)
TEST_EXES += $$(OBJ)/tests/conformance-$(4)
endif
# Random work compared with a model.
$$(OBJ)/tests/torture-$(4): $$(patsubst %.c,$$(OBJ)/$(4)/%.o,$$(wildcard tests/torture/*.c)) $$($(4)_BACKEND) $$(BASE_OBJECTS)
	@mkdir -p '$$(@D)'
	$$(LINK) -o $$@ $$^ $(3) -lm
TORTURE_EXES += $$(OBJ)/tests/torture-$(4)
-include $$(patsubst %.o,%.d,$$($(4)_BACKEND) $$($(4)_WORKLOADS) $$($(4)_IDENTITY) $$($(4)-probe_WORKLOADS) $$($(4)-probe_IDENTITY))
-include $$(wildcard $$(OBJ)/$(4)/tests/*/*.d)
endef
$(foreach r,$(RUNNERS),$(eval $(call RUNNER_RULES,$(word 1,$(subst |, ,$(r))),$(word 2,$(subst |, ,$(r))),$(call field,$(r),3),$(call exe,$(word 1,$(subst |, ,$(r))),$(word 2,$(subst |, ,$(r)))))))

# Without cgo the runner has no C library, and with a cache of its own the build stays in its folder.
# SAN does not apply: what C's sanitizers look for, Go excludes.
GO_ENVIRONMENT := GOENV=off GOFLAGS= GOWORK=off CGO_ENABLED=0 GOPATH='$(abspath $(BUILD))/go' GOCACHE='$(abspath $(BUILD))/go/cache'
define GO_RUNNER_RULES
# $(1) backend
$$(BIN)/gcmeter-run-$(1): $$(wildcard collectors/$(1)/go.mod collectors/$(1)/*.go collectors/$(1)/*/*.go)
	@mkdir -p '$$(@D)'
	$$(call say,GO,$$@)cd 'collectors/$(1)' && $$(GO_ENVIRONMENT) '$$(GO)' build -trimpath -buildvcs=false -o '$$(abspath $$@)' .
RUNNER_EXES += $$(BIN)/gcmeter-run-$(1)
endef
$(foreach row,$(BUILT_GO_ROWS),$(eval $(call GO_RUNNER_RULES,$(call field,$(row),1))))

# marksweep as a library for other programs, and the example of its embedding API.
LIBMARKSWEEP := $(OBJ)/lib/libmarksweep.a
$(LIBMARKSWEEP): $(filter-out %/gc_slots.o,$(marksweep_BACKEND))
	@mkdir -p '$(@D)'
	$(call say,AR,$@)rm -f '$@' && $(AR) rcs $@ $^

EXAMPLES := $(patsubst collectors/marksweep/example/%.c,$(OBJ)/examples/%,$(wildcard collectors/marksweep/example/*.c))
$(OBJ)/examples/%: collectors/marksweep/example/%.c $(LIBMARKSWEEP)
	@mkdir -p '$(@D)'
	$(COMPILE) $(LDFLAGS) -o $@ $< $(LIBMARKSWEEP)
-include $(EXAMPLES:%=%.d)

# The runner's parts for tests, of which each links only those that it uses: most need a backend.
$(OBJ)/runner.a: $(filter-out %/runner_main.o,$(RUNNER_OBJECTS))
	@mkdir -p '$(@D)'
	$(call say,AR,$@)rm -f '$@' && $(AR) rcs $@ $^

# Unit tests are programs of one file. One that is named after a backend (marksweep_heap_test.c) is
# linked with it; the others with everything but collectors and main programs.
define BACKEND_TEST_RULES
# $(1) name of the test, $(2) backend
$$(OBJ)/tests/$(1): $$(OBJ)/$(2)/tests/unit/$(1).o $$($(2)_BACKEND) $$(BASE_OBJECTS)
	@mkdir -p '$$(@D)'
	$$(LINK) -o $$@ $$^ $$(call field,$$(filter $(2)|%,$$(BUILT_ROWS)),4) -lcmocka -lm
TEST_EXES += $$(OBJ)/tests/$(1)
endef
define PLAIN_TEST_RULES
# $(1) name of the test, $(2) its folder under tests/
$$(OBJ)/tests/$(1): $$(OBJ)/tests/$(2)/$(1).o $$(filter-out %/driver/main.o,$$(DRIVER_OBJECTS)) $$(DATA_OBJECTS) $$(BASE_OBJECTS) $$(OBJ)/runner.a
	@mkdir -p '$$(@D)'
	$$(LINK) -o $$@ $$^ -lcsv -lz -lcmocka $$(if $$(HAVE_CJSON),-lcjson) -lm
TEST_EXES += $$(OBJ)/tests/$(1)
endef
# Its own functions take the place of these.
$(OBJ)/tests/marksweep_faults_test: private LDFLAGS += $(patsubst %,-Wl$(COMMA)--wrap=%,mmap mprotect madvise realloc pthread_create)

UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/*_test.c))
INTEGRATION_TESTS := $(patsubst tests/integration/%.c,%,$(wildcard tests/integration/*_test.c))
backend_of = $(firstword $(foreach b,$(BACKENDS),$(if $(filter $(b)_%,$(1)),$(b))))
known_backend_of = $(firstword $(foreach row,$(BACKEND_ROWS),$(if $(filter $(call field,$(row),1)_%,$(1)),$(call field,$(row),1))))
$(foreach t,$(UNIT_TESTS),$(if $(call backend_of,$(t)),$(eval $(call BACKEND_TEST_RULES,$(t),$(call backend_of,$(t)))),$(if $(call known_backend_of,$(t)),,$(eval $(call PLAIN_TEST_RULES,$(t),unit)))))
$(foreach t,$(INTEGRATION_TESTS),$(eval $(call PLAIN_TEST_RULES,$(t),integration)))

# Fuzz targets, tests/fuzz/NAME_fuzz.c, are linked as unit tests are, with what runs the kept corpus
# through them; under clang's fuzzer, by `make fuzz`, that brings the main program instead.
FUZZ_TARGETS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_EXES :=
define FUZZ_RULES
# $(1) name of the target, $(2) its objects, $(3) libraries
$$(OBJ)/tests/$(1): $(2) $$(OBJ)/tests/fuzz/fuzz_replay.o
	@mkdir -p '$$(@D)'
	$$(LINK) -o $$@ $$^ $(3) -lm
TEST_EXES += $$(OBJ)/tests/$(1)

$$(OBJ)/fuzz/$(1): $(2)
	@mkdir -p '$$(@D)'
	$$(LINK) -fsanitize=fuzzer -o $$@ $$^ $(3) -lm
FUZZ_EXES += $$(OBJ)/fuzz/$(1)
endef
define BACKEND_FUZZ_RULES
# $(1) name of the target, $(2) backend
$(call FUZZ_RULES,$(1),$$(OBJ)/$(2)/tests/fuzz/$(1).o $$(OBJ)/$(2)/tests/torture/graph_model.o $$($(2)_BACKEND) $$(BASE_OBJECTS),$$(call field,$$(filter $(2)|%,$$(BUILT_ROWS)),4))
endef
$(foreach t,$(FUZZ_TARGETS),$(if $(call backend_of,$(t)),$(eval $(call BACKEND_FUZZ_RULES,$(t),$(call backend_of,$(t)))),$(if $(call known_backend_of,$(t)),,$(eval $(call FUZZ_RULES,$(t),$$(OBJ)/tests/fuzz/$(t).o $$(filter-out %/driver/main.o,$$(DRIVER_OBJECTS)) $$(DATA_OBJECTS) $$(BASE_OBJECTS) $$(OBJ)/runner.a,-lcsv -lz)))))

# What recording a stop costs: $(OBJ)/tests/event_log_bench.
$(OBJ)/tests/event_log_bench: $(patsubst %.c,$(OBJ)/%.o,$(wildcard tests/bench/event_log_*.c)) $(filter-out %/driver/main.o,$(DRIVER_OBJECTS)) $(DATA_OBJECTS) $(BASE_OBJECTS) $(OBJ)/runner.a
	@mkdir -p '$(@D)'
	$(LINK) -o $@ $^ -lcsv -lz -lm
.PHONY: bench-event-log
bench-event-log: $(OBJ)/tests/event_log_bench ## measure what recording a stop costs
	@'$<'
# Measurements of the harness itself.
$(OBJ)/bench/%: $(OBJ)/tests/bench/%.o $(DATA_OBJECTS) $(BASE_OBJECTS)
	@mkdir -p '$(@D)'
	$(LINK) -o $@ $^ -lcsv -lz -lm

$(OBJ)/%.o: %.c
	@mkdir -p '$(@D)'
	$(COMPILE) -DGCMETER_VERSION='"$(VERSION)"' -DGCMETER_COMPILER='"$(CC)"' -DGCMETER_FLAGS='"$(FLAGS)"' -c -o $@ $<

$(BIN)/gcmeter: $(DRIVER_OBJECTS) $(DATA_OBJECTS) $(BASE_OBJECTS)
	@mkdir -p '$(@D)'
	$(LINK) -o $@ $^ -lcsv -lz -lm

# A build that lacks what it requires stops here, before the compiler says the same less clearly.
.PHONY: required
required:
	@test '$(HAVE_CC)' || $(call fail,3,no C compiler $(CC): apt-get install gcc libc6-dev)
	@test '$(HAVE_FLAGS)' || $(call fail,2,$(CC) refuses its flags; see SAN=$(SAN) LAYOUT=$(LAYOUT) CPPFLAGS=$(CPPFLAGS) CFLAGS=$(CFLAGS))
	@test '$(HAVE_CSV)' || $(call fail,3,libcsv is missing: apt-get install libcsv-dev)
	@test '$(HAVE_ZLIB)' || $(call fail,3,zlib is missing: apt-get install zlib1g-dev)

$(BASE_OBJECTS) $(DATA_OBJECTS) $(DRIVER_OBJECTS) $(RUNNER_OBJECTS): | required

# build/bin always names the latest build, whatever its flags.
all: required $(BIN)/gcmeter $(RUNNER_EXES) $(LIBMARKSWEEP)
	@mkdir -p '$(BUILD)/bin' && rm -f '$(BUILD)'/bin/*
	@for f in $(notdir $(BIN)/gcmeter $(RUNNER_EXES)); do ln -s "../$(FLAGS_HASH)/bin/$$f" '$(BUILD)/bin/'"$$f"; done

-include $(patsubst %.o,%.d,$(BASE_OBJECTS) $(DATA_OBJECTS) $(DRIVER_OBJECTS) $(RUNNER_OBJECTS))
-include $(wildcard $(OBJ)/tests/*/*.d)

.PHONY: test-programs
test-programs: required $(TEST_EXES) $(TORTURE_EXES) $(EXAMPLES)

# What is missing, by Debian name: required to build, to test, to draw; and what adds a backend.
.PHONY: deps
BUILD_PACKAGES := $(if $(HAVE_CC),,gcc libc6-dev) $(if $(HAVE_CSV),,libcsv-dev) $(if $(HAVE_ZLIB),,zlib1g-dev)
TEST_PACKAGES := $(if $(HAVE_CMOCKA),,libcmocka-dev)
# Without it the tests of what writes JSON are skipped.
JSON_PACKAGES := $(if $(HAVE_CJSON),,libcjson-dev)
CHART_PACKAGES := $(if $(HAVE_GNUPLOT),,gnuplot-nox)
# install(REQUIRED, OPTIONAL): nothing where nothing is missing.
install = @CC='$(CC)' DEPS='$(DEPS)' .ci/deps '$(strip $(1))' '$(strip $(2))'
packages_of = $(sort $(foreach row,$(1),$(call field,$(row),5)))
# Go is hundreds of megabytes, so only who asks for all that there is gets it: not bench, not test.
MISSING_OPTIONAL := $(call packages_of,$(filter-out $(BUILT_ROWS) $(GO_ROWS),$(BACKEND_ROWS)))
MISSING_GO := $(if $(GO),$(call packages_of,$(filter-out $(BUILT_GO_ROWS),$(GO_ROWS))))
deps: ## install what is missing, Go included (Debian; elsewhere print the package names)
	$(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES) $(CHART_PACKAGES),$(JSON_PACKAGES) $(MISSING_OPTIONAL) $(MISSING_GO))

# The test programs, and further passes of the conformance suite and of torture with backend options.
# Those of the command line come first: they take longest.
INTEGRATION_EXES = $(INTEGRATION_TESTS:%=$(OBJ)/tests/%)
TEST_SPECS = $(INTEGRATION_EXES) $(filter-out $(TEST_LEFT_OUT) $(INTEGRATION_EXES),$(TEST_EXES) $(TORTURE_EXES)) \
    $(if $(filter marksweep,$(BACKENDS)),$(OBJ)/tests/conformance-marksweep@stress=1$(COMMA)verify=1 $(OBJ)/tests/conformance-marksweep@verify=1 \
    $(OBJ)/tests/torture-marksweep@stress=1$(COMMA)verify=1 $(OBJ)/tests/torture-marksweep@markers=4$(COMMA)verify=1)
# Under ThreadSanitizer libgc aborts (its signals are deferred), so its programs are left out.
TEST_LEFT_OUT := $(if $(findstring thread,$(SAN)),$(foreach r,$(filter boehm|%,$(RUNNERS)),$(foreach kind,conformance torture,$(OBJ)/tests/$(kind)-$(call exe,$(word 1,$(subst |, ,$(r))),$(word 2,$(subst |, ,$(r)))))))
LEFT_OUT_WHY = $(patsubst %,%:libgc~does~not~run~under~ThreadSanitizer,$(notdir $(TEST_LEFT_OUT)))

# As many jobs as processors, unless the command line says how many.
JOBS = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

.PHONY: test
test: ## install what is missing, build, run all tests (SAN=address,undefined or SAN=thread)
	$(call install,$(BUILD_PACKAGES) $(TEST_PACKAGES),$(JSON_PACKAGES) $(CHART_PACKAGES) $(MISSING_OPTIONAL))
	@$(MAKE) $(JOBS) --no-print-directory all test-programs
	@$(MAKE) --no-print-directory run-tests

# What tests are told. run_tests(PROGRAMS, LEFT OUT): the latter are words NAME:REASON, `~` for a blank.
define run_tests
	@GCMETER_BIN='$(BIN)' GCMETER_CC='$(CC)' GCMETER_SAN='$(SAN)' GCMETER_GO='$(GO)' $(GO_ENVIRONMENT) \
	ASAN_OPTIONS=detect_stack_use_after_return=0:$$ASAN_OPTIONS \
	TSAN_OPTIONS=halt_on_error=1:$$TSAN_OPTIONS \
	$(if $(SAN),TEST_TIMEOUT="$${TEST_TIMEOUT:-1800}") \
	TEST_SKIPPED="$$(printf '%s\n' $(foreach t,$(2),'$(subst ~, ,$(subst :,: ,$(t)))'))" \
	tests/run $(foreach t,$(1),'$(t)') || { printf 'gcmeter: exit 1\n' >&2; exit 1; }
endef

.PHONY: run-tests
run-tests: all test-programs
	$(call run_tests,$(TEST_SPECS),$(LEFT_OUT_WHY))

# What CI runs under sanitizers too, in a few minutes: all that starts no gcmeter, which builds no runner.
# Without what ThreadSanitizer makes take minutes of its own: tests of marksweep that have one thread, and
# the workloads, which other tests start.
SHORT_SLOW := $(if $(findstring thread,$(SAN)),$(filter marksweep_heap_test marksweep_limit_test marksweep_faults_test malloc_%_test,$(UNIT_TESTS)))
SHORT_EXES = $(filter-out $(TEST_LEFT_OUT) $(SHORT_SLOW:%=$(OBJ)/tests/%) $(INTEGRATION_EXES),$(TEST_EXES) $(TORTURE_EXES))
.PHONY: test-short
test-short: ## unit, conformance and torture tests, and kept inputs of fuzzing (for SAN=address,undefined or SAN=thread)
	@$(MAKE) $(JOBS) --no-print-directory build-short
	@$(MAKE) --no-print-directory run-short

.PHONY: build-short run-short
build-short: required $(SHORT_EXES)
run-short: build-short
	$(call run_tests,$(SHORT_EXES),$(LEFT_OUT_WHY) $(INTEGRATION_TESTS:%=%:it~starts~gcmeter,~for~which~make~test~SAN=$(SAN)~has~the~time) \
	$(SHORT_SLOW:%=%:it~takes~minutes,~for~which~make~test~SAN=$(SAN)~has~the~time) \
	conformance-marksweep@stress:it~takes~minutes$(COMMA)~for~which~make~test~SAN=$(SAN)~has~the~time)

CHECK_EXES = $(filter-out $(OBJ)/tests/conformance-% $(INTEGRATION_TESTS:%=$(OBJ)/tests/%),$(TEST_EXES))
.PHONY: check
check: all ## the fast part of the tests (seconds)
	@$(MAKE) --no-print-directory $(CHECK_EXES)
	@GCMETER_BIN='$(BIN)' tests/run $(foreach t,$(CHECK_EXES),'$(t)')

TORTURE_ROUND_SECONDS ?= 15
.PHONY: torture
torture: required $(TORTURE_EXES) ## compare heaps with models for TORTURE_SECONDS (an hour), logs in build/torture
	@ASAN_OPTIONS=detect_stack_use_after_return=0:$$ASAN_OPTIONS TSAN_OPTIONS=halt_on_error=1:$$TSAN_OPTIONS \
	tests/torture/torture_rounds '$(BUILD)/torture' '$(TORTURE_SECONDS)' '$(TORTURE_ROUND_SECONDS)' '$(TORTURE_SEED)' \
	    $(foreach t,$(TORTURE_EXES),'$(t)') || { printf 'gcmeter: exit 1\n' >&2; exit 1; }

.PHONY: fuzz
fuzz: ## fuzz each target of tests/fuzz for FUZZ_SECONDS (clang); what finds new code joins its corpus
	@command -v clang >/dev/null || $(call fail,3,clang is missing: apt-get install clang)
	@$(MAKE) --no-print-directory CC=clang SAN=fuzzer-no-link,address run-fuzz

# A fuzzer that finds something stops there and names the input, which is kept under build/fuzz.
.PHONY: run-fuzz
run-fuzz: required $(FUZZ_EXES)
	@for f in $(patsubst %_fuzz,%,$(notdir $(FUZZ_EXES))); do \
	found='$(BUILD)'/fuzz/$$f; mkdir -p "$$found/inputs"; \
	printf 'fuzz %s for %s s\n' "$$f" '$(FUZZ_SECONDS)'; \
	export ASAN_OPTIONS=detect_stack_use_after_return=0:detect_leaks=0; \
	'$(OBJ)'/fuzz/$${f}_fuzz -max_total_time='$(FUZZ_SECONDS)' -print_final_stats=1 -timeout=30 \
	    -artifact_prefix="$$found/" "$$found/inputs" tests/fuzz/corpus/$$f >"$$found/log" 2>&1 || \
	{ tail -n 30 "$$found/log"; $(call fail,1,$$f failed: see $$found) }; \
	'$(OBJ)'/fuzz/$${f}_fuzz -merge=1 tests/fuzz/corpus/$$f "$$found/inputs" >"$$found/merge.log" 2>&1 || \
	{ tail -n 30 "$$found/merge.log"; $(call fail,1,$$f failed: see $$found) }; \
	sed -n 's/^stat::number_of_executed_units: *\(.*\)/  \1 inputs/p' "$$found/log"; \
	done

.PHONY: bench
bench: ## install what is missing, build, measure SUITE (default standard), draw charts, write the report, print a summary
	$(call install,$(BUILD_PACKAGES) $(CHART_PACKAGES),$(MISSING_OPTIONAL))
	@$(MAKE) $(JOBS) --no-print-directory all
	@$(MAKE) --no-print-directory run-bench

# Recipes read them from the environment, whatever quotes are in them.
export SUITE RUN

# Charts, report and summary are made whatever `run` returned, unless nothing was measured (2, 3) or a person
# interrupted it (130); the target then ends with the code of `run`.
.PHONY: run-bench
run-bench:
	@'$(BUILD)/bin/gcmeter' run --suite "$$SUITE"; code=$$?; \
	case $$code in 2 | 3 | 130) printf 'gcmeter: exit %d\n' $$code >&2; exit $$code ;; esac; \
	'$(BUILD)/bin/gcmeter' plot "$$RUN" && \
	'$(BUILD)/bin/gcmeter' report "$$RUN" && \
	'$(BUILD)/bin/gcmeter' compare "$$RUN" --by backend; \
	after=$$?; [ $$code -ne 0 ] || code=$$after; \
	[ $$code -eq 0 ] || { printf 'gcmeter: exit %d\n' $$code >&2; exit $$code; }

.PHONY: baseline
baseline: ## measure SUITE as what later runs are compared with, into results/baselines
	$(call install,$(BUILD_PACKAGES),$(MISSING_OPTIONAL))
	@$(MAKE) --no-print-directory all
	@.ci/baseline '$(BUILD)/bin/gcmeter' results/baselines --suite "$$SUITE" || \
	{ code=$$?; printf 'gcmeter: exit %d\n' $$code >&2; exit $$code; }

.PHONY: bench-marksweep
bench-marksweep: ## measure what marksweep promises (half an hour), into results/published/marksweep
	$(call install,$(BUILD_PACKAGES),$(MISSING_OPTIONAL))
	@$(MAKE) $(JOBS) --no-print-directory all $(OBJ)/bench/random_access
	@collectors/marksweep/bench/measure '$(BUILD)/bin/gcmeter' '$(OBJ)/bench/random_access' results/published/marksweep || \
	{ code=$$?; printf 'gcmeter: exit %d\n' $$code >&2; exit $$code; }

# What recording itself costs. Beside the runners, so that it finds them.
BENCH_HARNESS_OBJECT := $(OBJ)/harness/bench/bench_harness.o
$(BENCH_HARNESS_OBJECT): | required
$(BIN)/bench-harness: $(BENCH_HARNESS_OBJECT) $(filter-out %/driver/main.o,$(DRIVER_OBJECTS)) $(DATA_OBJECTS) $(BASE_OBJECTS)
	@mkdir -p '$(@D)'
	$(LINK) -o $@ $^ -lcsv -lz -lm
-include $(BENCH_HARNESS_OBJECT:.o=.d)

.PHONY: bench-harness
bench-harness: all $(BIN)/bench-harness ## measure what recording costs (an hour), into results/published/harness
	@tests/bench/publish_harness '$(BIN)/bench-harness' results/published/harness || \
	{ code=$$?; printf 'gcmeter: exit %d\n' $$code >&2; exit $$code; }

.PHONY: bench-mmu
bench-mmu: required $(OBJ)/bench/mmu_scale ## measure reading and analysing long pause logs, into results/published/mmu_scale
	@tests/bench/publish_mmu_scale '$(OBJ)/bench/mmu_scale' results/published/mmu_scale || \
	{ code=$$?; printf 'gcmeter: exit %d\n' $$code >&2; exit $$code; }

# The folder with a runner of marksweep, built with these flags: for a build beside this one.
.PHONY: runner-folder
runner-folder: $(BIN)/gcmeter-run-marksweep
	@printf '%s\n' '$(abspath $(BIN))'

# The same objects in another order, so that only addresses differ.
RELINKED := $(OBJ)/relinked
$(RELINKED)/gcmeter-run-marksweep: $(BIN)/gcmeter-run-marksweep
	@mkdir -p '$(@D)'
	$(LINK) -o $@ $$(printf '%s\n' $(marksweep_BACKEND) $(marksweep_WORKLOADS) $(marksweep_IDENTITY) $(RUNNER_OBJECTS) $(BASE_OBJECTS) | sort -r) -lm

.PHONY: bench-gate-aa
bench-gate-aa: $(BIN)/gcmeter $(RELINKED)/gcmeter-run-marksweep ## how often ab sees what is not there (an hour or two), into results/published/gate
	@tests/bench/publish_gate aa results/published/gate '$(BIN)/gcmeter' '$(BIN)' '$(RELINKED)' || \
	{ code=$$?; printf 'gcmeter: exit %d\n' $$code >&2; exit $$code; }

.PHONY: bench-gate-power
bench-gate-power: $(BIN)/gcmeter $(BIN)/gcmeter-run-marksweep ## how often ab sees faults planted in marksweep (an hour), into results/published/gate
	@MAKE='$(MAKE)' tests/bench/publish_gate power results/published/gate '$(BIN)/gcmeter' '$(BIN)' || \
	{ code=$$?; printf 'gcmeter: exit %d\n' $$code >&2; exit $$code; }

# This project's own use of `gcmeter ab`. The arms are built with the same compiler and flags.
BASE ?=
.PHONY: regress
export BASE
regress: required $(BIN)/gcmeter $(BIN)/gcmeter-run-marksweep ## whether marksweep as it is here is worse than at the revision BASE (BASE=main SUITE=quick INSTRUCTIONS=5 BESIDE=8)
	@test -n "$$BASE" || $(call fail,2,name the revision to compare with: make regress BASE=main)
	@CC='$(CC)' LAYOUT='$(LAYOUT)' CFLAGS='$(CFLAGS)' CPPFLAGS='$(CPPFLAGS)' LDFLAGS='$(LDFLAGS)' '$(BIN)/gcmeter' ab --base "marksweep:build=$$BASE" \
	--new 'marksweep:build=$(BIN)' --suite '$(if $(filter file,$(origin SUITE)),quick,$(SUITE))' $${INSTRUCTIONS:+"--instructions=$$INSTRUCTIONS"} $${BESIDE:+"--beside=$$BESIDE"} || { code=$$?; printf 'gcmeter: exit %d\n' $$code >&2; exit $$code; }

.PHONY: plots
plots: all ## draw the charts of RUN (default results/latest)
	@'$(BUILD)/bin/gcmeter' plot "$$RUN" || { code=$$?; printf 'gcmeter: exit %d\n' $$code >&2; exit $$code; }

.PHONY: report
report: all ## write the page about RUN (default results/latest), report.html in its folder
	@'$(BUILD)/bin/gcmeter' report "$$RUN" || { code=$$?; printf 'gcmeter: exit %d\n' $$code >&2; exit $$code; }

.PHONY: publish-run
publish-run: all ## keep the charts that the README shows, of RUN (default results/latest), in results/published/standard
	@tests/bench/publish_run '$(BUILD)/bin/gcmeter' "$$RUN" results/published/standard || { code=$$?; printf 'gcmeter: exit %d\n' $$code >&2; exit $$code; }

.PHONY: schema
schema: all ## write results/SCHEMA.md from the tables of harness/data
	@mkdir -p results && '$(BUILD)/bin/gcmeter' list metrics --markdown >results/SCHEMA.md

.PHONY: workloads-readme
workloads-readme: all ## write workloads/README.md from RUN, a run of the suite character
	@'$(BUILD)/bin/gcmeter' list workloads --markdown --run '$(RUN)' >workloads/README.md

.PHONY: lint
lint: ## include rules, unique names, format, shell scripts
	@.ci/lint

# cppcheck takes a result that the callee fills in for an argument that is read (ctuuninitvar), and
# gcc's analyzer takes what an owner frees later for a leak: LeakSanitizer looks for those.
# The collectors other than marksweep and the workloads are compiled against a backend: marksweep's here.
ANALYZED := $(filter-out harness/runner/identity.c,$(wildcard harness/base/*.c harness/data/*.c harness/driver/*.c harness/runner/*.c collectors/*.c collectors/marksweep/*.c collectors/pool/*.c workloads/*.c))
ANALYZE_FLAGS := $(INCLUDES) -D_GNU_SOURCE -DGC_BACKEND_HEADER='"marksweep/marksweep_gc.h"' -DGCMETER_VERSION='""' -DGCMETER_COMPILER='""' -DGCMETER_FLAGS='""'
# each_analyzed(COMMAND): for each file, {} in it, as many at a time as there are processors.
each_analyzed = printf '%s\n' $(ANALYZED) | xargs -P '$(shell nproc)' -I '{}' $(1) || $(call fail,1,$(firstword $(1)) has findings)
.PHONY: analyze
analyze: ## look for errors with cppcheck, clang-tidy and gcc's analyzer (minutes)
	@for tool in cppcheck clang-tidy gcc; do command -v $$tool >/dev/null || $(call fail,3,$$tool is missing: apt-get install cppcheck clang-tidy gcc); done
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 --enable=warning$(COMMA)performance$(COMMA)portability --suppress=ctuuninitvar --template=gcc $(ANALYZE_FLAGS) -D__linux__ -D__x86_64__ $(ANALYZED)
	@$(call each_analyzed,clang-tidy --quiet '{}' -- -std=c11 -fno-strict-aliasing $(ANALYZE_FLAGS))
	@$(call each_analyzed,gcc $(LANGUAGE) $(WARNINGS) $(ANALYZE_FLAGS) -O1 -fanalyzer -Wno-analyzer-malloc-leak -Wno-analyzer-fd-leak -Werror -c -o /dev/null '{}')

# A build of its own beside BUILD, so that counts of other builds are not mixed in.
# Tests expect one line on stderr also where the program may not write its counts.
COVERAGE := $(BUILD)-coverage
.PHONY: coverage
coverage: ## line coverage of harness/data and collectors/marksweep by all tests, at least 90 %
	@command -v gcovr >/dev/null || $(call fail,3,gcovr is missing: apt-get install gcovr)
	rm -rf '$(COVERAGE)'
	@GCOV_ERROR_FILE=/dev/null TEST_TIMEOUT=1800 $(MAKE) --no-print-directory test BUILD='$(COVERAGE)' CC=gcc CFLAGS='-O1 -g --coverage -fprofile-update=atomic -DCOVERAGE'
	gcovr --root . --filter harness/data/ --filter collectors/marksweep/ --exclude collectors/marksweep/example/ --gcov-ignore-parse-errors --txt '$(COVERAGE)/lines.txt' --print-summary --fail-under-line 90 '$(COVERAGE)'
	@printf 'uncovered lines: %s\n' '$(COVERAGE)/lines.txt'

.PHONY: format
format: ## format all C and Go files
	@command -v clang-format >/dev/null || $(call fail,3,clang-format is missing: apt-get install clang-format)
	@git ls-files --cached --others --exclude-standard -- '*.c' '*.h' | while IFS= read -r f; do if [ -e "$$f" ]; then clang-format -i "$$f"; fi; done
	@! command -v gofmt >/dev/null || gofmt -w collectors

.PHONY: install
install: all install-marksweep ## install gcmeter, the runners, the plot scripts and libmarksweep under DESTDIR/PREFIX
	@install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/gcmeter/plots'
	@for f in $(notdir $(BIN)/gcmeter $(RUNNER_EXES)); do install -m 755 '$(BIN)/'"$$f" '$(DESTDIR)$(PREFIX)/bin/'"$$f"; done
	@install -m 644 plots/* '$(DESTDIR)$(PREFIX)/share/gcmeter/plots/'
	@install -m 644 CITATION.cff LICENSE '$(DESTDIR)$(PREFIX)/share/gcmeter/'
	@install -m 644 results/gate.csv '$(DESTDIR)$(PREFIX)/share/gcmeter/gate.csv'

# Headers lie as in this tree, under a folder of their own that the pkg-config file names.
MARKSWEEP_HEADERS := gc.h gc_type.h gc_backend.h pool/pool.h marksweep/marksweep.h marksweep/marksweep_gc.h
.PHONY: install-marksweep
install-marksweep: $(LIBMARKSWEEP) ## install libmarksweep.a, its headers and marksweep.pc under DESTDIR/PREFIX
	@install -d '$(DESTDIR)$(PREFIX)/lib/pkgconfig'
	@for f in $(MARKSWEEP_HEADERS); do install -D -m 644 "collectors/$$f" '$(DESTDIR)$(PREFIX)/include/marksweep/'"$$f"; done
	@install -m 644 '$(LIBMARKSWEEP)' '$(DESTDIR)$(PREFIX)/lib/libmarksweep.a'
	@sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' collectors/marksweep/marksweep.pc.in >'$(DESTDIR)$(PREFIX)/lib/pkgconfig/marksweep.pc'
	@chmod 644 '$(DESTDIR)$(PREFIX)/lib/pkgconfig/marksweep.pc'

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | sort | awk -F'\t' '{ printf "  make %-17s %s\n", $$1, $$2 }'

.PHONY: clean
clean: ## remove the build folders
	rm -rf '$(BUILD)' '$(COVERAGE)'
