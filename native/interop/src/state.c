/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

int32_t prx_hvm_context_get(prx_handle *h, uint32_t domid, void *buffer, uint32_t size, uint32_t *needed)
{
    int n;

    prx_forget_message();
    *needed = 0;
    n = xc_domain_hvm_getcontext(h->xc, domid, NULL, 0);
    if (n < 0)
        return prx_fail_errno("xc_domain_hvm_getcontext");
    *needed = (uint32_t)n;
    if (!buffer || size < (uint32_t)n)
        return 0;
    n = xc_domain_hvm_getcontext(h->xc, domid, buffer, size);
    if (n < 0)
        return prx_fail_errno("xc_domain_hvm_getcontext");
    *needed = (uint32_t)n;
    return 0;
}

int32_t prx_hvm_context_set(prx_handle *h, uint32_t domid, const void *buffer, uint32_t size)
{
    uint8_t *copy;
    int rc;

    prx_forget_message();
    copy = malloc(size ? size : 1);
    if (!copy)
        return prx_fail("malloc", ENOMEM);
    memcpy(copy, buffer, size);
    rc = xc_domain_hvm_setcontext(h->xc, domid, copy, size);
    if (rc)
        rc = prx_fail_errno("xc_domain_hvm_setcontext");
    free(copy);
    return rc;
}

int32_t prx_hvm_param_get(prx_handle *h, uint32_t domid, uint32_t index, uint64_t *value)
{
    prx_forget_message();
    return xc_hvm_param_get(h->xc, domid, index, value) ? prx_fail_errno("xc_hvm_param_get") : 0;
}

int32_t prx_hvm_param_set(prx_handle *h, uint32_t domid, uint32_t index, uint64_t value)
{
    prx_forget_message();
    return xc_hvm_param_set(h->xc, domid, index, value) ? prx_fail_errno("xc_hvm_param_set") : 0;
}

int32_t prx_tsc_get(prx_handle *h, uint32_t domid, struct prx_tsc_info *out)
{
    prx_forget_message();
    memset(out, 0, sizeof(*out));
    if (xc_domain_get_tsc_info(h->xc, domid, &out->mode, &out->elapsed_ns, &out->khz, &out->incarnation))
        return prx_fail_errno("xc_domain_get_tsc_info");
    return 0;
}

int32_t prx_tsc_set(prx_handle *h, uint32_t domid, const struct prx_tsc_info *value)
{
    prx_forget_message();
    if (xc_domain_set_tsc_info(h->xc, domid, value->mode, value->elapsed_ns, value->khz, value->incarnation))
        return prx_fail_errno("xc_domain_set_tsc_info");
    return 0;
}

int32_t prx_cpu_policy_size(prx_handle *h, uint32_t *leaves, uint32_t *msrs)
{
    prx_forget_message();
    if (xc_cpu_policy_get_size(h->xc, leaves, msrs))
        return prx_fail_errno("xc_cpu_policy_get_size");
    return 0;
}

/* A domain's policy, or one of the hypervisor's own by its number. */
static int32_t read_policy(prx_handle *h, bool of_domain, uint32_t which, void *leaves, uint32_t *leaf_count, void *msrs,
                           uint32_t *msr_count)
{
    xc_cpu_policy_t *policy;
    int32_t rc = 0;

    prx_forget_message();
    policy = xc_cpu_policy_init();
    if (!policy)
        return prx_fail("xc_cpu_policy_init", ENOMEM);
    if (of_domain && xc_cpu_policy_get_domain(h->xc, which, policy))
        rc = prx_fail_errno("xc_cpu_policy_get_domain");
    else if (!of_domain && xc_cpu_policy_get_system(h->xc, which, policy))
        rc = prx_fail_errno("xc_cpu_policy_get_system");
    else if (xc_cpu_policy_serialise(h->xc, policy, leaves, leaf_count, msrs, msr_count))
        rc = prx_fail_errno("xc_cpu_policy_serialise");
    xc_cpu_policy_destroy(policy);
    return rc;
}

int32_t prx_cpu_policy_get(prx_handle *h, uint32_t domid, void *leaves, uint32_t *leaf_count, void *msrs,
                           uint32_t *msr_count)
{
    return read_policy(h, true, domid, leaves, leaf_count, msrs, msr_count);
}

int32_t prx_cpu_policy_most(prx_handle *h, uint32_t hvm, void *leaves, uint32_t *leaf_count, void *msrs,
                            uint32_t *msr_count)
{
    return read_policy(h, false, hvm ? XEN_SYSCTL_cpu_policy_hvm_max : XEN_SYSCTL_cpu_policy_pv_max, leaves, leaf_count, msrs,
                       msr_count);
}

int32_t prx_vcpu_registers(prx_handle *h, uint32_t domid, uint32_t vcpu, struct prx_vcpu_registers *out)
{
    vcpu_guest_context_any_t context;
    xc_vcpuinfo_t info;

    prx_forget_message();
    memset(out, 0, sizeof(*out));
    memset(&context, 0, sizeof(context));
    if (xc_vcpu_getinfo(h->xc, domid, vcpu, &info))
        return prx_fail_errno("xc_vcpu_getinfo");
    out->online = info.online;
    if (!info.online)
        return 0;
    if (xc_vcpu_getcontext(h->xc, domid, vcpu, &context))
        return prx_fail_errno("xc_vcpu_getcontext");
    out->rip = context.x64.user_regs.rip;
    out->rsp = context.x64.user_regs.rsp;
    out->rflags = context.x64.user_regs.rflags;
    out->cs = context.x64.user_regs.cs;
    out->cr0 = context.x64.ctrlreg[0];
    out->cr2 = context.x64.ctrlreg[2];
    out->cr3 = context.x64.ctrlreg[3];
    out->cr4 = context.x64.ctrlreg[4];
    return 0;
}
