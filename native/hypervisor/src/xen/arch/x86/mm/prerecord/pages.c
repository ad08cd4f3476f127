/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is known of the domain's pages: which pfn lies in a frame, its state,
 * and a record of each first touch in an epoch.
 */
#include <xen/domain_page.h>
#include "pages.h"

#define RUNNING_OR_SERVING (XEN_PRERECORD_RUNNING | XEN_PRERECORD_SERVING)
#define WORDS_PER_PAGE (PAGE_SIZE / sizeof(uint32_t))

unsigned long prerecord_pfn(const struct prerecord *pr, mfn_t mfn)
{
    unsigned long pfn;

    if ( !mfn_valid(mfn) || page_get_owner(mfn_to_page(mfn)) != pr->d )
        return NO_PFN;

    /* A PV guest controls this table: what it says of itself may be wrong. */
    pfn = get_gpfn_from_mfn(mfn_x(mfn));

    return pfn < pr->nr_pfns ? pfn : NO_PFN;
}

void prerecord_clear_flags(struct prerecord *pr)
{
    spin_lock(&pr->lock);
    pr->flags &= ~RUNNING_OR_SERVING;
    spin_unlock(&pr->lock);
}

uint32_t *prerecord_state(struct prerecord *pr, unsigned long pfn)
{
    const struct page_info *page;

    ASSERT(spin_is_locked(&pr->lock));

    page = pfn < pr->nr_pfns
           ? prerecord_area_page(&pr->states, pfn / WORDS_PER_PAGE) : NULL;
    if ( !page )
    {
        pr->nobody = 0;
        return &pr->nobody;
    }

    return (uint32_t *)page_to_virt(page) + pfn % WORDS_PER_PAGE;
}

bool prerecord_is_touched(struct prerecord *pr, unsigned long pfn, bool write)
{
    uint32_t state = *prerecord_state(pr, pfn);

    return state >> STATE_BITS == pr->epoch + 1 &&
           (!write || (state & STATE_WRITTEN));
}

static void put_record(struct prerecord *pr, unsigned long index,
                       uint32_t value)
{
    const struct page_info *page =
        prerecord_area_page(&pr->records, index / WORDS_PER_PAGE);
    uint32_t *record;

    if ( !page )
    {
        ASSERT_UNREACHABLE();
        return;
    }

    record = __map_domain_page(page);
    record[index % WORDS_PER_PAGE] = value;
    unmap_domain_page(record);
}

/*
 * Each pfn comes at most twice an epoch, once as read and once as written, so
 * a half of twice as many records as there are pages never overflows.
 */
void prerecord_note(struct prerecord *pr, unsigned long pfn, bool write)
{
    unsigned long index = pr->half * 2 * pr->nr_pfns + pr->count;
    uint32_t *state = prerecord_state(pr, pfn);

    if ( prerecord_is_touched(pr, pfn, write) )
        return;

    *state &= (1U << STATE_BITS) - 1;
    *state |= (pr->epoch + 1) << STATE_BITS;
    if ( write )
        *state |= STATE_WRITTEN;
    else
        *state &= ~STATE_WRITTEN;

    if ( !(pr->flags & XEN_PRERECORD_ACCESSES) || pfn >= pr->nr_pfns )
        return;

    if ( pr->count >= 2 * pr->nr_pfns )
    {
        ASSERT_UNREACHABLE();
        return;
    }

    put_record(pr, index, pfn | (write ? XEN_PRERECORD_WRITE : 0));
    smp_wmb(); /* The record is there before it counts. */
    pr->count++;
}

/* Each pfn is asked for once, so the records of half 0 fill half of it. */
void prerecord_note_asked(struct prerecord *pr, unsigned long pfn)
{
    const struct vcpu *curr = current;

    if ( pr->count < pr->nr_pfns )
        put_record(pr, pr->nr_pfns + pr->count,
                   curr->domain == pr->d ? curr->vcpu_id
                                         : XEN_PRERECORD_NO_VCPU);
    prerecord_note(pr, pfn, false);
}

/* Each pfn comes once, so the records fill half of half 1 at most. */
void prerecord_note_use(struct prerecord *pr, unsigned long pfn)
{
    uint32_t *state = prerecord_state(pr, pfn);

    if ( pfn >= pr->nr_pfns || (*state & STATE_USED) )
        return;

    *state |= STATE_USED;
    put_record(pr, 2 * pr->nr_pfns + pr->uses, pfn);
    smp_wmb(); /* The record is there before it counts. */
    pr->uses++;
}

/*
 * The caller empties the page tables after this.  What is touched before that
 * is done counts for the one epoch or the other.
 */
void prerecord_next_epoch(struct prerecord *pr)
{
    ASSERT(spin_is_locked(&pr->lock));

    pr->half ^= 1;
    pr->count = 0;
    pr->epoch++;
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
