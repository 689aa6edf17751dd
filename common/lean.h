/* SPDX-License-Identifier: Apache-2.0 */
/* common/lean.h - what a process that stays for weeks need not keep in memory. Changes nothing that
 * a process does. */
#pragma once

/* For a process that only hashes and signs, before its first use of libcrypto: no configuration
 * file of OpenSSL is read (nothing outside its own files says what it computes with), and neither
 * the texts of errors nor the tables of legacy names are made. Not for a process that speaks TLS,
 * which finds algorithms by name and must obey the machine's configuration. Aborts if libcrypto
 * cannot be set up. */
void lean_crypto(void);

/* Once, when a process has started and before it waits: takes the pages of read-only data of the
 * program and its libraries out of its memory. Most of them are relocations and symbols that the
 * dynamic linker read and that nobody reads again; what is needed comes back from the page cache.
 */
void lean_pages(void);
