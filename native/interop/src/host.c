/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/memory.h>
#include <xen/version.h>

int32_t prx_open(prx_handle **out)
{
    prx_handle *h;
    int32_t rc = 0;

    *out = NULL;
    prx_forget_message();
    h = calloc(1, sizeof(*h));
    if (!h)
        return prx_fail("malloc", ENOMEM);
    prx_logger_init(&h->logger);
    pthread_mutex_init(&h->xl_lock, NULL);

    h->xc = xc_interface_open(&h->logger, &h->logger, 0);
    if (!h->xc)
        rc = prx_fail_errno("xc_interface_open");
    if (!rc) {
        h->memory = xenforeignmemory_open(&h->logger, 0);
        if (!h->memory)
            rc = prx_fail_errno("xenforeignmemory_open");
    }
    if (!rc) {
        h->call = xencall_open(&h->logger, 0);
        if (!h->call)
            rc = prx_fail_errno("xencall_open");
    }
    if (!rc) {
        h->store = xs_open(0);
        if (!h->store)
            rc = prx_fail_errno("xs_open");
    }
    if (rc) {
        prx_close(h);
        return rc;
    }
    *out = h;
    return 0;
}

int32_t prx_close(prx_handle *h)
{
    if (!h)
        return 0;
    prx_xl_close(h);
    if (h->store)
        xs_close(h->store);
    if (h->call)
        xencall_close(h->call);
    if (h->memory)
        xenforeignmemory_close(h->memory);
    if (h->xc)
        xc_interface_close(h->xc);
    pthread_mutex_destroy(&h->xl_lock);
    free(h);
    return 0;
}

int32_t prx_host_info(prx_handle *h, struct prx_host_info *out)
{
    xc_physinfo_t physical;
    int version;

    prx_forget_message();
    memset(out, 0, sizeof(*out));
    memset(&physical, 0, sizeof(physical));
    version = xc_version(h->xc, XENVER_version, NULL);
    if (version < 0)
        return prx_fail_errno("xc_version");
    if (xc_physinfo(h->xc, &physical) != 0)
        return prx_fail_errno("xc_physinfo");
    out->xen_major = (uint32_t)version >> 16;
    out->xen_minor = (uint32_t)version & 0xffff;
    out->cpus = physical.nr_cpus;
    out->max_cpu_id = physical.max_cpu_id;
    out->capabilities = physical.capabilities;
    out->cpu_khz = physical.cpu_khz;
    out->total_pages = physical.total_pages;
    out->free_pages = physical.free_pages;
    out->scrub_pages = physical.scrub_pages;
    out->outstanding_pages = physical.outstanding_pages;
    return 0;
}

int32_t prx_xen_string(prx_handle *h, uint32_t which, char *buffer, uint32_t size)
{
    union {
        xen_extraversion_t extra;
        xen_capabilities_info_t capabilities;
        xen_changeset_info_t changeset;
        xen_commandline_t command_line;
        xen_compile_info_t compile;
    } value;
    const char *text;
    int command;

    prx_forget_message();
    memset(&value, 0, sizeof(value));
    switch (which) {
    case PRX_XEN_EXTRA_VERSION:
        command = XENVER_extraversion;
        text = value.extra;
        break;
    case PRX_XEN_CAPABILITIES:
        command = XENVER_capabilities;
        text = value.capabilities;
        break;
    case PRX_XEN_CHANGESET:
        command = XENVER_changeset;
        text = value.changeset;
        break;
    case PRX_XEN_COMMAND_LINE:
        command = XENVER_commandline;
        text = value.command_line;
        break;
    case PRX_XEN_COMPILED_BY:
        command = XENVER_compile_info;
        text = value.compile.compile_by;
        break;
    case PRX_XEN_COMPILE_DOMAIN:
        command = XENVER_compile_info;
        text = value.compile.compile_domain;
        break;
    case PRX_XEN_COMPILE_DATE:
        command = XENVER_compile_info;
        text = value.compile.compile_date;
        break;
    default:
        return prx_fail("xc_version", EINVAL);
    }
    if (xc_version(h->xc, command, &value) < 0)
        return prx_fail_errno("xc_version");
    if (snprintf(buffer, size, "%s", text) >= (int)size)
        return prx_fail("xc_version", ERANGE);
    return 0;
}

/*
 * Whether the hypervisor was built with MEM_PAGING, without touching a domain: a hypervisor that knows the
 * operation looks the domain up first (ESRCH for one that cannot exist), others refuse the operation itself.
 */
int32_t prx_probe_paging(prx_handle *h, uint32_t *supported)
{
    prx_forget_message();
    *supported = 0;
    if (xc_mem_paging_nominate(h->xc, DOMID_FIRST_RESERVED - 1, 0) == 0)
        return prx_fail("xc_mem_paging_nominate", EEXIST);
    switch (errno) {
    case ESRCH:
        *supported = 1;
        return 0;
    case ENOSYS:
    case EOPNOTSUPP:
        return 0;
    default:
        return prx_fail_errno("xc_mem_paging_nominate");
    }
}
