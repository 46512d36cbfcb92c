/* SPDX-License-Identifier: Apache-2.0 */
/* Names for containers whose user chose none. */
#pragma once

/* cmd_random_name(attempt, text): A name for a container, "adjective_surname"; from the second
 * ${attempt} (1 and up) on with that number behind. ${text} holds 64. 0 or -errno (getrandom(2)).
 */
int cmd_random_name(unsigned attempt, char text[static 64]);
