/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_BACKUP_H__
#define __X86_MM_PRERECORD_BACKUP_H__

#include "descriptor.h"

/*
 * Takes a page's original, unless the store has it already; with the lock
 * held. -EAGAIN, which is returned only if it may fail: no room, nothing was
 * done.
 */
int prerecord_backup(struct prerecord *pr, unsigned long pfn, mfn_t mfn,
                     bool may_fail);

/* The others without the lock. */

/*
 * A page is about to be written: its original is taken, and the write
 * recorded.
 */
int prerecord_record_write(struct prerecord *pr, mfn_t mfn, bool may_fail);
/* An original could not be taken. */
void prerecord_lose(struct prerecord *pr);
/* -ERESTART if there is more to do and the CPU is wanted. */
int prerecord_backup_fixed_pages(struct prerecord *pr);
/* Slots that are left when the domain is paused. */
unsigned long prerecord_reserve(const struct domain *d);
/* Ends the pause of a store that was full. */
void prerecord_lift_pause(struct prerecord *pr);

#endif
