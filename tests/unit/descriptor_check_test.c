/* Each mistake in a descriptor, made alone, is found and named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "runner/descriptor_check.h"

#include "fake_backend.h"

static void assert_backend(const struct gc_backend *backend, const char *flavours, const char *line)
{
    char why[256] = "";
    int result = descriptor_check_backend(backend, "fake", flavours, why, sizeof why);
    assert_string_equal(why, line);
    assert_int_equal(result, line[0] ? -EINVAL : 0);
}

static void a_right_backend_passes(void **state)
{
    (void)state;
    assert_backend(&gc_backend, "", "");
    assert_backend(&gc_backend, "deep:depth=9 flat:depth=1", "");
}

static void mistakes_of_a_backend(void **state)
{
    (void)state;
    struct gc_backend b = gc_backend;
    b.name = "other";
    assert_backend(&b, "", "backend fake: its descriptor is named 'other'");
    b = gc_backend;
    b.summary = "two\nlines";
    assert_backend(&b, "", "backend fake: its summary is not one line");
    b = gc_backend;
    b.facts.limit = "";
    assert_backend(&b, "", "backend fake: a fact of it is not one line");
    b = gc_backend;
    b.leave_blocked = NULL;
    assert_backend(&b, "", "backend fake: a function is missing in its descriptor");
    b = gc_backend;
    b.capabilities |= GC_CAN_VERIFY;
    assert_backend(&b, "", "backend fake: it has verify() or says so, not both");
    b = gc_backend;
    b.option_count = 65;
    assert_backend(&b, "", "backend fake: more than 64 options");
    assert_backend(&gc_backend, "deep",
                   "backend fake: a flavour in backends.def is not "
                   "NAME:OPTION=VALUE");
    assert_backend(&gc_backend, "deep:depth=10",
                   "backend fake: flavour 'deep' in backends.def is not right");
    assert_backend(&gc_backend, "Deep:depth=9",
                   "backend fake: flavour 'Deep' in backends.def is not right");
    assert_backend(&gc_backend, "deep:width=9",
                   "backend fake: flavour 'deep' in backends.def is not right");
}

static void assert_option(struct gc_option option, const char *line)
{
    const struct gc_option options[] = {fake_options[0], option};
    struct gc_backend b = gc_backend;
    b.options = options;
    b.option_count = 2;
    assert_backend(&b, "", line);
}

static void mistakes_of_an_option(void **state)
{
    (void)state;
    const struct gc_option number = {"size", GC_OPTION_NUMBER, "count", NULL, 3, 1, 9, "how big"};
    struct gc_option o = number;
    assert_option(o, "");
    o.name = "Size";
    assert_option(o, "backend fake: option 1 has no proper name");
    o = number;
    o.name = "depth";
    assert_option(o, "backend fake: two options are named depth");
    o = number;
    o.unit = NULL;
    assert_option(o, "backend fake: option size lacks its unit or help");
    o = number;
    o.choices = "a|b";
    assert_option(o, "backend fake: option size: choices are for kind choice only");
    o = number;
    o.default_value = 10;
    assert_option(o, "backend fake: option size: its default is out of bounds");
    o = (struct gc_option){"policy", GC_OPTION_CHOICE, "", "a|b", 2, 0, 0, "which"};
    assert_option(o, "backend fake: option policy: its default is out of bounds");
    o.default_value = 1;
    assert_option(o, "");
    o = (struct gc_option){"on", GC_OPTION_FLAG, "", NULL, 1, 0, 0, "whether"};
    assert_option(o, "");
}

static uint64_t live_bytes(const struct workload_run *run)
{
    return run->params[0];
}

static uint64_t iterate(struct workload_thread *thread)
{
    return thread->index;
}

static const char *refuse_defaults(const struct workload_run *run)
{
    return run->params[0] == 64 ? "nodes must not be 64" : NULL;
}

static const struct workload_param params[] = {
    {"nodes", "count", 64, 1, 1000, "nodes of a graph"},
};

static struct gc_type leaf = GC_TYPE_LEAF("leaf");
static struct gc_type *const types[] = {&leaf, NULL};

static const struct workload right = {
    .name = "graph",
    .summary = "graphs",
    .operation = "one graph",
    .params = params,
    .param_count = 1,
    .types = types,
    .live_bytes = live_bytes,
    .iterate = iterate,
};

static void assert_workload(const struct workload *workload, const char *line)
{
    char why[256] = "";
    int result = descriptor_check_workload(workload, why, sizeof why);
    assert_string_equal(why, line);
    assert_int_equal(result, line[0] ? -EINVAL : 0);
}

static void mistakes_of_a_workload(void **state)
{
    (void)state;
    struct workload w = right;
    assert_workload(&w, "");
    w.name = "a-b";
    assert_workload(&w, "a workload has no proper name");
    w = right;
    w.operation = NULL;
    assert_workload(&w, "workload graph: something is missing in its descriptor");
    w = right;
    w.param_count = 65;
    assert_workload(&w, "workload graph: more than 64 parameters");
    w = right;
    w.check = refuse_defaults;
    assert_workload(&w, "workload graph refuses its own defaults: nodes must not be 64");
}

static void assert_param(struct workload_param param, const char *line)
{
    const struct workload_param two[] = {params[0], param};
    struct workload w = right;
    w.params = two;
    w.param_count = 2;
    assert_workload(&w, line);
}

static void mistakes_of_a_parameter(void **state)
{
    (void)state;
    const struct workload_param window = {"window", "count", 9, 1, 10, "graphs alive"};
    struct workload_param p = window;
    assert_param(p, "");
    p.name = "";
    assert_param(p, "workload graph: parameter 1 has no proper name");
    p.name = "nodes";
    assert_param(p, "workload graph: two parameters are named nodes");
    p = window;
    p.unit = "graphs";
    assert_param(p, "workload graph: parameter window lacks its unit or help");
    p = window;
    p.help = NULL;
    assert_param(p, "workload graph: parameter window lacks its unit or help");
    p = window;
    p.default_value = 11;
    assert_param(p, "workload graph: parameter window: its bounds or default are wrong");
    p.unit = "flag";
    p.default_value = 1;
    assert_param(p, "workload graph: parameter window: its bounds or default are wrong");
}

static void assert_requests(struct workload_param rate, const char *line)
{
    struct workload w = right;
    w.params = &rate;
    w.param_count = 1;
    w.traits = WORKLOAD_IS_REQUESTS;
    assert_workload(&w, line);
}

static void requests_need_a_rate(void **state)
{
    (void)state;
    const struct workload_param rate = {"rate", "per_s", 9, 0, 1000000000, "due per second"};
    struct workload_param p = rate;
    assert_requests(p, "");
    p.name = "pace";
    assert_requests(p, "workload graph: requests need a parameter rate, in per_s");
    p = rate;
    p.unit = "count";
    assert_requests(p, "workload graph: requests need a parameter rate, in per_s");
    p = rate;
    p.min = 1;
    assert_requests(p, "workload graph: rate goes from 0, a closed loop, to at most 10^9");
    p = rate;
    p.max++;
    assert_requests(p, "workload graph: rate goes from 0, a closed loop, to at most 10^9");
}

static void assert_type(struct gc_type type, const char *line)
{
    struct gc_type *const one[] = {&type, NULL};
    struct workload w = right;
    w.types = one;
    assert_workload(&w, line);
}

static void mistakes_of_a_type(void **state)
{
    (void)state;
    static const char outside[] = "workload graph: type node: pointers outside of whole words";
    assert_type((struct gc_type){.name = "node", .fixed_bytes = 16, .fixed_pointers = 3}, "");
    assert_type((struct gc_type){.name = "node", .fixed_bytes = 16, .fixed_pointers = 4}, outside);
    assert_type((struct gc_type){.name = "node", .element_bytes = 8, .element_pointers = 1}, "");
    assert_type((struct gc_type){.name = "node", .element_bytes = 8, .element_pointers = 2},
                outside);
    assert_type((struct gc_type){.name = "node", .fixed_bytes = 20, .fixed_pointers = 1}, outside);
    assert_type((struct gc_type){.name = "node", .fixed_bytes = 20}, "");
    assert_type((struct gc_type){.name = "node", .fixed_bytes = 512, .fixed_pointers = UINT64_MAX},
                "");
    assert_type((struct gc_type){.fixed_bytes = 8}, "workload graph: a type has no name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_backend_passes),  cmocka_unit_test(mistakes_of_a_backend),
        cmocka_unit_test(mistakes_of_an_option),   cmocka_unit_test(mistakes_of_a_workload),
        cmocka_unit_test(mistakes_of_a_parameter), cmocka_unit_test(requests_need_a_rate),
        cmocka_unit_test(mistakes_of_a_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
