/* picture_note: read back as a reader of PNG or PDF finds it, by lengths, checksums and offsets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/picture_note.h"

static char path[] = "/tmp/picture_note_XXXXXX";
static char bytes[1 << 16];
static size_t length;

static void write_bytes(const char *from, size_t count)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(from, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

static void read_back(void)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    length = fread(bytes, 1, sizeof bytes - 1, file);
    bytes[length] = '\0';
    fclose(file);
}

/* As the PNG specification's annex D has it, bit by bit. */
static uint32_t crc_of(const unsigned char *from, size_t count)
{
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < count; i++) {
        crc ^= from[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? 0xEDB88320 ^ crc >> 1 : crc >> 1;
    }
    return ~crc;
}

static size_t be32(size_t at)
{
    size_t number = 0;
    for (size_t i = 0; i < 4; i++)
        number = number << 8 | (unsigned char)bytes[at + i];
    return number;
}

/* The chunk at *at, which moves behind it, is of this type and these contents. */
static void assert_chunk(size_t *at, const char *type, const char *contents, size_t count)
{
    assert_true(*at + 12 + count <= length);
    assert_int_equal(be32(*at), count);
    assert_memory_equal(bytes + *at + 4, type, 4);
    assert_memory_equal(bytes + *at + 8, contents, count);
    assert_int_equal(be32(*at + 8 + count),
                     crc_of((const unsigned char *)bytes + *at + 4, count + 4));
    *at += 12 + count;
}

#define PNG_HEAD  "\211PNG\r\n\032\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\10\0\0\0\0\x3a\x7e\x9b\x55"
#define PNG_END   "\0\0\0\0IEND\xae\x42\x60\x82"
#define SOFTWARE  "Software\0\0\0\0\0gcmeter " GCMETER_VERSION
#define LENGTH(s) (sizeof(s) - 1)

static void a_png_keeps_its_chunks_and_has_two_more(void **state)
{
    (void)state;
    static const char png[] = PNG_HEAD PNG_END;
    static const char comment[] = "Comment\0\0\0\0\0gcmeter run --backend \xC3\xBC\xEF\xBF\xBD";
    write_bytes(png, LENGTH(png));
    assert_int_equal(picture_note_png(path, "gcmeter run --backend \xC3\xBC\xFF"), 0);
    read_back();
    size_t at = 8;
    assert_memory_equal(bytes, png, 8);
    assert_chunk(&at, "IHDR", png + 16, 13);
    assert_int_equal(at, PICTURE_NOTE_PNG_AT);
    size_t chunks_length;
    char *chunks = picture_note_png_chunks("gcmeter run --backend \xC3\xBC\xFF", &chunks_length);
    assert_memory_equal(bytes + at, chunks, chunks_length);
    free(chunks);
    assert_chunk(&at, "iTXt", comment, LENGTH(comment));
    assert_chunk(&at, "iTXt", SOFTWARE, LENGTH(SOFTWARE));
    assert_chunk(&at, "IEND", "", 0);
    assert_int_equal(at, length);
}

static void what_is_no_picture_is_left_as_it_was(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "\211PNG",
        "not a picture",
        "%PDF-1.5\nstartxref\n99999999\n%%EOF\n",
        "%PDF-1.5\nxref\nstartxref\n9\n%%EOF\n",
        "%PDF-1.5\nxref\ntrailer\n<< /Size 3 >>\nstartxref\n9\n",
        "%PDF-1.5\n1 0 obj\n<< /Size 3 /Root 1 0 R >>\nstartxref\n9"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_bytes(texts[i], strlen(texts[i]));
        assert_int_equal(picture_note_png(path, "c"), -EBADMSG);
        assert_int_equal(picture_note_pdf(path, "t", "c"), -EBADMSG);
        read_back();
        assert_int_equal(length, strlen(texts[i]));
        assert_memory_equal(bytes, texts[i], length);
    }
    assert_int_equal(picture_note_png("/tmp/absent/x.png", "c"), -ENOENT);
    assert_int_equal(picture_note_pdf("/tmp/absent/x.pdf", "t", "c"), -ENOENT);
}

/* The object `number` at `at` has these entries. */
static void assert_info(size_t at, unsigned number)
{
    char expected[512];
    int count = snprintf(expected, sizeof expected,
                         "%u 0 obj\n<< /Title <FEFF0074>\n   /Subject <FEFF006100FCFFFDD83DDE00>\n"
                         "   /Creator (gcmeter " GCMETER_VERSION ")\n",
                         number);
    assert_true(at + (size_t)count < length);
    assert_memory_equal(bytes + at, expected, (size_t)count);
}

static size_t last_section(void)
{
    char *start = NULL;
    for (char *at = bytes; (at = memmem(at, length - (size_t)(at - bytes), "startxref", 9)); at++)
        start = at;
    assert_non_null(start);
    size_t at = strtoul(start + 9, NULL, 10);
    assert_true(at < length);
    assert_string_equal(bytes + length - 7, "\n%%EOF\n");
    return at;
}

#define SUBJECT "a\xC3\xBC\xFF\xF0\x9F\x98\x80"
#define OBJECTS "%PDF-1.5\n1 0 obj\n<< /CreationDate (D:20261128040851Z)\n>>\nendobj\n"

static void a_pdf_with_a_table_gets_one_more(void **state)
{
    (void)state;
    static const char pdf[] =
        OBJECTS "xref\n0 2\n0000000000 65535 f \n0000000009 00000 n \n"
                "trailer\n<< /Size 3\n   /Root 2 0 R\n   /Info 1 0 R\n>>\nstartxref\n64\n%%EOF\n";
    assert_int_equal(strstr(pdf, "xref") - pdf, 64);
    write_bytes(pdf, LENGTH(pdf));
    assert_int_equal(picture_note_pdf(path, "t", SUBJECT), 0);
    read_back();
    assert_non_null(strstr(bytes, "(D:20000101000000Z)"));
    assert_null(strstr(bytes, "20261128"));
    char *section = bytes + last_section();
    unsigned number, offset;
    int end = 0;
    assert_int_equal(sscanf(section, "xref\n%u 1\n%10u 00000 n%n", &number, &offset, &end), 2);
    assert_int_equal(number, 1);
    assert_info(offset, 1);
    assert_memory_equal(section + end, " \ntrailer\n<< /Size 3\n   /Root 2 0 R\n", 36);
    assert_non_null(strstr(section, "/Info 1 0 R\n   /Prev 64\n"));
}

static void a_pdf_with_a_stream_gets_one_more(void **state)
{
    (void)state;
    static const char pdf[] = OBJECTS
        "3 0 obj\n<< /Length 3 /Size 4 /Root 2 0 R /W [ 1 1 1 ] /Type /XRef >>\nstream\n\0\1\2\n"
        "endstream\nendobj\nstartxref\n64\n%%EOF\n";
    write_bytes(pdf, LENGTH(pdf));
    assert_int_equal(picture_note_pdf(path, "t", SUBJECT), 0);
    read_back();
    size_t at = last_section();
    char *section = bytes + at;
    /* Without an /Info so far it is a new object, 4, and the section is 5. */
    assert_memory_equal(section, "5 0 obj\n<< /Type /XRef /W [ 1 4 1 ] /Index [ 4 1 5 1 ] ", 55);
    assert_non_null(strstr(section, "/Length 12\n   /Size 6 /Root 2 0 R /Info 4 0 R /Prev 64\n"));
    char *entries = strstr(section, "stream\n") + 7;
    assert_memory_equal(entries + 12, "\nendstream\nendobj\n", 18);
    size_t first = (size_t)(entries - bytes);
    assert_int_equal(bytes[first], 1);
    assert_info(be32(first + 1), 4);
    assert_int_equal(bytes[first + 6], 1);
    assert_int_equal(be32(first + 7), at);
}

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_png_keeps_its_chunks_and_has_two_more),
        cmocka_unit_test(what_is_no_picture_is_left_as_it_was),
        cmocka_unit_test(a_pdf_with_a_table_gets_one_more),
        cmocka_unit_test(a_pdf_with_a_stream_gets_one_more),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
