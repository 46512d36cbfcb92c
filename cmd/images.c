/* SPDX-License-Identifier: Apache-2.0 */
/* keg images: docker's classic table of images. */
#include "cmd/cmd.h"
#include "cmd/common/describe.h"
#include "cmd/common/table.h"
#include "cmd/common/terminal.h"

#include <fnmatch.h>
#include <string.h>

struct images_options {
    bool all, quiet, digests, no_trunc;
    const char *format;
};

#define MEMBER(name) offsetof(struct images_options, name)
static const struct cmd_option images_options[] = {
    {.name = "all",
     .letter = 'a',
     .kind = CMD_FLAG,
     .help = "Show all images, also those whose tag moved to another",
     .offset = MEMBER(all)},
    {.name = "digests", .kind = CMD_FLAG, .help = "Show digests", .offset = MEMBER(digests)},
    {.name = "format",
     .kind = CMD_STRING,
     .value = "string",
     .help = "Output format; json is one object a line",
     .offset = MEMBER(format),
     .choices = "table|json"},
    {.name = "no-trunc",
     .kind = CMD_FLAG,
     .help = "Show whole ids, and names with their registry",
     .offset = MEMBER(no_trunc)},
    {.name = "quiet",
     .letter = 'q',
     .kind = CMD_FLAG,
     .help = "Show only image ids",
     .offset = MEMBER(quiet)},
    CMD_OPTIONS_END};
#undef MEMBER

/* One line, in words. */
struct row {
    char *repository;
    const char *tag, *digest; /* borrowed */
    char id[128];
    char since[64], created[64], size[32];
};

static void row_done(struct row *row)
{
    free(row->repository);
}

static char *repository_name(const struct store_image *image, bool whole)
{
    if (whole)
        return keg_asprintf("%s/%s", image->ref.host, image->ref.repository);
    return store_ref_familiar(&image->ref);
}

static int row_init(struct row *row, const struct store_image *image, bool whole,
                    struct keg_err *err)
{
    char short_id[CMD_ID_BYTES];
    cmd_short_id(image->id, short_id);
    snprintf(row->id, sizeof(row->id), "%s", whole ? image->id : short_id);
    row->tag = image->ref.tag ? image->ref.tag : "<none>";
    row->digest = image->digest;
    cmd_ago(image->created, keg_now(), row->since);
    cmd_local_time(image->created, row->created);
    keg_format_size(image->size_bytes, row->size);
    row->repository = repository_name(image, whole);
    return row->repository ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

/* ---------------------------------------------------------------------------- [REPOSITORY[:TAG]]
 */

/* docker's patterns: '*' and '?' stop at '/'; against the short name, with the tag where it has
 * one. */
static bool matches_pattern(const struct store_image *image, const char *pattern)
{
    _cleanup_free_ char *name = store_ref_familiar(&image->ref);
    _cleanup_free_ char *full =
        keg_asprintf("%s:%s", name ? name : "", image->ref.tag ? image->ref.tag : "<none>");
    if (!name || !full)
        return false;
    return fnmatch(pattern, name, FNM_PATHNAME) == 0 || fnmatch(pattern, full, FNM_PATHNAME) == 0;
}

static bool matches_ref(const struct store_image *image, const struct store_ref *wanted,
                        bool with_tag)
{
    if (!keg_streq(image->ref.host, wanted->host) ||
        !keg_streq(image->ref.repository, wanted->repository))
        return false;
    if (wanted->digest)
        return keg_streq(image->digest, wanted->digest) ||
               keg_streq(image->manifest, wanted->digest);
    return !with_tag || keg_streq(image->ref.tag, wanted->tag);
}

/* A colon behind the last slash: the one of a port stands before it. */
static bool has_tag(const char *name)
{
    const char *slash = strrchr(name, '/');
    return strchr(slash ? slash : name, ':') != NULL;
}

/* Which of ${images} does ${name} (NULL: all) ask for? ${keep} has one place for each. */
static int select_images(struct cmd_images *images, const char *name, bool *keep,
                         struct keg_err *err)
{
    struct store_ref wanted = STORE_REF_INIT;
    bool pattern = name && strpbrk(name, "*?[") != NULL;
    if (name && !pattern) {
        int code = store_ref_parse(name, &wanted, err);
        if (code < 0)
            return code;
    }
    for (size_t i = 0; i < images->count; i++) {
        if (!name)
            keep[i] = true;
        else if (pattern)
            keep[i] = matches_pattern(&images->items[i], name);
        else
            keep[i] = matches_ref(&images->items[i], &wanted, has_tag(name));
    }
    store_ref_done(&wanted);
    return 0;
}

/* -------------------------------------------------------------------------------------- printing
 */

static int print_json_row(const struct row *row, struct keg_err *err)
{
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "Containers", "N/A",
                  "CreatedAt", row->created, "CreatedSince", row->since, "Digest", row->digest,
                  "ID", row->id, "Repository", row->repository, "SharedSize", "N/A", "Size",
                  row->size, "Tag", row->tag, "UniqueSize", "N/A");
    return cmd_print_json(json, false, err);
}

static void add_row(struct cmd_table *table, const struct row *row, bool digests)
{
    const char *with[] = {row->repository, row->tag, row->digest, row->id, row->since, row->size};
    const char *without[] = {row->repository, row->tag, row->id, row->since, row->size};
    cmd_table_add(table, digests ? with : without);
}

static const struct cmd_column columns[] = {{"REPOSITORY", 16, false}, {"TAG", 8, false},
                                            {"IMAGE ID", 0, false},    {"CREATED", 0, true},
                                            {"SIZE", 0, false},        {NULL, 0, false}};
static const struct cmd_column columns_digests[] = {
    {"REPOSITORY", 16, false}, {"TAG", 8, false},  {"DIGEST", 20, false}, {"IMAGE ID", 0, false},
    {"CREATED", 0, true},      {"SIZE", 0, false}, {NULL, 0, false}};

static int print_image(const struct store_image *image, const struct images_options *options,
                       struct cmd_table *table, struct keg_err *err)
{
    _cleanup_(row_done) struct row row = {0};
    int code = row_init(&row, image, options->no_trunc, err);
    if (code < 0)
        return code;
    if (options->quiet)
        puts(row.id);
    else if (keg_streq(options->format, "json"))
        return print_json_row(&row, err);
    else
        add_row(table, &row, options->digests);
    return 0;
}

static int print_images(const struct cmd_images *images, const bool *keep,
                        const struct images_options *options, struct keg_err *err)
{
    _cleanup_(cmd_table_done) struct cmd_table table;
    bool untagged = options->all || options->digests;
    int code = 0;
    cmd_table_init(&table, options->digests ? columns_digests : columns);
    for (size_t i = 0; i < images->count && code == 0; i++)
        if (keep[i] && (untagged || !images->items[i].superseded))
            code = print_image(&images->items[i], options, &table, err);
    if (code < 0 || options->quiet || keg_streq(options->format, "json"))
        return code;
    unsigned width = options->no_trunc ? 0 : cmd_terminal_width(STDOUT_FILENO);
    return cmd_table_print(stdout, &table, width, err);
}

/* `docker images ls` looks for an image of that name, and users wonder. */
static void hint(const char *name, const struct cmd_images *images, const bool *keep)
{
    static const char *const words[] = {"ls", "list", "rm", "pull", "inspect"};
    for (size_t i = 0; i < images->count; i++)
        if (keep[i])
            return;
    for (size_t i = 0; name && i < KEG_ARRAY_SIZE(words); i++)
        if (keg_streq(name, words[i]))
            cmd_complain("images", name, "no such image; did you mean 'keg image %s'?", name);
}

static int list_images(struct store *store, const struct images_options *options, const char *name,
                       struct keg_err *err)
{
    _cleanup_(cmd_images_done) struct cmd_images images = {NULL, 0};
    int code = cmd_images_load("images", store, &images, err);
    if (code < 0)
        return code;
    _cleanup_free_ bool *keep = calloc(images.count + 1, sizeof(*keep));
    if (!keep)
        return keg_fail(err, -ENOMEM, "out of memory");
    code = select_images(&images, name, keep, err);
    if (code < 0)
        return code;
    code = print_images(&images, keep, options, err);
    hint(name, &images, keep);
    return code;
}

static int run_images(int argc, char **argv, const struct cmd_globals *globals)
{
    struct images_options options = {0};
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_store_ struct store *store = NULL;
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    int code = cmd_begin(&cmd_verb_images, argc, argv, &options, &args);
    if (code != CMD_GO_ON)
        return code;
    code = cmd_open_store("images", globals, &store);
    if (code != CMD_EXIT_OK)
        return code;
    if (list_images(store, &options, args.items[0], &err) < 0)
        return cmd_error("images", args.items[0], &err);
    return CMD_EXIT_OK;
}

const struct cmd_verb cmd_verb_images = {
    .name = "images",
    .aliases = "image ls, image list",
    .synopsis = "[OPTIONS] [REPOSITORY[:TAG]]",
    .summary = "List images",
    .examples = "keg images\n"
                "keg images busybox\n"
                "keg images 'ghcr.io/*/*:latest'\n"
                "keg images -q",
    .options = images_options,
    .max_args = 1,
    .run = run_images,
};
