/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The backup store: a copy of each page as it was when the recording began,
 * made before the page's first write.
 *
 * The store never runs dry.  When only the reserve is left of it, the domain
 * is paused and the owner told.  The reserve is for the writes that Xen is
 * already making for the domain at that moment and can neither repeat nor
 * refuse.
 */
#include <xen/domain_page.h>
#include <xen/event.h>
#include <xen/prerecord.h>
#include "backup.h"
#include "owner.h"
#include "pages.h"
#include "version.h"

#define SLOTS_PER_PAGE (PAGE_SIZE / sizeof(uint32_t))

/*
 * Of each vCPU a few pages are enough: a hypercall that writes many gives way
 * after each one, once its vCPU is paused.
 */
unsigned long prerecord_reserve(const struct domain *d)
{
    return 32 + 16 * d->max_vcpus;
}

static void watch_level(struct prerecord *pr)
{
    unsigned long left = pr->slots - pr->used;

    /* One slot for each page is enough, whatever happens. */
    if ( pr->slots >= pr->nr_pfns )
        return;

    if ( left <= prerecord_reserve(pr->d) &&
         !(pr->flags & XEN_PRERECORD_FULL) )
    {
        pr->flags |= XEN_PRERECORD_FULL;
        domain_pause_nosync(pr->d);
        prerecord_notify(pr);
    }
    else if ( left <= pr->slots / 4 && !pr->told )
    {
        pr->told = true;
        prerecord_notify(pr);
    }
}

static void note_loss(struct prerecord *pr)
{
    pr->flags |= XEN_PRERECORD_LOST;
    prerecord_notify(pr);
}

void prerecord_lose(struct prerecord *pr)
{
    spin_lock(&pr->lock);
    if ( pr->flags & XEN_PRERECORD_BACKUPS )
        note_loss(pr);
    spin_unlock(&pr->lock);
}

int prerecord_backup(struct prerecord *pr, unsigned long pfn, mfn_t mfn,
                     bool may_fail)
{
    uint32_t *state = prerecord_state(pr, pfn), *slot_pfn;
    const struct page_info *copy, *page;

    if ( !(pr->flags & XEN_PRERECORD_BACKUPS) || pfn >= pr->nr_pfns ||
         (*state & STATE_BACKED) )
        return 0;

    if ( may_fail && (pr->flags & XEN_PRERECORD_FULL) )
        return -EAGAIN;

    copy = prerecord_area_page(&pr->store, pr->used);
    page = prerecord_area_page(&pr->slot_pfns, pr->used / SLOTS_PER_PAGE);
    if ( pr->used >= pr->slots || !copy || !page )
    {
        /* The reserve is made so that this does not happen. */
        note_loss(pr);
        return 0;
    }

    copy_domain_page(page_to_mfn(copy), mfn);

    slot_pfn = __map_domain_page(page);
    slot_pfn[pr->used % SLOTS_PER_PAGE] = pfn;
    unmap_domain_page(slot_pfn);

    smp_wmb(); /* The copy is there before it counts. */
    *state |= STATE_BACKED;
    pr->used++;
    watch_level(pr);

    return 0;
}

int prerecord_record_write(struct prerecord *pr, mfn_t mfn, bool may_fail)
{
    unsigned long pfn = prerecord_pfn(pr, mfn);
    int rc = 0;

    if ( pfn == NO_PFN )
        return 0;

    spin_lock(&pr->lock);

    if ( pr->flags & XEN_PRERECORD_RUNNING )
    {
        rc = prerecord_backup(pr, pfn, mfn, may_fail);
        if ( !rc )
            prerecord_note(pr, pfn, true);
    }

    spin_unlock(&pr->lock);

    return rc;
}

void prerecord_lift_pause(struct prerecord *pr)
{
    bool paused;

    spin_lock(&pr->lock);
    paused = pr->flags & XEN_PRERECORD_FULL;
    pr->flags &= ~XEN_PRERECORD_FULL;
    pr->told = false;
    spin_unlock(&pr->lock);

    if ( paused )
        domain_unpause(pr->d);
}

/*
 * Takes the originals of pages that are written later without any notice: by
 * Xen through mappings of its own, and by other domains through grants they
 * hold already.  Pages that Xen shares with the domain are among them if they
 * have a pfn, which a PV domain's have not.
 */
int prerecord_backup_fixed_pages(struct prerecord *pr)
{
    struct domain *d = pr->d;
    struct vcpu *v;
    unsigned int i;
    bool done = false;

    if ( !pr->fixed.begun )
    {
        prerecord_record_write(pr, _mfn(virt_to_mfn(d->shared_info)), false);

        for_each_vcpu ( d, v )
            for ( i = 0; i < MAPPED_AREAS; i++ )
                if ( !mfn_eq(mapped_area(v, i), INVALID_MFN) )
                    prerecord_record_write(pr, mapped_area(v, i), false);

        if ( d->arch.pirq_eoi_map_mfn )
            prerecord_record_write(pr, _mfn(d->arch.pirq_eoi_map_mfn), false);
        pr->fixed.begun = true;
    }

    for ( ; ; )
    {
        if ( pr->fixed.grants )
            done = gnttab_prerecord(d, &pr->fixed.next);
        else if ( evtchn_fifo_prerecord(d, &pr->fixed.next) )
        {
            pr->fixed.grants = true;
            pr->fixed.next = 0;
        }

        if ( done )
            break;
        if ( hypercall_preempt_check() )
            return -ERESTART;
    }
    memset(&pr->fixed, 0, sizeof(pr->fixed));

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
