/* SPDX-License-Identifier: Apache-2.0 */
/* Our corner of nftables: one table, `inet keg`, written as raw nfnetlink transactions. */
#pragma once

#include "run/run.h"

#define NFT_TABLE "keg"

/* nft_ensure_masquerade(network, err): The chain `postrouting-<bridge>` of `inet keg` with the rule
 * "what comes from the subnet and does not leave by the bridge is masqueraded". Asks first (a
 * question costs some 10 us, a failed transaction 8 ms); where the chain or its rule is missing,
 * one transaction makes table, chain and rule anew. Idempotent and safe when several do it at once:
 * the transaction empties the chain first. A chain for each network, so that a missing rule is seen
 * without listing rules. */
int nft_ensure_masquerade(const struct run_network *network, struct keg_err *err);
