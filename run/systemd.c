/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to systemd. */
#include "run/systemd.h"

#include "run/dbus.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* user_namespaces(7); include/linux/proc_ns.h, PROC_USER_INIT_INO. */
#define INITIAL_USER_NAMESPACE 0xEFFFFFFDu

#define UNIT_EXISTS "org.freedesktop.systemd1.UnitExists"

static const struct dbus_method manager = {.destination = "org.freedesktop.systemd1",
                                           .path = "/org/freedesktop/systemd1",
                                           .interface = "org.freedesktop.systemd1.Manager"};
static const struct dbus_method bus = {.destination = "org.freedesktop.DBus",
                                       .path = "/org/freedesktop/DBus",
                                       .interface = "org.freedesktop.DBus"};

/* A job's end, as systemd tells it. */
struct job_end {
    const char *unit; /* whose jobs are looked at; borrowed */
    char job[256];
    char result[64];
};

static int call(struct dbus *dbus, const struct dbus_method *object, const char *member,
                const char *signature, const struct keg_buf *body, struct dbus_message *ret,
                struct keg_err *err)
{
    struct dbus_method method = *object;
    method.member = member;
    return dbus_call(dbus, &method, signature, body, ret, err);
}

/* ---- where it listens */

bool systemd_is_users(void)
{
    struct stat st;
    return geteuid() != 0 ||
           (stat("/proc/self/ns/user", &st) == 0 && st.st_ino != INITIAL_USER_NAMESPACE);
}

/* The first address of "unix:path=/run/user/1/bus,guid=...;..." that is a socket, as
 * dbus_connect() takes it. */
static char *parse_address(const char *address)
{
    static const struct {
        const char *prefix, *sign;
    } kinds[] = {{"unix:path=", ""}, {"unix:abstract=", "@"}};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(kinds); i++) {
        if (!keg_starts_with(address, kinds[i].prefix))
            continue;
        const char *name = address + strlen(kinds[i].prefix);
        return keg_asprintf("%s%.*s", kinds[i].sign, (int)strcspn(name, ",;"), name);
    }
    return NULL;
}

static char *users_address(bool *ret_bus)
{
    const char *session = getenv("DBUS_SESSION_BUS_ADDRESS"), *runtime = getenv("XDG_RUNTIME_DIR");
    char *address = session ? parse_address(session) : NULL;
    *ret_bus = true;
    if (address || !runtime)
        return address;
    address = keg_asprintf("%s/bus", runtime);
    if (address && access(address, F_OK) == 0)
        return address;
    *ret_bus = false;
    free(address);
    return keg_asprintf("%s/systemd/private", runtime);
}

static char *own_address(bool *ret_bus)
{
    static const char private[] = "/run/systemd/private";
    if (systemd_is_users())
        return users_address(ret_bus);
    *ret_bus = access(private, F_OK) < 0;
    return keg_strdup(*ret_bus ? "/run/dbus/system_bus_socket" : private);
}

static int register_at_bus(struct dbus *dbus, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf match = keg_buf_init(DBUS_BODY_MAX_BYTES);
    dbus_put_string(&match, "type='signal',sender='org.freedesktop.systemd1',"
                            "interface='org.freedesktop.systemd1.Manager',member='JobRemoved'");
    int result = call(dbus, &bus, "Hello", "", NULL, NULL, err);
    return result < 0 ? result : call(dbus, &bus, "AddMatch", "s", &match, NULL, err);
}

static int connect_manager(struct dbus *ret, struct keg_err *err)
{
    bool is_bus = false;
    struct keg_err cause = KEG_ERR_INIT;
    _cleanup_free_ char *address = own_address(&is_bus);
    int result = address ? dbus_connect(address, SYSTEMD_TIMEOUT_MS, ret, &cause)
                         : keg_fail(&cause, -ENOENT,
                                    "no $DBUS_SESSION_BUS_ADDRESS and no "
                                    "$XDG_RUNTIME_DIR");
    if (result == 0 && is_bus && (result = register_at_bus(ret, &cause)) < 0)
        dbus_close(ret);
    if (result < 0)
        return keg_fail(err, -ENOTSUP,
                        "cgroups by systemd: it cannot be reached (%s); without --systemd-cgroup "
                        "keg makes them itself",
                        cause.text);
    return 0;
}

/* ---- jobs */

static void note_job(const struct dbus_message *message, void *data)
{
    struct job_end *end = data;
    struct dbus_reader body = message->body;
    if (strcmp(message->member, "JobRemoved") != 0 || strcmp(message->signature, "uoss") != 0)
        return;
    (void)dbus_take_u32(&body);
    const char *job = dbus_take_string(&body), *unit = dbus_take_string(&body);
    const char *result = dbus_take_string(&body);
    if (body.failed || strcmp(unit, end->unit) != 0)
        return;
    (void)snprintf(end->job, sizeof(end->job), "%s", job);
    (void)snprintf(end->result, sizeof(end->result), "%s", result);
}

static int await_job(struct dbus *dbus, struct dbus_message *reply, struct job_end *end,
                     struct keg_err *err)
{
    const char *job = strcmp(reply->signature, "o") == 0 ? dbus_take_string(&reply->body) : "";
    if (!*job || strlen(job) >= sizeof(end->job))
        return keg_fail(err, -EPROTO, "its answer names no job");
    while (strcmp(end->job, job) != 0) {
        int result = dbus_next(dbus, err);
        if (result < 0)
            return result;
    }
    if (strcmp(end->result, "done") != 0)
        return keg_fail(err, -ECANCELED, "the job ended with '%s'", end->result);
    return 0;
}

/* ---- scopes */

static void begin(struct keg_buf *properties, const char *name, const char *type)
{
    dbus_put_align(properties, 8);
    dbus_put_string(properties, name);
    dbus_put_signature(properties, type);
}

static void put_bool(struct keg_buf *properties, const char *name, bool value)
{
    begin(properties, name, "b");
    dbus_put_bool(properties, value);
}

static void put_text(struct keg_buf *properties, const char *name, const char *value)
{
    begin(properties, name, "s");
    dbus_put_string(properties, value);
}

static void put_pid(struct keg_buf *properties, pid_t pid)
{
    begin(properties, "PIDs", "au");
    size_t pids = dbus_open_array(properties, 4);
    dbus_put_u32(properties, (uint32_t)pid);
    dbus_close_array(properties, pids, 4);
}

static int put_properties(struct keg_buf *body, const struct systemd_unit *unit, const char *id,
                          pid_t pid, char *const *annotations, const struct cgroup_plan *plan,
                          struct keg_err *err)
{
    static const char *const accounting[] = {"CPUAccounting", "MemoryAccounting", "IOAccounting",
                                             "TasksAccounting"};
    _cleanup_free_ char *description = keg_asprintf("keg container %s", id);
    if (!description)
        return keg_fail(err, -ENOMEM, "out of memory");
    size_t properties = dbus_open_array(body, 8);
    put_text(body, "Description", description);
    put_text(body, "Slice", unit->slice);
    put_pid(body, pid);
    /* keg has the say below, and systemd enables the controllers. */
    put_bool(body, "Delegate", true);
    put_bool(body, "DefaultDependencies", false);
    for (size_t i = 0; i < KEG_ARRAY_SIZE(accounting); i++)
        put_bool(body, accounting[i], true);
    systemd_put_limits(plan, body);
    for (; annotations && *annotations; annotations++) {
        int result = systemd_put_annotation(*annotations, body, err);
        if (result < 0)
            return result;
    }
    dbus_close_array(body, properties, 8);
    return 0;
}

static void name_unit(struct keg_buf *body, const char *unit)
{
    dbus_put_string(body, unit);
}

static void reset_failed(struct dbus *dbus, const char *scope)
{
    _cleanup_buf_ struct keg_buf body = keg_buf_init(DBUS_BODY_MAX_BYTES);
    name_unit(&body, scope);
    (void)call(dbus, &manager, "ResetFailedUnit", "s", &body, NULL, NULL);
}

/* One that failed keeps its name until it is forgotten. */
static int start_transient(struct dbus *dbus, const struct systemd_unit *unit,
                           const struct keg_buf *body, struct dbus_message *ret,
                           struct keg_err *err)
{
    static const char signature[] = "ssa(sv)a(sa(sv))";
    struct keg_err cause = KEG_ERR_INIT;
    int result = call(dbus, &manager, "StartTransientUnit", signature, body, ret, &cause);
    if (result == -EREMOTEIO && keg_starts_with(cause.text, UNIT_EXISTS)) {
        reset_failed(dbus, unit->scope);
        result = call(dbus, &manager, "StartTransientUnit", signature, body, ret, &cause);
        if (result == -EREMOTEIO && keg_starts_with(cause.text, UNIT_EXISTS))
            result = -EBUSY;
    }
    return result < 0 ? keg_fail(err, result, "%s", cause.text) : 0;
}

static int start_and_wait(struct dbus *dbus, const struct systemd_unit *unit,
                          const struct keg_buf *body, struct keg_err *err)
{
    struct job_end end = {.unit = unit->scope};
    struct dbus_message reply;
    dbus->on_signal = note_job;
    dbus->data = &end;
    int result = call(dbus, &manager, "Subscribe", "", NULL, NULL, err);
    if (result == 0)
        result = start_transient(dbus, unit, body, &reply, err);
    if (result < 0)
        return result;
    result = await_job(dbus, &reply, &end, err);
    dbus_message_done(&reply);
    if (result < 0)
        systemd_stop_scope(unit->scope);
    return result;
}

int systemd_start_scope(const struct systemd_unit *unit, const char *id, pid_t pid,
                        char *const *annotations, const struct cgroup_plan *plan,
                        struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf body = keg_buf_init(DBUS_BODY_MAX_BYTES);
    struct dbus dbus;
    name_unit(&body, unit->scope);
    dbus_put_string(&body, "replace");
    int result = put_properties(&body, unit, id, pid, annotations, plan, err);
    if (result < 0)
        return result;
    dbus_close_array(&body, dbus_open_array(&body, 8), 8);
    result = connect_manager(&dbus, err);
    if (result < 0)
        return result;
    result = start_and_wait(&dbus, unit, &body, err);
    dbus_close(&dbus);
    return result < 0 ? keg_wrap(err, "systemd: start '%s'", unit->scope) : 0;
}

int systemd_set_limits(const char *scope, const struct cgroup_plan *plan, struct keg_err *err)
{
    _cleanup_buf_ struct keg_buf body = keg_buf_init(DBUS_BODY_MAX_BYTES);
    struct dbus dbus;
    name_unit(&body, scope);
    dbus_put_bool(&body, true); /* until the next boot */
    size_t properties = dbus_open_array(&body, 8), before = body.length;
    systemd_put_limits(plan, &body);
    if (body.length == before)
        return 0;
    dbus_close_array(&body, properties, 8);
    int result = connect_manager(&dbus, err);
    if (result < 0)
        return result;
    result = call(&dbus, &manager, "SetUnitProperties", "sba(sv)", &body, NULL, err);
    dbus_close(&dbus);
    return result < 0 ? keg_wrap(err, "systemd: update '%s'", scope) : 0;
}

void systemd_stop_scope(const char *scope)
{
    _cleanup_buf_ struct keg_buf body = keg_buf_init(DBUS_BODY_MAX_BYTES);
    struct dbus dbus;
    name_unit(&body, scope);
    dbus_put_string(&body, "replace");
    if (connect_manager(&dbus, NULL) < 0)
        return;
    (void)call(&dbus, &manager, "StopUnit", "ss", &body, NULL, NULL);
    reset_failed(&dbus, scope);
    dbus_close(&dbus);
}
