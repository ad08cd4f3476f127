/* SPDX-License-Identifier: GPL-2.0-only */
/* As much of Xen as the extension's operations need, in a process: the caller's memory is this one. */
#ifndef STUB_OPERATIONS_H
#define STUB_OPERATIONS_H

#include "calls.h"

#define min_t(type, a, b) ((type)(a) < (type)(b) ? (type)(a) : (type)(b))

#define copy_from_guest(to, h, n) (memcpy(to, (h).p, (n) * sizeof(*(h).p)), 0)
#define copy_from_guest_offset(to, h, at, n) (memcpy(to, (h).p + (at), (n) * sizeof(*(h).p)), 0)
#define copy_to_guest(h, from, n) (memcpy((h).p, from, (n) * sizeof(*(h).p)), 0)
#define guest_handle_add_offset(h, n) ((void)((h).p += (n)))
#define hypercall_create_continuation(call, format, argument) (-ERESTART)

#define XSM_PRIV 0
#define xsm_prerecord(how, d) ((void)(d), current->domain->domain_id ? -EPERM : 0)
#define is_system_domain(d) ((d) == dom_xen)
#define domain_vcpu(d, number) ((d)->first_vcpu)
#define rcu_unlock_domain(d) ((void)(d))
struct domain *rcu_lock_domain_by_id(domid_t id);
#define rcu_lock_domain_by_any_id rcu_lock_domain_by_id

#define xzalloc(type) ((type *)calloc(1, sizeof(type)))
#define xzalloc_array(type, n) ((type *)calloc(n, sizeof(type)))
#define cmpxchgptr(p, old, new) __sync_val_compare_and_swap(p, old, new)
#define spin_lock_init(lock) ((void)((lock)->held = false))
#define init_waitqueue_head(head) ((void)((head)->woken = 0))

#define domain_pause(d) ((void)(d)->pauses++)
#define domain_get_maximum_gpfn(d) ((d)->tot_pages - 1UL)
#define paging_mode_translate(d) ((void)(d), false)
#define paging_mode_external(d) ((void)(d), false)
#define vm_event_check_ring(ring) ((ring) != NULL)

#define P2M_ALLOC 1
#define PGT_writable_page 2
struct page_info *get_page_from_gfn(struct domain *d, unsigned long gfn, void *type, unsigned int how);
bool get_page_type(struct page_info *page, unsigned long type);
void put_page_type(struct page_info *page);

enum { ECS_FREE, ECS_UNBOUND, ECS_INTERDOMAIN };
#define port_is_valid(d, port) ((port) > 0 && (port) < 8)
#define evtchn_from_port(d, port) (&(d)->channels[port])
#define read_lock(lock) ((void)(lock))
#define read_unlock(lock) ((void)(lock))
int alloc_unbound_xen_event_channel(struct domain *d, unsigned int vcpu, domid_t owner, void (*told)(struct vcpu *v, unsigned int port));
void free_xen_event_channel(struct domain *d, int port);
void notify_via_xen_event_channel(struct domain *d, int port);

#endif
