# SPDX-License-Identifier: Apache-2.0
# One folder an area; each area's own local.mk adds its programs to check_PROGRAMS and TESTS.
