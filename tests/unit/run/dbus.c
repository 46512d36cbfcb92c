/* SPDX-License-Identifier: Apache-2.0 */
/* D-Bus by its bytes: what is sent, and what is taken from a server that may be anybody. */
#include "run/dbus.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* As systemd 252 took it: Subscribe, the first call of a connection. */
static const char subscribe[] =
    "l\1\0\1\0\0\0\0\1\0\0\0\222\0\0\0\1\1o\0\31\0\0\0/org/freedesktop/systemd1\0\0\0\0\0\0\0"
    "\6\1s\0\30\0\0\0org.freedesktop.systemd1\0\0\0\0\0\0\0\0"
    "\2\1s\0 \0\0\0org.freedesktop.systemd1.Manager\0\0\0\0\0\0\0\0"
    "\3\1s\0\t\0\0\0Subscribe\0\0\0\0\0\0";
/* And as it answered. */
static const char answer[] = "l\2\1\1\0\0\0\0\1\0\0\0)\0\0\0\5\1u\0\1\0\0\0"
                             "\7\1s\0\30\0\0\0org.freedesktop.systemd1\0\0\0\0\0\0\0";
static const char failure[] =
    "l\3\1\1\v\0\0\0\2\0\0\0\37\0\0\0\5\1u\0\1\0\0\0\4\1s\0\6\0\0\0a.b.No\0\0"
    "\10\1g\0\1s\0\0\6\0\0\0it may\0";
static const char signal_bytes[] = "l\4\1\1\b\0\0\0\3\0\0\0\27\0\0\0\3\1s\0\4\0\0\0Tick\0\0\0\0"
                                   "\10\1g\0\1u\0\0\7\0\0\0\0\0\0\0";

static const struct dbus_method method = {
    .destination = "org.freedesktop.systemd1",
    .path = "/org/freedesktop/systemd1",
    .interface = "org.freedesktop.systemd1.Manager",
    .member = "Subscribe",
};

/* ---- a server that says what it is told, once it has heard what it expects */

static char address[64];
static pid_t server;

static void read_exactly(int fd, const char *expected, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char byte;
        if (read(fd, &byte, 1) != 1 || byte != expected[i])
            _exit(2);
    }
}

static void serve(int listener, const char *greeting, const char *bytes, size_t length)
{
    char hello[64];
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    unsigned uid = geteuid();
    int count = snprintf(hello, sizeof(hello), "%cAUTH EXTERNAL ", 0);
    char decimal[16];
    snprintf(decimal, sizeof(decimal), "%u", uid);
    for (const char *c = decimal; *c; c++)
        count += snprintf(hello + count, sizeof(hello) - (size_t)count, "%02x", *c);
    count += snprintf(hello + count, sizeof(hello) - (size_t)count, "\r\nBEGIN\r\n");
    read_exactly(fd, hello, (size_t)count);
    if (write(fd, greeting, strlen(greeting)) < 0)
        _exit(3);
    read_exactly(fd, subscribe, sizeof(subscribe));
    if (length && write(fd, bytes, length) < 0)
        _exit(4);
    _exit(0);
}

static void start_server(const char *greeting, const char *bytes, size_t length)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(address, sizeof(address), "/tmp/keg-unit-dbus-%d", getpid());
    memcpy(name.sun_path, address, strlen(address) + 1);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
    cr_assert_eq(listen(listener, 1), 0);
    server = fork();
    if (server == 0)
        serve(listener, greeting, bytes, length);
    close(listener);
}

static void end_server(void)
{
    int status = 0;
    cr_expect_eq(waitpid(server, &status, 0), server);
    cr_expect_eq(WEXITSTATUS(status), 0, "the server heard something else");
    unlink(address);
}

static void count_signal(const struct dbus_message *message, void *data)
{
    struct dbus_reader body = message->body;
    cr_expect_str_eq(message->member, "Tick");
    *(int *)data += (int)dbus_take_u32(&body);
}

/* Call Subscribe at a server that answers ${bytes}. */
static int ask(const char *bytes, size_t length, int *ret_ticks, struct keg_err *err)
{
    struct dbus dbus;
    start_server("OK 0123456789abcdef0123456789abcdef\r\n", bytes, length);
    cr_assert_eq(dbus_connect(address, 5000, &dbus, err), 0, "%s", err->text);
    dbus.on_signal = count_signal;
    dbus.data = ret_ticks;
    int result = dbus_call(&dbus, &method, "", NULL, NULL, err);
    dbus_close(&dbus);
    end_server();
    return result;
}

Test(dbus, a_call_is_the_bytes_that_systemd_takes)
{
    struct keg_err err = KEG_ERR_INIT;
    int ticks = 0;
    cr_expect_eq(sizeof(subscribe) % 8, 0);
    cr_expect_eq(ask(answer, sizeof(answer), &ticks, &err), 0, "%s", err.text);
    cr_expect_eq(ticks, 0);
}

Test(dbus, signals_before_the_reply_are_handed_over)
{
    char bytes[sizeof(signal_bytes) - 1 + sizeof(answer)];
    struct keg_err err = KEG_ERR_INIT;
    int ticks = 0;
    memcpy(bytes, signal_bytes, sizeof(signal_bytes) - 1);
    memcpy(bytes + sizeof(signal_bytes) - 1, answer, sizeof(answer));
    cr_expect_eq(ask(bytes, sizeof(bytes), &ticks, &err), 0, "%s", err.text);
    cr_expect_eq(ticks, 7);
}

Test(dbus, an_error_in_reply_is_told_with_its_name)
{
    struct keg_err err = KEG_ERR_INIT;
    int ticks = 0;
    cr_expect_eq(ask(failure, sizeof(failure) - 1, &ticks, &err), -EREMOTEIO);
    cr_expect_str_eq(err.text, "a.b.No: it may");
}

Test(dbus, a_server_that_goes_away_is_told)
{
    struct keg_err err = KEG_ERR_INIT;
    int ticks = 0;
    cr_expect_eq(ask(answer, sizeof(answer) / 2, &ticks, &err), -ECONNRESET);
    cr_expect_str_eq(err.text, "Subscribe: connection reset by peer");
    cr_expect_eq(ask(answer, 0, &ticks, &err), -ECONNRESET);
}

Test(dbus, a_message_that_claims_to_be_huge_is_not_waited_for)
{
    struct keg_err err = KEG_ERR_INIT;
    char bytes[sizeof(answer)];
    int ticks = 0;
    memcpy(bytes, answer, sizeof(answer));
    bytes[7] = 0x40;
    cr_expect_eq(ask(bytes, sizeof(bytes), &ticks, &err), -EPROTO);
    cr_expect_str_eq(err.text, "Subscribe: its answer is no D-Bus message");
}

Test(dbus, a_server_that_refuses_or_says_nothing_is_told)
{
    struct keg_err err = KEG_ERR_INIT;
    struct dbus dbus;
    start_server("REJECTED EXTERNAL\r\n", NULL, 0);
    cr_expect_eq(dbus_connect(address, 5000, &dbus, &err), -EACCES);
    cr_expect(keg_ends_with(err.text, "': it refuses this user"), "%s", err.text);
    waitpid(server, NULL, 0);
    unlink(address);
    start_server("", NULL, 0);
    cr_expect_eq(dbus_connect(address, 50, &dbus, &err), -ETIMEDOUT);
    waitpid(server, NULL, 0);
    unlink(address);
    cr_expect_eq(dbus_connect("/nowhere/bus", 50, &dbus, &err), -ENOENT);
    cr_expect_str_eq(err.text, "'/nowhere/bus': no such file or directory");
}

/* ---- what is read */

Test(dbus, a_message_is_its_fields_and_its_body)
{
    struct dbus_message message;
    cr_assert_eq(dbus_parse((const uint8_t *)failure, sizeof(failure) - 1, &message), 0);
    cr_expect_eq(message.type, DBUS_ERROR);
    cr_expect_eq(message.reply_serial, 1);
    cr_expect_str_eq(message.error_name, "a.b.No");
    cr_expect_str_eq(message.signature, "s");
    cr_expect_str_eq(message.path, "");
    cr_expect_str_eq(dbus_take_string(&message.body), "it may");
    cr_expect_not(message.body.failed);
    cr_expect_str_eq(dbus_take_string(&message.body), "");
    cr_expect(message.body.failed);
}

/* Each byte of the fields and lengths set to what it must not be, and each cut: never read past the
 * end (the sanitizers look on), and nothing but 0 or -EPROTO. */
Test(dbus, damaged_messages_are_refused_or_harmless)
{
    const size_t length = sizeof(failure) - 1;
    for (size_t cut = 0; cut < length; cut++) {
        _cleanup_free_ uint8_t *bytes = malloc(cut + 1);
        struct dbus_message message;
        memcpy(bytes, failure, cut);
        cr_expect_eq(dbus_parse(bytes, cut, &message), -EPROTO, "cut at %zu", cut);
    }
    for (size_t i = 0; i < length * 256; i++) {
        _cleanup_free_ uint8_t *bytes = malloc(length);
        struct dbus_message message;
        memcpy(bytes, failure, length);
        bytes[i / 256] = (uint8_t)i;
        int result = dbus_parse(bytes, length, &message);
        cr_assert(result == 0 || result == -EPROTO);
        if (result == 0) {
            cr_assert_leq(strlen(message.error_name), length);
            cr_assert_leq(strlen(dbus_take_string(&message.body)), length);
        }
    }
}

Test(dbus, strings_with_a_nul_inside_are_refused)
{
    uint8_t bytes[] = "\3\0\0\0a\0c";
    struct dbus_reader reader = {.data = bytes, .length = sizeof(bytes)};
    cr_expect_str_eq(dbus_take_string(&reader), "");
    cr_expect(reader.failed);
}

Test(dbus, arrays_count_from_their_first_element)
{
    _cleanup_buf_ struct keg_buf body = keg_buf_init(1024);
    size_t array = dbus_open_array(&body, 8);
    dbus_put_u64(&body, 1);
    dbus_close_array(&body, array, 8);
    cr_expect_eq(body.length, 16);
    cr_expect_arr_eq(body.data, "\10\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16);
}
