#include "driver/tar_gz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zlib.h>

#include "base/sha256.h"

#define BLOCK_BYTES 512

/* The size field has eleven octal digits. */
#define SIZE_MOST INT64_C(077777777777)

struct tar_gz {
    gzFile file;
    int64_t mtime_s;
    int error;
};

/* IEEE Std 1003.1, pax, "ustar Interchange Format". */
struct header {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char linkname[100];
    char magic[6];
    char version[2];
    char uname[32];
    char gname[32];
    char devmajor[8];
    char devminor[8];
    char prefix[155];
    char padding[12];
};
_Static_assert(sizeof(struct header) == BLOCK_BYTES, "a header is a block");

int tar_gz_open(struct tar_gz **tar, const char *path, int64_t mtime_s)
{
    *tar = calloc(1, sizeof **tar);
    if (!*tar)
        return -ENOMEM;
    errno = 0;
    /* zlib puts no time and no name into the header. */
    (*tar)->file = gzopen(path, "wbe");
    (*tar)->mtime_s = mtime_s > 0 ? mtime_s : 0;
    if ((*tar)->file)
        return 0;
    free(*tar);
    *tar = NULL;
    return errno ? -errno : -ENOMEM;
}

static void put(struct tar_gz *tar, const void *bytes, size_t count)
{
    errno = 0;
    if (!tar->error && count > 0 && gzwrite(tar->file, bytes, (unsigned)count) == 0)
        tar->error = errno ? -errno : -EIO;
}

static void put_padding(struct tar_gz *tar, int64_t size)
{
    static const char zeroes[BLOCK_BYTES];
    put(tar, zeroes, (size_t)((BLOCK_BYTES - size % BLOCK_BYTES) % BLOCK_BYTES));
}

static int put_header(struct tar_gz *tar, const char *folder, const char *name, int64_t size)
{
    struct header header = {.type = '0', .magic = "ustar", .version = {'0', '0'}};
    char path[sizeof header.name + 1];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return -ENAMETOOLONG;
    if (size > SIZE_MOST)
        return -EFBIG;
    memcpy(header.name, path, (size_t)length);
    snprintf(header.mode, sizeof header.mode, "%07o", 0644u);
    snprintf(header.uid, sizeof header.uid, "%07o", 0u);
    snprintf(header.gid, sizeof header.gid, "%07o", 0u);
    snprintf(header.size, sizeof header.size, "%011llo", (unsigned long long)size);
    snprintf(header.mtime, sizeof header.mtime, "%011llo",
             (unsigned long long)tar->mtime_s & (unsigned long long)SIZE_MOST);
    /* The sum is taken with blanks in its place. */
    memset(header.checksum, ' ', sizeof header.checksum);
    const unsigned char *bytes = (const unsigned char *)&header;
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof header; i++)
        sum += bytes[i];
    snprintf(header.checksum, sizeof header.checksum, "%06o", sum);
    put(tar, &header, sizeof header);
    return tar->error;
}

int tar_gz_add_text(struct tar_gz *tar, const char *folder, const char *name, const char *text,
                    char *checksum)
{
    size_t length = strlen(text);
    int error = put_header(tar, folder, name, (int64_t)length);
    if (error)
        return error;
    struct sha256 hash;
    sha256_begin(&hash);
    sha256_add(&hash, text, length);
    sha256_end(&hash, checksum);
    put(tar, text, length);
    put_padding(tar, (int64_t)length);
    return tar->error;
}

static int put_contents(struct tar_gz *tar, FILE *file, int64_t size, struct sha256 *hash)
{
    char buffer[1 << 16];
    int64_t left = size;
    while (left > 0) {
        size_t most = left < (int64_t)sizeof buffer ? (size_t)left : sizeof buffer;
        errno = 0;
        size_t count = fread(buffer, 1, most, file);
        if (count == 0)
            return ferror(file) && errno ? -errno : -ESTALE;
        sha256_add(hash, buffer, count);
        put(tar, buffer, count);
        left -= (int64_t)count;
    }
    if (getc(file) != EOF)
        return -ESTALE;
    put_padding(tar, size);
    return tar->error;
}

int tar_gz_add_file(struct tar_gz *tar, const char *folder, const char *name, const char *path,
                    char *checksum)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    struct stat status;
    int error = fstat(fileno(file), &status) ? -errno : 0;
    if (!error && !S_ISREG(status.st_mode))
        error = -EINVAL;
    if (!error)
        error = put_header(tar, folder, name, status.st_size);
    if (!error) {
        struct sha256 hash;
        sha256_begin(&hash);
        error = put_contents(tar, file, status.st_size, &hash);
        sha256_end(&hash, checksum);
    }
    fclose(file);
    return error;
}

int tar_gz_close(struct tar_gz *tar)
{
    static const char end[2 * BLOCK_BYTES];
    put(tar, end, sizeof end);
    errno = 0;
    int closed = gzclose(tar->file);
    int error = tar->error ? tar->error : closed == Z_OK ? 0 : errno ? -errno : -EIO;
    free(tar);
    return error;
}
