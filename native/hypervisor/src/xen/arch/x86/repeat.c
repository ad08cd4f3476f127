/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercalls whose arguments lie in pages that are fetched first, by Xen's
 * paging interface or by the prerecord extension.  The copy that meets such a
 * page pauses the vCPU and fails, and the call is made again when the page is
 * there.  That is right only if nothing has happened yet when it fails.
 *
 * So it is done for the calls of a list, with the reason at each.  Those that
 * take an array, and have dealt with its beginning when a later part cannot be
 * read, do not come into that: all of the array is there before they begin.
 * What is not on the list fails, as it would without this.
 */
#include <xen/guest_access.h>
#include <xen/hypercall.h>
#include <xen/prerecord.h>
#include <xen/repeat.h>
#include <xen/vm_event.h>
#include <public/callback.h>
#include <public/event_channel.h>
#include <public/hvm/hvm_op.h>
#include <public/memory.h>

enum when {
    /* Whatever was copied when a copy fails, nothing has happened. */
    ALWAYS = 1,
    /*
     * What they have read they may write back to when all has happened.  So
     * only where a page that is there stays there: not with the paging
     * interface, which may take a page away in between.
     */
    IF_PAGES_STAY,
};

#define ANY ~0U

static const struct {
    uint8_t call, when;
    unsigned int cmd;
} list[] = {
    /* They only read, and write what they have read. */
    { __HYPERVISOR_xen_version, ALWAYS, ANY },
    { __HYPERVISOR_memory_op, ALWAYS, XENMEM_current_reservation },
    { __HYPERVISOR_memory_op, ALWAYS, XENMEM_maximum_reservation },
    { __HYPERVISOR_memory_op, ALWAYS, XENMEM_memory_map },
    { __HYPERVISOR_memory_op, ALWAYS, XENMEM_get_vnumainfo },
    { __HYPERVISOR_hvm_op, ALWAYS, HVMOP_get_param },
    { __HYPERVISOR_event_channel_op, ALWAYS, EVTCHNOP_status },

    /* Read their one argument, act, and write nothing back. */
    { __HYPERVISOR_event_channel_op, ALWAYS, EVTCHNOP_send },
    { __HYPERVISOR_event_channel_op, ALWAYS, EVTCHNOP_close },
    { __HYPERVISOR_event_channel_op, ALWAYS, EVTCHNOP_unmask },
    { __HYPERVISOR_event_channel_op, ALWAYS, EVTCHNOP_bind_vcpu },
    { __HYPERVISOR_event_channel_op, ALWAYS, EVTCHNOP_reset },
    { __HYPERVISOR_event_channel_op, ALWAYS, EVTCHNOP_expand_array },
    { __HYPERVISOR_event_channel_op, ALWAYS, EVTCHNOP_set_priority },
    { __HYPERVISOR_hvm_op, ALWAYS, HVMOP_set_param },
    { __HYPERVISOR_hvm_op, ALWAYS, HVMOP_set_evtchn_upcall_vector },
    { __HYPERVISOR_memory_op, ALWAYS, XENMEM_add_to_physmap },
    { __HYPERVISOR_memory_op, ALWAYS, XENMEM_remove_from_physmap },
    { __HYPERVISOR_callback_op, ALWAYS, ANY },
    { __HYPERVISOR_nmi_op, ALWAYS, ANY },
    /* A vCPU's state is the current one at any time it is asked for. */
    { __HYPERVISOR_vcpu_op, ALWAYS, ANY },

    /*
     * Fail only where their first argument cannot be read: what comes later
     * makes them return how far they have come.
     */
    { __HYPERVISOR_memory_op, ALWAYS, XENMEM_increase_reservation },
    { __HYPERVISOR_memory_op, ALWAYS, XENMEM_decrease_reservation },
    { __HYPERVISOR_memory_op, ALWAYS, XENMEM_populate_physmap },
    /* Writes down how far it has come, reads that, and goes on from there. */
    { __HYPERVISOR_memory_op, IF_PAGES_STAY, XENMEM_exchange },

    /* Reads all of its list before it acts. */
    { __HYPERVISOR_set_gdt, ALWAYS, ANY },
    /* Has set the first of the gates, and sets them to the same once more. */
    { __HYPERVISOR_set_trap_table, ALWAYS, ANY },
    /* Polling has told others that it polls, and takes that back. */
    { __HYPERVISOR_sched_op, ALWAYS, ANY },

    /* Read their one argument, act, and write back to where it was. */
    { __HYPERVISOR_event_channel_op, IF_PAGES_STAY, ANY },
    { __HYPERVISOR_physdev_op, IF_PAGES_STAY, ANY },

    /* All of the array is there before they begin. */
    { __HYPERVISOR_grant_table_op, IF_PAGES_STAY, ANY },
    { __HYPERVISOR_mmu_update, IF_PAGES_STAY, ANY },
    { __HYPERVISOR_mmuext_op, IF_PAGES_STAY, ANY },
    { __HYPERVISOR_console_io, IF_PAGES_STAY, ANY },
};

/* Arguments that are read piece by piece, or written to in the end. */
static const struct {
    uint8_t call;
    uint8_t pointer, count;     /* which arguments; no count: one piece */
    uint8_t size;               /* of a piece at most */
} arrays[] = {
    { __HYPERVISOR_event_channel_op, 1, 0, 40 },
    { __HYPERVISOR_physdev_op,       1, 0, 64 },
    { __HYPERVISOR_grant_table_op,   1, 2, 48 },
    { __HYPERVISOR_mmu_update,       0, 1, 16 },
    { __HYPERVISOR_mmuext_op,        0, 1, 24 },
    { __HYPERVISOR_console_io,       2, 1, 1 },
};

/* More than that at once, which is nothing that a guest's kernel does, fails. */
#define MOST_BYTES (256 * PAGE_SIZE)

/* How many bytes, or 0 for a call of another kind. */
static unsigned long array_of(unsigned long call, const unsigned long args[],
                              unsigned long *address)
{
    unsigned long count;
    unsigned int i;

    for ( i = 0; i < ARRAY_SIZE(arrays); i++ )
        if ( arrays[i].call == call )
            break;
    if ( i == ARRAY_SIZE(arrays) )
        return 0;

    *address = args[arrays[i].pointer];
    count = arrays[i].count ? (uint32_t)args[arrays[i].count] : 1;
    /* It goes on where it was preempted. */
    if ( call == __HYPERVISOR_mmu_update || call == __HYPERVISOR_mmuext_op )
        count &= ~MMU_UPDATE_PREEMPTED;

    return count * arrays[i].size;
}

bool hypercall_may_begin_again(unsigned long call, const unsigned long args[],
                               bool pages_stay)
{
    unsigned long address, cmd = args[0];
    unsigned int i;

    if ( array_of(call, args, &address) > MOST_BYTES )
        return false;
    if ( call == __HYPERVISOR_memory_op )
        cmd &= MEMOP_CMD_MASK;

    for ( i = 0; i < ARRAY_SIZE(list); i++ )
        if ( list[i].call == call &&
             (list[i].cmd == ANY || list[i].cmd == cmd) )
            return list[i].when == ALWAYS || pages_stay;

    return false;
}

static bool awaits_page(const struct vcpu *curr)
{
    return atomic_read(&curr->vm_event_pause_count) ||
           prerecord_is_to_repeat(curr);
}

bool hypercall_awaits_arguments_slow(struct vcpu *curr, unsigned long call,
                                     const unsigned long args[])
{
    unsigned long address, end, bytes = array_of(call, args, &address);
    char byte;

    if ( !bytes || bytes > MOST_BYTES )
        return false;

    /* What is none of the guest's memory is for the call itself to refuse. */
    for ( end = address + bytes; address < end;
          address = (address & PAGE_MASK) + PAGE_SIZE )
        if ( raw_copy_from_guest(&byte, (void *)address, 1) &&
             awaits_page(curr) )
        {
            prerecord_must_repeat(curr);
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
