/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domains on shadow page tables: recording accesses by emptying the shadows
 * again and again.
 *
 * An epoch begins with empty shadows, so the first touch of each page faults
 * and passes through prerecord_shadow_entry(), the only place where a page
 * gets into a shadow.  A page is mapped there only when it is recorded, and
 * writable only when its original is safe; entries made ahead of a touch
 * (prefetch, or a page table update) are refused for pages not yet recorded,
 * so that they do not hide the touch.
 */
#include <xen/event.h>
#include <asm/shadow.h>
#include "../shadow/private.h"
#include "backup.h"
#include "missing.h"
#include "pages.h"
#include "shadow.h"

uint32_t prerecord_shadow_entry(struct prerecord *pr, struct vcpu *v,
                                mfn_t mfn, uint32_t sflags, bool demand,
                                bool write)
{
    unsigned long pfn;

    /* Nothing gets mapped: the guest's own bits come first. */
    if ( !(sflags & _PAGE_PRESENT) )
        return sflags;

    pfn = prerecord_pfn(pr, mfn);
    if ( pfn == NO_PFN )
        return sflags;

    spin_lock(&pr->lock);

    if ( pr->flags & XEN_PRERECORD_SERVING )
    {
        if ( prerecord_is_missing(pr, pfn) )
            sflags = 0;
        else if ( demand )
            prerecord_note_use(pr, pfn);
    }
    else if ( pr->flags & XEN_PRERECORD_RUNNING )
    {
        /*
         * The guest can take this fault again when the store has grown.  Xen,
         * on its behalf, cannot: the reserve is for that.
         */
        bool may_fail = v == current && guest_mode(guest_cpu_user_regs());

        if ( !write || !(sflags & _PAGE_RW) )
            write = false;
        else if ( prerecord_backup(pr, pfn, mfn, may_fail) )
        {
            write = false;
            sflags &= ~_PAGE_RW;
        }

        if ( demand )
            prerecord_note(pr, pfn, write);

        if ( !prerecord_is_touched(pr, pfn, false) )
            sflags = 0;
        else if ( !prerecord_is_touched(pr, pfn, true) )
            sflags &= ~_PAGE_RW;
    }

    spin_unlock(&pr->lock);

    return sflags;
}

int prerecord_shadow_on(struct domain *d)
{
    int rc;

    paging_lock(d);
    rc = shadow_one_bit_enable(d, PG_prerecord);
    paging_unlock(d);

    return rc;
}

void prerecord_shadow_off(struct prerecord *pr)
{
    struct domain *d = pr->d;

    paging_lock(d);
    if ( (d->arch.paging.mode & PG_prerecord) &&
         !shadow_one_bit_disable(d, PG_prerecord) )
        pr->pool_left = !d->arch.paging.mode;
    paging_unlock(d);
}

/*
 * Empties the shadows of a level, so that each page's next touch faults.
 * Where an operation that nobody continued has left the emptying under way,
 * that is gone on with instead of beginning anew.  The paging lock is held for
 * a few shadows at a time.
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
 * A PV domain's shadows are freed when it leaves shadow mode.  So that only a
 * few are freed with the lock held, each level lets go of the one below it,
 * from below to the roots, and then the roots that are kept are let go of.
 * What is left for leaving the mode itself is the tables that vCPUs run on.
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

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
