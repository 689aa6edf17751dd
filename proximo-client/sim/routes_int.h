/* SPDX-License-Identifier: Apache-2.0 */
/* proximo-client/sim/routes_int.h - privileges that both tables of routes name. */
#pragma once

#define AUDIT  "/ Sys.Audit"
#define MODIFY "/ Sys.Modify"
