/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz.h"
#include "guest.h"
#include "serve.h"

enum { LAST = XEN_PRERECORD_frames };

static uint64_t state;
static unsigned char *movable;
static unsigned char *away; /* those of `movable` that were declared missing */
static int paused;
static int stood; /* whether no page of `movable` can have become a page table since it was found, because the domain stood still */
static uint64_t frames[4096]; /* more than any table of so small a domain has */

static uint64_t draw(uint64_t below)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

static uint64_t absurd(void)
{
	const uint64_t numbers[] = { 0, 1, 7, 8, 511, 512, pfns - 1, pfns, pfns + 1, 1ULL << 31, (1ULL << 32) - 1, 1ULL << 32,
				     1ULL << 47, 0xffff800000000000u, 1ULL << 63, ~0ULL };

	return numbers[draw(sizeof(numbers) / sizeof(*numbers))];
}

/* The right value, or, once in eight times, an absurd one. */
static uint64_t mostly(uint64_t value)
{
	return draw(8) ? value : absurd();
}

static void fill_arguments(struct xen_prerecord_op *op, unsigned cmd)
{
	size_t first = draw(pfns) & ~(size_t)7;

	op->flags = (uint32_t)(cmd == XEN_PRERECORD_start ? mostly(1 + draw(3)) | (draw(8) ? 0 : XEN_PRERECORD_HARVEST) : draw(16) ? 0 : absurd());
	op->pad = draw(32) ? 0 : 1;
	switch (cmd) {
	case XEN_PRERECORD_prepare:
		op->u.prepare.nr_pfns = mostly(draw(2) ? pfns : 1 + draw(pfns));
		op->u.prepare.limit = mostly(draw(2000));
		break;
	case XEN_PRERECORD_grow:
		op->u.grow.slots = mostly(draw(2000));
		break;
	case XEN_PRERECORD_missing:
		/* Pages that must not be away are never declared missing: the guest is to live on. */
		op->u.missing.first = first;
		op->u.missing.count = draw(4096 < pfns - first ? 4096 : pfns - first);
		op->u.missing.bitmap = (uint64_t)(movable + first / 8);
		if (!stood || !draw(4)) {
			op->u.missing.first = absurd();
			op->u.missing.count = absurd();
			op->u.missing.bitmap = absurd();
		}
		break;
	case XEN_PRERECORD_resolve:
		/* Answers for pages that are not missing or do not exist, with bad pointers. `tidy` gives the right content. */
		op->u.resolve.count = (uint32_t)mostly(draw(5));
		op->u.resolve.done = (uint32_t)(draw(4) ? 0 : absurd());
		for (int i = 0; i < 4; i++)
			frames[i] = absurd();
		op->u.resolve.frames = mostly((uint64_t)frames);
		op->u.resolve.content = absurd();
		break;
	case XEN_PRERECORD_frames:
		op->u.frames.table = (uint32_t)mostly(draw(3));
		op->u.frames.first = mostly(draw(64));
		op->u.frames.count = mostly(draw(5));
		op->u.frames.frames = draw(8) ? (uint64_t)frames : absurd();
		break;
	default:
		for (int i = 0; i < 4; i++)
			op->u.pad[i] = absurd();
	}
}

/* Counts the pages as missing whatever the answer was, because the call may fail after it has begun. */
static void note_missing(const struct xen_prerecord_op *op)
{
	if (op->u.missing.first > pfns || op->u.missing.count > pfns - op->u.missing.first)
		return;
	for (uint64_t pfn = op->u.missing.first; pfn < op->u.missing.first + op->u.missing.count; pfn++)
		away[pfn / 8] |= (unsigned char)(movable[pfn / 8] & (1 << pfn % 8));
}

/* Brings the domain back from whatever state to one without an owner. */
static void end_all(void)
{
	struct xen_prerecord_op op = { 0 };

	if (query().flags & XEN_PRERECORD_SERVING)
		give_back(away);
	prerecord(&op, XEN_PRERECORD_stop);
	op = (struct xen_prerecord_op){ 0 };
	prerecord(&op, XEN_PRERECORD_release);
}

static void toggle_pause(void)
{
	pause_domain(!paused);
	paused = !paused;
	stood = 0;
}

static int is_dying(void)
{
	struct xen_prerecord_op op = { 0 };

	return prerecord(&op, XEN_PRERECORD_query) != 0 && errno == ESRCH;
}

/* Pauses the domain, which has no owner yet, so that pages may be declared missing. */
static int begin(void)
{
	if (!paused)
		toggle_pause();
	read_guest();
	free(movable);
	free(away);
	movable = movable_pages();
	away = calloc(1, (pfns + 7) / 8);
	stood = movable && away;
	return stood;
}

void fuzz(uint64_t seed, unsigned count)
{
	static const uint8_t operations[] = {
		1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 6, 7, 7, 8, 8, 9, 10, 10, 10, 11, 12, 12, 0, 13, 255,
	};
	unsigned accepted[LAST + 2] = { 0 };

	state = seed;
	if (!begin())
		return;
	for (unsigned i = 0; i < count; i++) {
		struct xen_prerecord_op op = { 0 };
		unsigned cmd = operations[draw(sizeof(operations))];

		/* Pages once missing forbid recordings until all are there, which no absurd call brings about. */
		if (!draw(64) && !is_dying()) {
			end_all();
			if (!begin())
				return;
		}

		if (!draw(16))
			toggle_pause();
		if (!draw(16))
			accepted[LAST + 1] += try_table(FRAMES_OF_XEN, (unsigned)mostly(draw(4)), mostly(draw(64)), 1 + draw(32), 0);
		fill_arguments(&op, cmd);
		if (cmd == XEN_PRERECORD_missing)
			note_missing(&op);
		if (prerecord_version(&op, cmd, draw(32) ? XEN_PRERECORD_VERSION : (unsigned)absurd()) == 0 && cmd <= LAST)
			accepted[cmd]++;
	}
	printf("ok");
	for (unsigned cmd = 1; cmd <= LAST; cmd++)
		printf(" op%u %u", cmd, accepted[cmd]);
	printf(" tables %u\n", accepted[LAST + 1]);
}

void tidy(void)
{
	struct xen_prerecord_op op = { 0 };

	end_all();
	if (paused)
		toggle_pause();
	if (prerecord(&op, XEN_PRERECORD_query) == 0 || errno != ENXIO)
		return fail("something is left");
	printf("ok\n");
}
