/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables and keys of registries.conf mean. */
#include "pull/registries_conf.h"

#include "pull/toml.h"

#include <string.h>

enum section { SECTION_OTHER, SECTION_REGISTRY, SECTION_MIRROR };

struct load {
    struct registries_conf *conf;
    const char *file;
    enum section section;
    struct conf_registry registry; /* being read */
    bool open;                     /* whether there is one */
    char **seen;                   /* keys of the present table */
};

static void registry_done(struct conf_registry *registry)
{
    for (size_t i = 0; i < registry->mirror_count; i++)
        free(registry->mirrors[i].location);
    free(registry->mirrors);
    free(registry->prefix);
    free(registry->location);
    free(registry->file);
    *registry = (struct conf_registry){.prefix = NULL};
}

void registries_conf_done(struct registries_conf *conf)
{
    for (size_t i = 0; i < conf->count; i++)
        registry_done(&conf->registries[i]);
    free(conf->registries);
    *conf = (struct registries_conf){NULL, 0};
}

/* Put the finished registry into the list, in the place of one with the same prefix. Takes it. */
static int add_registry(struct registries_conf *conf, struct conf_registry *registry,
                        struct keg_err *err)
{
    for (size_t i = 0; i < conf->count; i++) {
        if (!keg_streq(conf->registries[i].prefix, registry->prefix))
            continue;
        if (keg_streq(conf->registries[i].file, registry->file))
            return keg_fail(err, -EINVAL, "registry '%s' stands on line %zu already",
                            registry->prefix, conf->registries[i].line);
        registry_done(&conf->registries[i]);
        conf->registries[i] = *registry;
        *registry = (struct conf_registry){.prefix = NULL};
        return 0;
    }
    struct conf_registry *list = realloc(conf->registries, (conf->count + 1) * sizeof(*list));
    if (!list)
        return keg_fail(err, -ENOMEM, "out of memory");
    conf->registries = list;
    list[conf->count++] = *registry;
    *registry = (struct conf_registry){.prefix = NULL};
    return 0;
}

static int finish_registry(struct load *load, struct keg_err *err)
{
    struct conf_registry *registry = &load->registry;
    if (!load->open)
        return 0;
    load->open = false;
    if (!registry->prefix && !registry->location)
        return keg_fail(err, -EINVAL, "the registry of line %zu has neither prefix nor location",
                        registry->line);
    if (!registry->prefix && !(registry->prefix = keg_strdup(registry->location)))
        return keg_fail(err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < registry->mirror_count; i++)
        if (!registry->mirrors[i].location)
            return keg_fail(err, -EINVAL, "a mirror of registry '%s' has no location",
                            registry->prefix);
    return add_registry(load->conf, registry, err);
}

static int open_registry(struct load *load, size_t line, struct keg_err *err)
{
    load->section = SECTION_REGISTRY;
    load->open = true;
    load->registry = (struct conf_registry){.line = line, .file = keg_strdup(load->file)};
    return load->registry.file ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

static int open_mirror(struct load *load, struct keg_err *err)
{
    struct conf_registry *registry = &load->registry;
    if (!load->open)
        return keg_fail(err, -EINVAL, "[[registry.mirror]] without a [[registry]] above it");
    struct conf_mirror *list =
        realloc(registry->mirrors, (registry->mirror_count + 1) * sizeof(*list));
    if (!list)
        return keg_fail(err, -ENOMEM, "out of memory");
    registry->mirrors = list;
    list[registry->mirror_count++] = (struct conf_mirror){.location = NULL};
    load->section = SECTION_MIRROR;
    return 0;
}

static int on_table(void *context, size_t line, const char *name, bool is_array,
                    struct keg_err *err)
{
    struct load *load = context;
    keg_strv_free(load->seen);
    load->seen = NULL;
    if (keg_streq(name, "registries") || keg_starts_with(name, "registries."))
        return keg_fail(err, -EINVAL,
                        "[%s] is of version 1 of this file, which is obsolete: see [[registry]]",
                        name);
    bool registry = keg_streq(name, "registry");
    bool mirror = keg_streq(name, "registry.mirror");
    if ((registry || mirror) && !is_array)
        return keg_fail(err, -EINVAL, "[%s] must be written [[%s]]", name, name);
    if (mirror)
        return open_mirror(load, err);
    int r = finish_registry(load, err);
    if (r < 0)
        return r;
    load->section = SECTION_OTHER;
    return registry ? open_registry(load, line, err) : 0;
}

static int take_location(const char *key, const struct toml_value *value, char **ret,
                         struct keg_err *err)
{
    if (value->type != TOML_STRING)
        return keg_fail(err, -EINVAL, "'%s' must be a string", key);
    if (strstr(value->string, "://"))
        return keg_fail(err, -EINVAL, "'%s' is HOST[:PORT][/PATH], without '%.*s://'", key,
                        (int)(strstr(value->string, "://") - value->string), value->string);
    size_t length = strlen(value->string);
    while (length > 0 && value->string[length - 1] == '/')
        length--;
    if (length == 0 || strpbrk(value->string, " \t@?#"))
        return keg_fail(err, -EINVAL, "'%s' is not HOST[:PORT][/PATH]: '%s'", key, value->string);
    *ret = keg_strndup(value->string, length);
    return *ret ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}

static int take_bool(const char *key, const struct toml_value *value, bool *ret,
                     struct keg_err *err)
{
    if (value->type != TOML_BOOL)
        return keg_fail(err, -EINVAL, "'%s' must be true or false", key);
    *ret = value->boolean;
    return 0;
}

static int take_use(const struct toml_value *value, enum mirror_use *ret, struct keg_err *err)
{
    static const char *const names[] = {
        [MIRROR_ALL] = "all", [MIRROR_DIGEST_ONLY] = "digest-only", [MIRROR_TAG_ONLY] = "tag-only"};
    for (size_t i = 0; value->type == TOML_STRING && i < KEG_ARRAY_SIZE(names); i++) {
        if (keg_streq(names[i], value->string)) {
            *ret = (enum mirror_use)i;
            return 0;
        }
    }
    return keg_fail(err, -EINVAL,
                    "'pull-from-mirror' must be \"all\", \"digest-only\" or \"tag-only\"");
}

static int registry_key(struct conf_registry *registry, const char *key,
                        const struct toml_value *value, struct keg_err *err)
{
    if (keg_streq(key, "prefix"))
        return take_location(key, value, &registry->prefix, err);
    if (keg_streq(key, "location"))
        return take_location(key, value, &registry->location, err);
    if (keg_streq(key, "insecure"))
        return take_bool(key, value, &registry->insecure, err);
    if (keg_streq(key, "blocked"))
        return take_bool(key, value, &registry->blocked, err);
    if (keg_streq(key, "mirror-by-digest-only"))
        return take_bool(key, value, &registry->mirrors_by_digest_only, err);
    return keg_fail(err, -EINVAL, "unknown key '%s' in [[registry]]", key);
}

static int mirror_key(struct conf_mirror *mirror, const char *key, const struct toml_value *value,
                      struct keg_err *err)
{
    if (keg_streq(key, "location"))
        return take_location(key, value, &mirror->location, err);
    if (keg_streq(key, "insecure"))
        return take_bool(key, value, &mirror->insecure, err);
    if (keg_streq(key, "pull-from-mirror"))
        return take_use(value, &mirror->use, err);
    return keg_fail(err, -EINVAL, "unknown key '%s' in [[registry.mirror]]", key);
}

static int on_key(void *context, size_t line, const char *key, const struct toml_value *value,
                  struct keg_err *err)
{
    struct load *load = context;
    (void)line;
    for (char **seen = load->seen; seen && *seen; seen++)
        if (keg_streq(*seen, key))
            return keg_fail(err, -EINVAL, "'%s' is given twice", key);
    if (keg_strv_add(&load->seen, key) < 0)
        return keg_fail(err, -ENOMEM, "out of memory");
    switch (load->section) {
    case SECTION_REGISTRY:
        return registry_key(&load->registry, key, value, err);
    case SECTION_MIRROR:
        return mirror_key(&load->registry.mirrors[load->registry.mirror_count - 1], key, value,
                          err);
    case SECTION_OTHER:
        break;
    }
    return 0;
}

int registries_conf_parse(const char *text, size_t length, const char *file,
                          struct registries_conf *conf, struct keg_err *err)
{
    struct load load = {.conf = conf, .file = file};
    struct toml_handler handler = {&load, on_table, on_key};
    int r = toml_parse(text, length, file, &handler, err);
    if (r == 0 && (r = finish_registry(&load, err)) < 0)
        keg_wrap(err, "%s", file);
    registry_done(&load.registry);
    keg_strv_free(load.seen);
    return r;
}

/* How many bytes of `name` the prefix takes; 0: it does not fit. */
static size_t match_prefix(const char *prefix, const char *name)
{
    size_t length = strlen(prefix);
    if (keg_starts_with(prefix, "*.")) {
        size_t host = strcspn(name, "/");
        size_t suffix = length - 1;
        return host > suffix && !strncmp(name + host - suffix, prefix + 1, suffix) ? host : 0;
    }
    if (strncmp(name, prefix, length) != 0)
        return 0;
    return name[length] == '\0' || name[length] == '/' ? length : 0;
}

const struct conf_registry *registries_conf_find(const struct registries_conf *conf,
                                                 const char *name)
{
    const struct conf_registry *best = NULL;
    size_t best_length = 0;
    for (size_t i = 0; i < conf->count; i++) {
        size_t length = match_prefix(conf->registries[i].prefix, name);
        /* "quay.io" says more than "*.io" about quay.io, though both take the whole host. */
        bool closer = length == best_length && best && best->prefix[0] == '*';
        if (length > 0 && (length > best_length || closer)) {
            best = &conf->registries[i];
            best_length = length;
        }
    }
    return best;
}
