/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RemotePF: a domain runs while pages of it are still elsewhere.
 *
 * A missing page is never mapped.  A guest's own touch pauses its vCPU, a
 * touch by Xen on the guest's behalf waits in Xen where that is possible, and
 * fails where it is not.  In each case the pfn goes to the records once, and
 * the owner is told.  The owner brings the content by a hypercall: a long-lived
 * writable mapping of its own would keep the page from becoming a page table.
 */
#include <xen/event.h>
#include <xen/guest_access.h>
#include <xen/preempt.h>
#include <xen/rcupdate.h>
#include "private.h"

DEFINE_PER_CPU(bool, prerecord_must_not_wait);

/* With the lock held. */
static void ask_for(struct prerecord *pr, unsigned long pfn)
{
    uint8_t *state = prerecord_state(pr, pfn);

    if ( *state & STATE_ASKED )
        return;

    *state |= STATE_ASKED;
    prerecord_note(pr, pfn, false);
    prerecord_notify(pr);
}

static bool is_missing(const struct prerecord *pr, unsigned long pfn)
{
    return (pr->flags & XEN_PRERECORD_SERVING) &&
           (*prerecord_state(pr, pfn) & STATE_MISSING);
}

static bool is_missing_now(struct prerecord *pr, unsigned long pfn)
{
    bool missing;

    spin_lock(&pr->lock);
    missing = is_missing(pr, pfn);
    spin_unlock(&pr->lock);

    return missing;
}

bool prerecord_missing_slow(struct domain *d, mfn_t mfn)
{
    struct prerecord *pr = d->arch.paging.prerecord;
    unsigned long pfn = prerecord_pfn(pr, mfn);
    bool missing;

    if ( pfn == NO_PFN )
        return false;

    spin_lock(&pr->lock);
    missing = is_missing(pr, pfn);
    if ( missing )
        ask_for(pr, pfn);
    spin_unlock(&pr->lock);

    return missing;
}

/* With the lock held: the vCPU runs on when the page is there. */
static void pause_for(struct prerecord *pr, struct vcpu *v, unsigned long pfn)
{
    if ( pr->waiting[v->vcpu_id] != NO_PFN )
        return;

    pr->waiting[v->vcpu_id] = pfn;
    vcpu_pause_nosync(v);
}

bool prerecord_await(struct vcpu *v, mfn_t mfn, bool from_guest)
{
    struct prerecord *pr = v->domain->arch.paging.prerecord;
    unsigned long pfn = prerecord_pfn(pr, mfn);
    bool now = this_cpu(prerecord_must_not_wait);
    bool atomic = in_atomic() || !rcu_quiesce_allowed();

    ASSERT(v == current);

    if ( pfn == NO_PFN )
        return true;

    spin_lock(&pr->lock);
    if ( !is_missing(pr, pfn) )
    {
        spin_unlock(&pr->lock);
        return true;
    }

    ask_for(pr, pfn);
    if ( !now && (from_guest || atomic) )
        pause_for(pr, v, pfn);
    if ( !now && !from_guest && atomic )
        pr->repeat[v->vcpu_id] = true;
    spin_unlock(&pr->lock);

    if ( from_guest )
        return true;

    if ( now || atomic )
        return false;

    wait_event(pr->content, !is_missing_now(pr, pfn));

    return true;
}

int prerecord_fetch(struct domain *d, mfn_t mfn)
{
    if ( !prerecord_missing(d, mfn) )
        return 0;

    return d == current->domain && prerecord_await(current, mfn, false)
           ? 0 : -EAGAIN;
}

bool prerecord_repeat_hypercall(struct vcpu *v)
{
    struct prerecord *pr;

    if ( !prerecord_on(v->domain) )
        return false;

    pr = v->domain->arch.paging.prerecord;

    return test_and_clear_bool(pr->repeat[v->vcpu_id]);
}

/* With the lock held: lets those vCPUs run that are paused for the page; NO_PFN: all. */
static void wake_paused(struct prerecord *pr, unsigned long pfn)
{
    struct vcpu *v;

    for_each_vcpu ( pr->d, v )
        if ( pr->waiting[v->vcpu_id] != NO_PFN &&
             (pfn == NO_PFN || pr->waiting[v->vcpu_id] == pfn) )
        {
            pr->waiting[v->vcpu_id] = NO_PFN;
            vcpu_unpause(v);
        }
}

void prerecord_forget(struct domain *d, mfn_t mfn)
{
    struct prerecord *pr;
    unsigned long pfn;

    if ( !prerecord_on(d) )
        return;

    prerecord_write_slow(d, mfn, false);

    pr = d->arch.paging.prerecord;
    pfn = prerecord_pfn(pr, mfn);
    if ( pfn == NO_PFN )
        return;

    for ( ; ; )
    {
        uint8_t *state;

        spin_lock(&pr->lock);
        if ( !is_missing(pr, pfn) )
            break;

        state = prerecord_state(pr, pfn);
        if ( !(*state & STATE_RESOLVING) )
        {
            *state &= ~STATE_MISSING;
            pr->missing--;
            wake_paused(pr, pfn);
            break;
        }

        /* It is being filled right now, which does not take long. */
        spin_unlock(&pr->lock);
        cpu_relax();
    }
    spin_unlock(&pr->lock);
}

void prerecord_wake_all(struct prerecord *pr)
{
    spin_lock(&pr->lock);
    wake_paused(pr, NO_PFN);
    spin_unlock(&pr->lock);

    wake_up_all(&pr->content);
}

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
            uint8_t *state = prerecord_state(pr, first + i);

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
 * missing, so that nobody maps it, and is marked, so that nobody else fills it.
 */
static int fill(struct prerecord *pr, unsigned long gfn,
                XEN_GUEST_HANDLE_64(uint8) content)
{
    struct page_info *page = get_page_from_gfn(pr->d, gfn, NULL, P2M_ALLOC);
    unsigned long pfn;
    uint8_t *state;
    bool claimed;
    void *p;
    int rc = 0;

    /* The domain has given the page up meanwhile. */
    if ( !page )
        return 0;

    pfn = prerecord_pfn(pr, page_to_mfn(page));
    if ( pfn == NO_PFN )
        goto out;

    state = prerecord_state(pr, pfn);
    spin_lock(&pr->lock);
    claimed = is_missing(pr, pfn) && !(*state & STATE_RESOLVING);
    if ( claimed )
        *state |= STATE_RESOLVING;
    spin_unlock(&pr->lock);
    if ( !claimed )
        goto out;

    if ( get_page_type(page, PGT_writable_page) )
    {
        p = __map_domain_page(page);
        if ( raw_copy_from_guest(p, content.p, PAGE_SIZE) )
            rc = -EFAULT;
        unmap_domain_page(p);
        put_page_type(page);
    }
    else
        rc = -EBUSY;

    smp_wmb(); /* The content is there before the page is. */
    spin_lock(&pr->lock);
    *state &= ~STATE_RESOLVING;
    if ( !rc )
    {
        *state &= ~STATE_MISSING;
        pr->missing--;
        wake_paused(pr, pfn);
    }
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
