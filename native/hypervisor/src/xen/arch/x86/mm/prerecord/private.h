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
    bool is_mapped;             /* for the toolstack, to read: Xen only writes */
    unsigned long nr, max;      /* pages there are, pages there may be */
    struct page_info ***chunk;
};

int prerecord_area_init(struct prerecord_area *area, bool is_mapped,
                        unsigned long max);
/* Both return -ERESTART if there is more to do and the CPU is wanted. */
int prerecord_area_grow(struct prerecord_area *area, unsigned long nr);
int prerecord_area_free(struct prerecord_area *area);
/* NULL for an index that the table has not (yet). */
struct page_info *prerecord_area_page(const struct prerecord_area *area,
                                      unsigned long index);

/*
 * Of each pfn a word in struct prerecord's `states`: these bits, and above them
 * one more than the number of the epoch in which it was last touched (0: never).
 * So an epoch ends without a look at any page.
 */
#define STATE_WRITTEN   0x01    /* in that epoch */
#define STATE_BACKED    0x02    /* its original is in the store */
#define STATE_MISSING   0x04    /* its content is elsewhere */
#define STATE_ASKED     0x08    /* and has been asked for */
#define STATE_RESOLVING 0x10    /* its content is being written */
#define STATE_BITS      5
#define LAST_EPOCH      ((UINT32_MAX >> STATE_BITS) - 1)

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
     * What an operation that gave way has yet to do, guarded by `busy`: to
     * switch on or off, with the domain paused; to empty the shadows of a
     * level; to do so with those from a level on (0: none); to take the
     * originals of what is written without notice; to tell of the epoch that it
     * ended.
     */
    bool switching, emptying;
    unsigned int parting;
    struct {
        bool begun, grants;
        unsigned int next;
    } fixed;
    struct {
        unsigned long first, count;
    } ended;
    /* Of the pool for shadows or second-level tables; `busy`. */
    unsigned int pool_added, pool_free; /* by us; how many were free before */
    bool pool_left;             /* the domain left shadow mode: all of it is to go */

    /*
     * A leaf: taken with and without the paging lock.  Guards all that
     * follows; the areas themselves change only while `busy` is held and
     * nothing is switched on (the store: while nothing of it is in use yet).
     * They are freed only when nr_pfns is 0, which a hook that comes late finds.
     */
    spinlock_t lock;
    unsigned int flags;         /* XEN_PRERECORD_ACCESSES etc. */
    unsigned long nr_pfns;
    struct prerecord_area states;       /* uint32_t of each pfn */

    struct prerecord_area records;      /* uint32_t, two halves */
    unsigned int half, epoch;
    unsigned long count;                /* records in the half being filled */
    unsigned long harvested;            /* gfns done of an epoch that ends; `busy` */

    struct prerecord_area store, slot_pfns;
    unsigned long used, slots;          /* of the store */
    bool told;                          /* that the store is filling up */

    unsigned long missing;
    unsigned long *waiting;             /* pfn each vCPU is paused for */
    unsigned long *looked;              /* the vCPU's own: see prerecord_await_one_of() */
    bool *repeat;                       /* the vCPU's hypercall is to be repeated */
    uint32_t nobody;                    /* the word of a pfn that is none */
    struct waitqueue_head content;      /* for those who wait within Xen */

    int port;                           /* of the domain, towards the owner; 0: none */
};

/*
 * The word of a pfn, whoever named it: one that is not looked after, or not any
 * more, has one too, which says nothing and keeps nothing.  With the lock held.
 */
uint32_t *prerecord_state(struct prerecord *pr, unsigned long pfn);

/* The pfn that is looked after in a frame of the domain, or NO_PFN. */
unsigned long prerecord_pfn(const struct prerecord *pr, mfn_t mfn);

/* pages.c, as the two above; with the lock held. */
void prerecord_note(struct prerecord *pr, unsigned long pfn, bool write);
bool prerecord_is_touched(struct prerecord *pr, unsigned long pfn, bool write);
void prerecord_next_epoch(struct prerecord *pr);

/* backup.c; with the lock held.  -EAGAIN: no room, nothing was done. */
int prerecord_backup(struct prerecord *pr, unsigned long pfn, mfn_t mfn,
                     bool may_fail);
/* Not with the lock held; -ERESTART if there is more to do and the CPU is wanted. */
int prerecord_backup_fixed_pages(struct prerecord *pr);
unsigned long prerecord_reserve(const struct domain *d);
void prerecord_lift_pause(struct prerecord *pr);
/* An original could not be taken; the lock is not held. */
void prerecord_lose(struct prerecord *pr);

/* nested.c: domains with nested paging; the switch with the domain paused */
bool prerecord_nested_fits(const struct domain *d);
void prerecord_nested_switch(struct domain *d, bool on);
void prerecord_nested_arm(struct domain *d);
int prerecord_nested_harvest(struct prerecord *pr);

/* missing.c; the first two with the lock held */
bool prerecord_is_missing(struct prerecord *pr, unsigned long pfn);
void prerecord_arrived(struct prerecord *pr, unsigned long pfn);
void prerecord_wake_all(struct prerecord *pr);
/* The lock is not held; 512 pages at most. */
unsigned long prerecord_wants_one_of(struct prerecord *pr, unsigned long first,
                                     unsigned long end);
bool prerecord_await_one_of(struct vcpu *v, unsigned long pfn,
                            unsigned int order);

/* owner.c */
int prerecord_set_owner(struct prerecord *pr, domid_t owner);
void prerecord_set_port(struct prerecord *pr, int port);
bool prerecord_is_listened_to(const struct prerecord *pr);
/* Tells the owner that there is something to look at; with the lock held. */
void prerecord_notify(struct prerecord *pr);

/* prepare.c */
int prerecord_attach(struct domain *d);

/* shadow.c */
void prerecord_begin_emptying(struct prerecord *pr, unsigned int level);
int prerecord_go_on_emptying(struct prerecord *pr);
int prerecord_take_apart(struct prerecord *pr);
int prerecord_enable(struct domain *d);
void prerecord_disable(struct prerecord *pr);

/* phases.c */
void prerecord_abandon(struct prerecord *pr);
int prerecord_end_switching(struct prerecord *pr);

/* pool.c; -ERESTART if there is more to do and the CPU is wanted. */
int prerecord_enlarge_pool(struct prerecord *pr);
int prerecord_give_pool_back(struct prerecord *pr);

/* The operations of the hypercall: prepare.c, phases.c, resolve.c, teardown.c. */
int prerecord_prepare(struct prerecord *pr, struct xen_prerecord_op *op);
int prerecord_grow(struct prerecord *pr, uint64_t slots);
int prerecord_release(struct prerecord *pr);
int prerecord_start(struct prerecord *pr, uint32_t flags);
int prerecord_epoch(struct prerecord *pr, struct xen_prerecord_op *op);
int prerecord_frames(struct prerecord *pr, struct xen_prerecord_op *op);
int prerecord_stop(struct prerecord *pr);
int prerecord_serve(struct prerecord *pr);
int prerecord_mark_missing(struct prerecord *pr, struct xen_prerecord_op *op);
int prerecord_resolve(struct prerecord *pr, struct xen_prerecord_op *op);

#endif
