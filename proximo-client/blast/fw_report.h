/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/blast/fw_report.h - between the firewall's comparison and the draft. Inside of the
 * firewall analyser. */
#pragma once
#include "proximo-client/blast/blast_int.h"
#include "proximo-client/blast/fw.h"

/* The model of fw.h from what was read. what: PIC_FW_ bits; vmid 0 = every guest. New value. */
js *fw_model(const struct picture *p, unsigned int what, uint32_t vmid);

/* Tells the draft what differs. own: the address we talk to the cluster from; v == 0: not known. */
struct fw_report {
    const struct picture *p;
    const struct fw_conf *before, *after;
    struct fw_net own;
    struct draft *d;
    struct tally tally;
    bool any;        /* something differs */
    bool incomplete; /* a place had too many classes of packets */
};
void fw_report_host(struct fw_report *r, const struct fw_host *before, const struct fw_host *after);
void fw_report_guest(struct fw_report *r, const struct fw_guest *before,
                     const struct fw_guest *after);
void fw_report_vnet(struct fw_report *r, const struct fw_vnet *before, const struct fw_vnet *after);
