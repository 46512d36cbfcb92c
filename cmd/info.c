/* SPDX-License-Identifier: Apache-2.0 */
/* keg info: where things are, how many there are, and what this machine can do. */
#include "cmd/cmd.h"
#include "cmd/config.h"

#include "run/run.h"

#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

struct info_options {
    const char *format;
};

static const struct cmd_option info_options[] = {{.name = "format",
                                                  .letter = 'f',
                                                  .kind = CMD_STRING,
                                                  .value = "string",
                                                  .help = "Output format",
                                                  .offset = offsetof(struct info_options, format),
                                                  .choices = "json"},
                                                 CMD_OPTIONS_END};

struct info {
    struct store *store; /* borrowed */
    size_t images, containers, running, created, exited;
    struct utsname system;
    long cpus;
    uint64_t memory_bytes;
    const char *root_filesystem, *runroot_filesystem;
    uint64_t free_bytes;
    struct run_features features;
};

/* ------------------------------------------------------------------------------------- finding out
 */

/* statfs(2), linux/magic.h */
static const char *filesystem_name(int fd)
{
    static const struct {
        unsigned long magic;
        const char *name;
    } names[] = {{0xef53, "ext4"},         {0x58465342, "xfs"},     {0x9123683e, "btrfs"},
                 {0x01021994, "tmpfs"},    {0x794c7630, "overlay"}, {0x6969, "nfs"},
                 {0x2fc12fc1, "zfs"},      {0xf2f52010, "f2fs"},    {0x65735546, "fuse"},
                 {0xca451a4e, "bcachefs"}, {0x01021997, "9p"},      {0x6a656a63, "virtiofs"}};
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return "unknown";
    for (size_t i = 0; i < KEG_ARRAY_SIZE(names); i++)
        if ((unsigned long)fs.f_type == names[i].magic)
            return names[i].name;
    return "other";
}

/* Images, not names: those of one id lie anywhere in the list. */
static size_t count_images(const struct cmd_images *images)
{
    size_t count = 0;
    for (size_t i = 0; i < images->count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = keg_streq(images->items[i].id, images->items[j].id);
        count += !seen;
    }
    return count;
}

static int count_objects(struct info *info, struct keg_err *err)
{
    _cleanup_(cmd_images_done) struct cmd_images images = {NULL, 0};
    _cleanup_(cmd_containers_done) struct cmd_containers containers = {NULL, 0};
    int code = cmd_images_load("info", info->store, &images, err);
    if (code == 0)
        code = cmd_containers_load(info->store, &containers, err);
    if (code < 0)
        return code;
    info->images = count_images(&images);
    info->containers = containers.count;
    for (size_t i = 0; i < containers.count; i++) {
        enum store_container_status status = cmd_container_status(&containers.items[i]);
        info->running += status == STORE_RUNNING;
        info->created += status == STORE_CREATED;
        info->exited += status == STORE_EXITED;
    }
    return 0;
}

static void find_out_machine(struct info *info)
{
    struct sysinfo memory;
    struct statvfs fs;
    uname(&info->system);
    info->cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (sysinfo(&memory) == 0)
        info->memory_bytes = (uint64_t)memory.totalram * memory.mem_unit;
    if (fstatvfs(store_root_fd(info->store), &fs) == 0)
        info->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    info->root_filesystem = filesystem_name(store_root_fd(info->store));
    info->runroot_filesystem = filesystem_name(store_run_fd(info->store));
    run_features_detect(&info->features);
}

/* ---------------------------------------------------------------------------------------- features
 */

/* What keg does with a feature, and what it means where the machine lacks it. */
struct feature {
    const char *name, *json, *without;
    size_t offset;
};

#define FEATURE(member) offsetof(struct run_features, member)
static const struct feature features[] = {
    {"overlay", "Overlay", "containers cannot run", FEATURE(overlay)},
    {"seccomp", "Seccomp", "containers run without a filter of system calls", FEATURE(seccomp)},
    {"nftables", "Nftables", "containers do not reach other machines", FEATURE(nftables)},
    {"user namespaces", "UserNamespaces", "keg needs root", FEATURE(user_namespaces)},
    {"Landlock", "Landlock", "pulls are confined less", FEATURE(landlock)},
    {"openat2", "Openat2", "paths are walked one step at a time", FEATURE(openat2)},
    {"new mount API", "NewMountApi", "mount(2) is used", FEATURE(new_mount_api)},
    {"clone into cgroup", "CloneIntoCgroup", "containers join their cgroup after they are born",
     FEATURE(clone_into_cgroup)},
};
#undef FEATURE

static bool has_feature(const struct run_features *have, const struct feature *feature)
{
    return *(const bool *)((const char *)have + feature->offset);
}

static const char *layout_word(enum run_cgroup_layout layout)
{
    switch (layout) {
    case RUN_CGROUP_NONE:
        return "none";
    case RUN_CGROUP_V1:
        return "v1";
    case RUN_CGROUP_HYBRID:
        return "hybrid (v1 and v2)";
    case RUN_CGROUP_V2:
        break;
    }
    return "v2";
}

/* ---------------------------------------------------------------------------------------- printing
 */

static void print_features(const struct run_features *have)
{
    puts("Features:");
    for (size_t i = 0; i < KEG_ARRAY_SIZE(features); i++) {
        bool yes = has_feature(have, &features[i]);
        printf(" %s: %s%s%s\n", features[i].name, yes ? "yes" : "no", yes ? "" : ": ",
               yes ? "" : features[i].without);
    }
}

static void print_text(const struct info *info)
{
    char memory[32], free_space[32];
    const struct run_features *have = &info->features;
    keg_format_size_binary(info->memory_bytes, memory);
    keg_format_size(info->free_bytes, free_space);
    printf("Version: %s\n", KEG_VERSION);
    printf("Containers: %zu\n Running: %zu\n Created: %zu\n Exited: %zu\n", info->containers,
           info->running, info->created, info->exited);
    printf("Images: %zu\n", info->images);
    printf("Root: %s (%s, %s free)\n", store_root(info->store), info->root_filesystem, free_space);
    printf("Runroot: %s (%s)\n", store_runroot(info->store), info->runroot_filesystem);
    printf("Kernel: %s\nArchitecture: %s\nCPUs: %ld\nMemory: %s\n", info->system.release,
           info->system.machine, info->cpus, memory);
    printf("Cgroups: %s\nLimits: %s\n", layout_word(have->cgroup_layout),
           have->controllers[0] ? have->controllers : "none can be set");
    print_features(have);
}

static json_t *features_json(const struct run_features *have)
{
    json_t *json = json_object();
    for (size_t i = 0; i < KEG_ARRAY_SIZE(features); i++)
        json_object_set_new(json, features[i].json, json_boolean(has_feature(have, &features[i])));
    return json;
}

/* docker's names where docker has the fact. */
static int print_json(const struct info *info, struct keg_err *err)
{
    const struct run_features *have = &info->features;
    json_t *json = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:o}",
        "ServerVersion", KEG_VERSION, "Containers", (json_int_t)info->containers,
        "ContainersRunning", (json_int_t)info->running, "ContainersStopped",
        (json_int_t)(info->created + info->exited), "Images", (json_int_t)info->images, "Driver",
        "overlay", "DockerRootDir", store_root(info->store), "RunRoot", store_runroot(info->store),
        "KernelVersion", info->system.release, "OSType", "linux", "Architecture",
        info->system.machine, "NCPU", (json_int_t)info->cpus, "MemTotal",
        (json_int_t)info->memory_bytes, "CgroupVersion",
        have->cgroup_layout == RUN_CGROUP_V2 ? "2" : "1", "CgroupControllers", have->controllers,
        "Features", features_json(have));
    return cmd_print_json(json, false, err);
}

static int run_info(int argc, char **argv, const struct cmd_globals *globals)
{
    struct info_options options = {0};
    struct info info = {0};
    struct keg_err err = KEG_ERR_INIT;
    _cleanup_store_ struct store *store = NULL;
    _cleanup_(cmd_args_done) struct cmd_args args = CMD_ARGS_INIT;
    int code = cmd_begin(&cmd_verb_info, argc, argv, &options, &args);
    if (code != CMD_GO_ON)
        return code;
    code = cmd_enter_store("info", globals, NULL, &store);
    if (code != CMD_EXIT_OK)
        return code;
    cmd_sweep(store);
    info.store = store;
    if (count_objects(&info, &err) < 0)
        return cmd_error("info", NULL, &err);
    find_out_machine(&info);
    if (!options.format)
        print_text(&info);
    else if (print_json(&info, &err) < 0)
        return cmd_error("info", NULL, &err);
    return CMD_EXIT_OK;
}

const struct cmd_verb cmd_verb_info = {
    .name = "info",
    .synopsis = "[OPTIONS]",
    .summary = "Print what keg has here and what this machine can do",
    .options = info_options,
    .run = run_info,
};
