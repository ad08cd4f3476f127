/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domains on shadow page tables: emptying the shadows, so that each page's next
 * touch faults, and taking them apart, so that the domain can leave shadow mode.
 */
#include <xen/event.h>
#include <asm/shadow.h>
#include "../shadow/private.h"
#include "private.h"

/*
 * Empties the shadows, so that each page's next touch faults.  One that is
 * under way, which only an operation that was overtaken leaves, will do.  The
 * paging lock is held for a few of them at a time.
 */
void prerecord_begin_emptying(struct prerecord *pr, unsigned int level)
{
    if ( pr->emptying || paging_mode_hap(pr->d) )
        return;

    paging_lock(pr->d);
    shadow_empty_begin(pr->d, level);
    paging_unlock(pr->d);
    pr->emptying = true;
}

int prerecord_go_on_emptying(struct prerecord *pr)
{
    while ( pr->emptying )
    {
        paging_lock(pr->d);
        pr->emptying = !shadow_empty_some(pr->d);
        paging_unlock(pr->d);

        if ( pr->emptying && hypercall_preempt_check() )
            return -ERESTART;
    }

    return 0;
}

/*
 * A PV domain's shadows are freed when it leaves shadow mode.  To do that a few
 * at a time it is done from below, level by level, and then with the roots that
 * are kept; what is left to free at once is what the vCPUs run on.
 */
int prerecord_take_apart(struct prerecord *pr)
{
    bool done = false;
    int rc;

    for ( ; ; )
    {
        rc = prerecord_go_on_emptying(pr);
        if ( rc || !pr->parting )
            return rc;
        if ( pr->parting > 4 )
            break;
        prerecord_begin_emptying(pr, pr->parting++);
    }

    while ( !done )
    {
        paging_lock(pr->d);
        done = shadow_unpin_some(pr->d);
        paging_unlock(pr->d);

        if ( !done && hypercall_preempt_check() )
            return -ERESTART;
    }
    pr->parting = 0;

    return 0;
}

int prerecord_enable(struct domain *d)
{
    int rc;

    if ( paging_mode_hap(d) )
    {
        prerecord_nested_switch(d, true);
        return 0;
    }

    paging_lock(d);
    rc = shadow_one_bit_enable(d, PG_prerecord);
    paging_unlock(d);

    return rc;
}

void prerecord_disable(struct prerecord *pr)
{
    struct domain *d = pr->d;

    if ( paging_mode_hap(d) )
    {
        prerecord_nested_switch(d, false);
        return;
    }

    paging_lock(d);
    if ( prerecord_on(d) && !shadow_one_bit_disable(d, PG_prerecord) )
        pr->pool_left = !d->arch.paging.mode;
    paging_unlock(d);
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
