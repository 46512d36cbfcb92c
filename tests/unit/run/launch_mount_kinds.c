/* SPDX-License-Identifier: Apache-2.0 */
/* What a spec's mounts can be beside plain ones: id-mapped, filled, remounted, propagating; and all
 * of it in a user namespace. */
#include "launch_box.h"
#include "run/mount_copy_up.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

static struct box box;

static void open_box(void)
{
    box_open(&box);
    cr_assert(mkdir("/mnt/host", 0755) == 0);
    box_write("/mnt/host/canary", "alive\n", 6, 0644);
}

static void close_box(void)
{
    run_id_maps_done(&box.spec->uid_maps);
    run_id_maps_done(&box.spec->gid_maps);
    for (size_t i = 0; i < box.spec->mounts_count; i++) {
        run_id_maps_done(&box.spec->mounts[i].uid_maps);
        run_id_maps_done(&box.spec->mounts[i].gid_maps);
    }
    box_close(&box);
}

TestSuite(launch_mount_kinds, .init = open_box, .fini = close_box, .timeout = 120);

static void expect(const char *script, const char *output)
{
    int code = box_run_script(&box, script);
    cr_assert(code >= 0, "%s", box.err.text);
    cr_expect_str_eq(box.output, output);
}

static void expect_error(int code, const char *words)
{
    cr_expect_eq(box_run_script(&box, "true"), code, "%s", box.err.text);
    cr_expect_str_eq(box.err.text, words);
}

static struct run_mount *add(const char *destination, const char *type, const char *source,
                             const char *options)
{
    cr_assert(run_spec_add_mount(box.spec, destination, type, source, options, &box.err) == 0);
    for (size_t i = 0; i < box.spec->mounts_count; i++)
        if (keg_streq(box.spec->mounts[i].destination, destination))
            return &box.spec->mounts[i];
    return NULL;
}

static void map(struct run_id_maps *uids, struct run_id_maps *gids, uint32_t inside,
                uint32_t outside, uint32_t size)
{
    cr_assert(run_id_maps_add(uids, inside, outside, size) == 0);
    cr_assert(run_id_maps_add(gids, inside, outside, size) == 0);
}

/* The root belongs to the namespace's root. */
static void add_user_namespace(void)
{
    cr_assert(chown(BOX_ROOT, 100000, 100000) == 0);
    cr_assert(chown(BOX_ROOT "/etc", 100000, 100000) == 0);
    box.spec->namespaces[RUN_NS_USER].wanted = true;
    map(&box.spec->uid_maps, &box.spec->gid_maps, 0, 100000, 65536);
}

static void own(const char *path, uid_t id)
{
    cr_assert(chown(path, id, id) == 0);
}

/* ---- id-mapped mounts */

Test(launch_mount_kinds, a_mount_with_maps_shows_other_owners)
{
    box_needs_mapped_mounts();
    struct stat st;
    own("/mnt/host/canary", 1000);
    own("/mnt/host", 1000);
    struct run_mount *mount = add("/data", "bind", "/mnt/host", "rbind");
    map(&mount->uid_maps, &mount->gid_maps, 1000, 0, 10);
    expect("stat -c %u:%g /data/canary; touch /data/new && stat -c %u:%g /data/new", "0:0\n0:0\n");
    cr_assert(stat("/mnt/host/new", &st) == 0);
    cr_expect_eq(st.st_uid, 1000);
}

Test(launch_mount_kinds, idmap_without_maps_is_the_containers)
{
    box_needs_mapped_mounts();
    add_user_namespace();
    own("/mnt/host", 0);
    add("/data", "bind", "/mnt/host", "rbind,idmap");
    expect("stat -c %u:%g /data/canary; touch /data/new && stat -c %u:%g /data/new", "0:0\n0:0\n");
    struct stat st;
    cr_assert(stat("/mnt/host/new", &st) == 0);
    cr_expect_eq(st.st_uid, 0, "owned by the host's root on disk");
}

Test(launch_mount_kinds, idmap_is_of_one_mount_and_ridmap_of_all_below)
{
    box_needs_mapped_mounts();
    cr_assert(mkdir("/mnt/host/sub", 0755) == 0);
    cr_assert(mount("tmpfs", "/mnt/host/sub", "tmpfs", 0, "mode=755") == 0);
    add_user_namespace();
    add("/data", "bind", "/mnt/host", "rbind,idmap");
    expect("stat -c %u /data /data/sub", "0\n65534\n");
    add("/data", "bind", "/mnt/host", "rbind,ridmap");
    expect("stat -c %u /data /data/sub", "0\n0\n");
}

Test(launch_mount_kinds, a_filesystem_without_id_mapping_is_named)
{
    add_user_namespace();
    add("/data", "bind", "/proc/sys", "bind,idmap");
    expect_error(-EINVAL, "mount: '/data': its filesystem cannot be id-mapped");
}

Test(launch_mount_kinds, an_old_kernel_says_that_it_cannot_map_ids)
{
    static const int calls[] = {SYS_mount_setattr};
    box_forget(calls, 1);
    struct run_mount *mount = add("/data", "bind", "/mnt/host", "bind");
    map(&mount->uid_maps, &mount->gid_maps, 0, 500, 2000);
    expect_error(-ENOSYS, "mount: '/data': this kernel has no id-mapped mounts (Linux 5.12)");
}

/* ---- in a user namespace */

Test(launch_mount_kinds, a_user_namespace_has_the_same_root)
{
    add_user_namespace();
    expect("cd /dev; for n in null zero full random urandom tty; do stat -c '%n %t:%T' $n; done;"
           "for n in fd ptmx; do readlink $n; done; echo x >null && head -c 1 zero | wc -c",
           "null 1:3\nzero 1:5\nfull 1:7\nrandom 1:8\nurandom 1:9\ntty 5:0\n"
           "/proc/self/fd\npts/ptmx\n1\n");
    expect("cat /proc/timer_list | wc -c; ls /sys/firmware | wc -l;"
           "for f in /proc/sys/kernel/hostname /sys/fs/cgroup/x; do"
           " (echo x >$f) 2>&1 | grep -o 'Read-only' || echo ' no'; done; id -u",
           "0\n0\nRead-only\nRead-only\n0\n");
}

Test(launch_mount_kinds, folders_that_only_root_may_enter_are_mounted_all_the_same)
{
    add_user_namespace();
    cr_assert(mkdir("/mnt/closed", 0700) == 0 && mkdir("/mnt/closed/open", 0755) == 0);
    box_write("/mnt/closed/open/file", "seen\n", 5, 0644);
    add("/data", "bind", "/mnt/closed/open", "rbind,ro");
    cr_assert(chmod("/mnt", 0700) == 0);
    expect("cat /data/file", "seen\n");
}

Test(launch_mount_kinds, devices_of_the_spec_are_the_hosts)
{
    add_user_namespace();
    box.spec->devices = calloc(2, sizeof(*box.spec->devices));
    box.spec->devices[0] = (struct run_device){keg_strdup("/dev/in/kmsg"), 'c', 1, 11, 0600, 0, 0};
    box.spec->devices[1] = (struct run_device){keg_strdup("/dev/pipe"), 'p', 0, 0, 0622, 0, 0};
    box.spec->devices_count = 2;
    expect("stat -c '%t:%T' /dev/in/kmsg; stat -c '%F %a' /dev/pipe", "1:b\nfifo 622\n");
    box.spec->devices[0].minor = 99;
    expect_error(-ENODEV, "devices: '/dev/in/kmsg': no node can be made here, and the host has "
                          "none of c 1:99");
}

Test(launch_mount_kinds, modes_of_the_hosts_devices_cannot_be_changed)
{
    struct stat before, after;
    add_user_namespace();
    cr_assert(stat("/dev/null", &before) == 0);
    expect("busybox chmod 600 /dev/null 2>/dev/null || echo refused", "refused\n");
    cr_assert(stat("/dev/null", &after) == 0);
    cr_expect_eq(before.st_mode, after.st_mode);
}

Test(launch_mount_kinds, a_terminal_group_that_is_not_mapped_is_left_out)
{
    box.spec->namespaces[RUN_NS_USER].wanted = true;
    map(&box.spec->uid_maps, &box.spec->gid_maps, 0, 100000, 1);
    cr_assert(chown(BOX_ROOT, 100000, 100000) == 0);
    expect("grep -c 'devpts.*gid=' /proc/self/mountinfo; grep -c ' /dev/pts ' /proc/self/mountinfo",
           "0\n1\n");
}

Test(launch_mount_kinds, sysfs_of_a_shared_network_is_the_hosts_and_read_only)
{
    add_user_namespace();
    box.spec->namespaces[RUN_NS_NETWORK].wanted = false;
    expect("ls -d /sys/kernel; busybox awk '$5 ~ \"^/sys\" && $6 !~ \"^ro\"' /proc/self/mountinfo",
           "/sys/kernel\n");
}

/* A /dev of the test's own, for what this machine's may not have. */
static void replace_dev(void)
{
    static const char *const names[] = {"null", "zero", "full", "random", "urandom", "tty"};
    cr_assert(mkdir("/mnt/dev", 0755) == 0);
    cr_assert(mount("tmpfs", "/mnt/dev", "tmpfs", 0, "mode=755") == 0);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(names); i++) {
        char from[32], to[32];
        struct stat st;
        (void)snprintf(from, sizeof(from), "/dev/%s", names[i]);
        (void)snprintf(to, sizeof(to), "/mnt/dev/%s", names[i]);
        cr_assert(stat(from, &st) == 0);
        cr_assert(mknod(to, st.st_mode, st.st_rdev) == 0);
    }
    cr_assert(mount("/mnt/dev", "/dev", NULL, MS_MOVE, NULL) == 0);
}

Test(launch_mount_kinds, a_queue_filesystem_of_a_shared_namespace_is_the_hosts)
{
    add_user_namespace();
    box.spec->namespaces[RUN_NS_IPC].wanted = false;
    replace_dev();
    cr_assert(mkdir("/dev/mqueue", 0755) == 0);
    cr_assert(mount("mqueue", "/dev/mqueue", "mqueue", 0, NULL) == 0);
    expect("grep -c ' /dev/mqueue ' /proc/self/mountinfo", "1\n");
}

Test(launch_mount_kinds, processes_of_a_shared_namespace_are_the_hosts)
{
    add_user_namespace();
    box.spec->namespaces[RUN_NS_PID].wanted = false;
    expect("ls -d /proc/1; (echo x >/proc/sys/kernel/hostname) 2>&1 | grep -o Read-only",
           "/proc/1\nRead-only\n");
}

Test(launch_mount_kinds, a_covered_proc_allows_no_new_one)
{
    add_user_namespace();
    cr_assert(mount("tmpfs", "/proc/sys", "tmpfs", 0, NULL) == 0);
    expect_error(-EPERM,
                 "filesystems: '/proc': the kernel allows no new proc in a user namespace while "
                 "parts of the one here are covered (by a container around this one?): uncover "
                 "them there");
}

/* ---- tmpcopyup */

static void fill_folder(void)
{
    cr_assert(keg_mkdirs(AT_FDCWD, BOX_ROOT "/var/lib/deep", 0755) == 0);
    box_write(BOX_ROOT "/var/lib/file", "text\n", 5, 04755);
    own(BOX_ROOT "/var/lib/deep", 7);
    cr_assert(chown(BOX_ROOT "/var/lib/file", 8, 9) == 0);
    cr_assert(chmod(BOX_ROOT "/var/lib/file", 04755) == 0);
    cr_assert(link(BOX_ROOT "/var/lib/file", BOX_ROOT "/var/lib/deep/same") == 0);
    cr_assert(symlink("/mnt/host/canary", BOX_ROOT "/var/lib/link") == 0);
    cr_assert(mknod(BOX_ROOT "/var/lib/fifo", S_IFIFO | 0640, 0) == 0);
    cr_assert(chmod(BOX_ROOT "/var/lib", 0710) == 0);
}

#define DESCRIBE                                                                                   \
    "cd /var/lib && stat -c '%n %F %a %u:%g %h' . file deep deep/same fifo; readlink link;"        \
    "cat file; [ file -ef deep/same ] && echo same"

Test(launch_mount_kinds, a_tmpfs_begins_with_what_the_image_has)
{
    fill_folder();
    add("/var/lib", "tmpfs", "tmpfs", "tmpcopyup,nosuid");
    expect(DESCRIBE "; grep -c ' /var/lib .* tmpfs ' /proc/self/mountinfo; touch new",
           ". directory 710 0:0 3\nfile regular file 4755 8:9 2\ndeep directory 755 7:7 2\n"
           "deep/same regular file 4755 8:9 2\nfifo fifo 640 0:0 1\n/mnt/host/canary\ntext\nsame\n"
           "1\n");
    cr_expect(access(BOX_ROOT "/var/lib/new", F_OK) < 0, "the image keeps what it has");
}

Test(launch_mount_kinds, a_filled_tmpfs_may_be_read_only_and_have_another_mode)
{
    fill_folder();
    add("/var/lib", "tmpfs", "tmpfs", "tmpcopyup,ro,mode=755");
    expect("cat /var/lib/file; touch /var/lib/x 2>&1; stat -c %a /var/lib",
           "text\ntouch: /var/lib/x: Read-only file system\n755\n");
}

Test(launch_mount_kinds, extended_attributes_are_copied)
{
    static const unsigned char capability[20] = {1, 0, 0, 2, 0, 4};
    static const struct mount_fs fs = {.type = "tmpfs"};
    unsigned char copied[sizeof(capability)] = {0};
    fill_folder();
    cr_assert(mkdir("/mnt/copy", 0755) == 0);
    cr_assert(setxattr(BOX_ROOT "/var/lib/file", "security.capability", capability,
                       sizeof(capability), 0) == 0);
    _cleanup_fd_ int from = keg_openat(AT_FDCWD, BOX_ROOT "/var/lib", O_RDONLY | O_DIRECTORY, 0);
    _cleanup_fd_ int to = keg_openat(AT_FDCWD, "/mnt/copy", O_PATH | O_DIRECTORY, 0);
    cr_assert(mount_copy_up(from, to, &fs, &box.err) == 0, "%s", box.err.text);
    ssize_t n = getxattr("/mnt/copy/file", "security.capability", copied, sizeof(copied));
    cr_expect_eq(n, sizeof(copied));
    cr_expect(memcmp(copied, capability, sizeof(copied)) == 0);
}

Test(launch_mount_kinds, folders_are_copied_to_a_depth)
{
    static const struct mount_fs fs = {.type = "tmpfs"};
    cr_assert(mkdir("/mnt/deep", 0755) == 0 && mkdir("/mnt/copy", 0755) == 0);
    _cleanup_fd_ int from = keg_openat(AT_FDCWD, "/mnt/deep", O_RDONLY | O_DIRECTORY, 0);
    _cleanup_fd_ int to = keg_openat(AT_FDCWD, "/mnt/copy", O_PATH | O_DIRECTORY, 0);
    cr_assert(fchdir(from) == 0);
    for (unsigned i = 0; i < KEG_COPY_UP_DEPTH_MAX; i++)
        cr_assert(mkdir("d", 0755) == 0 && chdir("d") == 0);
    cr_expect_eq(mount_copy_up(from, to, &fs, &box.err), -E2BIG);
    cr_expect_str_eq(box.err.text, "copy: folders more than 256 deep");
}

Test(launch_mount_kinds, more_than_the_tmpfs_holds_is_an_error)
{
    static char big[65536];
    fill_folder();
    box_write(BOX_ROOT "/var/lib/big", big, sizeof(big), 0644);
    add("/var/lib", "tmpfs", "tmpfs", "tmpcopyup,size=4k");
    cr_expect_eq(box_run_script(&box, "true"), -ENOSPC, "%s", box.err.text);
    cr_expect(keg_starts_with(box.err.text, "mount: '/var/lib': copy '"), "%s", box.err.text);
}

Test(launch_mount_kinds, tmpcopyup_is_of_tmpfs_alone)
{
    add("/var/lib", "bind", "/mnt/host", "tmpcopyup");
    expect_error(-EINVAL, "mount '/var/lib': tmpcopyup is an option of tmpfs alone");
}

Test(launch_mount_kinds, an_old_kernel_copies_up_too)
{
    fill_folder();
    box_forget_new_calls();
    add("/var/lib", "tmpfs", "tmpfs", "tmpcopyup,ro");
    expect("cat /var/lib/file; touch /var/lib/x 2>&1",
           "text\ntouch: /var/lib/x: Read-only file system\n");
}

/* ---- remounts */

Test(launch_mount_kinds, a_mount_is_changed_by_remount)
{
    add("/data", "bind", "/mnt/host", "rbind");
    struct run_mount *mounts =
        realloc(box.spec->mounts, (box.spec->mounts_count + 1) * sizeof(*mounts));
    cr_assert_not_null(mounts);
    box.spec->mounts = mounts;
    mounts[box.spec->mounts_count++] =
        (struct run_mount){.destination = keg_strdup("/data"), .type = keg_strdup("none")};
    char ***options = &mounts[box.spec->mounts_count - 1].options;
    cr_assert(keg_strv_add(options, "bind") == 0 && keg_strv_add(options, "remount") == 0 &&
              keg_strv_add(options, "ro") == 0 && keg_strv_add(options, "noexec") == 0);
    expect("cat /data/canary; touch /data/x 2>&1; grep -c ' /data ro,noexec' /proc/self/mountinfo",
           "alive\ntouch: /data/x: Read-only file system\n1\n");
    expect("busybox true", "");
}

Test(launch_mount_kinds, what_is_not_mounted_cannot_be_remounted)
{
    cr_assert(mkdir(BOX_ROOT "/plain", 0755) == 0);
    add("/plain", "none", "none", "bind,remount,ro");
    expect_error(-EINVAL, "mount: '/plain': remount: nothing is mounted there");
}

/* ---- propagation */

static struct keg_buf mountinfo(void)
{
    struct keg_buf text = {0};
    cr_assert(keg_read_file(AT_FDCWD, "/proc/self/mountinfo", 1 << 20, &text, NULL) == 0);
    return text;
}

static void mount_shared_host(void)
{
    cr_assert(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) == 0);
    cr_assert(mount("tmpfs", "/mnt/host", "tmpfs", 0, "mode=755") == 0);
    cr_assert(mkdir("/mnt/host/sub", 0755) == 0);
    box_write("/mnt/host/canary", "alive\n", 6, 0644);
}

static bool is_mounted(const char *path)
{
    _cleanup_free_ char *field = keg_asprintf(" %s ", path);
    _cleanup_buf_ struct keg_buf text = mountinfo();
    return strstr(text.data, field);
}

Test(launch_mount_kinds, a_shared_mount_of_a_shared_root_reaches_the_host)
{
    mount_shared_host();
    cr_assert(run_spec_privileged(box.spec, &box.err) == 0);
    box.spec->rootfs_propagation = keg_strdup("rshared");
    add("/data", "bind", "/mnt/host", "rbind,rshared");
    expect("mount -t tmpfs none /data/sub && touch /data/sub/x && echo mounted", "mounted\n");
    cr_expect(is_mounted("/mnt/host/sub"));
    cr_expect(access("/mnt/host/sub/x", F_OK) == 0);
}

Test(launch_mount_kinds, without_a_shared_root_nothing_reaches_the_host)
{
    mount_shared_host();
    cr_assert(run_spec_privileged(box.spec, &box.err) == 0);
    add("/data", "bind", "/mnt/host", "rbind,rshared");
    expect("mount -t tmpfs none /data/sub && echo mounted", "mounted\n");
    cr_expect_not(is_mounted("/mnt/host/sub"));
}

Test(launch_mount_kinds, a_shared_root_itself_leaves_no_trace_on_the_host)
{
    static const char *const propagations[] = {"shared",  "rshared",  "slave",      "rslave",
                                               "private", "rprivate", "unbindable", "runbindable"};
    mount_shared_host();
    for (size_t i = 0; i < KEG_ARRAY_SIZE(propagations); i++) {
        _cleanup_buf_ struct keg_buf before = mountinfo();
        free(box.spec->rootfs_propagation);
        box.spec->rootfs_propagation = keg_strdup(propagations[i]);
        add("/data", "bind", "/mnt/host", "rbind,rslave");
        expect("cat /data/canary", "alive\n");
        _cleanup_buf_ struct keg_buf after = mountinfo();
        cr_expect_str_eq(before.data, after.data, "%s", propagations[i]);
    }
}

Test(launch_mount_kinds, an_old_kernel_leaves_no_trace_either)
{
    mount_shared_host();
    box_forget_new_calls();
    _cleanup_buf_ struct keg_buf before = mountinfo();
    box.spec->rootfs_propagation = keg_strdup("rshared");
    add("/data", "bind", "/mnt/host", "rbind,rshared");
    expect("cat /data/canary", "alive\n");
    _cleanup_buf_ struct keg_buf after = mountinfo();
    cr_expect_str_eq(before.data, after.data);
}

/* Mounts on the host once the container has said that it runs. */
static pid_t start_mounter(void)
{
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid > 0)
        return pid;
    while (access("/mnt/host/running", F_OK) < 0)
        (void)usleep(1000);
    (void)mount("tmpfs", "/mnt/host/sub", "tmpfs", 0, NULL);
    (void)keg_openat(AT_FDCWD, "/mnt/host/sub/x", O_WRONLY | O_CREAT, 0644);
    (void)keg_openat(AT_FDCWD, "/mnt/host/done", O_WRONLY | O_CREAT, 0644);
    _exit(0);
}

Test(launch_mount_kinds, a_slave_sees_what_the_host_mounts_and_a_private_one_does_not)
{
    mount_shared_host();
    add("/slave", "bind", "/mnt/host", "rbind,rslave");
    add("/private", "bind", "/mnt/host", "rbind");
    _cleanup_pid_ pid_t mounter = start_mounter();
    expect("touch /slave/running; while [ ! -e /slave/done ]; do sleep 0.01; done;"
           "cd /; ls -d */sub/x",
           "slave/sub/x\n");
}

Test(launch_mount_kinds, an_unbindable_root_cannot_be_bound)
{
    cr_assert(run_spec_privileged(box.spec, &box.err) == 0);
    box.spec->rootfs_propagation = keg_strdup("unbindable");
    expect("mkdir /x; mount -o bind / /x 2>/dev/null || echo refused", "refused\n");
}

/* ---- other ways in */

Test(launch_mount_kinds, a_root_that_is_not_pivoted_to)
{
    _cleanup_buf_ struct keg_buf before = mountinfo();
    box.options.no_pivot = true;
    add("/data", "bind", "/mnt/host", "rbind,ro");
    expect("cat /data/canary; ls -d /mnt /proc/1; (echo x >/proc/sys/kernel/hostname) 2>&1 |"
           " grep -o Read-only; cd /..; ls -d bin",
           "alive\nls: /mnt: No such file or directory\n/proc/1\nRead-only\nbin\n");
    _cleanup_buf_ struct keg_buf after = mountinfo();
    cr_expect_str_eq(before.data, after.data);
}

static void forget_mounts(void)
{
    struct run_spec *rest = run_spec_new();
    rest->mounts = TAKE_PTR(box.spec->mounts);
    rest->mounts_count = box.spec->mounts_count;
    rest->masked_paths = TAKE_PTR(box.spec->masked_paths);
    rest->readonly_paths = TAKE_PTR(box.spec->readonly_paths);
    box.spec->mounts_count = 0;
    run_spec_free(rest);
}

Test(launch_mount_kinds, without_a_mount_namespace_there_are_no_mounts)
{
    box.spec->namespaces[RUN_NS_MOUNT].wanted = false;
    expect_error(-EINVAL, "mount '/proc': the container has no mount namespace of its own");
    forget_mounts();
    _cleanup_buf_ struct keg_buf before = mountinfo();
    expect("ls -d /mnt /bin; stat -c %t:%T /dev/null",
           "ls: /mnt: No such file or directory\n/bin\n1:3\n");
    _cleanup_buf_ struct keg_buf after = mountinfo();
    cr_expect_str_eq(before.data, after.data);
    box.spec->root_readonly = true;
    expect_error(-EINVAL, "mount '/': the container has no mount namespace of its own");
}

/* A process that holds a mount namespace in which /mnt/only is there. */
static pid_t start_holder(void)
{
    int ready[2];
    char byte;
    cr_assert(pipe2(ready, O_CLOEXEC) == 0);
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        bool ok = unshare(CLONE_NEWNS) == 0 && mount("tmpfs", "/mnt/host", "tmpfs", 0, NULL) == 0 &&
                  mkdir("/mnt/host/only", 0755) == 0 && write(ready[1], "x", 1) == 1;
        while (ok)
            (void)pause();
        _exit(1);
    }
    (void)close(ready[1]);
    cr_assert(keg_read(ready[0], &byte, 1) == 1);
    (void)close(ready[0]);
    return pid;
}

Test(launch_mount_kinds, a_mount_namespace_may_be_joined)
{
    _cleanup_pid_ pid_t holder = start_holder();
    _cleanup_buf_ struct keg_buf before = mountinfo();
    box.spec->namespaces[RUN_NS_MOUNT].path = keg_asprintf("/proc/%d/ns/mnt", (int)holder);
    add("/data", "bind", "/mnt/host", "rbind");
    expect("ls /data; ls -d /proc/1", "only\n/proc/1\n");
    _cleanup_buf_ struct keg_buf after = mountinfo();
    cr_expect_str_eq(before.data, after.data);
}

/* ---- /dev */

Test(launch_mount_kinds, a_bind_mount_on_dev_is_left_as_it_is)
{
    cr_assert(mkdir("/mnt/dev", 0755) == 0);
    forget_mounts();
    add("/proc", "proc", "proc", "nosuid");
    add("/dev", "bind", "/mnt/dev", "rbind");
    cr_assert(keg_strv_add(&box.spec->masked_paths, "/proc/timer_list") == 0);
    expect("ls -A /dev | wc -l; cat /proc/timer_list | wc -c", "0\n0\n");
    cr_expect(access("/mnt/dev/null", F_OK) < 0);
}

Test(launch_mount_kinds, mounts_below_dev_come_in_the_order_of_the_spec)
{
    box_write("/mnt/host/node", "mine\n", 5, 0644);
    add("/dev/own/file", "bind", "/mnt/host/node", "bind");
    add("/dev/full", "bind", "/dev/null", "bind");
    expect("cat /dev/own/file; stat -c %t:%T /dev/null", "mine\n1:3\n");
}

/* ---- what engines give */

Test(launch_mount_kinds, destinations_may_be_relative_and_sources_too)
{
    box.options.bundle = "/mnt/host";
    struct run_mount *mount = add("/data/here", "bind", "canary", "bind");
    free(mount->destination);
    mount->destination = keg_strdup("data/here");
    expect("cat /data/here", "alive\n");
    free(box.spec->root_path);
    box.spec->root_path = keg_strdup("../rootfs");
    expect("cat /data/here", "alive\n");
}

Test(launch_mount_kinds, types_and_sources_of_binds_are_as_engines_write_them)
{
    add("/a", "none", "/mnt/host", "rbind,rw,rprivate");
    add("/b", NULL, "/mnt/host", "bind,defaults,sync");
    add("/c", "tmpfs", "/mnt/host", "bind");
    expect("cat /a/canary /b/canary /c/canary", "alive\nalive\nalive\n");
}

Test(launch_mount_kinds, propagation_and_superblock_options_of_new_filesystems)
{
    add("/t", "tmpfs", "tmpfs", "rshared,sync,dirsync,silent,size=64k");
    add("/u", "tmpfs", "tmpfs", "sync,lazytime,noiversion,loud");
    expect("busybox awk '$5 == \"/t\" || $5 == \"/u\" { sub(/,inode64/, \"\"); print $5, ($7 ~ "
           "/shared/), $NF }'"
           " /proc/self/mountinfo | busybox sort",
           "/t 1 rw,sync,dirsync,size=64k\n/u 0 rw,sync,lazytime\n");
}

Test(launch_mount_kinds, a_masked_path_may_be_a_link_within_the_root)
{
    box_write(BOX_ROOT "/etc/secret", "secret\n", 7, 0644);
    cr_assert(symlink("/etc/secret", BOX_ROOT "/way") == 0);
    cr_assert(symlink("/mnt/host/canary", BOX_ROOT "/out") == 0);
    cr_assert(keg_strv_add(&box.spec->masked_paths, "/way") == 0);
    cr_assert(keg_strv_add(&box.spec->masked_paths, "/out") == 0);
    expect("cat /etc/secret | wc -c", "0\n");
    cr_expect_eq(access("/mnt/host/canary", R_OK), 0);
}

Test(launch_mount_kinds, places_are_made_before_the_root_is_read_only)
{
    box.spec->root_readonly = true;
    add("/not/there", "bind", "/mnt/host", "rbind");
    add("/nor/this", "tmpfs", "tmpfs", "");
    expect("cat /not/there/canary; touch /nor/this/x; touch /x 2>&1",
           "alive\ntouch: /x: Read-only file system\n");
}

Test(launch_mount_kinds, a_root_that_cannot_be_written_has_no_new_places)
{
    cr_assert(mount(BOX_ROOT, BOX_ROOT, NULL, MS_BIND, NULL) == 0);
    cr_assert(mount(NULL, BOX_ROOT, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
    expect_error(-EROFS, "mount: '/proc': make '/proc': read-only file system");
}

/* ---- control groups */

#define WRITABLE_CGROUPS                                                                           \
    "busybox awk '$5 ~ \"^/sys/fs/cgroup\" && $6 !~ \"^ro\" { print $5 }' /proc/self/mountinfo"

Test(launch_mount_kinds, a_container_without_cgroups_of_its_own_sees_the_hosts_and_changes_nothing)
{
    add("/sys/fs/cgroup", "cgroup", "cgroup", "rw,nosuid,noexec,nodev");
    box.options.cgroup_manager = RUN_CGROUP_MANAGER_DISABLED;
    box.spec->namespaces[RUN_NS_CGROUP].wanted = false;
    box.spec->resources.pids_limit = 0;
    for (int user = 0; user < 2; user++) {
        expect(WRITABLE_CGROUPS "; ls /sys/fs/cgroup | wc -l | grep -qv '^0$' && echo seen",
               "seen\n");
        if (!user)
            add_user_namespace();
    }
}

/* v2: a new mount of the hierarchy, which begins where the namespace does. */
Test(launch_mount_kinds, with_a_cgroup_namespace_alone_it_sees_what_that_has)
{
    box.options.cgroup_manager = RUN_CGROUP_MANAGER_DISABLED;
    box.spec->resources.pids_limit = 0;
    for (int user = 0; user < 2; user++) {
        expect(WRITABLE_CGROUPS "; ls /sys/fs/cgroup | wc -l | grep -qv '^0$' && echo seen",
               "seen\n");
        if (!user)
            add_user_namespace();
    }
}

Test(launch_mount_kinds, its_own_cgroups_are_shown_in_a_user_namespace_too)
{
    add_user_namespace();
    for (int own = 1; own >= 0; own--) {
        box.spec->namespaces[RUN_NS_CGROUP].wanted = own;
        expect(WRITABLE_CGROUPS "; cd /sys/fs/cgroup; cat cgroup.procs */cgroup.procs 2>/dev/null |"
                                " grep -x 1 | head -1",
               "1\n");
    }
}

/* ---- labels */

Test(launch_mount_kinds, a_mount_label_wants_selinux)
{
    if (access("/sys/fs/selinux/enforce", F_OK) == 0)
        cr_skip_test("this machine has SELinux");
    box.spec->mount_label = keg_strdup("system_u:object_r:container_file_t:s0");
    expect_error(-ENOTSUP, "SELinux mount label 'system_u:object_r:container_file_t:s0': this "
                           "machine has no SELinux");
}

Test(launch_mount_kinds, a_root_that_is_not_pivoted_to_in_a_user_namespace)
{
    add_user_namespace();
    box.options.no_pivot = true;
    expect("ls -d /mnt /proc/1; cat /proc/timer_list | wc -c",
           "ls: /mnt: No such file or directory\n/proc/1\n0\n");
}
