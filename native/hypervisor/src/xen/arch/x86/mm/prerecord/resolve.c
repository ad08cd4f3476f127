/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RemotePF, the owner's side: it says which pages are missing, and brings
 * their content.
 *
 * It does that by a hypercall, because a long-lived writable mapping of the
 * owner's would keep the page from becoming a page table.
 */
#include <xen/domain_page.h>
#include <xen/event.h>
#include <xen/guest_access.h>
#include <xen/prerecord.h>
#include <asm/paging.h>
#include "missing.h"
#include "pages.h"
#include "resolve.h"

int prerecord_mark_missing(struct prerecord *pr, struct xen_prerecord_op *op)
{
    uint64_t first = op->u.missing.first, count = op->u.missing.count;
    uint8_t bits[128];

    if ( !atomic_read(&pr->d->pause_count) || !pr->d->controller_pause_count )
        return -EBUSY;
    if ( (first & 7) || first > pr->nr_pfns || count > pr->nr_pfns - first )
        return -EINVAL;

    while ( count )
    {
        unsigned int i, n = min_t(uint64_t, count, sizeof(bits) * 8);

        if ( copy_from_guest(bits, op->u.missing.bitmap, DIV_ROUND_UP(n, 8)) )
            return -EFAULT;

        spin_lock(&pr->lock);
        for ( i = 0; i < n; i++ )
        {
            uint32_t *state = prerecord_state(pr, first + i);

            if ( !(bits[i / 8] & (1 << (i % 8))) || (*state & STATE_MISSING) )
                continue;
            *state |= STATE_MISSING;
            pr->missing++;
        }
        spin_unlock(&pr->lock);

        first += n;
        count -= n;
        guest_handle_add_offset(op->u.missing.bitmap, DIV_ROUND_UP(n, 8));
        op->u.missing.first = first;
        op->u.missing.count = count;

        if ( count && hypercall_preempt_check() )
            return -ERESTART;
    }

    return 0;
}

/*
 * Fills one frame, if its page is missing.  While that is done the page stays
 * missing, so that nobody maps it, and is marked, so that nobody else fills
 * it.
 */
static int fill(struct prerecord *pr, unsigned long gfn,
                XEN_GUEST_HANDLE_64(uint8) content)
{
    struct page_info *page = get_page_from_gfn(pr->d, gfn, NULL, P2M_ALLOC);
    unsigned long pfn;
    /*
     * Only a PV domain's pages have types.  To ask for one of a page that has
     * a shadow would remove that, and crash a domain that runs on it: a
     * process' root table may be in use while it is missing.
     */
    bool typed = !paging_mode_translate(pr->d), claimed;
    void *p;
    int rc = 0;

    /* The domain has given the page up meanwhile. */
    if ( !page )
        return 0;

    pfn = prerecord_pfn(pr, page_to_mfn(page));
    if ( pfn == NO_PFN )
        goto out;

    spin_lock(&pr->lock);
    claimed = prerecord_is_missing(pr, pfn) &&
              !(*prerecord_state(pr, pfn) & STATE_RESOLVING);
    if ( claimed )
        *prerecord_state(pr, pfn) |= STATE_RESOLVING;
    spin_unlock(&pr->lock);
    if ( !claimed )
        goto out;

    if ( !typed || get_page_type(page, PGT_writable_page) )
    {
        p = __map_domain_page(page);
        /*
         * The content is the owner's own memory.  Were part of that missing,
         * the owner would not wait for it here: whoever gives the page up
         * spins until this is done.
         */
        prerecord_no_wait_begin();
        if ( raw_copy_from_guest(p, content.p, PAGE_SIZE) )
            rc = -EFAULT;
        prerecord_no_wait_end();
        unmap_domain_page(p);
        if ( typed )
            put_page_type(page);
    }
    else
        rc = -EBUSY;

    smp_wmb(); /* The content is there before the page is. */
    spin_lock(&pr->lock);
    *prerecord_state(pr, pfn) &= ~STATE_RESOLVING;
    if ( !rc )
        prerecord_arrived(pr, pfn);
    spin_unlock(&pr->lock);

    if ( !rc )
        wake_up_all(&pr->content);

 out:
    put_page(page);

    return rc;
}

int prerecord_resolve(struct prerecord *pr, struct xen_prerecord_op *op)
{
    while ( op->u.resolve.done < op->u.resolve.count )
    {
        XEN_GUEST_HANDLE_64(uint8) content = op->u.resolve.content;
        uint64_t gfn;
        int rc;

        if ( copy_from_guest_offset(&gfn, op->u.resolve.frames,
                                    op->u.resolve.done, 1) )
            return -EFAULT;

        guest_handle_add_offset(content,
                                (uint64_t)op->u.resolve.done * PAGE_SIZE);
        rc = fill(pr, gfn, content);
        if ( rc )
            return rc;

        op->u.resolve.done++;

        if ( op->u.resolve.done < op->u.resolve.count &&
             hypercall_preempt_check() )
            return -ERESTART;
    }

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
