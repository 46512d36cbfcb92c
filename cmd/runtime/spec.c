/* SPDX-License-Identifier: Apache-2.0 */
/* keg-runtime spec: a config.json to begin with. */
#include "cmd/runtime/runtime.h"

struct spec_options {
    const char *bundle, *file;
    bool rootless;
};

static const struct cmd_option spec_options[] = {
    {"bundle", 'b', CMD_STRING, "DIR", "Folder of the bundle (default the working folder)",
     offsetof(struct spec_options, bundle), NULL, NULL},
    {"file", 'f', CMD_STRING, "FILE", "Write to this file of it (default config.json)",
     offsetof(struct spec_options, file), NULL, NULL},
    {"rootless", 0, CMD_FLAG, NULL, "For a user without root",
     offsetof(struct spec_options, rootless), NULL, NULL},
    CMD_OPTIONS_END};

static int write_new(int dirfd, const char *name, const struct keg_buf *text, struct keg_err *err)
{
    _cleanup_fd_ int fd = keg_openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
    if (fd == -EEXIST)
        return keg_fail(err, -EEXIST, "file '%s' exists; remove it first", name);
    int r = fd < 0 ? fd : keg_write_all(fd, text->data, text->length);
    return r < 0 ? keg_fail(err, r, "write '%s': %s", name, keg_errno_text(r)) : 0;
}

static int spec(const struct runtime *runtime, void *options, const struct cmd_args *args,
                struct keg_err *err)
{
    (void)runtime;
    (void)args;
    const struct spec_options *o = options;
    const char *bundle = o->bundle ? o->bundle : ".";
    _cleanup_(run_cleanup_spec) struct run_spec *template = NULL;
    _cleanup_buf_ struct keg_buf text = keg_buf_init(KEG_SPEC_MAX_BYTES);
    _cleanup_fd_ int dirfd = keg_openat(AT_FDCWD, bundle, O_PATH | O_DIRECTORY, 0);
    if (dirfd < 0)
        return keg_fail(err, dirfd, "bundle '%s': %s", bundle, keg_errno_text(dirfd));
    int r = run_spec_template(o->rootless, &template, err);
    if (r == 0)
        r = run_spec_write(template, &text, err);
    return r == 0 ? write_new(dirfd, o->file ? o->file : "config.json", &text, err) : r;
}

const struct runtime_verb runtime_verb_spec = {
    .cmd = {.name = "spec",
            .program = "keg-runtime",
            .synopsis = "[OPTIONS]",
            .summary = "Write a config.json to begin with",
            .options = spec_options},
    .options_size = sizeof(struct spec_options),
    .act = spec,
};
