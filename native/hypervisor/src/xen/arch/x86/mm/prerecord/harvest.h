/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_HARVEST_H__
#define __X86_MM_PRERECORD_HARVEST_H__

#include "descriptor.h"

/* -ERESTART if there is more to do and the CPU is wanted. */
int prerecord_harvest(struct prerecord *pr);

#endif
