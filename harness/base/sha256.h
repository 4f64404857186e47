/* sha256.h: the hash of FIPS 180-4, for lists of checksums that sha256sum can check. Thread-safe on
 * different states. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t byte_count;
    unsigned char block[64]; /* its first byte_count % 64 bytes are waiting */
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t count);

/* 64 hexadecimal digits, terminated, in `text`. The state is used up. */
#define SHA256_TEXT_BYTES 65
void sha256_end(struct sha256 *hash, char *text);

#endif
