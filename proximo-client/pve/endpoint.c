/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of one cluster's API. All come from the configuration, each with a certificate that
 * can be checked; none is learnt from the cluster. An address of another cluster in the list (or of
 * a node that was cut off from its own) would mix two worlds in one plan: before it is used it must
 * show the first's cluster, node for node. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/own.h"
#include "proximo-client/pve/wire.h"

#define ENDPOINTS_MAX 32
#define LEFT_OUT_MS   60000
#define STATUS_PATH   "/cluster/status"

static void url_freep(CURLU **u) {
    curl_url_cleanup(*u);
    *u = NULL;
}

static void curl_stringp(char **s) {
    curl_free(*s);
    *s = NULL;
}

static int url_refused(const char *why, struct err *e) {
    (void)err_tag(e, -EINVAL, "config_invalid", "base-url: %s", why);
    return err_hint(e, "it is https://host:8006");
}

static bool url_has(CURLU *u, CURLUPart part) {
    CLEANUP(curl_stringp) char *s = NULL;

    return curl_url_get(u, part, &s, 0) == CURLUE_OK;
}

/* https, a host, perhaps a port; no user, query or fragment; the path is ours. */
static int base_of(const char *url, char **ret, struct err *e) {
    CLEANUP(url_freep) CURLU *u = curl_url();
    CLEANUP(curl_stringp) char *scheme = NULL;
    CLEANUP(curl_stringp) char *path = NULL;
    CLEANUP(curl_stringp) char *whole = NULL;

    if (!u) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    if (!url || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK) {
        return url_refused("is not a URL", e);
    }
    if (strcasecmp(scheme, "https") != 0) {
        return url_refused("only https is spoken", e);
    }
    if (url_has(u, CURLUPART_USER) || url_has(u, CURLUPART_PASSWORD) ||
        url_has(u, CURLUPART_QUERY) || url_has(u, CURLUPART_FRAGMENT)) {
        return url_refused("holds more than a host and a port", e);
    }
    if (curl_url_get(u, CURLUPART_PATH, &path, 0) == CURLUE_OK && strcmp(path, "/") != 0 &&
        strcmp(path, "/api2/json") != 0 && strcmp(path, "/api2/json/") != 0) {
        return url_refused("has a path that is not /api2/json", e);
    }
    if (curl_url_set(u, CURLUPART_PATH, "/api2/json", 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_URL, &whole, 0) != CURLUE_OK) {
        return url_refused("is not a URL", e);
    }
    *ret = strdup(whole);
    return *ret ? 0 : err_set(e, -ENOMEM, "out of memory");
}

static int hex_value(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static int pin_parse(const char *text, struct hash *ret, struct err *e) {
    const char *p = text;

    for (size_t i = 0; i < HASH_LEN; i++) {
        int high = hex_value(p[0]);
        int low = high < 0 ? -1 : hex_value(p[1]);

        if (low < 0 || (i + 1 < HASH_LEN ? p[2] != ':' : p[2] != 0)) {
            (void)err_tag(e, -EINVAL, "config_invalid", "fingerprint: not 32 bytes AB:CD:…");
            return err_hint(e,
                            "it is the SHA-256 fingerprint that the node shows under Certificates");
        }
        ret->b[i] = (uint8_t)(high * 16 + low);
        p += 3;
    }
    return 0;
}

static int too_many(struct err *e) {
    return err_tag(e, -EINVAL, "config_invalid", "base-url: more than %d addresses", ENDPOINTS_MAX);
}

static int add_url(struct pve *p, const char *url, struct err *e) {
    struct endpoint *ep = &p->ep[p->n_ep];
    int r = base_of(url, &ep->base, e);

    if (r < 0) {
        return r;
    }
    p->n_ep++;
    for (size_t i = 0; i + 1 < p->n_ep; i++) {
        /* twice the connections to one node is what the limit is there to prevent */
        if (strcasecmp(p->ep[i].base, ep->base) == 0) {
            return err_tag(e, -EINVAL, "config_invalid", "base-url: %.100s stands there twice",
                           url);
        }
    }
    return 0;
}

int endpoints_parse(struct pve *p, const char *urls, const char *pins, struct err *e) {
    CLEANUP(freep) char *list = strdup(urls ? urls : "");
    CLEANUP(freep) char *prints = strdup(pins ? pins : "");
    char *at = NULL;
    size_t n = 0;
    int r = 0;

    p->ep = calloc(ENDPOINTS_MAX, sizeof(*p->ep));
    if (!list || !prints || !p->ep) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (char *w = strtok_r(list, " \t", &at); r == 0 && w; w = strtok_r(NULL, " \t", &at)) {
        r = p->n_ep < ENDPOINTS_MAX ? add_url(p, w, e) : too_many(e);
    }
    if (r == 0 && p->n_ep == 0) {
        return url_refused("is not a URL", e);
    }
    for (char *w = strtok_r(prints, " \t", &at); r == 0 && w; w = strtok_r(NULL, " \t", &at)) {
        if (n < p->n_ep) {
            r = pin_parse(w, &p->ep[n].pin, e);
            p->ep[n].pinned = true;
        }
        n++;
    }
    if (r == 0 && pins && n != p->n_ep) {
        (void)err_tag(e, -EINVAL, "config_invalid", "fingerprint: %zu for %zu addresses", n,
                      p->n_ep);
        return err_hint(e, "one for each address of url, in their order; or none, and one ca");
    }
    return r;
}

void endpoints_free(struct pve *p) {
    for (size_t i = 0; p->ep && i < ENDPOINTS_MAX; i++) {
        free(p->ep[i].base);
    }
    free(p->ep);
}

bool endpoint_is_usable(const struct endpoint *ep) {
    return ep->out_until_ms == 0 || clock_mono_ms() >= ep->out_until_ms;
}

void endpoint_leave_out(struct endpoint *ep, const struct err *why) {
    ep->out_until_ms = clock_mono_ms() + LEFT_OUT_MS;
    ep->member = false; /* who comes back is asked again */
    ep->why = *why;
}

static bool has_piece(const char *path, size_t i, const char *const *of, size_t n) {
    char piece[32];

    for (size_t k = 0; pve_path_part(path, i, piece, sizeof(piece)) && k < n; k++) {
        if (strcmp(piece, of[k]) == 0) {
            return true;
        }
    }
    return false;
}

/* PVE's description of its API says of each call whether it is passed on to the node in its path.
 * A closed list of those that are wanted by thousands: of a guest's firewall, for one, only the
 * options are passed on, rules and sets are answered by whoever is asked. */
bool endpoint_free_to_ask(const char *path, char *ret_node, size_t size) {
    static const char *const nodes[] = {"nodes"}, *const storage[] = {"storage"};
    static const char *const kinds[] = {"lxc", "qemu"}, *const content[] = {"content"};
    static const char *const of_guest[] = {"config", "pending", "snapshot", "status"};
    static const char *const fw[] = {"firewall"}, *const options[] = {"options"};

    if (!has_piece(path, 0, nodes, 1) || !pve_path_part(path, 1, ret_node, size) ||
        strcmp(ret_node, "localhost") == 0) { /* each calls itself that */
        return false;
    }
    if (has_piece(path, 2, storage, 1)) {
        return has_piece(path, 4, content, 1);
    }
    return has_piece(path, 2, kinds, ARRAY_LEN(kinds)) &&
           (has_piece(path, 4, of_guest, ARRAY_LEN(of_guest)) ||
            (has_piece(path, 4, fw, 1) && has_piece(path, 5, options, 1)));
}

/* What two nodes of one cluster say alike: its name, and each node's name, number and address. Who
 * is online is not in it, nor the configuration's version, which reaches one before the other. */
static int identity(const js *status, char *ret_node, size_t size, js **ret, struct err *e) {
    bool quorate = true;

    *ret = js_object();
    ret_node[0] = 0;
    for (size_t i = 0; i < js_len(status); i++) {
        const js *row = js_at(status, i);
        const char *name = js_str_or(row, "name", "");

        if (strcmp(js_str_or(row, "type", ""), "cluster") == 0) {
            js_add(*ret, "cluster", js_str(name));
            quorate = js_bool_or(row, "quorate", false);
            continue;
        }
        js_addf(*ret, js_str_or(row, "id", ""), "%s %lld %s", name,
                (long long)js_int_or(row, "nodeid", 0), js_str_or(row, "ip", ""));
        if (js_bool_or(row, "local", false)) {
            (void)snprintf(ret_node, size, "%s", name);
        }
    }
    if (!ret_node[0]) {
        return err_tag(e, -EBADMSG, "pve_bad_answer", "it does not say which node it is");
    }
    /* without a quorum its files may be those of yesterday */
    return quorate ? 0 : err_tag(e, -EHOSTUNREACH, "pve_unreachable", "it has no quorum");
}

static int join_one(struct pve *p, struct endpoint *ep, const js *status, const js *first,
                    struct err *e) {
    CLEANUP(js_freep) js *mine = NULL;
    char node[sizeof(ep->node)];
    int r = identity(status, node, sizeof(node), &mine, e);

    if (r < 0) {
        return r;
    }
    if (!js_eq(mine, first)) {
        return err_tag(e, -EINVAL, "pve_unreachable",
                       "it does not show the cluster that the first address shows");
    }
    for (const struct endpoint *other = p->ep; other < p->ep + p->n_ep; other++) {
        if (other != ep && other->member && strcmp(other->node, node) == 0) {
            return err_tag(e, -EEXIST, "pve_unreachable", "it is node %.63s, as another address is",
                           node);
        }
    }
    memcpy(ep->node, node, sizeof(node));
    ep->member = true;
    ep->out_until_ms = 0;
    ep->why = (struct err){0};
    return 0;
}

static bool is_all_known(const struct pve *p) {
    for (size_t i = 0; i < p->n_ep; i++) {
        if (!p->ep[i].member && (i == 0 || endpoint_is_usable(&p->ep[i]))) {
            return false;
        }
    }
    return true;
}

/* Nothing to hold the others against. */
static int first_is_silent(struct pve *p, int r, const struct err *why, struct err *e) {
    struct err all = *why;

    (void)err_wrap(&all, "the first address does not say whose it is");
    for (size_t i = 1; i < p->n_ep; i++) {
        endpoint_leave_out(&p->ep[i], &all);
    }
    if (e) {
        *e = all;
    }
    return r;
}

int endpoints_join(struct pve *p, struct err *e) {
    struct pve_job job[ENDPOINTS_MAX] = {{0}};
    CLEANUP(freep) struct err *why = calloc(ENDPOINTS_MAX, sizeof(*why));
    CLEANUP(js_freep) js *first = NULL;
    int r;

    if (is_all_known(p)) {
        return 0;
    }
    if (!why) {
        return err_set(e, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < p->n_ep; i++) {
        job[i] = (struct pve_job){.path = STATUS_PATH, .err = &why[i]};
        p->ep[i].member = false; /* all at once: a node's address is one of one moment */
    }
    r = batch_get(p, BATCH_EACH, job, p->n_ep, false, e);
    for (size_t i = 0; r == 0 && i < p->n_ep; i++) {
        char node[64];
        int one = job[i].result;

        if (i == 0) {
            one = one < 0 ? one : identity(job[0].data, node, sizeof(node), &first, &why[0]);
        }
        one = one < 0 ? one : join_one(p, &p->ep[i], job[i].data, first, &why[i]);
        if (one < 0 && i == 0) {
            r = first_is_silent(p, one, &why[0], e);
        } else if (one < 0) {
            endpoint_leave_out(&p->ep[i], &why[i]);
        }
    }
    for (size_t i = 0; i < p->n_ep; i++) {
        js_freep(&job[i].data);
    }
    return r;
}
