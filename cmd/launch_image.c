/* SPDX-License-Identifier: Apache-2.0 */
/* The image of a run: found in the store, or pulled by keg-image. */
#include "cmd/launch.h"

#include <string.h>
#include <sys/utsname.h>

/* uname's machine as the OCI platform calls it (GOARCH). */
static const char *host_architecture(void)
{
    static const struct {
        const char *machine, *architecture;
    } names[] = {{"x86_64", "amd64"},    {"aarch64", "arm64"}, {"armv7l", "arm"},
                 {"armv6l", "arm"},      {"i686", "386"},      {"riscv64", "riscv64"},
                 {"ppc64le", "ppc64le"}, {"s390x", "s390x"},   {"loongarch64", "loong64"}};
    static struct utsname host;
    if (uname(&host) < 0)
        return "unknown";
    for (size_t i = 0; i < KEG_ARRAY_SIZE(names); i++)
        if (keg_streq(host.machine, names[i].machine))
            return names[i].architecture;
    return host.machine;
}

/* Whether the stored image is of the platform asked for: "os/arch[/variant]"; what the text leaves
 * out fits. */
static bool fits_platform(const struct store_image *image, const char *platform)
{
    if (!platform)
        return true;
    const struct store_platform *has = &image->platform;
    _cleanup_free_ char *copy = keg_strdup(platform);
    char *state = NULL, *os = copy ? strtok_r(copy, "/", &state) : NULL;
    char *architecture = os ? strtok_r(NULL, "/", &state) : NULL;
    char *variant = architecture ? strtok_r(NULL, "/", &state) : NULL;
    if (!architecture)
        return os && (keg_streq(os, has->architecture) || keg_streq(os, has->os));
    return keg_streq(os, has->os) && keg_streq(architecture, has->architecture) &&
           (!variant || !has->variant || keg_streq(variant, has->variant));
}

static int pull(struct cmd_launch *launch, const char *name, struct keg_err *err)
{
    char *argv[8];
    int argc = 0, code = 0;
    char verb[] = "pull", quiet[] = "--quiet", platform[] = "--platform", dashes[] = "--";
    argv[argc++] = verb;
    if (launch->flags->quiet)
        argv[argc++] = quiet;
    _cleanup_free_ char *platform_value = keg_strdup(launch->flags->platform);
    if (platform_value) {
        argv[argc++] = platform;
        argv[argc++] = platform_value;
    }
    _cleanup_free_ char *copy = keg_strdup(name);
    if (!copy)
        return keg_fail(err, -ENOMEM, "out of memory");
    argv[argc++] = dashes;
    argv[argc++] = copy;
    argv[argc] = NULL;
    int r = cmd_helper_run(argc, argv, launch->globals, true, &code, err);
    return r < 0 ? r : code;
}

/* 1: in the store and of the right platform; 0: not; negative: an error other than "no such image".
 */
static int look_up(struct cmd_launch *launch, const char *name, struct keg_err *err)
{
    struct keg_err cause = KEG_ERR_INIT;
    store_image_done(&launch->image);
    launch->image = (struct store_image){.size_bytes = 0};
    int r = store_image_find(launch->store, name, &launch->image, &cause);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return keg_fail(err, r, "%s", cause.text);
    return fits_platform(&launch->image, launch->flags->platform);
}

static void announce(const char *name)
{
    struct store_ref ref = STORE_REF_INIT;
    if (store_ref_parse(name, &ref, NULL) < 0)
        return;
    _cleanup_free_ char *text = store_ref_string(&ref, true);
    if (text)
        (void)fprintf(stderr, "Unable to find image '%s' locally\n", text);
    store_ref_done(&ref);
}

static void warn_platform(const struct cmd_launch *launch)
{
    const struct store_platform *has = &launch->image.platform;
    if (launch->flags->platform || !has->architecture ||
        keg_streq(has->architecture, host_architecture()))
        return;
    (void)fprintf(
        stderr,
        "WARNING: The requested image's platform (%s/%s) does not match the detected host "
        "platform (linux/%s) and no specific platform was requested\n",
        has->os ? has->os : "linux", has->architecture, host_architecture());
}

int cmd_launch_find_image(struct cmd_launch *launch, const char *name, struct keg_err *err)
{
    const char *policy = launch->flags->pull ? launch->flags->pull : "missing";
    bool always = keg_streq(policy, "always"), newer = keg_streq(policy, "newer");
    int found = look_up(launch, name, err);
    if (found < 0)
        return found;
    if (!found && keg_streq(policy, "never"))
        return keg_fail(err, -ENOENT,
                        "no such image in the store, and --pull=never forbids to fetch it");
    if (!found || always || newer) {
        if (!found && !launch->flags->quiet)
            announce(name);
        int r = pull(launch, name, err);
        /* With "newer" a registry that cannot be reached does not matter while there is a copy
         * here. */
        if (r != 0 && !(newer && found))
            return r;
        found = look_up(launch, name, err);
        if (found < 0)
            return found;
    }
    if (!found)
        return keg_fail(err, -ENOENT, "no image of platform %s", launch->flags->platform);
    warn_platform(launch);
    return 0;
}
