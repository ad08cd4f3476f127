/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libprerecordxen: a thin, stable C surface over the toolstack libraries of Xen 4.17 or 4.20: built for each from
 * the same source.
 *
 * Rules that hold for every function:
 *  - It returns 0 on success and -errno on failure. Results go to out-parameters. There are no callbacks.
 *  - After a failure prx_last_call() names the Xen call that failed and prx_last_message() holds what the
 *    Xen library logged about it; both belong to the calling thread and stay until its next failure.
 *  - Structures have the same layout on both sides of the boundary: fixed-width members, no bit fields.
 *  - Guest frame numbers (gfn) are uint64_t, pages are PRX_PAGE_SIZE bytes.
 *  - A prx_handle and a prx_extension may be used from several threads. A prx_batch, a prx_filler and a prx_ring
 *    belong to one thread at a time.
 */
#ifndef PRERECORDXEN_H
#define PRERECORDXEN_H

#include <stdint.h>

#define PRX_ABI_VERSION 4u
#define PRX_PAGE_SIZE 4096u

#if defined(__GNUC__)
#define PRX_EXPORT __attribute__((visibility("default")))
#else
#define PRX_EXPORT
#endif

typedef struct prx_handle prx_handle;
typedef struct prx_batch prx_batch;
typedef struct prx_ring prx_ring;
typedef struct prx_extension prx_extension;
typedef struct prx_filler prx_filler;
typedef struct prx_mapping prx_mapping;

/* What the host says of itself (xc_version, xc_physinfo). Sizes of memory are in pages. */
struct prx_host_info {
    uint32_t xen_major;
    uint32_t xen_minor;
    uint32_t cpus;
    uint32_t max_cpu_id;
    uint32_t capabilities; /* XEN_SYSCTL_PHYSCAP_*: 1 hvm, 2 pv, 4 directio, 8 hap, 16 shadow */
    uint32_t cpu_khz;
    uint64_t total_pages;
    uint64_t free_pages;
    uint64_t scrub_pages;
    uint64_t outstanding_pages;
};

enum prx_xen_string {
    PRX_XEN_EXTRA_VERSION = 0,
    PRX_XEN_CAPABILITIES = 1,
    PRX_XEN_CHANGESET = 2,
    PRX_XEN_COMMAND_LINE = 3,
    PRX_XEN_COMPILED_BY = 4,
    PRX_XEN_COMPILE_DOMAIN = 5,
    PRX_XEN_COMPILE_DATE = 6
};

/* One domain (XEN_DOMCTL_getdomaininfo). flags are XEN_DOMINF_* without the shutdown code. */
struct prx_domain_info {
    uint32_t domid;
    uint32_t flags;
    uint32_t shutdown_reason;
    uint32_t online_vcpus;
    uint32_t max_vcpu_id;
    uint32_t address_bits;
    uint64_t total_pages;
    uint64_t max_pages;
    uint64_t outstanding_pages;
    uint64_t shared_pages;
    uint64_t paged_pages;
    uint64_t cpu_time_ns;
    uint8_t uuid[16];
};

/* Registers of one vCPU of a domain (XEN_DOMCTL_getvcpucontext). */
struct prx_vcpu_registers {
    uint64_t rip;
    uint64_t rsp;
    uint64_t rflags;
    uint64_t cr0;
    uint64_t cr2;
    uint64_t cr3;
    uint64_t cr4;
    uint32_t cs;
    uint32_t online;
};

struct prx_tsc_info {
    uint64_t elapsed_ns;
    uint32_t mode;
    uint32_t khz;
    uint32_t incarnation;
    uint32_t reserved;
};

/* A request of the paging ring, and the answer to it: answer by sending the same structure back. */
struct prx_paging_event {
    uint64_t gfn;
    uint32_t vcpu;
    uint32_t event_flags;  /* VM_EVENT_FLAG_*: 1 vCPU paused, 2 foreign */
    uint32_t page_type;    /* p2m type: 9 nominated, 10 paged out, 11 on its way in (duplicate) */
    uint32_t paging_flags; /* 1 drop page, 2 evict will fail */
};

/*
 * ASK touches a page the way a backend does: a trapped page's request comes through the ring (-EAGAIN; also
 * when the ring was full and none was made), anything else is 0. Answered after PREPARE, the page is back
 * without ever being taken away.
 */
enum prx_paging_op {
    PRX_PAGING_NOMINATE = 0,
    PRX_PAGING_EVICT = 1,
    PRX_PAGING_PREPARE = 2,
    PRX_PAGING_ASK = 3
};

/* What comes of the extension's hypercall: the hypervisor has no extension, has it in another version, or in this one. */
enum prx_extension_answer { PRX_EXTENSION_NONE = 0, PRX_EXTENSION_OTHER_VERSION = 1, PRX_EXTENSION_PRESENT = 2 };

/* The prerecord extension's state of a domain. flags are XEN_PRERECORD_*. */
struct prx_extension_state {
    uint64_t first; /* index of the running epoch's first record */
    uint64_t count; /* its records so far */
    uint64_t used;  /* slots of the backup store */
    uint64_t slots;
    uint64_t missing; /* pages */
    uint32_t flags;
    uint32_t epoch;
    uint64_t uses; /* records of what a served domain used, where flags have XEN_PRERECORD_USES */
};

enum prx_extension_table { PRX_TABLE_RECORDS = 0, PRX_TABLE_STORE = 1, PRX_TABLE_SLOTS = 2 };

enum prx_pv_vcpu_part {
    PRX_PV_VCPU_BASIC = 0,
    PRX_PV_VCPU_EXTENDED = 1,
    PRX_PV_VCPU_XSAVE = 2,
    PRX_PV_VCPU_MSRS = 3
};

enum prx_wait_result { PRX_WAIT_TIMEOUT = 0, PRX_WAIT_EVENT = 1, PRX_WAIT_WAKEUP = 2 };

/* Library. */
PRX_EXPORT uint32_t prx_abi_version(void);
PRX_EXPORT const char *prx_last_call(void);
PRX_EXPORT const char *prx_last_message(void);

/* Handle and host. */
PRX_EXPORT int32_t prx_open(prx_handle **out);
PRX_EXPORT int32_t prx_close(prx_handle *h);
PRX_EXPORT int32_t prx_host_info(prx_handle *h, struct prx_host_info *out);
PRX_EXPORT int32_t prx_xen_string(prx_handle *h, uint32_t which, char *buffer, uint32_t size);
PRX_EXPORT int32_t prx_probe_paging(prx_handle *h, uint32_t *supported);

/* Domains. */
PRX_EXPORT int32_t prx_domain_list(prx_handle *h, uint32_t first, struct prx_domain_info *out,
                                   uint32_t capacity, uint32_t *count);
PRX_EXPORT int32_t prx_domain_get(prx_handle *h, uint32_t domid, struct prx_domain_info *out);
PRX_EXPORT int32_t prx_domain_pause(prx_handle *h, uint32_t domid);
PRX_EXPORT int32_t prx_domain_unpause(prx_handle *h, uint32_t domid);
PRX_EXPORT int32_t prx_domain_resume(prx_handle *h, uint32_t domid, uint32_t fast);
PRX_EXPORT int32_t prx_domain_set_max_memory(prx_handle *h, uint32_t domid, uint64_t max_kib);
PRX_EXPORT int32_t prx_domain_destroy(prx_handle *h, uint32_t domid);
PRX_EXPORT int32_t prx_domain_rename(prx_handle *h, uint32_t domid, const char *new_name);
PRX_EXPORT int32_t prx_domain_config_json(prx_handle *h, uint32_t domid, char *buffer, uint64_t size,
                                          uint64_t *needed);

/* State of a domain and its vCPUs. */
PRX_EXPORT int32_t prx_hvm_context_get(prx_handle *h, uint32_t domid, void *buffer, uint32_t size,
                                       uint32_t *needed);
PRX_EXPORT int32_t prx_hvm_context_set(prx_handle *h, uint32_t domid, const void *buffer, uint32_t size);
PRX_EXPORT int32_t prx_hvm_param_get(prx_handle *h, uint32_t domid, uint32_t index, uint64_t *value);
PRX_EXPORT int32_t prx_hvm_param_set(prx_handle *h, uint32_t domid, uint32_t index, uint64_t value);
PRX_EXPORT int32_t prx_tsc_get(prx_handle *h, uint32_t domid, struct prx_tsc_info *out);
PRX_EXPORT int32_t prx_tsc_set(prx_handle *h, uint32_t domid, const struct prx_tsc_info *value);
PRX_EXPORT int32_t prx_cpu_policy_size(prx_handle *h, uint32_t *leaves, uint32_t *msrs);
PRX_EXPORT int32_t prx_cpu_policy_get(prx_handle *h, uint32_t domid, void *leaves, uint32_t *leaf_count,
                                      void *msrs, uint32_t *msr_count);
/* The most that the hypervisor offers to PV domains (hvm 0), or to PVH and HVM domains. */
PRX_EXPORT int32_t prx_cpu_policy_most(prx_handle *h, uint32_t hvm, void *leaves, uint32_t *leaf_count, void *msrs,
                                       uint32_t *msr_count);
PRX_EXPORT int32_t prx_vcpu_registers(prx_handle *h, uint32_t domid, uint32_t vcpu,
                                      struct prx_vcpu_registers *out);

/* Memory of a domain. errors[i] is 0 or -errno for gfns[i]; the call itself fails only as a whole. */
PRX_EXPORT int32_t prx_max_gfn(prx_handle *h, uint32_t domid, uint64_t *max_gfn);
PRX_EXPORT int32_t prx_page_types(prx_handle *h, uint32_t domid, const uint64_t *gfns, uint32_t count,
                                  uint32_t *types);
PRX_EXPORT int32_t prx_read_pages(prx_handle *h, uint32_t domid, const uint64_t *gfns, uint32_t count,
                                  void *buffer, int32_t *errors);
PRX_EXPORT int32_t prx_write_pages(prx_handle *h, uint32_t domid, const uint64_t *gfns, uint32_t count,
                                   const void *buffer, int32_t *errors);
PRX_EXPORT int32_t prx_populate(prx_handle *h, uint32_t domid, const uint64_t *gfns, uint32_t count,
                                uint32_t *done);
PRX_EXPORT int32_t prx_release(prx_handle *h, uint32_t domid, const uint64_t *gfns, uint32_t count,
                               uint32_t *done);

/* Paging operations, many pages in one multicall. results[i] is 0 or -errno for gfns[i]. */
PRX_EXPORT int32_t prx_batch_open(prx_handle *h, uint32_t capacity, uint32_t with_pages, prx_batch **out);
PRX_EXPORT int32_t prx_batch_close(prx_batch *b);
PRX_EXPORT int32_t prx_batch_paging(prx_batch *b, uint32_t domid, uint32_t op, const uint64_t *gfns,
                                    uint32_t count, const void *pages, int32_t *results);

/* Log-dirty mode. bitmap has (pages + 63) / 64 words. */
PRX_EXPORT int32_t prx_logdirty_enable(prx_handle *h, uint32_t domid);
PRX_EXPORT int32_t prx_logdirty_disable(prx_handle *h, uint32_t domid);
PRX_EXPORT int32_t prx_logdirty_read(prx_handle *h, uint32_t domid, uint32_t clean, uint64_t *bitmap,
                                     uint64_t pages, uint64_t *dirty);

/* The paging ring of a domain. */
PRX_EXPORT int32_t prx_ring_open(prx_handle *h, uint32_t domid, prx_ring **out);
PRX_EXPORT int32_t prx_ring_wait(prx_ring *r, int32_t wakeup_fd, int32_t timeout_ms, uint32_t *result);
PRX_EXPORT int32_t prx_ring_take(prx_ring *r, struct prx_paging_event *out, uint32_t capacity,
                                 uint32_t *count);
PRX_EXPORT int32_t prx_ring_answer(prx_ring *r, const struct prx_paging_event *events, uint32_t count);
PRX_EXPORT int32_t prx_ring_close(prx_ring *r, uint32_t disable);
PRX_EXPORT int32_t prx_paging_disable(prx_handle *h, uint32_t domid);

/* A wake-up for prx_ring_wait: any thread may signal it. */
PRX_EXPORT int32_t prx_wakeup_open(int32_t *fd);
PRX_EXPORT int32_t prx_wakeup_signal(int32_t fd);
PRX_EXPORT int32_t prx_wakeup_clear(int32_t fd);
PRX_EXPORT int32_t prx_wakeup_close(int32_t fd);

/*
 * The prerecord extension of the hypervisor (native/hypervisor). Closing leaves the hypervisor's state as it is; release
 * ends it. prepare, and adopt after a tool that was killed, also bind the event channel that wait waits on.
 */
PRX_EXPORT int32_t prx_extension_probe(prx_handle *h, uint32_t *answer);
PRX_EXPORT int32_t prx_extension_open(prx_handle *h, uint32_t domid, prx_extension **out);
PRX_EXPORT int32_t prx_extension_close(prx_extension *e);
PRX_EXPORT int32_t prx_extension_prepare(prx_extension *e, uint64_t pages, uint64_t limit);
PRX_EXPORT int32_t prx_extension_adopt(prx_extension *e, uint64_t *pages);
PRX_EXPORT int32_t prx_extension_grow(prx_extension *e, uint64_t slots);
PRX_EXPORT int32_t prx_extension_start(prx_extension *e, uint32_t flags);
PRX_EXPORT int32_t prx_extension_epoch(prx_extension *e, uint64_t *first, uint64_t *count);
PRX_EXPORT int32_t prx_extension_query(prx_extension *e, struct prx_extension_state *out);
PRX_EXPORT int32_t prx_extension_stop(prx_extension *e);
PRX_EXPORT int32_t prx_extension_release(prx_extension *e);
/* bitmap has (pages + 63) / 64 words; a set bit is a missing page. */
PRX_EXPORT int32_t prx_extension_missing(prx_extension *e, const uint64_t *bitmap, uint64_t pages);
PRX_EXPORT int32_t prx_extension_serve(prx_extension *e);
PRX_EXPORT int32_t prx_extension_wait(prx_extension *e, int32_t wakeup_fd, int32_t timeout_ms, uint32_t *result);
/* Maps frames of a table, to be read; what is mapped stays until it is closed. */
PRX_EXPORT int32_t prx_extension_map(prx_extension *e, uint32_t table, uint64_t first, uint64_t count,
                                     prx_mapping **out, void **address);
PRX_EXPORT int32_t prx_mapping_close(prx_mapping *m);
/* Gives missing pages their contents; frames are a PV domain's machine frames. done is how many were gone through. */
PRX_EXPORT int32_t prx_filler_open(prx_extension *e, uint32_t capacity, prx_filler **out);
PRX_EXPORT int32_t prx_filler_close(prx_filler *f);
PRX_EXPORT int32_t prx_filler_fill(prx_filler *f, const uint64_t *frames, uint32_t count, const void *pages,
                                   uint32_t *done);

/* State of PV domains. A part that a vCPU has not needs 0 bytes. */
PRX_EXPORT int32_t prx_shared_info(prx_handle *h, uint32_t domid, void *buffer);
PRX_EXPORT int32_t prx_pv_address_size(prx_handle *h, uint32_t domid, uint32_t *bytes);
PRX_EXPORT int32_t prx_pv_vcpu_get(prx_handle *h, uint32_t domid, uint32_t vcpu, uint32_t part, void *buffer,
                                   uint32_t size, uint32_t *needed);

/*
 * How far a ring between a domain and a backend of this domain is: as many requests as the domain has made, and as many answers
 * as it has got. reference is the grant of the ring's first page.
 */
PRX_EXPORT int32_t prx_ring_progress(uint32_t domid, uint32_t reference, uint32_t *asked, uint32_t *answered);

/* XenStore. Values are byte strings; needed is the length without a terminator. */
PRX_EXPORT int32_t prx_xs_read(prx_handle *h, const char *path, void *buffer, uint32_t size,
                               uint32_t *needed);
PRX_EXPORT int32_t prx_xs_write(prx_handle *h, const char *path, const void *value, uint32_t size);
/*
 * Changes a node in one transaction, where it holds exactly what is expected; swapped says whether it did. NULL stands for
 * no node, in both places.
 */
PRX_EXPORT int32_t prx_xs_swap(prx_handle *h, const char *path, const void *expected, uint32_t expected_size,
                               const void *value, uint32_t size, uint32_t *swapped);
PRX_EXPORT int32_t prx_xs_remove(prx_handle *h, const char *path);
PRX_EXPORT int32_t prx_xs_list(prx_handle *h, const char *path, char *buffer, uint32_t size,
                               uint32_t *needed);
PRX_EXPORT int32_t prx_xs_resume_domain(prx_handle *h, uint32_t domid);
PRX_EXPORT int32_t prx_xs_watch(prx_handle *h, const char *path, const char *token);
PRX_EXPORT int32_t prx_xs_unwatch(prx_handle *h, const char *path, const char *token);
PRX_EXPORT int32_t prx_xs_wait_watch(prx_handle *h, int32_t wakeup_fd, int32_t timeout_ms, uint32_t *result);

#endif
