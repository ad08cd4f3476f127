/* SPDX-License-Identifier: GPL-2.0-only */
/* Xen's heap, in a process: of each page it is known whose it is, and none may be left. */
#ifndef STUB_HEAP_H
#define STUB_HEAP_H

#include "xen.h"

/* Every page that there is, for virt_to_page() and for whoever writes what it can map. */
static struct page_info *pages[20000];
static unsigned int page_count;
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
    for ( unsigned int i = page_count; i--; )
        if ( pages[i] == page )
        {
            pages[i] = pages[--page_count];
            break;
        }
    free(page->content);
    free(page);
}

struct page_info *virt_to_page(const void *p)
{
    for ( unsigned int i = page_count; i--; )
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

#endif
