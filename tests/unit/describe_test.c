/* --describe, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runner/describe.h"
#include "runner/identity.h"
#include "runner/instruction_window.h"
#include "runner/workload_table.h"

#define FAKE_RECLAIM GC_RECLAIM_NEVER
#define FAKE_CAPABILITIES                                                                          \
    (GC_CAN_LIMIT_HEAP | GC_CAN_VERIFY | GC_IS_PRECISE | GC_CAN_FINALIZE | GC_CAN_WEAK)
#include "fake_backend.h"

#if INSTRUCTION_WINDOW_IS_KNOWN
#define CALLGRIND_ROW "callgrind,1\n"
#else
#define CALLGRIND_ROW ""
#endif

const struct runner_identity runner_identity = {
    .program = "gcmeter-run-fake-deep",
    .backend = "fake",
    .flavour = "deep",
    .compiler = "cc 1",
    .flags = "-O2 -DX=\"a,b\"",
};

const char *runner_flavours(void)
{
    return "deep:depth=9 flat:depth=1";
}

static const struct workload_param params[] = {
    {"rate", "per_s", 1000, 1, UINT64_MAX, "requests, all threads together"},
};

static const struct workload server = {
    .name = "server",
    .summary = "says \"hello\"",
    .operation = "one request",
    .params = params,
    .param_count = 1,
    .traits = WORKLOAD_TAKES_THREADS | WORKLOAD_IS_REQUESTS,
};

static const struct workload idle = {.name = "idle",
                                     .summary = "rests",
                                     .operation = "none",
                                     .traits = WORKLOAD_NEEDS_FINALIZERS | WORKLOAD_NEEDS_WEAK};

const struct workload *const workload_table[] = {&server, &idle, NULL};

static struct record_writer writer;

static const char *described(void)
{
    record_writer_init(&writer, -1);
    describe(&writer);
    assert_true(writer.used < sizeof writer.buffer);
    writer.buffer[writer.used] = '\0';
    return writer.buffer;
}

static void all_rows(void **state)
{
    (void)state;
    assert_string_equal(described(),
                        "protocol,1\n"
                        "name,fake\n"
                        "flavour,deep\n"
                        "event_log,1\n" CALLGRIND_ROW "summary,for tests\n"
                        "version,1.0\n"
                        "header_version,1.0\n"
                        "library,\n"
                        "compiler,cc 1\n"
                        "flags,\"-O2 -DX=\"\"a,b\"\"\"\n"
                        "reclaim,never\n"
                        "capability,heap_limit\n"
                        "capability,verify\n"
                        "capability,precise\n"
                        "capability,finalizers\n"
                        "capability,weak\n"
                        "need,types\n"
                        "need,moves\n"
                        "fact,scanning,\"typed, \"\"mostly\"\"\"\n"
                        "fact,limit,none\n"
                        "option,depth,number,count,3,1,9,,how deep\n"
                        "option,eager,flag,,1,0,1,,\"sweeps, at once\"\n"
                        "option,mode,choice,,concurrent,,,stop|concurrent,how to mark\n"
                        "use_flavour,deep,depth,9\n"
                        "use_flavour,flat,depth,1\n"
                        "workload,server,one request,threads|requests,\"says \"\"hello\"\"\"\n"
                        "param,server,rate,per_s,1000,1,18446744073709551615,\"requests, all "
                        "threads together\"\n"
                        "workload,idle,none,finalizers|weak,rests\n");
}

/* A library that does not match its headers is told, and all the rest still is. */
static void a_mismatch_is_a_row(void **state)
{
    (void)state;
    fake.header_version = "2.0";
    const char *text = described();
    fake.header_version = "1.0";
    assert_non_null(strstr(text, "\nheader_version,2.0\n"));
    assert_non_null(strstr(text, "\nunavailable,\"built against the headers of fake 2.0, but the "
                                 "library is version 1.0: "));
    assert_non_null(strstr(text, "\nworkload,idle,"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_rows),
        cmocka_unit_test(a_mismatch_is_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
