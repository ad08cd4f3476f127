/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_TEARDOWN_H__
#define __X86_MM_PRERECORD_TEARDOWN_H__

#include "descriptor.h"

/* Both return -ERESTART if there is more to do and the CPU is wanted. */
int prerecord_release(struct prerecord *pr);
/* The domain dies. */
int prerecord_abandon(struct prerecord *pr);

/* Frees a descriptor that nobody can find. */
void prerecord_free(struct prerecord *pr);

#endif
