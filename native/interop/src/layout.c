/* SPDX-License-Identifier: Apache-2.0 */
/* The sizes that the managed side counts on (tests/unit/Xen/XenErrorTests.cs has the same numbers). */
#include "internal.h"

_Static_assert(sizeof(struct prx_host_info) == 56, "prx_host_info");
_Static_assert(sizeof(struct prx_domain_info) == 88, "prx_domain_info");
_Static_assert(sizeof(struct prx_vcpu_registers) == 64, "prx_vcpu_registers");
_Static_assert(sizeof(struct prx_tsc_info) == 24, "prx_tsc_info");
_Static_assert(sizeof(struct prx_paging_event) == 24, "prx_paging_event");
