# SPDX-License-Identifier: Apache-2.0
# Each of these first finds a violation that it plants itself, then none in the tree.
TESTS += \
	tests/lint/includes.py \
	tests/lint/banned.py \
	tests/lint/faults.py \
	tests/lint/tags.py \
	tests/lint/sources.py \
	tests/lint/fuzz_targets.py \
	tests/lint/root_half.py \
	tests/lint/manual.py \
	tests/lint/pages.py \
	tests/lint/documents.py \
	tests/lint/readme.py \
	tests/lint/models.py \
	tests/lint/analysers.py
