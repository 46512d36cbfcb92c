/* SPDX-License-Identifier: Apache-2.0 */
/* keg rmi: take names from images, and remove what nobody needs then. */
#include "cmd/cmd.h"
#include "cmd/common/describe.h"

#include <string.h>

struct rmi_options {
    bool force;
};

static const struct cmd_option rmi_options[] = {
    {.name = "force",
     .letter = 'f',
     .kind = CMD_FLAG,
     .help = "Remove all names of an image given by id, and names whose image a stopped container "
             "uses",
     .offset = offsetof(struct rmi_options, force)},
    CMD_OPTIONS_END};

/* One argument being worked on. */
struct removal {
    struct store *store;
    const struct rmi_options *options;
    struct store_image image; /* that the argument found */
    bool by_tag;              /* the argument was that very name of it */
    struct cmd_images images; /* all there are */
    struct cmd_containers containers;
};

static void removal_done(struct removal *removal)
{
    store_image_done(&removal->image);
    cmd_images_done(&removal->images);
    cmd_containers_done(&removal->containers);
}

/* A name with a tag takes away that tag; a digest, an id or the beginning of one mean the image. */
static bool names_a_tag(const char *name, const struct store_image *image)
{
    _cleanup_(store_ref_done) struct store_ref ref = STORE_REF_INIT;
    if (store_ref_parse(name, &ref, NULL) < 0 || ref.digest)
        return false;
    return keg_streq(ref.host, image->ref.host) &&
           keg_streq(ref.repository, image->ref.repository) && keg_streq(ref.tag, image->ref.tag);
}

static int removal_init(struct removal *removal, const char *name, struct keg_err *err)
{
    int code = store_image_find(removal->store, name, &removal->image, err);
    if (code == 0)
        code = cmd_images_load("rmi", removal->store, &removal->images, err);
    if (code == 0)
        code = cmd_containers_load(removal->store, &removal->containers, err);
    if (code == 0)
        removal->by_tag = names_a_tag(name, &removal->image);
    return code;
}

static bool same_repository(const struct store_image *a, const struct store_image *b)
{
    return keg_streq(a->ref.host, b->ref.host) && keg_streq(a->ref.repository, b->ref.repository);
}

/* Does ${image}, one of all, go with the argument, once nothing forbids it? */
static bool goes(const struct removal *removal, const struct store_image *image)
{
    const struct store_image *wanted = &removal->image;
    if (!keg_streq(image->id, wanted->id))
        return false;
    if (!removal->by_tag)
        return true;
    /* The digest that a tag was pulled by, alone, is no name that anybody gave. */
    if (same_repository(image, wanted) && !image->ref.tag)
        return keg_streq(image->digest, wanted->digest);
    return same_repository(image, wanted) && keg_streq(image->ref.tag, wanted->ref.tag);
}

/* How many names the image has, and how many of them stay. */
static void count_names(const struct removal *removal, size_t *ret_tags, size_t *ret_staying)
{
    *ret_tags = *ret_staying = 0;
    for (size_t i = 0; i < removal->images.count; i++) {
        const struct store_image *image = &removal->images.items[i];
        if (!keg_streq(image->id, removal->image.id))
            continue;
        *ret_tags += image->ref.tag != NULL;
        *ret_staying += !goes(removal, image);
    }
}

/* A container that needs the image, a running one before others, or NULL. */
static const struct store_container *user_of(const struct removal *removal)
{
    const struct store_container *found = NULL;
    for (size_t i = 0; i < removal->containers.count; i++) {
        const struct store_container *container = &removal->containers.items[i];
        if (!keg_streq(container->image_id, removal->image.id))
            continue;
        if (container->status == STORE_RUNNING)
            return container;
        found = found ? found : container;
    }
    return found;
}

/* In docker's words, which scripts and search engines know. */
static int fail_in_use(const struct removal *removal, const struct store_container *user,
                       const char *name, struct keg_err *err)
{
    char image[CMD_ID_BYTES], container[CMD_ID_BYTES];
    cmd_short_id(removal->image.id, image);
    cmd_short_id(user->id, container);
    if (removal->by_tag)
        return keg_fail(err, -EBUSY,
                        "conflict: unable to remove repository reference \"%s\" (must force) - "
                        "container %s is using its referenced image %s",
                        name, container, image);
    if (user->status == STORE_RUNNING)
        return keg_fail(err, -EBUSY,
                        "conflict: unable to delete %s (cannot be forced) - image is being used by "
                        "running container %s",
                        image, container);
    return keg_fail(err, -EBUSY,
                    "conflict: unable to delete %s (must be forced) - image is being used by "
                    "stopped container %s",
                    image, container);
}

static int check_removal(const struct removal *removal, const char *name, struct keg_err *err)
{
    size_t tags, staying;
    char id[CMD_ID_BYTES];
    count_names(removal, &tags, &staying);
    const struct store_container *user = user_of(removal);
    bool forced = removal->options->force;
    cmd_short_id(removal->image.id, id);
    if (!removal->by_tag && tags > 1 && !forced)
        return keg_fail(err, -EBUSY,
                        "conflict: unable to delete %s (must be forced) - image is referenced by "
                        "%zu tags",
                        id, tags);
    if (!user || staying > 0)
        return 0;
    if (forced && (removal->by_tag || user->status != STORE_RUNNING))
        return 0;
    return fail_in_use(removal, user, name, err);
}

/* Will "repository@digest" of name ${index} still find something once that name is gone? */
static bool digest_stays(const struct removal *removal, size_t index)
{
    const struct store_image *image = &removal->images.items[index];
    for (size_t i = 0; i < removal->images.count; i++) {
        const struct store_image *other = &removal->images.items[i];
        bool there = i > index || !goes(removal, other); /* names go in the order of the list */
        if (i != index && there && same_repository(other, image) &&
            keg_streq(other->digest, image->digest))
            return true;
    }
    return false;
}

static void print_untagged(const struct store_image *image, bool by_digest)
{
    struct store_ref shown = image->ref;
    shown.tag = by_digest ? NULL : image->ref.tag;
    shown.digest = by_digest ? image->digest : NULL;
    _cleanup_free_ char *name = store_ref_string(&shown, true);
    printf("Untagged: %s\n", name ? name : image->digest);
}

static int untag(const struct removal *removal, size_t index, struct keg_err *err)
{
    const struct store_image *image = &removal->images.items[index];
    int code = store_image_untag(removal->store, image, err);
    if (code < 0)
        return code;
    if (image->ref.tag)
        print_untagged(image, false);
    if (!digest_stays(removal, index))
        print_untagged(image, true);
    return 0;
}

/* Digests stay as long as another tag of the same image does: it may have been pulled by the same
 * one. */
static bool only_tag(const struct removal *removal)
{
    for (size_t i = 0; i < removal->images.count; i++) {
        const struct store_image *image = &removal->images.items[i];
        if (image->ref.tag && keg_streq(image->id, removal->image.id) && !goes(removal, image))
            return false;
    }
    return true;
}

static int remove_image(struct removal *removal, const char *name, struct keg_err *err)
{
    int code = removal_init(removal, name, err);
    if (code == 0)
        code = check_removal(removal, name, err);
    bool digests = code == 0 && only_tag(removal);
    for (size_t i = 0; i < removal->images.count && code == 0; i++) {
        const struct store_image *image = &removal->images.items[i];
        if (goes(removal, image) && (image->ref.tag || digests))
            code = untag(removal, i, err);
    }
    return code;
}

static int exit_code_of(int code, bool force)
{
    if (code == -ENOENT)
        return force ? CMD_EXIT_OK : CMD_EXIT_MISSING;
    return code == -EBUSY ? CMD_EXIT_IN_USE : CMD_EXIT_FAILED;
}

static int remove_argument(struct store *store, const struct rmi_options *options, const char *name,
                           bool *any)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_(removal_done) struct removal removal = {.store = store, .options = options};
    int code = remove_image(&removal, name, &err);
    if (code >= 0) {
        *any = true;
        return CMD_EXIT_OK;
    }
    cmd_error("rmi", name, &err);
    return exit_code_of(code, options->force);
}

static void print_deleted(void *context, const char *digest)
{
    (void)context;
    printf("Deleted: %s\n", digest);
}

/* ${any}: something was untagged. If not, what cannot be cleaned up now is not what the user asked
 * for. */
static int collect_unneeded(struct store *store, bool any)
{
    struct keg_err err = KEG_ERR_INIT;
    int code = store_collect(store, print_deleted, NULL, &err);
    if (!any)
        return CMD_EXIT_OK;
    if (code < 0)
        return cmd_error("rmi", NULL, &err);
    if (code > 0)
        cmd_warn("rmi", "another keg is pulling or starting: a later keg rmi frees the space");
    return CMD_EXIT_OK;
}

static int run_rmi(int argc, char **argv, const struct cmd_globals *globals)
{
    struct rmi_options options = {0};
    _cleanup_store_ struct store *store = NULL;
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    int code = cmd_begin(&cmd_verb_rmi, argc, argv, &options, &args);
    if (code != CMD_GO_ON)
        return code;
    code = cmd_enter_store("rmi", globals, NULL, &store);
    if (code != CMD_EXIT_OK)
        return code;
    cmd_ignore_sigpipe();
    cmd_sweep(store);
    bool any = false;
    for (size_t i = 0; i < args.count; i++)
        code = cmd_exit_combine(code, remove_argument(store, &options, args.items[i], &any));
    return cmd_exit_combine(code, collect_unneeded(store, any));
}

const struct cmd_verb cmd_verb_rmi = {
    .name = "rmi",
    .aliases = "image rm, image remove",
    .synopsis = "[OPTIONS] IMAGE [IMAGE...]",
    .summary = "Remove images",
    .description =
        "An IMAGE is a name, an id or the beginning of one. Layers and blobs that no other "
        "image and no container needs are deleted. The exit code is 1 where an image did "
        "not exist, 2 where one is in use, and 125 for other or several kinds of failure.",
    .options = rmi_options,
    .min_args = 1,
    .max_args = CMD_ARGS_ANY,
    .run = run_rmi,
};
