/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel's security modules are to call a container's program. */
#include "run/labels.h"

#include <string.h>

#define APPARMOR_ENABLED "/sys/module/apparmor/parameters/enabled"
#define SELINUX_ENABLED  "/sys/fs/selinux/enforce"

/* Contexts and profile names are short; the kernel takes a page at most. */
#define LABEL_MAX_BYTES 4096

static bool has_apparmor(void)
{
    _cleanup_buf_ struct keg_buf text = {0};
    return keg_read_file(AT_FDCWD, APPARMOR_ENABLED, 16, &text, NULL) == 0 && text.length > 0 &&
           text.data[0] == 'Y';
}

static bool is_wish(const char *label)
{
    return label && *label;
}

/* What a machine without AppArmor gives to all. */
static bool is_unconfined(const char *profile)
{
    return keg_streq(profile, "unconfined");
}

int labels_check(const struct run_process *process, struct keg_err *err)
{
    const char *profile = process->apparmor_profile;
    if (is_wish(profile) && !is_unconfined(profile) && !has_apparmor())
        return keg_fail(err, -ENOTSUP, "AppArmor profile '%s': this machine has no AppArmor",
                        profile);
    if (is_wish(process->selinux_label) && access(SELINUX_ENABLED, F_OK) < 0)
        return keg_fail(err, -ENOTSUP, "SELinux label '%s': this machine has no SELinux",
                        process->selinux_label);
    return 0;
}

int labels_check_mounts(const char *label, struct keg_err *err)
{
    if (is_wish(label) && access(SELINUX_ENABLED, F_OK) < 0)
        return keg_fail(err, -ENOTSUP, "SELinux mount label '%s': this machine has no SELinux",
                        label);
    return 0;
}

bool labels_match(const char *shown, const char *wanted)
{
    size_t length = strlen(wanted);
    if (strncmp(shown, wanted, length) != 0)
        return false;
    const char *rest = shown + length;
    return *rest == '\0' || *rest == '\n' || strncmp(rest, " (", 2) == 0;
}

static int write_attribute(int proc_fd, const char *path, const char *text, const char *wanted,
                           struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf shown = {0};
    int r = keg_write_file(proc_fd, path, text, strlen(text));
    if (r < 0)
        return keg_fail(err, r, "'%s': %s", wanted, keg_errno_text(r));
    r = keg_read_file(proc_fd, path, LABEL_MAX_BYTES, &shown, err);
    if (r < 0)
        return keg_wrap(err, "'%s'", wanted);
    const char *noted = shown.length > 0 ? shown.data : "";
    if (!labels_match(noted, wanted))
        return keg_fail(err, -EPERM, "'%s': the kernel noted '%s'", wanted, noted);
    return 0;
}

static int apply_apparmor(int proc_fd, const char *profile, struct keg_err *err)
{
    const char *path = "self/attr/apparmor/exec";
    _cleanup_free_ char *text = keg_asprintf("exec %s", profile);
    if (!text)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (faccessat(proc_fd, path, F_OK, 0) < 0)
        path = "self/attr/exec";
    int r = write_attribute(proc_fd, path, text, profile, err);
    /* No module takes it: nobody confines here. */
    if (r == -EINVAL && is_unconfined(profile))
        return 0;
    if (r == -ENOENT && faccessat(proc_fd, path, F_OK, 0) == 0)
        return keg_fail(err, -EINVAL, "AppArmor profile '%s' is not loaded", profile);
    return r < 0 ? keg_wrap(err, "AppArmor profile") : 0;
}

static int apply_selinux(int proc_fd, const char *label, struct keg_err *err)
{
    int r = write_attribute(proc_fd, "self/attr/exec", label, label, err);
    return r < 0 ? keg_wrap(err, "SELinux label") : 0;
}

int labels_apply(int proc_fd, const struct run_process *process, struct keg_err *err)
{
    int r = 0;
    if (is_wish(process->apparmor_profile))
        r = apply_apparmor(proc_fd, process->apparmor_profile, err);
    if (r == 0 && is_wish(process->selinux_label))
        r = apply_selinux(proc_fd, process->selinux_label, err);
    return r;
}
