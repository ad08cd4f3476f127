/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_NESTED_H__
#define __X86_MM_PRERECORD_NESTED_H__

#include <asm/p2m.h>
#include "descriptor.h"

/* Can the domain's second-level table be looked after? */
bool prerecord_nested_fits(const struct domain *d);
/* With the domain paused. */
void prerecord_nested_switch(struct domain *d, bool on);
/* From now on each page's next touch faults. */
void prerecord_nested_arm(struct domain *d);

/*
 * What prerecord_nested_fault() and prerecord_nested_change() of the hooks do.
 */
bool prerecord_nested_touch(struct prerecord *pr, unsigned long gfn,
                            bool write);
int prerecord_nested_before_change(struct prerecord *pr,
                                   struct p2m_domain *p2m, unsigned long gfn);

#endif
