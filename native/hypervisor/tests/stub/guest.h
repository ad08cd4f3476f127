/* SPDX-License-Identifier: GPL-2.0-only */
/* A PV domain, its owner, and as much of Xen as acts on them: event channels, shadows, grants. */
#ifndef STUB_GUEST_H
#define STUB_GUEST_H

#include "heap.h"
#include "nested.h"
#include "operations.h"

enum { PFNS = 2500, GRANTED = 40 };

static struct domain xen, tool, guest;
static struct vcpu vcpu = { .domain = &guest, NO_AREAS }, caller = { .domain = &tool };
struct domain *dom_xen = &xen;
struct vcpu *current = &caller;
unsigned long locks_taken;
bool cpu_is_wanted;
static struct page_info *frames[PFNS];
static uint32_t words[PFNS]; /* what the guest wrote last */
static uint8_t mapped[PFNS]; /* what its shadows have */
static unsigned int pinned, emptied;
static bool enable_fails;

struct domain *rcu_lock_domain_by_id(domid_t id) { return id == 1 ? &guest : id == 0 ? &tool : NULL; }

struct page_info *get_page_from_gfn(struct domain *d, unsigned long gfn, void *type, unsigned int how)
{
    if ( gfn >= PFNS )
        return NULL;
    frames[gfn]->count_info++;

    return frames[gfn];
}
bool get_page_type(struct page_info *page, unsigned long type) { return page->pfn != 77; } /* that one is a page table */
void put_page_type(struct page_info *page) { }
unsigned long raw_copy_from_guest(void *to, const void *from, unsigned int size) { memcpy(to, from, size); return 0; }

int alloc_unbound_xen_event_channel(struct domain *d, unsigned int number, domid_t owner, void (*told)(struct vcpu *v, unsigned int port))
{
    for ( int port = 1; port < 8; port++ )
        if ( d->channels[port].state == ECS_FREE )
        {
            d->channels[port] = (struct evtchn){ ECS_UNBOUND, owner };
            return port;
        }

    return -ENOSPC;
}
void free_xen_event_channel(struct domain *d, int port) { d->channels[port].state = ECS_FREE; }
void notify_via_xen_event_channel(struct domain *d, int port) { assert(d->channels[port].state != ECS_FREE); }

/* A PV domain has no second-level table. */
bool prerecord_nested_fits(const struct domain *d) { return false; }
void prerecord_nested_switch(struct domain *d, bool on) { assert(0); }
void prerecord_nested_arm(struct domain *d) { assert(0); }
int prerecord_harvest(struct prerecord *pr) { assert(0); return 0; }
int hap_set_allocation(struct domain *d, unsigned int pages, bool *preempted) { assert(0); return 0; }

int shadow_one_bit_enable(struct domain *d, unsigned int mode)
{
    assert(d->paging_locked);
    if ( enable_fails )
        return -ENOMEM;
    d->arch.paging.mode |= mode;
    pinned = 50;

    return 0;
}
int shadow_one_bit_disable(struct domain *d, unsigned int mode)
{
    assert(d->paging_locked && !pinned);
    d->arch.paging.mode &= ~mode;

    return 0;
}
void shadow_empty_begin(struct domain *d, unsigned int level) { assert(d->paging_locked); emptied = 0; }
bool shadow_empty_some(struct domain *d)
{
    assert(d->paging_locked);
    for ( unsigned int i = 0; i < 300 && emptied < PFNS; i++ )
        mapped[emptied++] = 0;

    return emptied == PFNS;
}
bool shadow_unpin_some(struct domain *d)
{
    assert(d->paging_locked);
    pinned -= min(pinned, 16U);

    return !pinned;
}
int shadow_set_allocation_step(struct domain *d, unsigned int pages, unsigned int most, bool *preempted)
{
    unsigned int *total = &d->POOL(shadow).total_pages;
    unsigned int step = min(max(pages, *total) - min(pages, *total), most);

    assert(d->paging_locked);
    *total += *total < pages ? step : -step;
    *preempted = *total != pages;

    return 0;
}

/* The first pages are written by others with no further notice, and some of them by Xen, which has them mapped for the vCPU. */
#if XEN_SUBVERSION > 17
enum { AREAS = 3 };
static void map_areas(void)
{
    vcpu.vcpu_info_area.pg = frames[GRANTED - 1];
    vcpu.runstate_guest_area.pg = frames[GRANTED - 2];
    vcpu.arch.time_guest_area.pg = frames[GRANTED - 3];
}
#else
enum { AREAS = 1 };
static void map_areas(void) { vcpu.vcpu_info_mfn = page_to_mfn(frames[GRANTED - 1]); }
#endif
bool evtchn_fifo_prerecord(struct domain *d, unsigned int *next)
{
    prerecord_before_write(d, page_to_mfn(frames[(*next)++]));

    return *next == 10;
}
bool gnttab_prerecord(struct domain *d, unsigned int *next)
{
    prerecord_before_write(d, page_to_mfn(frames[10 + (*next)++]));

    return *next == GRANTED - AREAS - 10;
}

static void begin(void)
{
    struct page_info *info = new_page(&xen);

    memset(&guest, 0, sizeof(guest));
    guest.domain_id = 1;
    guest.max_vcpus = 1;
    guest.first_vcpu = &vcpu;
    guest.tot_pages = guest.max_pages = PFNS;
    guest.shared_info = info->content;
    tool.first_vcpu = &caller;
    vcpu.pauses = 0;
    memset(mapped, 0, sizeof(mapped));
    enable_fails = false;
    current = &caller;
    for ( unsigned int pfn = 0; pfn < PFNS; pfn++ )
    {
        frames[pfn] = new_page(&guest);
        frames[pfn]->pfn = pfn;
        words[pfn] = *(uint32_t *)frames[pfn]->content = pfn * 3 + 1;
    }
    map_areas();
}

#endif
