/* SPDX-License-Identifier: Apache-2.0 */
/* What parent and child say to each other arrives, whoever closes first. */
#include "run/channel.h"

#include <criterion/criterion.h>

Test(channel, last_words_arrive_although_the_child_did_not_listen)
{
    int ends[2];
    struct channel_message message;
    struct keg_err words = KEG_ERR_INIT;
    cr_assert_eq(channel_open(ends), 0);
    /* The child fails in its mounts while the parent says that the network is there. */
    cr_assert_eq(channel_send(ends[0], CHANNEL_NETWORK), 0);
    keg_fail(&words, -EACCES, "mount: refused");
    cr_assert_eq(channel_send_error(ends[1], &words), 0);
    close(ends[1]);
    cr_assert_eq(channel_receive(ends[0], &message), 1);
    cr_assert_eq(message.kind, CHANNEL_FAILED);
    cr_assert_eq(message.err.code, -EACCES);
    cr_assert_str_eq(message.err.text, "mount: refused");
    cr_assert_eq(channel_receive(ends[0], &message), 0);
    close(ends[0]);
}

Test(channel, a_closed_end_is_told_from_a_packet_of_nobody_ours)
{
    int ends[2];
    struct channel_message message;
    cr_assert_eq(channel_open(ends), 0);
    cr_assert_eq(write(ends[1], "\xff", 1), 1);
    cr_assert_eq(channel_receive(ends[0], &message), -EPROTO);
    close(ends[1]);
    cr_assert_eq(channel_receive(ends[0], &message), 0);
    cr_assert_eq(channel_send(ends[0], CHANNEL_START), -EPIPE);
    close(ends[0]);
}
