/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypercall: ownership, allocation, switching on and off, release.
 *
 * Operations on one domain exclude each other.  Whatever takes long gives way
 * in between and goes on where it stopped.
 */
#include <xen/event.h>
#include <xen/guest_access.h>
#include <xen/hypercall.h>
#include <xen/vm_event.h>
#include <asm/shadow.h>
#include <xsm/xsm.h>
#include "../shadow/private.h"
#include "private.h"

#define RUNNING_OR_SERVING (XEN_PRERECORD_RUNNING | XEN_PRERECORD_SERVING)

static void cf_check nothing_to_do(struct vcpu *v, unsigned int port)
{
}

void prerecord_notify(const struct prerecord *pr)
{
    if ( pr->port )
        notify_via_xen_event_channel(pr->d, pr->port);
}

/* The descriptor, once made, stays until the domain is gone: hooks look at it. */
static struct prerecord *descriptor(struct domain *d)
{
    struct prerecord *pr = d->arch.paging.prerecord;

    if ( pr )
        return pr;

    pr = xzalloc(struct prerecord);
    if ( !pr )
        return NULL;

    pr->waiting = xzalloc_array(unsigned long, d->max_vcpus);
    pr->repeat = xzalloc_array(bool, d->max_vcpus);
    if ( !pr->waiting || !pr->repeat )
        goto free;

    pr->d = d;
    spin_lock_init(&pr->lock);
    init_waitqueue_head(&pr->content);
    memset(pr->waiting, 0xff, d->max_vcpus * sizeof(*pr->waiting));

    if ( !cmpxchgptr(&d->arch.paging.prerecord, NULL, pr) )
        return pr;

 free:
    xfree(pr->waiting);
    xfree(pr->repeat);
    xfree(pr);

    return d->arch.paging.prerecord;
}

static int free_areas(struct prerecord *pr)
{
    return prerecord_area_free(&pr->store) ?:
           prerecord_area_free(&pr->slot_pfns) ?:
           prerecord_area_free(&pr->records) ?:
           prerecord_area_free(&pr->states);
}

static unsigned long pages_for(uint64_t entries, size_t size)
{
    return DIV_ROUND_UP(entries * size, PAGE_SIZE);
}

static int init_areas(struct prerecord *pr, uint64_t nr_pfns, uint64_t limit)
{
    int rc = prerecord_area_init(&pr->states, NULL, pages_for(nr_pfns, 1)) ?:
             prerecord_area_init(&pr->records, pr->d,
                                 pages_for(nr_pfns, 4 * sizeof(uint32_t))) ?:
             prerecord_area_init(&pr->store, pr->d, limit) ?:
             prerecord_area_init(&pr->slot_pfns, pr->d,
                                 pages_for(limit, sizeof(uint32_t)));

    pr->nr_pfns = nr_pfns;

    return rc;
}

/* Called again until all is allocated.  After an error, release frees what is. */
static int prepare(struct prerecord *pr, struct xen_prerecord_op *op)
{
    uint64_t nr_pfns = op->u.prepare.nr_pfns, limit = op->u.prepare.limit;
    int rc;

    if ( !nr_pfns || nr_pfns > domain_get_maximum_gpfn(pr->d) + 1UL ||
         nr_pfns > XEN_PRERECORD_WRITE || limit > nr_pfns )
        return -EINVAL;

    if ( pr->phase == PHASE_EMPTY )
    {
        pr->phase = PHASE_PREPARING;
        pr->owner = current->domain->domain_id;

        rc = init_areas(pr, nr_pfns, limit);
        if ( rc )
            return rc;

        rc = alloc_unbound_xen_event_channel(pr->d, 0, pr->owner,
                                             nothing_to_do);
        if ( rc < 0 )
            return rc;
        pr->port = rc;
    }
    else if ( pr->phase != PHASE_PREPARING || !pr->port ||
              nr_pfns != pr->nr_pfns || limit != pr->store.max )
        return -EBUSY;

    rc = prerecord_area_grow(&pr->states, pr->states.max) ?:
         prerecord_area_grow(&pr->records, pr->records.max);
    if ( rc )
        return rc;

    pr->phase = PHASE_READY;
    op->u.prepare.port = pr->port;

    return 0;
}

static int grow(struct prerecord *pr, uint64_t slots)
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

/* The rule that libxl uses, doubled: each epoch builds the shadows anew. */
static int size_shadow_pool(struct domain *d, const struct prerecord *pr)
{
    unsigned long wanted = min(512UL * d->max_vcpus + pr->nr_pfns / 64,
                               (unsigned long)INT_MAX);
    bool preempted = false;
    int rc = 0;

    paging_lock(d);
    if ( d->arch.paging.shadow.total_pages < wanted )
        rc = shadow_set_allocation(d, wanted, &preempted);
    paging_unlock(d);

    return preempted ? -ERESTART : rc;
}

/* With the domain paused, so that it sees one instant. */
static int switch_on(struct prerecord *pr, unsigned int flags)
{
    struct domain *d = pr->d;
    int rc;

    spin_lock(&pr->lock);
    pr->count = pr->half = pr->epoch = pr->used = 0;
    pr->flags = flags;
    spin_unlock(&pr->lock);

    paging_lock(d);
    if ( shadow_mode_enabled(d) )
        shadow_blow_tables(d);
    rc = shadow_one_bit_enable(d, PG_prerecord);
    paging_unlock(d);

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

static void switch_off(struct prerecord *pr)
{
    struct domain *d = pr->d;

    domain_pause(d);

    spin_lock(&pr->lock);
    pr->flags &= ~RUNNING_OR_SERVING;
    spin_unlock(&pr->lock);

    paging_lock(d);
    if ( paging_mode_shadow(d) && prerecord_on(d) )
        shadow_one_bit_disable(d, PG_prerecord);
    paging_unlock(d);

    prerecord_lift_pause(pr);
    prerecord_wake_all(pr);
    domain_unpause(d);
}

static int start_recording(struct prerecord *pr, uint32_t flags)
{
    struct domain *d = pr->d;
    int rc;

    if ( !flags || (flags & ~(XEN_PRERECORD_ACCESSES | XEN_PRERECORD_BACKUPS)) )
        return -EINVAL;
    if ( (flags & XEN_PRERECORD_BACKUPS) &&
         pr->slots < 2 * prerecord_reserve(d) )
        return -ENOSPC;
    rc = size_shadow_pool(d, pr);
    if ( rc )
        return rc;

    domain_pause(d);
    rc = switch_on(pr, flags | XEN_PRERECORD_RUNNING);
    if ( !rc )
        prerecord_backup_fixed_pages(d);
    domain_unpause(d);

    return rc;
}

static int next_epoch(struct prerecord *pr, struct xen_prerecord_op *op)
{
    struct domain *d = pr->d;

    if ( !(pr->flags & XEN_PRERECORD_RUNNING) )
        return -EINVAL;

    paging_lock(d);
    spin_lock(&pr->lock);
    op->u.epoch.first = pr->half * 2 * pr->nr_pfns;
    op->u.epoch.count = pr->count;
    prerecord_next_epoch(pr);
    op->u.epoch.number = pr->epoch;
    spin_unlock(&pr->lock);
    shadow_blow_tables(d);
    paging_unlock(d);

    return 0;
}

static int start_serving(struct prerecord *pr)
{
    int rc;

    rc = size_shadow_pool(pr->d, pr);
    if ( rc )
        return rc;

    domain_pause(pr->d);
    rc = switch_on(pr, XEN_PRERECORD_ACCESSES | XEN_PRERECORD_SERVING);
    domain_unpause(pr->d);

    return rc;
}

static int stop(struct prerecord *pr)
{
    if ( (pr->flags & XEN_PRERECORD_SERVING) && pr->missing )
        return -EBUSY;

    switch_off(pr);
    pr->phase = PHASE_STOPPED;

    return 0;
}

static int release(struct prerecord *pr)
{
    int rc;

    if ( pr->phase == PHASE_STARTED )
        return -EBUSY;

    pr->phase = PHASE_RELEASING;
    rc = free_areas(pr);
    if ( rc )
        return rc;

    if ( pr->port )
        free_xen_event_channel(pr->d, pr->port);
    pr->port = 0;
    pr->flags = 0;
    pr->nr_pfns = pr->count = pr->used = pr->slots = pr->missing = 0;
    pr->half = pr->epoch = 0;
    pr->phase = PHASE_EMPTY;

    return 0;
}

static void query(struct prerecord *pr, struct xen_prerecord_op *op)
{
    spin_lock(&pr->lock);
    op->flags = pr->flags;
    op->u.query.first = pr->half * 2 * pr->nr_pfns;
    op->u.query.count = pr->count;
    op->u.query.number = pr->epoch;
    op->u.query.used = pr->used;
    op->u.query.slots = pr->slots;
    op->u.query.missing = pr->missing;
    spin_unlock(&pr->lock);
}

static int perform(struct prerecord *pr, struct xen_prerecord_op *op)
{
    /* Which phases an operation is for, the first and the last one. */
    static const struct {
        uint8_t first, last;
    } phases[] = {
        [XEN_PRERECORD_prepare] = { PHASE_EMPTY, PHASE_PREPARING },
        [XEN_PRERECORD_grow]    = { PHASE_READY, PHASE_STARTED },
        [XEN_PRERECORD_start]   = { PHASE_READY, PHASE_READY },
        [XEN_PRERECORD_epoch]   = { PHASE_STARTED, PHASE_STARTED },
        [XEN_PRERECORD_query]   = { PHASE_READY, PHASE_STOPPED },
        [XEN_PRERECORD_stop]    = { PHASE_STARTED, PHASE_STARTED },
        [XEN_PRERECORD_release] = { PHASE_PREPARING, PHASE_RELEASING },
        [XEN_PRERECORD_missing] = { PHASE_READY, PHASE_READY },
        [XEN_PRERECORD_serve]   = { PHASE_READY, PHASE_READY },
        [XEN_PRERECORD_resolve] = { PHASE_STARTED, PHASE_STARTED },
    };

    if ( pr->d->is_dying )
        return -ESRCH;
    if ( pr->phase != PHASE_EMPTY &&
         pr->owner != current->domain->domain_id )
        return -EBUSY;
    if ( op->cmd >= ARRAY_SIZE(phases) || !phases[op->cmd].last )
        return -EOPNOTSUPP;
    if ( pr->phase < phases[op->cmd].first ||
         pr->phase > phases[op->cmd].last )
        return pr->phase == PHASE_EMPTY ? -ENXIO : -EBUSY;
    if ( op->flags && op->cmd != XEN_PRERECORD_start )
        return -EINVAL;

    switch ( op->cmd )
    {
    case XEN_PRERECORD_prepare: return prepare(pr, op);
    case XEN_PRERECORD_grow:    return grow(pr, op->u.grow.slots);
    case XEN_PRERECORD_start:   return start_recording(pr, op->flags);
    case XEN_PRERECORD_epoch:   return next_epoch(pr, op);
    case XEN_PRERECORD_query:   query(pr, op); return 0;
    case XEN_PRERECORD_stop:    return stop(pr);
    case XEN_PRERECORD_release: return release(pr);
    case XEN_PRERECORD_missing: return prerecord_mark_missing(pr, op);
    case XEN_PRERECORD_serve:   return start_serving(pr);
    case XEN_PRERECORD_resolve: return prerecord_resolve(pr, op);
    }

    ASSERT_UNREACHABLE();
    return -EOPNOTSUPP;
}

long do_prerecord_op(XEN_GUEST_HANDLE_PARAM(xen_prerecord_op_t) u_op)
{
    struct xen_prerecord_op op;
    struct prerecord *pr;
    struct domain *d;
    int rc;

    if ( copy_from_guest(&op, u_op, 1) )
        return -EFAULT;
    if ( op.version != XEN_PRERECORD_VERSION )
        return -EACCES;
    if ( op.pad )
        return -EINVAL;

    d = rcu_lock_domain_by_any_id(op.domain);
    if ( !d )
        return -ESRCH;

    rc = xsm_vm_event_control(XSM_PRIV, d, 0, op.cmd);
    if ( rc )
        goto out;

    rc = -EINVAL;
    if ( d == current->domain || is_system_domain(d) || !d->vcpu ||
         !domain_vcpu(d, 0) )
        goto out;
    rc = -EOPNOTSUPP;
    if ( paging_mode_hap(d) )
        goto out;

    rc = -ENOMEM;
    pr = descriptor(d);
    if ( !pr )
        goto out;

    if ( test_and_set_bit(0, &pr->busy) )
        rc = -ERESTART;
    else
    {
        rc = perform(pr, &op);
        clear_bit(0, &pr->busy);
    }

    if ( (!rc || rc == -ERESTART || op.cmd == XEN_PRERECORD_resolve) &&
         copy_to_guest(u_op, &op, 1) )
        rc = -EFAULT;

 out:
    rcu_unlock_domain(d);

    return rc == -ERESTART
           ? hypercall_create_continuation(__HYPERVISOR_prerecord_op, "h", u_op)
           : rc;
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

    return area ? area->nr : 0;
}

int prerecord_acquire_resource(const struct domain *d, unsigned int id,
                               unsigned int frame, unsigned int nr_frames,
                               xen_pfn_t mfn_list[])
{
    struct prerecord *pr = d->arch.paging.prerecord;
    const struct prerecord_area *area;
    unsigned int i;
    int rc = nr_frames;

    /* Against a release that frees the pages meanwhile. */
    if ( !pr || test_and_set_bit(0, &pr->busy) )
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

    spin_lock(&pr->lock);
    pr->flags &= ~RUNNING_OR_SERVING;
    spin_unlock(&pr->lock);

    /*
     * The shadows themselves are shadow_teardown()'s: leaving shadow mode in
     * the ordinary way is not possible for a dying domain.
     */
    paging_lock(d);
    d->arch.paging.mode &= ~PG_prerecord;
    paging_unlock(d);

    prerecord_lift_pause(pr);
    prerecord_wake_all(pr);

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
