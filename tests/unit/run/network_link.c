/* SPDX-License-Identifier: Apache-2.0 */
/* Bridge, masquerade and containers' links on real kernels, as root; each test in a network
 * namespace of its own, so that nothing of the host's is touched. */
#include "run/network.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define PORT 7777

static struct network_bridge bridge;

static void own_network(void)
{
    if (geteuid() != 0)
        cr_skip_test("needs root");
    cr_assert_eq(unshare(CLONE_NEWNET), 0, "unshare: %s", strerror(errno));
    cr_assert_eq(network_loopback_inside(NULL), 0);
    if (!network_has_nftables())
        cr_skip_test("this kernel has no nftables");
}

TestSuite(network_link, .init = own_network, .timeout = 60);

static void ensure(const struct run_network *network)
{
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(network_ensure(network, &bridge, &err), 0, "%s", err.text);
}

static struct in_addr address_of(const char *name)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    struct sockaddr_in address = {0};
    if (ioctl(fd, SIOCGIFADDR, &request) == 0)
        memcpy(&address, &request.ifr_addr, sizeof(address));
    close(fd);
    return address.sin_addr;
}

/* Output of a program, or an exit status other than 0 as NULL. Borrowed until the next call. */
static const char *output_of(const char *program, const char *const *args)
{
    static char text[16384];
    int ends[2], status = -1;
    size_t length = 0;
    cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 1);
        execvp(program, (char *const *)(uintptr_t)args);
        _exit(127);
    }
    close(ends[1]);
    for (ssize_t n; (n = read(ends[0], text + length, sizeof(text) - 1 - length)) > 0;)
        length += (size_t)n;
    text[length] = '\0';
    close(ends[0]);
    waitpid(pid, &status, 0);
    return status == 0 ? text : NULL;
}

static const char *ruleset(void)
{
    const char *text = output_of("nft", (const char *[]){"nft", "list", "ruleset", NULL});
    if (!text)
        cr_skip_test("needs nft to look at the rules");
    return text;
}

static void expect_ruleset(void)
{
    cr_expect_str_eq(ruleset(), "table inet keg {\n"
                                "\tchain postrouting-keg0 {\n"
                                "\t\ttype nat hook postrouting priority srcnat; policy accept;\n"
                                "\t\tip saddr 10.78.0.0/16 oifname != \"keg0\" masquerade\n"
                                "\t}\n"
                                "}\n");
}

static char first_byte(const char *path)
{
    char byte = '?';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_expect_eq(read(fd, &byte, 1), 1, "%s", path);
    close(fd);
    return byte;
}

Test(network_link, the_first_ensure_makes_bridge_rule_and_forwarding)
{
    cr_expect_eq(first_byte("/proc/sys/net/ipv4/ip_forward"), '0');
    ensure(&run_network_default);
    cr_expect_eq(address_of("keg0").s_addr, htonl(0x0a4e0001));
    cr_expect_eq((unsigned)bridge.index, if_nametoindex("keg0"));
    cr_expect_eq(bridge.mtu, 1500);
    cr_expect_eq(first_byte("/proc/sys/net/ipv4/ip_forward"), '1');
    cr_expect_eq(first_byte("/proc/sys/net/ipv6/conf/keg0/disable_ipv6"), '1');
    expect_ruleset();
}

Test(network_link, a_second_ensure_changes_nothing)
{
    ensure(&run_network_default);
    int index = bridge.index;
    cr_assert_eq(keg_write_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "0", 1), 0);
    ensure(&run_network_default);
    cr_expect_eq(bridge.index, index);
    cr_expect_eq(first_byte("/proc/sys/net/ipv4/ip_forward"), '0',
                 "forwarding is the admin's once the bridge is there");
    expect_ruleset();
}

Test(network_link, flushed_rules_come_back)
{
    ensure(&run_network_default);
    ruleset();
    output_of("nft", (const char *[]){"nft", "flush", "ruleset", NULL});
    ensure(&run_network_default);
    expect_ruleset();
    output_of("nft", (const char *[]){"nft", "flush", "table", "inet", "keg", NULL});
    ensure(&run_network_default);
    expect_ruleset();
}

Test(network_link, two_networks_have_two_chains)
{
    struct run_network other = {"keg1", {htonl(0xc0000200)}, 24, {htonl(0xc0000201)}};
    ensure(&run_network_default);
    int index = bridge.index;
    ensure(&other);
    cr_expect_neq(bridge.index, index);
    const char *rules = ruleset();
    cr_expect(strstr(rules, "ip saddr 192.0.2.0/24 oifname != \"keg1\" masquerade"));
    cr_expect(strstr(rules, "ip saddr 10.78.0.0/16 oifname != \"keg0\" masquerade"));
}

Test(network_link, a_half_made_bridge_is_finished)
{
    const char *made =
        output_of("ip", (const char *[]){"ip", "link", "add", "keg0", "type", "bridge", NULL});
    if (!made)
        cr_skip_test("needs ip to make a bridge that is down");
    ensure(&run_network_default);
    cr_expect_eq(address_of("keg0").s_addr, htonl(0x0a4e0001));
    cr_expect_eq(first_byte("/proc/sys/net/ipv4/ip_forward"), '1');
}

Test(network_link, an_interface_that_is_no_bridge_is_left_alone)
{
    struct run_network lo = run_network_default;
    struct keg_err err;
    lo.bridge = "lo";
    cr_expect_eq(network_ensure(&lo, &bridge, &err), -EEXIST);
    cr_expect_str_eq(err.text, "interface 'lo' is there already and is no bridge");
}

Test(network_link, bad_bridge_names_are_errors)
{
    static const char *const bad[] = {"", "sixteen-bytes-xx", "a/b"};
    for (size_t i = 0; i < KEG_ARRAY_SIZE(bad); i++) {
        struct run_network network = run_network_default;
        network.bridge = bad[i];
        cr_expect_eq(network_ensure(&network, &bridge, NULL), -EINVAL, "'%s'", bad[i]);
    }
}

Test(network_link, many_at_once_make_one_bridge)
{
    pid_t pids[8];
    for (size_t i = 0; i < KEG_ARRAY_SIZE(pids); i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct keg_err err = KEG_ERR_INIT;
            int result = network_ensure(&run_network_default, &bridge, &err);
            if (result < 0)
                fprintf(stderr, "%s\n", err.text);
            _exit(result < 0);
        }
    }
    for (size_t i = 0; i < KEG_ARRAY_SIZE(pids); i++) {
        int status = -1;
        waitpid(pids[i], &status, 0);
        cr_expect_eq(status, 0);
    }
    cr_expect_eq(address_of("keg0").s_addr, htonl(0x0a4e0001));
    expect_ruleset();
}

/* A container: a process in a network namespace of its own, attached to a network and running
 * ${body}. */
struct container {
    pid_t pid;
    int go; /* write end: a byte lets it configure its network and run */
};

static struct in_addr inside_address;

static struct container container_start(const struct run_network *network, int (*body)(void))
{
    int ready[2], go[2];
    char byte;
    struct container c;
    cr_assert(pipe2(ready, O_CLOEXEC) == 0 && pipe2(go, O_CLOEXEC) == 0);
    c.pid = fork();
    if (c.pid == 0) {
        struct keg_err err = KEG_ERR_INIT;
        if (unshare(CLONE_NEWNET) < 0 || network_prepare_inside() < 0 ||
            write(ready[1], "r", 1) != 1 || read(go[0], &byte, 1) != 1)
            _exit(97);
        if (network_configure_inside(network, inside_address, &err) < 0) {
            fprintf(stderr, "%s\n", err.text);
            _exit(98);
        }
        _exit(body());
    }
    close(ready[1]);
    close(go[0]);
    cr_assert_eq(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    c.go = go[1];
    return c;
}

static void container_attach(const struct container *c, const char *id)
{
    struct keg_err err = KEG_ERR_INIT;
    int netns = network_netns_fd(-1, c->pid);
    cr_assert_geq(netns, 0);
    cr_assert_eq(network_attach(&bridge, netns, id, inside_address, &err), 0, "%s", err.text);
    close(netns);
    cr_assert_eq(write(c->go, "g", 1), 1);
}

static int container_wait(const struct container *c)
{
    int status = -1;
    waitpid(c->pid, &status, 0);
    close(c->go);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int run_container(const char *id, int (*body)(void))
{
    inside_address.s_addr = htonl(0x0a4e0507);
    struct container c = container_start(&run_network_default, body);
    container_attach(&c, id);
    return container_wait(&c);
}

static int has_address_and_mac(void)
{
    static const unsigned char expected[6] = {0x02, 0x6b, 10, 78, 5, 7};
    struct ifreq request = {.ifr_name = "eth0"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (address_of("eth0").s_addr != htonl(0x0a4e0507))
        return 1;
    if (ioctl(fd, SIOCGIFHWADDR, &request) < 0 ||
        memcmp(request.ifr_hwaddr.sa_data, expected, sizeof(expected)) != 0)
        return 2;
    if (ioctl(fd, SIOCGIFMTU, &request) < 0 || request.ifr_mtu != 1500)
        return 3;
    return address_of("lo").s_addr == htonl(INADDR_LOOPBACK) ? 0 : 4;
}

Test(network_link, a_container_has_its_address_mac_and_mtu)
{
    ensure(&run_network_default);
    cr_expect_eq(run_container("0123456789abcdef", has_address_and_mac), 0);
}

/* /proc/net/if_inet6: a line for each IPv6 address of the reader's namespace. */
static int has_ipv6_on_lo_only(void)
{
    char text[4096] = "";
    usleep(50000);
    int fd = open("/proc/self/net/if_inet6", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof(text) - 1) < 0)
        return 1;
    return strstr(text, "eth0") ? 2 : strstr(text, " lo\n") ? 0 : 3;
}

Test(network_link, a_container_has_no_ipv6_but_on_lo)
{
    ensure(&run_network_default);
    cr_expect_eq(run_container("0123456789abcdef", has_ipv6_on_lo_only), 0);
}

static int ping_gateway(void)
{
    return output_of("ping", (const char *[]){"ping", "-c1", "-W5", "10.78.0.1", NULL}) ? 0 : 1;
}

Test(network_link, a_container_reaches_its_gateway_at_once)
{
    ensure(&run_network_default);
    cr_expect_eq(run_container("0123456789abcdef", ping_gateway), 0);
}

static int send_to(uint32_t host)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr = {htonl(host)}};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return sendto(fd, "x", 1, 0, (struct sockaddr *)&to, sizeof(to)) == 1 ? 0 : 1;
}

static int send_to_internet(void)
{
    return send_to(0xc0000207);
}

/* The last byte of the sender's address, as an exit status. */
static int receive_on_internet(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(PORT)}, from = {0};
    socklen_t length = sizeof(from);
    struct timeval patience = {.tv_sec = 10};
    char byte;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0)
        return 95;
    kill(getppid(), SIGUSR1);
    if (recvfrom(fd, &byte, 1, 0, (struct sockaddr *)&from, &length) < 0)
        return 96;
    return (ntohl(from.sin_addr.s_addr) & 0xffffff00) == 0xc0000200
               ? (int)(ntohl(from.sin_addr.s_addr) & 0xff)
               : 94;
}

/* A second network plays the internet: what arrives there comes from the host, not from 10.78. */
Test(network_link, what_leaves_for_the_internet_is_masqueraded)
{
    struct run_network internet = {"net0", {htonl(0xc0000200)}, 24, {htonl(0xc0000201)}};
    sigset_t ready;
    int signal_number;
    sigemptyset(&ready);
    sigaddset(&ready, SIGUSR1);
    sigprocmask(SIG_BLOCK, &ready, NULL);
    ensure(&internet);
    inside_address.s_addr = htonl(0xc0000207);
    struct container host = container_start(&internet, receive_on_internet);
    container_attach(&host, "beef");
    sigwait(&ready, &signal_number);

    ensure(&run_network_default);
    cr_expect_eq(run_container("0123456789abcdef", send_to_internet), 0);
    cr_expect_eq(container_wait(&host), 1);
}

static int wait_for_kill(void)
{
    while (pause() < 0)
        continue;
    return 0;
}

/* The link of a container's last life goes with its namespace, some time after its last process. */
Test(network_link, a_container_that_is_started_again_at_once_gets_another_host_name)
{
    ensure(&run_network_default);
    inside_address.s_addr = htonl(0x0a4e0507);
    struct container first = container_start(&run_network_default, wait_for_kill);
    container_attach(&first, "0123456789abcdef");
    cr_expect_neq(if_nametoindex("keg0123456789a"), 0);
    cr_expect_eq(run_container("0123456789abcdef", has_address_and_mac), 0);
    kill(first.pid, SIGKILL);
    container_wait(&first);
    for (int i = 0; i < 500 && if_nametoindex("keg0123456789a"); i++)
        usleep(10000);
    cr_expect_eq(if_nametoindex("keg0123456789a"), 0, "the link goes with its namespace");
}

Test(network_link, host_names_come_from_the_id)
{
    char name[IFNAMSIZ];
    network_host_ifname("0123456789abcdef0123", 0, name);
    cr_expect_str_eq(name, "keg0123456789a");
    network_host_ifname("0123456789abcdef0123", 1, name);
    cr_expect_str_eq(name, "keg0123456789aa");
    network_host_ifname("web", 0, name);
    cr_expect_eq(strlen(name), 14);
    cr_expect(keg_starts_with(name, "keg"));
}

static int loopback_answers(void)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof(here);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return bind(listener, (struct sockaddr *)&here, sizeof(here)) == 0 &&
                   listen(listener, 1) == 0 &&
                   getsockname(listener, (struct sockaddr *)&here, &length) == 0 &&
                   connect(client, (struct sockaddr *)&here, sizeof(here)) == 0
               ? 0
               : 1;
}

Test(network_link, network_none_has_lo_and_nothing_else)
{
    cr_assert_eq(unshare(CLONE_NEWNET), 0);
    cr_expect_eq(loopback_answers(), 1);
    cr_expect_eq(network_loopback_inside(NULL), 0);
    cr_expect_eq(loopback_answers(), 0);
    cr_expect_eq(if_nametoindex("eth0"), 0);
}

Test(network_link, missing_eth0_is_named)
{
    struct keg_err err;
    struct in_addr address = {htonl(0x0a4e0507)};
    cr_expect_eq(network_configure_inside(&run_network_default, address, &err), -ENODEV);
    cr_expect_str_eq(err.text, "look for 'eth0': no such device");
}
