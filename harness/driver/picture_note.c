#include "driver/picture_note.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "data/utf8.h"
#include "driver/xalloc.h"

#define PROGRAM "gcmeter " GCMETER_VERSION

/* Larger files are not pictures of ours; offsets in a PDF then fit into ten digits and four bytes.
 */
#define PICTURE_MOST (1L << 30)

/* The contents of a file and, after them, a NUL. */
struct contents {
    char *bytes;
    size_t length;
};

/* What errno says, and never that all is well. */
static int last_error(void)
{
    int error = errno;
    return error > 0 ? -error : -EIO;
}

static int read_file(const char *path, struct contents *contents)
{
    *contents = (struct contents){NULL, 0};
    FILE *file = fopen(path, "re");
    if (!file)
        return last_error();
    errno = 0;
    long length = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    int error = length > PICTURE_MOST ? -EFBIG : 0;
    if (length < 0)
        error = last_error();
    if (!error) {
        rewind(file);
        contents->bytes = xcalloc((size_t)length + 1, 1);
        contents->length = fread(contents->bytes, 1, (size_t)length, file);
        if (contents->length < (size_t)length) {
            error = -EIO;
            free(contents->bytes);
        }
    }
    fclose(file);
    return error;
}

/* Writes what `out`, an xmemstream(), holds in *bytes to `path`, and frees both. */
static int write_file(const char *path, FILE *out, char **bytes, const size_t *length)
{
    int error = fclose(out) ? -ENOMEM : 0;
    FILE *file = error ? NULL : fopen(path, "we");
    if (!error && !file)
        error = -errno;
    if (file) {
        errno = 0;
        bool written = fwrite(*bytes, 1, *length, file) == *length;
        if (fclose(file) || !written)
            error = last_error();
    }
    free(*bytes);
    return error;
}

/* The next character of *text, which moves on; U+FFFD for a byte that begins none. */
static uint32_t next_character(const char **text)
{
    uint32_t code;
    size_t length = utf8_decode(*text, &code);
    *text += length ? length : 1;
    return length ? code : 0xFFFD;
}

static void put_utf8(FILE *out, const char *text)
{
    while (*text) {
        const char *start = text;
        if (next_character(&text) == 0xFFFD)
            fputs("\xEF\xBF\xBD", out);
        else
            fwrite(start, 1, (size_t)(text - start), out);
    }
}

static void put_be32(FILE *out, size_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        putc((int)(number >> shift & 0xFF), out);
}

/* An iTXt chunk, not compressed, of no language. */
static void put_itxt(FILE *out, const char *keyword, const char *text)
{
    char *bytes;
    size_t length;
    FILE *body = xmemstream(&bytes, &length);
    fputs("iTXt", body);
    fputs(keyword, body);
    fwrite("\0\0\0\0", 1, 5, body);
    put_utf8(body, text);
    fclose(body);
    put_be32(out, length - 4);
    fwrite(bytes, 1, length, out);
    put_be32(out, crc32(0, (const Bytef *)bytes, (uInt)length));
    free(bytes);
}

char *picture_note_png_chunks(const char *command, size_t *length)
{
    char *chunks;
    FILE *out = xmemstream(&chunks, length);
    put_itxt(out, "Comment", command);
    put_itxt(out, "Software", PROGRAM);
    fclose(out);
    return chunks;
}

int picture_note_png(const char *path, const char *command)
{
    static const char head[] = "\211PNG\r\n\032\n\0\0\0\rIHDR";
    struct contents png;
    int error = read_file(path, &png);
    if (error)
        return error;
    if (png.length < PICTURE_NOTE_PNG_AT || memcmp(png.bytes, head, sizeof head - 1) != 0) {
        free(png.bytes);
        return -EBADMSG;
    }
    char *noted;
    size_t noted_length, chunks_length;
    FILE *out = xmemstream(&noted, &noted_length);
    char *chunks = picture_note_png_chunks(command, &chunks_length);
    fwrite(png.bytes, 1, PICTURE_NOTE_PNG_AT, out);
    fwrite(chunks, 1, chunks_length, out);
    fwrite(png.bytes + PICTURE_NOTE_PNG_AT, 1, png.length - PICTURE_NOTE_PNG_AT, out);
    free(chunks);
    free(png.bytes);
    return write_file(path, out, &noted, &noted_length);
}

/* As strstr(), in bytes among which there may be NULs. */
static char *find(const struct contents *contents, size_t from, const char *what)
{
    return from > contents->length
               ? NULL
               : memmem(contents->bytes + from, contents->length - from, what, strlen(what));
}

/* Cairo puts the time of day into a PDF. */
static void fix_date(const struct contents *pdf)
{
    static const char key[] = "/CreationDate (D:", fixed[] = "20000101000000";
    char *date = find(pdf, 0, key);
    if (date && (size_t)(pdf->bytes + pdf->length - date) >= sizeof key + sizeof fixed)
        memcpy(date + sizeof key - 1, fixed, sizeof fixed - 1);
}

/* What the last cross-reference section says. */
struct trailer {
    unsigned long at; /* where it is */
    bool is_stream;   /* as cairo writes it from 1.17.6 on */
    unsigned long size;
    unsigned long root;
    unsigned long info; /* 0: none */
};

/* The number after `key` in the dictionary from `from` to `end`, 0 where it has none. */
static unsigned long number_of(const char *from, const char *end, const char *key)
{
    const char *at = strstr(from, key);
    return at && at < end ? strtoul(at + strlen(key), NULL, 10) : 0;
}

static int read_trailer(const struct contents *pdf, struct trailer *trailer)
{
    char *start = NULL;
    for (char *at = find(pdf, 0, "startxref"); at;
         at = find(pdf, (size_t)(at - pdf->bytes) + 1, "startxref"))
        start = at;
    if (!start)
        return -EBADMSG;
    trailer->at = strtoul(start + strlen("startxref"), NULL, 10);
    if (trailer->at >= (size_t)(start - pdf->bytes))
        return -EBADMSG;
    const char *from = pdf->bytes + trailer->at;
    trailer->is_stream = strncmp(from, "xref", 4) != 0;
    if (!trailer->is_stream)
        from = strstr(from, "trailer");
    const char *end = from ? strstr(from, trailer->is_stream ? "stream" : "startxref") : NULL;
    const char *type = end && trailer->is_stream ? strstr(from, "/XRef") : from;
    if (!end || !type || type > end)
        return -EBADMSG;
    trailer->size = number_of(from, end, "/Size ");
    trailer->root = number_of(from, end, "/Root ");
    trailer->info = number_of(from, end, "/Info ");
    return trailer->size && trailer->root && trailer->info < trailer->size ? 0 : -EBADMSG;
}

/* A text string of PDF that may hold any character: UTF-16, in hexadecimal digits. */
static void put_pdf_text(FILE *out, const char *text)
{
    fputs("<FEFF", out);
    while (*text) {
        uint32_t code = next_character(&text);
        if (code > 0xFFFF)
            fprintf(out, "%04X%04X", (unsigned)(0xD800 + ((code - 0x10000) >> 10)),
                    (unsigned)(0xDC00 + ((code - 0x10000) & 0x3FF)));
        else
            fprintf(out, "%04X", (unsigned)code);
    }
    putc('>', out);
}

/* An entry of a cross-reference stream of /W [1 4 1]. */
static void put_entry(FILE *out, size_t offset)
{
    putc(1, out);
    put_be32(out, offset);
    putc(0, out);
}

static void put_update(FILE *out, size_t length, const struct trailer *old, const char *title,
                       const char *command)
{
    unsigned long info = old->info ? old->info : old->size;
    unsigned long size = old->info ? old->size : old->size + 1;
    long start = ftell(out);
    size_t info_at = length + 1;
    fprintf(out, "\n%lu 0 obj\n<< /Title ", info);
    put_pdf_text(out, title);
    fputs("\n   /Subject ", out);
    put_pdf_text(out, command);
    fputs("\n   /Creator (" PROGRAM ")\n   /Producer (gnuplot, cairo)\n>>\nendobj\n", out);
    size_t section_at = length + (size_t)(ftell(out) - start);
    if (old->is_stream) {
        fprintf(out,
                "%lu 0 obj\n<< /Type /XRef /W [ 1 4 1 ] /Index [ %lu 1 %lu 1 ] /Length 12\n"
                "   /Size %lu /Root %lu 0 R /Info %lu 0 R /Prev %lu\n>>\nstream\n",
                size, info, size, size + 1, old->root, info, old->at);
        put_entry(out, info_at);
        put_entry(out, section_at);
        fputs("\nendstream\nendobj\n", out);
    } else {
        fprintf(out,
                "xref\n%lu 1\n%010zu 00000 n \n"
                "trailer\n<< /Size %lu\n   /Root %lu 0 R\n   /Info %lu 0 R\n   /Prev %lu\n>>\n",
                info, info_at, size, old->root, info, old->at);
    }
    fprintf(out, "startxref\n%zu\n%%%%EOF\n", section_at);
}

int picture_note_pdf(const char *path, const char *title, const char *command)
{
    struct contents pdf;
    struct trailer old;
    int error = read_file(path, &pdf);
    if (error)
        return error;
    error =
        pdf.length >= 4 && memcmp(pdf.bytes, "%PDF", 4) == 0 ? read_trailer(&pdf, &old) : -EBADMSG;
    if (error) {
        free(pdf.bytes);
        return error;
    }
    fix_date(&pdf);
    char *noted;
    size_t noted_length;
    FILE *out = xmemstream(&noted, &noted_length);
    fwrite(pdf.bytes, 1, pdf.length, out);
    put_update(out, pdf.length, &old, title, command);
    free(pdf.bytes);
    return write_file(path, out, &noted, &noted_length);
}
