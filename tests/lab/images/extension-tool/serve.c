/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "guest.h"
#include "serve.h"

enum { BATCH = 64 };

static unsigned char *away; /* a bit for each pfn that is to be sent */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned char *new_bitmap(void)
{
	return calloc(pfns / 8 + 1, 1);
}

static int has(const unsigned char *bitmap, size_t pfn)
{
	return bitmap[pfn / 8] >> pfn % 8 & 1;
}

static unsigned char *movable;
static uint32_t *fixed_slots;

static void note_movable(size_t pfn, char *page, int error)
{
	(void)page;
	if (!error && !fixed_slots[pfn])
		movable[pfn / 8] |= (unsigned char)(1 << pfn % 8);
}

/*
 * Page tables cannot be mapped for writing, so they stay. So do the pages that Xen and backends write to: a recording names
 * those at its start.
 */
unsigned char *movable_pages(void)
{
	struct xen_prerecord_op op = { .u.prepare = { .nr_pfns = pfns, .limit = 4096 } };

	if (prerecord(&op, XEN_PRERECORD_prepare))
		return fail("prepare"), NULL;
	op = (struct xen_prerecord_op){ .u.grow.slots = 4096 };
	if (prerecord(&op, XEN_PRERECORD_grow))
		return fail("grow"), NULL;
	op = (struct xen_prerecord_op){ .flags = XEN_PRERECORD_BACKUPS };
	if (prerecord(&op, XEN_PRERECORD_start))
		return fail("start"), NULL;
	fixed_slots = slots_by_pfn(query().u.query.used);
	op = (struct xen_prerecord_op){ 0 };
	if (prerecord(&op, XEN_PRERECORD_stop) || prerecord(&op, XEN_PRERECORD_release))
		return fail("release"), NULL;
	movable = new_bitmap();
	each_page(1, note_movable);
	free(fixed_slots);
	return movable;
}

static size_t spoiled;

static void spoil_page(size_t pfn, char *page, int error)
{
	if (error || !has(away, pfn))
		return;
	memset(page, 0xa5, PAGE);
	spoiled++;
}

void spoil(void)
{
	free(away);
	away = movable_pages();
	if (!away)
		return;
	spoiled = 0;
	each_page(1, spoil_page);
	printf("ok away %zu stay %zu\n", spoiled, pfns - spoiled);
}

void declare_missing(void)
{
	struct xen_prerecord_op op = { .u.missing = { .count = pfns, .bitmap = (uint64_t)away } };

	if (prerecord(&op, XEN_PRERECORD_missing))
		return fail("missing");
	printf("ok missing %llu\n", (unsigned long long)query().u.query.missing);
}

static int send_pages(const uint32_t *numbers, unsigned count)
{
	static uint64_t frames[BATCH];
	static char content[BATCH * PAGE];
	struct xen_prerecord_op op = { .u.resolve = { .frames = (uint64_t)frames, .content = (uint64_t)content } };

	for (unsigned i = 0; i < count; i++) {
		uint64_t frame = p2m[numbers[i]];

		away[numbers[i] / 8] &= (unsigned char)~(1 << numbers[i] % 8);
		if (frame == NO_FRAME)
			continue;
		frames[op.u.resolve.count] = frame;
		memcpy(content + (size_t)op.u.resolve.count++ * PAGE, before + (size_t)numbers[i] * PAGE, PAGE);
	}
	return (int)prerecord(&op, XEN_PRERECORD_resolve);
}

void answer(unsigned batch, int milliseconds, uint64_t limit)
{
	size_t pages = (4 * pfns * 4 + PAGE - 1) / PAGE, cursor = 0;
	const uint32_t *records = map_table(XEN_PRERECORD_RECORDS, pages);
	uint64_t answered = 0, sent = 0;
	double started = now(), next_push = started, answering = 0;
	struct xen_prerecord_op state = query();

	if (!away) {
		away = new_bitmap();
		memset(away, 0xff, pfns / 8 + 1);
	}
	while (state.u.query.missing && (!limit || sent < limit)) {
		uint32_t numbers[BATCH];
		unsigned n;
		double begun = now();

		while (answered < state.u.query.count) {
			for (n = 0; n < BATCH && answered < state.u.query.count; n++)
				numbers[n] = records[answered++] & ~XEN_PRERECORD_WRITE;
			if (send_pages(numbers, n))
				return fail("resolve");
			sent += n;
		}
		answering += now() - begun;
		if (batch && now() >= next_push) {
			for (n = 0; n < batch && n < BATCH && cursor < pfns; cursor++)
				if (has(away, cursor))
					numbers[n++] = (uint32_t)cursor;
			if (n && send_pages(numbers, n))
				return fail("resolve");
			sent += n;
			next_push = now() + milliseconds / 1000.0;
		}
		wait_event(milliseconds);
		state = query();
	}
	printf("ok asked %llu sent %llu missing %llu milliseconds %.0f microseconds %.0f\n", (unsigned long long)answered,
	       (unsigned long long)sent, (unsigned long long)state.u.query.missing, (now() - started) * 1e3,
	       answered ? answering * 1e6 / (double)answered : 0.0);
	unmap_frames((void *)records, pages);
}

void give_back(const unsigned char *pages)
{
	static char content[PAGE];

	for (size_t pfn = 0; pfn < pfns; pfn++) {
		struct xen_prerecord_op op = { .u.resolve = { .count = 1, .frames = (uint64_t)&p2m[pfn], .content = (uint64_t)content } };
		int error = 0;
		char *page;

		if (!has(pages, pfn) || p2m[pfn] == NO_FRAME)
			continue;
		page = map_frames(&p2m[pfn], 1, 0, &error);
		if (!error) {
			memcpy(content, page, PAGE);
			if (prerecord(&op, XEN_PRERECORD_resolve))
				fail("resolve");
		}
		unmap_frames(page, 1);
	}
}
