/* SPDX-License-Identifier: Apache-2.0 */
/* Backup jobs, replication jobs, HA resources and rules: lists of the cluster that are kept as they
 * are. Pure. */
#include "proximo-client/blast/picture_int.h"

#include <errno.h>
#include <string.h>

static void start(struct picture *p) {
    if (p->ask.what & PIC_BACKUP) {
        picture_want(p, "whole", "/cluster/backup");
    }
    if (p->ask.what & PIC_REPLICATION) {
        picture_want(p, "whole", "/cluster/replication");
    }
    if (p->ask.what & PIC_HA) {
        picture_want(p, "whole", "/cluster/ha/resources");
        picture_want(p, "whole", "/cluster/ha/rules");
    }
}

static void put_ha(struct picture *p, const struct pic_answer *a, bool rules) {
    if (rules && a->result < 0 && a->why && a->why->http_status >= 400 && a->result != -EACCES) {
        /* before PVE 9 there are groups instead of rules: without rules every node is possible */
        p->rules = NULL;
        return;
    }
    if (a->result < 0) {
        part_fail(p, &p->ha_part, a, "Sys.Audit on /");
    } else if (p->ha_part.state == PART_NOT_ASKED) {
        part_read(p, &p->ha_part);
    }
    *(rules ? &p->rules : &p->ha) = a->data;
}

static bool put(struct picture *p, const struct pic_answer *a) {
    if (strcmp(a->path, "/cluster/backup") == 0) {
        a->result < 0 ? part_fail(p, &p->backup_part, a, "Sys.Audit on /")
                      : part_read(p, &p->backup_part);
        p->backup = a->data;
    } else if (strcmp(a->path, "/cluster/replication") == 0) {
        a->result < 0 ? part_fail(p, &p->replication_part, a, "VM.Audit on /vms")
                      : part_list(p, &p->replication_part, "/vms", "VM.Audit", "VM.Audit on /vms");
        p->replication = a->data;
    } else if (strcmp(a->path, "/cluster/ha/resources") == 0 ||
               strcmp(a->path, "/cluster/ha/rules") == 0) {
        put_ha(p, a, strcmp(a->path, "/cluster/ha/rules") == 0);
    } else {
        return false;
    }
    return true;
}

const struct pic_part part_lists = {
    .bits = PIC_BACKUP | PIC_REPLICATION | PIC_HA,
    .start = start,
    .put = put,
};
