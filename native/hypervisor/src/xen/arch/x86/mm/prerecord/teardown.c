/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The end of what prepare made: freed in steps, by the owner's release, or when
 * the domain dies.
 */
#include <xen/event.h>
#include "private.h"

/* From here on no hook that comes late finds a page to look after. */
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

    prerecord_set_port(pr, 0);

    spin_lock(&pr->lock);
    pr->flags = 0;
    pr->count = pr->used = pr->slots = pr->missing = 0;
    pr->half = pr->epoch = 0;
    spin_unlock(&pr->lock);
    pr->phase = PHASE_EMPTY;

    return 0;
}

/* The domain dies: from paging_teardown(), which may be called repeatedly. */
int prerecord_teardown(struct domain *d)
{
    struct prerecord *pr = d->arch.paging.prerecord;
    int rc;

    if ( !pr )
        return 0;

    if ( test_and_set_bit(0, &pr->busy) )
        return -ERESTART;

    prerecord_abandon(pr); /* The pool goes with the domain. */
    forget_extent(pr);
    rc = free_areas(pr);
    pr->port = 0; /* All of the domain's event channels are closed. */

    clear_bit(0, &pr->busy);

    return rc;
}

void prerecord_final_teardown(struct domain *d)
{
    struct prerecord *pr = d->arch.paging.prerecord;

    if ( !pr )
        return;

    d->arch.paging.prerecord = NULL;
    destroy_waitqueue_head(&pr->content);
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
