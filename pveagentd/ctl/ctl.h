/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd/ctl/ctl.h - what pveagentctl's files share. Each command returns an exit status. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "pveagentd/priv/priv.h"

struct buf;
struct err;

#define CTL_ADDRESSES 8

struct ctl {
    struct priv p;
    char **args;
    size_t n_args;
    const char *rights;
    const char *address[CTL_ADDRESSES];
    size_t n_addresses;
    bool shared;
    bool do_switch;
    const char *daemon;   /* the front end's program */
    const char *tls_cert; /* its certificate (PEM) */
};

int ctl_fail(const struct err *e); /* prints it */
int ctl_usage(void);
int ctl_check(struct ctl *k);
int ctl_edit(struct ctl *k);
int ctl_explain(struct ctl *k);
int ctl_announce(struct ctl *k);
int ctl_roster(struct ctl *k);
int ctl_revoke(struct ctl *k);
int ctl_rotate(struct ctl *k);
struct hash;
/* Where this node is and which TLS keys it has and will have, in place of what was announced. */
int ctl_announce_at(struct priv *p, const char *const *address, size_t n, const struct hash *tls,
                    const struct hash *tls_next /* may be NULL */, struct err *e);
/* A new receipt key: the one before signs for it. Can be interrupted anywhere and run again. */
int ctl_rotate_receipt(struct priv *p, struct err *e);
/* After arming: what is known of this node's addresses is announced, or how to do it is said. */
void ctl_announce_armed(struct ctl *k);
/* Denials, here and on the cluster file system. */
int ctl_freeze(const struct priv *p, bool on, struct err *e);
int ctl_deny_key(const struct priv *p, const struct hash *spki, struct err *e);
/* SHA-256 of the public key in a PEM certificate. */
int ctl_cert_spki(const char *path, struct hash *ret, struct err *e);
/* enrol.c: a new receipt key, and the journals marked as the ones that belong to it. */
int ctl_arm(struct priv *p, struct err *e);
/* Makes the invitation and writes the line to hand over. addresses: host:port, n of them. */
int ctl_invitation(struct priv *p, const char *name, const char *rights,
                   const char *const *addresses, size_t n, const struct hash *tls_spki,
                   struct buf *ret_line, struct err *e);
