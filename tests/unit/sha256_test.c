/* SHA-256 against the examples of NIST's FIPS 180 documents, however the bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/sha256.h"

static void assert_hash(const char *bytes, size_t count, size_t repeated, const char *expected)
{
    struct sha256 hash;
    char text[SHA256_TEXT_BYTES];
    sha256_begin(&hash);
    for (size_t i = 0; i < repeated; i++)
        sha256_add(&hash, bytes, count);
    sha256_end(&hash, text);
    assert_string_equal(text, expected);
}

static void published_examples(void **state)
{
    (void)state;
    assert_hash("", 0, 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hash("abc", 3, 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    assert_hash(two_blocks, 56, 1,
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_hash("aaaaaaaaaa", 10, 100000,
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* Every length about the ends of a block, in one piece and byte by byte. */
static void pieces_do_not_matter(void **state)
{
    (void)state;
    char bytes[200];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7);
    for (size_t length = 0; length <= sizeof bytes; length++) {
        struct sha256 hash;
        char whole[SHA256_TEXT_BYTES], pieces[SHA256_TEXT_BYTES];
        sha256_begin(&hash);
        sha256_add(&hash, bytes, length);
        sha256_end(&hash, whole);
        sha256_begin(&hash);
        for (size_t i = 0; i < length; i++)
            sha256_add(&hash, bytes + i, 1);
        sha256_end(&hash, pieces);
        assert_string_equal(whole, pieces);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples),
        cmocka_unit_test(pieces_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
