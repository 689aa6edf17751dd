/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/sdn.h - the analyser of the software-defined network. */
#pragma once
#include "proximo-client/blast/blast.h"

/* PIC_STORAGE | PIC_CONFIGS | PIC_HA | PIC_NETWORK | PIC_SDN, of every node and guest */
#define BLAST_SDN_NEEDS BLAST_NETWORK_NEEDS
/* Requests of one plan to /cluster/sdn…, in order. What none of them applies is only pending, and
 * told as such; applying reloads every node's interfaces with what is staged there. */
int blast_sdn(const struct picture *p, const struct blast_request *req, size_t n,
              const struct blast_way *way, struct draft *d);
