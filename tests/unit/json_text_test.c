/* Strings of JSON, against cJSON where it is there, and characters of UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/json_text.h"
#include "data/utf8.h"
#include "fixtures/json_reader.h"

static char *written(const char *text)
{
    char *json = NULL;
    size_t length;
    FILE *out = open_memstream(&json, &length);
    json_put_text(out, text);
    assert_int_equal(fclose(out), 0);
    return json;
}

static void texts_are_escaped(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
        {"\x01\t\n\x1f\x7f", "\"\\u0001\\u0009\\u000a\\u001f\\u007f\""},
        {"µs é \xf0\x9f\x98\x80", "\"µs é \xf0\x9f\x98\x80\""},
        /* A stray byte, an overlong slash, half a surrogate pair, one beyond Unicode, one cut off.
         */
        {"\xff", "\"\\\\xff\""},
        {"\xc0\xaf", "\"\\\\xc0\\\\xaf\""},
        {"\xed\xa0\x80", "\"\\\\xed\\\\xa0\\\\x80\""},
        {"\xf4\x90\x80\x80", "\"\\\\xf4\\\\x90\\\\x80\\\\x80\""},
        {"x\xe2\x82", "\"x\\\\xe2\\\\x82\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *json = written(cases[i][0]);
        assert_string_equal(json, cases[i][1]);
        free(json);
    }
}

static void characters_of_utf8(void **state)
{
    (void)state;
    uint32_t code;
    assert_int_equal(utf8_decode("\xc2\x80", &code), 2);
    assert_int_equal(code, 0x80);
    assert_int_equal(utf8_decode("\xe2\x82\xac", &code), 3);
    assert_int_equal(code, 0x20ac);
    assert_int_equal(utf8_decode("\xf4\x8f\xbf\xbf", &code), 4);
    assert_int_equal(code, 0x10ffff);
    assert_int_equal(utf8_decode("\xc1\xbf", &code), 0);
    assert_int_equal(utf8_decode("\xe0\x9f\xbf", &code), 0);
    assert_int_equal(utf8_decode("\x80", &code), 0);
    assert_int_equal(utf8_decode("\xf8\x88\x80\x80\x80", &code), 0);
}

/* What is written reads back as what went in, with a bad byte told as \xNN. */
static void any_bytes_are_json(void **state)
{
    (void)state;
#if JSON_READER
    struct rng rng;
    rng_seed(&rng, 5, 1);
    for (int trial = 0; trial < 20000; trial++) {
        char text[40], expected[160] = "";
        size_t length = rng_below(&rng, 20);
        for (size_t i = 0; i < length; i++)
            text[i] =
                (char)(rng_below(&rng, 3) ? 1 + rng_below(&rng, 255) : 0xc2 + rng_below(&rng, 51));
        text[length] = '\0';
        for (const char *at = text; *at;) {
            uint32_t code;
            size_t bytes = utf8_decode(at, &code);
            size_t end = strlen(expected);
            if (bytes)
                snprintf(expected + end, sizeof expected - end, "%.*s", (int)bytes, at);
            else
                snprintf(expected + end, sizeof expected - end, "\\x%02x", (unsigned char)*at);
            at += bytes ? bytes : 1;
        }
        char *json = written(text);
        cJSON *value = json_read(json);
        assert_string_equal(cJSON_GetStringValue(value), expected);
        cJSON_Delete(value);
        free(json);
    }
#else
    print_message(JSON_SKIP);
    skip();
#endif
}

static void numbers_that_are_none_are_null(void **state)
{
    (void)state;
    char *json = NULL;
    size_t length;
    FILE *out = open_memstream(&json, &length);
    static const double numbers[] = {0, -3, 912000, 0.1, 1e300, INFINITY, NAN};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        json_put_number(out, numbers[i]);
        fputc(' ', out);
    }
    assert_int_equal(fclose(out), 0);
    assert_string_equal(json, "0 -3 912000 0.1 1e+300 null null ");
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(characters_of_utf8),
        cmocka_unit_test(any_bytes_are_json),
        cmocka_unit_test(numbers_that_are_none_are_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
