/* SPDX-License-Identifier: Apache-2.0 */
/* state.json: written by the launcher, read by whoever looks after a container later. */
#include "run/state.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/syscall.h>

#define OCI_VERSION "1.0.2"

static json_t *state_json(const struct state *state)
{
    char created[40], address[INET_ADDRSTRLEN] = "";
    keg_format_time(keg_now(), created);
    if (state->address.s_addr != 0)
        (void)inet_ntop(AF_INET, &state->address, address, sizeof(address));
    json_t *cgroups = keg_json_strv_new(state->cgroups);
    return json_pack("{s:s, s:s, s:s, s:i, s:I, s:o, s:s, s:s}", "ociVersion", OCI_VERSION, "id",
                     state->id, "status", state->status, "pid", (int)state->pid, "pid_start",
                     (json_int_t)state->pid_start_ticks, "cgroups", cgroups, "address", address,
                     "created", created);
}

int state_write(int rundir_fd, const struct state *state, struct keg_err *err)
{
    _cleanup_json_ json_t *json = state_json(state);
    _cleanup_free_ char *text = json ? keg_json_dump(json, false) : NULL;
    if (!text)
        return keg_fail(err, -ENOMEM, "state: out of memory");
    int r = keg_replace_file(rundir_fd, STATE_FILE, text, strlen(text), 0600, false);
    return r < 0 ? keg_fail(err, r, "write '" STATE_FILE "': %s", keg_errno_text(r)) : 0;
}

static int read_numbers(const json_t *json, struct state_copy *ret, struct keg_err *err)
{
    json_int_t pid = 0, start = 0;
    int r = keg_json_require(keg_json_int(json, "pid", &pid, err), "pid", err);
    if (r >= 0)
        r = keg_json_require(keg_json_int(json, "pid_start", &start, err), "pid_start", err);
    if (r < 0)
        return r;
    if (pid <= 0 || pid > INT32_MAX || start < 0)
        return keg_fail(err, -EPROTO, "'pid' is no process number");
    ret->pid = (pid_t)pid;
    ret->pid_start_ticks = (uint64_t)start;
    return 0;
}

static int read_members(const json_t *json, struct state_copy *ret, struct keg_err *err)
{
    const char *address = "";
    int r = read_numbers(json, ret, err);
    if (r >= 0)
        r = keg_json_string(json, "address", &address, err);
    if (r >= 0 && *address && inet_pton(AF_INET, address, &ret->address) != 1)
        return keg_fail(err, -EPROTO, "'address' is no IPv4 address");
    if (r >= 0)
        r = keg_json_strv(json, "cgroups", &ret->cgroups, err);
    return r < 0 ? r : 0;
}

int state_read(int rundir_fd, struct state_copy *ret, struct keg_err *err)
{
    *ret = (struct state_copy){0};
    _cleanup_json_ json_t *json =
        keg_json_read(rundir_fd, STATE_FILE, KEG_STORE_FILE_MAX_BYTES, err);
    if (!json)
        return err->code;
    int r = read_members(json, ret, err);
    if (r < 0) {
        state_done(ret);
        return keg_wrap(err, STATE_FILE);
    }
    return 0;
}

void state_done(struct state_copy *state)
{
    keg_strv_free(state->cgroups);
    *state = (struct state_copy){0};
}

int state_open_process(const struct state_copy *state)
{
    uint64_t start;
    long fd = syscall(SYS_pidfd_open, state->pid, 0);
    if (fd < 0)
        return -errno;
    _cleanup_fd_ int pidfd = (int)fd;
    /* Looked at after the pidfd was opened: what it names now, it names for good. */
    if (keg_pid_start_time(state->pid, &start) < 0 || start != state->pid_start_ticks)
        return -ESRCH;
    return TAKE_FD(pidfd);
}
