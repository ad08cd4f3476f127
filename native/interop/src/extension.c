/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hypervisor's prerecord extension: one hypercall, tables that are mapped, and an event channel. Layouts and numbers
 * are those of the extension's own public header, which the hypervisor is built with as well.
 */
#include "internal.h"

#include "../../hypervisor/src/xen/include/public/prerecord.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What prerecordxen.h tells the managed side, which does not see that header, under names of its own. */
_Static_assert((uint32_t)PRX_TABLE_RECORDS == XEN_PRERECORD_RECORDS, "the table of records");
_Static_assert((uint32_t)PRX_TABLE_STORE == XEN_PRERECORD_STORE, "the backup store");
_Static_assert((uint32_t)PRX_TABLE_SLOTS == XEN_PRERECORD_SLOTS, "the table of slots");

struct prx_extension {
    prx_handle *h;
    xenevtchn_handle *channel;
    uint32_t domid;
};

struct prx_mapping {
    prx_handle *h;
    void *address;
    size_t pages;
};

struct prx_filler {
    prx_extension *e;
    uint32_t capacity;
    uint64_t *frames; /* in memory that a hypercall may read, as is content */
    uint8_t *content;
};

/* Makes the call; on success and failure alike `op` receives what the hypervisor wrote back. */
static int32_t perform(prx_handle *h, uint32_t domid, uint32_t command, struct xen_prerecord_op *op, const char *call)
{
    struct xen_prerecord_op *shared = xencall_alloc_buffer(h->call, sizeof(*shared));
    int rc, error;

    if (!shared)
        return prx_fail("xencall_alloc_buffer", ENOMEM);
    op->version = XEN_PRERECORD_VERSION;
    op->cmd = command;
    op->domain = (domid_t)domid;
    memcpy(shared, op, sizeof(*op));
    rc = xencall1(h->call, __HYPERVISOR_prerecord_op, (uintptr_t)shared);
    error = errno;
    memcpy(op, shared, sizeof(*op));
    xencall_free_buffer(h->call, shared);
    return rc < 0 ? prx_fail(call, error) : 0;
}

/*
 * Touches no domain: the extension checks the version (EACCES), then looks for the domain (ESRCH for one that cannot
 * exist); a hypervisor without it does not know the call.
 */
int32_t prx_extension_probe(prx_handle *h, uint32_t *answer)
{
    struct xen_prerecord_op op = {0};
    int32_t rc;

    prx_forget_message();
    rc = perform(h, DOMID_FIRST_RESERVED - 1, XEN_PRERECORD_query, &op, "prerecord query");
    *answer = rc == -ESRCH ? PRX_EXTENSION_PRESENT : rc == -EACCES ? PRX_EXTENSION_OTHER_VERSION : PRX_EXTENSION_NONE;
    return rc == -ESRCH || rc == -ENOSYS || rc == -EACCES ? 0 : rc;
}

int32_t prx_extension_open(prx_handle *h, uint32_t domid, prx_extension **out)
{
    prx_extension *e;

    prx_forget_message();
    *out = NULL;
    e = calloc(1, sizeof(*e));
    if (!e)
        return prx_fail("malloc", ENOMEM);
    e->h = h;
    e->domid = domid;
    e->channel = xenevtchn_open(&h->logger, 0);
    if (!e->channel) {
        int32_t rc = prx_fail_errno("xenevtchn_open");
        free(e);
        return rc;
    }
    *out = e;
    return 0;
}

int32_t prx_extension_close(prx_extension *e)
{
    if (!e)
        return 0;
    xenevtchn_close(e->channel);
    free(e);
    return 0;
}

int32_t prx_extension_prepare(prx_extension *e, uint64_t pages, uint64_t limit)
{
    struct xen_prerecord_op op = {.u.prepare = {.nr_pfns = pages, .limit = limit}};
    int32_t rc;

    prx_forget_message();
    rc = perform(e->h, e->domid, XEN_PRERECORD_prepare, &op, "prerecord prepare");
    if (rc)
        return rc;
    if (xenevtchn_bind_interdomain(e->channel, e->domid, op.u.prepare.port) < 0) {
        rc = prx_fail_errno("xenevtchn_bind_interdomain");
        op = (struct xen_prerecord_op){0};
        perform(e->h, e->domid, XEN_PRERECORD_release, &op, "prerecord release");
        return rc;
    }
    return 0;
}

int32_t prx_extension_adopt(prx_extension *e, uint64_t *pages)
{
    struct xen_prerecord_op op = {0};
    int32_t rc;

    prx_forget_message();
    *pages = 0;
    rc = perform(e->h, e->domid, XEN_PRERECORD_adopt, &op, "prerecord adopt");
    if (rc)
        return rc;
    /* Where it cannot be bound nobody owns the domain, as before. */
    if (xenevtchn_bind_interdomain(e->channel, e->domid, op.u.prepare.port) < 0)
        return prx_fail_errno("xenevtchn_bind_interdomain");
    *pages = op.u.prepare.nr_pfns;
    return 0;
}

int32_t prx_extension_grow(prx_extension *e, uint64_t slots)
{
    struct xen_prerecord_op op = {.u.grow.slots = slots};

    prx_forget_message();
    return perform(e->h, e->domid, XEN_PRERECORD_grow, &op, "prerecord grow");
}

int32_t prx_extension_start(prx_extension *e, uint32_t flags)
{
    struct xen_prerecord_op op = {.flags = flags};

    prx_forget_message();
    return perform(e->h, e->domid, XEN_PRERECORD_start, &op, "prerecord start");
}

int32_t prx_extension_epoch(prx_extension *e, uint64_t *first, uint64_t *count)
{
    struct xen_prerecord_op op = {0};
    int32_t rc;

    prx_forget_message();
    rc = perform(e->h, e->domid, XEN_PRERECORD_epoch, &op, "prerecord epoch");
    *first = op.u.epoch.first;
    *count = op.u.epoch.count;
    return rc;
}

int32_t prx_extension_query(prx_extension *e, struct prx_extension_state *out)
{
    struct xen_prerecord_op op = {0};
    int32_t rc;

    prx_forget_message();
    memset(out, 0, sizeof(*out));
    rc = perform(e->h, e->domid, XEN_PRERECORD_query, &op, "prerecord query");
    if (rc)
        return rc;
    out->first = op.u.query.first;
    out->count = op.u.query.count;
    out->used = op.u.query.used;
    out->slots = op.u.query.slots;
    out->missing = op.u.query.missing;
    out->flags = op.flags;
    out->epoch = op.u.query.number;
    out->uses = op.u.query.uses;
    return 0;
}

int32_t prx_extension_stop(prx_extension *e)
{
    struct xen_prerecord_op op = {0};

    prx_forget_message();
    return perform(e->h, e->domid, XEN_PRERECORD_stop, &op, "prerecord stop");
}

int32_t prx_extension_release(prx_extension *e)
{
    struct xen_prerecord_op op = {0};

    prx_forget_message();
    return perform(e->h, e->domid, XEN_PRERECORD_release, &op, "prerecord release");
}

int32_t prx_extension_missing(prx_extension *e, const uint64_t *bitmap, uint64_t pages)
{
    struct xen_prerecord_op op = {.u.missing.count = pages};
    size_t bytes = (size_t)((pages + 63) / 64 * 8);
    void *shared;
    int32_t rc;

    prx_forget_message();
    shared = xencall_alloc_buffer(e->h->call, bytes ? bytes : 1);
    if (!shared)
        return prx_fail("xencall_alloc_buffer", ENOMEM);
    memcpy(shared, bitmap, bytes);
    set_xen_guest_handle_raw(op.u.missing.bitmap, shared);
    rc = perform(e->h, e->domid, XEN_PRERECORD_missing, &op, "prerecord missing");
    xencall_free_buffer(e->h->call, shared);
    return rc;
}

int32_t prx_extension_serve(prx_extension *e)
{
    struct xen_prerecord_op op = {0};

    prx_forget_message();
    return perform(e->h, e->domid, XEN_PRERECORD_serve, &op, "prerecord serve");
}

int32_t prx_extension_wait(prx_extension *e, int32_t wakeup_fd, int32_t timeout_ms, uint32_t *result)
{
    int port;
    int32_t rc;

    prx_forget_message();
    rc = prx_wait_two(xenevtchn_fd(e->channel), wakeup_fd, timeout_ms, result);
    if (rc || !(*result & PRX_WAIT_EVENT))
        return rc;
    port = xenevtchn_pending(e->channel);
    if (port < 0)
        return prx_fail_errno("xenevtchn_pending");
    return xenevtchn_unmask(e->channel, (evtchn_port_t)port) ? prx_fail_errno("xenevtchn_unmask") : 0;
}

/* The tables' frames are Xen's own, so that no guest can map them; they are for reading. */
int32_t prx_extension_map(prx_extension *e, uint32_t table, uint64_t first, uint64_t count, prx_mapping **out,
                          void **address)
{
    struct xen_prerecord_op op = {.u.frames = {.first = first, .count = count, .table = table}};
    prx_mapping *m;
    xen_pfn_t *frames;
    int32_t rc;

    prx_forget_message();
    *out = NULL;
    *address = NULL;
    if (count == 0 || count > SIZE_MAX / PRX_PAGE_SIZE)
        return prx_fail("prerecord frames", EINVAL);
    m = calloc(1, sizeof(*m));
    frames = xencall_alloc_buffer(e->h->call, (size_t)count * sizeof(*frames));
    if (!m || !frames) {
        rc = prx_fail("xencall_alloc_buffer", ENOMEM);
        goto failed;
    }
    set_xen_guest_handle_raw(op.u.frames.frames, frames);
    rc = perform(e->h, e->domid, XEN_PRERECORD_frames, &op, "prerecord frames");
    if (rc)
        goto failed;
    m->h = e->h;
    m->pages = (size_t)count;
    m->address = xenforeignmemory_map(e->h->memory, DOMID_XEN, PROT_READ, m->pages, frames, NULL);
    if (!m->address) {
        rc = prx_fail_errno("xenforeignmemory_map");
        goto failed;
    }
    xencall_free_buffer(e->h->call, frames);
    *address = m->address;
    *out = m;
    return 0;

failed:
    if (frames)
        xencall_free_buffer(e->h->call, frames);
    free(m);
    return rc;
}

int32_t prx_mapping_close(prx_mapping *m)
{
    int32_t rc = 0;

    if (!m)
        return 0;
    if (xenforeignmemory_unmap(m->h->memory, m->address, m->pages))
        rc = prx_fail_errno("xenforeignmemory_unmap");
    free(m);
    return rc;
}

int32_t prx_filler_open(prx_extension *e, uint32_t capacity, prx_filler **out)
{
    prx_filler *f;

    prx_forget_message();
    *out = NULL;
    f = calloc(1, sizeof(*f));
    if (!f)
        return prx_fail("malloc", ENOMEM);
    f->e = e;
    f->capacity = capacity;
    f->frames = xencall_alloc_buffer(e->h->call, capacity * sizeof(*f->frames));
    f->content = xencall_alloc_buffer(e->h->call, (size_t)capacity * PRX_PAGE_SIZE);
    if (!f->frames || !f->content) {
        prx_filler_close(f);
        return prx_fail("xencall_alloc_buffer", ENOMEM);
    }
    *out = f;
    return 0;
}

int32_t prx_filler_close(prx_filler *f)
{
    if (!f)
        return 0;
    if (f->frames)
        xencall_free_buffer(f->e->h->call, f->frames);
    if (f->content)
        xencall_free_buffer(f->e->h->call, f->content);
    free(f);
    return 0;
}

int32_t prx_filler_fill(prx_filler *f, const uint64_t *frames, uint32_t count, const void *pages, uint32_t *done)
{
    struct xen_prerecord_op op = {.u.resolve = {.count = count}};
    int32_t rc;

    prx_forget_message();
    *done = 0;
    if (count > f->capacity)
        return prx_fail("prerecord resolve", EINVAL);
    memcpy(f->frames, frames, count * sizeof(*frames));
    memcpy(f->content, pages, (size_t)count * PRX_PAGE_SIZE);
    set_xen_guest_handle_raw(op.u.resolve.frames, f->frames);
    set_xen_guest_handle_raw(op.u.resolve.content, f->content);
    rc = perform(f->e->h, f->e->domid, XEN_PRERECORD_resolve, &op, "prerecord resolve");
    *done = op.u.resolve.done;
    return rc;
}
