/* SPDX-License-Identifier: Apache-2.0 */
/* config.json -> struct run_spec: the document itself, root, mounts, annotations (config.md). */
#include "run/spec_read.h"

#include <stddef.h>
#include <string.h>

/* The kernel's __NEW_UTS_LEN. */
#define UTS_NAME_MAX_BYTES 64

/* SemVer: all of version 1 can be read, since unknown members are ignored. */
static int read_version(const struct spec_node *node, void *ret)
{
    (void)ret;
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    size_t major = strspn(text, "0123456789");
    const char *minor = text + major + (text[major] == '.');
    size_t minor_length = strspn(minor, "0123456789");
    const char *patch = minor + minor_length + (minor[minor_length] == '.');
    size_t patch_length = strspn(patch, "0123456789");
    char behind = patch[patch_length];
    if (minor == text + major || minor_length == 0 || patch == minor + minor_length ||
        patch_length == 0 || (behind != '\0' && behind != '-' && behind != '+'))
        return spec_fail(node, "'%s' is no version such as 1.2.0", text);
    if (major != 1 || *text != '1')
        return spec_fail(node, "version %s is not supported, 1.x is", text);
    return 0;
}

static int read_uts_name(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    if (strlen(text) > UTS_NAME_MAX_BYTES)
        return spec_fail(node, "longer than %d bytes", UTS_NAME_MAX_BYTES);
    return spec_text(node, ret);
}

static int read_root_path(const struct spec_node *node, void *ret)
{
    int r = spec_text(node, ret);
    return r < 0 || *(char **)ret ? r : spec_fail(node, "empty");
}

static int read_root(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"path", read_root_path, offsetof(struct run_spec, root_path), true},
        {"readonly", spec_bool, offsetof(struct run_spec, root_readonly), false},
    };
    return SPEC_FIELDS(node, fields, ret);
}

/* config.md allows a relative one for the sake of old tools: it is relative to "/". */
static int read_destination(const struct spec_node *node, void *ret)
{
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r < 0)
        return r;
    if (!*text)
        return spec_fail(node, "empty");
    char *path = keg_asprintf("%s%s", *text == '/' ? "" : "/", text);
    if (!path)
        return spec_out_of_memory(node);
    *(char **)ret = path;
    return 0;
}

static int read_mount(const struct spec_node *node, void *ret)
{
    static const struct spec_field fields[] = {
        {"destination", read_destination, offsetof(struct run_mount, destination), true},
        {"type", spec_text, offsetof(struct run_mount, type), false},
        {"source", spec_text, offsetof(struct run_mount, source), false},
        {"options", spec_texts, offsetof(struct run_mount, options), false},
        {"uidMappings", spec_read_id_maps, offsetof(struct run_mount, uid_maps), false},
        {"gidMappings", spec_read_id_maps, offsetof(struct run_mount, gid_maps), false},
    };
    const struct run_mount *mount = ret;
    int r = SPEC_FIELDS(node, fields, ret);
    if (r >= 0 && (mount->uid_maps.count > 0) != (mount->gid_maps.count > 0))
        return spec_fail(node, "one of uidMappings and gidMappings without the other");
    return r;
}

static int read_mounts(const struct spec_node *node, void *ret)
{
    struct run_spec *spec = ret;
    return spec_list(node, sizeof(*spec->mounts), read_mount, (void **)&spec->mounts,
                     &spec->mounts_count);
}

/* In memory a name ends at '='. The spec sets names no bounds but not to be empty, and a runtime is
 * not to stumble over one that it does not know. */
static int add_annotation(const struct spec_node *node, void *ret)
{
    if (!*node->key)
        return spec_fail(node->parent, "an annotation without a name");
    const char *text = NULL;
    int r = spec_string(node, &text);
    if (r >= 0 && strchr(node->key, '='))
        return spec_warn(node->parent, "the annotation '%s' is ignored: '=' in its name",
                         node->key);
    return r < 0 ? r : spec_add_pair(node, ret);
}

static int read_annotations(const struct spec_node *node, void *ret)
{
    return spec_each_member(node, add_annotation, ret);
}

static int read_spec(const struct spec_node *node, struct run_spec *spec)
{
    static const struct spec_field fields[] = {
        {"ociVersion", read_version, 0, true},
        {"root", read_root, 0, true},
        {"mounts", read_mounts, 0, false},
        {"process", spec_read_process, offsetof(struct run_spec, process), false},
        {"hostname", read_uts_name, offsetof(struct run_spec, hostname), false},
        {"domainname", read_uts_name, offsetof(struct run_spec, domainname), false},
        {"hooks", spec_read_hooks, offsetof(struct run_spec, hooks), false},
        {"annotations", read_annotations, offsetof(struct run_spec, annotations), false},
        /* Last: seccomp asks for the capabilities. */
        {"linux", spec_read_linux, 0, false},
    };
    return SPEC_FIELDS(node, fields, spec);
}

int run_spec_parse(const char *text, size_t length, struct run_spec **ret, char ***ret_warnings,
                   struct keg_err *err)
{
    struct spec_document document;
    int r = spec_document_parse(text, length, ret_warnings, &document, err);
    if (r < 0)
        return r;
    struct spec_node root = spec_document_root(&document);
    _cleanup_(run_cleanup_spec) struct run_spec *spec = run_spec_new();
    r = spec ? read_spec(&root, spec) : spec_out_of_memory(&root);
    spec_document_done(&document);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(spec);
    return 0;
}

int run_spec_read(int dirfd, const char *path, struct run_spec **ret, char ***ret_warnings,
                  struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf text = {0};
    int r = keg_read_file(dirfd, path, KEG_SPEC_MAX_BYTES, &text, err);
    if (r < 0)
        return r;
    r = run_spec_parse(text.data, text.length, ret, ret_warnings, err);
    return r < 0 ? keg_wrap(err, "%s", path) : 0;
}

int run_process_parse(const char *text, size_t length, struct run_process *ret,
                      char ***ret_warnings, struct keg_err *err)
{
    struct spec_document document;
    int r = spec_document_parse(text, length, ret_warnings, &document, err);
    if (r < 0)
        return r;
    struct spec_node root = spec_document_root(&document);
    struct run_process process = {.user.umask = (mode_t)-1};
    r = spec_read_process(&root, &process);
    spec_document_done(&document);
    if (r < 0)
        run_process_done(&process);
    else
        *ret = process;
    return r;
}

int run_resources_parse(const char *text, size_t length, struct run_resources *ret,
                        struct keg_err *err)
{
    struct spec_document document;
    int r = spec_document_parse(text, length, NULL, &document, err);
    if (r < 0)
        return r;
    struct spec_node root = spec_document_root(&document);
    struct run_resources resources = {0};
    r = spec_read_resources(&root, &resources);
    spec_document_done(&document);
    if (r < 0)
        run_resources_done(&resources);
    else
        *ret = resources;
    return r;
}

int run_seccomp_parse(const char *text, size_t length, uint64_t bounding,
                      struct run_seccomp_profile **ret, struct keg_err *err)
{
    struct spec_document document;
    int r = spec_document_parse(text, length, NULL, &document, err);
    if (r < 0)
        return r;
    struct spec_node root = spec_document_root(&document);
    struct run_seccomp_profile *profile = calloc(1, sizeof(*profile));
    r = profile ? spec_read_seccomp(&root, bounding, profile) : spec_out_of_memory(&root);
    spec_document_done(&document);
    if (r < 0)
        run_seccomp_profile_free(profile);
    else
        *ret = profile;
    return r;
}
