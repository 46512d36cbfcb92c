/* SPDX-License-Identifier: Apache-2.0 */
/* A process as `ps -ef` shows it, read from /proc. */
#include "cmd/runtime/ps.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define FILE_MAX (256u * 1024)

/* devices.txt of the kernel */
enum { MAJOR_TTY = 4, MAJOR_PTS_FIRST = 136, MAJOR_PTS_LAST = 143 };

/* The name in parentheses may hold anything, blanks and parentheses too: what counts is behind the
 * last one. */
int runtime_ps_parse_stat(const char *text, struct runtime_ps_row *ret, uint64_t *ret_ticks)
{
    const char *open = strchr(text, '('), *behind = strrchr(text, ')');
    uint64_t user, system;
    int ppid, tty;
    if (!open || !behind || open > behind ||
        sscanf(behind + 1,
               " %*c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
               " %*d %*d %*d %*d %*d %*d %" SCNu64,
               &ppid, &tty, &user, &system, ret_ticks) != 5)
        return -EPROTO;
    ret->ppid = ppid;
    ret->tty = (unsigned)tty;
    ret->cpu_s = (user + system) / (uint64_t)sysconf(_SC_CLK_TCK);
    return 0;
}

void runtime_ps_tty(unsigned tty, char text[static 16])
{
    unsigned major_number = major(tty), minor_number = minor(tty);
    if (major_number >= MAJOR_PTS_FIRST && major_number <= MAJOR_PTS_LAST)
        snprintf(text, 16, "pts/%u", ((major_number - MAJOR_PTS_FIRST) << 20) + minor_number);
    else if (major_number == MAJOR_TTY && minor_number < 64)
        snprintf(text, 16, "tty%u", minor_number);
    else
        snprintf(text, 16, "?");
}

static void set_times(struct runtime_ps_row *row, uint64_t start_ticks)
{
    struct timespec boot;
    (void)clock_gettime(CLOCK_BOOTTIME, &boot);
    time_t since_boot = (time_t)(start_ticks / (uint64_t)sysconf(_SC_CLK_TCK));
    time_t age = boot.tv_sec > since_boot ? boot.tv_sec - since_boot : 0;
    row->started = keg_now().tv_sec - age;
    row->cpu_percent = age > 0 ? (unsigned)(100 * row->cpu_s / (uint64_t)age) : 0;
}

static int read_file(pid_t pid, const char *name, struct keg_buf *ret)
{
    char path[48];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    return keg_read_file(AT_FDCWD, path, FILE_MAX, ret, NULL);
}

/* A kernel thread and a zombie have no arguments, but a name: "(comm)" of stat, in brackets. */
static char *command_of(struct keg_buf *arguments, const char *stat)
{
    const char *open = strchr(stat, '('), *close = strrchr(stat, ')');
    if (arguments->length == 0)
        return keg_asprintf("[%.*s]", (int)(close - open - 1), open + 1);
    for (size_t i = 0; i + 1 < arguments->length; i++)
        if (arguments->data[i] == '\0')
            arguments->data[i] = ' ';
    return keg_buf_take(arguments);
}

static int read_owner(pid_t pid, uint32_t *ret)
{
    char path[32];
    struct stat st;
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    if (stat(path, &st) < 0)
        return -errno;
    *ret = st.st_uid;
    return 0;
}

int runtime_ps_read(pid_t pid, struct runtime_ps_row *ret)
{
    _cleanup_buf_ struct keg_buf stat_text = keg_buf_init(0), arguments = keg_buf_init(0);
    uint64_t ticks;
    *ret = (struct runtime_ps_row){.pid = pid};
    int r = read_file(pid, "stat", &stat_text);
    if (r == 0)
        r = read_owner(pid, &ret->uid);
    if (r == 0)
        r = runtime_ps_parse_stat(stat_text.data, ret, &ticks);
    if (r == 0)
        r = read_file(pid, "cmdline", &arguments);
    if (r < 0)
        return r;
    set_times(ret, ticks);
    ret->command = command_of(&arguments, stat_text.data);
    return ret->command ? 0 : -ENOMEM;
}
