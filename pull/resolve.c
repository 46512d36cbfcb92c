/* SPDX-License-Identifier: Apache-2.0 */
/* Index, manifest, config: size and digest verified at every hop. */
#include "pull/resolve.h"

#include "pull/digest.h"
#include "pull/platform.h"

#include <string.h>

/* One walk through one registry's documents. */
struct walk {
    struct session *session;
    struct registry *registry;
    struct http *http;
    const struct store_ref *ref;
    struct store_platform wanted;
    bool explicit_platform;
    struct resolved *resolved;
};

void resolved_done(struct resolved *resolved)
{
    for (size_t i = 0; i < resolved->count; i++) {
        free(resolved->documents[i].digest);
        keg_buf_done(&resolved->documents[i].bytes);
    }
    free(resolved->media_type);
    document_done(&resolved->manifest);
    image_config_done(&resolved->config);
    platform_done(&resolved->platform);
    *resolved = (struct resolved){.count = 0};
}

/* Keep the verified document. Takes `bytes`, also on failure. */
static int keep(struct resolved *resolved, const char *digest, struct keg_buf *bytes,
                struct keg_err *err)
{
    struct resolved_bytes *place = &resolved->documents[resolved->count];
    place->digest = keg_strdup(digest);
    if (!place->digest) {
        keg_buf_done(bytes);
        return keg_fail(err, -ENOMEM, "out of memory");
    }
    place->bytes = *bytes;
    resolved->count++;
    return 0;
}

static const struct keg_buf *last_bytes(const struct resolved *resolved)
{
    return &resolved->documents[resolved->count - 1].bytes;
}

/* The store's copy of a document: 1 with verified bytes, 0 where there is none that is good. */
static int read_stored(struct store *store, const char *digest, struct keg_buf *ret)
{
    _cleanup_fd_ int fd = -1;
    uint64_t size_bytes;
    struct keg_buf bytes = keg_buf_init(KEG_MANIFEST_MAX_BYTES);
    if (store_blob_open(store, digest, &fd, &size_bytes, NULL) < 0)
        return 0;
    keg_buf_str(&bytes, "");
    if (keg_read_all(fd, KEG_MANIFEST_MAX_BYTES, &bytes) < 0 ||
        digest_check(digest, bytes.data, bytes.length, NULL) < 0) {
        keg_buf_done(&bytes);
        return 0;
    }
    *ret = bytes;
    return 1;
}

/* The first document, by tag: where the store's image of this tag is still what the registry has,
 * HEAD is all that it takes. 1 with its bytes. */
static int read_unchanged(struct walk *walk, struct keg_buf *ret, char **ret_type,
                          char **ret_digest)
{
    _cleanup_(store_image_done) struct store_image image = {.digest = NULL};
    _cleanup_free_ char *digest = NULL;
    if (walk->ref->digest || store_image_get(walk->session->store, walk->ref, &image, NULL) < 0 ||
        !store_blob_exists(walk->session->store, image.digest) ||
        registry_tag_digest(walk->registry, walk->http, walk->ref->tag, &digest) != 1 ||
        !keg_streq(digest, image.digest) || read_stored(walk->session->store, digest, ret) != 1)
        return 0;
    *ret_type = keg_strdup(image.media_type);
    *ret_digest = TAKE_PTR(digest);
    return 1;
}

/* By digest, from the registry: what comes must have it. */
static int request_by_digest(struct walk *walk, const char *digest, struct keg_buf *ret,
                             char **ret_type, struct keg_err *err)
{
    int r = registry_manifest(walk->registry, walk->http, digest, ret, ret_type, err);
    if (r < 0)
        return r;
    r = digest_check(digest, ret->data, ret->length, err);
    if (r < 0)
        keg_buf_done(ret);
    return r;
}

/* Whether the document says its own type. The store does not keep what the registry said. */
static bool names_its_type(const struct keg_buf *bytes)
{
    _cleanup_json_ json_t *root = keg_json_parse(bytes->data, bytes->length, NULL);
    return json_is_string(json_object_get(root, "mediaType"));
}

/* The first document, by digest. */
static int fetch_top_by_digest(struct walk *walk, struct keg_buf *ret, char **ret_type,
                               struct keg_err *err)
{
    const char *digest = walk->ref->digest;
    if (read_stored(walk->session->store, digest, ret) == 1) {
        if (names_its_type(ret))
            return 0;
        keg_buf_done(ret);
    }
    return request_by_digest(walk, digest, ret, ret_type, err);
}

/* By tag: nothing says what must come; the digest is computed. */
static int fetch_by_tag(struct walk *walk, struct keg_buf *ret, char **ret_type, char **ret_digest,
                        struct keg_err *err)
{
    char digest[DIGEST_TEXT_BYTES];
    if (read_unchanged(walk, ret, ret_type, ret_digest) == 1)
        return 0;
    int r = registry_manifest(walk->registry, walk->http, walk->ref->tag, ret, ret_type, err);
    if (r < 0)
        return r;
    if (digest_of("sha256", ret->data, ret->length, digest) < 0 ||
        !(*ret_digest = keg_strdup(digest))) {
        keg_buf_done(ret);
        return keg_fail(err, -ENOMEM, "out of memory");
    }
    return 0;
}

static int fetch_top(struct walk *walk, struct document *ret, struct keg_err *err)
{
    _cleanup_free_ char *type = NULL;
    _cleanup_free_ char *digest = keg_strdup(walk->ref->digest);
    struct keg_buf bytes;
    int r = walk->ref->digest ? fetch_top_by_digest(walk, &bytes, &type, err)
                              : fetch_by_tag(walk, &bytes, &type, &digest, err);
    if (r < 0 || (r = keep(walk->resolved, digest, &bytes, err)) < 0)
        return r;
    const struct keg_buf *kept = last_bytes(walk->resolved);
    r = document_parse(kept->data, kept->length, type, ret, err);
    if (r < 0)
        return r;
    walk->resolved->media_type = keg_strdup(ret->media_type);
    return walk->resolved->media_type ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

static int fetch_chosen(struct walk *walk, const struct descriptor *entry, struct document *ret,
                        struct keg_err *err)
{
    _cleanup_free_ char *type = NULL;
    struct keg_buf bytes;
    int r = read_stored(walk->session->store, entry->digest, &bytes);
    if (r == 0)
        r = request_by_digest(walk, entry->digest, &bytes, &type, err);
    if (r < 0 || (r = keep(walk->resolved, entry->digest, &bytes, err)) < 0)
        return r;
    const struct keg_buf *kept = last_bytes(walk->resolved);
    if (kept->length != entry->size_bytes)
        return keg_fail(err, -EBADMSG,
                        "wrong size: the manifest has %zu bytes, the index says %llu", kept->length,
                        (unsigned long long)entry->size_bytes);
    if (type && !keg_streq(type, entry->media_type))
        return keg_fail(err, -EPROTO, "the index says '%s', but it was served as '%s'",
                        entry->media_type, type);
    return document_parse(kept->data, kept->length, entry->media_type, ret, err);
}

/* The variant that the index gave the image, for configs that leave it out. */
static int note_variant(struct walk *walk, const struct descriptor *entry, struct keg_err *err)
{
    free(TAKE_PTR(walk->resolved->platform.variant));
    if (!entry->platform.variant)
        return 0;
    walk->resolved->platform.variant = keg_strdup(entry->platform.variant);
    return walk->resolved->platform.variant ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

/* Go down from the first document to the manifest. */
static int walk_down(struct walk *walk, bool *ret_from_index, struct keg_err *err)
{
    struct document document = {.kind = MEDIA_UNKNOWN};
    int r = fetch_top(walk, &document, err);
    *ret_from_index = false;
    while (r == 0 && document.kind == MEDIA_INDEX) {
        struct document next = {.kind = MEDIA_UNKNOWN};
        size_t item = 0;
        *ret_from_index = true;
        if (walk->resolved->count == RESOLVE_INDEXES_MAX + 1)
            r = keg_fail(err, -EPROTO, "more than %d indexes within each other",
                         RESOLVE_INDEXES_MAX);
        if (r == 0 && (r = platform_choose(&document, &walk->wanted, &item, err)) == 0 &&
            (r = note_variant(walk, &document.items[item], err)) == 0)
            r = fetch_chosen(walk, &document.items[item], &next, err);
        document_done(&document);
        document = next;
    }
    walk->resolved->manifest = document;
    if (r == 0)
        walk->resolved->manifest_digest =
            walk->resolved->documents[walk->resolved->count - 1].digest;
    return r;
}

static int fetch_config(struct walk *walk, struct keg_err *err)
{
    const struct descriptor *config = &walk->resolved->manifest.config;
    struct keg_buf bytes;
    int r = read_stored(walk->session->store, config->digest, &bytes);
    if (r == 0)
        r = registry_small_blob(walk->registry, walk->http, config->digest, config->size_bytes,
                                &bytes, err);
    if (r < 0)
        return keg_wrap(err, "image config");
    r = keep(walk->resolved, config->digest, &bytes, err);
    if (r < 0)
        return r;
    const struct keg_buf *kept = last_bytes(walk->resolved);
    if (kept->length != config->size_bytes)
        return keg_fail(err, -EBADMSG,
                        "wrong size: the config has %zu bytes, the manifest says %llu",
                        kept->length, (unsigned long long)config->size_bytes);
    return image_config_parse(kept->data, kept->length, walk->resolved->manifest.count,
                              &walk->resolved->config, err);
}

static int set_platform(struct resolved *resolved, struct keg_err *err)
{
    _cleanup_free_ char *variant = TAKE_PTR(resolved->platform.variant);
    int r = platform_copy(&resolved->config.platform, &resolved->platform, err);
    if (r == 0 && !resolved->platform.variant)
        resolved->platform.variant = TAKE_PTR(variant);
    return r;
}

/* What the config says the image is for. An index's choice was checked there; without one a
 * mismatch is an error where somebody asked for a platform, and a warning, as docker has it, where
 * nobody did. */
static int check_platform(struct walk *walk, bool from_index, struct keg_err *err)
{
    const struct store_platform *is = &walk->resolved->platform;
    if (platform_rank(&walk->wanted, is) >= 0)
        return 0;
    _cleanup_free_ char *have = platform_string(is);
    _cleanup_free_ char *want = platform_string(&walk->wanted);
    if (!have || !want)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (!from_index && (walk->explicit_platform || !keg_streq(is->os, walk->wanted.os)))
        return keg_fail(err, -ENOENT, "there is no image for the platform %s; there is: %s", want,
                        have);
    session_text(
        walk->session, PULL_WARNING,
        "The requested image's platform (%s) does not match the detected host platform (%s)", have,
        want);
    return 0;
}

static int resolve_here(struct walk *walk, struct keg_err *err)
{
    bool from_index;
    int r = walk_down(walk, &from_index, err);
    if (r < 0 || (r = fetch_config(walk, err)) < 0 || (r = set_platform(walk->resolved, err)) < 0)
        return r;
    return check_platform(walk, from_index, err);
}

/* Errors that no other host would mend. */
static bool is_final(int code)
{
    return code == -EINTR || code == -ENOMEM;
}

/* What is wrong with a document does not say whose it is. */
static int fail_at(const char *host, const struct keg_err *failure, struct keg_err *err)
{
    bool document = failure->code == -EPROTO || failure->code == -EBADMSG;
    if (document && !strstr(failure->text, host))
        return keg_fail(err, failure->code, "%s: %s", host, failure->text);
    return keg_fail(err, failure->code, "%s", failure->text);
}

static int resolve_in_turn(struct walk *walk, struct keg_err *err)
{
    struct session *session = walk->session;
    for (size_t i = 0;; i++) {
        struct keg_err failure = KEG_ERR_INIT;
        const char *host = session->plan.endpoints[i].host;
        walk->registry = &session->registries[i];
        int r = resolve_here(walk, &failure);
        if (r == 0) {
            session->first = i;
            session_text(session, PULL_RESOLVED, "%s", host);
            return 0;
        }
        resolved_done(walk->resolved);
        if (is_final(r) || i + 1 == session->plan.count)
            return fail_at(host, &failure, err);
        session_mirror_failed(session, host, failure.text);
    }
}

int resolve_image(struct session *session, const struct store_ref *ref, struct resolved *ret,
                  struct keg_err *err)
{
    struct resolved resolved = {.count = 0};
    struct walk walk = {.session = session, .ref = ref, .resolved = &resolved};
    int r = platform_wanted(session->options->platform, &walk.wanted, &walk.explicit_platform, err);
    if (r < 0)
        return r;
    walk.http = http_pool_take(session->pool, err);
    r = walk.http ? resolve_in_turn(&walk, err) : -ENOMEM;
    http_pool_give(session->pool, walk.http);
    platform_done(&walk.wanted);
    if (r == 0)
        *ret = resolved;
    return r;
}
