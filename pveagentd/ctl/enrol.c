/* SPDX-License-Identifier: Apache-2.0 */
/* What root does once so that a node can be used: arming and inviting (runs as root, in
 * pveagentctl; the daemon only reads what is written here). Invariant: a node is armed by two files
 * that name each other, and the one that says so is written last. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/b64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/fd.h"
#include "common/fields.h"
#include "common/ident.h"
#include "common/limits.h"
#include "common/own.h"
#include "common/put.h"
#include "pveagentd/ctl/ctl.h"
#include "pveagentd/priv/join.h"

int ctl_arm(struct priv *p, struct err *e) {
    uint8_t raw[16];
    char id[33];
    int r = priv_key_make(p, "receipt.key", "receipt", "ed25519", e);

    random_bytes(raw, sizeof(raw));
    hex_encode(raw, sizeof(raw), id);
    r = r < 0 ? r : priv_read_keys(p, e);
    r = r < 0 ? r : file_replace(p->state_fd, "journal/id", id, strlen(id), 0600, e);
    return r < 0 ? r
                 : fields_save(&priv_arm_form, p->state_fd, "armed",
                               &(struct armed){{p->receipt_id}, id}, e);
}

int ctl_invitation(struct priv *p, const char *name, const char *rights,
                   const char *const *addresses, size_t n, const struct hash *tls_spki,
                   struct buf *ret_line, struct err *e) {
    CLEANUP(buf_wipe) struct buf b = BUF_INIT(LIM_LINE);
    CLEANUP(invitation_done)
    struct invitation v = {.name = name, .rights = rights, .expires = clock_unix() + INVITE_S};
    char hex[2 * INVITE_SECRET + 1];
    int r;

    if (!ident_is_client(name) || !n || n >= ARRAY_LEN(v.address)) {
        return err_tag(e, -EINVAL, "bad_argument", "an invitation needs a name and an address");
    }
    memcpy(v.address, addresses, n * sizeof(*addresses));
    random_bytes(v.secret, sizeof(v.secret));
    hex_encode(v.secret, sizeof(v.secret), hex);
    r = dir_make(p->state_fd, "invites", 0700, e);
    r = r < 0 ? r : invite_write(p, &v, e);
    r = r < 0 ? r : buf_adds(&b, "proximo-invite/v1\n");
    r = r < 0 ? r : invite_addresses(&v, &b);
    r = r < 0 ? r
              : lines_puts(&b, "tls", HASH_STR(tls_spki), "secret", hex, "expires",
                           NUM_STR(v.expires), "node", p->node, NULL);
    r = r < 0 ? r : buf_adds(ret_line, "proximo1.");
    r = r < 0 ? r : b64url_encode(ret_line, b.data, b.len);
    explicit_bzero(hex, sizeof(hex));
    return r < 0 && (!e || !e->msg[0]) ? err_set(e, r, "invitation too long") : r;
}
