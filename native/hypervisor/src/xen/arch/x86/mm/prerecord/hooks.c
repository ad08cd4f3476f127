/* SPDX-License-Identifier: GPL-2.0-only */
/* What Xen calls: the functions behind xen/prerecord.h. */
#include "private.h"

bool prerecord_in_use(const struct domain *d)
{
    const struct prerecord *pr = d->arch.paging.prerecord;

    return pr && pr->phase != PHASE_EMPTY;
}

/*
 * Recording accesses by cyclic save-and-empty of the shadow page table, or of
 * the second-level table (nested.c).
 *
 * An epoch begins with empty shadows, so the first touch of each page faults
 * and passes through prerecord_propagate(), the only place where a page gets
 * into a shadow.  A page is mapped there only when it is recorded, and
 * writable only when its original is safe; entries made ahead of a touch
 * (prefetch, or a page table update) are refused for pages not yet recorded,
 * so that they do not hide the touch.
 */
uint32_t prerecord_propagate(struct vcpu *v, mfn_t mfn, uint32_t sflags,
                             bool demand, bool write)
{
    struct prerecord *pr = v->domain->arch.paging.prerecord;
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

int prerecord_write_slow(struct domain *d, mfn_t mfn, bool may_fail)
{
    struct prerecord *pr = d->arch.paging.prerecord;
    unsigned long pfn = prerecord_pfn(pr, mfn);
    int rc = 0;

    if ( pfn == NO_PFN )
        return 0;

    spin_lock(&pr->lock);

    if ( pr->flags & XEN_PRERECORD_RUNNING )
    {
        rc = prerecord_backup(pr, pfn, mfn,
                              may_fail && current->domain != d);
        if ( !rc )
            prerecord_note(pr, pfn, true);
    }

    spin_unlock(&pr->lock);

    return rc;
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
