/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables of pages that grow in small steps.
 *
 * No guest can map a page of a table, not even the guest whose pages the table
 * is about.  What Xen goes by lies in Xen's own heap, which nobody maps.  What
 * the toolstack maps belongs to dom_xen, as the trace buffers do; Xen writes
 * it and never reads it back.
 */
#include <xen/domain_page.h>
#include <xen/event.h>
#include <xen/vmap.h>
#include "area.h"

#define CHUNK (PAGE_SIZE / sizeof(struct page_info *))

int prerecord_area_init(struct prerecord_area *area, bool is_mapped,
                        unsigned long max)
{
    area->chunk = vzalloc((max / CHUNK + 1) * sizeof(*area->chunk));
    if ( !area->chunk )
        return -ENOMEM;

    area->is_mapped = is_mapped;
    area->nr = 0;
    area->max = max;

    return 0;
}

static struct page_info *alloc_own_page(void)
{
    void *p = alloc_xenheap_page();

    if ( !p )
        return NULL;
    clear_page(p);

    return virt_to_page(p);
}

static struct page_info *alloc_mapped_page(void)
{
    struct page_info *page = alloc_domheap_page(dom_xen, MEMF_no_refcount);

    if ( !page )
        return NULL;

    /*
     * As for Xen's own pages that are shared read-only: while this type is
     * held the page gets no other one, so no domain maps it writable.
     */
    page->u.inuse.type_info = PGT_none | PGT_validated | 1;
    if ( unlikely(!get_page(page, dom_xen)) )
    {
        ASSERT_UNREACHABLE();
        return NULL;
    }

    set_gpfn_from_mfn(mfn_x(page_to_mfn(page)), INVALID_M2P_ENTRY);
    clear_domain_page(page_to_mfn(page));

    return page;
}

/*
 * A page that the toolstack still maps is freed when it lets go of it.  What
 * it held of one domain is not for the next one to find.
 */
static void free_page(const struct prerecord_area *area,
                      struct page_info *page)
{
    if ( !area->is_mapped )
    {
        free_xenheap_page(page_to_virt(page));
        return;
    }

    clear_domain_page(page_to_mfn(page));
    page->u.inuse.type_info = 0;
    put_page_alloc_ref(page);
    put_page(page);
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

        page = area->is_mapped ? alloc_mapped_page() : alloc_own_page();
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

/*
 * Frees the chunk that the next page would be entered in, if none of its pages
 * is left: after the chunk's first page was freed, which is its last one to
 * be, or where the chunk was made for a page that could not be had.
 */
static void free_empty_chunk(struct prerecord_area *area)
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

    free_empty_chunk(area);

    while ( area->nr )
    {
        struct page_info *page = prerecord_area_page(area, area->nr - 1);

        area->nr--;
        free_page(area, page);
        free_empty_chunk(area);

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
    if ( index >= area->nr )
        return NULL;

    return area->chunk[index / CHUNK][index % CHUNK];
}
