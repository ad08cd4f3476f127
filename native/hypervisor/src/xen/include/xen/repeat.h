/* SPDX-License-Identifier: GPL-2.0-only */
/* Making a hypercall again whose arguments lie in pages that are fetched. */
#ifndef __XEN_REPEAT_H__
#define __XEN_REPEAT_H__

#include <xen/prerecord.h>
#include <xen/vm_event.h>

bool hypercall_may_begin_again(unsigned long call, const unsigned long args[]);
bool hypercall_awaits_arguments_slow(struct vcpu *curr, unsigned long call,
                                     const unsigned long args[]);

static inline bool hypercall_pages_go(const struct domain *d)
{
#ifdef CONFIG_MEM_PAGING
    return unlikely(vm_event_check_ring(d->vm_event_paging));
#else
    return false;
#endif
}

/*
 * Whether the vCPU waits for a page that the paging ring brings: it has asked,
 * or is paused until the ring has room for its request.
 */
static inline bool hypercall_awaits_pager(const struct vcpu *curr)
{
    return atomic_read(&curr->vm_event_pause_count) ||
           test_bit(_VPF_mem_paging, &curr->pause_flags);
}

/*
 * Before a hypercall, or one of a multicall, begins: is it to be made again,
 * once the page that the vCPU is paused for is there?
 */
static inline bool hypercall_awaits_arguments(struct vcpu *curr,
                                              unsigned long call,
                                              const unsigned long args[])
{
    return (prerecord_serves(curr->domain) ||
            hypercall_pages_go(curr->domain)) &&
           hypercall_awaits_arguments_slow(curr, call, args);
}

/* The same when it has ended; to be asked once. */
static inline bool hypercall_is_to_repeat(const struct vcpu *curr,
                                          unsigned long call,
                                          const unsigned long args[],
                                          long result)
{
    bool served = prerecord_must_repeat(curr);

    if ( likely(result != -EFAULT && result != -ERESTART) ||
         curr->hcall_preempted || call == __HYPERVISOR_multicall )
        return false;

    /* -ERESTART is a hook's answer, which is given before anything is done. */
    if ( served )
        return result == -ERESTART || hypercall_may_begin_again(call, args);

    return result == -EFAULT && hypercall_pages_go(curr->domain) &&
           hypercall_awaits_pager(curr) &&
           hypercall_may_begin_again(call, args);
}

#endif /* __XEN_REPEAT_H__ */
