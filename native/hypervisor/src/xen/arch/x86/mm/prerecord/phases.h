/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_PHASES_H__
#define __X86_MM_PRERECORD_PHASES_H__

#include "descriptor.h"

int prerecord_start(struct prerecord *pr, uint32_t flags);
int prerecord_epoch(struct prerecord *pr, struct xen_prerecord_op *op);
int prerecord_serve(struct prerecord *pr);
int prerecord_stop(struct prerecord *pr);

/*
 * Ends the start, serve or stop that an owner began and, being gone, will not
 * end: the domain is paused until that is done.
 */
int prerecord_end_switching(struct prerecord *pr);

#endif
