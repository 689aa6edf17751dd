# SPDX-License-Identifier: Apache-2.0

# mcp: other people's clients, installed when a test first needs them
EXTRA_DIST += tests/testbed/node-setup.sh tests/testbed/package.json tests/testbed/package-lock.json
