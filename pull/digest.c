/* SPDX-License-Identifier: Apache-2.0 */
/* sha256 and sha512 by OpenSSL. */
#include "pull/digest.h"

#include <openssl/evp.h>
#include <string.h>

int digest_of(const char *algorithm, const void *data, size_t length,
              char text[static DIGEST_TEXT_BYTES])
{
    bool wide = keg_starts_with(algorithm, "sha512");
    uint8_t value[EVP_MAX_MD_SIZE];
    unsigned value_length = 0;
    if (EVP_Digest(data, length, value, &value_length, wide ? EVP_sha512() : EVP_sha256(), NULL) !=
        1)
        return -EIO;
    memcpy(text, wide ? "sha512:" : "sha256:", 7);
    keg_hex(value, value_length, text + 7);
    return 0;
}

int digest_check(const char *digest, const void *data, size_t length, struct keg_err *err)
{
    char text[DIGEST_TEXT_BYTES];
    if (digest_of(digest, data, length, text) < 0)
        return keg_fail(err, -EIO, "libcrypto cannot hash");
    if (strcmp(text, digest) != 0)
        return keg_fail(err, -EBADMSG, "wrong digest: the bytes are %s, not %s", text, digest);
    return 0;
}
