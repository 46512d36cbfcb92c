/* SPDX-License-Identifier: Apache-2.0 */
/* The stack of folders that leads to the next entry. */
#include "unpack/parents.h"

#include "unpack/whiteout.h"

#include <search.h>
#include <string.h>

/* Of deeper stacks the upper folders are closed and opened again when they are left: layers unpack
 * in parallel, and 1024 fds are all that a process has by default. */
#define OPEN_FRAMES_MAX 64

/* A layer of deep names could otherwise fill memory: 512 paths of 2 KiB for one entry. Layers of
 * distributions imply a few dozen folders. */
#define IMPLIED_MAX_BYTES (64u * 1024 * 1024)

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int remember_implied(struct unpack_parents *parents, const char *path, struct keg_err *err)
{
    size_t cost = strlen(path) + 1 + 8 * sizeof(void *);
    if (parents->implied_bytes + cost > IMPLIED_MAX_BYTES)
        return keg_fail(err, -EFBIG,
                        "the layer implies more folders than %u bytes hold the names of",
                        IMPLIED_MAX_BYTES);
    _cleanup_free_ char *copy = keg_strdup(path);
    char **node = copy ? tsearch(copy, &parents->implied, compare_names) : NULL;
    if (!node)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (*node != copy)
        return 0;
    copy = NULL; /* the tree has it */
    parents->implied_count++;
    parents->implied_bytes += cost;
    return 0;
}

int unpack_parents_init(struct unpack_parents *parents, int rootfd, struct keg_err *err)
{
    *parents = (struct unpack_parents){.depth = 0, .frames[0].fd = -1};
    int fd = fcntl(rootfd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return keg_fail_errno(err, "duplicate the layer's fd");
    struct stat st;
    parents->frames[0] = (struct unpack_frame){.fd = fd};
    parents->depth = 1;
    if (fstat(fd, &st) < 0 || fchmod(fd, 0755) < 0)
        return keg_fail_errno(err, "prepare the layer's folder");
    parents->frames[0].times[0] = st.st_atim;
    parents->frames[0].times[1] = st.st_mtim;
    return remember_implied(parents, ".", err);
}

static void close_frame(struct unpack_frame *frame)
{
    if (frame->fd >= 0)
        close(frame->fd);
    free(frame->name);
    *frame = (struct unpack_frame){.fd = -1};
}

void unpack_parents_done(struct unpack_parents *parents)
{
    while (parents->depth > 0)
        close_frame(&parents->frames[--parents->depth]);
    tdestroy(parents->implied, free);
    parents->implied = NULL;
}

struct unpack_frame *unpack_parents_top(struct unpack_parents *parents)
{
    return &parents->frames[parents->depth - 1];
}

int unpack_open_folder(int dirfd, const char *name)
{
    return keg_openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
}

static int restore_times(struct unpack_frame *frame, struct keg_err *err)
{
    if (!frame->changed)
        return 0;
    frame->changed = false;
    if (futimens(frame->fd, frame->times) < 0)
        return keg_fail_errno(err, "set the times of the folder '%s'",
                              frame->name ? frame->name : ".");
    return 0;
}

/* Open the top frame again, which was closed to save fds. */
static int reopen_top(struct unpack_parents *parents, struct keg_err *err)
{
    struct unpack_frame *top = unpack_parents_top(parents);
    if (top->fd >= 0)
        return 0;
    struct keg_buf path = keg_buf_init(KEG_TAR_PATH_MAX_BYTES);
    for (size_t i = 1; i < parents->depth; i++)
        keg_buf_printf(&path, "%s%s", i > 1 ? "/" : "", parents->frames[i].name);
    int r = keg_buf_ok(&path, err, "path");
    if (r == 0) {
        top->fd = keg_open_beneath(parents->frames[0].fd, path.data, O_RDONLY | O_DIRECTORY, 0);
        if (top->fd < 0)
            r = keg_fail(err, top->fd, "open the folder '%s' again: %s", path.data,
                         keg_errno_text(top->fd));
    }
    keg_buf_done(&path);
    return r;
}

static int leave_to(struct unpack_parents *parents, size_t depth, struct keg_err *err)
{
    while (parents->depth > depth) {
        /* What was only walked through needs no fd to be left. */
        if (unpack_parents_top(parents)->changed) {
            int r = reopen_top(parents, err);
            if (r == 0)
                r = restore_times(unpack_parents_top(parents), err);
            if (r < 0)
                return r;
        }
        close_frame(unpack_parents_top(parents));
        parents->depth--;
    }
    return reopen_top(parents, err);
}

static void push_frame(struct unpack_parents *parents, char *name, int fd,
                       const struct timespec times[2], bool changed)
{
    struct unpack_frame *frame = &parents->frames[parents->depth++];
    *frame = (struct unpack_frame){
        .name = name, .fd = fd, .changed = changed, .times = {times[0], times[1]}};
    if (parents->depth <= OPEN_FRAMES_MAX)
        return;
    struct unpack_frame *far = &parents->frames[parents->depth - OPEN_FRAMES_MAX];
    if (far->fd >= 0)
        close(far->fd);
    far->fd = -1;
}

int unpack_parents_push(struct unpack_parents *parents, const char *name, int fd,
                        const struct timespec times[2], struct keg_err *err)
{
    char *copy = keg_strdup(name);
    if (!copy)
        return keg_fail(err, -ENOMEM, "out of memory");
    push_frame(parents, copy, fd, times, true);
    return 0;
}

/* Make a folder that the layer implies; where a whiteout of this layer stands, in its place and
 * opaque. Then it is new here, and has nothing to take from below. */
static int make_implied(struct unpack_parents *parents, const struct unpack_path *path, size_t i,
                        bool over_whiteout, struct keg_err *err)
{
    struct unpack_frame *top = unpack_parents_top(parents);
    const char *name = unpack_path_part(path, i);
    top->changed = true;
    if (over_whiteout && unlinkat(top->fd, name, 0) < 0)
        return keg_fail_errno(err, "replace the whiteout '%s'", name);
    if (mkdirat(top->fd, name, 0755) < 0)
        return keg_fail_errno(err, "make its folder '%s'", name);
    _cleanup_fd_ int fd = unpack_open_folder(top->fd, name);
    if (fd < 0)
        return keg_fail(err, fd, "open its folder '%s': %s", name, keg_errno_text(fd));
    if (fchmod(fd, 0755) < 0) /* whatever the umask is */
        return keg_fail_errno(err, "set the mode of its folder '%s'", name);
    int r = over_whiteout ? unpack_set_opaque(fd) : 0;
    if (r < 0)
        return keg_fail(err, r, "make its folder '%s' opaque: %s", name, keg_errno_text(r));
    if (over_whiteout)
        return 0;
    char text[KEG_TAR_PATH_MAX_BYTES];
    unpack_path_join(path, i + 1, text);
    return remember_implied(parents, text, err);
}

/* Component ${i} could not be opened as a folder: ${code} says why. Make it, or say what it is. */
static int make_missing(struct unpack_parents *parents, const struct unpack_path *path, size_t i,
                        int code, struct keg_err *err)
{
    const char *name = unpack_path_part(path, i);
    if (code == -ENOENT)
        return make_implied(parents, path, i, false, err);
    struct stat st;
    if (code != -ENOTDIR && code != -ELOOP)
        return keg_fail(err, code, "open its folder '%s': %s", name, keg_errno_text(code));
    if (fstatat(unpack_parents_top(parents)->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return keg_fail_errno(err, "stat '%s'", name);
    if (unpack_is_whiteout(&st))
        return make_implied(parents, path, i, true, err);
    return keg_fail(err, -EBADMSG, "its folder '%s' is a %s in this layer", name,
                    S_ISLNK(st.st_mode) ? "symbolic link" : "file");
}

static int enter_part(struct unpack_parents *parents, const struct unpack_path *path, size_t i,
                      struct keg_err *err)
{
    const char *name = unpack_path_part(path, i);
    int top = unpack_parents_top(parents)->fd;
    _cleanup_fd_ int fd = unpack_open_folder(top, name);
    if (fd < 0) {
        int r = make_missing(parents, path, i, fd, err);
        if (r < 0)
            return r;
        fd = unpack_open_folder(top, name);
    }
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return keg_fail_errno(err, "open its folder '%s'", name);
    char *copy = keg_strdup(name);
    if (!copy)
        return keg_fail(err, -ENOMEM, "out of memory");
    push_frame(parents, copy, TAKE_FD(fd), (struct timespec[2]){st.st_atim, st.st_mtim}, false);
    return 0;
}

int unpack_parents_enter(struct unpack_parents *parents, const struct unpack_path *path,
                         size_t count, struct keg_err *err)
{
    size_t common = 0;
    while (common < count && common + 1 < parents->depth &&
           keg_streq(parents->frames[common + 1].name, unpack_path_part(path, common)))
        common++;
    int r = leave_to(parents, common + 1, err);
    for (size_t i = common; r == 0 && i < count; i++)
        r = enter_part(parents, path, i, err);
    return r;
}

void unpack_parents_named(struct unpack_parents *parents, const struct unpack_path *path)
{
    if (parents->implied_count == 0)
        return;
    char text[KEG_TAR_PATH_MAX_BYTES];
    unpack_path_join(path, path->count, text);
    char **node = tfind(text, &parents->implied, compare_names);
    if (!node)
        return;
    char *found = *node;
    tdelete(text, &parents->implied, compare_names);
    parents->implied_bytes -= strlen(found) + 1 + 8 * sizeof(void *);
    parents->implied_count--;
    free(found);
}

int unpack_parents_leave_all(struct unpack_parents *parents, struct keg_err *err)
{
    int r = leave_to(parents, 1, err);
    return r == 0 ? restore_times(&parents->frames[0], err) : r;
}

struct collect {
    char **strings;
    size_t count;
    bool failed;
};

static void collect_name(const void *node, VISIT visit, void *closure)
{
    struct collect *all = closure;
    if (visit != postorder &&
        visit != leaf) /* tsearch(3): "postorder" is what others call in-order */
        return;
    char *copy = keg_strdup(*(char *const *)node);
    all->failed |= copy == NULL;
    if (copy)
        all->strings[all->count++] = copy;
}

int unpack_parents_take_implied(const struct unpack_parents *parents, char ***ret)
{
    struct collect all = {.strings = calloc(parents->implied_count + 1, sizeof(char *))};
    if (!all.strings)
        return -ENOMEM;
    twalk_r(parents->implied, collect_name, &all);
    if (all.failed) {
        keg_strv_free(all.strings);
        return -ENOMEM;
    }
    *ret = all.strings;
    return 0;
}
