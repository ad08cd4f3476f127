/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/memory.h>

/*
 * One hypercall for many pages: libxc's own functions cost a hypercall, a bounce buffer and its bookkeeping a
 * page. The buffers are allocated once, because memory for hypercalls is expensive to get.
 */
union batch_operation {
    xen_mem_paging_op_t paging;
    struct {
        struct xen_dm_op op;
        struct xen_dm_op_buf buffer;
    } ask;
};

struct prx_batch {
    xencall_handle *call;
    multicall_entry_t *entries;
    union batch_operation *operations;
    uint8_t *pages;
    uint32_t capacity;
};

int32_t prx_batch_open(prx_handle *h, uint32_t capacity, uint32_t with_pages, prx_batch **out)
{
    prx_batch *b;

    prx_forget_message();
    *out = NULL;
    if (capacity == 0 || capacity > 4096)
        return prx_fail("prx_batch_open", EINVAL);
    b = calloc(1, sizeof(*b));
    if (!b)
        return prx_fail("malloc", ENOMEM);
    b->call = h->call;
    b->capacity = capacity;
    b->entries = xencall_alloc_buffer(h->call, capacity * sizeof(*b->entries));
    b->operations = xencall_alloc_buffer(h->call, capacity * sizeof(*b->operations));
    if (with_pages)
        b->pages = xencall_alloc_buffer_pages(h->call, capacity);
    if (!b->entries || !b->operations || (with_pages && !b->pages)) {
        prx_batch_close(b);
        return prx_fail("xencall_alloc_buffer", ENOMEM);
    }
    *out = b;
    return 0;
}

int32_t prx_batch_close(prx_batch *b)
{
    if (!b)
        return 0;
    if (b->pages)
        xencall_free_buffer_pages(b->call, b->pages, b->capacity);
    if (b->operations)
        xencall_free_buffer(b->call, b->operations);
    if (b->entries)
        xencall_free_buffer(b->call, b->entries);
    free(b);
    return 0;
}

static void prepare_paging(prx_batch *b, uint32_t i, uint32_t domid, uint32_t op, uint64_t gfn, int has_page)
{
    xen_mem_paging_op_t *operation = &b->operations[i].paging;

    operation->op = (uint8_t)op;
    operation->domain = (domid_t)domid;
    operation->gfn = gfn;
    if (has_page)
        set_xen_guest_handle_raw(operation->buffer, b->pages + (size_t)i * PRX_PAGE_SIZE);
    b->entries[i].op = __HYPERVISOR_memory_op;
    b->entries[i].args[0] = XENMEM_paging_op;
    b->entries[i].args[1] = (unsigned long)operation;
}

/*
 * The call gives the page the type that it has already, which changes nothing. Like a backend's mapping it looks the page up
 * first, and so raises the request of one that is trapped.
 */
static void prepare_ask(prx_batch *b, uint32_t i, uint32_t domid, uint64_t gfn)
{
    struct xen_dm_op *op = &b->operations[i].ask.op;
    struct xen_dm_op_buf *buffer = &b->operations[i].ask.buffer;

    op->op = XEN_DMOP_set_mem_type;
    op->u.set_mem_type.nr = 1;
    op->u.set_mem_type.mem_type = HVMMEM_ram_rw;
    op->u.set_mem_type.first_pfn = gfn;
    set_xen_guest_handle_raw(buffer->h, op);
    buffer->size = sizeof(*op);
    b->entries[i].op = __HYPERVISOR_dm_op;
    b->entries[i].args[0] = domid;
    b->entries[i].args[1] = 1;
    b->entries[i].args[2] = (unsigned long)buffer;
}

int32_t prx_batch_paging(prx_batch *b, uint32_t domid, uint32_t op, const uint64_t *gfns, uint32_t count,
                         const void *pages, int32_t *results)
{
    prx_forget_message();
    if (op > PRX_PAGING_ASK || (pages && !b->pages))
        return prx_fail("prx_batch_paging", EINVAL);
    for (uint32_t start = 0; start < count;) {
        uint32_t n = count - start;
        if (n > b->capacity)
            n = b->capacity;
        memset(b->entries, 0, n * sizeof(*b->entries));
        memset(b->operations, 0, n * sizeof(*b->operations));
        if (pages)
            memcpy(b->pages, (const uint8_t *)pages + (uint64_t)start * PRX_PAGE_SIZE,
                   (size_t)n * PRX_PAGE_SIZE);
        for (uint32_t i = 0; i < n; i++) {
            if (op == PRX_PAGING_ASK)
                prepare_ask(b, i, domid, gfns[start + i]);
            else
                prepare_paging(b, i, domid, op, gfns[start + i], pages != NULL);
        }
        if (xencall2(b->call, __HYPERVISOR_multicall, (uint64_t)(uintptr_t)b->entries, n) < 0)
            return prx_fail_errno("xencall2(multicall of XENMEM_paging_op)");
        for (uint32_t i = 0; i < n; i++)
            results[start + i] = (int32_t)b->entries[i].result;
        start += n;
    }
    return 0;
}

int32_t prx_paging_disable(prx_handle *h, uint32_t domid)
{
    prx_forget_message();
    return xc_mem_paging_disable(h->xc, domid) ? prx_fail_errno("xc_mem_paging_disable") : 0;
}

int32_t prx_logdirty_enable(prx_handle *h, uint32_t domid)
{
    prx_forget_message();
    if (!xc_shadow_control(h->xc, domid, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, NULL, 0))
        return 0;
    /* The mode may be on for a part of memory: an emulator tracks its video memory by it, and begins anew once the mode is off.
     * xg_sr_save_x86_hvm.c's enable_logdirty() does the same. */
    if (errno != EINVAL || xc_shadow_control(h->xc, domid, XEN_DOMCTL_SHADOW_OP_OFF, NULL, 0) < 0 ||
        xc_shadow_control(h->xc, domid, XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY, NULL, 0) < 0)
        return prx_fail_errno("xc_shadow_control(ENABLE_LOGDIRTY)");
    return 0;
}

int32_t prx_logdirty_disable(prx_handle *h, uint32_t domid)
{
    prx_forget_message();
    if (xc_shadow_control(h->xc, domid, XEN_DOMCTL_SHADOW_OP_OFF, NULL, 0) < 0)
        return prx_fail_errno("xc_shadow_control(OFF)");
    return 0;
}

int32_t prx_logdirty_read(prx_handle *h, uint32_t domid, uint32_t clean, uint64_t *bitmap, uint64_t pages,
                          uint64_t *dirty)
{
    DECLARE_HYPERCALL_BUFFER(uint8_t, bits);
    uint64_t bytes = (pages + 63) / 64 * sizeof(uint64_t);
    size_t frames = (bytes + PRX_PAGE_SIZE - 1) / PRX_PAGE_SIZE;
    xc_shadow_op_stats_t statistics = {0};
    int32_t rc = 0;

    prx_forget_message();
    *dirty = 0;
    bits = xc_hypercall_buffer_alloc_pages(h->xc, bits, frames);
    if (!bits)
        return prx_fail("xc_hypercall_buffer_alloc_pages", ENOMEM);
    memset(bits, 0, frames * PRX_PAGE_SIZE);
    if (xc_logdirty_control(h->xc, domid, clean ? XEN_DOMCTL_SHADOW_OP_CLEAN : XEN_DOMCTL_SHADOW_OP_PEEK,
                            HYPERCALL_BUFFER(bits), pages, 0, &statistics) < 0) {
        rc = prx_fail_errno(clean ? "xc_logdirty_control(CLEAN)" : "xc_logdirty_control(PEEK)");
    } else {
        memcpy(bitmap, bits, bytes);
        *dirty = statistics.dirty_count;
    }
    xc_hypercall_buffer_free_pages(h->xc, bits, frames);
    return rc;
}
