/* SPDX-License-Identifier: GPL-2.0-only */
/* As much of Xen as the extension's tables and records need, in a process: a page is a piece of the heap of its own. */
#ifndef STUB_XEN_H
#define STUB_XEN_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef DEBUG
#define ASSERT(x) assert(x)
#define ASSERT_UNREACHABLE() assert(!"reached")
#define spin_is_locked(lock) ((lock)->held)
#else
#define ASSERT(x) ((void)0) /* a release build: no bound may rest on it */
#define ASSERT_UNREACHABLE() ((void)0)
#define spin_is_locked(lock) true
#endif
#define unlikely(x) (x)
#define cf_check
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define PAGE_SIZE 4096UL
#define PAGE_SHIFT 12
#define XEN_GUEST_HANDLE_64(type) handle_##type
#define XEN_GUEST_HANDLE_PARAM(type) handle_##type
#define DEFINE_XEN_GUEST_HANDLE(type) typedef struct { type *p; } handle_##type
typedef struct { uint8_t *p; } handle_uint8;
typedef struct { uint64_t *p; } handle_uint64;
#define __HYPERVISOR_arch_7 55
#define ERESTART 85
typedef uint64_t uint64_aligned_t;
typedef uint16_t domid_t;

typedef struct { unsigned long m; } mfn_t;

struct page_info {
    void *content;
    struct domain *owner;
    unsigned long pfn, count_info;
    union {
        struct {
            unsigned long type_info;
        } inuse;
    } u;
};

typedef struct { bool held; } spinlock_t;
struct waitqueue_head { unsigned int woken; struct { bool waits; } list; };
#define list_empty(list) (!(list)->waits)
struct evtchn { unsigned int state; domid_t owner; };
struct vm_event_domain;

struct prerecord;
#define _VPF_mem_paging 4
#ifndef XEN_SUBVERSION /* as Xen's own compile.h says it */
#define XEN_SUBVERSION 17
#endif
struct guest_area { struct page_info *pg; void *map; };
struct vcpu {
    unsigned int vcpu_id, pauses, vm_event_pause_count, mode;
    unsigned long pause_flags;
    bool hcall_preempted, is_hvm;
    struct domain *domain;
#if XEN_SUBVERSION > 17
    struct guest_area vcpu_info_area, runstate_guest_area;
    struct { struct guest_area time_guest_area; } arch;
#define NO_AREAS
#else
    mfn_t vcpu_info_mfn;
#define NO_AREAS .vcpu_info_mfn = { ~0UL }
#endif
};
struct domain {
    domid_t domain_id;
    unsigned int max_vcpus, pauses, pause_count, controller_pause_count, tot_pages, max_pages;
    bool is_hap, is_dying, paging_locked;
    int event_lock;
    struct evtchn channels[8]; /* by port, from 1 on */
    struct vm_event_domain *vm_event_monitor, *vm_event_paging;
    void *shared_info, *dirty_cpumask;
    struct vcpu *first_vcpu;
    struct {
        struct {
            unsigned int mode;
            struct prerecord *prerecord;
#if XEN_SUBVERSION > 17
            unsigned int total_pages, free_pages, p2m_pages;
#define POOL(kind) arch.paging
#else
            struct { unsigned int total_pages, free_pages, p2m_pages; } shadow, hap;
#define POOL(kind) arch.paging.kind
#endif
        } paging;
        unsigned long pirq_eoi_map_mfn;
    } arch;
};
struct p2m_domain {
    struct domain *domain;
    mfn_t root;
    bool locked;
    struct { unsigned long entry_count; } pod;
    struct { void *server; unsigned long entry_count; } ioreq;
    void (*change_entry_type_global)(struct p2m_domain *p2m, int from, int to);
};

extern struct domain *dom_xen;
extern struct vcpu *current;
extern unsigned long locks_taken;
extern bool cpu_is_wanted;

static inline bool test_and_clear_bool_at(bool *b) { bool was = *b; *b = false; return was; }
#define test_and_clear_bool(b) test_and_clear_bool_at(&(b))

#define PG_prerecord (1U << 23)
#define _PAGE_PRESENT 1U
#define _PAGE_RW 2U
#define PGT_none 0
#define PGT_validated (1UL << 60)
#define MEMF_no_refcount 1
#define INVALID_M2P_ENTRY (~0UL)

#define DECLARE_PER_CPU(type, name) extern type name
#define DEFINE_PER_CPU(type, name) type name
#define this_cpu(name) name
#define spin_lock(lock) (assert(!(lock)->held), (void)((lock)->held = true), (void)locks_taken++)
#define spin_unlock(lock) (assert((lock)->held), (void)((lock)->held = false))
#define smp_wmb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define hypercall_preempt_check() cpu_is_wanted
#define ACCESS_ONCE(x) (*(volatile __typeof__(x) *)&(x))
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define cpu_relax() ((void)0)
#define in_atomic() false
#define rcu_quiesce_allowed() true
#define wait_event(head, what) ((void)(what))
#define wake_up_all(head) ((void)(head)->woken++)
#define vcpu_pause_nosync(v) ((void)(v)->pauses++)
#define vcpu_unpause(v) ((void)(v)->pauses--)
#define domain_pause_nosync(d) ((void)(d)->pauses++)
#define domain_unpause(d) ((void)(d)->pauses--)
#define for_each_vcpu(d, v) for ( v = (d)->first_vcpu; v; v = NULL )
#define PGT_seg_desc_page 1
#define guest_cpu_user_regs() NULL
#define guest_mode(regs) false

#ifdef FRAMES /* frames have numbers, as page tables need; else a page's address is as good */
extern struct page_info frame_table[];
static inline struct page_info *mfn_to_page(mfn_t mfn) { return &frame_table[mfn.m]; }
static inline mfn_t page_to_mfn(const struct page_info *page) { return (mfn_t){ (unsigned long)(page - frame_table) }; }
#else
static inline struct page_info *mfn_to_page(mfn_t mfn) { return (struct page_info *)mfn.m; }
static inline mfn_t page_to_mfn(const struct page_info *page) { return (mfn_t){ (unsigned long)page }; }
#endif
static inline unsigned long mfn_x(mfn_t mfn) { return mfn.m; }
static inline bool mfn_valid(mfn_t mfn) { return mfn.m != 0; }
static inline struct domain *page_get_owner(const struct page_info *page) { return page->owner; }
static inline unsigned long get_gpfn_from_mfn(unsigned long mfn) { return mfn_to_page((mfn_t){ mfn })->pfn; }
static inline void set_gpfn_from_mfn(unsigned long mfn, unsigned long pfn) { mfn_to_page((mfn_t){ mfn })->pfn = pfn; }
static inline void *__map_domain_page(const struct page_info *page) { return page->content; }
static inline void unmap_domain_page(const void *p) { (void)p; }
static inline void *page_to_virt(const struct page_info *page) { return page->content; }

struct page_info *virt_to_page(const void *p);
void *alloc_xenheap_page(void);
void free_xenheap_page(void *p);
struct page_info *alloc_domheap_page(struct domain *d, unsigned int flags);
bool get_page(struct page_info *page, const struct domain *d);
void put_page(struct page_info *page);
void put_page_alloc_ref(struct page_info *page);

static inline void clear_page(void *p) { memset(p, 0, PAGE_SIZE); }
static inline void clear_domain_page(mfn_t mfn) { clear_page(mfn_to_page(mfn)->content); }
static inline void copy_domain_page(mfn_t to, mfn_t from) { memcpy(mfn_to_page(to)->content, mfn_to_page(from)->content, PAGE_SIZE); }
static inline mfn_t _mfn(unsigned long m) { return (mfn_t){ m }; }
static inline bool mfn_eq(mfn_t a, mfn_t b) { return a.m == b.m; }
#define INVALID_MFN _mfn(~0UL)
#define virt_to_mfn(p) ((unsigned long)virt_to_page(p))
static inline bool test_and_set_bit(int bit, unsigned long *word) { bool was = *word >> bit & 1; *word |= 1UL << bit; return was; }
static inline bool test_bit(int bit, const unsigned long *word) { return *word >> bit & 1; }
static inline void clear_bit(int bit, unsigned long *word) { *word &= ~(1UL << bit); }
#define destroy_waitqueue_head(head) ((void)(head))
#define xfree free

#define paging_mode_hap(d) ((d)->is_hap)
#define domain_tot_pages(d) ((d)->tot_pages)
#define paging_lock(d) (assert(!(d)->paging_locked), (void)((d)->paging_locked = true), (void)locks_taken++)
#define paging_unlock(d) (assert((d)->paging_locked), (void)((d)->paging_locked = false))
int shadow_one_bit_enable(struct domain *d, unsigned int mode);
int shadow_one_bit_disable(struct domain *d, unsigned int mode);
void shadow_empty_begin(struct domain *d, unsigned int level);
bool shadow_empty_some(struct domain *d);
bool shadow_unpin_some(struct domain *d);
int shadow_set_allocation_step(struct domain *d, unsigned int pages, unsigned int most, bool *preempted);
int hap_set_allocation(struct domain *d, unsigned int pages, bool *preempted);

static inline void *vzalloc(size_t size) { return calloc(1, size); }
static inline void vfree(void *p) { free(p); }

#endif
