/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The hypercall: who may call, which operation fits which phase, ownership.
 *
 * Operations on one domain exclude each other.  Whatever takes long gives way
 * in between and goes on where it stopped.
 */
#include <xen/guest_access.h>
#include <xen/hypercall.h>
#include <xsm/xsm.h>
#include "owner.h"
#include "phases.h"
#include "prepare.h"
#include "resolve.h"
#include "teardown.h"

static int query(struct prerecord *pr, struct xen_prerecord_op *op)
{
    spin_lock(&pr->lock);
    op->flags = pr->flags;
    op->u.query.first = pr->half * 2 * pr->nr_pfns;
    op->u.query.count = pr->count;
    op->u.query.number = pr->epoch;
    op->u.query.used = pr->used;
    op->u.query.slots = pr->slots;
    op->u.query.missing = pr->missing;
    op->u.query.uses = pr->uses;
    spin_unlock(&pr->lock);

    return 0;
}

/*
 * For the successor of an owner that has died.  An owner lives as long as its
 * domain exists and, if that is the caller's own, its end of the event channel
 * is bound.
 */
static int adopt(struct prerecord *pr, struct xen_prerecord_op *op)
{
    domid_t caller = current->domain->domain_id;

    if ( pr->owner != caller )
    {
        struct domain *owner = rcu_lock_domain_by_id(pr->owner);
        int rc;

        if ( owner )
        {
            rcu_unlock_domain(owner);
            return -EBUSY;
        }

        rc = prerecord_end_switching(pr) ?: prerecord_set_owner(pr, caller);
        if ( rc )
            return rc;
    }
    else if ( prerecord_is_listened_to(pr) )
        return -EBUSY;
    else
    {
        int rc = prerecord_end_switching(pr);

        if ( rc )
            return rc;
    }

    op->u.prepare.nr_pfns = pr->nr_pfns;
    op->u.prepare.limit = pr->store.max;
    op->u.prepare.port = pr->port;

    return 0;
}

static int perform(struct prerecord *pr, struct xen_prerecord_op *op)
{
    /* The first and the last phase in which an operation may be called. */
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
        [XEN_PRERECORD_adopt]   = { PHASE_PREPARING, PHASE_RELEASING },
        [XEN_PRERECORD_frames]  = { PHASE_READY, PHASE_STOPPED },
    };

    if ( pr->d->is_dying )
        return -ESRCH;
    if ( pr->phase != PHASE_EMPTY &&
         pr->owner != current->domain->domain_id &&
         op->cmd != XEN_PRERECORD_adopt )
        return -EBUSY;
    if ( op->cmd >= ARRAY_SIZE(phases) || !phases[op->cmd].last )
        return -EOPNOTSUPP;
    if ( pr->phase < phases[op->cmd].first ||
         pr->phase > phases[op->cmd].last )
        return pr->phase == PHASE_EMPTY ? -ENXIO : -EBUSY;
    if ( op->flags && op->cmd != XEN_PRERECORD_start )
        return -EINVAL;
    /*
     * The domain is paused for an operation that gave way: nothing but that
     * one, or the successor of its caller, may go on until it is done.
     */
    if ( pr->switching && op->cmd != XEN_PRERECORD_adopt &&
         op->cmd != (pr->phase == PHASE_STARTED ? XEN_PRERECORD_stop :
                     (pr->flags & XEN_PRERECORD_SERVING)
                     ? XEN_PRERECORD_serve : XEN_PRERECORD_start) )
        return -ERESTART;

    switch ( op->cmd )
    {
    case XEN_PRERECORD_prepare: return prerecord_prepare(pr, op);
    case XEN_PRERECORD_grow:    return prerecord_grow(pr, op->u.grow.slots);
    case XEN_PRERECORD_start:   return prerecord_start(pr, op->flags);
    case XEN_PRERECORD_epoch:   return prerecord_epoch(pr, op);
    case XEN_PRERECORD_query:   return query(pr, op);
    case XEN_PRERECORD_stop:    return prerecord_stop(pr);
    case XEN_PRERECORD_release: return prerecord_release(pr);
    case XEN_PRERECORD_missing: return prerecord_mark_missing(pr, op);
    case XEN_PRERECORD_serve:   return prerecord_serve(pr);
    case XEN_PRERECORD_resolve: return prerecord_resolve(pr, op);
    case XEN_PRERECORD_adopt:   return adopt(pr, op);
    case XEN_PRERECORD_frames:  return prerecord_frames(pr, op);
    }

    ASSERT_UNREACHABLE();
    return -EOPNOTSUPP;
}

static int perform_alone(struct domain *d, struct xen_prerecord_op *op)
{
    struct prerecord *pr = d->arch.paging.prerecord;
    int rc;

    if ( !pr && op->cmd == XEN_PRERECORD_prepare )
    {
        rc = prerecord_attach(d);
        if ( rc )
            return rc;
        pr = d->arch.paging.prerecord;
    }
    if ( !pr )
        return op->cmd <= XEN_PRERECORD_frames ? -ENXIO : -EOPNOTSUPP;

    if ( test_and_set_bit(0, &pr->busy) )
        return -ERESTART;

    rc = perform(pr, op);
    clear_bit(0, &pr->busy);

    return rc;
}

long do_prerecord_op(XEN_GUEST_HANDLE_PARAM(xen_prerecord_op_t) u_op)
{
    struct xen_prerecord_op op;
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

    rc = xsm_prerecord(XSM_PRIV, d);
    if ( rc )
        goto out;

    if ( d == current->domain || is_system_domain(d) || !domain_vcpu(d, 0) )
        rc = -EINVAL;
    else
        rc = perform_alone(d, &op);

    if ( (!rc || rc == -ERESTART || op.cmd == XEN_PRERECORD_resolve) &&
         copy_to_guest(u_op, &op, 1) )
        rc = -EFAULT;

 out:
    rcu_unlock_domain(d);

    return rc == -ERESTART
           ? hypercall_create_continuation(__HYPERVISOR_prerecord_op, "h", u_op)
           : rc;
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
