# SPDX-License-Identifier: Apache-2.0
# libagent.a: the network half without its main(); libreader.a: the reader of the cluster file system;
# libpriv.a, libact.a: the two programs of the root half, without their main().
include pveagentd/net.mk
include pveagentd/reader/local.mk
include pveagentd/act/local.mk
include pveagentd/priv/local.mk
include pveagentd/ctl/local.mk
include pveagentd/units/local.mk
