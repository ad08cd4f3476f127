/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RemotePF, the domain's side: the domain runs while pages of it are still
 * elsewhere.
 *
 * A missing page is never mapped.  A guest's own touch of one pauses its vCPU.
 * When Xen touches it on the guest's behalf, Xen waits where it may; elsewhere
 * the vCPU is paused, and what Xen was doing is done again when it runs on.
 * In each case the page's pfn goes to the records once, and the owner is told.
 */
#include <xen/preempt.h>
#include <xen/prerecord.h>
#include <xen/rcupdate.h>
#include "missing.h"
#include "owner.h"
#include "pages.h"

/* The processor's touches of missing pages fail, and do not wait. */
DEFINE_PER_CPU(bool, prerecord_must_not_wait);

static void ask_for(struct prerecord *pr, unsigned long pfn)
{
    uint32_t *state = prerecord_state(pr, pfn);

    if ( *state & STATE_ASKED )
        return;

    *state |= STATE_ASKED;
    prerecord_note_asked(pr, pfn);
    prerecord_notify(pr);
}

bool prerecord_is_missing(struct prerecord *pr, unsigned long pfn)
{
    ASSERT(spin_is_locked(&pr->lock));

    return (pr->flags & XEN_PRERECORD_SERVING) &&
           (*prerecord_state(pr, pfn) & STATE_MISSING);
}

/*
 * The pfn of a page that may be missing, or NO_PFN.  Serving begins with the
 * domain paused, so the flag may be looked at without the lock.
 */
static unsigned long served_pfn(const struct prerecord *pr, mfn_t mfn)
{
    return ACCESS_ONCE(pr->flags) & XEN_PRERECORD_SERVING
           ? prerecord_pfn(pr, mfn) : NO_PFN;
}

static bool is_missing_now(struct prerecord *pr, unsigned long pfn)
{
    bool missing;

    spin_lock(&pr->lock);
    missing = prerecord_is_missing(pr, pfn);
    spin_unlock(&pr->lock);

    return missing;
}

/* Pauses a vCPU until the page is there, unless it waits for one already. */
static void pause_for(struct prerecord *pr, struct vcpu *v, unsigned long pfn)
{
    ASSERT(spin_is_locked(&pr->lock));

    if ( pr->waiting[v->vcpu_id] != NO_PFN )
        return;

    pr->waiting[v->vcpu_id] = pfn;
    vcpu_pause_nosync(v);
}

bool prerecord_ask(struct prerecord *pr, mfn_t mfn, bool defer)
{
    unsigned long pfn = served_pfn(pr, mfn);
    struct vcpu *curr = current;
    bool missing;

    if ( pfn == NO_PFN )
        return false;

    spin_lock(&pr->lock);
    missing = prerecord_is_missing(pr, pfn);
    if ( missing )
    {
        ask_for(pr, pfn);
        if ( defer && curr->domain == pr->d &&
             !this_cpu(prerecord_must_not_wait) )
        {
            pause_for(pr, curr, pfn);
            pr->repeat[curr->vcpu_id] = true;
        }
    }
    spin_unlock(&pr->lock);

    return missing;
}

bool prerecord_take_repeat(struct prerecord *pr, const struct vcpu *v)
{
    ASSERT(v == current);

    return test_and_clear_bool(pr->repeat[v->vcpu_id]);
}

bool prerecord_wait_for(struct prerecord *pr, mfn_t mfn, bool from_guest)
{
    unsigned long pfn = served_pfn(pr, mfn);

    if ( pfn == NO_PFN )
        return true;

    if ( from_guest )
    {
        /* The instruction is repeated by itself, and no hypercall. */
        if ( prerecord_ask(pr, mfn, true) )
            prerecord_take_repeat(pr, current);

        return true;
    }

    if ( this_cpu(prerecord_must_not_wait) || in_atomic() ||
         !rcu_quiesce_allowed() )
        return !prerecord_ask(pr, mfn, true);

    /* Copying to or from the guest: no reference to any page is held here. */
    wait_event(pr->content, !is_missing_now(pr, pfn));

    return true;
}

/*
 * Missing pages become fewer only, so a part of the domain in which none was
 * found need not be looked at again.
 */
unsigned long prerecord_wants_one_of(struct prerecord *pr, unsigned long first,
                                     unsigned long end)
{
    unsigned long pfn;

    for ( pfn = first; ACCESS_ONCE(pr->missing) && pfn < end; pfn++ )
    {
        bool missing;

        spin_lock(&pr->lock);
        missing = prerecord_is_missing(pr, pfn);
        if ( missing )
            ask_for(pr, pfn);
        spin_unlock(&pr->lock);

        if ( missing )
            return pfn;
    }

    return NO_PFN;
}

/*
 * A vCPU looks at 512 of the pages with each touch, at the touched one first,
 * and remembers how far none is missing.
 */
bool prerecord_await_one_of(struct prerecord *pr, unsigned long pfn,
                            unsigned int order)
{
    struct vcpu *v = current;
    unsigned long count = 1UL << order, first = pfn & ~(count - 1);
    unsigned long *looked = &pr->looked[v->vcpu_id], one, end;

    if ( *looked <= first || *looked >= first + count )
        *looked = first;
    end = min(*looked + 512, first + count);

    one = prerecord_wants_one_of(pr, pfn, pfn + 1);
    if ( one == NO_PFN )
        one = prerecord_wants_one_of(pr, *looked, end);
    if ( one == NO_PFN )
    {
        *looked = end;
        return end < first + count;
    }

    /*
     * The page may have come meanwhile, and then there is nothing to wait for.
     */
    spin_lock(&pr->lock);
    if ( prerecord_is_missing(pr, one) )
        pause_for(pr, v, one);
    spin_unlock(&pr->lock);

    return true;
}

/* Lets the vCPUs run that are paused for the page; NO_PFN stands for any. */
static void wake_paused(struct prerecord *pr, unsigned long pfn)
{
    struct vcpu *v;

    ASSERT(spin_is_locked(&pr->lock));

    for_each_vcpu ( pr->d, v )
        if ( pr->waiting[v->vcpu_id] != NO_PFN &&
             (pfn == NO_PFN || pr->waiting[v->vcpu_id] == pfn) )
        {
            pr->waiting[v->vcpu_id] = NO_PFN;
            vcpu_unpause(v);
        }
}

void prerecord_arrived(struct prerecord *pr, unsigned long pfn)
{
    ASSERT(spin_is_locked(&pr->lock));

    *prerecord_state(pr, pfn) &= ~STATE_MISSING;
    pr->missing--;
    wake_paused(pr, pfn);
}

void prerecord_wake_all(struct prerecord *pr)
{
    spin_lock(&pr->lock);
    wake_paused(pr, NO_PFN);
    spin_unlock(&pr->lock);

    wake_up_all(&pr->content);
}

void prerecord_forget_content(struct prerecord *pr, mfn_t mfn)
{
    unsigned long pfn = served_pfn(pr, mfn);
    bool arrived = false;

    if ( pfn == NO_PFN )
        return;

    spin_lock(&pr->lock);
    while ( prerecord_is_missing(pr, pfn) )
    {
        if ( !(*prerecord_state(pr, pfn) & STATE_RESOLVING) )
        {
            prerecord_arrived(pr, pfn);
            arrived = true;
            break;
        }

        /* The owner is filling it right now, which does not take long. */
        spin_unlock(&pr->lock);
        cpu_relax();
        spin_lock(&pr->lock);
    }
    spin_unlock(&pr->lock);

    if ( arrived )
        wake_up_all(&pr->content);
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
