/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/hvm/params.h>
#include <xen/vm_event.h>

struct prx_ring {
    prx_handle *h;
    xenevtchn_handle *channel;
    vm_event_back_ring_t back;
    void *page;
    uint64_t gfn;
    uint32_t domid;
    evtchn_port_t port;
    uint32_t enabled;
};

/* Maps the ring's page; after a first use it is out of the domain's memory and has to be put back. */
static int32_t map_page(prx_ring *r)
{
    xen_pfn_t frame;
    int failed = 0;

    for (int attempt = 0; attempt < 2; attempt++) {
        frame = r->gfn;
        failed = 0;
        r->page = xenforeignmemory_map(r->h->memory, r->domid, PROT_READ | PROT_WRITE, 1, &frame, &failed);
        if (r->page && !failed)
            return 0;
        if (r->page) {
            xenforeignmemory_unmap(r->h->memory, r->page, 1);
            r->page = NULL;
            errno = failed < 0 ? -failed : failed;
        }
        if (errno != EINVAL || attempt)
            break;
        frame = r->gfn;
        if (xc_domain_populate_physmap_exact(r->h->xc, r->domid, 1, 0, 0, &frame))
            return prx_fail_errno("xc_domain_populate_physmap_exact(ring page)");
    }
    return prx_fail_errno("xenforeignmemory_map(ring page)");
}

int32_t prx_ring_open(prx_handle *h, uint32_t domid, prx_ring **out)
{
    prx_ring *r;
    xen_pfn_t frame;
    uint32_t remote = 0;
    int local;
    int32_t rc;

    prx_forget_message();
    *out = NULL;
    r = calloc(1, sizeof(*r));
    if (!r)
        return prx_fail("malloc", ENOMEM);
    r->h = h;
    r->domid = domid;
    if (xc_hvm_param_get(h->xc, domid, HVM_PARAM_PAGING_RING_PFN, &r->gfn)) {
        rc = prx_fail_errno("xc_hvm_param_get(PAGING_RING_PFN)");
        goto fail;
    }
    rc = map_page(r);
    if (rc)
        goto fail;
    r->channel = xenevtchn_open(&h->logger, 0);
    if (!r->channel) {
        rc = prx_fail_errno("xenevtchn_open");
        goto fail;
    }
    /* Before anybody can ask: a backend may, as soon as the ring is on. */
    SHARED_RING_INIT((vm_event_sring_t *)r->page);
    if (xc_mem_paging_enable(h->xc, domid, &remote)) {
        rc = prx_fail_errno("xc_mem_paging_enable");
        goto fail;
    }
    r->enabled = 1;
    local = xenevtchn_bind_interdomain(r->channel, domid, remote);
    if (local < 0) {
        rc = prx_fail_errno("xenevtchn_bind_interdomain");
        goto fail;
    }
    r->port = (evtchn_port_t)local;
    BACK_RING_INIT(&r->back, (vm_event_sring_t *)r->page, PRX_PAGE_SIZE);
    /* Out of the guest's reach, so that it can neither read nor forge requests. */
    frame = r->gfn;
    if (xc_domain_decrease_reservation_exact(h->xc, domid, 1, 0, &frame)) {
        rc = prx_fail_errno("xc_domain_decrease_reservation_exact(ring page)");
        goto fail;
    }
    *out = r;
    return 0;

fail : {
    prx_ring_close(r, 1);
    return rc;
}
}

int32_t prx_ring_close(prx_ring *r, uint32_t disable)
{
    int32_t rc = 0;

    if (!r)
        return 0;
    /* Disabled before the channel goes: a request with nobody at the other end would wait for ever. */
    if (disable && r->enabled && xc_mem_paging_disable(r->h->xc, r->domid)) {
        rc = prx_fail_errno("xc_mem_paging_disable");
        if (rc == -EBUSY)
            return rc; /* vCPUs wait for room in the ring: take and answer requests, then close again */
    }
    if (r->channel)
        xenevtchn_close(r->channel);
    if (r->page)
        xenforeignmemory_unmap(r->h->memory, r->page, 1);
    free(r);
    return rc;
}

int32_t prx_wait_two(int first, int32_t wakeup_fd, int32_t timeout_ms, uint32_t *result)
{
    struct pollfd fds[2] = {{.fd = first, .events = POLLIN}, {.fd = wakeup_fd, .events = POLLIN}};
    int n;

    *result = PRX_WAIT_TIMEOUT;
    n = poll(fds, wakeup_fd >= 0 ? 2 : 1, timeout_ms);
    if (n < 0) /* a signal is no failure: the caller sees a time-out and waits on */
        return errno == EINTR ? 0 : prx_fail_errno("poll");
    if (fds[0].revents)
        *result |= PRX_WAIT_EVENT;
    if (wakeup_fd >= 0 && fds[1].revents)
        *result |= PRX_WAIT_WAKEUP;
    return 0;
}

int32_t prx_ring_wait(prx_ring *r, int32_t wakeup_fd, int32_t timeout_ms, uint32_t *result)
{
    int32_t rc;
    int port;

    prx_forget_message();
    if (RING_HAS_UNCONSUMED_REQUESTS(&r->back)) {
        *result = PRX_WAIT_EVENT;
        return 0;
    }
    rc = prx_wait_two(xenevtchn_fd(r->channel), wakeup_fd, timeout_ms, result);
    if (rc || !(*result & PRX_WAIT_EVENT))
        return rc;
    port = xenevtchn_pending(r->channel);
    if (port < 0)
        return prx_fail_errno("xenevtchn_pending");
    if (xenevtchn_unmask(r->channel, (evtchn_port_t)port))
        return prx_fail_errno("xenevtchn_unmask");
    return 0;
}

int32_t prx_ring_take(prx_ring *r, struct prx_paging_event *out, uint32_t capacity, uint32_t *count)
{
    uint32_t n = 0;

    prx_forget_message();
    *count = 0;
    while (n < capacity && RING_HAS_UNCONSUMED_REQUESTS(&r->back)) {
        vm_event_request_t request;
        RING_COPY_REQUEST(&r->back, r->back.req_cons, &request);
        r->back.req_cons++;
        r->back.sring->req_event = r->back.req_cons + 1;
        if (request.version != VM_EVENT_INTERFACE_VERSION)
            return prx_fail("vm_event interface version", EPROTO);
        out[n].gfn = request.u.mem_paging.gfn;
        out[n].vcpu = request.vcpu_id;
        out[n].event_flags = request.flags;
        out[n].page_type = request.u.mem_paging.p2mt;
        out[n].paging_flags = request.u.mem_paging.flags;
        n++;
    }
    *count = n;
    return 0;
}

int32_t prx_ring_answer(prx_ring *r, const struct prx_paging_event *events, uint32_t count)
{
    prx_forget_message();
    for (uint32_t i = 0; i < count; i++) {
        vm_event_response_t response;
        memset(&response, 0, sizeof(response));
        response.version = VM_EVENT_INTERFACE_VERSION;
        response.reason = VM_EVENT_REASON_MEM_PAGING;
        response.vcpu_id = events[i].vcpu;
        response.flags = events[i].event_flags & VM_EVENT_FLAG_VCPU_PAUSED;
        response.u.mem_paging.gfn = events[i].gfn;
        response.u.mem_paging.p2mt = events[i].page_type;
        response.u.mem_paging.flags = events[i].paging_flags;
        memcpy(RING_GET_RESPONSE(&r->back, r->back.rsp_prod_pvt), &response, sizeof(response));
        r->back.rsp_prod_pvt++;
    }
    RING_PUSH_RESPONSES(&r->back);
    if (count && xenevtchn_notify(r->channel, r->port))
        return prx_fail_errno("xenevtchn_notify");
    return 0;
}

int32_t prx_wakeup_open(int32_t *fd)
{
    int made = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    *fd = -1;
    if (made < 0)
        return prx_fail_errno("eventfd");
    *fd = made;
    return 0;
}

int32_t prx_wakeup_signal(int32_t fd)
{
    return eventfd_write(fd, 1) ? prx_fail_errno("eventfd_write") : 0;
}

int32_t prx_wakeup_clear(int32_t fd)
{
    eventfd_t value;

    if (eventfd_read(fd, &value) && errno != EAGAIN)
        return prx_fail_errno("eventfd_read");
    return 0;
}

int32_t prx_wakeup_close(int32_t fd)
{
    return close(fd) ? prx_fail_errno("close") : 0;
}

int32_t prx_xs_wait_watch(prx_handle *h, int32_t wakeup_fd, int32_t timeout_ms, uint32_t *result)
{
    int32_t rc;
    char **event;

    prx_forget_message();
    rc = prx_wait_two(xs_fileno(h->store), wakeup_fd, timeout_ms, result);
    if (rc || !(*result & PRX_WAIT_EVENT))
        return rc;
    while ((event = xs_check_watch(h->store)) != NULL)
        free(event);
    return errno == EAGAIN ? 0 : prx_fail_errno("xs_check_watch");
}
