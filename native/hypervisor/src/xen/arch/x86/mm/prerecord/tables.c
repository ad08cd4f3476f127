/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a recording, or RemotePF, works with: the descriptor, its tables, the
 * event channel to the owner; made in steps, mapped by the owner, and freed in
 * steps, by the owner or when the domain dies.
 */
#include <xen/event.h>
#include "private.h"

static void cf_check nothing_to_do(struct vcpu *v, unsigned int port)
{
}

void prerecord_notify(struct prerecord *pr)
{
    ASSERT(spin_is_locked(&pr->lock));

    if ( pr->port )
        notify_via_xen_event_channel(pr->d, pr->port);
}

bool prerecord_is_listened_to(const struct prerecord *pr)
{
    struct domain *d = pr->d;
    struct evtchn *chn;
    bool bound;

    if ( !pr->port || !port_is_valid(d, pr->port) )
        return false;

    chn = evtchn_from_port(d, pr->port);
    read_lock(&d->event_lock);
    bound = chn->state == ECS_INTERDOMAIN;
    read_unlock(&d->event_lock);

    return bound;
}

static void set_port(struct prerecord *pr, int port)
{
    int old = pr->port;

    spin_lock(&pr->lock);
    pr->port = port;
    spin_unlock(&pr->lock);

    if ( old )
        free_xen_event_channel(pr->d, old);
}

int prerecord_set_owner(struct prerecord *pr, domid_t owner)
{
    int port = alloc_unbound_xen_event_channel(pr->d, 0, owner, nothing_to_do);

    if ( port < 0 )
        return port;

    pr->owner = owner;
    set_port(pr, port);

    return 0;
}

/* The descriptor, once made, stays until the domain is gone: hooks look at it. */
int prerecord_attach(struct domain *d)
{
    struct prerecord *pr = xzalloc(struct prerecord);

    if ( !pr )
        return -ENOMEM;

    pr->waiting = xzalloc_array(unsigned long, d->max_vcpus);
    pr->repeat = xzalloc_array(bool, d->max_vcpus);
    if ( !pr->waiting || !pr->repeat )
        goto free;

    pr->d = d;
    spin_lock_init(&pr->lock);
    init_waitqueue_head(&pr->content);
    memset(pr->waiting, 0xff, d->max_vcpus * sizeof(*pr->waiting));

    if ( !cmpxchgptr(&d->arch.paging.prerecord, NULL, pr) )
        return 0;

 free:
    xfree(pr->waiting);
    xfree(pr->repeat);
    xfree(pr);

    return d->arch.paging.prerecord ? 0 : -ENOMEM;
}

static unsigned long pages_for(uint64_t entries, size_t size)
{
    return DIV_ROUND_UP(entries * size, PAGE_SIZE);
}

static int init_areas(struct prerecord *pr, uint64_t nr_pfns, uint64_t limit)
{
    pr->nr_pfns = nr_pfns;

    return prerecord_area_init(&pr->states, NULL, pages_for(nr_pfns, 1)) ?:
           prerecord_area_init(&pr->records, pr->d,
                               pages_for(nr_pfns, 4 * sizeof(uint32_t))) ?:
           prerecord_area_init(&pr->store, pr->d, limit) ?:
           prerecord_area_init(&pr->slot_pfns, pr->d,
                               pages_for(limit, sizeof(uint32_t)));
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
    rc = free_areas(pr);
    if ( rc )
        return rc;

    set_port(pr, 0);

    spin_lock(&pr->lock);
    pr->flags = 0;
    pr->nr_pfns = pr->count = pr->used = pr->slots = pr->missing = 0;
    pr->half = pr->epoch = 0;
    spin_unlock(&pr->lock);
    pr->phase = PHASE_EMPTY;

    return 0;
}

static int allocate(struct prerecord *pr, uint64_t nr_pfns, uint64_t limit)
{
    int rc = 0;

    if ( pr->phase == PHASE_EMPTY )
    {
        pr->failure = 0;
        pr->phase = PHASE_PREPARING;
        rc = prerecord_set_owner(pr, current->domain->domain_id) ?:
             init_areas(pr, nr_pfns, limit);
    }

    return rc ?: prerecord_area_grow(&pr->states, pr->states.max) ?:
                 prerecord_area_grow(&pr->records, pr->records.max);
}

/* Called again until all is allocated or, after an error, freed. */
int prerecord_prepare(struct prerecord *pr, struct xen_prerecord_op *op)
{
    uint64_t nr_pfns = op->u.prepare.nr_pfns, limit = op->u.prepare.limit;
    int rc;

    if ( !nr_pfns || nr_pfns > domain_get_maximum_gpfn(pr->d) + 1UL ||
         nr_pfns > XEN_PRERECORD_WRITE || limit > nr_pfns )
        return -EINVAL;

    if ( pr->phase != PHASE_EMPTY && !pr->failure &&
         (nr_pfns != pr->nr_pfns || limit != pr->store.max) )
        return -EBUSY;

    if ( pr->phase == PHASE_EMPTY || !pr->failure )
    {
        rc = allocate(pr, nr_pfns, limit);
        if ( !rc )
        {
            pr->phase = PHASE_READY;
            op->u.prepare.port = pr->port;
        }
        if ( !rc || rc == -ERESTART )
            return rc;
        pr->failure = rc;
    }

    rc = prerecord_release(pr);
    if ( rc )
    {
        /* So that this operation is still the one to go on. */
        pr->phase = PHASE_PREPARING;
        return rc;
    }

    return pr->failure;
}

int prerecord_grow(struct prerecord *pr, uint64_t slots)
{
    int rc;

    if ( slots < pr->slots || slots > pr->store.max )
        return -EINVAL;

    rc = prerecord_area_grow(&pr->slot_pfns,
                             pages_for(slots, sizeof(uint32_t))) ?:
         prerecord_area_grow(&pr->store, slots);
    if ( rc )
        return rc;

    spin_lock(&pr->lock);
    pr->slots = slots;
    spin_unlock(&pr->lock);

    if ( slots - pr->used > prerecord_reserve(pr->d) )
        prerecord_lift_pause(pr);

    return 0;
}

static const struct prerecord_area *resource(const struct domain *d,
                                             unsigned int id)
{
    const struct prerecord *pr = d->arch.paging.prerecord;

    if ( !pr || pr->phase < PHASE_READY || pr->phase > PHASE_STOPPED ||
         pr->owner != current->domain->domain_id )
        return NULL;

    switch ( id )
    {
    case XEN_PRERECORD_RECORDS: return &pr->records;
    case XEN_PRERECORD_STORE:   return &pr->store;
    case XEN_PRERECORD_SLOTS:   return &pr->slot_pfns;
    default:                    return NULL;
    }
}

unsigned int prerecord_resource_max_frames(const struct domain *d,
                                           unsigned int id)
{
    const struct prerecord_area *area = resource(d, id);

    return area ? min(area->nr, (unsigned long)UINT_MAX) : 0;
}

int prerecord_acquire_resource(const struct domain *d, unsigned int id,
                               unsigned int frame, unsigned int nr_frames,
                               xen_pfn_t mfn_list[])
{
    struct prerecord *pr = d->arch.paging.prerecord;
    const struct prerecord_area *area;
    unsigned int i;
    int rc = nr_frames;

    if ( !pr )
        return -ENOENT;
    /* Against a release that frees the pages meanwhile. */
    if ( test_and_set_bit(0, &pr->busy) )
        return -EBUSY;

    area = resource(d, id);
    if ( !area )
        rc = -ENOENT;
    else if ( frame > area->nr || nr_frames > area->nr - frame )
        rc = -EINVAL;
    else
        for ( i = 0; i < nr_frames; i++ )
            mfn_list[i] = mfn_x(page_to_mfn(prerecord_area_page(area,
                                                                frame + i)));

    clear_bit(0, &pr->busy);

    return rc;
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

    prerecord_abandon(pr);
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
