/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd-priv: the root half. All of it is in libpriv.a; this file only joins it with the gate's
 * table, which is what a test binary replaces. */
#include "pveagentd/priv/serve.h"

int main(int argc, char **argv) {
    return priv_main(argc, argv, gate_table, gate_rows);
}
