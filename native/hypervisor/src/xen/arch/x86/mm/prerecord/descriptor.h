/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the extension keeps of a domain.  It stays from the first prepare until
 * the domain is gone, because hooks look at it at any time.
 */
#ifndef __X86_MM_PRERECORD_DESCRIPTOR_H__
#define __X86_MM_PRERECORD_DESCRIPTOR_H__

#include <xen/sched.h>
#include <xen/spinlock.h>
#include <xen/wait.h>
#include <public/prerecord.h>
#include "area.h"

struct prerecord {
    struct domain *d;
    domid_t owner;              /* unless the phase is EMPTY */
    unsigned long busy;         /* bit 0: an operation is at work */

    /* From here to the lock: guarded by `busy`. */
    enum {
        PHASE_EMPTY,
        PHASE_PREPARING,        /* to be completed, or released */
        PHASE_READY,
        PHASE_STARTED,
        PHASE_STOPPED,
        PHASE_RELEASING,
    } phase;
    int failure;                /* of prepare, which has yet to free all */

    /* What an operation that gave way has yet to do. */
    bool switching;         /* to switch on or off, with the domain paused */
    bool emptying;          /* to empty the shadows of a level */
    unsigned int parting;   /* to take shadows of this level apart; 0: none */
    struct {                /* to take originals of what is written unnoticed */
        bool begun, grants;
        unsigned int next;
    } fixed;
    struct {                /* to tell of the records of the epoch that ended */
        unsigned long first, count;
    } ended;
    unsigned long harvested; /* to harvest, from this gfn on */

    /* The domain's pool for shadows or second-level tables. */
    unsigned int pool_added;    /* pages, by the extension */
    unsigned int pool_free;     /* how many were free before */
    bool pool_left;             /* shadow mode was left: all of it is to go */

    /*
     * The innermost lock of memory management, taken under any other of Xen's
     * and under none.  Whoever holds it maps and copies a page, pauses and
     * unpauses vCPUs and sends an event, and takes no lock but what those
     * take.
     *
     * It guards all that follows.  The areas themselves change only while
     * `busy` is held and nothing is switched on; the store alone may grow at
     * any time, because what is added to it is not in use yet.  Areas are
     * freed only when nr_pfns is 0, so that a hook that comes late finds no
     * page in them.
     */
    spinlock_t lock;
    unsigned int flags;         /* XEN_PRERECORD_ACCESSES etc. */
    unsigned long nr_pfns;
    struct prerecord_area states;       /* uint32_t of each pfn: pages.h */
    uint32_t nobody;                    /* the state of a pfn that is none */

    struct prerecord_area records;      /* uint32_t, two halves */
    unsigned int half, epoch;
    unsigned long count;                /* records in the half being filled */
    unsigned long uses;                 /* in half 1, of a served domain */

    struct prerecord_area store, slot_pfns;
    unsigned long used, slots;          /* of the store */
    bool told;                          /* that the store is filling up */

    unsigned long missing;              /* pages */
    unsigned long *waiting;     /* pfn each vCPU is paused for */
    unsigned long *looked;      /* each vCPU's own: prerecord_await_one_of() */
    bool *repeat;               /* each vCPU's hypercall is to be repeated */
    struct waitqueue_head content; /* for those who wait within Xen */

    int port;                   /* of the domain, towards the owner; 0: none */
};

#endif
