/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/sdn.h - the analyser of the software-defined network. */
#pragma once
#include "proximo-client/blast/blast.h"

/* PIC_STORAGE | PIC_CONFIGS | PIC_HA | PIC_NETWORK | PIC_SDN, of every node and guest */
#define BLAST_SDN_NEEDS BLAST_NETWORK_NEEDS
/* Requests of one plan to /cluster/sdn…, in order, and between them such as stage interfaces of
 * nodes (the way back of an apply). What none of them applies is only pending, and told as such;
 * applying reloads every node's interfaces with what is staged there. */
int blast_sdn(const struct picture *p, const struct blast_request *req, size_t n,
              const struct blast_way *way, struct draft *d);

/* One item of a list that was asked for with pending=1, as it runs or as it is configured; NULL: it
 * is not there. A new value. */
js *net_sdn_item(const js *o, bool running);
