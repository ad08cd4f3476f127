/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <sys/mman.h>
#include <xengnttab.h>

int32_t prx_ring_progress(uint32_t domid, uint32_t reference, uint32_t *asked, uint32_t *answered)
{
    /* Every shared ring begins alike (xen/io/ring.h): req_prod, req_event, rsp_prod, rsp_event. */
    enum { REQ_PROD = 0, RSP_PROD = 2 };
    xengnttab_handle *grants;
    const volatile uint32_t *ring;
    int32_t rc = 0;

    prx_forget_message();
    *asked = *answered = 0;
    grants = xengnttab_open(NULL, 0);
    if (!grants)
        return prx_fail_errno("xengnttab_open");
    ring = xengnttab_map_grant_ref(grants, domid, reference, PROT_READ);
    if (!ring) {
        rc = prx_fail_errno("xengnttab_map_grant_ref");
    } else {
        /* The answers first: what is answered later was asked for before. */
        *answered = ring[RSP_PROD];
        *asked = ring[REQ_PROD];
        xengnttab_unmap(grants, (void *)ring, 1);
    }
    xengnttab_close(grants);
    return rc;
}
