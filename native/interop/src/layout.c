/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes and numbers that the managed side counts on. tests/unit/Xen/Native/XenErrorTests.cs compares the same sizes with its own.
 */
#include "internal.h"

#include <xen/foreign/x86_64.h>
#include <xen/vm_event.h>

_Static_assert(sizeof(struct prx_host_info) == 56, "prx_host_info");
_Static_assert(sizeof(struct prx_domain_info) == 88, "prx_domain_info");
_Static_assert(sizeof(struct prx_vcpu_registers) == 64, "prx_vcpu_registers");
_Static_assert(sizeof(struct prx_tsc_info) == 24, "prx_tsc_info");
_Static_assert(sizeof(struct prx_extension_state) == 56, "prx_extension_state");
_Static_assert(sizeof(struct prx_paging_event) == 24, "prx_paging_event");

/* What prerecordxen.h says of a request of the paging ring. */
_Static_assert(VM_EVENT_FLAG_VCPU_PAUSED == 1, "the vCPU waits");
_Static_assert(VM_EVENT_FLAG_FOREIGN == 2, "a backend's touch");
_Static_assert(MEM_PAGING_DROP_PAGE == 1, "only wake the vCPU");
_Static_assert(MEM_PAGING_EVICT_FAIL == 2, "the guest gave the page up");

/* What src/Migration/Xen/Pv reads and rewrites in Xen's own structures of a 64-bit PV guest. */
_Static_assert(sizeof(vcpu_guest_context_x86_64_t) == 5168, "vcpu_guest_context");
_Static_assert(offsetof(vcpu_guest_context_x86_64_t, user_regs.rdx) == 616, "rdx");
_Static_assert(offsetof(vcpu_guest_context_x86_64_t, gdt_frames) == 4832, "gdt_frames");
_Static_assert(offsetof(vcpu_guest_context_x86_64_t, gdt_ents) == 4960, "gdt_ents");
_Static_assert(offsetof(vcpu_guest_context_x86_64_t, ctrlreg[1]) == 4992, "ctrlreg[1]");
_Static_assert(offsetof(vcpu_guest_context_x86_64_t, ctrlreg[3]) == 5008, "ctrlreg[3]");
_Static_assert(offsetof(shared_info_x86_64_t, arch.max_pfn) == 3088, "max_pfn");
_Static_assert(offsetof(shared_info_x86_64_t, arch.p2m_cr3) == 3112, "p2m_cr3");
_Static_assert(offsetof(shared_info_x86_64_t, arch.p2m_vaddr) == 3120, "p2m_vaddr");
_Static_assert(offsetof(struct start_info, store_mfn) == 56, "store_mfn");
_Static_assert(offsetof(struct start_info, console) == 72, "console");
