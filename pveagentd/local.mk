# SPDX-License-Identifier: Apache-2.0
# libagent.a: the network half without its main(); libreader.a: the reader of the cluster file system;
# libpriv.a: the root half without its main().
include pveagentd/net.mk
include pveagentd/reader/local.mk
include pveagentd/priv/local.mk
include pveagentd/ctl/local.mk
include pveagentd/units/local.mk
