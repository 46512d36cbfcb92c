/* SPDX-License-Identifier: Apache-2.0 */
/* The hash that a digest names, fed piece by piece. */
#pragma once

#include "base/base.h"

#include <openssl/evp.h>

/* store_sha_new(digest, err): The hash of ${digest}'s algorithm, nothing fed yet; freed with
 * EVP_MD_CTX_free(). NULL with ${err} where libcrypto cannot give it. */
EVP_MD_CTX *store_sha_new(const char *digest, struct keg_err *err);
/* store_sha_restart(sha, digest): Forget what was fed. 0 or -EIO. */
int store_sha_restart(EVP_MD_CTX *sha, const char *digest);
/* store_sha_add(sha, data, length): Feed. 0 or -EIO. */
int store_sha_add(EVP_MD_CTX *sha, const void *data, size_t length);
/* store_sha_matches(sha, digest): What was fed has ${digest}. The hash is used up. */
bool store_sha_matches(EVP_MD_CTX *sha, const char *digest);
