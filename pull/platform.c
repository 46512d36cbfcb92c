/* SPDX-License-Identifier: Apache-2.0 */
/* Platforms: parsing, comparing, choosing. */
#include "pull/platform.h"

#include <ctype.h>
#include <string.h>
#include <sys/utsname.h>

void platform_done(struct store_platform *platform)
{
    free(platform->os);
    free(platform->architecture);
    free(platform->variant);
    *platform = (struct store_platform){NULL, NULL, NULL};
}

int platform_copy(const struct store_platform *from, struct store_platform *ret,
                  struct keg_err *err)
{
    struct store_platform copy = {keg_strdup(from->os), keg_strdup(from->architecture),
                                  keg_strdup(from->variant)};
    if (!copy.os || !copy.architecture || (from->variant && !copy.variant)) {
        platform_done(&copy);
        return keg_fail(err, -ENOMEM, "out of memory");
    }
    *ret = copy;
    return 0;
}

char *platform_string(const struct store_platform *platform)
{
    return keg_asprintf("%s/%s%s%s", platform->os, platform->architecture,
                        platform->variant ? "/" : "", platform->variant ? platform->variant : "");
}

/* Names that people and uname(2) use, as the OCI (that is: Go) calls them. */
static const struct {
    const char *name, *architecture, *variant;
} machine_names[] = {
    {"x86_64", "amd64", NULL}, {"x86-64", "amd64", NULL},    {"aarch64", "arm64", NULL},
    {"armv8l", "arm", "v7"},   {"armv7l", "arm", "v7"},      {"armhf", "arm", "v7"},
    {"armv6l", "arm", "v6"},   {"armel", "arm", "v6"},       {"armv5tel", "arm", "v5"},
    {"i386", "386", NULL},     {"i486", "386", NULL},        {"i586", "386", NULL},
    {"i686", "386", NULL},     {"ppc64el", "ppc64le", NULL}, {"loongarch64", "loong64", NULL},
};

static int set_platform(struct store_platform *ret, const char *os, const char *architecture,
                        const char *variant, struct keg_err *err)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(machine_names); i++) {
        if (keg_streq(machine_names[i].name, architecture)) {
            architecture = machine_names[i].architecture;
            variant = variant ? variant : machine_names[i].variant;
            break;
        }
    }
    /* Only to read from: platform_copy() makes the strings. */
    struct store_platform view = {(char *)(uintptr_t)os, (char *)(uintptr_t)architecture,
                                  (char *)(uintptr_t)variant};
    return platform_copy(&view, ret, err);
}

int platform_of_machine(const char *machine, struct store_platform *ret, struct keg_err *err)
{
    return set_platform(ret, "linux", machine, NULL, err);
}

static bool is_component(const char *s)
{
    return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.-")] == '\0';
}

int platform_parse(const char *text, struct store_platform *ret, struct keg_err *err)
{
    _cleanup_free_ char *os = keg_strdup(text);
    if (!os)
        return keg_fail(err, -ENOMEM, "out of memory");
    for (char *p = os; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    char *architecture = strchr(os, '/');
    char *variant = architecture ? strchr(architecture + 1, '/') : NULL;
    if (variant)
        *variant++ = '\0';
    if (architecture)
        *architecture++ = '\0';
    if (!architecture || !is_component(os) || !is_component(architecture) ||
        (variant && !is_component(variant)))
        return keg_fail(err, -EINVAL, "platform '%s' is not of the form OS/ARCHITECTURE[/VARIANT]",
                        text);
    return set_platform(ret, os, architecture, variant, err);
}

int platform_wanted(const char *option, struct store_platform *ret, bool *ret_explicit,
                    struct keg_err *err)
{
    if (!option)
        option = getenv("DOCKER_DEFAULT_PLATFORM");
    *ret_explicit = option && *option;
    if (*ret_explicit)
        return platform_parse(option, ret, err);
    struct utsname machine;
    if (uname(&machine) < 0)
        return keg_fail_errno(err, "find out this machine's platform");
    return platform_of_machine(machine.machine, ret, err);
}

/* The number of a variant, "v7" or "7"; what no variant stands for where there is none. 0: not a
 * number. */
static uint64_t variant_number(const struct store_platform *platform)
{
    const char *variant = platform->variant;
    uint64_t number = 0;
    if (!variant || !*variant) {
        if (keg_streq(platform->architecture, "arm"))
            return 7;
        return keg_streq(platform->architecture, "arm64") ? 8 : 1;
    }
    if (*variant == 'v')
        variant++;
    /* "v8.2": what the part behind the dot adds is optional, code for v8 runs on it */
    _cleanup_free_ char *major = keg_strndup(variant, strcspn(variant, "."));
    return major && keg_parse_u64(major, 1, 99, &number) == 0 ? number : 0;
}

int platform_rank(const struct store_platform *wanted, const struct store_platform *offered)
{
    if (!keg_streq(wanted->os, offered->os) ||
        !keg_streq(wanted->architecture, offered->architecture))
        return -1;
    if (keg_streq(wanted->variant, offered->variant))
        return 0;
    uint64_t want = variant_number(wanted);
    uint64_t offer = variant_number(offered);
    if (want == 0 || offer == 0 || offer > want)
        return -1;
    return (int)(want - offer);
}

/* For the message: "linux/arm64, linux/arm/v7". */
static char *list_platforms(const struct document *index)
{
    struct keg_buf text = keg_buf_init(512);
    keg_buf_str(&text, "");
    for (size_t i = 0; i < index->count; i++) {
        const struct descriptor *entry = &index->items[i];
        if (entry->attestation || !entry->platform.os)
            continue;
        _cleanup_free_ char *name = platform_string(&entry->platform);
        keg_buf_printf(&text, "%s%s", text.length > 0 ? ", " : "", name ? name : "?");
        if (text.failed)
            break; /* more than fits into an error text anyway */
    }
    char *list = text.failed ? keg_strndup(text.data, text.length) : keg_buf_take(&text);
    keg_buf_done(&text);
    return list;
}

static int fail_none(const struct document *index, const struct store_platform *wanted,
                     struct keg_err *err)
{
    _cleanup_free_ char *want = platform_string(wanted);
    _cleanup_free_ char *have = list_platforms(index);
    if (!have || !*have)
        return keg_fail(err, -ENOENT, "there is no image for the platform %s", want ? want : "?");
    return keg_fail(err, -ENOENT, "there is no image for the platform %s; there are: %s",
                    want ? want : "?", have);
}

int platform_choose(const struct document *index, const struct store_platform *wanted,
                    size_t *ret_item, struct keg_err *err)
{
    static const int without_platform = 1000; /* behind all that say what they are */
    int best = -1;
    for (size_t i = 0; i < index->count; i++) {
        const struct descriptor *entry = &index->items[i];
        enum media_kind kind = media_kind(entry->media_type);
        if (entry->attestation || (kind != MEDIA_MANIFEST && kind != MEDIA_INDEX))
            continue;
        int rank = entry->platform.os ? platform_rank(wanted, &entry->platform) : without_platform;
        if (rank >= 0 && (best < 0 || rank < best)) {
            best = rank;
            *ret_item = i;
        }
    }
    return best >= 0 ? 0 : fail_none(index, wanted, err);
}
