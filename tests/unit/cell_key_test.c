#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/cell_key.h"
#include "data/size_text.h"

static void sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
        uint64_t bytes;
    } cases[] = {
        {"0", 0, 0},
        {"4096", 0, 4096},
        {"64K", 0, 65536},
        {"64k", 0, 65536},
        {"1MiB", 0, 1048576},
        {"1MB", 0, 1000000},
        {"1.5G", 0, 1610612736},
        {"0.5B", 0, 0},
        {"2TiB", 0, UINT64_C(2) << 40},
        {"18446744073709551615", 0, UINT64_MAX},
        {"18446744073709551616", -ERANGE, 0},
        {"18446744073709551615K", -ERANGE, 0},
        {"", -EINVAL, 0},
        {"K", -EINVAL, 0},
        {"-1", -EINVAL, 0},
        {"1.", -EINVAL, 0},
        {".5G", -EINVAL, 0},
        {"1 G", -EINVAL, 0},
        {"1Gx", -EINVAL, 0},
        {"nan", -EINVAL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t bytes = 0;
        assert_int_equal(size_parse(cases[i].text, &bytes), cases[i].error);
        assert_int_equal(bytes, cases[i].bytes);
    }
    char text[SIZE_TEXT_BYTES];
    assert_string_equal(size_format(text, 999), "999 B");
    assert_string_equal(size_format(text, 1024), "1.00 KiB");
    assert_string_equal(size_format(text, 48.0 * 1048576), "48.0 MiB");
    assert_string_equal(size_format(text, 1e30), "909494701772928256 TiB");
}

static void heap_settings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *key; /* NULL: refused */
    } cases[] = {
        {"none", "none"},     {"48M", "50331648"}, {"2.50xlive", "2.5xlive"}, {"2xmin", "2xmin"},
        {"2.5x", NULL},       {"xlive", NULL},     {"-1xlive", NULL},         {"0xlive", NULL},
        {"1.2.3xlive", NULL}, {"infxlive", NULL},  {"1xliver", NULL},         {"", NULL},
        {"0", NULL},          {"1e3xlive", NULL},  {"0.0001xlive", NULL},     {"2000000xmin", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct heap_setting heap;
        int error = heap_setting_parse(&heap, cases[i].text);
        assert_int_equal(error, cases[i].key ? 0 : -EINVAL);
        if (!error) {
            char key[HEAP_SETTING_BYTES];
            assert_string_equal(heap_setting_format(key, &heap), cases[i].key);
        }
    }
}

static void variants(void **state)
{
    (void)state;
    char why[128];
    struct variant_text v;
    assert_int_equal(
        variant_text_parse(&v, "marksweep:mode=concurrent,gogc=100,label=mine", why, sizeof why),
        0);
    assert_string_equal(v.name, "marksweep");
    assert_int_equal(v.setting_count, 3);
    assert_string_equal(variant_text_get(&v, "gogc"), "100");
    assert_string_equal(variant_text_get(&v, "label"), "mine");
    assert_null(variant_text_get(&v, "go"));
    assert_null(variant_text_get(&v, NULL));
    variant_text_free(&v);

    assert_int_equal(
        variant_text_parse(&v, "program:%2fusr%2Fbin%2Ftrue,x=a%2Cb%3D", why, sizeof why), 0);
    assert_string_equal(variant_text_get(&v, NULL), "/usr/bin/true");
    assert_string_equal(variant_text_get(&v, "x"), "a,b=");
    variant_text_free(&v);

    assert_int_equal(variant_text_parse(&v, "boehm", why, sizeof why), 0);
    assert_int_equal(v.setting_count, 0);
    variant_text_free(&v);

    static const struct {
        const char *text;
        const char *why;
    } bad[] = {
        {"", "'' is not NAME or NAME:SETTING=VALUE,…"},
        {"Boehm", "'Boehm' is not NAME or NAME:SETTING=VALUE,…"},
        {"boehm:", "a setting of 'boehm' is empty"},
        {"boehm:a=1,", "a setting of 'boehm' is empty"},
        {"boehm:=1", "a setting of 'boehm' is empty"},
        {"boehm:a=1,a=2", "'a' is set twice"},
        {"boehm:x,y", "'y' is a second word without '='"},
        {"boehm:a=%2", "'a' has a % that is not followed by two hex digits"},
        {"boehm:a=%00", "'a' has a % that is not followed by two hex digits"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(variant_text_parse(&v, bad[i].text, why, sizeof why), -EINVAL);
        assert_string_equal(why, bad[i].why);
    }
}

static void assert_part(struct cell_part part, const char *expected)
{
    assert_int_equal(part.length, strlen(expected));
    assert_memory_equal(part.text, expected, strlen(expected));
}

static void keys_go_there_and_back(void **state)
{
    (void)state;
    const struct setting params[] = {{"nodes", "64"}, {"file", "/tmp/a b,c=ü"}};
    const struct setting label[] = {{NULL, "half speed"}};
    char *key = cell_key_format(&(struct cell_name){.workload = "cyclic_graph",
                                                    .params = params,
                                                    .param_count = 2,
                                                    .backend = "boehm",
                                                    .options = label,
                                                    .option_count = 1,
                                                    .heap = {HEAP_TIMES_MIN, 2.5, 0},
                                                    .threads = 2});
    assert_string_equal(key, "cyclic_graph:nodes=64,file=%2Ftmp%2Fa%20b%2Cc%3D%C3%BC/"
                             "boehm:half%20speed/heap=2.5xmin/threads=2");
    struct cell_parts parts;
    assert_int_equal(cell_key_split(&parts, key), 0);
    assert_part(parts.workload_name, "cyclic_graph");
    assert_part(parts.workload, "cyclic_graph:nodes=64,file=%2Ftmp%2Fa%20b%2Cc%3D%C3%BC");
    assert_part(parts.backend_name, "boehm");
    assert_part(parts.backend, "boehm:half%20speed");
    assert_part(parts.heap, "2.5xmin");
    assert_part(parts.threads, "2");
    char why[64];
    struct variant_text v;
    char text[128];
    snprintf(text, sizeof text, "%.*s", parts.workload.length, parts.workload.text);
    assert_int_equal(variant_text_parse(&v, text, why, sizeof why), 0);
    assert_string_equal(variant_text_get(&v, "file"), params[1].value);
    variant_text_free(&v);
    free(key);

    key = cell_key_format(
        &(struct cell_name){.workload = "nothing", .backend = "malloc", .threads = 1});
    assert_string_equal(key, "nothing/malloc/heap=none/threads=1");
    free(key);
}

static void other_texts_are_no_keys(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "nothing",
        "nothing/malloc",
        "nothing/malloc/heap=none",
        "nothing/malloc/heap=none/threads=",
        "nothing/malloc/heap=none/threads=1/",
        "nothing/malloc/heap=none/threads=one",
        "nothing/malloc/threads=1/heap=none",
        "/malloc/heap=none/threads=1",
        ":a=1/malloc/heap=none/threads=1",
        "nothing//heap=none/threads=1",
    };
    struct cell_parts parts;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cell_key_split(&parts, bad[i]), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(heap_settings),
        cmocka_unit_test(variants),
        cmocka_unit_test(keys_go_there_and_back),
        cmocka_unit_test(other_texts_are_no_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
