/* SPDX-License-Identifier: Apache-2.0 */
/* containers-registries.conf(5), version 2: where images come from instead of, or before, the
 * registry that their name says. */
#pragma once

#include "base/base.h"

#include <stdbool.h>
#include <stddef.h>

enum mirror_use { MIRROR_ALL, MIRROR_DIGEST_ONLY, MIRROR_TAG_ONLY };

struct conf_mirror {
    char *location;
    bool insecure;
    enum mirror_use use;
};

struct conf_registry {
    char *
        prefix; /* "docker.io", "quay.io/team", "*.example.com"; never NULL once the file is read */
    char *location; /* what the prefix is replaced by; NULL: as it is */
    bool insecure, blocked, mirrors_by_digest_only;
    struct conf_mirror *mirrors;
    size_t mirror_count;
    char *file; /* where it stands, for messages */
    size_t line;
};

struct registries_conf {
    struct conf_registry *registries;
    size_t count;
};

/* registries_conf_parse(text, length, file, conf, err): Add what one file says to ${conf}; a
 * registry of a prefix that is there already, from an earlier file, is replaced. Understood:
 * [[registry]] with prefix, location, insecure, blocked, mirror-by-digest-only, and
 * [[registry.mirror]] with location, insecure, pull-from-mirror. Another key in these is an error,
 * since a misspelt "blocked" must not go unnoticed; at other places (unqualified-search-registries,
 * [aliases], …) keys are accepted and do nothing. Errors say FILE:LINE. On failure ${conf} is to be
 * thrown away. */
int registries_conf_parse(const char *text, size_t length, const char *file,
                          struct registries_conf *conf, struct keg_err *err);

/* registries_conf_load(path, ret, err): Read ${path}, or where that is NULL
 * $CONTAINERS_REGISTRIES_CONF; the file must exist then, and only it and FILE.d/ (its folder of
 * drop-ins) are read. Else ~/.config/containers/registries.conf, or without that
 * /etc/containers/registries.conf, then the drop-ins of both places, /etc first. Drop-ins are the
 * files *.conf, in the order of their names. / */
int registries_conf_load(const char *path, struct registries_conf *ret, struct keg_err *err);

/* registries_conf_find(conf, name): The registry whose prefix is the longest that fits ${name}
 * ("docker.io/library/busybox"): it ends where a component of the name does. NULL. */
const struct conf_registry *registries_conf_find(const struct registries_conf *conf,
                                                 const char *name);

void registries_conf_done(struct registries_conf *conf);
