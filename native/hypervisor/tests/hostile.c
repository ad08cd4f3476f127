/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The extension's own area.c and recording.c, as a release build compiles
 * them, under AddressSanitizer: whatever stands in the tables that are mapped,
 * and whatever page is named, nothing outside them is read or written.
 */
#include <stdio.h>
#include "private.h"

static struct domain xen, guest = { .max_vcpus = 2 };
static struct vcpu vcpu = { .domain = &guest };
struct domain *dom_xen = &xen;
struct vcpu *current = &vcpu;
bool prerecord_must_not_wait;

/* Every page that there is, for virt_to_page() and for whoever writes what it can map. */
static struct page_info *pages[4096];
static unsigned int page_count;
static const char *failure;

#define EXPECT(what) ((what) ? (void)0 : (void)(failure = failure ?: #what))

static struct page_info *new_page(struct domain *owner)
{
    struct page_info *page = calloc(1, sizeof(*page));

    page->content = calloc(1, PAGE_SIZE);
    page->owner = owner;
    page->count_info = owner ? 1 : 0;
    pages[page_count++] = page;

    return page;
}

static void free_a_page(struct page_info *page)
{
    for ( unsigned int i = 0; i < page_count; i++ )
        if ( pages[i] == page )
            pages[i] = pages[--page_count];
    free(page->content);
    free(page);
}

struct page_info *virt_to_page(const void *p)
{
    for ( unsigned int i = 0; i < page_count; i++ )
        if ( pages[i]->content == p )
            return pages[i];

    return NULL;
}

void *alloc_xenheap_page(void) { return new_page(NULL)->content; }
void free_xenheap_page(void *p) { if ( p ) free_a_page(virt_to_page(p)); }
struct page_info *alloc_domheap_page(struct domain *d, unsigned int flags) { return new_page(d); }
bool get_page(struct page_info *page, const struct domain *d) { page->count_info++; return page->owner == d; }
void put_page(struct page_info *page) { if ( !--page->count_info ) free_a_page(page); }
void put_page_alloc_ref(struct page_info *page) { put_page(page); }

/* Those of backup.c and missing.c that recording.c calls; neither is what is tried here. */
bool prerecord_is_missing(struct prerecord *pr, unsigned long pfn) { return *prerecord_state(pr, pfn) & STATE_MISSING; }
int prerecord_backup(struct prerecord *pr, unsigned long pfn, mfn_t mfn, bool may_fail) { return 0; }

enum { PFNS = 1500 };

static struct prerecord *begin(void)
{
    struct prerecord *pr = calloc(1, sizeof(*pr));

    pr->d = &guest;
    pr->nr_pfns = PFNS;
    pr->flags = XEN_PRERECORD_ACCESSES | XEN_PRERECORD_RUNNING;
    guest.arch.paging.prerecord = pr;
    EXPECT(!prerecord_area_init(&pr->states, false, DIV_ROUND_UP(PFNS * 4, PAGE_SIZE)));
    EXPECT(!prerecord_area_init(&pr->records, true, DIV_ROUND_UP(PFNS * 16, PAGE_SIZE)));
    EXPECT(!prerecord_area_grow(&pr->states, pr->states.max));
    EXPECT(!prerecord_area_grow(&pr->records, pr->records.max));

    return pr;
}

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

int main(void)
{
    static const struct { const char *name; void (*run)(void); } tests[] = {
        { "records that were overwritten", records_that_were_overwritten },
        { "pages that do not exist", pages_that_do_not_exist },
        { "frames that lie about themselves", frames_that_lie_about_themselves },
        { "a half that is full", a_half_that_is_full },
        { "a hook that comes after the end", a_hook_that_comes_after_the_end },
        { "pages that are mapped", pages_that_are_mapped },
    };
    unsigned int failed = 0, count = sizeof(tests) / sizeof(*tests);

    for ( unsigned int i = 0; i < count; i++ )
    {
        failure = NULL;
        tests[i].run();
        printf("%s: %s\n", tests[i].name, failure ?: "ok");
        failed += !!failure;
    }
    printf("hypervisor: %u passed, %u failed, 0 skipped\n", count - failed, failed);

    return failed != 0;
}
