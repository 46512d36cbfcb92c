/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in the child: the seccomp filter, and the sending of its listener. */
#include "run/child.h"

#include "run/channel.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define NOT_YET INT_MIN

/* What the child and its thread say to each other: by memory, since the filter may hold every call
 * of the child until the agent, to whom the listener is yet to come, has answered. */
struct delivery {
    int channel_fd;
    _Atomic int listener; /* set by the child; below 0: there is none to send */
    _Atomic int result;   /* set by the thread when it is done */
};

/* How often the thread looks. */
static const struct timespec pause_time = {.tv_nsec = 20000};

/* Installation does not go on to other threads, so that this one has no filter. It closes the
 * listener, too: pid 1 of --init lives on, its filter may forbid it to, and whoever took it over
 * would answer for the agent. */
static int deliver(void *argument)
{
    struct delivery *delivery = argument;
    int listener, r = 0;
    while ((listener = atomic_load(&delivery->listener)) == NOT_YET)
        (void)nanosleep(&pause_time, NULL);
    if (listener >= 0) {
        r = channel_send_fd(delivery->channel_fd, CHANNEL_SECCOMP, listener);
        (void)close(listener);
    }
    atomic_store(&delivery->result, r);
    return 0;
}

/* Threads end without anybody waiting for them, which a process would need. */
static int start_thread(struct delivery *delivery)
{
    static _Alignas(64) char stack[64 * 1024];
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    return clone(deliver, stack + sizeof(stack), flags, delivery) < 0 ? -errno : 0;
}

static int install_with_listener(const struct child *child, struct keg_err *err)
{
    static struct delivery delivery;
    delivery.channel_fd = child->channel_fd;
    atomic_store(&delivery.listener, NOT_YET);
    atomic_store(&delivery.result, NOT_YET);
    int r = start_thread(&delivery);
    if (r < 0)
        return keg_fail(err, r, "start a thread: %s", keg_errno_text(r));
    int listener = seccomp_install(&child->launch->seccomp, err);
    atomic_store(&delivery.listener, listener);
    while ((r = atomic_load(&delivery.result)) == NOT_YET)
        ;
    if (listener < 0)
        return listener;
    return r < 0 ? keg_fail(err, r, "send the listener: %s", keg_errno_text(r)) : 0;
}

int child_install_seccomp(const struct child *child, struct keg_err *err)
{
    const struct seccomp_filter *filter = &child->launch->seccomp;
    if (filter->length == 0)
        return 0;
    int r = filter->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER ? install_with_listener(child, err)
                                                             : seccomp_install(filter, err);
    return r < 0 ? keg_wrap(err, "seccomp") : 0;
}
