/* SPDX-License-Identifier: Apache-2.0 */
/* Image references: the grammar of distribution/reference, docker's short names, and back to text.
 */
#include "store/internal.h"

#include <arpa/inet.h>
#include <string.h>

#define LOWER       "abcdefghijklmnopqrstuvwxyz"
#define UPPER       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS      "0123456789"
#define LOWER_ALNUM LOWER DIGITS
#define ALNUM       LOWER UPPER DIGITS

#define DEFAULT_HOST       "docker.io"
#define DEFAULT_HOST_INDEX "index.docker.io"
#define OFFICIAL           "library/"
#define TRANSPORT          "docker://"

void store_ref_done(struct store_ref *ref)
{
    if (!ref)
        return;
    free(ref->host);
    free(ref->repository);
    free(ref->tag);
    free(ref->digest);
    *ref = STORE_REF_INIT;
}

/* '.', '_', "__" or any number of '-' between two words of a path component. */
static size_t separator_length(const char *s)
{
    if (*s == '.')
        return 1;
    if (*s == '_')
        return s[1] == '_' ? 2 : 1;
    return strspn(s, "-");
}

static bool repository_is_valid(const char *s)
{
    for (;;) {
        size_t word = strspn(s, LOWER_ALNUM);
        if (word == 0)
            return false;
        s += word;
        if (*s == '\0')
            return true;
        s += *s == '/' ? 1 : separator_length(s);
    }
}

static bool tag_is_valid(const char *tag)
{
    size_t length = strlen(tag);
    return length > 0 && length <= KEG_REF_TAG_MAX_BYTES && strspn(tag, ALNUM "_") > 0 &&
           strspn(tag, ALNUM "_.-") == length;
}

/* Behind a DNS name at ${s}, or NULL. */
static const char *skip_name(const char *s)
{
    for (;;) {
        size_t label = strspn(s, ALNUM "-");
        if (label == 0 || s[0] == '-' || s[label - 1] == '-')
            return NULL;
        s += label;
        if (*s != '.')
            return s;
        s++;
    }
}

/* Behind "[::1]" at ${s}, or NULL. */
static const char *skip_ipv6(const char *s)
{
    const char *end = strchr(s, ']');
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (!end || (size_t)(end - s - 1) >= sizeof(text))
        return NULL;
    memcpy(text, s + 1, (size_t)(end - s - 1));
    text[end - s - 1] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1 ? end + 1 : NULL;
}

static bool host_is_valid(const char *host)
{
    const char *rest = host[0] == '[' ? skip_ipv6(host) : skip_name(host);
    uint64_t port;

    if (!rest || *rest == '\0')
        return rest != NULL;
    return *rest == ':' && keg_parse_u64(rest + 1, 1, 65535, &port) == 0;
}

static bool is_host(const char *component)
{
    return keg_streq(component, "localhost") || component[0] == '[' ||
           strpbrk(component, ".:" UPPER) != NULL;
}

/* End ${s} at ${separator}; what is behind it, or NULL where there is none. */
static char *cut(char *s, char separator)
{
    char *found = strchr(s, separator);
    if (!found)
        return NULL;
    *found = '\0';
    return found + 1;
}

/* The parts of a reference, pointing into a copy of it. */
struct parts {
    const char *host; /* NULL: docker.io by default */
    const char *path;
    const char *tag;
    const char *digest;
};

static struct parts split(char *name)
{
    struct parts parts = {.digest = cut(name, '@'), .path = name};
    char *path = name;
    char *behind = cut(name, '/');

    if (behind && is_host(name)) {
        parts.host = name;
        path = behind;
    } else if (behind) {
        behind[-1] = '/';
    }
    parts.path = path;
    parts.tag = cut(path, ':');
    return parts;
}

/* Why the parts make no reference, or NULL. */
static const char *complaint(const struct parts *parts)
{
    if (parts->digest && !keg_is_valid_digest(parts->digest))
        return "bad digest (want sha256: and 64, or sha512: and 128 lower-case hex digits)";
    if (parts->tag && parts->tag[0] == '\0')
        return "empty tag";
    if (parts->host && !host_is_valid(parts->host))
        return "bad host name or port";
    if (parts->path[0] == '\0')
        return "no repository name";
    if (strpbrk(parts->path, UPPER))
        return "repository name must be lowercase";
    if (!repository_is_valid(parts->path))
        return "bad repository name";
    if (parts->tag && !tag_is_valid(parts->tag))
        return "bad tag (want at most 128 letters, digits, '_', '.' and '-')";
    return NULL;
}

static const char *host_of(const struct parts *parts)
{
    if (!parts->host || keg_streq(parts->host, DEFAULT_HOST_INDEX))
        return DEFAULT_HOST;
    return parts->host;
}

static int build(const struct parts *parts, struct store_ref *ret)
{
    const char *host = host_of(parts);
    const char *prefix = keg_streq(host, DEFAULT_HOST) && !strchr(parts->path, '/') ? OFFICIAL : "";

    ret->host = keg_strdup(host);
    ret->repository = keg_asprintf("%s%s", prefix, parts->path);
    ret->digest = keg_strdup(parts->digest);
    ret->tag = keg_strdup(parts->tag ? parts->tag : parts->digest ? NULL : "latest");
    if (!ret->host || !ret->repository || (parts->digest && !ret->digest) ||
        (!ret->tag && !parts->digest) || (parts->tag && !ret->tag))
        return -ENOMEM;
    return 0;
}

/* Of a long text the beginning, so that the reason still fits behind it. */
static int refuse(struct keg_err *err, const char *text, const char *why)
{
    const char *more = strlen(text) > KEG_REF_NAME_MAX_BYTES ? "..." : "";

    return keg_fail(err, -EINVAL, "invalid reference '%.*s%s': %s", KEG_REF_NAME_MAX_BYTES, text,
                    more, why);
}

int store_ref_parse(const char *text, struct store_ref *ret, struct keg_err *err)
{
    _cleanup_(store_ref_done) struct store_ref ref = STORE_REF_INIT;
    const char *name = keg_starts_with(text, TRANSPORT) ? text + strlen(TRANSPORT) : text;
    _cleanup_free_ char *copy = NULL;
    struct parts parts;
    const char *why;

    if (strlen(name) > STORE_PATH_MAX_BYTES * 2)
        return refuse(err, name, "longer than 255 bytes");
    if (store_is_hex(name, 64))
        return refuse(err, name, "64 hex digits are an image id, not a name");
    copy = keg_strdup(name);
    if (!copy)
        return keg_fail(err, -ENOMEM, "out of memory");
    parts = split(copy);
    why = complaint(&parts);
    if (why)
        return refuse(err, name, why);
    if (build(&parts, &ref) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (strlen(ref.host) + 1 + strlen(ref.repository) > KEG_REF_NAME_MAX_BYTES)
        return refuse(err, name, "host and repository are longer than 255 bytes");
    *ret = ref;
    ref = STORE_REF_INIT;
    return 0;
}

/* The part of docker.io's ${repository} that means the same again when it is parsed, or NULL. */
static const char *short_repository(const char *repository)
{
    const char *slash = strchr(repository, '/');

    if (keg_starts_with(repository, OFFICIAL) && !strchr(slash + 1, '/'))
        return slash + 1;
    if (!slash || memchr(repository, '.', (size_t)(slash - repository)) ||
        keg_starts_with(repository, "localhost/"))
        return NULL;
    return repository;
}

char *store_ref_familiar(const struct store_ref *ref)
{
    const char *brief =
        keg_streq(ref->host, DEFAULT_HOST) ? short_repository(ref->repository) : NULL;

    return brief ? keg_strdup(brief) : keg_asprintf("%s/%s", ref->host, ref->repository);
}

char *store_ref_string(const struct store_ref *ref, bool familiar)
{
    _cleanup_free_ char *name =
        familiar ? store_ref_familiar(ref) : keg_asprintf("%s/%s", ref->host, ref->repository);

    if (!name)
        return NULL;
    return keg_asprintf("%s%s%s%s%s", name, ref->tag ? ":" : "", ref->tag ? ref->tag : "",
                        ref->digest ? "@" : "", ref->digest ? ref->digest : "");
}

static bool ref_is_valid(const struct store_ref *ref)
{
    if (!ref->host || !ref->repository || (!ref->tag && !ref->digest))
        return false;
    if (strlen(ref->host) + 1 + strlen(ref->repository) > KEG_REF_NAME_MAX_BYTES)
        return false;
    return host_is_valid(ref->host) && repository_is_valid(ref->repository) &&
           (ref->tag ? tag_is_valid(ref->tag) : keg_is_valid_digest(ref->digest));
}

int store_ref_path(const struct store_ref *ref, char path[static STORE_PATH_MAX_BYTES],
                   struct keg_err *err)
{
    if (!ref_is_valid(ref))
        return keg_fail(err, -EINVAL, "not a name that an image can have in the store");
    snprintf(path, STORE_PATH_MAX_BYTES, "refs/%s/%s/%s/%s", ref->host, ref->repository,
             ref->tag ? "_tags" : "_digests", ref->tag ? ref->tag : ref->digest);
    return 0;
}
