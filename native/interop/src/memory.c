/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Exported by libxenctrl but declared only in its private header: the toolstack's own save code uses it. */
extern int xc_get_pfn_type_batch(xc_interface *xch, uint32_t domid, unsigned int count, xen_pfn_t *frames);

/* Pages mapped at once: large enough to spread the cost of a mapping, small enough for a stack array. */
#define MAP_CHUNK 256u

int32_t prx_max_gfn(prx_handle *h, uint32_t domid, uint64_t *max_gfn)
{
    xen_pfn_t highest = 0;

    prx_forget_message();
    if (xc_domain_maximum_gpfn(h->xc, domid, &highest) < 0)
        return prx_fail_errno("xc_domain_maximum_gpfn");
    *max_gfn = highest;
    return 0;
}

int32_t prx_page_types(prx_handle *h, uint32_t domid, const uint64_t *gfns, uint32_t count, uint32_t *types)
{
    xen_pfn_t chunk[1024];

    prx_forget_message();
    for (uint32_t start = 0; start < count;) {
        uint32_t n = count - start;
        if (n > 1024)
            n = 1024;
        for (uint32_t i = 0; i < n; i++)
            chunk[i] = gfns[start + i];
        if (xc_get_pfn_type_batch(h->xc, domid, n, chunk))
            return prx_fail_errno("xc_get_pfn_type_batch");
        for (uint32_t i = 0; i < n; i++)
            types[start + i] = (uint32_t)chunk[i];
        start += n;
    }
    return 0;
}

/* Maps chunk after chunk and copies in one direction: out of the domain, or (source set) into it. */
static int32_t copy_pages(prx_handle *h, uint32_t domid, const uint64_t *gfns, uint32_t count, void *target,
                          const void *source, int32_t *errors)
{
    xen_pfn_t frames[MAP_CHUNK];
    int failed[MAP_CHUNK];
    int protection = source ? PROT_READ | PROT_WRITE : PROT_READ;

    prx_forget_message();
    for (uint32_t start = 0; start < count;) {
        uint32_t n = count - start;
        uint8_t *map;
        if (n > MAP_CHUNK)
            n = MAP_CHUNK;
        for (uint32_t i = 0; i < n; i++) {
            frames[i] = gfns[start + i];
            failed[i] = 0;
        }
        map = xenforeignmemory_map(h->memory, domid, protection, n, frames, failed);
        if (!map)
            return prx_fail_errno("xenforeignmemory_map");
        for (uint32_t i = 0; i < n; i++) {
            uint64_t offset = (uint64_t)(start + i) * PRX_PAGE_SIZE;
            uint8_t *page = map + (uint64_t)i * PRX_PAGE_SIZE;
            errors[start + i] = failed[i] > 0 ? -failed[i] : failed[i];
            if (failed[i])
                continue;
            if (source)
                memcpy(page, (const uint8_t *)source + offset, PRX_PAGE_SIZE);
            else
                memcpy((uint8_t *)target + offset, page, PRX_PAGE_SIZE);
        }
        if (xenforeignmemory_unmap(h->memory, map, n))
            return prx_fail_errno("xenforeignmemory_unmap");
        start += n;
    }
    return 0;
}

int32_t prx_read_pages(prx_handle *h, uint32_t domid, const uint64_t *gfns, uint32_t count, void *buffer,
                       int32_t *errors)
{
    return copy_pages(h, domid, gfns, count, buffer, NULL, errors);
}

int32_t prx_write_pages(prx_handle *h, uint32_t domid, const uint64_t *gfns, uint32_t count,
                        const void *buffer, int32_t *errors)
{
    return copy_pages(h, domid, gfns, count, NULL, buffer, errors);
}

int32_t prx_populate(prx_handle *h, uint32_t domid, const uint64_t *gfns, uint32_t count, uint32_t *done)
{
    xen_pfn_t *frames;
    int n;

    prx_forget_message();
    *done = 0;
    if (count == 0)
        return 0;
    frames = calloc(count, sizeof(*frames));
    if (!frames)
        return prx_fail("malloc", ENOMEM);
    for (uint32_t i = 0; i < count; i++)
        frames[i] = gfns[i];
    n = xc_domain_populate_physmap(h->xc, domid, count, 0, 0, frames);
    if (n < 0) {
        int32_t rc = prx_fail_errno("xc_domain_populate_physmap");
        free(frames);
        return rc;
    }
    free(frames);
    *done = (uint32_t)n;
    return 0;
}

int32_t prx_release(prx_handle *h, uint32_t domid, const uint64_t *gfns, uint32_t count, uint32_t *done)
{
    xen_pfn_t *frames;
    int n;

    prx_forget_message();
    *done = 0;
    if (count == 0)
        return 0;
    frames = calloc(count, sizeof(*frames));
    if (!frames)
        return prx_fail("malloc", ENOMEM);
    for (uint32_t i = 0; i < count; i++)
        frames[i] = gfns[i];
    n = xc_domain_decrease_reservation(h->xc, domid, count, 0, frames);
    if (n < 0) {
        int32_t rc = prx_fail_errno("xc_domain_decrease_reservation");
        free(frames);
        return rc;
    }
    free(frames);
    *done = (uint32_t)n;
    return 0;
}
