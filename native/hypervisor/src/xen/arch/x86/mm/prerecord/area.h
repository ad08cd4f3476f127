/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_AREA_H__
#define __X86_MM_PRERECORD_AREA_H__

#include <xen/mm.h>

/* A table of pages that grows, reachable through one level of chunks. */
struct prerecord_area {
    bool is_mapped;         /* for the toolstack, to read: Xen only writes */
    unsigned long nr, max;  /* pages there are, pages there may be */
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

#endif
