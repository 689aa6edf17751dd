/* SPDX-License-Identifier: Apache-2.0 */
/* What the generic rows never do: the closed table of what would go round plan and ledger, and of
 * what only typed rows may change. The first row that matches decides. */
#include <errno.h>
#include <string.h>

#include "proximo-client/pve/schema.h"
#include "proximo-client/tools/api.h"

static const char console[] = "it opens a console, which no plan and no ledger sees";
static const char agent[] =
    "guest-agent calls act inside a guest: only the pve_agent_* rows, under "
    "their own allowlist";
static const char login[] = "login tickets and second factors are for people";
static const char typed[] =
    "users, groups, roles, realms, tokens and ACL entries change by the rows "
    "of the access plane only: pve_user_*, pve_acl_modify, …";

static const char root[] =
    "PVE lets only root@pam itself do this, no API token: it is for the command line of a node";

static const struct refused {
    const char *path; /* "*" one segment, "**" the rest */
    bool reads;       /* reading too */
    const char *why;
} refused[] = {
    {"/nodes/*/termproxy", true, console},
    {"/nodes/*/vncshell", true, console},
    {"/nodes/*/vncwebsocket", true, console},
    {"/nodes/*/spiceshell", true, console},
    {"/nodes/*/*/*/termproxy", true, console},
    {"/nodes/*/*/*/vncproxy", true, console},
    {"/nodes/*/*/*/vncwebsocket", true, console},
    {"/nodes/*/*/*/spiceproxy", true, console},
    {"/nodes/*/*/*/mtunnel", true, "it opens a tunnel into the node"},
    {"/nodes/*/*/*/mtunnelwebsocket", true, "it opens a tunnel into the node"},
    {"/nodes/*/*/*/remote_migrate", true, "it carries another cluster's token in the clear"},
    {"/nodes/*/qemu/*/monitor", true, "it gives commands to the emulator past every check of PVE"},
    {"/nodes/*/qemu/*/sendkey", true, "it types into a guest's console"},
    {"/nodes/*/execute", true, "it runs other calls that no plan shows"},
    {"/nodes/*/qemu/*/agent", true, agent},
    {"/nodes/*/qemu/*/agent/**", true, agent},
    {"/access/ticket", true, login},
    {"/access/vncticket", true, login},
    {"/access/openid/**", true, login},
    {"/access/tfa", true, login},
    {"/access/tfa/**", true, login},
    {"/access/users/*/tfa", true, login},
    {"/access/users/*/unlock-tfa", true, login},
    {"/access/password", true, "passwords change by their owner"},
    {"/nodes/*/storage/*/file-restore/download", true, "it hands out the content of files"},
    {"/nodes/*/storage/*/upload", true,
     "it takes a file as its body: pve_storage_download fetches "
     "one from a URL"},
    {"/nodes/*/disks/wipedisk", false, root},
    {"/nodes/*/ceph/osd", false, root},
    {"/nodes/*/ceph/osd/*", false, root},
    {"/cluster/config", false, root},
    {"/cluster/config/join", false, root},
    {"/cluster/config/nodes/*", false, root},
    {"/cluster/acme/account", false, root},
    {"/cluster/acme/account/*", false, root},
    {"/access/acl", false, typed},
    {"/access/users", false, typed},
    {"/access/users/**", false, typed},
    {"/access/groups", false, typed},
    {"/access/groups/**", false, typed},
    {"/access/roles", false, typed},
    {"/access/roles/**", false, typed},
    {"/access/domains", false, typed},
    {"/access/domains/**", false, typed},
};

const char *api_refused(const char *method, const char *path) {
    bool reads = strcmp(method, "GET") == 0;

    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if ((!reads || refused[i].reads) && segments_match(refused[i].path, path, NULL)) {
            return refused[i].why;
        }
    }
    return NULL;
}

bool api_is_secret(const char *param) {
    static const char *const names[] = {
        "password",   "confirmation-password", "cipassword", "token",   "secret",    "key",
        "keyring",    "encryption-key",        "client-key", "privkey", "apikey",    "api-key",
        "otp-secret", "bind-password",         "data",       "ssh-key", "passphrase"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], param) == 0) {
            return true;
        }
    }
    return false;
}
