/* SPDX-License-Identifier: GPL-2.0-only */
/* Switching on and off: a recording and its epochs, RemotePF. */
#include <xen/event.h>
#include "private.h"

#define RUNNING_OR_SERVING (XEN_PRERECORD_RUNNING | XEN_PRERECORD_SERVING)

/*
 * With the domain paused, so that it sees one instant; it stays so until all
 * is done, however often that gives way.  Until then there is nothing to do for
 * any other operation.
 */
static int switch_on(struct prerecord *pr, unsigned int flags)
{
    struct domain *d = pr->d;
    int rc;

    if ( !pr->switching )
    {
        rc = prerecord_enlarge_pool(pr);
        if ( rc )
            return rc;

        domain_pause(d);

        spin_lock(&pr->lock);
        pr->count = pr->half = pr->epoch = pr->used = pr->harvested = 0;
        pr->flags = flags;
        spin_unlock(&pr->lock);

        rc = prerecord_enable(d);
        if ( rc )
        {
            spin_lock(&pr->lock);
            pr->flags = 0;
            spin_unlock(&pr->lock);
            domain_unpause(d);
            return rc;
        }

        pr->switching = true;
        prerecord_begin_emptying(pr, 1);
    }

    rc = prerecord_go_on_emptying(pr);
    if ( rc )
        return rc;

    if ( pr->flags & XEN_PRERECORD_RUNNING )
    {
        rc = prerecord_backup_fixed_pages(pr);
        if ( rc )
            return rc;
    }
    pr->switching = false;
    pr->phase = PHASE_STARTED;
    domain_unpause(d);

    return 0;
}

int prerecord_start(struct prerecord *pr, uint32_t flags)
{
    struct domain *d = pr->d;

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

    return switch_on(pr, flags | XEN_PRERECORD_RUNNING);
}

int prerecord_epoch(struct prerecord *pr, struct xen_prerecord_op *op)
{
    struct domain *d = pr->d;
    bool by_harvest = pr->flags & XEN_PRERECORD_HARVEST;
    int rc;

    if ( !(pr->flags & XEN_PRERECORD_RUNNING) )
        return -EINVAL;
    if ( by_harvest )
    {
        rc = prerecord_nested_harvest(pr);
        if ( rc )
            return rc;
    }

    /* Else the epoch has ended already, and gave way while shadows were emptied. */
    if ( !pr->emptying )
    {
        /* What a page's state can name is used up: record anew. */
        if ( pr->epoch >= LAST_EPOCH )
            return -ERANGE;

        spin_lock(&pr->lock);
        pr->ended.first = pr->half * 2 * pr->nr_pfns;
        pr->ended.count = pr->count;
        prerecord_next_epoch(pr);
        spin_unlock(&pr->lock);

        if ( !paging_mode_hap(d) )
            prerecord_begin_emptying(pr, 1);
        else if ( !by_harvest )
            prerecord_nested_arm(d);
    }

    rc = prerecord_go_on_emptying(pr);
    if ( rc )
        return rc;

    op->u.epoch.first = pr->ended.first;
    op->u.epoch.count = pr->ended.count;
    op->u.epoch.number = pr->epoch;

    return 0;
}

int prerecord_serve(struct prerecord *pr)
{
    return switch_on(pr, XEN_PRERECORD_ACCESSES | XEN_PRERECORD_SERVING);
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
    int rc;

    if ( !pr->switching )
    {
        if ( (pr->flags & XEN_PRERECORD_SERVING) && pr->missing )
            return -EBUSY;

        domain_pause(d);
        clear_flags(pr);
        pr->switching = true;
        pr->parting = paging_mode_external(d) ? 0 : 2;
    }

    rc = prerecord_take_apart(pr);
    if ( rc )
        return rc;

    prerecord_disable(pr);
    prerecord_lift_pause(pr);
    prerecord_wake_all(pr);
    pr->switching = false;
    pr->phase = PHASE_STOPPED;
    domain_unpause(d);

    return 0;
}

/* For who takes over from an owner that is gone: the domain is paused until then. */
int prerecord_end_switching(struct prerecord *pr)
{
    if ( !pr->switching )
        return 0;

    return pr->phase == PHASE_STARTED ? prerecord_stop(pr)
                                      : switch_on(pr, pr->flags);
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
