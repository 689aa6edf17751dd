# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += docs/mcp.md docs/steps.md docs/adding-a-row.md docs/faults.md
man_MANS += \
	docs/proximo-client.1 \
	docs/proximo-verify.1 \
	docs/proximo.ini.5 \
	docs/pveagentctl.8 \
	docs/pveagentd-policy.5 \
	docs/pveagentd-priv.8 \
	docs/pveagentd-reader.8 \
	docs/pveagentd.8
man_MANS += docs/pvesim.1

# The manual of tools is what the program says about its own rows: it is not kept, it is made.
man_MANS += docs/proximo-tools.7
CLEANFILES += docs/proximo-tools.7
docs/proximo-tools.7: proximo-client/proximo-client$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) docs && proximo-client/proximo-client$(EXEEXT) tools --man >$@.new && \
		mv $@.new $@
