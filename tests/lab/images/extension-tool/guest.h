/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest's memory: its pages, a copy of them, and the comparison that proves a rollback. */
#pragma once
#include "host.h"

extern unsigned domain; /* the guest's number */
extern uint64_t *p2m;   /* frames by pfn */
extern size_t pfns;
extern char *before;    /* the guest's pages at `snapshot` */

/* Answers that what is named failed, with errno. */
void fail(const char *what);

void read_guest(void);
/* Calls visit(pfn, page, error) for each page the guest has. */
void each_page(int writable, void (*visit)(size_t pfn, char *page, int error));
struct xen_prerecord_op query(void);
/* For each pfn 1 + its slot, or 0. */
uint32_t *slots_by_pfn(uint64_t used);

/* Commands; each prints its answer. */
void snapshot(void);
void load_snapshot(void);
void compare(void);
void find(uint64_t wanted);
