/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_MISSING_H__
#define __X86_MM_PRERECORD_MISSING_H__

#include "descriptor.h"

/* These two with the lock held, the others without. */
bool prerecord_is_missing(struct prerecord *pr, unsigned long pfn);
/* The page's content is there: whoever waits in a pause for it runs on. */
void prerecord_arrived(struct prerecord *pr, unsigned long pfn);

/*
 * Is the page's content still elsewhere?  If so, it is asked for.  If also
 * `defer` is set and the page is one of the current domain, the vCPU is paused
 * until it is there, and what it was doing is to be repeated.
 */
bool prerecord_ask(struct prerecord *pr, mfn_t mfn, bool defer);
/* Is it to be repeated?  To be asked once: the answer is forgotten then. */
bool prerecord_take_repeat(struct prerecord *pr, const struct vcpu *v);
/*
 * Waits for a page, by pausing the current vCPU if the touch was the guest's
 * own, or in Xen.  Returns whether the touch may be repeated.
 */
bool prerecord_wait_for(struct prerecord *pr, mfn_t mfn, bool from_guest);
/* Nobody needs the page's content any more. */
void prerecord_forget_content(struct prerecord *pr, mfn_t mfn);
/* Lets everything run that waits. */
void prerecord_wake_all(struct prerecord *pr);

/*
 * One of these pages, 512 at most, that is missing and now asked for; or
 * NO_PFN.
 */
unsigned long prerecord_wants_one_of(struct prerecord *pr, unsigned long first,
                                     unsigned long end);
/*
 * The current vCPU touches one of 2^order pages that come into use as one.
 * Returns whether the touch is to be repeated: until all of them are there.
 */
bool prerecord_await_one_of(struct prerecord *pr, unsigned long pfn,
                            unsigned int order);

#endif
