/* SPDX-License-Identifier: Apache-2.0 */
/* Closing what must not reach a container. */
#pragma once

/* child_close_fds_from(first): Close every fd from ${first} on, really and not only at execve: an
 * image may name /proc/self/fd/N as its program (CVE-2024-21626). Child only. */
void child_close_fds_from(unsigned first);
