/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters against a route's specification: "name!=type name=type …", '!' = required; the type
 * "list" may be given several times. All errors
 * are collected, one text a parameter, in the words of the real API; booleans become 1 or 0. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/ident.h"
#include "common/own.h"
#include "proximo-client/sim/sim.h"

static bool as_bool(const char *v, bool *ret) {
    static const char *const yes[] = {"1", "on", "yes", "true"}, *const no[] = {"0", "off", "no",
                                                                                "false"};

    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp(v, yes[i]) == 0 || strcasecmp(v, no[i]) == 0) {
            *ret = strcasecmp(v, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

static bool is_int(const char *v) {
    uint64_t n;

    return ident_u64(v + (*v == '-'), &n) == 0 && n <= INT64_MAX;
}

static bool is_email(const char *v) {
    const char *at = strchr(v, '@');

    return !*v || (at && at > v && at[1] && !strchr(at + 1, '@') && !strpbrk(v, " ,;<>\t\n"));
}

static bool is_word(const char *v, const char *more, size_t max) {
    size_t n = strlen(v);

    if (!n || n > max) {
        return false;
    }
    for (; *v; v++) {
        if (!(*v >= 'a' && *v <= 'z') && !(*v >= 'A' && *v <= 'Z') && !(*v >= '0' && *v <= '9') &&
            !strchr(more, *v)) {
            return false;
        }
    }
    return true;
}

static bool is_ip(const char *v, size_t n) {
    char text[INET6_ADDRSTRLEN];
    unsigned char raw[16];

    (void)snprintf(text, sizeof(text), "%.*s", (int)n, v);
    return n < sizeof(text) &&
           (inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1);
}

static bool is_cidr(const char *v) {
    size_t n = strcspn(v, "/");
    uint32_t bits;

    return v[n] && is_ip(v, n) && ident_u32(v + n + 1, &bits) == 0 &&
           bits <= (strchr(v, ':') ? 128u : 32u);
}

static bool in_enum(const char *type, const char *v, char *list, size_t size) {
    bool found = false;

    list[0] = '\0';
    for (const char *at = type + 5; *at && *at != ')';) { /* after "enum(" */
        size_t n = strcspn(at, ",)");

        found |= strlen(v) == n && strncmp(at, v, n) == 0;
        (void)snprintf(list + strlen(list), size - strlen(list), "%s%.*s", list[0] ? ", " : "",
                       (int)n, at);
        at += n + (at[n] == ',');
    }
    return found;
}

static int check_identifier(struct call *c, const char *name, const char *type, const char *v) {
    uint32_t vmid;

    if (strcmp(type, "vmid") == 0 && (!is_int(v) || ident_vmid(v, &vmid) < 0)) {
        return is_int(v)
                   ? call_param_error(c, name,
                                      "invalid format - value does not look like a "
                                      "valid VM ID\n")
                   : call_param_error(c, name, "type check ('integer') failed - got '%.80s'", v);
    }
    if (strcmp(type, "node") == 0 && !ident_is_node(v)) {
        return call_param_error(c, name,
                                "invalid format - value does not look like a valid node name\n");
    }
    if (strcmp(type, "storage") == 0 && !ident_is_storage(v)) {
        return call_param_error(
            c, name, "invalid format - storage ID '%.80s' contains illegal characters\n", v);
    }
    if (strcmp(type, "configid") == 0 &&
        (!is_word(v, "_-", 40) || strlen(v) < 2 ||
         !((*v >= 'a' && *v <= 'z') || (*v >= 'A' && *v <= 'Z')))) {
        return call_param_error(c, name, "invalid format - invalid configuration ID '%.80s'\n", v);
    }
    if (strcmp(type, "upid") == 0 && !ident_is_upid(v)) {
        return call_param_error(c, name, "unable to parse worker upid '%.80s'\n", v);
    }
    if (strcmp(type, "word") == 0 && !is_word(v, "_-.", 100)) {
        return call_param_error(c, name, "invalid format - value contains invalid characters\n");
    }
    if (strcmp(type, "iface") == 0 && (strlen(v) < 2 || !is_word(v, "_.:", 20))) {
        return call_param_error(c, name,
                                "invalid format - invalid network interface name '%.40s'\n", v);
    }
    if ((strcmp(type, "ip") == 0 && !is_ip(v, strlen(v))) ||
        (strcmp(type, "cidr") == 0 && !is_cidr(v))) {
        return call_param_error(c, name, "invalid format - value does not look like a valid %s\n",
                                *type == 'i' ? "IP address" : "CIDR network");
    }
    if (strcmp(type, "email") == 0 && !is_email(v)) {
        return call_param_error(
            c, name, "invalid format - value does not look like a valid email address\n");
    }
    return 0;
}

static int check_one(struct call *c, const char *name, const char *type, const char *v) {
    char list[400];
    bool on;

    if (strcmp(type, "bool") == 0) {
        if (!as_bool(v, &on)) {
            return call_param_error(c, name, "type check ('boolean') failed - got '%.80s'", v);
        }
        js_add(c->params, name, js_str(on ? "1" : "0"));
        return 0;
    }
    if (strcmp(type, "int") == 0 && !is_int(v)) {
        return call_param_error(c, name, "type check ('integer') failed - got '%.80s'", v);
    }
    if (strncmp(type, "enum(", 5) == 0 && !in_enum(type, v, list, sizeof(list))) {
        return call_param_error(
            c, name, "value '%.80s' does not have a value in the enumeration '%s'", v, list);
    }
    return check_identifier(c, name, type, v);
}

/* Finds "name" in spec; copies its type. */
static bool find(const char *spec, const char *name, char *type, size_t size) {
    size_t n = strlen(name);

    for (const char *at = spec; *at;) {
        size_t len = strcspn(at, " ");
        size_t key = strcspn(at, "!=");

        if (key == n && strncmp(at, name, n) == 0) {
            const char *eq = memchr(at, '=', len);

            (void)snprintf(type, size, "%.*s", (int)(len - (size_t)(eq + 1 - at)), eq + 1);
            return true;
        }
        at += len + (at[len] == ' ');
    }
    return false;
}

static void missing(struct call *c, const char *spec) {
    for (const char *at = spec; *at;) {
        size_t len = strcspn(at, " ");
        size_t key = strcspn(at, "!=");
        char name[64];

        (void)snprintf(name, sizeof(name), "%.*s", (int)key, at);
        if (at[key] == '!' && !js_get(c->params, name)) {
            (void)call_param_error(c, name, "property is missing and it is not optional");
        }
        at += len + (at[len] == ' ');
    }
}

/* Path parameters are known by name everywhere. */
static const char path_spec[] =
    "node=node vmid=vmid storage=storage snapname=configid upid=upid kind=enum(lxc,qemu)";

int params_check(struct call *c, const char *spec) {
    CLEANUP(js_freep) js *params = js_copy(c->params); /* check_one replaces members */
    char type[400];

    JS_FOREACH(params, name, value) {
        const char *v = json_object_get_string(value);

        if (js_is_array(value)) {
            if (spec[0] != '*' &&
                (!find(spec, name, type, sizeof(type)) || strcmp(type, "list") != 0)) {
                (void)call_param_error(c, name, "type check ('string') failed - got ARRAY");
            }
        } else if (find(spec, name, type, sizeof(type)) ||
                   find(path_spec, name, type, sizeof(type))) {
            (void)check_one(c, name, type, v);
        } else if (spec[0] != '*' && !js_get(c->in_path, name)) {
            (void)call_param_error(c, name,
                                   "property is not defined in schema and the schema does "
                                   "not allow additional properties");
        }
    }
    if (spec[0] != '*') {
        missing(c, spec);
    }
    return c->status == 400 ? -1 : 0;
}
