/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of an epoch of a domain with nested paging that records with
 * XEN_PRERECORD_HARVEST: goes over the entries that are settled, and takes the
 * accessed and dirty bits that the processor has set in them.
 */
#include <xen/domain_page.h>
#include <xen/event.h>
#include <xen/sched.h>
#include <asm/p2m.h>
#include "../mm-locks.h"
#include "entry.h"
#include "harvest.h"
#include "pages.h"

/*
 * Records what the processor has noted in one entry, and takes that note away.
 * The guest runs meanwhile, so each bit is cleared by itself.
 */
static void harvest(struct prerecord *pr, l1_pgentry_t *entry,
                    unsigned long gfn)
{
    unsigned int flags = l1e_get_flags(*entry);
    bool written = (flags & _PAGE_RW) && (flags & _PAGE_DIRTY);
    mfn_t mfn = l1e_get_mfn(*entry);

    if ( !(flags & _PAGE_PRESENT) || !is_settled(*entry) ||
         !((flags & _PAGE_ACCESSED) || written) ||
         prerecord_pfn(pr, mfn) != gfn || is_special_page(mfn_to_page(mfn)) )
        return;

    clear_bit(ilog2(_PAGE_ACCESSED), &entry->l1);
    if ( written )
        clear_bit(ilog2(_PAGE_DIRTY), &entry->l1);
    prerecord_note(pr, gfn, written);
}

/*
 * Harvests one table of 4k pages, or passes over a larger part of the domain
 * of which nothing is settled.  Returns the first gfn after that.
 */
static unsigned long harvest_part(struct prerecord *pr, struct p2m_domain *p2m,
                                  unsigned long gfn)
{
    mfn_t mfn = pagetable_get_mfn(p2m_get_pagetable(p2m));
    unsigned int i, level, order;
    l1_pgentry_t *table;

    for ( level = 4; level > 1; level-- )
    {
        l1_pgentry_t e;

        order = (level - 1) * PAGETABLE_ORDER;
        table = map_domain_page(mfn);
        e = table[(gfn >> order) & (L1_PAGETABLE_ENTRIES - 1)];
        unmap_domain_page(table);

        if ( !(l1e_get_flags(e) & _PAGE_PRESENT) || !is_settled(e) ||
             (l1e_get_flags(e) & _PAGE_PSE) )
            return ((gfn >> order) + 1) << order;
        mfn = l1e_get_mfn(e);
    }

    table = map_domain_page(mfn);
    spin_lock(&pr->lock);
    for ( i = 0; i < L1_PAGETABLE_ENTRIES; i++ )
        harvest(pr, &table[i], gfn + i);
    spin_unlock(&pr->lock);
    unmap_domain_page(table);

    return gfn + L1_PAGETABLE_ENTRIES;
}

/*
 * An epoch ends.  What is touched while this goes on counts for that epoch or
 * for the next one.
 */
int prerecord_harvest(struct prerecord *pr)
{
    struct domain *d = pr->d;
    struct p2m_domain *p2m = p2m_get_hostp2m(d);

    while ( pr->harvested < pr->nr_pfns )
    {
        p2m_lock(p2m);
        pr->harvested = harvest_part(pr, p2m, pr->harvested);
        p2m_unlock(p2m);

        if ( pr->harvested < pr->nr_pfns && hypercall_preempt_check() )
            return -ERESTART;
    }
    pr->harvested = 0;

    /* The processor sets the bits again only for what it has not cached. */
    guest_flush_tlb_mask(d, d->dirty_cpumask);

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
