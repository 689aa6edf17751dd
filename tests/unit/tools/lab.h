/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/tools/lab.h - a small cluster for tests of plans: container 105 runs on n1 (btrfs), VM
 * 104 is stopped on n2 (dir), container 106 on ZFS with two snapshots, template 900. */
#pragma once
void lab_fill(void);
/* VM 104 runs, and so does its guest agent. */
void lab_agent(void);
/* Parses a JSON text or fails the test. */
struct json_object *lab_json(const char *text);
