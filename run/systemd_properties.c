/* SPDX-License-Identifier: Apache-2.0 */
/* Units and their properties, as text and as D-Bus values: pure. */
#include "run/dbus.h"
#include "run/systemd.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define US_PER_S 1000000
/* systemd's own period, and the step that it rounds quotas up to. */
#define CPU_PERIOD_DEFAULT_US 100000
#define CPU_QUOTA_STEP_US     10000
/* A line a driver. */
#define DEVICES_MAX_BYTES 65536

/* ---- units */

static bool is_unit_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\@-";
    size_t length = strlen(name);
    return length > 0 && length <= NAME_MAX && name[0] != '.' && strspn(name, allowed) == length;
}

/* systemd.slice(5): dashes lead down a tree, in which each name is one or more characters. */
static bool is_slice(const char *slice)
{
    if (strcmp(slice, "-.slice") == 0)
        return true;
    return is_unit_name(slice) && keg_ends_with(slice, ".slice") && slice[0] != '-' &&
           strcmp(slice, ".slice") != 0 && !strstr(slice, "--") && !strstr(slice, "-.slice");
}

static int fail_path(const char *path, const char *why, struct keg_err *err)
{
    return keg_fail(err, -EINVAL, "cgroup path '%s': %s", path, why);
}

static int make_unit(const char *path, const char *prefix, const char *name,
                     struct systemd_unit *unit, struct keg_err *err)
{
    unit->scope =
        *prefix ? keg_asprintf("%s-%s.scope", prefix, name) : keg_asprintf("%s.scope", name);
    if (!unit->slice || !unit->scope)
        return keg_fail(err, -ENOMEM, "out of memory");
    if (!is_slice(unit->slice))
        return fail_path(path, "its slice is no name of one, such as 'a-b.slice'", err);
    if (!*name || !is_unit_name(unit->scope))
        return fail_path(path, "its scope is no name of a unit", err);
    return 0;
}

int systemd_unit_parse(const char *path, const char *id, bool user, struct systemd_unit *ret,
                       struct keg_err *err)
{
    const char *default_slice = user ? "user.slice" : "system.slice";
    struct systemd_unit unit = {0};
    _cleanup_free_ char *copy =
        path && *path ? keg_strdup(path) : keg_asprintf("%s:keg:%s", default_slice, id);
    if (!copy)
        return keg_fail(err, -ENOMEM, "out of memory");
    char *prefix = strchr(copy, ':');
    char *name = prefix ? strchr(prefix + 1, ':') : NULL;
    if (!name || strchr(name + 1, ':'))
        return fail_path(copy, "systemd's are SLICE:PREFIX:NAME", err);
    *prefix++ = *name++ = '\0';
    unit.slice = keg_strdup(*copy ? copy : default_slice);
    int result = make_unit(path && *path ? path : copy, prefix, name, &unit, err);
    if (result < 0)
        systemd_unit_done(&unit);
    else
        *ret = unit;
    return result;
}

void systemd_unit_done(struct systemd_unit *unit)
{
    free(unit->slice);
    free(unit->scope);
    *unit = (struct systemd_unit){0};
}

/* ---- properties */

static void begin_property(struct keg_buf *properties, const char *name, const char *type)
{
    dbus_put_align(properties, 8);
    dbus_put_string(properties, name);
    dbus_put_signature(properties, type);
}

static void put_u64_property(struct keg_buf *properties, const char *name, uint64_t value)
{
    begin_property(properties, name, "t");
    dbus_put_u64(properties, value);
}

static const struct {
    const char *file, *property;
} limits[] = {
    {"memory.limit_in_bytes", "MemoryLimit"},
    {"memory.max", "MemoryMax"},
    {"memory.high", "MemoryHigh"},
    {"memory.low", "MemoryLow"},
    {"memory.min", "MemoryMin"},
    {"memory.swap.max", "MemorySwapMax"},
    {"cpu.shares", "CPUShares"},
    {"cpu.weight", "CPUWeight"},
    {"pids.max", "TasksMax"},
};

static uint64_t parse_limit(const char *text)
{
    uint64_t value;
    return keg_parse_u64(text, 0, UINT64_MAX, &value) < 0 ? UINT64_MAX : value;
}

/* As microseconds a second; what systemd would cut off it must give. */
static void put_quota(struct keg_buf *properties, const char *quota_text, uint64_t period)
{
    uint64_t quota = parse_limit(quota_text), a_second = UINT64_MAX;
    if (period == 0)
        return;
    if (quota != UINT64_MAX && quota < UINT64_MAX / US_PER_S)
        a_second = (quota * US_PER_S / period + CPU_QUOTA_STEP_US - 1) / CPU_QUOTA_STEP_US *
                   CPU_QUOTA_STEP_US;
    put_u64_property(properties, "CPUQuotaPerSecUSec", a_second);
    if (period != CPU_PERIOD_DEFAULT_US)
        put_u64_property(properties, "CPUQuotaPeriodUSec", period);
}

static const char *find_value(const struct cgroup_plan *plan, const char *file)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->writes[i].file, file) == 0)
            return plan->writes[i].value;
    return NULL;
}

static void put_cpu_quota(const struct cgroup_plan *plan, struct keg_buf *properties)
{
    const char *max = find_value(plan, "cpu.max"), *v1 = find_value(plan, "cpu.cfs_quota_us");
    const char *v1_period = find_value(plan, "cpu.cfs_period_us");
    char quota[32];
    uint64_t period;
    if (max && sscanf(max, "%31s %" SCNu64, quota, &period) == 2)
        put_quota(properties, quota, period);
    else if (v1)
        put_quota(properties, v1, v1_period ? parse_limit(v1_period) : CPU_PERIOD_DEFAULT_US);
}

/* ---- v1's devices, which systemd would open again when it is reloaded */

/* The name that /proc/devices has for all devices of a major number, into ${ret}. */
static bool find_driver(char type, const char *major, char ret[static 64])
{
    _cleanup_buf_ struct keg_buf text = keg_buf_init(DEVICES_MAX_BYTES);
    _cleanup_fd_ int fd = keg_openat(AT_FDCWD, "/proc/devices", O_RDONLY, 0);
    if (fd < 0 || keg_read_all(fd, DEVICES_MAX_BYTES, &text) < 0 || !text.data)
        return false;
    char *blocks = strstr(text.data, "Block devices:"), *rest = NULL, number[16];
    if (blocks && type == 'c')
        *blocks = '\0';
    char *begin = type == 'c' ? text.data : blocks;
    for (char *line = begin ? strtok_r(begin, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest))
        if (sscanf(line, "%15s %63s", number, ret) == 2 && strcmp(number, major) == 0)
            return true;
    return false;
}

/* "c 1:3 rwm" as a pair of systemd.resource-control(5), "DeviceAllow=". */
static void put_device(struct keg_buf *properties, const char *rule)
{
    char type, major[16], minor[16], access[4], driver[64], node[64];
    if (sscanf(rule, "%c %15[0-9*]:%15[0-9*] %3s", &type, major, minor, access) != 4)
        return;
    const char *kind = type == 'c' ? "char" : "block";
    if (*major == '*')
        (void)snprintf(node, sizeof(node), "%s-*", kind);
    else if (*minor != '*')
        (void)snprintf(node, sizeof(node), "/dev/%s/%s:%s", kind, major, minor);
    else if (find_driver(type, major, driver))
        (void)snprintf(node, sizeof(node), "%s-%.48s", kind, driver);
    else
        return;
    dbus_put_align(properties, 8);
    dbus_put_string(properties, node);
    dbus_put_string(properties, access);
}

static void put_devices(const struct cgroup_plan *plan, struct keg_buf *properties)
{
    const char *first = find_value(plan, "devices.deny");
    if (!first || strcmp(first, "a") != 0)
        return;
    begin_property(properties, "DevicePolicy", "s");
    dbus_put_string(properties, "strict");
    begin_property(properties, "DeviceAllow", "a(ss)");
    size_t devices = dbus_open_array(properties, 8);
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->writes[i].file, "devices.allow") == 0)
            put_device(properties, plan->writes[i].value);
    dbus_close_array(properties, devices, 8);
}

void systemd_put_limits(const struct cgroup_plan *plan, struct keg_buf *properties)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(limits); i++) {
        const char *value = find_value(plan, limits[i].file);
        if (value)
            put_u64_property(properties, limits[i].property, parse_limit(value));
    }
    put_cpu_quota(plan, properties);
    put_devices(plan, properties);
}

/* ---- annotations */

static const struct {
    const char *prefix, *type;
    int64_t min;
    uint64_t max;
} numbers[] = {
    {"", "i", INT32_MIN, INT32_MAX}, {"int32 ", "i", INT32_MIN, INT32_MAX},
    {"uint32 ", "u", 0, UINT32_MAX}, {"int64 ", "x", INT64_MIN, INT64_MAX},
    {"uint64 ", "t", 0, UINT64_MAX},
};

static void put_number(struct keg_buf *properties, const char *type, uint64_t value)
{
    if (*type == 'i' || *type == 'u')
        dbus_put_u32(properties, (uint32_t)value);
    else
        dbus_put_u64(properties, value);
}

static bool parse_number(const char *text, int64_t min, uint64_t max, uint64_t *ret)
{
    int64_t negative;
    if (*text != '-')
        return keg_parse_u64(text, 0, max, ret) == 0;
    if (keg_parse_i64(text, min, -1, &negative) < 0)
        return false;
    *ret = (uint64_t)negative;
    return true;
}

static bool put_any_number(struct keg_buf *properties, const char *name, const char *value)
{
    for (size_t i = 0; i < KEG_ARRAY_SIZE(numbers); i++) {
        uint64_t number;
        size_t length = strlen(numbers[i].prefix);
        if (strncmp(value, numbers[i].prefix, length) != 0 ||
            !parse_number(value + length, numbers[i].min, numbers[i].max, &number))
            continue;
        begin_property(properties, name, numbers[i].type);
        put_number(properties, numbers[i].type, number);
        return true;
    }
    return false;
}

/* A string in quotes, without escapes: *end is behind it, and the closing quote is cut out. */
static char *take_quoted(char *text, char **end)
{
    char quote = *text;
    if (quote != '\'' && quote != '"')
        return NULL;
    char *close = text + 1 + strcspn(text + 1, quote == '"' ? "\"\\" : "'\\");
    if (*close != quote)
        return NULL;
    *close = '\0';
    *end = close + 1;
    return text + 1;
}

static bool put_quoted(struct keg_buf *properties, const char *name, char *value)
{
    char *end, *text = take_quoted(value, &end);
    if (!text || *end)
        return false;
    begin_property(properties, name, "s");
    dbus_put_string(properties, text);
    return true;
}

/* "['a', 'b']" */
static bool put_list(struct keg_buf *properties, const char *name, char *value)
{
    if (*value != '[')
        return false;
    begin_property(properties, name, "as");
    size_t array = dbus_open_array(properties, 4);
    for (char *at = value + 1;;) {
        char *text = take_quoted(at + strspn(at, " "), &at);
        if (!text)
            return false;
        dbus_put_string(properties, text);
        at += strspn(at, " ");
        if (*at == ']' && !at[1])
            break;
        if (*at++ != ',')
            return false;
    }
    dbus_close_array(properties, array, 4);
    return true;
}

static bool put_value(struct keg_buf *properties, const char *name, char *value)
{
    if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) {
        begin_property(properties, name, "b");
        dbus_put_bool(properties, *value == 't');
        return true;
    }
    return put_quoted(properties, name, value) || put_list(properties, name, value) ||
           put_any_number(properties, name, value);
}

/* "TimeoutStopSec=10" -> TimeoutStopUSec: D-Bus knows microseconds only. */
static bool put_seconds(struct keg_buf *properties, const char *name, const char *value)
{
    char renamed[NAME_MAX];
    uint64_t seconds;
    size_t length = strlen(name) - strlen("Sec");
    while (keg_starts_with(value, "uint") || keg_starts_with(value, "int"))
        value += strcspn(value, " ") + (strchr(value, ' ') != NULL);
    if (keg_parse_u64(value, 0, UINT64_MAX / US_PER_S, &seconds) < 0 ||
        length + sizeof("USec") > sizeof(renamed))
        return false;
    (void)snprintf(renamed, sizeof(renamed), "%.*sUSec", (int)length, name);
    put_u64_property(properties, renamed, seconds * US_PER_S);
    return true;
}

static bool is_property_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return *name && strspn(name, letters) == strlen(name);
}

int systemd_put_annotation(const char *annotation, struct keg_buf *properties, struct keg_err *err)
{
    static const char prefix[] = "org.systemd.property.";
    if (!keg_starts_with(annotation, prefix))
        return 0;
    _cleanup_free_ char *name = keg_strdup(annotation + strlen(prefix));
    if (!name)
        return keg_fail(err, -ENOMEM, "out of memory");
    char *value = strchr(name, '=');
    if (value)
        *value++ = '\0';
    if (!value || !is_property_name(name))
        return keg_fail(err, -EINVAL, "annotation '%s%s': it names no property", prefix, name);
    bool seconds = keg_ends_with(name, "Sec") && !keg_ends_with(name, "USec");
    if (!(seconds ? put_seconds(properties, name, value) : put_value(properties, name, value)))
        return keg_fail(err, -EINVAL,
                        "annotation '%s%s': its value is no string, list of strings, number, true "
                        "or false",
                        prefix, name);
    return 0;
}
