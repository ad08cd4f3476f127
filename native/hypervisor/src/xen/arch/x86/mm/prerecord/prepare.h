/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_PREPARE_H__
#define __X86_MM_PRERECORD_PREPARE_H__

#include "descriptor.h"

/* Makes the domain's descriptor, unless it has one. */
int prerecord_attach(struct domain *d);

int prerecord_prepare(struct prerecord *pr, struct xen_prerecord_op *op);
int prerecord_grow(struct prerecord *pr, uint64_t slots);
int prerecord_frames(struct prerecord *pr, struct xen_prerecord_op *op);

#endif
