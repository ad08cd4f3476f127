/* SPDX-License-Identifier: GPL-2.0-only */
/* What the bits of an entry of a second-level page table mean to a recording. */
#ifndef __X86_MM_PRERECORD_ENTRY_H__
#define __X86_MM_PRERECORD_ENTRY_H__

#include <asm/p2m.h>

#define SETTLED (_PAGE_USER | _PAGE_ACCESSED)
#define USABLE  (_PAGE_PRESENT | _PAGE_DIRTY | SETTLED)

/* Is it used by the processor, and not to be calculated anew first? */
static inline bool is_settled(l1_pgentry_t entry)
{
    return l1e_get_flags(entry) & _PAGE_USER;
}

#endif
