/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The extension from the hypercall down to its tables, with all of its assertions: a PV domain is recorded and served, by an
 * owner that is quick, that is interrupted at every step, that dies, or that makes no sense. Xen is played by stub/guest.h.
 */
#include <stdio.h>
#include "moves.h"

/* The ended epoch's records are the touches of the guest, and nothing else, also when the next one has some. */
static void check_epoch(void)
{
    struct xen_prerecord_op op = { 0 };
    uint8_t expected[PFNS];

    EXPECT(!call(XEN_PRERECORD_epoch, &op));
    memcpy(expected, touched, sizeof(expected));
    memset(touched, 0, sizeof(touched));
    for ( unsigned int i = 0; i < 300; i++ )
        EXPECT(touch(draw(PFNS / 4), draw(2)));
    for ( uint64_t i = 0; i < op.u.epoch.count; i++ )
    {
        uint32_t record = table_word(XEN_PRERECORD_RECORDS, op.u.epoch.first + i);
        uint32_t pfn = record & ~XEN_PRERECORD_WRITE;

        EXPECT(pfn < PFNS);
        if ( pfn >= PFNS )
            return;
        EXPECT(pfn < GRANTED || (expected[pfn] & (record & XEN_PRERECORD_WRITE ? WRITTEN : READ | WRITTEN)));
        expected[pfn] &= record & XEN_PRERECORD_WRITE ? 0 : WRITTEN;
    }
    for ( unsigned int pfn = 0; pfn < PFNS; pfn++ )
        EXPECT(!expected[pfn]);
}

/* The originals, and what was not written, are the memory of the start. */
static void check_rollback(void)
{
    uint32_t then[PFNS];
    struct xen_prerecord_op op = state();

    memcpy(then, words, sizeof(then));
    EXPECT(!(op.flags & XEN_PRERECORD_LOST));
    for ( unsigned int slot = 0; slot < op.u.query.used; slot++ )
    {
        uint32_t pfn = table_word(XEN_PRERECORD_SLOTS, slot);

        EXPECT(pfn < PFNS);
        if ( pfn >= PFNS )
            return;
        then[pfn] = table_word(XEN_PRERECORD_STORE, slot * 1024);
    }
    EXPECT(!memcmp(then, originals, sizeof(then)));
}

static void write_with_no_notice(void)
{
    for ( unsigned int pfn = 0; pfn < GRANTED; pfn++ )
        words[pfn] = *(uint32_t *)frames[pfn]->content = 0xbeef;
}

static void a_recording(void)
{
    EXPECT(!prepare(SLOTS) && !start());
    write_with_no_notice();
    for ( unsigned int epoch = 0; epoch < 4; epoch++ )
        check_epoch();
    check_rollback();
    EXPECT(simply(XEN_PRERECORD_release) == -EBUSY || !calls_left);
    EXPECT(!simply(XEN_PRERECORD_stop) && !(guest.arch.paging.mode & PG_prerecord));
    check_rollback();
    EXPECT(!simply(XEN_PRERECORD_release) && !prerecord_in_use(&guest) && !guest.POOL(shadow).total_pages);
    EXPECT(simply(XEN_PRERECORD_query) == -ENXIO || !calls_left);
}

/* A store that fills up pauses the domain, which goes on where it was when the store has grown. */
static void a_store_that_fills_up(void)
{
    struct xen_prerecord_op more = { .u.grow.slots = PFNS };
    struct xen_prerecord_op op = { .u.prepare = { .nr_pfns = PFNS, .limit = PFNS } }, some = { .u.grow.slots = 300 };
    unsigned int pfn = GRANTED;

    EXPECT(!call(XEN_PRERECORD_prepare, &op) && !call(XEN_PRERECORD_grow, &some) && !start());
    while ( pfn < PFNS && touch(pfn, true) && !guest.pauses )
        pfn++;
    EXPECT(pfn > 200 && pfn < 300 && (state().flags & XEN_PRERECORD_FULL) && guest.pauses == 1);
    /* Another domain's write is put off, Xen's own is not. */
    EXPECT(prerecord_may_write(&guest, page_to_mfn(frames[PFNS - 1])) == -EAGAIN);
    prerecord_before_write(&guest, page_to_mfn(frames[PFNS - 2]));
    EXPECT(!call(XEN_PRERECORD_grow, &more) && !guest.pauses);
    for ( ; pfn < PFNS; pfn++ )
        EXPECT(touch(pfn, true));
    check_rollback();
    EXPECT(!simply(XEN_PRERECORD_stop) && !simply(XEN_PRERECORD_release));

    /* One that is full when the recording stops lets the domain run. */
    EXPECT(!prepare(300) && !start());
    for ( pfn = GRANTED; !guest.pauses && touch(pfn, true); )
        pfn++;
    EXPECT(guest.pauses == 1 && !simply(XEN_PRERECORD_stop) && !guest.pauses);
    check_rollback();
}

/* Used is what was touched when it was there, each page once: the one that was never missing, and all that came but the one given up. */
static void check_uses(void)
{
    static uint8_t uses[PFNS];
    struct xen_prerecord_op op = state();

    memset(uses, 0, sizeof(uses));
    EXPECT((op.flags & XEN_PRERECORD_USES) && op.u.query.uses == PFNS - 100);
    for ( unsigned int i = 0; i < op.u.query.uses; i++ )
    {
        uint32_t pfn = table_word(XEN_PRERECORD_RECORDS, 2 * PFNS + i);

        EXPECT(pfn == 50 || (pfn >= 100 && pfn < PFNS && pfn != 77 + 100));
        if ( pfn >= PFNS )
            return;
        EXPECT(!uses[pfn]++);
    }
}

/* While a vCPU waits within Xen, Xen is not to be patched live. */
static void check_waiters(void)
{
    struct prerecord *pr = guest.arch.paging.prerecord;

    EXPECT(!prerecord_has_waiters(&guest));
    if ( !pr )
        return;
    pr->content.list.waits = true;
    EXPECT(prerecord_has_waiters(&guest));
    pr->content.list.waits = false;
}

static void missing_pages(void)
{
    static uint8_t bitmap[(PFNS + 7) / 8];
    static uint8_t content[PAGE_SIZE];
    struct xen_prerecord_op op = { .u.missing = { .count = PFNS, .bitmap = { bitmap } } };
    unsigned int pfn, waits = 0;

    memset(bitmap, 0, sizeof(bitmap));
    for ( pfn = 100; pfn < PFNS; pfn++ )
    {
        bitmap[pfn / 8] |= 1 << pfn % 8;
        *(uint32_t *)frames[pfn]->content = 0xdead;
    }
    EXPECT(!prepare(0));
    EXPECT(call(XEN_PRERECORD_missing, &op) == -EBUSY || !calls_left);
    guest.pause_count = guest.controller_pause_count = 1;
    EXPECT(!call(XEN_PRERECORD_missing, &op) && state().u.query.missing == PFNS - 100);
    EXPECT(!simply(XEN_PRERECORD_serve));
    check_waiters();
    guest.pause_count = guest.controller_pause_count = 0;
    EXPECT(touch(50, true));
    EXPECT(simply(XEN_PRERECORD_stop) == -EBUSY || !calls_left);

    for ( pfn = PFNS; pfn-- > 100; )
    {
        uint64_t frame = pfn;
        struct xen_prerecord_op resolve = { .u.resolve = { .count = 1, .frames = { &frame }, .content = { content } } };
        bool asked = pfn % 3 == 0;

        if ( pfn == 77 + 100 ) /* The guest gives this one up. */
        {
            prerecord_forget(&guest, page_to_mfn(frames[pfn]));
            words[pfn] = 0xdead;
            continue;
        }
        if ( asked )
        {
            EXPECT(!touch(pfn, false) && vcpu.pauses == 1);
            EXPECT(table_word(XEN_PRERECORD_RECORDS, state().u.query.count - 1) == pfn);
            EXPECT(table_word(XEN_PRERECORD_RECORDS, PFNS + state().u.query.count - 1) == vcpu.vcpu_id);
            waits++;
        }
        memcpy(content, &words[pfn], sizeof(words[pfn]));
        EXPECT(!call(XEN_PRERECORD_resolve, &resolve) && resolve.u.resolve.done == 1 && !vcpu.pauses);
        EXPECT(touch(pfn, false));
    }
    EXPECT(!state().u.query.missing && waits > 700);
    for ( pfn = 0; pfn < PFNS; pfn++ )
        EXPECT(*(uint32_t *)frames[pfn]->content == words[pfn]);
    check_uses();
    EXPECT(!simply(XEN_PRERECORD_stop));
    check_uses();
    EXPECT(!simply(XEN_PRERECORD_release));
}

/* Where there is no memory for shadows, nothing has begun, and it can be tried again. */
static void a_start_that_fails(void)
{
    EXPECT(!prepare(SLOTS));
    enable_fails = true;
    EXPECT(start() == -ENOMEM && !guest.pauses && !(guest.arch.paging.mode & PG_prerecord));
    EXPECT(!state().flags);
    enable_fails = false;
    EXPECT(!start() && touch(3, true));
    check_rollback();
}

/* The tool dies at any call of a start or a stop: its successor ends that first, and only when the tool is gone. */
static void a_successor(void)
{
    for ( unsigned int stopping = 0; stopping < 2; stopping++ )
        for ( unsigned int after = 1; after < 40; after++ )
        {
            struct xen_prerecord_op op = { .flags = XEN_PRERECORD_ACCESSES | XEN_PRERECORD_BACKUPS }, adoption = { 0 };
            unsigned int flags, made = 0;

            EXPECT(!prepare(SLOTS) && (!stopping || !start()));
            if ( stopping )
                op.flags = 0;
            memcpy(originals, words, sizeof(words));
            while ( made < after && call_once(stopping ? XEN_PRERECORD_stop : XEN_PRERECORD_start, &op) == -ERESTART )
                made++;
            EXPECT(call(XEN_PRERECORD_adopt, &adoption) == -EBUSY);
            guest.channels[((struct prerecord *)guest.arch.paging.prerecord)->port].state = ECS_UNBOUND;
            EXPECT(!call(XEN_PRERECORD_adopt, &adoption) && adoption.u.prepare.nr_pfns == PFNS && !guest.pauses);
            flags = state().flags;
            if ( flags & XEN_PRERECORD_RUNNING )
            {
                EXPECT(!stopping && touch(5, true));
                check_rollback();
                EXPECT(!simply(XEN_PRERECORD_stop));
            }
            EXPECT(!simply(XEN_PRERECORD_release));
        }
}

/* The domain dies after any number of calls. */
static void a_death_at_any_moment(void)
{
    end();
    for ( unsigned int after = 0; after < 700; after += 1 + after / 10 )
    {
        memset(touched, 0, sizeof(touched));
        begin();
        calls_left = after;
        failure = NULL;
        (void)(after % 2 ? a_recording() : missing_pages());
        failure = NULL; /* what was cut short says nothing */
        calls_left = ~0U;
        end();
    }
    begin();
}

/* Calls in any order with any argument, and touches in between: what is checked after each call holds. */
static void calls_that_make_no_sense(void)
{
    static uint8_t bitmap[PAGE_SIZE], content[16 * PAGE_SIZE];
    static uint64_t numbers[PFNS];

    for ( unsigned int i = 0; i < 60000 && !failure; i++ )
    {
        const uint64_t lengths[] = { 0, 1, 8, 1024, PFNS - 1, PFNS, PFNS + 1, 1ULL << 31, 1ULL << 32, ~0ULL };
        uint64_t a = lengths[draw(10)], b = lengths[draw(10)];
        unsigned int cmd = draw(10) ? 1 + draw(12) : draw(20);
        struct xen_prerecord_op op = { .flags = draw(4) ? 0 : draw(128) };

        cpu_is_wanted = draw(2);
        guest.pause_count = guest.controller_pause_count = draw(2);
        enable_fails = !draw(20);
        if ( guest.arch.paging.prerecord && !draw(10) )
            guest.channels[1 + draw(7)].state = ECS_UNBOUND;
        switch ( cmd )
        {
        case XEN_PRERECORD_prepare:
            op.u.prepare.nr_pfns = draw(4) ? PFNS : a;
            op.u.prepare.limit = draw(4) ? SLOTS : b;
            break;
        case XEN_PRERECORD_start:
            op.flags = draw(4) ? XEN_PRERECORD_ACCESSES | (draw(2) ? XEN_PRERECORD_BACKUPS : 0) : draw(128);
            break;
        case XEN_PRERECORD_grow:
            op.u.grow.slots = draw(2) ? draw(SLOTS + 1) : a;
            break;
        case XEN_PRERECORD_missing:
            op.u.missing.first = draw(4) ? 0 : a;
            op.u.missing.count = draw(2) ? draw(PFNS) : b;
            op.u.missing.bitmap.p = bitmap;
            memset(bitmap, draw(256), sizeof(bitmap));
            break;
        case XEN_PRERECORD_resolve:
            op.u.resolve.count = draw(16);
            op.u.resolve.done = draw(8) ? 0 : draw(16);
            op.u.resolve.frames.p = numbers;
            op.u.resolve.content.p = content;
            for ( unsigned int j = 0; j < 16; j++ )
                numbers[j] = draw(8) ? draw(PFNS) : a;
            break;
        case XEN_PRERECORD_frames:
            op.u.frames.first = draw(2) ? 0 : a;
            op.u.frames.count = draw(2) ? draw(20) : b;
            op.u.frames.table = draw(5);
            op.u.frames.frames.p = numbers;
            break;
        }
        call_once(cmd, &op);
        for ( unsigned int j = draw(8); j--; )
        {
            struct page_info *page = frames[draw(PFNS)];

            page->pfn = draw(20) ? page->pfn : draw(2) ? draw(1 << 20) : INVALID_M2P_ENTRY; /* it is the guest's own word */
            if ( page->pfn < PFNS && frames[page->pfn] == page )
                touch(page->pfn, draw(2));
            current = draw(2) ? &vcpu : &caller;
            if ( !draw(4) )
                prerecord_forget(&guest, page_to_mfn(page));
            if ( !draw(4) )
                (void)prerecord_may_write(&guest, page_to_mfn(page));
            if ( current == &vcpu && prerecord_fetch(&guest, page_to_mfn(page)) )
                (void)prerecord_must_repeat(&vcpu);
            current = &caller;
            check_pauses();
        }
    }
    cpu_is_wanted = false;
}

int main(void)
{
    static const struct { const char *name; void (*run)(void); } tests[] = {
        { "a recording", a_recording },
        { "a store that fills up", a_store_that_fills_up },
        { "missing pages", missing_pages },
        { "a start that fails", a_start_that_fails },
        { "a successor", a_successor },
        { "a death at any moment", a_death_at_any_moment },
        { "calls that make no sense", calls_that_make_no_sense },
    };
    bool failed = false;

    for ( unsigned int i = 0; i < sizeof(tests) / sizeof(*tests); i++ )
        for ( unsigned int wanted = 0; wanted < 2; wanted++ )
        {
            cpu_is_wanted = wanted;
            calls_left = ~0U;
            failure = NULL;
            memset(touched, 0, sizeof(touched));
            begin();
            tests[i].run();
            end();
            printf("%s%s: %s\n", tests[i].name, wanted ? ", giving way" : "", failure ?: "ok");
            failed |= failure != NULL;
        }

    return failed;
}
