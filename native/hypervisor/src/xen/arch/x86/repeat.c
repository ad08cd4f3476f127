/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls whose arguments lie in pages that are fetched first, by Xen's
 * paging interface or by the prerecord extension.  The copy that meets such a
 * page pauses the vCPU and fails, and the call is made again when the page is
 * there.  That is right only if nothing has happened yet when it fails.
 *
 * So a call is made again after it has failed only if it is one of a list, with
 * the reason at each.  Those that take arrays, or write back to where their
 * argument was, have done something when a later copy fails, and are not on it:
 * all that they read and write is there before they begin.  What is on neither
 * list fails, as it would without this.
 */
#include <xen/guest_access.h>
#include <xen/hypercall.h>
#include <xen/prerecord.h>
#include <xen/repeat.h>
#include <xen/vm_event.h>
#include <asm/hvm/hvm.h>
#include <public/callback.h>
#include <public/event_channel.h>
#include <public/hvm/hvm_op.h>
#include <public/memory.h>

#define ANY ~0U

/* Whatever was copied when a copy of theirs fails, nothing has happened. */
static const struct {
    uint8_t call;
    unsigned int cmd;
} list[] = {
    /* They only read, and write what they have read. */
    { __HYPERVISOR_xen_version, ANY },
    { __HYPERVISOR_memory_op, XENMEM_current_reservation },
    { __HYPERVISOR_memory_op, XENMEM_maximum_reservation },
    { __HYPERVISOR_memory_op, XENMEM_memory_map },
    { __HYPERVISOR_memory_op, XENMEM_get_vnumainfo },
    { __HYPERVISOR_hvm_op, HVMOP_get_param },
    { __HYPERVISOR_event_channel_op, EVTCHNOP_status },

    /* Read their one argument, act, and write nothing back. */
    { __HYPERVISOR_event_channel_op, EVTCHNOP_send },
    { __HYPERVISOR_event_channel_op, EVTCHNOP_close },
    { __HYPERVISOR_event_channel_op, EVTCHNOP_unmask },
    { __HYPERVISOR_event_channel_op, EVTCHNOP_bind_vcpu },
    { __HYPERVISOR_event_channel_op, EVTCHNOP_reset },
    { __HYPERVISOR_event_channel_op, EVTCHNOP_expand_array },
    { __HYPERVISOR_event_channel_op, EVTCHNOP_set_priority },
    { __HYPERVISOR_hvm_op, HVMOP_set_param },
    { __HYPERVISOR_hvm_op, HVMOP_set_evtchn_upcall_vector },
    { __HYPERVISOR_memory_op, XENMEM_add_to_physmap },
    { __HYPERVISOR_memory_op, XENMEM_remove_from_physmap },
    { __HYPERVISOR_callback_op, ANY },
    { __HYPERVISOR_nmi_op, ANY },
    /* A vCPU's state is the current one at any time it is asked for. */
    { __HYPERVISOR_vcpu_op, ANY },

    /*
     * Fail only where their first argument cannot be read: what comes later
     * makes them return how far they have come.
     */
    { __HYPERVISOR_memory_op, XENMEM_increase_reservation },
    { __HYPERVISOR_memory_op, XENMEM_decrease_reservation },
    { __HYPERVISOR_memory_op, XENMEM_populate_physmap },

    /* Reads all of its list before it acts. */
    { __HYPERVISOR_set_gdt, ANY },
    /* Has set the first of the gates, and sets them to the same once more. */
    { __HYPERVISOR_set_trap_table, ANY },
    /* Polling has told others that it polls, and takes that back. */
    { __HYPERVISOR_sched_op, ANY },
};

/* What is there before a call begins: arguments that point to an array. */
static const struct {
    uint8_t call;
    uint8_t pointer, count;     /* which arguments; no count: one piece */
    uint8_t size;               /* of a piece at most */
} arrays[] = {
    { __HYPERVISOR_event_channel_op, 1, 0, 40 },
    { __HYPERVISOR_physdev_op,       1, 0, 64 },
    { __HYPERVISOR_grant_table_op,   1, 2, 48 },
    { __HYPERVISOR_mmu_update,       0, 1, 16 },
    { __HYPERVISOR_mmu_update,       2, 0, 4 }, /* how many were done */
    { __HYPERVISOR_mmuext_op,        0, 1, 24 },
    { __HYPERVISOR_mmuext_op,        2, 0, 4 },
    { __HYPERVISOR_console_io,       2, 1, 1 },
};

/* More than that at once, which is nothing that a guest's kernel does, fails. */
#define MOST_BYTES (256 * PAGE_SIZE)

bool hypercall_may_begin_again(unsigned long call, const unsigned long args[])
{
    unsigned long cmd = args[0];
    unsigned int i;

    if ( call == __HYPERVISOR_memory_op )
        cmd &= MEMOP_CMD_MASK;

    for ( i = 0; i < ARRAY_SIZE(list); i++ )
        if ( list[i].call == call &&
             (list[i].cmd == ANY || list[i].cmd == cmd) )
            return true;

    return false;
}

static bool awaits_page(struct vcpu *curr)
{
    if ( hypercall_awaits_pager(curr) )
        return true;

    return prerecord_is_to_repeat(curr) && prerecord_must_repeat(curr);
}

/* What is none of the guest's memory is for the call itself to refuse. */
static bool awaits_bytes(struct vcpu *curr, unsigned long address,
                         unsigned long bytes)
{
    unsigned long pages = PFN_UP((address & ~PAGE_MASK) + bytes);
    char byte;

    if ( !bytes || bytes > MOST_BYTES )
        return false;

    /* Counted, as the guest may name the last pages that an address can. */
    for ( ; pages--; address = (address & PAGE_MASK) + PAGE_SIZE )
        if ( raw_copy_from_guest(&byte, (void *)address, 1) &&
             awaits_page(curr) )
            return true;

    return false;
}

static bool awaits_list(struct vcpu *curr, unsigned long address,
                        unsigned long done, unsigned long count)
{
    const size_t size = sizeof(xen_pfn_t);

    if ( done >= count || count - done > MOST_BYTES / size )
        return false;

    return awaits_bytes(curr, address + done * size, (count - done) * size);
}

/* The lists of frames that a guest gives, takes or exchanges. */
static bool awaits_frames(struct vcpu *curr, const unsigned long args[])
{
    struct xen_memory_exchange op = {};
    unsigned int cmd = args[0] & MEMOP_CMD_MASK;
    bool exchange = cmd == XENMEM_exchange;

    /* One of 32 bits, whose lists look different, is told how far it came. */
    if ( is_hvm_vcpu(curr) && hvm_guest_x86_mode(curr) != 8 )
        return false;
    if ( !exchange && cmd != XENMEM_increase_reservation &&
         cmd != XENMEM_decrease_reservation && cmd != XENMEM_populate_physmap )
        return false;

    /* The argument of the others is the first part of what this one has. */
    if ( raw_copy_from_guest(&op, (void *)args[1],
                             exchange ? sizeof(op) : sizeof(op.in)) )
        return awaits_page(curr);

    if ( !exchange )
        return awaits_list(curr, (unsigned long)op.in.extent_start.p,
                           args[0] >> MEMOP_EXTENT_SHIFT, op.in.nr_extents);

    return awaits_list(curr, (unsigned long)op.in.extent_start.p,
                       op.nr_exchanged, op.in.nr_extents) ||
           awaits_list(curr, (unsigned long)op.out.extent_start.p, 0,
                       op.out.nr_extents);
}

bool hypercall_awaits_arguments_slow(struct vcpu *curr, unsigned long call,
                                     const unsigned long args[])
{
    unsigned int i;

    if ( call == __HYPERVISOR_memory_op )
        return awaits_frames(curr, args);

    for ( i = 0; i < ARRAY_SIZE(arrays); i++ )
    {
        unsigned long count = 1;

        if ( arrays[i].call != call )
            continue;
        if ( arrays[i].count )
            count = (uint32_t)args[arrays[i].count];
        /* It goes on where it was preempted. */
        if ( call == __HYPERVISOR_mmu_update || call == __HYPERVISOR_mmuext_op )
            count &= ~MMU_UPDATE_PREEMPTED;
        if ( awaits_bytes(curr, args[arrays[i].pointer],
                          count * arrays[i].size) )
            return true;
    }

    return false;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
