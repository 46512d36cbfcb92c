/* SPDX-License-Identifier: Apache-2.0 */
/* The root that a container gets: mounts, nodes, masks; and images that try to lead them elsewhere.
 */
#include "launch_box.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

static struct box box;

static void open_box(void)
{
    box_open(&box);
    cr_assert(mkdir("/mnt/host", 0755) == 0);
    box_write("/mnt/host/canary", "alive\n", 6, 0644);
}

static void close_box(void)
{
    box_close(&box);
}

TestSuite(launch_mounts, .init = open_box, .fini = close_box, .timeout = 120);

static void expect(const char *script, const char *output)
{
    int code = box_run_script(&box, script);
    cr_assert(code >= 0, "%s", box.err.text);
    cr_expect_str_eq(box.output, output);
}

static void add_bind(const char *destination, const char *source, const char *options)
{
    cr_assert(run_spec_add_mount(box.spec, destination, "bind", source, options, &box.err) == 0);
}

static void expect_golden(void)
{
    expect(
        "cd /dev; for n in null zero full random urandom tty; do stat -c '%n %a %t:%T' $n; done;"
        "for n in fd stdin stdout stderr core ptmx; do readlink $n; done",
        "null 666 1:3\nzero 666 1:5\nfull 666 1:7\nrandom 666 1:8\nurandom 666 1:9\ntty 666 5:0\n"
        "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\n/proc/kcore\npts/"
        "ptmx\n");
    expect(
        "cat /proc/timer_list | wc -c; ls /sys/firmware | wc -l; ls /proc/acpi 2>/dev/null | wc -l",
        "0\n0\n0\n");
    expect(
        "for f in /proc/sys/kernel/hostname /proc/irq/default_smp_affinity /sys/x /sys/firmware/x"
        " /sys/fs/cgroup/x; do (echo x >$f) 2>&1 | grep -o 'Read-only' || echo ' no'; done",
        "Read-only\nRead-only\nRead-only\nRead-only\nRead-only\n");
}

Test(launch_mounts, dev_masks_and_readonly_paths_are_as_planned)
{
    expect_golden();
}

Test(launch_mounts, a_root_that_can_be_written_and_one_that_cannot)
{
    expect("touch /x && echo written", "written\n");
    box.spec->root_readonly = true;
    free(box.spec->process.cwd);
    box.spec->process.cwd = keg_strdup("/made/before");
    expect("touch /y 2>&1; pwd; touch /dev/shm/z && echo shm",
           "touch: /y: Read-only file system\n/made/before\nshm\n");
}

Test(launch_mounts, binds_of_folders_and_files_are_made_where_missing)
{
    add_bind("/data/deep", "/mnt/host", "rbind,ro");
    add_bind("/etc/one/file", "/mnt/host/canary", "");
    expect("cat /data/deep/canary /etc/one/file; touch /data/deep/x 2>&1; echo dead >/etc/one/file",
           "alive\nalive\ntouch: /data/deep/x: Read-only file system\n");
    _cleanup_buf_ struct keg_buf text = {0};
    cr_assert(keg_read_file(AT_FDCWD, "/mnt/host/canary", 100, &text, NULL) == 0);
    cr_expect_str_eq(text.data, "dead\n");
}

Test(launch_mounts, plain_ro_is_of_one_mount_and_rro_of_all_below)
{
    cr_assert(mkdir("/mnt/host/sub", 0755) == 0);
    cr_assert(mount("tmpfs", "/mnt/host/sub", "tmpfs", 0, NULL) == 0);
    add_bind("/data", "/mnt/host", "rbind,ro");
    expect("touch /data/sub/x && echo written", "written\n");
    add_bind("/data", "/mnt/host", "rbind,rro");
    expect("touch /data/sub/y 2>&1", "touch: /data/sub/y: Read-only file system\n");
    add_bind("/data", "/mnt/host", "bind");
    expect("ls /data/sub | wc -l", "0\n");
}

Test(launch_mounts, a_missing_source_is_named)
{
    add_bind("/data", "/mnt/nothing", "");
    cr_expect_eq(box_run_script(&box, "true"), -ENOENT);
    cr_expect_str_eq(box.err.text,
                     "mount: '/data': source '/mnt/nothing': no such file or directory");
}

Test(launch_mounts, the_kernels_words_on_a_bad_option_come_through)
{
    cr_assert(run_spec_add_mount(box.spec, "/t", "tmpfs", NULL, "size=many", &box.err) == 0);
    cr_expect_eq(box_run_script(&box, "true"), -EINVAL);
    cr_expect_str_eq(box.err.text, "filesystems: '/t': size=many: tmpfs: Bad value for 'size'");
}

Test(launch_mounts, links_inside_the_root_are_followed_inside)
{
    cr_assert(mkdir(BOX_ROOT "/run", 0755) == 0 && mkdir(BOX_ROOT "/var", 0755) == 0);
    cr_assert(symlink("/run", BOX_ROOT "/var/run") == 0);
    add_bind("/var/run/data", "/mnt/host", "");
    expect("cat /run/data/canary", "alive\n");
}

Test(launch_mounts, links_out_of_the_root_make_nothing_on_the_host)
{
    static const char *const ways[] = {"/mnt/host", "../../../../../../mnt/host", "/mnt/host/new"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(ways); i++) {
        (void)unlink(BOX_ROOT "/way");
        cr_assert(symlink(ways[i], BOX_ROOT "/way") == 0);
        add_bind("/way/folder", "/mnt/run", "");
        add_bind("/way/file", "/mnt/host/canary", "");
        (void)box_run_script(&box, "true");
        cr_expect(access("/mnt/host/folder", F_OK) < 0);
        cr_expect(access("/mnt/host/file", F_OK) < 0);
        cr_expect(access("/mnt/host/new", F_OK) < 0);
    }
}

/* Swaps a folder and a link to the host's, as fast as it can. */
static pid_t start_racer(void)
{
    pid_t racer = fork();
    cr_assert(racer >= 0);
    while (racer == 0)
        (void)renameat2(AT_FDCWD, "/mnt/vol/a", AT_FDCWD, "/mnt/vol/b", RENAME_EXCHANGE);
    return racer;
}

Test(launch_mounts, a_volume_that_changes_meanwhile_makes_nothing_on_the_host)
{
    cr_assert(keg_mkdirs(AT_FDCWD, "/mnt/vol/a", 0755) == 0);
    cr_assert(symlink("/mnt/host", "/mnt/vol/b") == 0);
    cr_assert(keg_mkdirs(AT_FDCWD, BOX_ROOT "/mnt/host", 0755) == 0);
    add_bind("/vol", "/mnt/vol", "rbind");
    add_bind("/vol/a/deep/folder", "/mnt/run", "rbind");
    add_bind("/vol/a/deep/file", "/mnt/host/canary", "");
    _cleanup_pid_ pid_t racer = start_racer();
    for (int i = 0; i < 50; i++)
        cr_expect(box_run_script(&box, "true") == 0, "%s", box.err.text);
    cr_expect(access("/mnt/host/deep", F_OK) < 0 && errno == ENOENT);
}

/* Where the image has a link, keg does not mount on what it leads to. */
static void expect_refused(const char *name, const char *target, int code, const char *words)
{
    char path[64];
    (void)snprintf(path, sizeof(path), BOX_ROOT "/%s", name);
    cr_assert(symlink(target, path) == 0);
    cr_expect_eq(box_run_script(&box, "true"), code, "%s: %s", name, box.err.text);
    cr_expect_str_eq(box.err.text, words);
    cr_assert(unlink(path) == 0);
}

Test(launch_mounts, dev_proc_and_sys_as_links_are_refused)
{
    expect_refused("dev", "/mnt/host", -ENOTDIR,
                   "mount: '/dev': '/dev' of the image is not a folder");
    cr_expect(access("/mnt/host/null", F_OK) < 0);
    cr_assert(rmdir(BOX_ROOT "/proc") == 0);
    expect_refused("proc", "/mnt/host", -ENOTDIR,
                   "mount: '/proc': '/proc' of the image is not a folder");
    expect_refused("sys", "tmp", -ENOTDIR, "mount: '/sys': '/sys' of the image is not a folder");
}

/* Only the first ${count} of the spec's mounts. */
static void keep_mounts(size_t count)
{
    struct run_spec *rest = run_spec_new();
    rest->mounts = calloc(box.spec->mounts_count, sizeof(*rest->mounts));
    while (box.spec->mounts_count > count)
        rest->mounts[rest->mounts_count++] = box.spec->mounts[--box.spec->mounts_count];
    run_spec_free(rest);
}

Test(launch_mounts, without_a_mount_on_dev_its_links_are_refused_too)
{
    keep_mounts(0);
    expect_refused("dev", "/mnt/host", -ENOTDIR, "devices: '/dev' of the image is not a folder");
    cr_expect(access("/mnt/host/null", F_OK) < 0);
}

Test(launch_mounts, a_fake_null_device_is_refused)
{
    keep_mounts(1); /* /proc alone: /dev is the image's */
    cr_assert(mkdir(BOX_ROOT "/dev", 0755) == 0);
    expect_refused("dev/null", "/mnt/host/canary", -EEXIST,
                   "devices: '/dev/null' of the image is something else");
    box_write(BOX_ROOT "/dev/null", "", 0, 0666);
    cr_expect_eq(box_run_script(&box, "true"), -EEXIST);
}

Test(launch_mounts, a_link_into_proc_is_no_mount_point)
{
    cr_assert(symlink("/proc/self", BOX_ROOT "/way") == 0);
    add_bind("/way/attr", "/mnt/host", "");
    cr_expect_eq(box_run_script(&box, "true"), -EPERM);
    cr_expect_str_eq(box.err.text, "mount: '/way/attr': the image leads it into /proc");
}

Test(launch_mounts, only_a_procfs_may_be_bound_on_proc)
{
    add_bind("/proc", "/mnt/host", "");
    cr_expect_eq(box_run_script(&box, "true"), -EPERM);
    cr_expect_str_eq(box.err.text, "mount: '/proc': '/mnt/host' is not a procfs");
}

Test(launch_mounts, devices_have_their_mode_and_owner)
{
    struct run_device *device = calloc(1, sizeof(*device));
    *device = (struct run_device){keg_strdup("/dev/net/mem"), 'c', 1, 1, 0640, 7, 8};
    box.spec->devices = device;
    box.spec->devices_count = 1;
    expect("stat -c '%a %u:%g %t:%T' /dev/net/mem", "640 7:8 1:1\n");
}

Test(launch_mounts, nothing_of_it_is_seen_on_the_host)
{
    _cleanup_buf_ struct keg_buf before = {0}, after = {0};
    cr_assert(keg_read_file(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &before, NULL) == 0);
    add_bind("/data", "/mnt/host", "rbind,rslave");
    cr_assert(box_run_script(&box, "true") == 0, "%s", box.err.text);
    cr_assert(keg_read_file(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &after, NULL) == 0);
    cr_expect_str_eq(before.data, after.data);
}

Test(launch_mounts, privileged_sees_devices_and_writes_sysfs)
{
    cr_assert(run_spec_privileged(box.spec, &box.err) == 0);
    expect("cd /sys/fs/cgroup; { mkdir pids/x 2>/dev/null || mkdir x; } && echo made; mkdir /m; "
           "mount -t tmpfs none /m && echo "
           "mounted; "
           "cat /proc/timer_list | head -c 5; grep ^Seccomp: /proc/self/status",
           "made\nmounted\nTimerSeccomp:\t0\n");
}

/* ---- overlay roots */

#define LAYERS 128

/* Layer n holds /n, and /which with its own number. */
static void make_layers(int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char path[64], number[32];
        (void)snprintf(path, sizeof(path), "/mnt/layers/%zu", i);
        (void)snprintf(number, sizeof(number), "%zu\n", i);
        cr_assert(keg_mkdirs(AT_FDCWD, path, 0755) == 0);
        fds[i] = keg_openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
        cr_assert(fds[i] >= 0);
        (void)snprintf(path, sizeof(path), "/mnt/layers/%zu/which", i);
        box_write(path, number, strlen(number), 0644);
        (void)snprintf(path, sizeof(path), "/mnt/layers/%zu/%zu", i, i);
        box_write(path, "", 0, 0644);
    }
}

static int open_upper(void)
{
    cr_assert(keg_mkdirs(AT_FDCWD, "/mnt/c/upper", 0755) == 0);
    cr_assert(keg_mkdirs(AT_FDCWD, "/mnt/c/work", 0755) == 0);
    return keg_openat(AT_FDCWD, "/mnt/c", O_RDONLY | O_DIRECTORY, 0);
}

static void run_on_overlay(size_t layers)
{
    int fds[LAYERS + 1];
    make_layers(fds, layers);
    fds[layers] = keg_openat(AT_FDCWD, BOX_ROOT, O_PATH | O_DIRECTORY, 0);
    int dirfd = open_upper();
    int r = run_overlay_mount(fds, layers + 1, dirfd, true, -1, &box.options.rootfs_fd, &box.err);
    cr_assert(r == 0, "%s", box.err.text);
    expect("cat /which; ls / | grep -c '^[0-9]'; touch /new",
           layers == LAYERS ? "0\n128\n" : "0\n3\n");
    cr_expect(access("/mnt/c/upper/new", F_OK) == 0);
}

Test(launch_mounts, a_root_of_128_layers_with_the_top_one_first)
{
    run_on_overlay(LAYERS);
}

Test(launch_mounts, an_overlay_after_a_crash_mounts_again)
{
    int fd, mount_fd, dirfd = open_upper();
    make_layers(&fd, 1);
    cr_assert(keg_mkdirs(AT_FDCWD, "/mnt/c/work/work/incompat/volatile", 0755) == 0);
    box_write("/mnt/c/work/work/incompat/volatile/dirty", "", 0, 0644);
    int r = run_overlay_mount(&fd, 1, dirfd, false, -1, &mount_fd, &box.err);
    cr_expect(r == 0, "%s", box.err.text);
}

Test(launch_mounts, an_overlay_without_an_upper_folder_is_an_error_that_says_so)
{
    int fd, mount_fd;
    make_layers(&fd, 1);
    cr_assert(keg_mkdirs(AT_FDCWD, "/mnt/c", 0755) == 0);
    int dirfd = keg_openat(AT_FDCWD, "/mnt/c", O_RDONLY | O_DIRECTORY, 0);
    cr_expect_lt(run_overlay_mount(&fd, 1, dirfd, false, -1, &mount_fd, &box.err), 0);
    cr_expect(keg_starts_with(box.err.text, "overlay of 1 layers: "), "%s", box.err.text);
    cr_expect_eq(run_overlay_mount(&fd, 0, dirfd, false, -1, &mount_fd, &box.err), -EINVAL);
}

/* ---- overlay roots for a user namespace */

static int make_user_namespace(void)
{
    struct run_id_maps maps = {0};
    int fd;
    cr_assert(run_id_maps_add(&maps, 0, 100000, 65536) == 0);
    cr_assert(run_user_namespace_make(&maps, &maps, &fd, &box.err) == 0, "%s", box.err.text);
    run_id_maps_done(&maps);
    return fd;
}

static uid_t owner_of(int dirfd, const char *path)
{
    struct stat st;
    cr_assert(fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0, "%s", path);
    return st.st_uid;
}

static int mount_mapped_overlay(void)
{
    int fds[3], mount_fd, dirfd = open_upper(), userns = make_user_namespace();
    make_layers(fds, 2);
    fds[2] = keg_openat(AT_FDCWD, BOX_ROOT, O_PATH | O_DIRECTORY, 0);
    cr_assert(chown("/mnt/layers/1/1", 1000, 1000) == 0);
    int r = run_overlay_mount(fds, 3, dirfd, false, userns, &mount_fd, &box.err);
    cr_assert(r == 0, "%s", box.err.text);
    (void)close(userns);
    return mount_fd;
}

Test(launch_mounts, layers_of_root_are_shown_as_the_user_namespaces_root)
{
    box_needs_mapped_mounts();
    int fd = mount_mapped_overlay();
    cr_expect_eq(owner_of(fd, "which"), 100000);
    cr_expect_eq(owner_of(fd, "1"), 101000);
    cr_expect_eq(owner_of(AT_FDCWD, "/mnt/layers/1/1"), 1000);
}

Test(launch_mounts, what_the_user_namespaces_root_writes_is_roots_in_the_upper_folder)
{
    box_needs_mapped_mounts();
    box.options.rootfs_fd = mount_mapped_overlay();
    box.spec->namespaces[RUN_NS_USER].wanted = true;
    cr_assert(run_id_maps_add(&box.spec->uid_maps, 0, 100000, 65536) == 0);
    cr_assert(run_id_maps_add(&box.spec->gid_maps, 0, 100000, 65536) == 0);
    expect("touch /new /1; mkdir -p /folder/in; stat -c '%n %u' /which /1 /new /bin/busybox;"
           "busybox rm /which; busybox mv /folder /bin; ls /which 2>/dev/null; ls /bin/folder",
           "/which 0\n/1 1000\n/new 0\n/bin/busybox 0\nin\n");
    cr_expect_eq(owner_of(AT_FDCWD, "/mnt/c/upper/new"), 0);
    cr_expect_eq(owner_of(AT_FDCWD, "/mnt/c/upper/bin/folder/in"), 0);
    cr_expect_eq(owner_of(AT_FDCWD, "/mnt/c/upper/1"), 1000, "copied up");
    struct stat st;
    cr_assert(lstat("/mnt/c/upper/which", &st) == 0);
    cr_expect(S_ISCHR(st.st_mode) && st.st_rdev == 0, "a whiteout");
}

Test(launch_mounts, a_kernel_that_cannot_map_layers_says_so)
{
    static const int calls[] = {SYS_mount_setattr};
    int fd, mount_fd, dirfd = open_upper(), userns = make_user_namespace();
    make_layers(&fd, 1);
    box_forget(calls, 1);
    cr_expect_eq(run_overlay_mount(&fd, 1, dirfd, false, userns, &mount_fd, &box.err), -ENOSYS);
    cr_expect_str_eq(box.err.text, "overlay: a layer: this kernel has no id-mapped mounts "
                                   "(Linux 5.12)");
}

/* ---- kernels without the calls */

Test(launch_mounts, an_old_kernel_gives_the_same_root)
{
    box_forget_new_calls();
    expect_golden();
}

Test(launch_mounts, an_old_kernel_binds_and_refuses_the_same)
{
    box_forget_new_calls();
    add_bind("/data", "/mnt/host", "rbind,ro,nosuid");
    add_bind("/file", "/mnt/host/canary", "");
    box.spec->root_readonly = true;
    expect("cat /data/canary /file; touch /data/x 2>&1; touch /x 2>&1; ls /proc/self/fd | wc -l",
           "alive\nalive\ntouch: /data/x: Read-only file system\n"
           "touch: /x: Read-only file system\n4\n");
    cr_assert(rmdir(BOX_ROOT "/dev") == 0);
    expect_refused("dev", "/mnt/host", -ENOTDIR,
                   "mount: '/dev': '/dev' of the image is not a folder");
}

Test(launch_mounts, an_old_kernel_refuses_what_it_cannot_do)
{
    box_forget_new_calls();
    add_bind("/data", "/mnt/host", "rbind,rro");
    cr_expect_eq(box_run_script(&box, "true"), -ENOSYS);
    cr_expect(keg_starts_with(box.err.text, "mount: '/data': "), "%s", box.err.text);
}

Test(launch_mounts, an_old_kernel_has_terminals_too)
{
    box_forget_new_calls();
    box.spec->process.terminal = true;
    expect("tty; stat -c %t /dev/console", "/dev/pts/0\r\n88\r\n");
}

Test(launch_mounts, an_old_kernel_mounts_overlays_in_the_callers_namespace)
{
    box_forget_new_calls();
    run_on_overlay(3);
}

Test(launch_mounts, a_kernel_with_open_tree_alone_copies_the_overlay_out)
{
    static const int calls[] = {SYS_fsopen};
    char before[64], after[64];
    cr_assert(readlink("/proc/self/ns/mnt", before, sizeof(before)) > 0);
    box_forget(calls, 1);
    run_on_overlay(LAYERS);
    cr_assert(readlink("/proc/self/ns/mnt", after, sizeof(after)) > 0);
    cr_expect(strncmp(before, after, strlen("mnt:[4026531841]")) == 0);
}

Test(launch_mounts, a_kernel_without_mount_setattr_remounts)
{
    static const int calls[] = {SYS_mount_setattr};
    box_forget(calls, 1);
    add_bind("/data", "/mnt/host", "rbind,ro");
    expect_golden();
    expect("touch /data/x 2>&1", "touch: /data/x: Read-only file system\n");
}
