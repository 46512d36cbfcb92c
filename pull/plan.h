/* SPDX-License-Identifier: Apache-2.0 */
/* Which hosts are asked for an image, in which order and how. Pure. */
#pragma once

#include "base/base.h"
#include "pull/registries_conf.h"
#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>

struct endpoint {
    char *host;       /* "registry-1.docker.io", "localhost:5000" */
    char *name;       /* as the user knows it: "docker.io" for the former, else the host */
    char *repository; /* on that host */
    bool mirror;
    bool tls_verify; /* false: unverified TLS is taken, and plain HTTP where there is no TLS */
    bool plain;      /* plain HTTP: loopback registries */
};

struct plan {
    struct endpoint *endpoints;
    size_t count; /* at least 1; the last is the registry itself */
};

/* plan_make(conf, ref, tls_verify, ret, err): Mirrors in the order of the file, those that
 * pull-from-mirror rules out for ${ref} left out, then the registry itself, its location replaced
 * where ${conf} says so. -EACCES where the registry is blocked, -EINVAL where a location makes no
 * valid name. */
int plan_make(const struct registries_conf *conf, const struct store_ref *ref, bool tls_verify,
              struct plan *ret, struct keg_err *err);
void plan_done(struct plan *plan);

/* plan_is_loopback(host): "localhost", "127.x.y.z" or "[::1]", with or without a port. */
bool plan_is_loopback(const char *host);
