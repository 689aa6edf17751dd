# SPDX-License-Identifier: Apache-2.0
# pvesim against the captured answers of a real cluster, and its life: kill -9, restart, tree.
TESTS += tests/sim/compare.py tests/sim/life.py tests/sim/guest_plane.py tests/sim/agent_plane.py tests/sim/ha_plane.py tests/sim/network_plane.py tests/sim/tree_back.py
EXTRA_DIST += tests/sim/compare.py tests/sim/life.py tests/sim/guest_plane.py tests/sim/agent_plane.py tests/sim/ha_plane.py tests/sim/network_plane.py tests/sim/tree_back.py tests/sim/sim_client.py tests/sim/exceptions.json
