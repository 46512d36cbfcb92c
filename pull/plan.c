/* SPDX-License-Identifier: Apache-2.0 */
/* From a reference and registries.conf to the list of hosts. */
#include "pull/plan.h"

#include <arpa/inet.h>
#include <string.h>

bool plan_is_loopback(const char *host)
{
    struct in_addr address;
    size_t length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    _cleanup_free_ char *name = keg_strndup(host, length);
    if (!name)
        return false;
    if (keg_streq(name, "localhost") || keg_streq(name, "[::1]"))
        return true;
    /* Only a real address: "127.0.0.1.example.com" is a name like any other. */
    return inet_pton(AF_INET, name, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

static void endpoint_done(struct endpoint *endpoint)
{
    free(endpoint->host);
    free(endpoint->name);
    free(endpoint->repository);
}

void plan_done(struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        endpoint_done(&plan->endpoints[i]);
    free(plan->endpoints);
    *plan = (struct plan){NULL, 0};
}

/* docker.io is a name, not a host: its registry answers elsewhere. */
static const char *api_host(const char *name)
{
    return keg_streq(name, "docker.io") ? "registry-1.docker.io" : name;
}

/* `location`: "HOST/REPOSITORY" whole. */
static int add_endpoint(struct plan *plan, const char *location, bool mirror, bool tls_verify,
                        struct keg_err *err)
{
    size_t host_length = strcspn(location, "/");
    if (host_length == 0 || location[host_length] != '/' || !location[host_length + 1])
        return keg_fail(err, -EINVAL, "'%s' names no repository", location);
    struct endpoint *list = realloc(plan->endpoints, (plan->count + 1) * sizeof(*list));
    if (!list)
        return keg_fail(err, -ENOMEM, "out of memory");
    plan->endpoints = list;
    struct endpoint *endpoint = &list[plan->count];
    *endpoint = (struct endpoint){.name = keg_strndup(location, host_length),
                                  .repository = keg_strdup(location + host_length + 1),
                                  .mirror = mirror,
                                  .tls_verify = tls_verify};
    plan->count++;
    if (!endpoint->name || !endpoint->repository ||
        !(endpoint->host = keg_strdup(api_host(endpoint->name))))
        return keg_fail(err, -ENOMEM, "out of memory");
    endpoint->plain = plan_is_loopback(endpoint->host) && !keg_ends_with(endpoint->host, ":443");
    return 0;
}

/* `name` with the part that the prefix takes replaced by `location`. */
static char *rewrite(const struct conf_registry *registry, const char *location, const char *name)
{
    size_t cut =
        keg_starts_with(registry->prefix, "*.") ? strcspn(name, "/") : strlen(registry->prefix);
    return keg_asprintf("%s%s", location, name + cut);
}

static bool mirror_serves(const struct conf_registry *registry, const struct conf_mirror *mirror,
                          const struct store_ref *ref)
{
    if (registry->mirrors_by_digest_only || mirror->use == MIRROR_DIGEST_ONLY)
        return ref->digest;
    return mirror->use != MIRROR_TAG_ONLY || !ref->digest;
}

static int add_mirrors(struct plan *plan, const struct conf_registry *registry, const char *name,
                       const struct store_ref *ref, bool tls_verify, struct keg_err *err)
{
    for (size_t i = 0; i < registry->mirror_count; i++) {
        const struct conf_mirror *mirror = &registry->mirrors[i];
        if (!mirror_serves(registry, mirror, ref))
            continue;
        _cleanup_free_ char *location = rewrite(registry, mirror->location, name);
        if (!location)
            return keg_fail(err, -ENOMEM, "out of memory");
        int r = add_endpoint(plan, location, true, tls_verify && !mirror->insecure, err);
        if (r < 0)
            return r;
    }
    return 0;
}

static int fill(struct plan *plan, const struct conf_registry *registry,
                const struct store_ref *ref, bool tls_verify, struct keg_err *err)
{
    _cleanup_free_ char *name = keg_asprintf("%s/%s", ref->host, ref->repository);
    if (!name)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (!registry)
        return add_endpoint(plan, name, false, tls_verify, err);
    int r = add_mirrors(plan, registry, name, ref, tls_verify, err);
    if (r < 0)
        return r;
    _cleanup_free_ char *location =
        registry->location ? rewrite(registry, registry->location, name) : keg_strdup(name);
    if (!location)
        return keg_fail(err, -ENOMEM, "out of memory");
    return add_endpoint(plan, location, false, tls_verify && !registry->insecure, err);
}

int plan_make(const struct registries_conf *conf, const struct store_ref *ref, bool tls_verify,
              struct plan *ret, struct keg_err *err)
{
    struct plan plan = {NULL, 0};
    _cleanup_free_ char *name = keg_asprintf("%s/%s", ref->host, ref->repository);
    if (!name)
        return keg_fail(err, -ENOMEM, "out of memory");
    const struct conf_registry *registry = registries_conf_find(conf, name);
    if (registry && registry->blocked)
        return keg_fail(err, -EACCES, "registry '%s' is blocked by %s:%zu", registry->prefix,
                        registry->file, registry->line);
    int r = fill(&plan, registry, ref, tls_verify, err);
    if (r < 0) {
        plan_done(&plan);
        return r;
    }
    *ret = plan;
    return 0;
}
