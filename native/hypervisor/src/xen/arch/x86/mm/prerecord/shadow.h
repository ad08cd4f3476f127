/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_SHADOW_H__
#define __X86_MM_PRERECORD_SHADOW_H__

#include "descriptor.h"

/*
 * A level-1 shadow entry is about to map a page.  Returns the flags that the
 * entry may have.
 */
uint32_t prerecord_shadow_entry(struct prerecord *pr, struct vcpu *v,
                                mfn_t mfn, uint32_t sflags, bool demand,
                                bool write);

/*
 * With the domain paused; off leaves shadow mode where nobody else needs it.
 */
int prerecord_shadow_on(struct domain *d);
void prerecord_shadow_off(struct prerecord *pr);

void prerecord_begin_emptying(struct prerecord *pr, unsigned int level);
/* Both return -ERESTART if there is more to do and the CPU is wanted. */
int prerecord_go_on_emptying(struct prerecord *pr);
int prerecord_take_apart(struct prerecord *pr);

#endif
