/* SPDX-License-Identifier: GPL-2.0-only */
/* As much of Xen's second-level page tables as nested.c needs: entries as the processor has them. */
#ifndef STUB_TABLES_H
#define STUB_TABLES_H

#include "operations.h"

#define _PAGE_USER 4U
#define _PAGE_ACCESSED 0x20U
#define _PAGE_DIRTY 0x40U
#define _PAGE_PSE 0x80U
#define L1_PAGETABLE_ENTRIES 512
#define PAGETABLE_ORDER 9

typedef struct { unsigned long l1; } l1_pgentry_t;
typedef enum { p2m_ram_rw = 0, p2m_ram_logdirty = 2, p2m_mmio = 5 } p2m_type_t;

/* Twelve flags below the frame's number, twelve above. */
static inline unsigned int l1e_get_flags(l1_pgentry_t e) { return ((e.l1 >> 40) & 0xfff000) | (e.l1 & 0xfff); }
static inline unsigned long flags_to_entry(unsigned int flags) { return ((unsigned long)(flags & 0xfff000) << 40) | (flags & 0xfff); }
static inline unsigned long l1e_get_pfn(l1_pgentry_t e) { return (e.l1 >> 12) & ((1UL << 40) - 1); }
static inline mfn_t l1e_get_mfn(l1_pgentry_t e) { return (mfn_t){ l1e_get_pfn(e) }; }
static inline l1_pgentry_t l1e_from_pfn(unsigned long pfn, unsigned int flags) { return (l1_pgentry_t){ pfn << 12 | flags_to_entry(flags) }; }
#define l1e_from_mfn(mfn, flags) l1e_from_pfn((mfn).m, flags)
#define l1e_remove_flags(e, flags) ((void)((e).l1 &= ~flags_to_entry(flags)))
#define l1e_add_flags(e, flags) ((void)((e).l1 |= flags_to_entry(flags)))
#define safe_write_pte(at, e) ((void)(*(at) = (e)))
#define p2m_flags_to_type(flags) ((p2m_type_t)(((flags) >> 12) & 0x7f))
#define p2m_is_changeable(type) ((type) == p2m_ram_rw || (type) == p2m_ram_logdirty)
#define map_domain_page(mfn) (mfn_to_page(mfn)->content)

extern struct p2m_domain host_p2m;
#define p2m_get_hostp2m(d) (&host_p2m)
#define p2m_is_hostp2m(p2m) ((p2m) == &host_p2m)
#define p2m_get_pagetable(p2m) ((p2m)->root)
#define pagetable_get_mfn(mfn) (mfn)
#define p2m_lock(p2m) (assert(!(p2m)->locked), (void)((p2m)->locked = true), (void)locks_taken++)
#define p2m_unlock(p2m) (assert((p2m)->locked), (void)((p2m)->locked = false))
mfn_t p2m_alloc_ptp(struct p2m_domain *p2m, unsigned int level);

#define cpu_has_svm true
#define nestedhvm_enabled(d) false
#define altp2m_active(d) false
#define is_iommu_enabled(d) false
#define read_atomic(p) (*(p))
#define ilog2(x) __builtin_ctz(x)
#define paging_mode_log_dirty(d) false
#define paging_mark_pfn_dirty(d, pfn) ((void)(d))
#define _pfn(x) (x)
#define is_special_page(page) ((page)->pfn == SPECIAL)
#define SPECIAL 700
extern unsigned int flushes;
#define guest_flush_tlb_mask(d, mask) ((void)(d), (void)flushes++)

#endif
