/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The owner: the domain whose tool prepared the recording, and the event
 * channel over which it is told that there is something to look at.
 */
#include <xen/event.h>
#include "owner.h"

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

void prerecord_close_port(struct prerecord *pr)
{
    set_port(pr, 0);
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
