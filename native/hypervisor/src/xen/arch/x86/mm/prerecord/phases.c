/* SPDX-License-Identifier: GPL-2.0-only */
/* Switching a recording, its epochs and RemotePF on and off. */
#include <xen/event.h>
#include <asm/paging.h>
#include "backup.h"
#include "harvest.h"
#include "missing.h"
#include "nested.h"
#include "pages.h"
#include "phases.h"
#include "pool.h"
#include "shadow.h"

static int enable(struct domain *d)
{
    if ( !paging_mode_hap(d) )
        return prerecord_shadow_on(d);
    prerecord_nested_switch(d, true);

    return 0;
}

static void disable(struct prerecord *pr)
{
    if ( paging_mode_hap(pr->d) )
        prerecord_nested_switch(pr->d, false);
    else
        prerecord_shadow_off(pr);
}

/*
 * The domain is paused, so that for it all of this happens in one instant, and
 * stays paused until all is done, however often the hypercall gives way.
 * Other operations wait meanwhile: control.c makes them again.
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
        pr->count = pr->half = pr->epoch = pr->harvested = 0;
        pr->used = pr->uses = 0;
        pr->flags = flags;
        spin_unlock(&pr->lock);

        rc = enable(d);
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
        rc = prerecord_harvest(pr);
        if ( rc )
            return rc;
    }

    /*
     * Where shadows are still to be emptied, an earlier call ended the epoch
     * and then gave way: this one goes on from there.
     */
    if ( !pr->emptying )
    {
        /*
         * A page's state can name no more epochs: the owner is to record anew.
         */
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
    return switch_on(pr, XEN_PRERECORD_ACCESSES | XEN_PRERECORD_SERVING |
                         XEN_PRERECORD_USES);
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
        prerecord_clear_flags(pr);
        pr->switching = true;
        pr->parting = paging_mode_external(d) ? 0 : 2;
    }

    rc = prerecord_take_apart(pr);
    if ( rc )
        return rc;

    disable(pr);
    prerecord_lift_pause(pr);
    prerecord_wake_all(pr);
    pr->switching = false;
    pr->phase = PHASE_STOPPED;
    domain_unpause(d);

    return 0;
}

int prerecord_end_switching(struct prerecord *pr)
{
    if ( !pr->switching )
        return 0;

    return pr->phase == PHASE_STARTED ? prerecord_stop(pr)
                                      : switch_on(pr, pr->flags);
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
