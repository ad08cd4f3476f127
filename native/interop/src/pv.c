/* SPDX-License-Identifier: Apache-2.0 */
/* State that only PV domains have: the shared information page, and vCPU contexts in the form of their hypercalls. */
#include "internal.h"

#include <string.h>
#include <sys/mman.h>

int32_t prx_shared_info(prx_handle *h, uint32_t domid, void *buffer)
{
    xc_domaininfo_t info;
    xen_pfn_t frame;
    int failed = 0;
    int n;
    void *page;

    prx_forget_message();
    n = xc_domain_getinfolist(h->xc, domid, 1, &info);
    if (n < 0)
        return prx_fail_errno("xc_domain_getinfolist");
    if (n == 0 || info.domain != domid)
        return prx_fail("xc_domain_getinfolist", ESRCH);
    frame = info.shared_info_frame;
    page = xenforeignmemory_map(h->memory, domid, PROT_READ, 1, &frame, &failed);
    if (!page)
        return prx_fail_errno("xenforeignmemory_map(shared info)");
    if (failed) {
        xenforeignmemory_unmap(h->memory, page, 1);
        return prx_fail("xenforeignmemory_map(shared info)", failed);
    }
    memcpy(buffer, page, PRX_PAGE_SIZE);
    return xenforeignmemory_unmap(h->memory, page, 1) ? prx_fail_errno("xenforeignmemory_unmap") : 0;
}

int32_t prx_pv_address_size(prx_handle *h, uint32_t domid, uint32_t *bytes)
{
    struct xen_domctl op;

    prx_forget_message();
    memset(&op, 0, sizeof(op));
    op.domain = (domid_t)domid;
    op.cmd = XEN_DOMCTL_get_address_size;
    if (xc_domctl(h->xc, &op))
        return prx_fail_errno("XEN_DOMCTL_get_address_size");
    *bytes = op.u.address_size.size / 8;
    return 0;
}

static int32_t get_basic(prx_handle *h, uint32_t domid, uint32_t vcpu, void *buffer, uint32_t size, uint32_t *needed)
{
    vcpu_guest_context_any_t context;

    memset(&context, 0, sizeof(context));
    if (xc_vcpu_getcontext(h->xc, domid, vcpu, &context))
        return prx_fail_errno("xc_vcpu_getcontext");
    *needed = sizeof(context.x64);
    if (size >= *needed)
        memcpy(buffer, &context.x64, sizeof(context.x64));
    return 0;
}

static int32_t get_extended(prx_handle *h, uint32_t domid, uint32_t vcpu, void *buffer, uint32_t size,
                            uint32_t *needed)
{
    struct xen_domctl op;

    memset(&op, 0, sizeof(op));
    op.domain = (domid_t)domid;
    op.cmd = XEN_DOMCTL_get_ext_vcpucontext;
    op.u.ext_vcpucontext.vcpu = vcpu;
    if (xc_domctl(h->xc, &op))
        return prx_fail_errno("XEN_DOMCTL_get_ext_vcpucontext");
    /* As the toolstack's stream has it: the whole of the operation's union. */
    *needed = 128;
    if (size >= *needed)
        memcpy(buffer, &op.u.ext_vcpucontext, *needed);
    return 0;
}

static int32_t get_xsave(prx_handle *h, uint32_t domid, uint32_t vcpu, void *buffer, uint32_t size, uint32_t *needed)
{
    struct xen_domctl op;
    void *shared;

    memset(&op, 0, sizeof(op));
    op.domain = (domid_t)domid;
    op.cmd = XEN_DOMCTL_getvcpuextstate;
    op.u.vcpuextstate.vcpu = vcpu;
    if (xc_domctl(h->xc, &op))
        return prx_fail_errno("XEN_DOMCTL_getvcpuextstate");
    *needed = op.u.vcpuextstate.xfeature_mask ? (uint32_t)op.u.vcpuextstate.size : 0;
    if (size < *needed || *needed == 0)
        return 0;
    shared = xencall_alloc_buffer(h->call, *needed);
    if (!shared)
        return prx_fail("xencall_alloc_buffer", ENOMEM);
    set_xen_guest_handle_raw(op.u.vcpuextstate.buffer, shared);
    if (xc_domctl(h->xc, &op)) {
        int32_t rc = prx_fail_errno("XEN_DOMCTL_getvcpuextstate");
        xencall_free_buffer(h->call, shared);
        return rc;
    }
    *needed = (uint32_t)op.u.vcpuextstate.size;
    memcpy(buffer, shared, *needed);
    xencall_free_buffer(h->call, shared);
    return 0;
}

static int32_t get_msrs(prx_handle *h, uint32_t domid, uint32_t vcpu, void *buffer, uint32_t size, uint32_t *needed)
{
    struct xen_domctl op;
    void *shared;

    memset(&op, 0, sizeof(op));
    op.domain = (domid_t)domid;
    op.cmd = XEN_DOMCTL_get_vcpu_msrs;
    op.u.vcpu_msrs.vcpu = vcpu;
    if (xc_domctl(h->xc, &op))
        return prx_fail_errno("XEN_DOMCTL_get_vcpu_msrs");
    *needed = op.u.vcpu_msrs.msr_count * (uint32_t)sizeof(xen_domctl_vcpu_msr_t);
    if (size < *needed || *needed == 0)
        return 0;
    shared = xencall_alloc_buffer(h->call, *needed);
    if (!shared)
        return prx_fail("xencall_alloc_buffer", ENOMEM);
    set_xen_guest_handle_raw(op.u.vcpu_msrs.msrs, shared);
    if (xc_domctl(h->xc, &op)) {
        int32_t rc = prx_fail_errno("XEN_DOMCTL_get_vcpu_msrs");
        xencall_free_buffer(h->call, shared);
        return rc;
    }
    *needed = op.u.vcpu_msrs.msr_count * (uint32_t)sizeof(xen_domctl_vcpu_msr_t);
    memcpy(buffer, shared, *needed);
    xencall_free_buffer(h->call, shared);
    return 0;
}

int32_t prx_pv_vcpu_get(prx_handle *h, uint32_t domid, uint32_t vcpu, uint32_t part, void *buffer, uint32_t size,
                        uint32_t *needed)
{
    prx_forget_message();
    *needed = 0;
    if (!buffer)
        size = 0;
    switch (part) {
    case PRX_PV_VCPU_BASIC:
        return get_basic(h, domid, vcpu, buffer, size, needed);
    case PRX_PV_VCPU_EXTENDED:
        return get_extended(h, domid, vcpu, buffer, size, needed);
    case PRX_PV_VCPU_XSAVE:
        return get_xsave(h, domid, vcpu, buffer, size, needed);
    case PRX_PV_VCPU_MSRS:
        return get_msrs(h, domid, vcpu, buffer, size, needed);
    default:
        return prx_fail("prx_pv_vcpu_get", EINVAL);
    }
}
