/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The extension's own files from the tables to the hooks, as a release build
 * compiles them, under AddressSanitizer: whatever stands in the tables that are
 * mapped, and whatever page is named, nothing outside them is read or written.
 * And what they do at a time, for a domain of 64 GiB, is counted.
 */
#include <stdio.h>
#include <xen/prerecord.h>
#include "backup.h"
#include "missing.h"
#include "owner.h"
#include "pages.h"
#include "pool.h"
#include "shadow.h"
#include "heap.h"

static struct domain xen, guest = { .max_vcpus = 2 };
static struct vcpu vcpu = { .domain = &guest };
struct domain *dom_xen = &xen;
struct vcpu *current = &vcpu;
unsigned long locks_taken;
bool cpu_is_wanted;

static const char *failure;

#define EXPECT(what) ((what) ? (void)0 : (void)(failure = failure ?: #what))

/* Of owner.c, of pool.c and of Xen what the others call; none of it is what is tried here. */
void prerecord_notify(struct prerecord *pr) { }
void prerecord_close_port(struct prerecord *pr) { }
int prerecord_give_pool_back(struct prerecord *pr) { return 0; }
int shadow_one_bit_enable(struct domain *d, unsigned int mode) { return 0; }
int shadow_one_bit_disable(struct domain *d, unsigned int mode) { return 0; }
void shadow_empty_begin(struct domain *d, unsigned int level) { }
bool shadow_empty_some(struct domain *d) { return true; }
bool shadow_unpin_some(struct domain *d) { return true; }
bool evtchn_fifo_prerecord(struct domain *d, unsigned int *next) { return true; }
bool gnttab_prerecord(struct domain *d, unsigned int *next) { return true; }

enum { PFNS = 1500, STEP = 512 };

static struct prerecord *begin_with(unsigned long pfns)
{
    static unsigned long waiting, looked;
    static bool repeat;
    struct prerecord *pr = calloc(1, sizeof(*pr));

    waiting = NO_PFN;
    looked = 0;
    pr->d = &guest;
    pr->nr_pfns = pfns;
    pr->flags = XEN_PRERECORD_ACCESSES | XEN_PRERECORD_RUNNING;
    pr->waiting = &waiting;
    pr->looked = &looked;
    pr->repeat = &repeat;
    guest.arch.paging.prerecord = pr;
    guest.first_vcpu = &vcpu;
    EXPECT(!prerecord_area_init(&pr->states, false, DIV_ROUND_UP(pfns * 4, PAGE_SIZE)));
    EXPECT(!prerecord_area_init(&pr->records, true, DIV_ROUND_UP(pfns * 16, PAGE_SIZE)));
    EXPECT(!prerecord_area_grow(&pr->states, pr->states.max));
    EXPECT(!prerecord_area_grow(&pr->records, pr->records.max));

    return pr;
}

static struct prerecord *begin(void) { return begin_with(PFNS); }

static void end(struct prerecord *pr)
{
    pr->nr_pfns = 0;
    EXPECT(!prerecord_area_free(&pr->records));
    EXPECT(!prerecord_area_free(&pr->states));
    EXPECT(!page_count);
    free(pr);
}

static uint32_t record(const struct prerecord *pr, unsigned long index)
{
    return ((uint32_t *)prerecord_area_page(&pr->records, index / 1024)->content)[index % 1024];
}

/* As a guest would that had the frames, or a tool that maps them. */
static void write_hostile_numbers(void)
{
    for ( unsigned int i = 0; i < page_count; i++ )
        for ( unsigned int j = 0; pages[i]->owner && j < 1024; j++ )
            ((uint32_t *)pages[i]->content)[j] = 0x7fffffffu - j;
}

static void records_that_were_overwritten(void)
{
    struct prerecord *pr = begin();

    for ( unsigned int epoch = 0; epoch < 3; epoch++ )
    {
        for ( unsigned long pfn = 0; pfn < PFNS; pfn++ )
        {
            EXPECT(!prerecord_is_touched(pr, pfn, false));
            prerecord_note(pr, pfn, pfn % 2);
            EXPECT(prerecord_is_touched(pr, pfn, pfn % 2));
            EXPECT(prerecord_is_touched(pr, pfn, true) == pfn % 2);
        }
        EXPECT(pr->count == PFNS);
        EXPECT(record(pr, pr->half * 2 * PFNS + 7) == (7 | XEN_PRERECORD_WRITE));
        write_hostile_numbers();
        prerecord_next_epoch(pr);
    }
    end(pr);
}

static void pages_that_do_not_exist(void)
{
    static const unsigned long none[] = { PFNS, PFNS + 1, 2048, 1UL << 31, ~0UL >> 32, NO_PFN };
    struct prerecord *pr = begin();

    for ( unsigned int i = 0; i < sizeof(none) / sizeof(*none); i++ )
    {
        prerecord_note(pr, none[i], true);
        EXPECT(!prerecord_is_missing(pr, none[i]));
        *prerecord_state(pr, none[i]) |= STATE_MISSING;
    }
    EXPECT(!pr->count);
    for ( unsigned long pfn = 0; pfn < PFNS; pfn++ )
        EXPECT(!*prerecord_state(pr, pfn));
    EXPECT(!prerecord_area_page(&pr->records, pr->records.nr));
    EXPECT(!prerecord_area_page(&pr->records, NO_PFN));
    end(pr);
}

/* A PV guest writes the table that says which pfn a frame has. */
static void frames_that_lie_about_themselves(void)
{
    struct prerecord *pr = begin();
    struct page_info frame = { .owner = &guest }, other = { .owner = &xen };

    for ( unsigned long pfn = PFNS - 2; pfn < PFNS + 2; pfn++ )
    {
        frame.pfn = pfn;
        EXPECT(prerecord_pfn(pr, page_to_mfn(&frame)) == (pfn < PFNS ? pfn : NO_PFN));
        EXPECT(!prerecord_write_slow(&guest, page_to_mfn(&frame), false));
    }
    frame.pfn = INVALID_M2P_ENTRY;
    EXPECT(prerecord_pfn(pr, page_to_mfn(&frame)) == NO_PFN);
    other.pfn = 7;
    EXPECT(prerecord_pfn(pr, page_to_mfn(&other)) == NO_PFN);
    EXPECT(pr->count == 2);
    end(pr);
}

/* Each page's most is two records an epoch, whatever the order; more than the half holds never fit. */
static void a_half_that_is_full(void)
{
    struct prerecord *pr = begin();

    for ( unsigned long pfn = 0; pfn < PFNS; pfn++ )
    {
        prerecord_note(pr, pfn, false);
        prerecord_note(pr, pfn, true);
        prerecord_note(pr, pfn, false);
        prerecord_note(pr, pfn, true);
    }
    EXPECT(pr->count == 2 * PFNS);
    prerecord_next_epoch(pr);
    pr->count = 2 * PFNS; /* were it ever wrong */
    prerecord_note(pr, 0, true);
    EXPECT(pr->count == 2 * PFNS);
    end(pr);
}

static void a_hook_that_comes_after_the_end(void)
{
    struct prerecord *pr = begin();
    struct page_info frame = { .owner = &guest, .pfn = 7 };

    pr->nr_pfns = 0;
    EXPECT(!prerecord_area_free(&pr->records));
    EXPECT(!prerecord_area_free(&pr->states));
    prerecord_note(pr, 7, true);
    EXPECT(!prerecord_is_touched(pr, 7, false));
    EXPECT(!prerecord_write_slow(&guest, page_to_mfn(&frame), false));
    EXPECT(prerecord_propagate(&vcpu, page_to_mfn(&frame), _PAGE_PRESENT, true, false) == _PAGE_PRESENT);
    free(pr);
}

/* What the toolstack maps is read-only by its type, and empty when it goes back to the heap. */
static void pages_that_are_mapped(void)
{
    struct prerecord *pr = begin();
    struct page_info *page = prerecord_area_page(&pr->records, 0);

    EXPECT(page->owner == dom_xen && page->u.inuse.type_info == (PGT_none | PGT_validated | 1));
    EXPECT(!prerecord_area_page(&pr->states, 0)->owner);
    write_hostile_numbers();
    page->count_info++; /* the tool's mapping */
    pr->nr_pfns = 0;
    EXPECT(!prerecord_area_free(&pr->records));
    EXPECT(page_count && ((uint32_t *)page->content)[5] == 0);
    put_page(page);
    end(pr);
}

static void miss(struct prerecord *pr, unsigned long pfn)
{
    *prerecord_state(pr, pfn) |= STATE_MISSING;
    pr->missing++;
}

/* Touches a page of a large one until that comes into use or the vCPU waits. Returns how often. */
static unsigned int touch(struct prerecord *pr, unsigned long pfn, unsigned int order)
{
    unsigned int touches = 0;

    while ( !vcpu.pauses )
    {
        bool again;

        locks_taken = 0;
        again = prerecord_await_one_of(pr, pfn, order);
        EXPECT(locks_taken <= STEP + 2);
        touches++;
        if ( !again || touches > 2 * STEP )
            break;
    }

    return touches;
}

/* Of 1 GiB that cannot be split no page is used before all are there; a touch looks at 512 of them. */
static void a_gigabyte_that_comes_into_use_at_once(void)
{
    enum { ORDER = 18, WHOLE = 1 << ORDER, FAR = 100000, TOUCHED = 77 };
    struct prerecord *pr = begin_with(WHOLE);

    pr->flags = XEN_PRERECORD_ACCESSES | XEN_PRERECORD_SERVING;
    miss(pr, FAR);
    miss(pr, WHOLE - 1);
    miss(pr, TOUCHED);
    EXPECT(touch(pr, TOUCHED, ORDER) == 1 && pr->waiting[0] == TOUCHED);
    prerecord_arrived(pr, TOUCHED);
    EXPECT(touch(pr, TOUCHED, ORDER) == FAR / STEP + 1 && pr->waiting[0] == FAR);
    prerecord_arrived(pr, FAR);
    EXPECT(touch(pr, TOUCHED, ORDER) == WHOLE / STEP - FAR / STEP && pr->waiting[0] == WHOLE - 1);
    EXPECT(pr->count == 3);
    prerecord_arrived(pr, WHOLE - 1);
    EXPECT(!vcpu.pauses && touch(pr, TOUCHED, ORDER) == 1);
    EXPECT(!prerecord_await_one_of(pr, TOUCHED, 9));
    end(pr);
}

/* What is asked for by the guest again and again is one record. */
static void a_page_that_is_asked_for_again(void)
{
    struct prerecord *pr = begin();
    struct page_info frame = { .owner = &guest, .pfn = 7 };

    pr->flags = XEN_PRERECORD_ACCESSES | XEN_PRERECORD_SERVING;
    miss(pr, 7);
    for ( unsigned int i = 0; i < 3 * PFNS; i++ )
        EXPECT(prerecord_missing_slow(&guest, page_to_mfn(&frame), true));
    EXPECT(pr->count == 1 && vcpu.pauses == 1);
    EXPECT(prerecord_must_repeat_slow(&vcpu) && !prerecord_must_repeat_slow(&vcpu));
    prerecord_forget_slow(&guest, page_to_mfn(&frame));
    EXPECT(!pr->missing && !vcpu.pauses);
    EXPECT(!prerecord_missing_slow(&guest, page_to_mfn(&frame), true));
    end(pr);
}

/* A guest that gives its frames other numbers all the time has each page used once, and none that is not there. */
static void a_guest_that_says_of_each_frame_what_it_likes(void)
{
    struct prerecord *pr = begin();
    struct page_info frame = { .owner = &guest };

    pr->flags = XEN_PRERECORD_ACCESSES | XEN_PRERECORD_SERVING | XEN_PRERECORD_USES;
    for ( unsigned int i = 0; i < 5 * PFNS; i++ )
    {
        frame.pfn = i % (2 * PFNS);
        prerecord_propagate(&vcpu, page_to_mfn(&frame), 1, true, false);
        frame.pfn = ~0UL - i;
        prerecord_propagate(&vcpu, page_to_mfn(&frame), 1, true, false);
    }
    EXPECT(pr->uses == PFNS && !pr->count);
    end(pr);
}

/* 64 GiB: tables are made and freed 32 pages at a time; the end of an epoch takes no lock of a page, and looks at none. */
static void a_domain_of_64_gib(void)
{
    enum { PAGES = (16 << 20) / 1024 };
    struct prerecord pr = { .nr_pfns = 16 << 20 };
    unsigned int calls = 1;

    cpu_is_wanted = true;
    EXPECT(!prerecord_area_init(&pr.states, false, PAGES));
    for ( ; prerecord_area_grow(&pr.states, PAGES) == -ERESTART; calls++ )
        EXPECT(pr.states.nr == 32 * calls);
    EXPECT(calls == PAGES / 32 && pr.states.nr == PAGES);
    locks_taken = 0;
    prerecord_next_epoch(&pr);
    EXPECT(!locks_taken && !prerecord_is_touched(&pr, (16 << 20) - 1, false));
    for ( calls = 1; prerecord_area_free(&pr.states) == -ERESTART; calls++ )
        EXPECT(pr.states.nr == PAGES - 32 * calls);
    EXPECT(calls == PAGES / 32 && !page_count);
    cpu_is_wanted = false;
}

int main(void)
{
    static const struct { const char *name; void (*run)(void); } tests[] = {
        { "records that were overwritten", records_that_were_overwritten },
        { "pages that do not exist", pages_that_do_not_exist },
        { "frames that lie about themselves", frames_that_lie_about_themselves },
        { "a half that is full", a_half_that_is_full },
        { "a hook that comes after the end", a_hook_that_comes_after_the_end },
        { "pages that are mapped", pages_that_are_mapped },
        { "a gigabyte that comes into use at once", a_gigabyte_that_comes_into_use_at_once },
        { "a page that is asked for again", a_page_that_is_asked_for_again },
        { "a guest that says of each frame what it likes", a_guest_that_says_of_each_frame_what_it_likes },
        { "a domain of 64 GiB", a_domain_of_64_gib },
    };
    bool failed = false;

    for ( unsigned int i = 0; i < sizeof(tests) / sizeof(*tests); i++ )
    {
        failure = NULL;
        tests[i].run();
        printf("%s: %s\n", tests[i].name, failure ?: "ok");
        failed |= failure != NULL;
    }

    return failed;
}
