/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_RESOLVE_H__
#define __X86_MM_PRERECORD_RESOLVE_H__

#include "descriptor.h"

int prerecord_mark_missing(struct prerecord *pr, struct xen_prerecord_op *op);
int prerecord_resolve(struct prerecord *pr, struct xen_prerecord_op *op);

#endif
