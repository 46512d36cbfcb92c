/* SPDX-License-Identifier: Apache-2.0 */
/* A store in memory for each test, and things to put into it. */
#include "scratch.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct store *store;
char scratch[64];

void scratch_up(void)
{
    char root[96], run[96];

    memcpy(scratch, "/dev/shm/keg-store-XXXXXX", 26);
    cr_assert(mkdtemp(scratch));
    snprintf(root, sizeof(root), "%s/root", scratch);
    snprintf(run, sizeof(run), "%s/run", scratch);
    ok(store_open(root, run, &store, &err));
}

void scratch_down(void)
{
    _cleanup_fd_ int shm = keg_openat(AT_FDCWD, "/dev/shm", O_RDONLY | O_DIRECTORY, 0);

    store_close(store);
    cr_expect_eq(keg_remove_tree(shm, scratch + sizeof("/dev/shm/") - 1), 0);
}

char *digest_of(char hex_digit)
{
    char *digest = malloc(72);

    cr_assert(digest);
    memcpy(digest, "sha256:", 7);
    memset(digest + 7, hex_digit, 64);
    digest[71] = '\0';
    return digest;
}

static void full_path(const char *path, char full[static 512])
{
    snprintf(full, 512, "%s/%s", scratch, path);
}

void plant(const char *path, const char *text)
{
    char full[512];
    char *slash;
    int fd;

    full_path(path, full);
    slash = strrchr(full, '/');
    *slash = '\0';
    cr_assert_eq(keg_mkdirs(AT_FDCWD, full, 0700), 0);
    *slash = '/';
    fd = keg_openat(AT_FDCWD, full, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert(fd >= 0);
    cr_assert_eq(keg_write_all(fd, text, strlen(text)), 0);
    close(fd);
}

bool there(const char *path)
{
    char full[512];

    full_path(path, full);
    return faccessat(AT_FDCWD, full, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

char *slurp(const char *path)
{
    struct keg_buf buf;
    char full[512];

    full_path(path, full);
    ok(keg_read_file(AT_FDCWD, full, 1 << 24, &buf, &err));
    return keg_buf_take(&buf);
}

size_t count_entries(const char *path)
{
    _cleanup_dir_ DIR *dir = NULL;
    struct dirent *entry;
    size_t count = 0;
    char full[512];

    full_path(path, full);
    dir = opendir(full);
    while (dir && (entry = readdir(dir)))
        count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
    return count;
}

struct store_image make_image(const char *reference, char hex_digit)
{
    struct store_image image = {0};
    _cleanup_free_ char *digest = digest_of(hex_digit);

    ok(store_ref_parse(reference, &image.ref, &err));
    image.digest = digest_of(hex_digit);
    image.manifest = digest_of(hex_digit);
    image.id = digest_of(hex_digit);
    image.media_type = keg_strdup("application/vnd.oci.image.manifest.v1+json");
    image.platform.os = keg_strdup("linux");
    image.platform.architecture = keg_strdup("amd64");
    keg_strv_add(&image.layers, digest);
    keg_strv_add(&image.blobs, digest);
    image.size_bytes = 4430000;
    image.created.tv_sec = 1700000000 + hex_digit;
    image.pulled = (struct timespec){1800000000, 5};
    return image;
}

void put_image(const char *reference, char hex_digit)
{
    _cleanup_(store_image_done) struct store_image image = make_image(reference, hex_digit);

    ok(store_image_put(store, &image, &err));
}

void put_layer(char hex_digit)
{
    _cleanup_(store_layer_done) struct store_layer layer = {.chain_id = digest_of(hex_digit),
                                                            .diff_id = digest_of(hex_digit)};
    struct store_layer_writer *writer = NULL;

    ok(store_layer_writer_new(store, &writer, &err));
    ok(store_layer_writer_commit(writer, &layer, &err));
    store_layer_writer_free(writer);
}

struct store_container make_container(char hex_digit, const char *name)
{
    struct store_container container = {0};
    _cleanup_free_ char *digest = digest_of(hex_digit);

    container.id = keg_strdup(digest + 7);
    container.name = keg_strdup(name);
    container.image_name = keg_strdup("busybox");
    container.image_id = digest_of(hex_digit);
    keg_strv_add(&container.layers, digest);
    keg_strv_add(&container.command, "sh");
    keg_strv_add(&container.command, "-c");
    keg_strv_add(&container.command, "echo hi");
    container.created.tv_sec = 1700000000 + hex_digit;
    return container;
}

void put_dead_container(char hex_digit, const char *name)
{
    _cleanup_(store_container_done) struct store_container container =
        make_container(hex_digit, name);
    _cleanup_fd_ int dir = -1;
    _cleanup_fd_ int lock = -1;

    ok(store_container_create(store, &container, &dir, &lock, &err));
}

pid_t start_endless(void (*fn)(void))
{
    pid_t parent = getpid();
    pid_t pid = fork();

    cr_assert(pid >= 0);
    if (pid > 0)
        return pid;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
        _exit(1);
    for (;;)
        fn();
}

void stop(pid_t pid)
{
    int status = 0;

    cr_assert_eq(kill(pid, SIGKILL), 0);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_expect(WIFSIGNALED(status), "the child ended by itself");
}
