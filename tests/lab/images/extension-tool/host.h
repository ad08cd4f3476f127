/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tool asks of Xen: hypercalls, foreign frames, events. All return 0 or more, or -1 with errno. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include "prerecord.h"

enum { PAGE = 4096 };
#define NO_FRAME (~0ULL)

void host_open(unsigned domain);
long prerecord(struct xen_prerecord_op *op, unsigned cmd);
long prerecord_version(struct xen_prerecord_op *op, unsigned cmd, unsigned version);
int pause_domain(int pause);
/* Xen's own recording of written pages; `bitmap` (of LOG_DIRTY_CLEAN) has a bit for each of `pages` pages. */
enum { LOG_DIRTY_OFF = 0, LOG_DIRTY_ENABLE = 2, LOG_DIRTY_CLEAN = 11 };
long log_dirty(unsigned cmd, void *bitmap, uint64_t pages);
/* Sets the size of the domain's pool for Xen's own page tables, in MiB. It fails where more is in use, and what is in use stays. */
long set_pool(unsigned mib);
/* One extended operation on the domain's page tables, such as pinning a frame. */
long mmu_extended(unsigned cmd, uint64_t frame);
/* How an HVM guest's page may be used. */
enum { MEMORY_READ_WRITE = 0, MEMORY_READ_ONLY = 1 };
long set_memory_type(uint64_t pfn, unsigned type);

/* Maps frames of the domain. errors[i] is 0, or a negative errno, and then page i must not be touched. */
void *map_frames(const uint64_t *frames, size_t count, int writable, int *errors);
void unmap_frames(void *pages, size_t count);
/* The frames of one of the extension's tables, which are Xen's own; NULL where they are refused. */
enum { FRAMES_OF_XEN = 0x7ff2 };
uint64_t *table_frames(unsigned table, uint64_t first, size_t count);
void free_frames(uint64_t *frames, size_t count);
void *map_table(unsigned table, size_t pages);
/* Whether part of a table can be mapped as frames of a domain; it is unmapped again. */
int try_table(unsigned of, unsigned table, uint64_t first, size_t count, int writable);

/* The domain's pages by pfn, NO_FRAME where there is none: a PV guest's own table; an HVM guest's gfns. */
uint64_t *read_p2m(size_t *count);

/* The first word of a page that the domain grants; -1 where it cannot be mapped. */
int read_grant(unsigned reference, uint64_t *word);

int bind_event(unsigned port);
/* Waits up to `milliseconds` for the event. */
void wait_event(int milliseconds);
