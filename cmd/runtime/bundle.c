/* SPDX-License-Identifier: Apache-2.0 */
/* A bundle. */
#include "cmd/runtime/bundle.h"

#include "cmd/runtime/log.h"

#define CONFIG_NAME "config.json"

void runtime_bundle_done(struct runtime_bundle *bundle)
{
    if (bundle->cwd_fd >= 0)
        (void)close(bundle->cwd_fd);
    free(bundle->path);
    run_spec_free(bundle->spec);
    keg_buf_done(&bundle->config);
}

static int enter(struct runtime_bundle *bundle, const char *path, struct keg_err *err)
{
    if (path && chdir(path) < 0)
        return keg_fail_errno(err, "bundle '%s'", path);
    bundle->path = getcwd(NULL, 0);
    return bundle->path ? 0 : keg_fail_errno(err, "bundle '%s'", path ? path : ".");
}

static int parse(const struct runtime *runtime, struct runtime_bundle *bundle, const char *name,
                 struct keg_err *err)
{
    _cleanup_strv_ char **warnings = NULL;
    int r =
        run_spec_parse(bundle->config.data, bundle->config.length, &bundle->spec, &warnings, err);
    if (r < 0)
        return keg_wrap(err, "'%s'", name);
    runtime_log_warnings(runtime, warnings);
    return 0;
}

/* config.md "Root": relative to the bundle. */
static int make_root_absolute(struct runtime_bundle *bundle, struct keg_err *err)
{
    struct run_spec *spec = bundle->spec;
    const char *given = spec->root_path ? spec->root_path : "rootfs";
    char *root = given[0] == '/' ? keg_strdup(given) : keg_asprintf("%s/%s", bundle->path, given);
    if (!root)
        return keg_fail(err, -ENOMEM, "out of memory");
    free(spec->root_path);
    spec->root_path = root;
    return 0;
}

int runtime_bundle_open(const struct runtime *runtime, const char *path, const char *config,
                        struct runtime_bundle *ret, struct keg_err *err)
{
    *ret = (struct runtime_bundle){.cwd_fd = -1};
    ret->cwd_fd = keg_openat(AT_FDCWD, ".", O_PATH | O_DIRECTORY, 0);
    if (ret->cwd_fd < 0)
        return keg_fail(err, ret->cwd_fd, "open the working folder: %s",
                        keg_errno_text(ret->cwd_fd));
    int r = enter(ret, path, err);
    if (r == 0)
        r = keg_read_file(config ? ret->cwd_fd : AT_FDCWD, config ? config : CONFIG_NAME,
                          KEG_SPEC_MAX_BYTES, &ret->config, err);
    if (r == 0)
        r = parse(runtime, ret, config ? config : CONFIG_NAME, err);
    return r == 0 ? make_root_absolute(ret, err) : r;
}
