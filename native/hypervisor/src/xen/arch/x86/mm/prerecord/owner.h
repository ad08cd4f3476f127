/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __X86_MM_PRERECORD_OWNER_H__
#define __X86_MM_PRERECORD_OWNER_H__

#include "descriptor.h"

/* Makes the event channel to the owner, in place of the one before. */
int prerecord_set_owner(struct prerecord *pr, domid_t owner);
void prerecord_close_port(struct prerecord *pr);
/* Does the owner's tool live?  It has its end of the channel bound then. */
bool prerecord_is_listened_to(const struct prerecord *pr);
/* Tells the owner that there is something to look at; with the lock held. */
void prerecord_notify(struct prerecord *pr);

#endif
