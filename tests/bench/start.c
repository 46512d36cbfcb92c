/* SPDX-License-Identifier: Apache-2.0 */
/* Times container starts side by side: one run of each tool in turn, so that a busy moment meets
 * all of them.
 *
 *   start RUNS TOOLS     TOOLS is a file of lines  ROW|NAME|MOUNT NAMESPACE or -|LACKS|COMMAND
 *
 * A run is vfork to reaped. The first line is the floor that the others are divided by. COMMAND is
 * split at blanks. A tool whose first run fails is left out, with its message. Before each run it
 * waits (a while) for the machine to be idle. CPU time is that of the command and of the children
 * that it waited for. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TOOLS_MAX 32
#define ARGS_MAX  64
#define WARM_UPS  2

/* Idle: less than this share of the CPUs was busy in the last moment. */
#define BUSY_PERCENT  15
#define GATE_US       10000
#define GATE_TRIES    20
#define GATE_TOTAL_US 60e6

struct tool {
    const char *row, *name, *lacks;
    int mount_namespace; /* -1: ours */
    char *argv[ARGS_MAX];
    double *wall_us;
    double user_us, system_us;
    unsigned runs, failures;
    bool left_out;
};

static struct tool tools[TOOLS_MAX];
static size_t tools_count;
static int null_fd;

__attribute__((noreturn)) static void die(const char *what)
{
    fprintf(stderr, "start: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ----------------------------------------------------------------------------------------------
 * tools */

static void split_command(struct tool *tool, char *command)
{
    char *rest;
    size_t count = 0;

    for (char *word = strtok_r(command, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (count == ARGS_MAX - 1) {
            errno = E2BIG;
            die(tool->name);
        }
        tool->argv[count++] = word;
    }
    tool->argv[count] = NULL;
}

static void parse_tool(char *line, unsigned runs)
{
    struct tool *tool = &tools[tools_count];
    const char *mount_namespace;

    tool->row = strsep(&line, "|");
    tool->name = strsep(&line, "|");
    mount_namespace = strsep(&line, "|");
    tool->lacks = strsep(&line, "|");
    if (!line || tools_count == TOOLS_MAX) {
        errno = EINVAL;
        die(tool->row);
    }
    split_command(tool, line);
    tool->mount_namespace = -1;
    if (strcmp(mount_namespace, "-") != 0) {
        tool->mount_namespace = open(mount_namespace, O_RDONLY | O_CLOEXEC);
        if (tool->mount_namespace < 0)
            die(mount_namespace);
    }
    tool->wall_us = calloc(runs, sizeof(*tool->wall_us));
    if (!tool->wall_us)
        die("memory");
    tools_count++;
}

static void read_tools(const char *path, unsigned runs)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;

    if (!file)
        die(path);
    while (getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        parse_tool(line, runs);
        line = NULL; /* its words stay in use */
        size = 0;
    }
    fclose(file);
}

/* -------------------------------------------------------------------------------------------- the
 * host */

struct cpu_time {
    unsigned long long busy, total, steal;
};

static struct cpu_time cpu_time(void)
{
    unsigned long long v[8] = {0};
    struct cpu_time ret = {0};
    FILE *file = fopen("/proc/stat", "re");

    if (!file || fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2],
                        &v[3], &v[4], &v[5], &v[6], &v[7]) != 8)
        die("/proc/stat");
    fclose(file);
    for (size_t i = 0; i < 8; i++)
        ret.total += v[i];
    ret.busy = ret.total - v[3] - v[4];
    ret.steal = v[7];
    return ret;
}

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Returns whether it was idle in the end. */
static bool wait_for_idle(void)
{
    static double spent_us;

    for (int i = 0; i < GATE_TRIES && spent_us < GATE_TOTAL_US; i++) {
        struct cpu_time before = cpu_time(), after;

        usleep(GATE_US);
        after = cpu_time();
        if ((after.busy - before.busy) * 100 <= (after.total - before.total) * BUSY_PERCENT)
            return true;
        spent_us += GATE_US;
    }
    return false;
}

/* -------------------------------------------------------------------------------------------- one
 * run */

static double microseconds(struct timeval t)
{
    return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

/* Fills ret_usage; returns the wait status. vfork: what fork would cost has nothing to do with the
 * tool. */
static int run_once(const struct tool *tool, bool silent, double *ret_us, struct rusage *ret_usage)
{
    double begin = now_us();
    pid_t child = vfork();
    int status;

    if (child < 0)
        die("vfork");
    if (child == 0) {
        if (tool->mount_namespace >= 0 && setns(tool->mount_namespace, CLONE_NEWNS) < 0)
            _exit(126);
        dup2(null_fd, STDIN_FILENO);
        dup2(silent ? null_fd : STDERR_FILENO, STDOUT_FILENO);
        if (silent)
            dup2(null_fd, STDERR_FILENO);
        execvp(tool->argv[0], tool->argv);
        _exit(127);
    }
    while (wait4(child, &status, 0, ret_usage) < 0) {
        if (errno != EINTR)
            die("wait4");
    }
    *ret_us = now_us() - begin;
    return status;
}

static void warm_up(struct tool *tool)
{
    struct rusage usage;
    double us;

    for (int i = 0; i < WARM_UPS; i++) {
        int status = run_once(tool, false, &us, &usage);

        if (status == 0)
            continue;
        fprintf(stderr, "start: '%s' is left out: its first run ended with %d\n", tool->name,
                WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        tool->left_out = true;
        return;
    }
}

static void measure(struct tool *tool)
{
    struct rusage usage;
    double us;

    if (run_once(tool, true, &us, &usage) != 0) {
        tool->failures++;
        return;
    }
    tool->wall_us[tool->runs++] = us;
    tool->user_us += microseconds(usage.ru_utime);
    tool->system_us += microseconds(usage.ru_stime);
}

/* ------------------------------------------------------------------------------------------ the
 * table */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Of sorted values. */
static double percentile_ms(const struct tool *tool, unsigned percent)
{
    unsigned index = tool->runs * percent / 100;

    return tool->wall_us[index < tool->runs ? index : tool->runs - 1] / 1000;
}

static void print_tool(const struct tool *tool, double floor_ms)
{
    double p50 = percentile_ms(tool, 50);

    printf("%-3s %-26s %7.2f %7.2f %7.2f %7.2f %7.1f %7.2f %7.2f  %s", tool->row, tool->name,
           percentile_ms(tool, 0), percentile_ms(tool, 10), p50, percentile_ms(tool, 99),
           p50 / floor_ms, tool->user_us / tool->runs / 1000, tool->system_us / tool->runs / 1000,
           tool->lacks);
    if (tool->failures)
        printf(" [%u runs failed]", tool->failures);
    putchar('\n');
}

static void print_table(void)
{
    double floor_ms = 0;

    printf("%-3s %-26s %7s %7s %7s %7s %7s %7s %7s  %s\n", "row", "tool (ms)", "min", "p10", "p50",
           "p99", "p50/S0", "user", "sys", "what it does not do");
    for (size_t i = 0; i < tools_count; i++) {
        struct tool *tool = &tools[i];

        if (tool->left_out || tool->runs == 0) {
            printf("%-3s %-26s %7s\n", tool->row, tool->name, "failed");
            continue;
        }
        qsort(tool->wall_us, tool->runs, sizeof(*tool->wall_us), compare);
        if (floor_ms == 0)
            floor_ms = percentile_ms(tool, 50);
        print_tool(tool, floor_ms);
    }
}

int main(int argc, char **argv)
{
    unsigned runs = argc == 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0, busy = 0;
    struct cpu_time before, after;

    if (runs < 1 || runs > 100000) {
        fputs("usage: start RUNS TOOLS\n", stderr);
        return 2;
    }
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0)
        die("/dev/null");
    read_tools(argv[2], runs);
    for (size_t i = 0; i < tools_count; i++)
        warm_up(&tools[i]);
    before = cpu_time();
    for (unsigned round = 0; round < runs; round++) {
        for (size_t i = 0; i < tools_count; i++) {
            if (tools[i].left_out)
                continue;
            busy += !wait_for_idle();
            measure(&tools[i]);
        }
    }
    after = cpu_time();
    print_table();
    printf("\n%u runs each, in turn; %u of all began on a busy machine; stolen by other machines: "
           "%.1f %% of the"
           " CPU time\n",
           runs, busy,
           100.0 * (double)(after.steal - before.steal) / (double)(after.total - before.total));
    return 0;
}
