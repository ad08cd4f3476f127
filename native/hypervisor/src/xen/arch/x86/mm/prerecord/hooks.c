/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What Xen calls: the functions behind xen/prerecord.h.  At each place where
 * Xen calls one a comment says which locks are held there; here each says
 * which locks it takes, and so why it may be called under those.
 *
 * The descriptor's lock, "the leaf", is the innermost one of memory
 * management.  Nobody sleeps with it, and under it nothing is locked but what
 * it takes to copy a page, to pause or unpause a vCPU and to send an event:
 * the processor's cache of mappings, the scheduler's lock, the event channel's
 * (which is only tried) and that of the owner's queue of events.  No caller of
 * a hook holds one of those.  So a hook that takes no lock but the leaf may be
 * called under any lock of memory management and of grants, under the recorded
 * domain's own event lock, and under the domain's lock.
 *
 * All but prerecord_in_use(), prerecord_has_waiters() and the two of teardown
 * are called only while the domain's paging mode has the bit PG_prerecord,
 * which is set when the descriptor is there; that is freed only when nobody can
 * find the domain.
 */
#include <xen/prerecord.h>
#include "backup.h"
#include "missing.h"
#include "nested.h"
#include "pages.h"
#include "shadow.h"
#include "teardown.h"

static struct prerecord *descriptor(const struct domain *d)
{
    return d->arch.paging.prerecord;
}

/*
 * Takes no lock: it looks at one word.  Whoever calls it to exclude another
 * use of the domain holds the lock under which that use begins.
 */
bool prerecord_in_use(const struct domain *d)
{
    const struct prerecord *pr = descriptor(d);

    return pr && pr->phase != PHASE_EMPTY;
}

/* Takes no lock: all other processors stand still meanwhile. */
bool prerecord_has_waiters(const struct domain *d)
{
    const struct prerecord *pr = descriptor(d);

    return pr && !list_empty(&pr->content.list);
}

/*
 * Takes the leaf.  The paging lock is held, so the entry cannot be emptied
 * before the caller writes what is returned.
 */
uint32_t prerecord_propagate(struct vcpu *v, mfn_t mfn, uint32_t sflags,
                             bool demand, bool write)
{
    return prerecord_shadow_entry(descriptor(v->domain), v, mfn, sflags, demand,
                                  write);
}

/*
 * Takes the leaf, and under it sends an event and pauses the domain without
 * waiting for that.  Only another domain's write can be put off.
 */
int prerecord_write_slow(struct domain *d, mfn_t mfn, bool may_fail)
{
    return prerecord_record_write(descriptor(d), mfn,
                                  may_fail && current->domain != d);
}

/*
 * Takes the leaf, and under it sends an event and pauses the current vCPU
 * without waiting for that: it runs on until it leaves Xen.
 */
bool prerecord_missing_slow(struct domain *d, mfn_t mfn, bool defer)
{
    return prerecord_ask(descriptor(d), mfn, defer);
}

/*
 * The same.  It is the caller's locks that forbid it to wait for the content.
 */
int prerecord_promote_slow(struct domain *d, struct page_info *page,
                           unsigned long type)
{
    if ( !prerecord_ask(descriptor(d), page_to_mfn(page), true) )
        return 0;

    /*
     * -EINTR has the hypercall go on with this page.  Who wants a page of
     * descriptors cannot do that, and just fails.
     */
    return type == PGT_seg_desc_page || d != current->domain ? -EAGAIN : -EINTR;
}

/* Both take no lock: the flag is the current vCPU's own. */
bool prerecord_must_repeat_slow(const struct vcpu *v)
{
    return prerecord_take_repeat(descriptor(v->domain), v);
}

bool prerecord_is_to_repeat_slow(const struct vcpu *v)
{
    return descriptor(v->domain)->repeat[v->vcpu_id];
}

/* Both take no lock: these flags change only while the domain is paused. */
bool prerecord_serves_slow(const struct domain *d)
{
    return ACCESS_ONCE(descriptor(d)->flags) & XEN_PRERECORD_SERVING;
}

bool prerecord_records_slow(const struct domain *d)
{
    return descriptor(d)->flags & XEN_PRERECORD_RUNNING;
}

/*
 * May sleep, where from_guest is false and nothing forbids it: so the caller
 * holds no lock and no reference to a page.  Takes the leaf in between.
 */
bool prerecord_await(struct vcpu *v, mfn_t mfn, bool from_guest)
{
    ASSERT(v == current);

    return prerecord_wait_for(descriptor(v->domain), mfn, from_guest);
}

/*
 * Takes the leaf for each of the two.  Spins without it while the owner copies
 * one page's content, which needs no lock that a caller may hold.
 */
void prerecord_forget_slow(struct domain *d, mfn_t mfn)
{
    prerecord_record_write(descriptor(d), mfn, false);
    prerecord_forget_content(descriptor(d), mfn);
}

#ifdef CONFIG_HVM

/* Takes the p2m's lock, and under it the leaf: so the caller holds neither. */
bool prerecord_nested_fault_slow(struct vcpu *v, unsigned long gfn, bool write)
{
    ASSERT(v == current);

    return prerecord_nested_touch(descriptor(v->domain), gfn, write);
}

/*
 * The p2m's lock is held, so the entry stays as it is until the caller changes
 * it.  Takes the leaf, for one of 512 pages at a time.
 */
int prerecord_nested_change_slow(struct p2m_domain *p2m, unsigned long gfn)
{
    return prerecord_nested_before_change(descriptor(p2m->domain), p2m, gfn);
}

#endif

/*
 * From paging_teardown(), which is called until it returns 0, without a lock:
 * the domain is dying.  `busy` keeps an operation of the owner's from the
 * tables that are freed.
 */
int prerecord_teardown(struct domain *d)
{
    struct prerecord *pr = descriptor(d);
    int rc;

    if ( !pr )
        return 0;

    if ( test_and_set_bit(0, &pr->busy) )
        return -ERESTART;

    rc = prerecord_abandon(pr);
    clear_bit(0, &pr->busy);

    return rc;
}

/* Nobody can find the domain any more, so no lock is needed. */
void prerecord_final_teardown(struct domain *d)
{
    struct prerecord *pr = descriptor(d);

    if ( !pr )
        return;

    d->arch.paging.prerecord = NULL;
    destroy_waitqueue_head(&pr->content);
    prerecord_free(pr);
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
