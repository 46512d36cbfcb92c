/* SPDX-License-Identifier: Apache-2.0 */
/* What this runtime can do, whatever machine it is on (runtime-spec features.md,
 * features-linux.md). */
#include "run/mount_options.h"
#include "run/run.h"
#include "run/spec_writer.h"

#define OCI_VERSION_MIN "1.0.0"

static int write_mount_options(struct spec_writer *writer)
{
    _cleanup_strv_ char **names = NULL;
    int r = mount_option_names(&names);
    if (r >= 0)
        spec_put_texts(writer, "mountOptions", names);
    return r;
}

static void write_capabilities(struct spec_writer *writer)
{
    spec_open_list(writer, "capabilities");
    for (int i = 0; run_capability_name(i); i++)
        spec_put_text(writer, NULL, run_capability_name(i));
    spec_close(writer);
}

static void write_cgroup(struct spec_writer *writer)
{
    spec_open_object(writer, "cgroup");
    spec_put_bool(writer, "v1", true);
    spec_put_bool(writer, "v2", true);
    spec_put_bool(writer, "systemd", true);
    spec_put_bool(writer, "systemdUser", true);
    spec_put_bool(writer, "rdma", true);
    spec_close(writer);
}

static void write_seccomp(struct spec_writer *writer)
{
    spec_open_object(writer, "seccomp");
    spec_put_bool(writer, "enabled", true);
    spec_put_all_names(writer, "actions", &spec_seccomp_actions);
    spec_put_all_names(writer, "operators", &spec_seccomp_operators);
    spec_put_all_names(writer, "archs", &spec_seccomp_architectures);
    spec_put_all_names(writer, "knownFlags", &spec_seccomp_flags);
    spec_put_all_names(writer, "supportedFlags", &spec_seccomp_flags);
    spec_close(writer);
}

static void write_enabled(struct spec_writer *writer, const char *key)
{
    spec_open_object(writer, key);
    spec_put_bool(writer, "enabled", true);
    spec_close(writer);
}

static void write_linux(struct spec_writer *writer)
{
    spec_open_object(writer, "linux");
    spec_put_all_names(writer, "namespaces", &spec_namespaces);
    write_capabilities(writer);
    write_cgroup(writer);
    write_seccomp(writer);
    write_enabled(writer, "apparmor");
    write_enabled(writer, "selinux");
    write_enabled(writer, "intelRdt");
    spec_open_object(writer, "mountExtensions");
    write_enabled(writer, "idmap");
    spec_close(writer);
    spec_close(writer);
}

/* What callers should not take from images without a thought; a name that ends in a point stands
 * for all that begin so. */
static char *const unsafe_annotations[] = {(char[]){"org.systemd.property."}, NULL};

static void write_annotations(struct spec_writer *writer)
{
    spec_open_object(writer, "annotations");
    /* Engines of runc ask for this one before they offer checkpoints. */
    spec_put_text(writer, "org.opencontainers.runc.checkpoint.enabled", "false");
    spec_close(writer);
    spec_put_texts(writer, "potentiallyUnsafeConfigAnnotations", unsafe_annotations);
}

int run_features_write(struct keg_buf *ret, struct keg_err *err)
{
    struct spec_writer writer = spec_writer_init(ret);
    spec_open_object(&writer, NULL);
    spec_put_text(&writer, "ociVersionMin", OCI_VERSION_MIN);
    spec_put_text(&writer, "ociVersionMax", RUN_OCI_VERSION);
    spec_put_all_names(&writer, "hooks", &spec_hooks);
    if (write_mount_options(&writer) < 0)
        return keg_fail(err, -ENOMEM, "features: out of memory");
    write_linux(&writer);
    write_annotations(&writer);
    spec_close(&writer);
    return keg_buf_ok(ret, err, "features");
}
