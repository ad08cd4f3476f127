/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The extension's own nested.c and harvest.c, with second-level page tables as the processor walks them: a guest is recorded by faults, or
 * by a harvest of the processor's bits, and served, also where there is no memory to split a large page.
 */
#include <stdio.h>
#include <xen/prerecord.h>
#include "backup.h"
#include "harvest.h"
#include "missing.h"
#include "nested.h"
#include "owner.h"
#include "pages.h"
#include "tables.h"

enum { LARGE = 512, PFNS = 6 * LARGE, MOST = 12000, READ = 1, WRITTEN = 2 };

struct page_info frame_table[MOST];
static unsigned int first_free, used_pages, tables;
static struct domain xen, guest = { .max_vcpus = 1, .is_hap = true };
static struct vcpu vcpu = { .domain = &guest, NO_AREAS };
struct domain *dom_xen = &xen;
struct vcpu *current = &vcpu;
struct p2m_domain host_p2m = { .domain = &guest };
unsigned long locks_taken;
unsigned int flushes;
bool cpu_is_wanted;
static bool no_tables;
static uint32_t words[PFNS], originals[PFNS];
static uint8_t touched[PFNS];
static const char *failure;
static uint64_t random_state = 1;

#define EXPECT(what) ((what) ? (void)0 : (void)(failure = failure ?: #what))

static uint64_t draw(uint64_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;

    return random_state % below;
}

static struct page_info *new_page(struct domain *owner)
{
    struct page_info *page = &frame_table[first_free++];

    assert(first_free < MOST);
    page->content = aligned_alloc(PAGE_SIZE, PAGE_SIZE);
    memset(page->content, 0, PAGE_SIZE);
    page->owner = owner;
    page->count_info = 1;
    used_pages++;

    return page;
}
static void free_a_page(struct page_info *page) { free(page->content); page->content = NULL; used_pages--; }
struct page_info *virt_to_page(const void *p)
{
    for ( unsigned int i = first_free; i--; )
        if ( frame_table[i].content == p )
            return &frame_table[i];

    return NULL;
}
void *alloc_xenheap_page(void) { return new_page(NULL)->content; }
void free_xenheap_page(void *p) { if ( p ) free_a_page(virt_to_page(p)); }
struct page_info *alloc_domheap_page(struct domain *d, unsigned int flags) { return new_page(d); }
bool get_page(struct page_info *page, const struct domain *d) { page->count_info++; return true; }
void put_page(struct page_info *page) { if ( !--page->count_info ) free_a_page(page); }
void put_page_alloc_ref(struct page_info *page) { put_page(page); }
void prerecord_notify(struct prerecord *pr) { }
bool evtchn_fifo_prerecord(struct domain *d, unsigned int *next) { return true; }
bool gnttab_prerecord(struct domain *d, unsigned int *next) { return true; }
mfn_t p2m_alloc_ptp(struct p2m_domain *p2m, unsigned int level)
{
    if ( no_tables )
        return INVALID_MFN;
    tables++;

    return page_to_mfn(new_page(&xen));
}

static l1_pgentry_t *entry_at(mfn_t table, unsigned long gfn, unsigned int level)
{
    return (l1_pgentry_t *)map_domain_page(table) + (gfn >> (level - 1) * PAGETABLE_ORDER) % L1_PAGETABLE_ENTRIES;
}

/* As p2m-pt.c: the entries of the root lose their user bits, and so what lies below them is not used. */
static void mark_all(struct p2m_domain *p2m, int from, int to)
{
    assert(p2m->locked);
    for ( unsigned int i = 0; i < L1_PAGETABLE_ENTRIES; i++ )
        ((l1_pgentry_t *)map_domain_page(p2m->root))[i].l1 &= ~(unsigned long)_PAGE_USER;
}

static struct prerecord *begin(unsigned int flags, unsigned int slots)
{
    struct prerecord *pr = calloc(1, sizeof(*pr));
    static unsigned long waiting, looked;
    static bool repeat;
    bool wanted = cpu_is_wanted;
    mfn_t third, second;

    cpu_is_wanted = false;
    memset(frame_table, 0, sizeof(frame_table));
    memset(touched, 0, sizeof(touched));
    first_free = used_pages = vcpu.pauses = 0;
    tables = 3;
    no_tables = false;
    /* Large pages begin at a frame that is a multiple of their size. */
    for ( unsigned int pfn = 0; pfn < PFNS; pfn++ )
    {
        new_page(&guest)->pfn = pfn;
        originals[pfn] = words[pfn] = *(uint32_t *)frame_table[pfn].content = 3 * pfn + 1;
    }
    frame_table[0].owner = &xen; /* mfn_valid() has no frame 0 here */
    host_p2m.root = page_to_mfn(new_page(&xen));
    host_p2m.change_entry_type_global = mark_all;
    third = page_to_mfn(new_page(&xen));
    second = page_to_mfn(new_page(&xen));
    *entry_at(host_p2m.root, 0, 4) = l1e_from_mfn(third, _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED);
    *entry_at(third, 0, 3) = l1e_from_mfn(second, _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED);
    for ( unsigned int pfn = 0; pfn < PFNS; pfn += LARGE )
        *entry_at(second, pfn, 2) = l1e_from_pfn(pfn, _PAGE_PRESENT | _PAGE_RW | _PAGE_USER | _PAGE_ACCESSED | _PAGE_DIRTY | _PAGE_PSE);

    pr->d = &guest;
    pr->nr_pfns = PFNS;
    pr->flags = flags;
    pr->waiting = &waiting;
    pr->looked = &looked;
    pr->repeat = &repeat;
    waiting = NO_PFN;
    looked = 0;
    guest.arch.paging.prerecord = pr;
    guest.first_vcpu = &vcpu;
    EXPECT(!prerecord_area_init(&pr->states, false, PFNS * 4 / PAGE_SIZE) && !prerecord_area_grow(&pr->states, pr->states.max));
    EXPECT(!prerecord_area_init(&pr->records, true, PFNS * 16 / PAGE_SIZE) && !prerecord_area_grow(&pr->records, pr->records.max));
    EXPECT(!prerecord_area_init(&pr->store, true, slots) && !prerecord_area_grow(&pr->store, slots));
    EXPECT(!prerecord_area_init(&pr->slot_pfns, true, 4) && !prerecord_area_grow(&pr->slot_pfns, 4));
    pr->slots = slots;
    prerecord_nested_switch(&guest, true);
    cpu_is_wanted = wanted;

    return pr;
}

static void end(struct prerecord *pr)
{
    prerecord_nested_switch(&guest, false);
    cpu_is_wanted = false;
    pr->nr_pfns = 0;
    EXPECT(!prerecord_area_free(&pr->store) && !prerecord_area_free(&pr->slot_pfns));
    EXPECT(!prerecord_area_free(&pr->records) && !prerecord_area_free(&pr->states));
    EXPECT(used_pages == PFNS + tables);
    for ( unsigned int i = 0; i < first_free; i++ )
        free(frame_table[i].content);
    free(pr);
}

/* The processor's walk. Returns whether there was no fault; it notes in the last entry what it did. */
static bool walk(unsigned long gfn, bool write)
{
    mfn_t table = host_p2m.root;

    for ( unsigned int level = 4; ; level-- )
    {
        l1_pgentry_t *entry = entry_at(table, gfn, level);
        unsigned int flags = l1e_get_flags(*entry);

        if ( (flags & (_PAGE_PRESENT | _PAGE_USER)) != (_PAGE_PRESENT | _PAGE_USER) || (write && !(flags & _PAGE_RW)) )
            return false;
        entry->l1 |= _PAGE_ACCESSED;
        if ( level == 1 || (flags & _PAGE_PSE) )
        {
            if ( write )
                entry->l1 |= _PAGE_DIRTY;
            return true;
        }
        table = l1e_get_mfn(*entry);
    }
}

/* As do_recalc() of p2m-pt.c: settles the path to a page, with the type that it has. */
static void recalculate(unsigned long gfn)
{
    mfn_t table = host_p2m.root;

    for ( unsigned int level = 4; level; level-- )
    {
        l1_pgentry_t *entry = entry_at(table, gfn, level);
        bool last = level == 1 || (l1e_get_flags(*entry) & _PAGE_PSE);

        if ( !(l1e_get_flags(*entry) & _PAGE_USER) && !last )
            for ( unsigned int i = 0; i < L1_PAGETABLE_ENTRIES; i++ )
                ((l1_pgentry_t *)map_domain_page(l1e_get_mfn(*entry)))[i].l1 &= ~(unsigned long)_PAGE_USER;
        entry->l1 |= _PAGE_USER | (last ? _PAGE_RW : 0);
        if ( last )
            return;
        table = l1e_get_mfn(*entry);
    }
}

static bool touch(unsigned long gfn, bool write)
{
    for ( unsigned int faults = 0; !walk(gfn, write); faults++ )
    {
        if ( vcpu.pauses )
            return false;
        EXPECT(faults < 2 * LARGE);
        if ( faults > 2 * LARGE )
            return false;
        if ( !prerecord_nested_touch(guest.arch.paging.prerecord, gfn, write) )
            recalculate(gfn);
    }
    touched[gfn] |= write ? WRITTEN : READ;
    if ( write )
        *(uint32_t *)frame_table[gfn].content = words[gfn] = draw(1 << 30);

    return true;
}

/* These want the lock. */
static void next_epoch(struct prerecord *pr)
{
    spin_lock(&pr->lock);
    prerecord_next_epoch(pr);
    spin_unlock(&pr->lock);
}

static void arrive(struct prerecord *pr, unsigned long pfn)
{
    spin_lock(&pr->lock);
    prerecord_arrived(pr, pfn);
    spin_unlock(&pr->lock);
}

static void miss(struct prerecord *pr, unsigned long pfn)
{
    spin_lock(&pr->lock);
    *prerecord_state(pr, pfn) |= STATE_MISSING;
    pr->missing++;
    spin_unlock(&pr->lock);
}

static uint32_t word(const struct prerecord_area *area, unsigned long index)
{
    return ((uint32_t *)prerecord_area_page(area, index / 1024)->content)[index % 1024];
}

static void check_records(struct prerecord *pr)
{
    for ( unsigned long i = 0; i < pr->count; i++ )
    {
        uint32_t record = word(&pr->records, pr->half * 2 * PFNS + i), pfn = record & ~XEN_PRERECORD_WRITE;

        EXPECT(pfn < PFNS && (touched[pfn] & (record & XEN_PRERECORD_WRITE ? WRITTEN : READ | WRITTEN)));
        if ( record & XEN_PRERECORD_WRITE )
            touched[pfn] = 0;
        else
            touched[pfn] &= WRITTEN;
    }
    for ( unsigned int pfn = 1; pfn < PFNS; pfn++ )
        EXPECT(!touched[pfn] || pfn == SPECIAL);
    memset(touched, 0, sizeof(touched));
}

static void check_originals(struct prerecord *pr)
{
    uint32_t then[PFNS];

    memcpy(then, words, sizeof(then));
    for ( unsigned long slot = 0; slot < pr->used; slot++ )
        then[word(&pr->slot_pfns, slot)] = word(&pr->store, slot * 1024);
    then[0] = originals[0];
    then[SPECIAL] = originals[SPECIAL];
    EXPECT(!memcmp(then, originals, sizeof(then)) && !(pr->flags & XEN_PRERECORD_LOST));
}

static unsigned long other_than_none(void)
{
    return 1 + draw(3 * LARGE - 1);
}

static void a_recording_by_faults(void)
{
    struct prerecord *pr = begin(XEN_PRERECORD_ACCESSES | XEN_PRERECORD_BACKUPS | XEN_PRERECORD_RUNNING, PFNS);

    for ( unsigned int epoch = 0; epoch < 4; epoch++ )
    {
        for ( unsigned int i = 0; i < 900; i++ )
            EXPECT(touch(other_than_none(), draw(2)));
        check_records(pr);
        next_epoch(pr);
        prerecord_nested_arm(&guest);
    }
    check_originals(pr);
    end(pr);
}

/* What is touched again is read from the processor's bits; a step is a table. */
static void a_recording_by_harvest(void)
{
    struct prerecord *pr = begin(XEN_PRERECORD_ACCESSES | XEN_PRERECORD_BACKUPS | XEN_PRERECORD_RUNNING | XEN_PRERECORD_HARVEST, PFNS);

    for ( unsigned int epoch = 0; epoch < 5; epoch++ )
    {
        unsigned int steps = 0;

        for ( unsigned int i = 0; i < 900; i++ )
            EXPECT(touch(other_than_none(), draw(2)));
        do
        {
            locks_taken = 0;
            steps++;
        } while ( prerecord_harvest(pr) == -ERESTART && (EXPECT(locks_taken <= 2), steps < 2 * PFNS) );
        EXPECT(!cpu_is_wanted || steps <= PFNS / LARGE + 1);
        check_records(pr);
        next_epoch(pr);
    }
    EXPECT(flushes >= 5);
    check_originals(pr);
    end(pr);
}

static uint32_t record(struct prerecord *pr, unsigned long index)
{
    return ((uint32_t *)page_to_virt(prerecord_area_page(&pr->records, index / 1024)))[index % 1024];
}

static void serve(bool can_split)
{
    struct prerecord *pr = begin(XEN_PRERECORD_ACCESSES | XEN_PRERECORD_SERVING, 0);

    for ( unsigned int pfn = LARGE; pfn < 2 * LARGE; pfn += 100 )
        miss(pr, pfn);
    no_tables = !can_split;
    EXPECT(touch(3, true));
    /* One that is there, in a large page of which some are not. */
    EXPECT(touch(LARGE + 1, false) == can_split);
    for ( unsigned int pfn = LARGE; pfn < 2 * LARGE; pfn += 100 )
    {
        EXPECT(!walk(pfn, false));
        if ( can_split )
            EXPECT(!touch(pfn, false) && vcpu.pauses == 1);
        /* Xen must not change an entry, where a missing page would come into use with it. */
        EXPECT(prerecord_nested_before_change(pr, &host_p2m, LARGE + 5) == (can_split ? 0 : -ENOMEM));
        arrive(pr, pfn);
        EXPECT(!vcpu.pauses || !can_split);
        vcpu.pauses = 0;
        pr->waiting[0] = NO_PFN;
        if ( can_split )
            EXPECT(touch(pfn, true));
    }
    EXPECT(!pr->missing && touch(LARGE + 1, true) && touch(LARGE + 200, true));
    /* Used: the one that was there, and of the large page what was touched; of one that came into use as a whole, which page that was is not seen. */
    EXPECT(pr->uses == (can_split ? 8 : 0));
    if ( can_split )
        EXPECT(record(pr, 2 * PFNS) == 3 && record(pr, 0) == LARGE && record(pr, PFNS) == vcpu.vcpu_id);
    end(pr);
}

static void missing_pages(void) { serve(true); }
static void missing_pages_of_a_large_page_that_cannot_be_split(void) { serve(false); }

int main(void)
{
    static const struct { const char *name; void (*run)(void); } tests[] = {
        { "a recording by faults", a_recording_by_faults },
        { "a recording by harvest", a_recording_by_harvest },
        { "missing pages with nested paging", missing_pages },
        { "missing pages of a large page that cannot be split", missing_pages_of_a_large_page_that_cannot_be_split },
    };
    bool failed = false;

    for ( unsigned int i = 0; i < sizeof(tests) / sizeof(*tests); i++ )
        for ( unsigned int wanted = 0; wanted < 2; wanted++ )
        {
            cpu_is_wanted = wanted;
            failure = NULL;
            tests[i].run();
            printf("%s%s: %s\n", tests[i].name, wanted ? ", giving way" : "", failure ?: "ok");
            failed |= failure != NULL;
        }

    return failed;
}
