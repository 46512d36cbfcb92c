/* SPDX-License-Identifier: Apache-2.0 */
/* A container's state as state and list show it. */
#include "cmd/runtime/shown.h"

#include <sys/stat.h>

/* Who made the container made its folder. */
static int add_owner(const struct runtime_folder *folder, json_t *state, struct keg_err *err)
{
    struct stat st;
    char text[16];
    if (fstat(folder->fd, &st) < 0)
        return keg_fail_errno(err, "container '%s'", folder->id);
    snprintf(text, sizeof(text), "%u", st.st_uid);
    json_t *owner = json_string(st.st_uid == 0 ? "root" : text);
    return json_object_set_new(state, "owner", owner) < 0 ? keg_fail(err, -ENOMEM, "out of memory")
                                                          : 0;
}

static int complete(const struct runtime_folder *folder, json_t *state, struct keg_err *err)
{
    if (!json_object_get(state, "pid") && json_object_set_new(state, "pid", json_integer(0)) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    return add_owner(folder, state, err);
}

json_t *runtime_state_read(const struct runtime *runtime, const char *id, struct keg_err *err)
{
    _cleanup_(runtime_folder_done) struct runtime_folder folder = RUNTIME_FOLDER_INIT;
    _cleanup_(runtime_cleanup_container) struct run_container *container = NULL;
    _cleanup_buf_ struct keg_buf text = keg_buf_init(KEG_SPEC_MAX_BYTES);
    int r = runtime_open(runtime, id, &folder, &container, err);
    if (r == 0)
        r = run_state_write(container, &text, err);
    if (r < 0)
        return NULL;
    _cleanup_json_ json_t *state = keg_json_parse(text.data, text.length, err);
    if (!state || complete(&folder, state, err) < 0)
        return NULL;
    return TAKE_PTR(state);
}
