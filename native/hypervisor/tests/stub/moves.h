/* SPDX-License-Identifier: GPL-2.0-only */
/* What the owner's tool and the guest do, checked after each call of the one and each touch of the other. */
#ifndef STUB_MOVES_H
#define STUB_MOVES_H

#include <xen/guest_access.h>
#include <xen/prerecord.h>
#include "missing.h"
#include "pages.h"
#include "guest.h"

long do_prerecord_op(XEN_GUEST_HANDLE_PARAM(xen_prerecord_op_t) u_op);

enum { SLOTS = 800, READ = 1, WRITTEN = 2 };

static const char *failure;

#define EXPECT(what) ((what) ? (void)0 : (void)(failure = failure ?: #what))

static uint32_t originals[PFNS]; /* what the guest had when the recording began */
static uint8_t touched[PFNS];
static uint64_t random_state = 1;

static uint64_t draw(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;

    return random_state % below;
}

/* The domain dies: all that was ever taken for it is given back. */
static void end(void)
{
    unsigned int calls = 0;

    guest.is_dying = true;
    memset(guest.channels, 0, sizeof(guest.channels));
    while ( prerecord_teardown(&guest) == -ERESTART && calls < 1000 )
        calls++;
    EXPECT(calls < 1000 && !vcpu.pauses);
    prerecord_final_teardown(&guest);
    EXPECT(!guest.arch.paging.prerecord && !prerecord_in_use(&guest));
    for ( unsigned int pfn = 0; pfn < PFNS; pfn++ )
        free_a_page(frames[pfn]);
    free_a_page(virt_to_page(guest.shared_info));
    EXPECT(!page_count);
}

/* The domain is paused as often as there is a reason to, whatever call has been made. */
static void check_pauses(void)
{
    const struct prerecord *pr = guest.arch.paging.prerecord;

    EXPECT(!guest.paging_locked);
    if ( !pr )
        return;
    EXPECT(!pr->lock.held && !pr->busy);
    EXPECT(guest.pauses == pr->switching + !!(pr->flags & XEN_PRERECORD_FULL));
    EXPECT(vcpu.pauses == (pr->waiting[0] != NO_PFN));
    EXPECT(!pr->nr_pfns || (pr->used <= pr->slots && pr->count <= 2 * pr->nr_pfns));
}

static unsigned int calls_left;

static int call_once(unsigned int cmd, struct xen_prerecord_op *op)
{
    int rc;

    if ( !calls_left )
        return -EINTR;
    calls_left--;
    op->version = XEN_PRERECORD_VERSION;
    op->cmd = cmd;
    op->domain = 1;
    rc = do_prerecord_op((handle_xen_prerecord_op_t){ op });
    check_pauses();

    return rc;
}

static int call(unsigned int cmd, struct xen_prerecord_op *op)
{
    int rc;

    do
        rc = call_once(cmd, op);
    while ( rc == -ERESTART );

    return rc;
}

static struct xen_prerecord_op state(void)
{
    struct xen_prerecord_op op = { 0 };

    EXPECT(!call(XEN_PRERECORD_query, &op));
    op.cmd = 0;

    return op;
}

/* The word of a table that the tool has mapped. */
static uint32_t table_word(unsigned int table, uint64_t index)
{
    uint64_t frame = 0;
    struct xen_prerecord_op op = { .u.frames = { .first = index / 1024, .count = 1, .table = table, .frames = { &frame } } };

    EXPECT(!call(XEN_PRERECORD_frames, &op));
    if ( !frame )
        return ~0U;
    EXPECT(mfn_to_page(_mfn(frame))->owner == dom_xen);

    return ((uint32_t *)mfn_to_page(_mfn(frame))->content)[index % 1024];
}

/* The guest touches a page, through its shadows. Returns whether it could. */
static bool touch(unsigned int pfn, bool write)
{
    unsigned int needed = write ? _PAGE_PRESENT | _PAGE_RW : _PAGE_PRESENT;

    current = &vcpu;
    if ( guest.arch.paging.mode & PG_prerecord && (mapped[pfn] & needed) != needed )
    {
        guest.paging_locked = true;
        mapped[pfn] = prerecord_propagate(&vcpu, page_to_mfn(frames[pfn]), _PAGE_PRESENT | _PAGE_RW, true, write);
        guest.paging_locked = false;
        if ( !mapped[pfn] && prerecord_missing(&guest, page_to_mfn(frames[pfn])) )
            EXPECT(prerecord_await(&vcpu, page_to_mfn(frames[pfn]), true) && vcpu.pauses);
    }
    current = &caller;
    if ( guest.arch.paging.mode & PG_prerecord && (mapped[pfn] & needed) != needed )
        return false;
    touched[pfn] |= write ? WRITTEN : READ;
    if ( write )
        *(uint32_t *)frames[pfn]->content = words[pfn] = draw(1 << 30);

    return true;
}

static int prepare(unsigned int slots)
{
    struct xen_prerecord_op op = { .u.prepare = { .nr_pfns = PFNS, .limit = slots } }, more = { .u.grow.slots = slots };
    int rc = call(XEN_PRERECORD_prepare, &op);

    if ( rc )
        return rc;
    EXPECT(guest.channels[op.u.prepare.port].owner == 0);
    guest.channels[op.u.prepare.port].state = ECS_INTERDOMAIN;

    return call(XEN_PRERECORD_grow, &more);
}

static int start(void)
{
    struct xen_prerecord_op op = { .flags = XEN_PRERECORD_ACCESSES | XEN_PRERECORD_BACKUPS };

    memcpy(originals, words, sizeof(words));

    return call(XEN_PRERECORD_start, &op);
}

static int simply(unsigned int cmd)
{
    struct xen_prerecord_op op = { 0 };

    return call(cmd, &op);
}

#endif
