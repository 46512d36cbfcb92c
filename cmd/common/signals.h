/* SPDX-License-Identifier: Apache-2.0 */
/* Signals between the start of a container and whoever serves it. */
#pragma once

/* cmd_hold_signals(): Block those that run_proxy() forwards or ends by: what comes before it
 * listens waits for it, and does not end this process. */
void cmd_hold_signals(void);
