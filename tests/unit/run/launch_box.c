/* SPDX-License-Identifier: Apache-2.0 */
/* A root to launch in. */
#include "launch_box.h"
#include "run/mount.h"

#include <criterion/criterion.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define BUSYBOX "/bin/busybox"

static const char *const applets[] = {
    "sh", "cat", "ls",   "id",   "hostname", "mount", "umount",   "mkdir", "touch", "sleep", "grep",
    "ip", "tty", "stat", "kill", "true",     "mknod", "readlink", "stty",  "wc",    "head",  "ps"};

static void copy_busybox(void)
{
    _cleanup_buf_ struct keg_buf bytes = {0};
    struct keg_err err = KEG_ERR_INIT;
    int r = keg_read_file(AT_FDCWD, BUSYBOX, 16 * 1024 * 1024, &bytes, &err);
    cr_assert(r == 0, "%s", err.text);
    box_write(BOX_ROOT "/bin/busybox", bytes.data, bytes.length, 0755);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(applets); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), BOX_ROOT "/bin/%s", applets[i]);
        cr_assert(symlink("busybox", path) == 0);
    }
}

void box_write(const char *path, const void *text, size_t length, mode_t mode)
{
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    cr_assert(fd >= 0, "%s", path);
    cr_assert(keg_write_all(fd, text, length) == 0);
    cr_assert(fchmod(fd, mode) == 0);
}

static void make_root(void)
{
    cr_assert(geteuid() == 0, "the launcher's tests run as root");
    cr_assert(unshare(CLONE_NEWNS) == 0);
    cr_assert(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0);
    cr_assert(mount("tmpfs", "/mnt", "tmpfs", 0, "mode=755") == 0);
    cr_assert(keg_mkdirs(AT_FDCWD, BOX_ROOT "/bin", 0755) == 0);
    cr_assert(mkdir(BOX_ROOT "/etc", 0755) == 0);
    cr_assert(mkdir("/mnt/run", 0700) == 0);
    copy_busybox();
}

void box_open(struct box *box)
{
    memset(box, 0, sizeof(*box));
    make_root();
    (void)snprintf(box->id, sizeof(box->id), "unit-%d", (int)getpid());
    box->spec = run_spec_new();
    cr_assert(run_spec_defaults(box->spec, &box->err) == 0, "%s", box->err.text);
    box->spec->hostname = keg_strdup("box");
    box->spec->root_path = keg_strdup(BOX_ROOT);
    cr_assert(keg_strv_add(&box->spec->process.env, "PATH=/nowhere:/bin") == 0);
    box->options = (struct run_options){
        .id = box->id,
        .rundir_fd = keg_openat(AT_FDCWD, "/mnt/run", O_RDONLY | O_DIRECTORY, 0),
        .rootfs_fd = -1,
        .die_with_parent = true,
    };
    cr_assert(box->options.rundir_fd >= 0);
}

void box_close(struct box *box)
{
    run_cleanup_spec(&box->spec);
    (void)close(box->options.rundir_fd);
}

void box_script(struct box *box, const char *script)
{
    keg_strv_free(TAKE_PTR(box->spec->process.args));
    keg_strv_add(&box->spec->process.args, "sh");
    keg_strv_add(&box->spec->process.args, "-c");
    keg_strv_add(&box->spec->process.args, script);
}

static void read_output(struct box *box, int fd)
{
    size_t length = 0;
    for (ssize_t n; length < sizeof(box->output) - 1; length += (size_t)n) {
        n = keg_read(fd, box->output + length, sizeof(box->output) - 1 - length);
        if (n <= 0)
            break;
    }
    box->output[length] = '\0';
}

static int start_and_wait(struct box *box, struct run_container *container, int output)
{
    int r = run_start(container, &box->err);
    if (r == 0) {
        /* A terminal's master ends with EIO, a pipe with 0. */
        int console = run_console_fd(container);
        read_output(box, console >= 0 ? console : output);
        r = run_wait(container, &box->exit, &box->err);
    }
    struct keg_err err = KEG_ERR_INIT;
    cr_assert(run_destroy(container, &err) == 0, "%s", err.text);
    return r == 0 ? keg_exit_code(box->exit.status) : r;
}

int box_run(struct box *box)
{
    int pipe_fds[2];
    struct run_container *container;
    _cleanup_fd_ int null = keg_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
    cr_assert(pipe2(pipe_fds, O_CLOEXEC) == 0);
    box->options.stdio_fds[0] = null;
    box->options.stdio_fds[1] = box->options.stdio_fds[2] = pipe_fds[1];
    int r = run_create(box->spec, &box->options, &container, &box->err);
    (void)close(pipe_fds[1]);
    if (r == 0)
        r = start_and_wait(box, container, pipe_fds[0]);
    (void)close(pipe_fds[0]);
    return r;
}

int box_run_script(struct box *box, const char *script)
{
    box_script(box, script);
    return box_run(box);
}

void box_forget(const int *calls, size_t count)
{
    struct sock_filter filter[32];
    unsigned short n = 0;
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0);
    for (size_t i = 0; i < count; i++) {
        filter[n++] =
            (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], 0, 1);
        filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
    }
    filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {n, filter};
    cr_assert(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
}

void box_forget_new_calls(void)
{
    static const int calls[] = {SYS_openat2,    SYS_fsopen,     SYS_fsconfig,      SYS_fsmount,
                                SYS_open_tree,  SYS_move_mount, SYS_mount_setattr, SYS_close_range,
                                SYS_pidfd_open, SYS_clone3};
    box_forget(calls, KEG_ARRAY_SIZE(calls));
}

void box_needs_mapped_mounts(void)
{
    struct run_id_maps maps = {0};
    struct keg_err err = KEG_ERR_INIT;
    int userns;
    cr_assert(run_id_maps_add(&maps, 0, 100000, 65536) == 0);
    cr_assert(run_user_namespace_make(&maps, &maps, &userns, &err) == 0, "%s", err.text);
    run_id_maps_done(&maps);
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, "/mnt", O_PATH | O_DIRECTORY, 0);
    _cleanup_fd_ int copy = mount_clone(fd, false);
    int r = copy < 0 ? copy : mount_map_ids(copy, userns, false, &err);
    (void)close(userns);
    if (r < 0)
        cr_skip_test("this kernel cannot map ids on a tmpfs: %s", err.text);
}
