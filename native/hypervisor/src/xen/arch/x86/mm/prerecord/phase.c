/* SPDX-License-Identifier: GPL-2.0-only */
/* Switching on and off: a recording and its epochs, RemotePF. */
#include <asm/shadow.h>
#include "../shadow/private.h"
#include "private.h"

#define RUNNING_OR_SERVING (XEN_PRERECORD_RUNNING | XEN_PRERECORD_SERVING)

/* The rule that libxl uses, doubled: each epoch builds the shadows anew. */
static int enlarge_shadow_pool(struct domain *d, struct prerecord *pr)
{
    unsigned long wanted = min(512UL * d->max_vcpus + pr->nr_pfns / 64,
                               (unsigned long)INT_MAX);
    unsigned int before;
    bool preempted = false;
    int rc = 0;

    paging_lock(d);
    before = d->arch.paging.shadow.total_pages;
    if ( before + d->arch.paging.shadow.p2m_pages < wanted )
        rc = shadow_set_allocation(d, wanted, &preempted);
    pr->pool_added += d->arch.paging.shadow.total_pages - before;
    paging_unlock(d);

    return preempted ? -ERESTART : rc;
}

static int enlarge_pool(struct prerecord *pr)
{
    return paging_mode_hap(pr->d) ? prerecord_nested_enlarge(pr)
                                  : enlarge_shadow_pool(pr->d, pr);
}

/* A domain that is off shadows by now has given all of them back. */
static int shrink_shadow_pool(struct domain *d, struct prerecord *pr)
{
    unsigned int before, added;
    bool preempted = false;

    paging_lock(d);
    before = d->arch.paging.shadow.total_pages;
    added = min(pr->pool_added, before);
    if ( added )
        shadow_set_allocation(d, before - added +
                                 d->arch.paging.shadow.p2m_pages, &preempted);
    pr->pool_added -= min(pr->pool_added,
                          before - d->arch.paging.shadow.total_pages);
    if ( !preempted )
        pr->pool_added = 0;
    paging_unlock(d);

    return preempted ? -ERESTART : 0;
}

int prerecord_give_pool_back(struct prerecord *pr)
{
    return paging_mode_hap(pr->d) ? prerecord_nested_give_back(pr)
                                  : shrink_shadow_pool(pr->d, pr);
}

static int enable(struct domain *d)
{
    int rc;

    if ( paging_mode_hap(d) )
    {
        prerecord_nested_switch(d, true);
        return 0;
    }

    paging_lock(d);
    if ( shadow_mode_enabled(d) )
        shadow_blow_tables(d);
    rc = shadow_one_bit_enable(d, PG_prerecord);
    paging_unlock(d);

    return rc;
}

static void disable(struct domain *d)
{
    if ( paging_mode_hap(d) )
    {
        prerecord_nested_switch(d, false);
        return;
    }

    paging_lock(d);
    if ( prerecord_on(d) )
        shadow_one_bit_disable(d, PG_prerecord);
    paging_unlock(d);
}

/* With the domain paused, so that it sees one instant. */
static int switch_on(struct prerecord *pr, unsigned int flags)
{
    int rc;

    spin_lock(&pr->lock);
    pr->count = pr->half = pr->epoch = pr->used = pr->harvested = 0;
    pr->flags = flags;
    spin_unlock(&pr->lock);

    rc = enable(pr->d);
    if ( !rc )
        pr->phase = PHASE_STARTED;
    else
    {
        spin_lock(&pr->lock);
        pr->flags = 0;
        spin_unlock(&pr->lock);
    }

    return rc;
}

int prerecord_start(struct prerecord *pr, uint32_t flags)
{
    struct domain *d = pr->d;
    int rc;

    if ( !flags || (flags & ~(XEN_PRERECORD_ACCESSES | XEN_PRERECORD_BACKUPS |
                              XEN_PRERECORD_HARVEST)) )
        return -EINVAL;
    if ( flags & XEN_PRERECORD_HARVEST )
    {
        if ( !(flags & XEN_PRERECORD_ACCESSES) )
            return -EINVAL;
        if ( !paging_mode_hap(d) )
            return -EOPNOTSUPP;
    }
    if ( pr->missing )
        return -EBUSY;
    if ( (flags & XEN_PRERECORD_BACKUPS) &&
         pr->slots < 2 * prerecord_reserve(d) )
        return -ENOSPC;
    rc = enlarge_pool(pr);
    if ( rc )
        return rc;

    domain_pause(d);
    rc = switch_on(pr, flags | XEN_PRERECORD_RUNNING);
    if ( !rc )
        prerecord_backup_fixed_pages(d);
    domain_unpause(d);

    return rc;
}

int prerecord_epoch(struct prerecord *pr, struct xen_prerecord_op *op)
{
    struct domain *d = pr->d;
    bool nested = paging_mode_hap(d);
    bool by_harvest = pr->flags & XEN_PRERECORD_HARVEST;

    if ( !(pr->flags & XEN_PRERECORD_RUNNING) )
        return -EINVAL;
    /* What a page's state can name is used up: record anew. */
    if ( pr->epoch >= LAST_EPOCH )
        return -ERANGE;
    if ( by_harvest )
    {
        int rc = prerecord_nested_harvest(pr);

        if ( rc )
            return rc;
    }

    /* The order of the locks is the other one for nested paging. */
    if ( !nested )
        paging_lock(d);
    spin_lock(&pr->lock);
    op->u.epoch.first = pr->half * 2 * pr->nr_pfns;
    op->u.epoch.count = pr->count;
    prerecord_next_epoch(pr);
    op->u.epoch.number = pr->epoch;
    spin_unlock(&pr->lock);
    if ( !nested )
    {
        shadow_blow_tables(d);
        paging_unlock(d);
    }
    else if ( !by_harvest )
        prerecord_nested_arm(d);

    return 0;
}

int prerecord_serve(struct prerecord *pr)
{
    int rc;

    rc = enlarge_pool(pr);
    if ( rc )
        return rc;

    domain_pause(pr->d);
    rc = switch_on(pr, XEN_PRERECORD_ACCESSES | XEN_PRERECORD_SERVING);
    domain_unpause(pr->d);

    return rc;
}

static void clear_flags(struct prerecord *pr)
{
    spin_lock(&pr->lock);
    pr->flags &= ~RUNNING_OR_SERVING;
    spin_unlock(&pr->lock);
}

int prerecord_stop(struct prerecord *pr)
{
    struct domain *d = pr->d;

    if ( (pr->flags & XEN_PRERECORD_SERVING) && pr->missing )
        return -EBUSY;

    domain_pause(d);
    clear_flags(pr);
    disable(d);
    prerecord_lift_pause(pr);
    prerecord_wake_all(pr);
    domain_unpause(d);

    pr->phase = PHASE_STOPPED;

    return 0;
}

/*
 * For a domain that dies.  The shadows themselves are shadow_teardown()'s:
 * leaving shadow mode in the ordinary way is not possible any more.
 */
void prerecord_abandon(struct prerecord *pr)
{
    clear_flags(pr);
    paging_lock(pr->d);
    pr->d->arch.paging.mode &= ~PG_prerecord;
    paging_unlock(pr->d);
    prerecord_lift_pause(pr);
    prerecord_wake_all(pr);
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
