/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a recording, or RemotePF, works with: the descriptor, its tables, the
 * event channel to the owner; made in steps, mapped by the owner, and freed in
 * steps, by the owner or when the domain dies.
 */
#include <xen/event.h>
#include <xen/guest_access.h>
#include <xen/vm_event.h>
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

bool prerecord_in_use(const struct domain *d)
{
    const struct prerecord *pr = d->arch.paging.prerecord;

    return pr && pr->phase != PHASE_EMPTY;
}

/* Xen's own ways to watch a domain's second-level table exclude this one. */
static int check_nested(const struct domain *d)
{
    if ( !prerecord_nested_fits(d) )
        return -EOPNOTSUPP;

    return vm_event_check_ring(d->vm_event_monitor) ||
#ifdef CONFIG_MEM_PAGING
           vm_event_check_ring(d->vm_event_paging) ||
#endif
#ifdef CONFIG_MEM_SHARING
           vm_event_check_ring(d->vm_event_share) ||
#endif
           false ? -EBUSY : 0;
}

/* The descriptor, once made, stays until the domain is gone: hooks look at it. */
int prerecord_attach(struct domain *d)
{
    struct prerecord *pr = xzalloc(struct prerecord);

    if ( !pr )
        return -ENOMEM;

    pr->waiting = xzalloc_array(unsigned long, d->max_vcpus);
    pr->looked = xzalloc_array(unsigned long, d->max_vcpus);
    pr->repeat = xzalloc_array(bool, d->max_vcpus);
    if ( !pr->waiting || !pr->looked || !pr->repeat )
        goto free;

    pr->d = d;
    spin_lock_init(&pr->lock);
    init_waitqueue_head(&pr->content);
    memset(pr->waiting, 0xff, d->max_vcpus * sizeof(*pr->waiting));

    if ( !cmpxchgptr(&d->arch.paging.prerecord, NULL, pr) )
        return 0;

 free:
    xfree(pr->waiting);
    xfree(pr->looked);
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

    return prerecord_area_init(&pr->states, false,
                               pages_for(nr_pfns, sizeof(uint32_t))) ?:
           prerecord_area_init(&pr->records, true,
                               pages_for(nr_pfns, 4 * sizeof(uint32_t))) ?:
           prerecord_area_init(&pr->store, true, limit) ?:
           prerecord_area_init(&pr->slot_pfns, true,
                               pages_for(limit, sizeof(uint32_t)));
}

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

    set_port(pr, 0);

    spin_lock(&pr->lock);
    pr->flags = 0;
    pr->count = pr->used = pr->slots = pr->missing = 0;
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

/*
 * How many pages it has is the domain's own word.  What Xen keeps of each follows
 * what the toolstack lets it have, twice, for holes, and what lies below 4 GiB.
 */
static uint64_t most_pfns(const struct domain *d)
{
    return 2 * (uint64_t)d->max_pages + (1UL << (32 - PAGE_SHIFT));
}

/* Called again until all is allocated or, after an error, freed. */
int prerecord_prepare(struct prerecord *pr, struct xen_prerecord_op *op)
{
    uint64_t nr_pfns = op->u.prepare.nr_pfns, limit = op->u.prepare.limit;
    int rc;

    if ( !nr_pfns || nr_pfns > domain_get_maximum_gpfn(pr->d) + 1UL ||
         nr_pfns > XEN_PRERECORD_WRITE || limit > nr_pfns )
        return -EINVAL;
    if ( nr_pfns > most_pfns(pr->d) )
        return -E2BIG;

    if ( pr->phase != PHASE_EMPTY && !pr->failure &&
         (nr_pfns != pr->nr_pfns || limit != pr->store.max) )
        return -EBUSY;

    if ( pr->phase == PHASE_EMPTY && paging_mode_hap(pr->d) )
    {
        rc = check_nested(pr->d);
        if ( rc )
            return rc;
    }

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

static const struct prerecord_area *table(const struct prerecord *pr,
                                          uint32_t id)
{
    switch ( id )
    {
    case XEN_PRERECORD_RECORDS: return &pr->records;
    case XEN_PRERECORD_STORE:   return &pr->store;
    case XEN_PRERECORD_SLOTS:   return &pr->slot_pfns;
    default:                    return NULL;
    }
}

int prerecord_frames(struct prerecord *pr, struct xen_prerecord_op *op)
{
    const struct prerecord_area *area = table(pr, op->u.frames.table);
    uint64_t first = op->u.frames.first, count = op->u.frames.count;

    if ( !area || op->u.frames.pad || first > area->nr ||
         count > area->nr - first )
        return -EINVAL;

    while ( count )
    {
        const struct page_info *page = prerecord_area_page(area, first);
        uint64_t frame;

        if ( !page )
            return -EINVAL;
        frame = mfn_x(page_to_mfn(page));
        if ( copy_to_guest(op->u.frames.frames, &frame, 1) )
            return -EFAULT;

        guest_handle_add_offset(op->u.frames.frames, 1);
        op->u.frames.first = ++first;
        op->u.frames.count = --count;

        if ( !(count & 255) && count && hypercall_preempt_check() )
            return -ERESTART;
    }

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
