/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 and SHA-512 of libcrypto, chosen by the digest to be checked; and the chain id made of
 * them. */
#include "store/ingest/sha.h"
#include "store/store.h"

#include <string.h>

static const EVP_MD *algorithm_of(const char *digest)
{
    return keg_starts_with(digest, "sha512:") ? EVP_sha512() : EVP_sha256();
}

EVP_MD_CTX *store_sha_new(const char *digest, struct keg_err *err)
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();

    if (sha && store_sha_restart(sha, digest) == 0)
        return sha;
    EVP_MD_CTX_free(sha);
    keg_fail(err, -EIO, "libcrypto cannot hash for '%s'", digest);
    return NULL;
}

int store_sha_restart(EVP_MD_CTX *sha, const char *digest)
{
    return EVP_DigestInit_ex(sha, algorithm_of(digest), NULL) == 1 ? 0 : -EIO;
}

int store_sha_add(EVP_MD_CTX *sha, const void *data, size_t length)
{
    return EVP_DigestUpdate(sha, data, length) == 1 ? 0 : -EIO;
}

bool store_sha_matches(EVP_MD_CTX *sha, const char *digest)
{
    uint8_t bytes[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned int length = 0;

    if (EVP_DigestFinal_ex(sha, bytes, &length) != 1)
        return false;
    keg_hex(bytes, length, hex);
    return keg_streq(hex, strchr(digest, ':') + 1);
}

/* ${text} becomes "sha256:" and the digest of ${a}, and where there is a ${b}, of "a b". */
static void hash_text(const char *a, const char *b, char text[static 72])
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    uint8_t bytes[EVP_MAX_MD_SIZE] = {0};
    unsigned int length = 32;

    /* Fails when out of memory only; then the text is no digest, which whoever is given it refuses.
     */
    if (sha && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1 &&
        store_sha_add(sha, a, strlen(a)) == 0 &&
        (!b || (store_sha_add(sha, " ", 1) == 0 && store_sha_add(sha, b, strlen(b)) == 0)) &&
        EVP_DigestFinal_ex(sha, bytes, &length) == 1) {
        memcpy(text, "sha256:", 7);
        keg_hex(bytes, 32, text + 7);
    } else {
        text[0] = '\0';
    }
    EVP_MD_CTX_free(sha);
}

void store_chain_id(const char *parent_chain_id, const char *diff_id, char text[static 72])
{
    if (parent_chain_id || strlen(diff_id) >= 72)
        hash_text(parent_chain_id ? parent_chain_id : diff_id, parent_chain_id ? diff_id : NULL,
                  text);
    else
        memcpy(text, diff_id, strlen(diff_id) + 1);
}
