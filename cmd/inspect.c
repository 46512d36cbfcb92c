/* SPDX-License-Identifier: Apache-2.0 */
/* keg inspect: all that is known of containers and images, as JSON. */
#include "cmd/inspect.h"

#include "cmd/cmd.h"
#include "cmd/common/terminal.h"

struct inspect_options {
    const char *type;
};

static const struct cmd_option inspect_options[] = {
    {.name = "type",
     .kind = CMD_STRING,
     .value = "string",
     .help = "Look only for objects of this type",
     .offset = offsetof(struct inspect_options, type),
     .choices = "container|image"},
    CMD_OPTIONS_END};

/* Return 0 with *ret, -ENOENT where there is none, or another negative code. */
static int find_container(struct store *store, const char *name, json_t **ret, struct keg_err *err)
{
    _cleanup_(store_container_done) struct store_container container = {0};
    int code = store_container_find(store, name, &container, err);
    return code < 0 ? code : inspect_container(store, &container, ret, err);
}

static int find_image(struct store *store, const char *name, json_t **ret, struct keg_err *err)
{
    _cleanup_(store_image_done) struct store_image image = {0};
    _cleanup_(cmd_images_done) struct cmd_images images = {NULL, 0};
    int code = store_image_find(store, name, &image, err);
    if (code == 0)
        code = cmd_images_load("inspect", store, &images, err);
    return code < 0 ? code : inspect_image(store, images.items, images.count, &image, ret, err);
}

/* As docker: a container of that name hides an image. */
static int find_object(struct store *store, const char *type, const char *name, json_t **ret,
                       struct keg_err *err)
{
    int code = -ENOENT;
    if (!keg_streq(type, "image"))
        code = find_container(store, name, ret, err);
    if (code == -ENOENT && !keg_streq(type, "container"))
        code = find_image(store, name, ret, err);
    /* What cannot be a name of an image is none. */
    struct store_ref ref = STORE_REF_INIT;
    if (code == -EINVAL && store_ref_parse(name, &ref, NULL) < 0)
        return -ENOENT;
    store_ref_done(&ref);
    return code;
}

/* Complaints come after the array on standard output, in docker's words. */
static int complain(const char *type, const char *name, int code, const struct keg_err *err)
{
    if (code != -ENOENT)
        return cmd_error("inspect", name, err);
    char line[KEG_ERR_TEXT_BYTES];
    snprintf(line, sizeof(line), "Error: No such %s: %s", type ? type : "object", name);
    cmd_text_blunt(line);
    fprintf(stderr, "%s\n", line);
    return CMD_EXIT_MISSING;
}

struct failure {
    const char *name;
    int code;
    struct keg_err err;
};

static int inspect_all(struct store *store, const char *type, const struct cmd_args *args)
{
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_free_ struct failure *failures = calloc(args->count, sizeof(*failures));
    json_t *array = json_array();
    size_t failed = 0;
    int code = CMD_EXIT_OK;
    if (!failures || !array)
        return cmd_complain("inspect", NULL, "out of memory");
    for (size_t i = 0; i < args->count; i++) {
        json_t *object = NULL;
        struct failure *failure = &failures[failed];
        failure->name = args->items[i];
        failure->code = find_object(store, type, failure->name, &object, &failure->err);
        if (failure->code < 0)
            failed++;
        else
            json_array_append_new(array, object);
    }
    if (cmd_print_json(array, true, &err) < 0)
        return cmd_error("inspect", NULL, &err);
    fflush(stdout);
    for (size_t i = 0; i < failed; i++)
        code = cmd_exit_combine(
            code, complain(type, failures[i].name, failures[i].code, &failures[i].err));
    return code;
}

static int run_inspect(int argc, char **argv, const struct cmd_globals *globals)
{
    /* `keg image inspect` looks for images only. */
    struct inspect_options options = {.type = globals->noun};
    _cleanup_store_ struct store *store = NULL;
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    int code = cmd_begin(&cmd_verb_inspect, argc, argv, &options, &args);
    if (code != CMD_GO_ON)
        return code;
    code = cmd_enter_store("inspect", globals, NULL, &store);
    if (code != CMD_EXIT_OK)
        return code;
    cmd_sweep(store);
    return inspect_all(store, options.type, &args);
}

const struct cmd_verb cmd_verb_inspect = {
    .name = "inspect",
    .aliases = "container inspect, image inspect",
    .synopsis = "[OPTIONS] NAME|ID [NAME|ID...]",
    .summary = "Print all that is known of containers and images, as JSON",
    .options = inspect_options,
    .min_args = 1,
    .max_args = CMD_ARGS_ANY,
    .run = run_inspect,
};
