/* SPDX-License-Identifier: GPL-2.0-only */
/* The hooks of PreRecordMigration's extension in the rest of Xen. */
#ifndef __XEN_PRERECORD_H__
#define __XEN_PRERECORD_H__

#include <xen/paging.h>
#include <xen/sched.h>
#include <public/prerecord.h>

#ifdef CONFIG_SHADOW_PAGING

DECLARE_PER_CPU(bool, prerecord_must_not_wait);

int prerecord_write_slow(struct domain *d, mfn_t mfn, bool may_fail);
bool prerecord_missing_slow(struct domain *d, mfn_t mfn, bool defer);
bool prerecord_must_repeat_slow(const struct vcpu *v);
bool prerecord_is_to_repeat_slow(const struct vcpu *v);
bool prerecord_serves_slow(const struct domain *d);
void prerecord_forget_slow(struct domain *d, mfn_t mfn);
bool prerecord_nested_fault_slow(struct vcpu *v, unsigned long gfn, bool write);
bool prerecord_records_slow(const struct domain *d);
int prerecord_nested_change_slow(struct p2m_domain *p2m, unsigned long gfn);
int prerecord_promote_slow(struct domain *d, struct page_info *page,
                           unsigned long type);

static inline bool prerecord_on(const struct domain *d)
{
    return unlikely(d->arch.paging.mode & PG_prerecord);
}

/* To be called before Xen writes a page of the domain: takes its original. */
static inline void prerecord_before_write(struct domain *d, mfn_t mfn)
{
    if ( prerecord_on(d) )
        prerecord_write_slow(d, mfn, false);
}

/*
 * The same for a write that can be put off: -EAGAIN while the store has no
 * room for it.
 */
static inline int prerecord_may_write(struct domain *d, mfn_t mfn)
{
    return prerecord_on(d) ? prerecord_write_slow(d, mfn, true) : 0;
}

/* Is the page's content still elsewhere?  If so, it is asked for. */
static inline bool prerecord_missing(struct domain *d, mfn_t mfn)
{
    return prerecord_on(d) && prerecord_missing_slow(d, mfn, false);
}

/*
 * The same, where nobody can wait but what is done can be done again.  If the
 * page is one of the current domain, the vCPU is paused until the content is
 * there; then its instruction is repeated or, if it fails, its hypercall.
 */
static inline bool prerecord_defer(struct domain *d, mfn_t mfn)
{
    return prerecord_on(d) && prerecord_missing_slow(d, mfn, true);
}

/* Before a hypercall reads or maps a page: 0, or what it is to return. */
static inline int prerecord_fetch(struct domain *d, mfn_t mfn)
{
    if ( !prerecord_defer(d, mfn) )
        return 0;

    return d == current->domain ? -ERESTART : -EAGAIN;
}

/* Before a page gets a type that needs its content to be validated. */
static inline int prerecord_promote(struct page_info *page, unsigned long type)
{
    struct domain *d = page_get_owner(page);

    return d && prerecord_on(d) ? prerecord_promote_slow(d, page, type) : 0;
}

/*
 * Did prerecord_defer() pause the vCPU, so that what it was doing is to be
 * repeated?  To be asked once, at the end of each hypercall.
 */
static inline bool prerecord_must_repeat(const struct vcpu *v)
{
    return prerecord_on(v->domain) && prerecord_must_repeat_slow(v);
}

/* The same question before that, which leaves the answer as it is. */
static inline bool prerecord_is_to_repeat(const struct vcpu *v)
{
    return prerecord_on(v->domain) && prerecord_is_to_repeat_slow(v);
}

/* May pages of the domain be missing? */
static inline bool prerecord_serves(const struct domain *d)
{
    return prerecord_on(d) && prerecord_serves_slow(d);
}

/*
 * The page leaves the domain, or is about to be overwritten as a whole: nobody
 * needs to fetch its content any more, but its original may be needed.
 */
static inline void prerecord_forget(struct domain *d, mfn_t mfn)
{
    if ( prerecord_on(d) )
        prerecord_forget_slow(d, mfn);
}

/*
 * The guest, or Xen on its behalf, has touched a page of which
 * prerecord_missing() says that it is missing.  Returns whether the touch may
 * be repeated: the vCPU has then been paused for the content, or has waited
 * for it.
 */
bool prerecord_await(struct vcpu *v, mfn_t mfn, bool from_guest);

/*
 * A level-1 shadow entry is about to map a page.  Returns the flags that the
 * entry may have.
 */
uint32_t prerecord_propagate(struct vcpu *v, mfn_t mfn, uint32_t sflags,
                             bool demand, bool write);

/*
 * A nested page fault, before Xen's own handling of it.  Returns whether it is
 * dealt with, so that the vCPU repeats the access when it runs on.
 */
static inline bool prerecord_nested_fault(struct vcpu *v, unsigned long gfn,
                                          bool write)
{
    return prerecord_on(v->domain) &&
           prerecord_nested_fault_slow(v, gfn, write);
}

/*
 * Before Xen changes the second-level entry of one page.  -ENOMEM forbids
 * that, because a missing page would come into use with it.
 */
static inline int prerecord_nested_change(struct p2m_domain *p2m,
                                          unsigned long gfn)
{
    return prerecord_on(p2m->domain) ? prerecord_nested_change_slow(p2m, gfn)
                                     : 0;
}

/* Are pages of a domain with nested paging to fault at their first write? */
static inline bool prerecord_records(const struct domain *d)
{
    return prerecord_on(d) && prerecord_records_slow(d);
}

/* Is the domain prepared for a recording or for RemotePF? */
bool prerecord_in_use(const struct domain *d);

/*
 * Does a vCPU wait within Xen for a missing page?  Its stack is put aside then,
 * and no code that it returns to may be replaced.
 */
bool prerecord_has_waiters(const struct domain *d);

/*
 * Xen's own functions, of event channels and of grants: each takes the
 * originals of some of the pages that are written with no further notice, from
 * *next on, and returns whether those were the last.
 */
bool evtchn_fifo_prerecord(struct domain *d, unsigned int *next);
bool gnttab_prerecord(struct domain *d, unsigned int *next);

int prerecord_teardown(struct domain *d);
void prerecord_final_teardown(struct domain *d);

/*
 * Between the two the processor's touches of missing pages fail, and do not
 * wait.
 */
#define prerecord_no_wait_begin() (this_cpu(prerecord_must_not_wait) = true)
#define prerecord_no_wait_end()   (this_cpu(prerecord_must_not_wait) = false)

#else

#define prerecord_on(d) false
#define prerecord_before_write(d, mfn) ((void)(d), (void)(mfn))
#define prerecord_may_write(d, mfn) ((void)(d), (void)(mfn), 0)
#define prerecord_missing(d, mfn) ((void)(d), (void)(mfn), false)
#define prerecord_forget(d, mfn) ((void)(d), (void)(mfn))
#define prerecord_defer(d, mfn) ((void)(d), (void)(mfn), false)
#define prerecord_fetch(d, mfn) ((void)(d), (void)(mfn), 0)
#define prerecord_promote(page, type) ((void)(page), (void)(type), 0)
#define prerecord_nested_fault(v, gfn, write) ((void)(v), (void)(gfn), false)
#define prerecord_records(d) ((void)(d), false)
#define prerecord_nested_change(p2m, gfn) ((void)(p2m), (void)(gfn), 0)
#define prerecord_in_use(d) ((void)(d), false)
#define prerecord_has_waiters(d) ((void)(d), false)
#define prerecord_must_repeat(v) ((void)(v), false)
#define prerecord_is_to_repeat(v) ((void)(v), false)
#define prerecord_serves(d) ((void)(d), false)
#define prerecord_teardown(d) ((void)(d), 0)
#define prerecord_final_teardown(d) ((void)(d))
#define prerecord_no_wait_begin() ((void)0)
#define prerecord_no_wait_end() ((void)0)

#endif
#endif /* __XEN_PRERECORD_H__ */
