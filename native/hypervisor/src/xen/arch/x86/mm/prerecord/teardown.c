/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of what prepare made: freed in steps, by the owner's release, or
 * when the domain dies.
 */
#include <asm/p2m.h>
#include <asm/paging.h>
#include "../mm-locks.h"
#include "backup.h"
#include "missing.h"
#include "owner.h"
#include "pages.h"
#include "pool.h"
#include "teardown.h"

/* A hook that comes from here on finds no page that is looked after. */
static void forget_extent(struct prerecord *pr)
{
    spin_lock(&pr->lock);
    pr->nr_pfns = 0;
    spin_unlock(&pr->lock);
}

static int free_areas(struct prerecord *pr)
{
    return prerecord_area_free(&pr->store) ?:
           prerecord_area_free(&pr->slot_pfns) ?:
           prerecord_area_free(&pr->records) ?:
           prerecord_area_free(&pr->states);
}

int prerecord_release(struct prerecord *pr)
{
    int rc;

    if ( pr->phase == PHASE_STARTED )
        return -EBUSY;

    pr->phase = PHASE_RELEASING;
    forget_extent(pr);
    rc = free_areas(pr) ?: prerecord_give_pool_back(pr);
    if ( rc )
        return rc;

    prerecord_close_port(pr);

    spin_lock(&pr->lock);
    pr->flags = 0;
    pr->count = pr->used = pr->slots = pr->missing = 0;
    pr->half = pr->epoch = 0;
    spin_unlock(&pr->lock);
    pr->phase = PHASE_EMPTY;

    return 0;
}

/*
 * The shadows themselves are shadow_teardown()'s: leaving shadow mode in the
 * ordinary way is not possible any more.  The pool goes with the domain.
 */
int prerecord_abandon(struct prerecord *pr)
{
    int rc;

    prerecord_clear_flags(pr);
    paging_lock(pr->d);
    pr->d->arch.paging.mode &= ~PG_prerecord;
    paging_unlock(pr->d);
    prerecord_lift_pause(pr);
    prerecord_wake_all(pr);

    forget_extent(pr);
    rc = free_areas(pr);
    pr->port = 0; /* It was closed with all of the domain's event channels. */

    return rc;
}

void prerecord_free(struct prerecord *pr)
{
    xfree(pr->waiting);
    xfree(pr->looked);
    xfree(pr->repeat);
    xfree(pr);
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
