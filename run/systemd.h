/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes of systemd, asked for by D-Bus (org.freedesktop.systemd1(5)): a container's cgroup that
 * systemd makes and knows of. Parent only. */
#pragma once

#include "run/cgroup.h"

/* How long systemd may take over one request. */
#define SYSTEMD_TIMEOUT_MS 30000

struct systemd_unit {
    char *slice; /* "machine-a.slice" */
    char *scope; /* "keg-<id>.scope" */
};

/* systemd_unit_parse(path, id, user, ret, err): Pure. "slice:prefix:name" as units; NULL or "":
 * "system.slice:keg:<id>", or of a user "user.slice:keg:<id>". An empty slice is that default as
 * well, an empty prefix is left out. -EINVAL: not of that form, or names that systemd does not
 * take. */
int systemd_unit_parse(const char *path, const char *id, bool user, struct systemd_unit *ret,
                       struct keg_err *err);
void systemd_unit_done(struct systemd_unit *unit);

/* systemd_put_limits(plan, properties): Pure. Append those limits of ${plan} that systemd has a
 * property for, as elements (sv): it would undo them when it is reloaded. */
void systemd_put_limits(const struct cgroup_plan *plan, struct keg_buf *properties);

/* systemd_put_annotation(annotation, properties, err): Pure. "org.systemd.property.NAME=VALUE" as
 * one more, VALUE being GVariant text: a string or a list of strings in quotes, true, false, a
 * number with or without its type ("uint64 5"). NAME...Sec with a number of seconds is NAME...USec.
 * Other annotations append nothing. -EINVAL: another value. */
int systemd_put_annotation(const char *annotation, struct keg_buf *properties, struct keg_err *err);

/* systemd_is_users(): Whether the manager to ask is the user's own: not root, or root of a user
 * namespace only. */
bool systemd_is_users(void);

/* systemd_start_scope(unit, id, pid, annotations, plan, err): Have systemd start the scope with
 * ${pid} in it, delegated, and wait until it has. One that failed before by that name is forgotten
 * first. -EBUSY: it exists. -ENOTSUP: systemd cannot be reached. */
int systemd_start_scope(const struct systemd_unit *unit, const char *id, pid_t pid,
                        char *const *annotations, const struct cgroup_plan *plan,
                        struct keg_err *err);
/* systemd_set_limits(scope, plan, err): systemd_put_limits() for a scope that runs. */
int systemd_set_limits(const char *scope, const struct cgroup_plan *plan, struct keg_err *err);
/* systemd_stop_scope(scope): Stop and forget it, if it is still there; nothing waits for it. */
void systemd_stop_scope(const char *scope);
