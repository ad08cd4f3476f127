/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables of pages that grow in small steps.
 *
 * Pages that the toolstack maps belong to the recorded domain, without being
 * counted against its allowance, as foreign mappings check the owner.  They
 * hold a reference as writable pages, so that the domain, which could map
 * them too, can never make page tables of them.
 */
#include <xen/event.h>
#include <xen/vmap.h>
#include "private.h"

#define CHUNK (PAGE_SIZE / sizeof(struct page_info *))

int prerecord_area_init(struct prerecord_area *area, struct domain *owner,
                        unsigned long max)
{
    area->chunk = vzalloc((max / CHUNK + 1) * sizeof(*area->chunk));
    if ( !area->chunk )
        return -ENOMEM;

    area->owner = owner;
    area->nr = 0;
    area->max = max;

    return 0;
}

static struct page_info *alloc_page(struct domain *owner)
{
    struct page_info *page;
    void *p;

    if ( !owner )
    {
        p = alloc_xenheap_page();
        if ( !p )
            return NULL;
        clear_page(p);
        return virt_to_page(p);
    }

    page = alloc_domheap_page(owner, MEMF_no_refcount);
    if ( !page )
        return NULL;

    if ( unlikely(!get_page_and_type(page, owner, PGT_writable_page)) )
    {
        /* The domain cannot know of the page yet: better to leak it. */
        ASSERT_UNREACHABLE();
        return NULL;
    }

    set_gpfn_from_mfn(mfn_x(page_to_mfn(page)), INVALID_M2P_ENTRY);
    clear_domain_page(page_to_mfn(page));

    return page;
}

static void free_page(struct domain *owner, struct page_info *page)
{
    if ( !owner )
    {
        free_xenheap_page(page_to_virt(page));
        return;
    }

    put_page_alloc_ref(page);
    put_page_and_type(page);
}

int prerecord_area_grow(struct prerecord_area *area, unsigned long nr)
{
    if ( nr > area->max )
        return -E2BIG;

    while ( area->nr < nr )
    {
        struct page_info ***chunk = &area->chunk[area->nr / CHUNK];
        struct page_info *page;

        if ( !*chunk )
        {
            *chunk = alloc_xenheap_page();
            if ( !*chunk )
                return -ENOMEM;
        }

        page = alloc_page(area->owner);
        if ( !page )
            return -ENOMEM;

        (*chunk)[area->nr % CHUNK] = page;
        smp_wmb(); /* The page is there before it counts. */
        area->nr++;

        if ( !(area->nr & 31) && area->nr < nr && hypercall_preempt_check() )
            return -ERESTART;
    }

    return 0;
}

/* Of an area whose last page was the first one of this chunk, or none. */
static void free_chunk(struct prerecord_area *area)
{
    struct page_info ***chunk = &area->chunk[area->nr / CHUNK];

    if ( area->nr % CHUNK )
        return;

    free_xenheap_page(*chunk);
    *chunk = NULL;
}

int prerecord_area_free(struct prerecord_area *area)
{
    if ( !area->chunk )
        return 0;

    /* Of a page that could not be had. */
    free_chunk(area);

    while ( area->nr )
    {
        struct page_info *page = prerecord_area_page(area, area->nr - 1);

        area->nr--;
        free_page(area->owner, page);
        free_chunk(area);

        if ( !(area->nr & 31) && area->nr && hypercall_preempt_check() )
            return -ERESTART;
    }

    vfree(area->chunk);
    area->chunk = NULL;

    return 0;
}

struct page_info *prerecord_area_page(const struct prerecord_area *area,
                                      unsigned long index)
{
    ASSERT(index < area->nr);

    return area->chunk[index / CHUNK][index % CHUNK];
}
