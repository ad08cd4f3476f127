/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Domains with nested paging: their second-level table plays the part of the
 * shadow page table.
 *
 * Emptying it means what "recalculate" means to the rest of Xen: an entry
 * without its user bit is not used by the processor, and neither is what lies
 * below it.  An epoch begins by marking the root's entries; a fault then
 * pushes the mark down one level at a time, and settles the one page that was
 * touched.  What other code does meanwhile to the table keeps its meaning,
 * log-dirty mode included, because a settled page that is not written yet has
 * the type that log-dirty mode gives it: readable, and faulting at its first
 * write.
 *
 * The processor's own walks of the guest's page tables count as writes to
 * them: that is how it reports them.
 *
 * With XEN_PRERECORD_HARVEST that is done once, when the recording starts.
 * From then on harvest.c takes the accessed and dirty bits that the processor
 * has set in settled entries: only a page's first touch of all, and first
 * write while originals are kept, is a fault.
 *
 * For AMD's nested page tables (p2m-pt.c) alone.
 */
#include <xen/domain_page.h>
#include <xen/sched.h>
#include <asm/altp2m.h>
#include <asm/hvm/nestedhvm.h>
#include <asm/p2m.h>
#include "../mm-locks.h"
#include "backup.h"
#include "entry.h"
#include "missing.h"
#include "nested.h"
#include "pages.h"

/* Whatever else Xen does by means of the second-level table excludes this. */
bool prerecord_nested_fits(const struct domain *d)
{
    const struct p2m_domain *p2m = p2m_get_hostp2m(d);

    return cpu_has_svm && !nestedhvm_enabled(d) && !altp2m_active(d) &&
           !is_iommu_enabled(d) && !p2m->pod.entry_count &&
           !p2m->ioreq.server && !read_atomic(&p2m->ioreq.entry_count);
}

/*
 * Every page's next touch faults.  When a recording has stopped, such a fault
 * gives the page the type back that it would have had without one.
 */
void prerecord_nested_arm(struct domain *d)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(d);

    p2m_lock(p2m);
    p2m->change_entry_type_global(p2m, p2m_ram_rw, p2m_ram_rw);
    p2m_unlock(p2m);
}

void prerecord_nested_switch(struct domain *d, bool on)
{
    paging_lock(d);
    if ( on )
        d->arch.paging.mode |= PG_prerecord;
    else
        d->arch.paging.mode &= ~PG_prerecord;
    paging_unlock(d);

    prerecord_nested_arm(d);
}

/*
 * Makes the entry usable, and none of those below it.  The processor caches
 * nothing of what lies below an entry that is not settled: no need to flush.
 */
static void push_down(l1_pgentry_t *entry)
{
    l1_pgentry_t *table = map_domain_page(l1e_get_mfn(*entry)), e;
    unsigned int i;

    for ( i = 0; i < L1_PAGETABLE_ENTRIES; i++ )
    {
        e = table[i];
        if ( !(l1e_get_flags(e) & _PAGE_PRESENT) || !is_settled(e) )
            continue;
        l1e_remove_flags(e, SETTLED);
        safe_write_pte(&table[i], e);
    }
    unmap_domain_page(table);

    smp_wmb(); /* All of them are marked before one may be used. */
    e = *entry;
    l1e_add_flags(e, SETTLED);
    safe_write_pte(entry, e);
}

/* Puts smaller pages in the place of a large one, as settled as that was. */
static int split(struct p2m_domain *p2m, l1_pgentry_t *entry,
                 unsigned int level)
{
    unsigned int i, flags = l1e_get_flags(*entry);
    unsigned long mfn = l1e_get_pfn(*entry);
    mfn_t table_mfn = p2m_alloc_ptp(p2m, level - 1);
    l1_pgentry_t *table;

    if ( mfn_eq(table_mfn, INVALID_MFN) )
        return -ENOMEM;

    /* As p2m_next_level() does: bit 12 is the attribute of a large page. */
    if ( level == 2 )
    {
        if ( mfn & 1 )
            mfn &= ~1UL;
        else
            flags &= ~_PAGE_PSE;
    }

    table = map_domain_page(table_mfn);
    for ( i = 0; i < L1_PAGETABLE_ENTRIES; i++ )
        table[i] = l1e_from_pfn(mfn | ((unsigned long)i <<
                                       ((level - 2) * PAGETABLE_ORDER)),
                                flags);
    unmap_domain_page(table);

    smp_wmb(); /* The table is there before it is used. */
    safe_write_pte(entry, l1e_from_mfn(table_mfn, USABLE | _PAGE_RW));

    return 0;
}

/*
 * Maps the table with the entry of a 4k page, and returns the entry, or NULL
 * where there is none.  Large pages on the way are split; *whole becomes the
 * order of one for which there was no memory, else 0.
 */
static l1_pgentry_t *map_leaf(struct p2m_domain *p2m, unsigned long gfn,
                              unsigned int *whole)
{
    mfn_t mfn = pagetable_get_mfn(p2m_get_pagetable(p2m));
    unsigned int level;

    *whole = 0;

    for ( level = 4; ; level-- )
    {
        l1_pgentry_t *entry = map_domain_page(mfn);
        unsigned int flags;

        entry += (gfn >> ((level - 1) * PAGETABLE_ORDER)) &
                 (L1_PAGETABLE_ENTRIES - 1);
        flags = l1e_get_flags(*entry);

        if ( !(flags & _PAGE_PRESENT) )
        {
            unmap_domain_page(entry);
            return NULL;
        }
        if ( level == 1 )
            return entry;

        if ( (flags & _PAGE_PSE) && split(p2m, entry, level) )
        {
            prerecord_lose(p2m->domain->arch.paging.prerecord);
            unmap_domain_page(entry);
            *whole = (level - 1) * PAGETABLE_ORDER;
            return NULL;
        }
        if ( !is_settled(*entry) )
            push_down(entry);

        mfn = l1e_get_mfn(*entry);
        unmap_domain_page(entry);
    }
}

/*
 * The entry that Xen is about to write may let the guest write to the page
 * without a fault, so the page counts as written.  In a large page the others
 * would be settled with it, so that is split first; where it cannot be and one
 * of the others is missing, Xen must not change the entry.
 */
int prerecord_nested_before_change(struct prerecord *pr,
                                   struct p2m_domain *p2m, unsigned long gfn)
{
    l1_pgentry_t *entry;
    unsigned int whole;

    if ( !paging_mode_hap(pr->d) || !p2m_is_hostp2m(p2m) )
        return 0;

    entry = map_leaf(p2m, gfn, &whole);
    if ( !entry )
    {
        bool missing = false;

        /*
         * A quarter of a million pages are not looked at with the p2m's lock
         * held: any missing page of the domain counts as one of them.
         */
        if ( whole > PAGETABLE_ORDER )
            missing = ACCESS_ONCE(pr->missing);
        else if ( whole )
            missing = prerecord_wants_one_of(pr, gfn & ~511UL,
                                             (gfn | 511) + 1) != NO_PFN;

        return missing ? -ENOMEM : 0;
    }
    prerecord_record_write(pr, l1e_get_mfn(*entry), false);
    unmap_domain_page(entry);

    return 0;
}

static void settle(l1_pgentry_t *entry, bool writable, bool written)
{
    p2m_type_t type = writable ? p2m_ram_rw : p2m_ram_logdirty;
    unsigned int flags = USABLE;

    if ( writable )
        flags |= _PAGE_RW;
    if ( writable && !written )
        flags &= ~_PAGE_DIRTY; /* The processor says when it is. */

    safe_write_pte(entry, l1e_from_mfn(l1e_get_mfn(*entry),
                                       ((type & 0x7fUL) << 12) | flags));
}

/* May the page be written from now on without a fault?  With the lock held. */
static bool needs_no_fault(struct prerecord *pr, unsigned long pfn)
{
    if ( paging_mode_log_dirty(pr->d) )
        return false;
    if ( prerecord_is_touched(pr, pfn, true) )
        return true;

    return (pr->flags & XEN_PRERECORD_HARVEST) &&
           (!(pr->flags & XEN_PRERECORD_BACKUPS) ||
            (*prerecord_state(pr, pfn) & STATE_BACKED));
}

/*
 * Records the touch of a page that is looked after.  Returns whether the fault
 * is dealt with, so that the access may be repeated.
 */
static bool record(struct prerecord *pr, l1_pgentry_t *entry,
                   unsigned long pfn, bool write)
{
    struct domain *d = pr->d;
    mfn_t mfn = l1e_get_mfn(*entry);
    bool settled = is_settled(*entry), written = false, writable;
    p2m_type_t type = p2m_flags_to_type(l1e_get_flags(*entry));

    if ( settled && !(write && type == p2m_ram_logdirty) )
        return false;

    spin_lock(&pr->lock);
    if ( write && p2m_is_changeable(type) )
        /* Where the store is full the domain is paused, to fault again. */
        written = !prerecord_backup(pr, pfn, mfn, true);
    prerecord_note(pr, pfn, written);
    writable = written || needs_no_fault(pr, pfn);
    spin_unlock(&pr->lock);

    if ( !p2m_is_changeable(type) )
        return false;

    if ( writable )
        paging_mark_pfn_dirty(d, _pfn(pfn));
    settle(entry, writable, written);

    return true;
}

bool prerecord_nested_touch(struct prerecord *pr, unsigned long gfn,
                            bool write)
{
    struct p2m_domain *p2m = p2m_get_hostp2m(pr->d);
    l1_pgentry_t *entry;
    unsigned long pfn;
    unsigned int whole;
    bool done = false;

    p2m_lock(p2m);

    entry = map_leaf(p2m, gfn, &whole);
    if ( entry )
    {
        mfn_t mfn = l1e_get_mfn(*entry);

        pfn = prerecord_pfn(pr, mfn);
        if ( pfn != gfn || is_special_page(mfn_to_page(mfn)) )
            ; /* Not a page of the domain's own: Xen deals with the fault. */
        else if ( pr->flags & XEN_PRERECORD_RUNNING )
            done = record(pr, entry, pfn, write);
        else if ( !is_settled(*entry) && prerecord_ask(pr, mfn, true) )
        {
            /* The instruction is repeated by itself, and no hypercall. */
            prerecord_take_repeat(pr, current);
            done = true;
        }
        else if ( !is_settled(*entry) )
        {
            spin_lock(&pr->lock);
            if ( pr->flags & XEN_PRERECORD_SERVING )
                prerecord_note_use(pr, pfn);
            spin_unlock(&pr->lock);
        }
        unmap_domain_page(entry);
    }

    p2m_unlock(p2m);

    /* A large page that could not be split comes into use as a whole. */
    return done || (whole && prerecord_await_one_of(pr, gfn, whole));
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
