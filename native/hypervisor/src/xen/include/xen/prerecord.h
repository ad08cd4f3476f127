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
bool prerecord_missing_slow(struct domain *d, mfn_t mfn);

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
    return prerecord_on(d) && prerecord_missing_slow(d, mfn);
}

/*
 * The page leaves the domain, or its content does not matter any more: nobody
 * needs to fetch it, but its original may be needed.
 */
void prerecord_forget(struct domain *d, mfn_t mfn);

/*
 * A guest's or Xen's own touch of a missing page.  Returns whether the touch
 * may be repeated: then the vCPU waits, or has waited, for the content.
 */
bool prerecord_await(struct vcpu *v, mfn_t mfn, bool from_guest);

/* Waits for a page that Xen is about to read. -EAGAIN if that is not possible. */
int prerecord_fetch(struct domain *d, mfn_t mfn);

/* Was a page asked for in this hypercall without waiting for it? */
bool prerecord_repeat_hypercall(struct vcpu *v);

/*
 * A level-1 shadow entry is about to map a page.  Returns the flags that the
 * entry may have.
 */
uint32_t prerecord_propagate(struct vcpu *v, mfn_t mfn, uint32_t sflags,
                             bool demand, bool write);

/* Pages that Xen writes with no further notice; each takes their originals. */
void evtchn_fifo_prerecord(struct domain *d);
void gnttab_prerecord(struct domain *d);

unsigned int prerecord_resource_max_frames(const struct domain *d,
                                           unsigned int id);
int prerecord_acquire_resource(const struct domain *d, unsigned int id,
                               unsigned int frame, unsigned int nr_frames,
                               xen_pfn_t mfn_list[]);

int prerecord_teardown(struct domain *d);
void prerecord_final_teardown(struct domain *d);

/* Between the two the current vCPU's touches of missing pages fail. */
#define prerecord_no_wait_begin() (this_cpu(prerecord_must_not_wait) = true)
#define prerecord_no_wait_end()   (this_cpu(prerecord_must_not_wait) = false)

#else

#define prerecord_on(d) false
#define prerecord_before_write(d, mfn) ((void)(d), (void)(mfn))
#define prerecord_may_write(d, mfn) ((void)(d), (void)(mfn), 0)
#define prerecord_missing(d, mfn) ((void)(d), (void)(mfn), false)
#define prerecord_forget(d, mfn) ((void)(d), (void)(mfn))
#define prerecord_fetch(d, mfn) ((void)(d), (void)(mfn), 0)
#define prerecord_repeat_hypercall(v) ((void)(v), false)
#define prerecord_resource_max_frames(d, id) (-EOPNOTSUPP)
#define prerecord_acquire_resource(d, id, frame, nr, list) (-EOPNOTSUPP)
#define prerecord_teardown(d) ((void)(d), 0)
#define prerecord_final_teardown(d) ((void)(d))
#define prerecord_no_wait_begin() ((void)0)
#define prerecord_no_wait_end() ((void)0)

#endif
#endif /* __XEN_PRERECORD_H__ */
