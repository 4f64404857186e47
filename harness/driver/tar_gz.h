/* tar_gz.h: writes a compressed archive (POSIX.1-1988 ustar in gzip) that depends on nothing but
 * what goes in: no user, no time but the one given. Not thread-safe on one archive. */
#ifndef DRIVER_TAR_GZ_H
#define DRIVER_TAR_GZ_H

#include <stddef.h>
#include <stdint.h>

struct tar_gz;

/* Creates or replaces `path`; every member is of `mtime_s` seconds after 1970, at least 0. 0 or a
 * negative errno. On success *tar is owned by the caller until tar_gz_close(). */
int tar_gz_open(struct tar_gz **tar, const char *path, int64_t mtime_s);

/* Adds a member `folder`/`name` of at most 100 bytes in all, with the contents of a file, whose
 * SHA-256 goes into `checksum` (SHA256_TEXT_BYTES), or of `text`. A negative errno: -ENAMETOOLONG;
 * -EFBIG, 8 GiB or more; -ESTALE, the file changed meanwhile; or another of reading or writing. */
int tar_gz_add_file(struct tar_gz *tar, const char *folder, const char *name, const char *path,
                    char *checksum);
int tar_gz_add_text(struct tar_gz *tar, const char *folder, const char *name, const char *text,
                    char *checksum);

/* Ends the archive and frees. The first error in writing it, or 0. */
int tar_gz_close(struct tar_gz *tar);

#endif
