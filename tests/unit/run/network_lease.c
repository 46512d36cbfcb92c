/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: one file an address, whole or not at all, taken once. */
#include "run/run.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dirent.h>
#include <string.h>
#include <sys/wait.h>

static char folder[] = "/tmp/keg-lease-XXXXXX";
static int leases = -1;

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    leases = keg_openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    cr_assert_geq(leases, 0);
}

static void remove_folder(void)
{
    int tmp = keg_openat(AT_FDCWD, "/tmp", O_RDONLY | O_DIRECTORY, 0);
    keg_remove_tree(tmp, folder + strlen("/tmp/"));
    close(tmp);
    close(leases);
}

TestSuite(network_lease, .init = make_folder, .fini = remove_folder);

/* 192.0.2.0/prefix, gateway 192.0.2.1 */
static struct run_network network(unsigned prefix_length)
{
    return (struct run_network){"keg0", {htonl(0xc0000200)}, prefix_length, {htonl(0xc0000201)}};
}

static unsigned count_files(void)
{
    unsigned count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; (entry = readdir(dir));)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return count;
}

static uint32_t lease(unsigned prefix_length, const char *id)
{
    struct run_network net = prefix_length == 16 ? run_network_default : network(prefix_length);
    struct in_addr address = {0};
    struct keg_err err = KEG_ERR_INIT;
    cr_assert_eq(run_network_lease(&net, leases, id, &address, &err), 0, "%s", err.text);
    return ntohl(address.s_addr);
}

Test(network_lease, the_file_is_named_by_the_address_and_holds_the_id)
{
    struct in_addr address = {htonl(lease(24, "abc"))};
    char name[INET_ADDRSTRLEN];
    struct keg_buf text;
    inet_ntop(AF_INET, &address, name, sizeof(name));
    cr_assert_eq(keg_read_file(leases, name, 100, &text, NULL), 0);
    cr_expect_str_eq(text.data, "abc");
    cr_expect_eq(count_files(), 1);
    keg_buf_done(&text);
}

Test(network_lease, every_address_but_network_gateway_and_broadcast_is_leased_once)
{
    bool seen[8] = {false};
    for (int i = 0; i < 5; i++) {
        char id[16];
        snprintf(id, sizeof(id), "c%d", i);
        uint32_t host = lease(29, id) & 7;
        cr_expect(host >= 2 && host <= 6);
        cr_expect_not(seen[host]);
        seen[host] = true;
    }
    struct run_network net = network(29);
    struct in_addr address;
    struct keg_err err;
    cr_expect_eq(run_network_lease(&net, leases, "late", &address, &err), -EADDRNOTAVAIL);
    cr_expect_str_eq(err.text, "network 'keg0': all addresses are taken");
    cr_expect_eq(count_files(), 5);
}

Test(network_lease, the_smallest_network_has_one)
{
    cr_expect_eq(lease(30, "only"), 0xc0000202);
    struct run_network net = network(30);
    struct in_addr address;
    cr_expect_eq(run_network_lease(&net, leases, "other", &address, NULL), -EADDRNOTAVAIL);
    address.s_addr = htonl(0xc0000202);
    cr_expect_eq(run_network_release(leases, "only", address), 0);
    cr_expect_eq(lease(30, "other"), 0xc0000202);
}

Test(network_lease, what_a_crash_left_is_taken_again_by_its_container)
{
    uint32_t first = lease(16, "abc");
    cr_expect_eq(lease(16, "abc"), first);
    cr_expect_eq(count_files(), 1);
}

Test(network_lease, only_its_holder_gives_it_back)
{
    struct in_addr address = {htonl(lease(24, "abc"))};
    cr_expect_eq(run_network_release(leases, "abcd", address), 0);
    cr_expect_eq(run_network_release(leases, "ab", address), 0);
    cr_expect_eq(count_files(), 1);
    cr_expect_eq(run_network_release(leases, "abc", address), 0);
    cr_expect_eq(count_files(), 0);
    cr_expect_eq(run_network_release(leases, "abc", address), 0);
}

Test(network_lease, ids_spread_over_the_network)
{
    unsigned near = 0;
    uint32_t last = lease(16, "id0");
    for (int i = 1; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof(id), "id%d", i);
        uint32_t now = lease(16, id);
        near += now - last < 16 || last - now < 16;
        last = now;
    }
    cr_expect_leq(near, 2);
}

Test(network_lease, many_at_once_never_share_an_address)
{
    pid_t pids[4];
    for (int p = 0; p < 4; p++) {
        pids[p] = fork();
        if (pids[p] == 0) {
            struct run_network net = network(24);
            for (int i = 0; i < 50; i++) {
                char id[32];
                struct in_addr address;
                snprintf(id, sizeof(id), "p%d-%d", p, i);
                if (run_network_lease(&net, leases, id, &address, NULL) < 0)
                    _exit(1);
            }
            _exit(0);
        }
    }
    for (int p = 0; p < 4; p++) {
        int status = -1;
        waitpid(pids[p], &status, 0);
        cr_expect_eq(status, 0);
    }
    cr_expect_eq(count_files(), 200);
}

Test(network_lease, bad_networks_and_ids_are_named)
{
    struct run_network net = network(31);
    struct in_addr address;
    struct keg_err err;
    cr_expect_eq(run_network_lease(&net, leases, "x", &address, &err), -EINVAL);
    cr_expect_str_eq(err.text, "network 'keg0': prefix length 31 is not between 8 and 30");
    net = network(16);
    cr_expect_eq(run_network_lease(&net, leases, "x", &address, &err), -EINVAL);
    cr_expect_str_eq(err.text, "network 'keg0': the subnet has host bits set");
    net = network(24);
    net.gateway.s_addr = htonl(0xc00002ff);
    cr_expect_eq(run_network_lease(&net, leases, "x", &address, &err), -EINVAL);
    cr_expect_str_eq(err.text, "network 'keg0': the gateway is no host of the subnet");
    net = network(24);
    cr_expect_eq(run_network_lease(&net, leases, "../x", &address, &err), -EINVAL);
    cr_expect_str_eq(err.text, "container id '../x' is not valid");
    cr_expect_eq(count_files(), 0);
}
