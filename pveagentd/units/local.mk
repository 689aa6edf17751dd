# SPDX-License-Identifier: Apache-2.0
# Units name installed paths, so they are made when building.
systemdsystemunit_DATA = pveagentd/units/pveagentd.service pveagentd/units/pveagentd-priv.service \
	pveagentd/units/pveagentd-reader.service pveagentd/units/pveagentd-ifreload.service
sysusers_DATA = pveagentd/units/pveagentd.conf
catalog_DATA = pveagentd/units/pveagentd.catalog
EXTRA_DIST += $(sysusers_DATA) $(catalog_DATA) \
	pveagentd/units/pveagentd.service.in pveagentd/units/pveagentd-priv.service.in \
	pveagentd/units/pveagentd-reader.service.in pveagentd/units/pveagentd-ifreload.service.in
CLEANFILES += $(systemdsystemunit_DATA)
$(systemdsystemunit_DATA): %: %.in Makefile
	$(AM_V_GEN)mkdir -p $(@D) && sed -e 's|@sbindir[@]|$(sbindir)|g' \
		-e 's|@pkglibexecdir[@]|$(pkglibexecdir)|g' '$(srcdir)/$@.in' >$@.tmp && mv $@.tmp $@
