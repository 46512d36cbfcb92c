/* SPDX-License-Identifier: Apache-2.0 */
/* keg pull: parse, fetch, say what came of it. */
#include "cmd/common/report.h"
#include "cmd/config.h"
#include "cmd/image/cancel.h"
#include "cmd/image/fetch.h"
#include "cmd/image/image.h"
#include "cmd/image/progress.h"

#include <stdio.h>
#include <string.h>

struct pull_flags {
    bool quiet;
    bool tls_verify;
    const char *platform;
    const char *registries_conf;
    const char *progress;
};

static const struct cmd_option options[] = {
    {"platform", 0, CMD_STRING, "os/arch[/variant]",
     "Pull the image for this platform (default $DOCKER_DEFAULT_PLATFORM, else this machine's)",
     offsetof(struct pull_flags, platform), NULL, NULL},
    {"progress", 0, CMD_STRING, "type", "How progress is shown, default auto",
     offsetof(struct pull_flags, progress), "auto|plain|tty|none", NULL},
    {"quiet", 'q', CMD_FLAG, NULL, "Print nothing but the image's full name",
     offsetof(struct pull_flags, quiet), NULL, NULL},
    {"registries-conf", 0, CMD_STRING, "file",
     "Read mirrors from this file (default $CONTAINERS_REGISTRIES_CONF, else "
     "~/.config/containers/registries.conf, else /etc/containers/registries.conf)",
     offsetof(struct pull_flags, registries_conf), NULL, NULL},
    {"tls-verify", 0, CMD_FLAG, NULL,
     "Want TLS with a certificate that can be verified, but of a loopback registry (default true)",
     offsetof(struct pull_flags, tls_verify), NULL, NULL},
    CMD_OPTIONS_END};

/* One pull from here to its end. */
struct pulling {
    const char *name; /* as the user gave it */
    const struct pull_flags *flags;
    struct store_ref ref;
    struct store *store;
    struct progress *progress;
    struct fetch *fetch;
    struct pull_result result;
};

static void pulling_done(struct pulling *pulling)
{
    pull_result_done(&pulling->result);
    fetch_free(pulling->fetch);
    progress_free(pulling->progress);
    store_close(pulling->store);
    store_ref_done(&pulling->ref);
}

/* docker's first line: "latest: Pulling from library/busybox". */
static char *head_line(const struct store_ref *ref)
{
    if (ref->digest) {
        _cleanup_free_ char *whole = store_ref_string(ref, false);
        return whole ? keg_asprintf("%s: Pulling from %s", whole, ref->repository) : NULL;
    }
    return keg_asprintf("%s: Pulling from %s", ref->tag, ref->repository);
}

static void print_default_tag(const struct pulling *pulling)
{
    const struct store_ref *ref = &pulling->ref;
    if (pulling->flags->quiet || ref->digest || !keg_streq(ref->tag, "latest") ||
        keg_ends_with(pulling->name, ":latest"))
        return;
    puts("Using default tag: latest");
    fflush(stdout);
}

static int fetch_image(struct pulling *pulling, struct keg_err *err)
{
    const struct pull_flags *flags = pulling->flags;
    struct pull_callbacks callbacks = fetch_callbacks(pulling->fetch);
    struct pull_options pull_options = {
        .platform = flags->platform,
        .tls_verify = flags->tls_verify,
        .registries_conf = flags->registries_conf,
        .cancel = cancel_flag(),
        .user_agent = "keg/" KEG_VERSION,
    };
    int r =
        pull_image(pulling->store, &pulling->ref, &pull_options, &callbacks, &pulling->result, err);
    progress_end(pulling->progress);
    return r;
}

static int pull(struct pulling *pulling, const struct cmd_globals *globals, struct keg_err *err)
{
    int r = store_ref_parse(pulling->name, &pulling->ref, err);
    if (r < 0 || (r = store_open(globals->root, globals->runroot, &pulling->store, err)) < 0)
        return r;
    store_cancel_waits(pulling->store, cancel_flag());
    const struct pull_flags *flags = pulling->flags;
    _cleanup_free_ char *head = flags->quiet ? NULL : head_line(&pulling->ref);
    enum progress_mode mode =
        flags->quiet ? PROGRESS_NONE
                     : progress_choose(flags->progress, isatty(STDOUT_FILENO), getenv("TERM"));
    pulling->progress = progress_new(mode, head, err);
    if (!pulling->progress)
        return -ENOMEM;
    r = fetch_new(pulling->store, pulling->progress, &pulling->fetch, err);
    if (r < 0)
        return r;
    print_default_tag(pulling);
    return fetch_image(pulling, err);
}

/* The next question is where, and whether all has to be fetched again. */
static int report_full(const struct pulling *pulling, const struct keg_err *err)
{
    return cmd_complain("pull", pulling->name,
                        "%s; make room under '%s' and pull again: what was fetched is kept",
                        err->text, store_root(pulling->store));
}

static int report_failure(const struct pulling *pulling, const struct keg_err *err)
{
    if (err->code == -EINTR && cancel_signal() != 0) {
        cmd_complain("pull", pulling->name, "interrupted; what was fetched is kept");
        return 128 + cancel_signal();
    }
    if (pulling->store && (err->code == -ENOSPC || err->code == -EDQUOT))
        return report_full(pulling, err);
    return cmd_error("pull", pulling->name, err);
}

static int report_success(const struct pulling *pulling)
{
    _cleanup_free_ char *familiar = store_ref_string(&pulling->ref, true);
    _cleanup_free_ char *whole = store_ref_string(&pulling->ref, false);
    if (!familiar || !whole)
        return cmd_complain("pull", pulling->name, "out of memory");
    if (!pulling->flags->quiet) {
        printf("Digest: %s\n", pulling->result.image.digest);
        printf("Status: %s for %s\n",
               pulling->result.changed ? "Downloaded newer image" : "Image is up to date",
               familiar);
    }
    puts(whole);
    return CMD_EXIT_OK;
}

static int run_pull(int argc, char **argv, const struct cmd_globals *globals)
{
    struct pull_flags flags = {.tls_verify = true};
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    int code = cmd_begin(&cmd_verb_pull, argc, argv, &flags, &args);
    if (code != CMD_GO_ON)
        return code;
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_(pulling_done) struct pulling pulling = {
        .name = args.items[0], .flags = &flags, .ref = STORE_REF_INIT};
    if (geteuid() != 0)
        return cmd_complain("pull", pulling.name,
                            "keg-image has to be started by keg, which prepares a user namespace "
                            "for it: run 'keg pull'");
    cmd_ignore_sigpipe();
    cancel_install();
    return pull(&pulling, globals, &err) < 0 ? report_failure(&pulling, &err)
                                             : report_success(&pulling);
}

const struct cmd_verb cmd_verb_pull = {
    .name = "pull",
    .aliases = "image pull",
    .synopsis = "[OPTIONS] NAME[:TAG|@DIGEST]",
    .summary = "Download an image from a registry",
    .description =
        "Mirrors that registries.conf names are asked first, then the registry itself. Every byte "
        "is "
        "verified by its digest. A pull that is interrupted goes on where it was at the next one. "
        "Standard output ends in the image's full name.",
    .examples = "keg pull busybox\n"
                "keg pull --platform linux/arm64 alpine:3\n"
                "keg pull --tls-verify=false registry.lan:5000/team/app",
    .options = options,
    .min_args = 1,
    .max_args = 1,
    .run = run_pull,
};
