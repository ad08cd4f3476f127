/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_PRIVATE_H__
#define __X86_MM_PRERECORD_PRIVATE_H__

#include <xen/prerecord.h>
#include <xen/domain_page.h>
#include <xen/mm.h>
#include <xen/spinlock.h>
#include <xen/wait.h>
#include <asm/p2m.h>
#include <asm/paging.h>

/* area.c: a table of pages that grows, reachable through one level of chunks. */
struct prerecord_area {
    struct domain *owner;       /* whose pages they are; NULL: Xen's own */
    unsigned long nr, max;      /* pages there are, pages there may be */
    struct page_info ***chunk;
};

int prerecord_area_init(struct prerecord_area *area, struct domain *owner,
                        unsigned long max);
/* Both return -ERESTART if there is more to do and the CPU is wanted. */
int prerecord_area_grow(struct prerecord_area *area, unsigned long nr);
int prerecord_area_free(struct prerecord_area *area);
struct page_info *prerecord_area_page(const struct prerecord_area *area,
                                      unsigned long index);

/* Of each pfn, in struct prerecord's `states`. */
#define STATE_ACCESSED  0x01    /* in this epoch */
#define STATE_WRITTEN   0x02    /* in this epoch */
#define STATE_BACKED    0x04    /* its original is in the store */
#define STATE_MISSING   0x08    /* its content is elsewhere */
#define STATE_ASKED     0x10    /* and has been asked for */
#define STATE_RESOLVING 0x20    /* its content is being written */

#define NO_PFN (~0UL)

struct prerecord {
    struct domain *d;
    domid_t owner;              /* unless the phase is EMPTY */
    unsigned long busy;         /* bit 0: an operation is at work */
    enum {
        PHASE_EMPTY,
        PHASE_PREPARING,        /* to be completed, or released */
        PHASE_READY,
        PHASE_STARTED,
        PHASE_STOPPED,
        PHASE_RELEASING,
    } phase;
    int failure;                /* of prepare, which has yet to free all */

    /*
     * A leaf: taken with and without the paging lock.  Guards all that
     * follows; the areas themselves change only while `busy` is held and
     * nothing is switched on (the store: while nothing of it is in use yet).
     */
    spinlock_t lock;
    unsigned int flags;         /* XEN_PRERECORD_ACCESSES etc. */
    unsigned long nr_pfns;
    struct prerecord_area states;       /* uint8_t of each pfn */

    struct prerecord_area records;      /* uint32_t, two halves */
    unsigned int half, epoch;
    unsigned long count;                /* records in the half being filled */
    unsigned long harvested;            /* gfns done of an epoch that ends; `busy` */

    struct prerecord_area store, slot_pfns;
    unsigned long used, slots;          /* of the store */
    bool told;                          /* that the store is filling up */

    unsigned long missing;
    unsigned long *waiting;             /* pfn each vCPU is paused for */
    bool *repeat;                       /* the vCPU's hypercall is to be repeated */
    struct waitqueue_head content;      /* for those who wait within Xen */

    int port;                           /* of the domain, towards the owner; 0: none */
};

static inline uint8_t *prerecord_state(const struct prerecord *pr,
                                       unsigned long pfn)
{
    const struct page_info *page = prerecord_area_page(&pr->states,
                                                       pfn >> PAGE_SHIFT);

    return (uint8_t *)page_to_virt(page) + (pfn & ~PAGE_MASK);
}

/* The pfn that is looked after in a frame of the domain, or NO_PFN. */
unsigned long prerecord_pfn(const struct prerecord *pr, mfn_t mfn);

/* recording.c; with the lock held. */
void prerecord_note(struct prerecord *pr, unsigned long pfn, bool write);
void prerecord_next_epoch(struct prerecord *pr);

/* backup.c; with the lock held.  -EAGAIN: no room, nothing was done. */
int prerecord_backup(struct prerecord *pr, unsigned long pfn, mfn_t mfn,
                     bool may_fail);
void prerecord_backup_fixed_pages(struct domain *d);
unsigned long prerecord_reserve(const struct domain *d);
void prerecord_lift_pause(struct prerecord *pr);
/* An original could not be taken; the lock is not held. */
void prerecord_lose(struct prerecord *pr);

/* nested.c: domains with nested paging; the switch with the domain paused */
bool prerecord_nested_fits(const struct domain *d);
int prerecord_nested_prepare(struct domain *d);
void prerecord_nested_switch(struct domain *d, bool on);
void prerecord_nested_arm(struct domain *d);
int prerecord_nested_harvest(struct prerecord *pr);

/* missing.c; the first two with the lock held */
bool prerecord_is_missing(struct prerecord *pr, unsigned long pfn);
void prerecord_arrived(struct prerecord *pr, unsigned long pfn);
void prerecord_wake_all(struct prerecord *pr);

/* tables.c */
int prerecord_attach(struct domain *d);
int prerecord_set_owner(struct prerecord *pr, domid_t owner);
bool prerecord_is_listened_to(const struct prerecord *pr);
/* Tells the owner that there is something to look at; with the lock held. */
void prerecord_notify(struct prerecord *pr);

/* phase.c */
void prerecord_abandon(struct prerecord *pr);

/* The operations of the hypercall: tables.c, phase.c, resolve.c. */
int prerecord_prepare(struct prerecord *pr, struct xen_prerecord_op *op);
int prerecord_grow(struct prerecord *pr, uint64_t slots);
int prerecord_release(struct prerecord *pr);
int prerecord_start(struct prerecord *pr, uint32_t flags);
int prerecord_epoch(struct prerecord *pr, struct xen_prerecord_op *op);
int prerecord_stop(struct prerecord *pr);
int prerecord_serve(struct prerecord *pr);
int prerecord_mark_missing(struct prerecord *pr, struct xen_prerecord_op *op);
int prerecord_resolve(struct prerecord *pr, struct xen_prerecord_op *op);

#endif
