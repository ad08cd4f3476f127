/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_PAGES_H__
#define __X86_MM_PRERECORD_PAGES_H__

#include "descriptor.h"

/*
 * A page's state is a word of these bits, and above them one more than the
 * number of the epoch in which it was last touched (0: never).  So an epoch
 * ends without a look at any page.
 */
#define STATE_WRITTEN   0x01    /* in that epoch */
#define STATE_BACKED    0x02    /* its original is in the store */
#define STATE_MISSING   0x04    /* its content is elsewhere */
#define STATE_ASKED     0x08    /* and has been asked for */
#define STATE_RESOLVING 0x10    /* its content is being written */
#define STATE_BITS      5
/*
 * While the domain is served, when no originals are kept: the page was touched
 * when its content was there.
 */
#define STATE_USED      STATE_BACKED
#define LAST_EPOCH      ((UINT32_MAX >> STATE_BITS) - 1)

#define NO_PFN (~0UL)

/* The pfn that is looked after in a frame of the domain, or NO_PFN. */
unsigned long prerecord_pfn(const struct prerecord *pr, mfn_t mfn);

/*
 * Neither recorded nor served any more: hooks that come from here on do
 * nothing.
 */
void prerecord_clear_flags(struct prerecord *pr);

/* The others with the lock held. */

/*
 * The state of a pfn, whoever named it: one that is not looked after, or not
 * any more, has one too, which says nothing and keeps nothing.
 */
uint32_t *prerecord_state(struct prerecord *pr, unsigned long pfn);
/* Records a touch, unless the epoch has a record of it already. */
void prerecord_note(struct prerecord *pr, unsigned long pfn, bool write);
/* The same for a missing page that is asked for now, with who touched it. */
void prerecord_note_asked(struct prerecord *pr, unsigned long pfn);
/* A page of a served domain is touched and there; recorded the first time. */
void prerecord_note_use(struct prerecord *pr, unsigned long pfn);
/* Has it been touched, or written, in this epoch? */
bool prerecord_is_touched(struct prerecord *pr, unsigned long pfn, bool write);
void prerecord_next_epoch(struct prerecord *pr);

#endif
