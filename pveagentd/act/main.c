/* SPDX-License-Identifier: Apache-2.0 */
/* pveagentd-act: the half of the root half that acts. All of it is in libact.a; a test joins that
 * with a recorder in place of the programs that the drivers run. */
#include "pveagentd/act/act.h"

int main(int argc, char **argv) {
    return act_main(argc, argv);
}
