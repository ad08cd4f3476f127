/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_POOL_H__
#define __X86_MM_PRERECORD_POOL_H__

#include "descriptor.h"

/* -ERESTART if there is more to do and the CPU is wanted. */
int prerecord_enlarge_pool(struct prerecord *pr);
int prerecord_give_pool_back(struct prerecord *pr);

#endif
