/* SPDX-License-Identifier: Apache-2.0 */
/* Roots in RAM and of folders, and mounts of other namespaces. */
#include "launch_box.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct box box;
static struct keg_err err;

static void open_box(void)
{
    box_open(&box);
    cr_assert_eq(mkdir("/mnt/run", 0700) < 0 && errno != EEXIST, 0);
}

static void close_box(void)
{
    box_close(&box);
}

TestSuite(roots, .init = open_box, .fini = close_box, .timeout = 30);

static int open_folder(const char *path)
{
    int fd = keg_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    cr_assert_geq(fd, 0, "%s", path);
    return fd;
}

static bool is_mounted(const char *path)
{
    struct stat at, above;
    _cleanup_free_ char *parent = keg_asprintf("%s/..", path);
    return stat(path, &at) == 0 && stat(parent, &above) == 0 && at.st_dev != above.st_dev;
}

static int new_in_ram(uint64_t size_bytes)
{
    int dirfd = -1;
    int r = run_ephemeral_new(size_bytes, &dirfd, &err);
    if (r == -EOPNOTSUPP)
        cr_skip_test("overlayfs cannot write to a tmpfs of this kernel (before Linux 6.6)");
    cr_assert_eq(r, 0, "%s", err.text);
    return dirfd;
}

static void writes_in_ram(void)
{
    cr_assert_eq(box_run_script(&box, "echo kept >/new; rm -r /etc; mkdir /etc; cat /new; "
                                      "dd if=/dev/zero of=/large bs=64k count=64"),
                 1, "%s", box.err.text);
    cr_assert(strstr(box.output, "kept"));
    cr_assert(strstr(box.output, "No space left"), "%s", box.output);
    cr_assert_lt(access(BOX_ROOT "/new", F_OK), 0);
    cr_assert_eq(access(BOX_ROOT "/bin", F_OK), 0);
}

Test(roots, in_ram_nothing_of_the_lower_changes_and_the_size_holds)
{
    _cleanup_fd_ int lower = open_folder(BOX_ROOT), rundir = open_folder("/mnt/run");
    _cleanup_fd_ int dirfd = new_in_ram(1024 * 1024);
    cr_assert_eq(run_ephemeral_overlay(&lower, 1, dirfd, rundir, -1, &box.options.rootfs_fd, &err),
                 0, "%s", err.text);
    cr_assert_lt(access("/mnt/run/ram", F_OK), 0);
    writes_in_ram();
}

Test(roots, in_ram_the_way_that_older_kernels_need)
{
    _cleanup_fd_ int lower = open_folder(BOX_ROOT), rundir = open_folder("/mnt/run");
    _cleanup_fd_ int dirfd = new_in_ram(1024 * 1024);
    cr_assert_eq(run_ephemeral_attach(dirfd, rundir, &err), 0, "%s", err.text);
    cr_assert(is_mounted("/mnt/run/ram"));
    cr_assert_eq(run_overlay_mount(&lower, 1, dirfd, true, -1, &box.options.rootfs_fd, &err), 0,
                 "%s", err.text);
    run_ephemeral_clean(rundir);
    cr_assert_lt(access("/mnt/run/ram", F_OK), 0);
    writes_in_ram();
}

Test(roots, what_a_crash_left_attached_is_collected)
{
    _cleanup_fd_ int rundir = open_folder("/mnt/run"), leases = open_folder("/mnt");
    {
        _cleanup_fd_ int dirfd = new_in_ram(0);
        cr_assert_eq(run_ephemeral_attach(dirfd, rundir, &err), 0, "%s", err.text);
    }
    cr_assert_eq(run_collect(rundir, leases, box.id, &err), 0, "%s", err.text);
    cr_assert_lt(access("/mnt/run/ram", F_OK), 0);
    run_ephemeral_clean(rundir); /* nothing to do is no error */
}

Test(roots, a_folder_is_written_in_place)
{
    _cleanup_fd_ int folder = open_folder(BOX_ROOT);
    cr_assert_eq(run_folder_mount(folder, -1, &box.options.rootfs_fd, &err), 0, "%s", err.text);
    cr_assert_eq(box_run_script(&box, "echo x >/written"), 0, "%s", box.err.text);
    cr_assert_eq(access(BOX_ROOT "/written", F_OK), 0);
}

Test(roots, owners_of_a_folder_are_shown_by_maps)
{
    struct stat st;
    struct run_id_maps maps = {0};
    _cleanup_fd_ int userns = -1, mount = -1, folder = open_folder(BOX_ROOT);
    box_needs_mapped_mounts();
    cr_assert_eq(run_id_maps_add(&maps, 0, 100000, 65536), 0);
    cr_assert_eq(run_user_namespace_make(&maps, &maps, &userns, &err), 0, "%s", err.text);
    run_id_maps_done(&maps);
    cr_assert_eq(run_folder_mount(folder, userns, &mount, &err), 0, "%s", err.text);
    cr_assert_eq(fstatat(mount, "bin", &st, 0), 0);
    cr_assert_eq(st.st_uid, 100000);
    cr_assert_eq(stat(BOX_ROOT "/bin", &st), 0);
    cr_assert_eq(st.st_uid, 0);
}

/* A process in a mount namespace of its own, where /mnt/run is a tmpfs with "secret" in it. */
static pid_t start_neighbour(void)
{
    int ready[2];
    char byte;
    cr_assert_eq(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", "/mnt/run", "tmpfs", 0, NULL) < 0)
            _exit(1);
        _cleanup_fd_ int fd = keg_openat(AT_FDCWD, "/mnt/run/secret", O_WRONLY | O_CREAT, 0600);
        (void)keg_write_all(ready[1], "", fd >= 0);
        (void)pause();
        _exit(0);
    }
    (void)close(ready[1]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    return pid;
}

Test(roots, a_mount_of_another_namespace_is_copied_and_this_process_stays_where_it_was)
{
    struct stat before, after;
    char path[64];
    _cleanup_fd_ int copy = -1;
    _cleanup_pid_ pid_t pid = start_neighbour();
    cr_assert_eq(stat("/proc/self/ns/mnt", &before), 0);
    (void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
    _cleanup_fd_ int ns = keg_openat(AT_FDCWD, path, O_RDONLY, 0);
    cr_assert_eq(run_mount_of(ns, "/mnt/run", &copy, &err), 0, "%s", err.text);
    cr_assert_eq(faccessat(copy, "secret", F_OK, 0), 0);
    cr_assert_lt(access("/mnt/run/secret", F_OK), 0);
    cr_assert_lt(run_mount_of(ns, "/nowhere", &copy, &err), 0);
    cr_assert_str_eq(err.text, "'/nowhere': no such file or directory");
    cr_assert_eq(stat("/proc/self/ns/mnt", &after), 0);
    cr_assert_eq(before.st_ino, after.st_ino);
}
