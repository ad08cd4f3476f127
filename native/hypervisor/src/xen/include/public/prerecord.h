/* SPDX-License-Identifier: MIT */
/*
 * Copyright (c) the PreRecordMigration contributors
 *
 * Licensed as Xen licenses its public headers, so that tools of any licence
 * can speak to the hypervisor:
 *
 * Permission is hereby granted, free of charge, to any person obtaining a copy
 * of this software and associated documentation files (the "Software"), to
 * deal in the Software without restriction, including without limitation the
 * rights to use, copy, modify, merge, publish, distribute, sublicense, and/or
 * sell copies of the Software, and to permit persons to whom the Software is
 * furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice shall be included in
 * all copies or substantial portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
 * AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING
 * FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
 * DEALINGS IN THE SOFTWARE.
 */
/*
 * The interface of PreRecordMigration's extension: recording which pages a
 * domain touches, keeping the originals of pages it writes, and running a
 * domain whose pages are still elsewhere.
 *
 * One hypercall, HYPERVISOR_prerecord_op(struct xen_prerecord_op *), for the
 * toolstack alone.  It works on domains that run on shadow page tables, that
 * is PV domains, and HVM and PVH domains without HAP; and on those with HAP on
 * AMD's processors.  Pages are named by their pseudo-physical frame number
 * (pfn).  What is large is not copied but mapped, read-only: tables in frames
 * of DOMID_XEN, which no guest can map and Xen never reads.
 *
 * A recording:  prepare, start, { epoch, [grow] }, stop, release.
 * RemotePF:     prepare, { missing }, serve, { resolve }, stop, release.
 * After a crash of the owner:  adopt, then as before.
 */
#ifndef __XEN_PUBLIC_PRERECORD_H__
#define __XEN_PUBLIC_PRERECORD_H__

#include "xen.h"

#if defined(__XEN__) || defined(__XEN_TOOLS__)

#define XEN_PRERECORD_VERSION 3

#define __HYPERVISOR_prerecord_op __HYPERVISOR_arch_7

/*
 * The table of records.  uint32_t: pfn | XEN_PRERECORD_WRITE, in the order of first touch.
 * Two halves of 2 * nr_pfns records each; epochs fill them in turn.  While a
 * domain is served, the records of half 0 are the pages it asked for, and from
 * record nr_pfns on there are the numbers of the vCPUs that first touched them
 * (XEN_PRERECORD_NO_VCPU: none of the domain's own); those of half 1 are the
 * pages that its vCPUs touched when the content was there, as many as query's
 * `uses` says.
 */
#define XEN_PRERECORD_RECORDS 0
/* The backup store: slot n is page n. */
#define XEN_PRERECORD_STORE   1
/* uint32_t: the pfn whose original is in slot n. */
#define XEN_PRERECORD_SLOTS   2

#define XEN_PRERECORD_WRITE (1U << 31)
#define XEN_PRERECORD_NO_VCPU (~0U)

/*
 * Makes the caller the owner and allocates what the rest needs, or nothing if
 * it fails.  -EBUSY if the domain has an owner already or a ring of vm_event,
 * -EOPNOTSUPP for a domain with HAP on a processor other than AMD's, with an
 * IOMMU, populate-on-demand, nested virtualisation or an emulator that watches
 * pages.  -E2BIG if the domain says that it has far more pages than it may
 * have.
 */
#define XEN_PRERECORD_prepare 1
/*
 * Makes the store `slots` large, and lets a domain run that a full store
 * paused.
 */
#define XEN_PRERECORD_grow    2
/* Begins epoch 0 in one instant, with the domain paused meanwhile. */
#define XEN_PRERECORD_start   3
/*
 * Ends the epoch and begins the next; the ended one stays readable until then.
 */
#define XEN_PRERECORD_epoch   4
#define XEN_PRERECORD_query   5
/*
 * Ends recording, or serving (-EBUSY while pages are missing).  Records and
 * store remain readable.
 */
#define XEN_PRERECORD_stop    6
/* Frees everything and gives up ownership. */
#define XEN_PRERECORD_release 7
/* Declares pages missing. The domain must be paused by the toolstack. */
#define XEN_PRERECORD_missing 8
/* From now on a touch of a missing page waits for its content. */
#define XEN_PRERECORD_serve   9
/*
 * Fills missing pages and lets run what waits for them.  A page that is not
 * missing (any more) keeps what it has.  -EBUSY, with `done` at that page, if
 * its frame may not be written now because Xen uses it as a page table or
 * descriptor table.
 */
#define XEN_PRERECORD_resolve 10
/*
 * For the successor of an owner that has died: gives it what prepare was given
 * and gave, to go on or to stop and release.  -EBUSY while the owner listens
 * to its event channel or, if it is another domain, exists.  A start, serve or
 * stop that it has not ended is ended first.
 */
#define XEN_PRERECORD_adopt   11
/*
 * Names the frames of a table, to be mapped as those of DOMID_XEN, for
 * reading. What is mapped stays readable after release, without content.
 */
#define XEN_PRERECORD_frames  12

/* What start switches on. */
#define XEN_PRERECORD_ACCESSES (1U << 0)  /* record accesses */
#define XEN_PRERECORD_BACKUPS  (1U << 1)  /* keep originals */

/* Bits of query's flags, besides the two above. */
#define XEN_PRERECORD_RUNNING  (1U << 2)  /* started */
#define XEN_PRERECORD_SERVING  (1U << 3)
#define XEN_PRERECORD_FULL     (1U << 4)  /* the domain is paused: grow, or stop */
#define XEN_PRERECORD_LOST     (1U << 5)  /* an original was lost: no rollback */

/*
 * Besides SERVING, and after it: who asked and what was touched is recorded, as
 * the table's comment says.  Earlier builds of this version did not.
 */
#define XEN_PRERECORD_USES     (1U << 7)

/*
 * Of start, with ACCESSES, for a domain with HAP: only the first touch of a
 * page in the recording is recorded when it happens.  That it is touched again
 * in a later epoch is recorded, without order, when that epoch ends; the
 * processor notes it meanwhile at no cost for the domain.
 */
#define XEN_PRERECORD_HARVEST  (1U << 6)

struct xen_prerecord_op {
    uint32_t version;               /* IN: XEN_PRERECORD_VERSION */
    uint32_t cmd;
    domid_t  domain;
    uint16_t pad;                   /* 0 */
    uint32_t flags;                 /* start: IN; query: OUT; else 0 */
    union {
        struct {
            uint64_aligned_t nr_pfns;   /* IN: pfns below this are looked after */
            uint64_aligned_t limit;     /* IN: the store's largest size */
            uint32_t port;              /* OUT: event channel of the domain to bind to */
        } prepare;                      /* adopt: all three are OUT */
        struct {
            uint64_aligned_t slots;     /* IN: the store's size from now on */
        } grow;
        struct {
            uint64_aligned_t first;     /* OUT: index of the ended epoch's first record */
            uint64_aligned_t count;     /* OUT: its records */
            uint32_t number;            /* OUT: the epoch that begins */
        } epoch;
        struct {
            uint64_aligned_t first;     /* OUT: as above, of the running epoch */
            uint64_aligned_t count;
            uint64_aligned_t used;      /* OUT: slots */
            uint64_aligned_t slots;
            uint64_aligned_t missing;   /* OUT: pages */
            uint32_t number;            /* OUT: the running epoch */
            uint32_t pad;
            uint64_aligned_t uses;      /* OUT: records, with USES */
        } query;
        struct {
            uint64_aligned_t first;     /* IN: pfn of bit 0; advanced when preempted */
            uint64_aligned_t count;     /* IN: pages */
            XEN_GUEST_HANDLE_64(uint8) bitmap; /* IN: a set bit is a missing page */
        } missing;
        struct {
            uint32_t count;             /* IN: pages */
            uint32_t done;              /* IN: 0; OUT: pages gone through */
            XEN_GUEST_HANDLE_64(uint64) frames; /* IN: a PV domain's machine frames, others' gfns */
            XEN_GUEST_HANDLE_64(uint8) content; /* IN: count pages */
        } resolve;
        struct {
            uint64_aligned_t first;     /* IN: page of the table; advanced when preempted */
            uint64_aligned_t count;     /* IN: pages */
            uint32_t table;             /* IN: XEN_PRERECORD_RECORDS etc. */
            uint32_t pad;               /* 0 */
            XEN_GUEST_HANDLE_64(uint64) frames; /* OUT */
        } frames;
        uint64_aligned_t pad[8];
    } u;
};
typedef struct xen_prerecord_op xen_prerecord_op_t;
DEFINE_XEN_GUEST_HANDLE(xen_prerecord_op_t);

#endif /* __XEN__ || __XEN_TOOLS__ */
#endif /* __XEN_PUBLIC_PRERECORD_H__ */
