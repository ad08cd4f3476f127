/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

static void fill(struct prx_domain_info *out, const xc_domaininfo_t *in)
{
    memset(out, 0, sizeof(*out));
    out->domid = in->domain;
    out->flags = in->flags & ~((uint32_t)XEN_DOMINF_shutdownmask << XEN_DOMINF_shutdownshift);
    out->shutdown_reason = (in->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
    out->online_vcpus = in->nr_online_vcpus;
    out->max_vcpu_id = in->max_vcpu_id;
    out->address_bits = in->gpaddr_bits;
    out->total_pages = in->tot_pages;
    out->max_pages = in->max_pages;
    out->outstanding_pages = in->outstanding_pages;
    out->shared_pages = in->shr_pages;
    out->paged_pages = in->paged_pages;
    out->cpu_time_ns = in->cpu_time;
    memcpy(out->uuid, in->handle, sizeof(out->uuid));
}

int32_t prx_domain_list(prx_handle *h, uint32_t first, struct prx_domain_info *out, uint32_t capacity,
                        uint32_t *count)
{
    xc_domaininfo_t *found;
    int n;

    prx_forget_message();
    *count = 0;
    if (capacity == 0)
        return 0;
    found = calloc(capacity, sizeof(*found));
    if (!found)
        return prx_fail("malloc", ENOMEM);
    n = xc_domain_getinfolist(h->xc, first, capacity, found);
    if (n < 0) {
        int32_t rc = prx_fail_errno("xc_domain_getinfolist");
        free(found);
        return rc;
    }
    for (int i = 0; i < n; i++)
        fill(&out[i], &found[i]);
    free(found);
    *count = (uint32_t)n;
    return 0;
}

int32_t prx_domain_get(prx_handle *h, uint32_t domid, struct prx_domain_info *out)
{
    xc_domaininfo_t found;
    int n;

    prx_forget_message();
    n = xc_domain_getinfolist(h->xc, domid, 1, &found);
    if (n < 0)
        return prx_fail_errno("xc_domain_getinfolist");
    if (n == 0 || found.domain != domid)
        return prx_fail("xc_domain_getinfolist", ESRCH);
    fill(out, &found);
    return 0;
}

int32_t prx_domain_pause(prx_handle *h, uint32_t domid)
{
    prx_forget_message();
    return xc_domain_pause(h->xc, domid) ? prx_fail_errno("xc_domain_pause") : 0;
}

int32_t prx_domain_unpause(prx_handle *h, uint32_t domid)
{
    prx_forget_message();
    return xc_domain_unpause(h->xc, domid) ? prx_fail_errno("xc_domain_unpause") : 0;
}

int32_t prx_domain_resume(prx_handle *h, uint32_t domid, uint32_t fast)
{
    prx_forget_message();
    return xc_domain_resume(h->xc, domid, fast ? 1 : 0) ? prx_fail_errno("xc_domain_resume") : 0;
}

int32_t prx_domain_set_max_memory(prx_handle *h, uint32_t domid, uint64_t max_kib)
{
    prx_forget_message();
    return xc_domain_setmaxmem(h->xc, domid, max_kib) ? prx_fail_errno("xc_domain_setmaxmem") : 0;
}
