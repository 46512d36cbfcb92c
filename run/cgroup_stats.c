/* SPDX-License-Identifier: Apache-2.0 */
/* What control groups have counted, and the word that memory ran out. */
#include "run/cgroup_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

/* memory.stat has some hundred lines, io.stat one a block device. */
#define STAT_FILE_MAX_BYTES (1u * 1024 * 1024)
#define NS_PER_US           1000

static struct keg_buf read_stat(const struct cgroup *cgroup, enum cgroup_controller controller,
                                const char *file)
{
    struct keg_buf text = keg_buf_init(STAT_FILE_MAX_BYTES);
    int folder_fd = cgroup_folder_fd(cgroup, controller);
    _cleanup_fd_ int fd = folder_fd < 0 ? folder_fd : keg_openat(folder_fd, file, O_RDONLY, 0);
    if (fd < 0 || keg_read_all(fd, STAT_FILE_MAX_BYTES, &text) < 0)
        keg_buf_done(&text);
    return text;
}

/* "max", and what is too large to be meant, is unlimited; what is no number is 0. */
static uint64_t parse_number(const char *text)
{
    char digits[32];
    uint64_t number;
    size_t length = strcspn(text, " \n");
    if (strncmp(text, "max", 3) == 0)
        return UINT64_MAX;
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)length, text);
    return keg_parse_u64(digits, 0, UINT64_MAX, &number) < 0 ? 0 : number;
}

static uint64_t read_number(const struct cgroup *cgroup, enum cgroup_controller controller,
                            const char *file)
{
    _cleanup_buf_ struct keg_buf text = read_stat(cgroup, controller, file);
    return text.data ? parse_number(text.data) : 0;
}

static uint64_t read_limit(const struct cgroup *cgroup, const char *file)
{
    uint64_t limit = read_number(cgroup, CGROUP_MEMORY, file);
    return limit >= CGROUP_V1_UNLIMITED ? UINT64_MAX : limit;
}

/* The number behind ${key} in lines of "key number". */
static uint64_t find_number(const struct keg_buf *text, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = text->data; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) == 0 && line[length] == ' ')
            return parse_number(line + length + 1);
    }
    return 0;
}

static int keep_raw(const struct keg_buf *text, char ***ret)
{
    _cleanup_free_ char *copy = keg_strdup(text->data);
    char *rest = NULL;
    for (char *line = copy ? strtok_r(copy, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        char *space = strchr(line, ' ');
        if (!space)
            continue;
        *space = '=';
        int result = keg_strv_add(ret, line);
        if (result < 0)
            return result;
    }
    return text->data && !copy ? -ENOMEM : 0;
}

/* ---- cpu */

static int read_percpu(const struct cgroup *cgroup, struct run_stats *stats)
{
    _cleanup_buf_ struct keg_buf text = read_stat(cgroup, CGROUP_CPUACCT, "cpuacct.usage_percpu");
    char *rest = NULL;
    if (!text.data)
        return 0;
    /* Each number has at least one digit and a blank. */
    stats->cpu_percpu_ns = calloc(text.length / 2 + 1, sizeof(*stats->cpu_percpu_ns));
    if (!stats->cpu_percpu_ns)
        return -ENOMEM;
    for (char *word = strtok_r(text.data, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
        stats->cpu_percpu_ns[stats->cpu_percpu_count++] = parse_number(word);
    return 0;
}

static int read_cpu_v1(const struct cgroup *cgroup, struct run_stats *stats)
{
    _cleanup_buf_ struct keg_buf text = read_stat(cgroup, CGROUP_CPU, "cpu.stat");
    stats->cpu_periods = find_number(&text, "nr_periods");
    stats->cpu_throttled_periods = find_number(&text, "nr_throttled");
    stats->cpu_throttled_ns = find_number(&text, "throttled_time");
    stats->cpu_usage_ns = read_number(cgroup, CGROUP_CPUACCT, "cpuacct.usage");
    stats->cpu_user_ns = read_number(cgroup, CGROUP_CPUACCT, "cpuacct.usage_user");
    stats->cpu_system_ns = read_number(cgroup, CGROUP_CPUACCT, "cpuacct.usage_sys");
    return read_percpu(cgroup, stats);
}

static int read_cpu_v2(const struct cgroup *cgroup, struct run_stats *stats)
{
    _cleanup_buf_ struct keg_buf text = read_stat(cgroup, CGROUP_CPU, "cpu.stat");
    stats->cpu_usage_ns = find_number(&text, "usage_usec") * NS_PER_US;
    stats->cpu_user_ns = find_number(&text, "user_usec") * NS_PER_US;
    stats->cpu_system_ns = find_number(&text, "system_usec") * NS_PER_US;
    stats->cpu_periods = find_number(&text, "nr_periods");
    stats->cpu_throttled_periods = find_number(&text, "nr_throttled");
    stats->cpu_throttled_ns = find_number(&text, "throttled_usec") * NS_PER_US;
    return 0;
}

/* ---- memory */

static int read_memory_v1(const struct cgroup *cgroup, struct run_stats *stats)
{
    _cleanup_buf_ struct keg_buf text = read_stat(cgroup, CGROUP_MEMORY, "memory.stat");
    _cleanup_buf_ struct keg_buf oom = read_stat(cgroup, CGROUP_MEMORY, "memory.oom_control");
    stats->memory_usage_bytes = read_number(cgroup, CGROUP_MEMORY, "memory.usage_in_bytes");
    stats->memory_peak_bytes = read_number(cgroup, CGROUP_MEMORY, "memory.max_usage_in_bytes");
    stats->memory_limit_bytes = read_limit(cgroup, "memory.limit_in_bytes");
    stats->memory_cache_bytes = find_number(&text, "cache");
    stats->memory_swap_usage_bytes =
        read_number(cgroup, CGROUP_MEMORY, "memory.memsw.usage_in_bytes");
    stats->memory_swap_limit_bytes = read_limit(cgroup, "memory.memsw.limit_in_bytes");
    stats->memory_kernel_bytes = read_number(cgroup, CGROUP_MEMORY, "memory.kmem.usage_in_bytes");
    stats->memory_failcnt = read_number(cgroup, CGROUP_MEMORY, "memory.failcnt");
    stats->oom_kills = find_number(&oom, "oom_kill");
    return keep_raw(&text, &stats->memory_raw);
}

/* v2 counts swap alone; v1, and the spec, count memory plus swap. */
static uint64_t plus_memory(uint64_t swap, uint64_t memory)
{
    uint64_t sum;
    return __builtin_add_overflow(swap, memory, &sum) ? UINT64_MAX : sum;
}

static int read_memory_v2(const struct cgroup *cgroup, struct run_stats *stats)
{
    _cleanup_buf_ struct keg_buf text = read_stat(cgroup, CGROUP_MEMORY, "memory.stat");
    _cleanup_buf_ struct keg_buf events = read_stat(cgroup, CGROUP_MEMORY, "memory.events");
    _cleanup_buf_ struct keg_buf swap = read_stat(cgroup, CGROUP_MEMORY, "memory.swap.current");
    stats->memory_usage_bytes = read_number(cgroup, CGROUP_MEMORY, "memory.current");
    stats->memory_peak_bytes = read_number(cgroup, CGROUP_MEMORY, "memory.peak");
    stats->memory_limit_bytes = read_limit(cgroup, "memory.max");
    stats->memory_cache_bytes = find_number(&text, "file");
    if (swap.data) {
        stats->memory_swap_usage_bytes =
            plus_memory(parse_number(swap.data), stats->memory_usage_bytes);
        stats->memory_swap_limit_bytes =
            plus_memory(read_limit(cgroup, "memory.swap.max"), stats->memory_limit_bytes);
    }
    stats->memory_kernel_bytes = find_number(&text, "kernel");
    stats->memory_failcnt = find_number(&events, "max");
    stats->oom_kills = find_number(&events, "oom_kill");
    return keep_raw(&text, &stats->memory_raw);
}

/* ---- block io */

static struct run_io_stat *find_device(struct run_stats *stats, unsigned major, unsigned minor)
{
    for (size_t i = 0; i < stats->io_count; i++)
        if (stats->io[i].major == major && stats->io[i].minor == minor)
            return &stats->io[i];
    struct run_io_stat *grown = reallocarray(stats->io, stats->io_count + 1, sizeof(*grown));
    if (!grown)
        return NULL;
    stats->io = grown;
    stats->io[stats->io_count] = (struct run_io_stat){.major = major, .minor = minor};
    return &stats->io[stats->io_count++];
}

/* "8:0 ..." -> the device, and *line behind it. NULL: another line, or out of memory. */
static struct run_io_stat *parse_device(struct run_stats *stats, char **line, int *result)
{
    unsigned major, minor;
    int length = 0;
    if (sscanf(*line, "%u:%u %n", &major, &minor, &length) != 2 || length == 0)
        return NULL;
    struct run_io_stat *device = find_device(stats, major, minor);
    *line += length;
    if (!device)
        *result = -ENOMEM;
    return device;
}

/* "8:0 Read 4096" */
static int read_io_file_v1(const struct cgroup *cgroup, const char *file, bool bytes,
                           struct run_stats *stats)
{
    _cleanup_buf_ struct keg_buf text = read_stat(cgroup, CGROUP_IO, file);
    char *rest = NULL;
    int result = 0;
    for (char *line = text.data ? strtok_r(text.data, "\n", &rest) : NULL; line && result == 0;
         line = strtok_r(NULL, "\n", &rest)) {
        struct run_io_stat *device = parse_device(stats, &line, &result);
        if (device)
            (void)(sscanf(line, "Read %" SCNu64, bytes ? &device->read_bytes : &device->reads) ||
                   sscanf(line, "Write %" SCNu64,
                          bytes ? &device->written_bytes : &device->writes));
    }
    return result;
}

static int read_io_v1(const struct cgroup *cgroup, struct run_stats *stats)
{
    int result = read_io_file_v1(cgroup, "blkio.throttle.io_service_bytes_recursive", true, stats);
    if (result == 0)
        result = read_io_file_v1(cgroup, "blkio.throttle.io_serviced_recursive", false, stats);
    return result;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" */
static int read_io_v2(const struct cgroup *cgroup, struct run_stats *stats)
{
    _cleanup_buf_ struct keg_buf text = read_stat(cgroup, CGROUP_IO, "io.stat");
    char *rest = NULL, *words = NULL;
    int result = 0;
    for (char *line = text.data ? strtok_r(text.data, "\n", &rest) : NULL; line && result == 0;
         line = strtok_r(NULL, "\n", &rest)) {
        struct run_io_stat *device = parse_device(stats, &line, &result);
        for (char *word = device ? strtok_r(line, " ", &words) : NULL; word;
             word = strtok_r(NULL, " ", &words)) {
            (void)(sscanf(word, "rbytes=%" SCNu64, &device->read_bytes) == 1 ||
                   sscanf(word, "wbytes=%" SCNu64, &device->written_bytes) == 1 ||
                   sscanf(word, "rios=%" SCNu64, &device->reads) == 1 ||
                   sscanf(word, "wios=%" SCNu64, &device->writes) == 1);
        }
    }
    return result;
}

int cgroup_stats_read(const struct cgroup *cgroup, struct run_stats *ret, struct keg_err *err)
{
    struct run_stats stats = {
        .pids_current = read_number(cgroup, CGROUP_PIDS, "pids.current"),
        .pids_limit = read_number(cgroup, CGROUP_PIDS, "pids.max"),
    };
    int result = cgroup->v2 ? read_cpu_v2(cgroup, &stats) : read_cpu_v1(cgroup, &stats);
    if (result == 0)
        result = cgroup->v2 ? read_memory_v2(cgroup, &stats) : read_memory_v1(cgroup, &stats);
    if (result == 0)
        result = cgroup->v2 ? read_io_v2(cgroup, &stats) : read_io_v1(cgroup, &stats);
    if (result < 0) {
        run_stats_done(&stats);
        return keg_fail(err, result, "out of memory");
    }
    *ret = stats;
    return 0;
}

void run_stats_done(struct run_stats *stats)
{
    free(stats->cpu_percpu_ns);
    keg_strv_free(stats->memory_raw);
    free(stats->io);
    *stats = (struct run_stats){0};
}

/* ---- out of memory */

/* cgroup-v1/memory.rst, "OOM Control": the kernel keeps the eventfd; the file may be closed. */
static int oom_eventfd_v1(int folder_fd)
{
    char order[32];
    _cleanup_fd_ int control = keg_openat(folder_fd, "memory.oom_control", O_RDONLY, 0);
    _cleanup_fd_ int event = eventfd(0, EFD_CLOEXEC);
    if (control < 0)
        return control;
    if (event < 0)
        return -errno;
    int length = snprintf(order, sizeof(order), "%d %d", event, control);
    int result = keg_write_file(folder_fd, "cgroup.event_control", order, (size_t)length);
    return result < 0 ? result : TAKE_FD(event);
}

static int oom_watch_v2(const char *folder)
{
    _cleanup_free_ char *path = keg_asprintf("%s/memory.events", folder);
    _cleanup_fd_ int fd = inotify_init1(IN_CLOEXEC);
    if (fd < 0 || !path)
        return path ? -errno : -ENOMEM;
    return inotify_add_watch(fd, path, IN_MODIFY) < 0 ? -errno : TAKE_FD(fd);
}

int cgroup_oom_eventfd(const struct cgroup *cgroup, struct keg_err *err)
{
    int index = cgroup->folder_of[CGROUP_MEMORY];
    if (cgroup_folder_fd(cgroup, CGROUP_MEMORY) < 0)
        return keg_fail(err, -ENOTSUP, "container '%s' has no memory cgroup", cgroup->id);
    int fd =
        cgroup->v2 ? oom_watch_v2(cgroup->paths[index]) : oom_eventfd_v1(cgroup->folders[index].fd);
    if (fd < 0)
        return keg_fail(err, fd, "watch the memory of container '%s': %s", cgroup->id,
                        keg_errno_text(fd));
    return fd;
}
