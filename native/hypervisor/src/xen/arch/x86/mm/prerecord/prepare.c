/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a recording, or RemotePF, works with: the descriptor and its tables,
 * made in steps, enlarged, and mapped by the owner.
 */
#include <xen/event.h>
#include <xen/guest_access.h>
#include <xen/vm_event.h>
#include "backup.h"
#include "nested.h"
#include "owner.h"
#include "prepare.h"
#include "teardown.h"

/*
 * What Xen watches by means of the second-level table excludes the extension.
 */
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
    prerecord_free(pr);

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
 * How many pages the domain has is its own word, so Xen keeps something for no
 * more than twice what the toolstack lets it have, because an address space
 * has holes, and for what lies below 4 GiB.
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
        /* The release gave way: this operation is the one to go on with it. */
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

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
