/* SPDX-License-Identifier: GPL-2.0-only */
/* As much of Xen's interface as repeat.c names; the numbers are Xen's. */
#ifndef STUB_CALLS_H
#define STUB_CALLS_H

#include "xen.h"

#define ARRAY_SIZE(x) (sizeof(x) / sizeof((x)[0]))
#define likely(x) (x)
#define PFN_UP(x) (((x) + PAGE_SIZE - 1) / PAGE_SIZE)
#define PAGE_MASK (~(PAGE_SIZE - 1))

enum {
    __HYPERVISOR_set_trap_table = 0, __HYPERVISOR_mmu_update = 1, __HYPERVISOR_set_gdt = 2, __HYPERVISOR_memory_op = 12,
    __HYPERVISOR_multicall = 13, __HYPERVISOR_xen_version = 17, __HYPERVISOR_console_io = 18, __HYPERVISOR_grant_table_op = 20,
    __HYPERVISOR_vcpu_op = 24, __HYPERVISOR_mmuext_op = 26, __HYPERVISOR_nmi_op = 28, __HYPERVISOR_sched_op = 29,
    __HYPERVISOR_callback_op = 30, __HYPERVISOR_event_channel_op = 32, __HYPERVISOR_physdev_op = 33, __HYPERVISOR_hvm_op = 34,
    __HYPERVISOR_domctl = 36,
};
enum {
    EVTCHNOP_close = 3, EVTCHNOP_send, EVTCHNOP_status, EVTCHNOP_alloc_unbound, EVTCHNOP_bind_vcpu = 8, EVTCHNOP_unmask,
    EVTCHNOP_reset, EVTCHNOP_init_control, EVTCHNOP_expand_array, EVTCHNOP_set_priority,
};
enum { HVMOP_set_param, HVMOP_get_param, HVMOP_set_evtchn_upcall_vector = 23 };
enum {
    XENMEM_increase_reservation = 0, XENMEM_decrease_reservation = 1, XENMEM_current_reservation = 3, XENMEM_maximum_reservation = 4,
    XENMEM_populate_physmap = 6, XENMEM_add_to_physmap = 7, XENMEM_memory_map = 9, XENMEM_exchange = 11,
    XENMEM_remove_from_physmap = 15, XENMEM_get_vnumainfo = 26,
};
#define MEMOP_EXTENT_SHIFT 6
#define MEMOP_CMD_MASK ((1 << MEMOP_EXTENT_SHIFT) - 1)
#define MMU_UPDATE_PREEMPTED (1UL << 31)

typedef unsigned long xen_pfn_t;
struct xen_memory_reservation {
    struct { xen_pfn_t *p; } extent_start;
    unsigned long nr_extents;
    unsigned int extent_order, mem_flags;
    domid_t domid;
};
struct xen_memory_exchange {
    struct xen_memory_reservation in, out;
    unsigned long nr_exchanged;
};

#define is_hvm_vcpu(v) ((v)->is_hvm)
#define hvm_guest_x86_mode(v) ((v)->mode)
#define atomic_read(p) (*(p))

unsigned long raw_copy_from_guest(void *to, const void *from, unsigned int size);

#endif
