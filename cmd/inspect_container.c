/* SPDX-License-Identifier: Apache-2.0 */
/* keg inspect, of a container. */
#include "cmd/inspect.h"

#include "cmd/cmd.h"
#include "run/run.h"

#include <arpa/inet.h>
#include <string.h>

/* What docker writes where something has not happened yet. */
#define NO_TIME "0001-01-01T00:00:00Z"

static void time_text(struct timespec t, char text[static 40])
{
    if (t.tv_sec == 0)
        snprintf(text, 40, NO_TIME);
    else
        keg_format_time(t, text);
}

static json_t *state_json(const struct store_container *container)
{
    static const char *const words[] = {
        [STORE_CREATED] = "created", [STORE_RUNNING] = "running", [STORE_EXITED] = "exited"};
    char started[40], finished[40];
    enum store_container_status status = cmd_container_status(container);
    bool running = status == STORE_RUNNING;
    time_text(container->started, started);
    time_text(container->finished, finished);
    return json_pack("{s:s, s:b, s:b, s:b, s:b, s:b, s:i, s:i, s:s, s:s, s:s}", "Status",
                     words[status], "Running", running, "Paused", 0, "Restarting", 0, "OOMKilled",
                     container->oom_killed, "Dead", 0, "Pid", running ? (int)container->pid : 0,
                     "ExitCode", running ? 0 : container->exit_code, "Error",
                     container->error ? container->error : "", "StartedAt", started, "FinishedAt",
                     finished);
}

/* A member of a spec's object, borrowed; null where there is none, so that lookups can be chained.
 */
static json_t *get(const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return value ? value : json_null();
}

static json_t *labels_json(const struct store_container *container)
{
    json_t *labels = json_object();
    for (char *const *label = container->labels; labels && label && *label; label++) {
        size_t length = strcspn(*label, "=");
        _cleanup_free_ char *key = keg_strndup(*label, length);
        if (key)
            json_object_set_new(labels, key,
                                json_string((*label)[length] ? *label + length + 1 : ""));
    }
    return labels;
}

static json_t *config_json(const struct store_container *container, const json_t *spec)
{
    const json_t *process = get(spec, "process");
    const json_t *user = get(process, "user");
    char ids[64];
    snprintf(ids, sizeof(ids), "%lld:%lld", (long long)json_integer_value(get(user, "uid")),
             (long long)json_integer_value(get(user, "gid")));
    const char *hostname = json_string_value(get(spec, "hostname"));
    const char *domainname = json_string_value(get(spec, "domainname"));
    return json_pack("{s:s, s:s, s:s, s:b, s:O, s:o, s:s, s:O, s:o}", "Hostname",
                     hostname ? hostname : "", "Domainname", domainname ? domainname : "", "User",
                     ids, "Tty", json_is_true(get(process, "terminal")), "Env", get(process, "env"),
                     "Cmd", keg_json_strv_new(container->command), "Image", container->image_name,
                     "WorkingDir", get(process, "cwd"), "Labels", labels_json(container));
}

/* --cpus as docker keeps it: billionths of a CPU. */
static json_int_t nano_cpus(const json_t *cpu)
{
    json_int_t quota = json_integer_value(get(cpu, "quota"));
    json_int_t period = json_integer_value(get(cpu, "period"));
    return quota > 0 && period > 0 ? quota * 1000000000 / period : 0;
}

/* docker's numbers, and where config.json has them: linux.resources.OBJECT.MEMBER. */
static const struct {
    const char *name, *object, *member;
} limits[] = {
    {"Memory", "memory", "limit"},
    {"MemorySwap", "memory", "swap"},
    {"MemoryReservation", "memory", "reservation"},
    {"MemorySwappiness", "memory", "swappiness"},
    {"CpuShares", "cpu", "shares"},
    {"CpuPeriod", "cpu", "period"},
    {"CpuQuota", "cpu", "quota"},
    {"BlkioWeight", "blockIO", "weight"},
    {"PidsLimit", "pids", "limit"},
};

static json_t *text_json(const json_t *text)
{
    return json_string(json_is_string(text) ? json_string_value(text) : "");
}

static void add_limits(json_t *host, const json_t *resources)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(limits); i++)
        json_object_set_new(host, limits[i].name,
                            json_integer(json_integer_value(
                                get(get(resources, limits[i].object), limits[i].member))));
    const json_t *cpu = get(resources, "cpu");
    json_object_set_new(host, "NanoCpus", json_integer(nano_cpus(cpu)));
    json_object_set_new(host, "CpusetCpus", text_json(get(cpu, "cpus")));
    json_object_set_new(host, "CpusetMems", text_json(get(cpu, "mems")));
}

static const struct {
    const char *name, *type;
} modes[] = {
    {"PidMode", "pid"},         {"IpcMode", "ipc"},     {"UTSMode", "uts"},
    {"CgroupnsMode", "cgroup"}, {"UsernsMode", "user"}, {"NetworkMode", "network"},
};

/* "host", "ns:PATH", or "private". */
static json_t *mode_json(const json_t *namespaces, const char *type)
{
    for (size_t i = 0; i < json_array_size(namespaces); i++) {
        const json_t *namespace = json_array_get(namespaces, i);
        const char *path = json_string_value(get(namespace, "path"));
        if (keg_streq(json_string_value(get(namespace, "type")), type))
            return path ? json_sprintf("ns:%s", path) : json_string("private");
    }
    return json_string("host");
}

static json_t *host_config_json(const struct store_container *container, const json_t *spec)
{
    const json_t *linux_part = get(spec, "linux");
    json_t *host =
        json_pack("{s:b, s:b, s:I}", "AutoRemove", container->auto_remove, "ReadonlyRootfs",
                  json_is_true(get(get(spec, "root"), "readonly")), "OomScoreAdj",
                  json_integer_value(get(get(spec, "process"), "oomScoreAdj")));
    for (size_t i = 0; spec && i < KEG_ARRAY_SIZE(modes); i++)
        json_object_set_new(host, modes[i].name,
                            mode_json(get(linux_part, "namespaces"), modes[i].type));
    add_limits(host, get(linux_part, "resources"));
    return host;
}

static bool has_option(const json_t *mount, const char *wanted)
{
    const json_t *options = get(mount, "options");
    for (size_t i = 0; i < json_array_size(options); i++)
        if (keg_streq(json_string_value(json_array_get(options, i)), wanted))
            return true;
    return false;
}

/* Where keg keeps what it puts into containers: hosts, hostname, resolv.conf, of this one or of the
 * one whose network it joined. */
static char *own_folder(struct store *store)
{
    return keg_asprintf("%s/containers/", store_runroot(store));
}

/* --ipc host and --ipc container:NAME bring it. */
static bool is_shared_memory(const json_t *mount, const char *source)
{
    return keg_streq(json_string_value(get(mount, "destination")), "/dev/shm") &&
           (keg_streq(source, "/dev/shm") || keg_starts_with(source, "/proc/self/fd/"));
}

/* Those that the user asked for: what has a place on the host, but for keg's own files. */
static json_t *mounts_json(const json_t *spec, const char *own)
{
    json_t *mounts = json_array();
    const json_t *all = get(spec, "mounts");
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *mount = json_array_get(all, i);
        const char *source = json_string_value(get(mount, "source"));
        if (!has_option(mount, "bind") && !has_option(mount, "rbind"))
            continue;
        if (source && (keg_starts_with(source, own) || is_shared_memory(mount, source)))
            continue;
        bool writable = !has_option(mount, "ro") && !has_option(mount, "rro");
        json_array_append_new(mounts, json_pack("{s:s, s:O, s:O, s:b}", "Type", "bind", "Source",
                                                get(mount, "source"), "Destination",
                                                get(mount, "destination"), "RW", writable));
    }
    return mounts;
}

/* Only what runs has an address. */
static char *address_of(struct store *store, const struct store_container *container)
{
    _cleanup_fd_ int rundir = -1;
    _cleanup_json_ json_t *state = NULL;
    if (store_container_rundir(store, container->id, &rundir, NULL) == 0)
        state = keg_json_read(rundir, "state.json", KEG_STORE_FILE_MAX_BYTES, NULL);
    const char *address = json_string_value(get(state, "address"));
    return keg_strdup(address ? address : "");
}

static json_t *network_json(struct store *store, const struct store_container *container)
{
    const struct run_network *network = &run_network_default;
    char gateway[INET_ADDRSTRLEN] = "";
    _cleanup_free_ char *address = address_of(store, container);
    _cleanup_json_ json_t *networks = json_object();
    int prefix_length = 0;
    if (!address || !networks)
        return NULL;
    if (address[0]) {
        inet_ntop(AF_INET, &network->gateway, gateway, sizeof(gateway));
        prefix_length = (int)network->prefix_length;
        json_object_set_new(networks, "bridge",
                            json_pack("{s:s, s:i, s:s}", "IPAddress", address, "IPPrefixLen",
                                      prefix_length, "Gateway", gateway));
    }
    return json_pack("{s:s, s:i, s:s, s:{}, s:O}", "IPAddress", address, "IPPrefixLen",
                     prefix_length, "Gateway", gateway, "Ports", "Networks", networks);
}

static json_t *graph_driver_json(struct store *store, const struct store_container *container)
{
    _cleanup_free_ char *lower = NULL;
    _cleanup_free_ char *upper =
        keg_asprintf("%s/containers/%s/upper", store_root(store), container->id);
    _cleanup_free_ char *work =
        keg_asprintf("%s/containers/%s/work", store_root(store), container->id);
    if (!upper || !work || inspect_layer_paths(store, container->layers, &lower, NULL) < 0)
        return NULL;
    return json_pack("{s:{s:s, s:s, s:s}, s:s}", "Data", "LowerDir", lower, "UpperDir", upper,
                     "WorkDir", work, "Name", "overlay");
}

static json_t *container_json(struct store *store, const struct store_container *container,
                              const json_t *spec)
{
    char created[40];
    char *const none[] = {NULL};
    char *const *command = container->command ? container->command : none;
    _cleanup_free_ char *name = keg_asprintf("/%s", container->name);
    _cleanup_free_ char *own = own_folder(store);
    time_text(container->created, created);
    if (!name || !own)
        return NULL;
    return json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:s, s:s, s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "Id",
        container->id, "Created", created, "Path", command[0] ? command[0] : "", "Args",
        keg_json_strv_new(command[0] ? command + 1 : none), "State", state_json(container), "Image",
        container->image_id ? container->image_id : "", "Name", name, "RestartCount", 0, "Driver",
        "overlay", "Platform", "linux", "GraphDriver", graph_driver_json(store, container),
        "Mounts", mounts_json(spec, own), "NetworkSettings", network_json(store, container),
        "Config", config_json(container, spec), "HostConfig", host_config_json(container, spec));
}

int inspect_container(struct store *store, const struct store_container *container, json_t **ret,
                      struct keg_err *err)
{
    _cleanup_fd_ int dir = -1;
    _cleanup_json_ json_t *spec = NULL;
    struct keg_err cause = KEG_ERR_INIT;
    int code = store_container_dir(store, container->id, &dir, err);
    if (code < 0)
        return code;
    spec = keg_json_read(dir, "config.json", KEG_STORE_FILE_MAX_BYTES, &cause);
    if (!spec && cause.code != -ENOENT) /* a container that was not started has none */
        return keg_fail(err, cause.code, "%s", cause.text);
    *ret = container_json(store, container, spec);
    return *ret ? 0 : keg_fail(err, -ENOMEM, "out of memory");
}
