/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Drives the hypervisor's extension for tests, one command a line on standard
 * input, one answer a line: "ok ..." or "error ...". Started with a domain's number.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "host.h"

enum { CHUNK = 1024, RECORDS_A_PAGE = PAGE / 4 };

static uint64_t *p2m;
static size_t pfns;
static char *before;                 /* the guest's pages at `snapshot` */
static uint64_t limit, fixed;        /* slots in use right after `start` */
static uint64_t last_first, last_count;

static void fail(const char *what)
{
	printf("error %s: %s\n", what, strerror(errno));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Calls visit(pfn, page, error) for each page the guest has. */
static void each_page(int writable, void (*visit)(size_t pfn, char *page, int error))
{
	uint64_t frames[CHUNK];
	size_t numbers[CHUNK], n = 0;
	int errors[CHUNK];

	for (size_t pfn = 0; pfn <= pfns; pfn++) {
		if (pfn < pfns && p2m[pfn] != NO_FRAME) {
			numbers[n] = pfn;
			frames[n++] = p2m[pfn];
		}
		if (n == CHUNK || (pfn == pfns && n)) {
			char *pages;

			memset(errors, 0, sizeof(errors));
			pages = map_frames(frames, n, writable, errors);
			for (size_t i = 0; i < n; i++)
				visit(numbers[i], pages + i * PAGE, errors[i]);
			unmap_frames(pages, n);
			n = 0;
		}
	}
}

static void read_guest(void)
{
	free(p2m);
	p2m = read_p2m(&pfns);
}

static void keep(size_t pfn, char *page, int error)
{
	if (error)
		p2m[pfn] = NO_FRAME;
	else
		memcpy(before + pfn * PAGE, page, PAGE);
}

static void snapshot(void)
{
	size_t count = 0;

	read_guest();
	before = realloc(before, pfns * PAGE);
	each_page(0, keep);
	for (size_t i = 0; i < pfns; i++)
		count += p2m[i] != NO_FRAME;
	printf("ok pages %zu\n", count);
}

static struct xen_prerecord_op query(void)
{
	struct xen_prerecord_op op = { 0 };

	if (prerecord(&op, XEN_PRERECORD_query))
		memset(&op, 0, sizeof(op));
	return op;
}

/* For each pfn 1 + its slot, or 0. */
static uint32_t *slots_by_pfn(uint64_t used)
{
	uint32_t *by_pfn = calloc(pfns, sizeof(*by_pfn)), *slots;
	size_t pages = (used + RECORDS_A_PAGE - 1) / RECORDS_A_PAGE;

	if (used == 0)
		return by_pfn;
	slots = map_resource(XEN_PRERECORD_SLOTS, pages);
	for (uint32_t i = 0; i < used; i++)
		if (slots[i] < pfns)
			by_pfn[slots[i]] = i + 1;
	unmap_frames(slots, pages);
	return by_pfn;
}

static uint32_t *backed;
static char *store;
static size_t compared, wrong, changed, excused, first_wrong;

static void check(size_t pfn, const char *original)
{
	if (memcmp(original, before + pfn * PAGE, PAGE) == 0)
		return;
	/* Others write these at any time, so between the snapshot and the start too. */
	if (backed[pfn] && backed[pfn] <= fixed) {
		excused++;
		return;
	}
	if (wrong++ == 0)
		first_wrong = pfn;
}

static void compare_page(size_t pfn, char *page, int error)
{
	if (error) {
		if (!backed[pfn] && wrong++ == 0)
			first_wrong = pfn;
		return;
	}
	changed += memcmp(page, before + pfn * PAGE, PAGE) != 0;
	if (!backed[pfn])
		check(pfn, page);
}

/* The domain as it was at `start`, from the backups and what was not written since, against the snapshot. */
static void compare(void)
{
	uint64_t used = query().u.query.used;
	uint64_t *then = p2m;

	backed = slots_by_pfn(used);
	store = used ? map_resource(XEN_PRERECORD_STORE, used) : NULL;
	compared = wrong = changed = excused = 0;
	for (size_t pfn = 0; pfn < pfns; pfn++) {
		compared += then[pfn] != NO_FRAME;
		if (then[pfn] != NO_FRAME && backed[pfn])
			check(pfn, store + (size_t)(backed[pfn] - 1) * PAGE);
	}
	each_page(0, compare_page);
	printf("ok pages %zu backed %llu changed %zu excused %zu wrong %zu first %zu\n", compared, (unsigned long long)used, changed,
	       excused, wrong, wrong ? first_wrong : 0);
	if (store)
		unmap_frames(store, used);
	free(backed);
}

static uint64_t magic;

static void print_if_found(size_t pfn, char *page, int error)
{
	const uint64_t *words = (const uint64_t *)page;

	if (!error && words[0] == magic)
		printf(" %llu:%zu", (unsigned long long)words[1], pfn);
}

static void find(uint64_t wanted)
{
	magic = wanted;
	read_guest();
	printf("ok");
	each_page(0, print_if_found);
	printf("\n");
}

static void print_records(void)
{
	size_t pages = (4 * pfns * 4 + PAGE - 1) / PAGE;
	const uint32_t *records = map_resource(XEN_PRERECORD_RECORDS, pages);

	printf("ok");
	for (uint64_t i = 0; i < last_count; i++)
		printf(" %u%c", records[last_first + i] & ~XEN_PRERECORD_WRITE, records[last_first + i] & XEN_PRERECORD_WRITE ? 'w' : 'r');
	printf("\n");
	unmap_frames((void *)records, pages);
}

static unsigned char *missing;
static char *is_fixed;
static size_t away_pages;

static void send_away(size_t pfn, char *page, int error)
{
	if (error || is_fixed[pfn])
		return;
	memset(page, 0xa5, PAGE);
	missing[pfn / 8] |= (unsigned char)(1 << pfn % 8);
	away_pages++;
}

/*
 * After `snapshot`, with the domain paused: spoils every page that can be away, and declares it missing.
 * Page tables cannot be mapped writable, so they stay; so do the pages that Xen and backends write, which a
 * recording's start names.
 */
static void away(void)
{
	struct xen_prerecord_op op = { .u.prepare = { .nr_pfns = pfns, .limit = 2048 } };
	uint32_t *slots;

	if (prerecord(&op, XEN_PRERECORD_prepare))
		return fail("prepare");
	op = (struct xen_prerecord_op){ .u.grow.slots = 2048 };
	if (prerecord(&op, XEN_PRERECORD_grow))
		return fail("grow");
	op = (struct xen_prerecord_op){ .flags = XEN_PRERECORD_BACKUPS };
	if (prerecord(&op, XEN_PRERECORD_start))
		return fail("start");
	slots = slots_by_pfn(query().u.query.used);
	op = (struct xen_prerecord_op){ 0 };
	if (prerecord(&op, XEN_PRERECORD_stop) || prerecord(&op, XEN_PRERECORD_release))
		return fail("release");

	is_fixed = calloc(pfns, 1);
	for (size_t i = 0; i < pfns; i++)
		is_fixed[i] = slots[i] != 0;
	missing = calloc((pfns + 7) / 8, 1);
	away_pages = 0;
	each_page(1, send_away);
	op = (struct xen_prerecord_op){ .u.prepare = { .nr_pfns = pfns } };
	if (prerecord(&op, XEN_PRERECORD_prepare))
		return fail("prepare");
	if (bind_event(op.u.prepare.port))
		return fail("event");
	op = (struct xen_prerecord_op){ .u.missing = { .count = pfns, .bitmap = (uint64_t)missing } };
	if (prerecord(&op, XEN_PRERECORD_missing))
		return fail("missing");
	op = (struct xen_prerecord_op){ 0 };
	if (prerecord(&op, XEN_PRERECORD_serve))
		return fail("serve");
	printf("ok away %zu stay %zu\n", away_pages, pfns - away_pages);
}

static int resolve(const uint32_t *numbers, unsigned count)
{
	static uint64_t frames[64];
	static char content[64 * PAGE];
	struct xen_prerecord_op op = { .u.resolve = { .count = count, .frames = (uint64_t)frames, .content = (uint64_t)content } };

	for (unsigned i = 0; i < count; i++) {
		frames[i] = p2m[numbers[i]];
		memcpy(content + i * PAGE, before + (size_t)numbers[i] * PAGE, PAGE);
		missing[numbers[i] / 8] &= (unsigned char)~(1 << numbers[i] % 8);
	}
	return (int)prerecord(&op, XEN_PRERECORD_resolve);
}

/* Answers what is asked for, and pushes `batch` pages each `milliseconds`, until nothing is missing. */
static void answer(unsigned batch, int milliseconds)
{
	size_t pages = (4 * pfns * 4 + PAGE - 1) / PAGE, cursor = 0;
	const uint32_t *records = map_resource(XEN_PRERECORD_RECORDS, pages);
	uint64_t answered = 0;
	double started = now(), next_push = started;
	struct xen_prerecord_op state = query();

	while (state.u.query.missing) {
		uint32_t numbers[64];
		unsigned n = 0;

		while (answered < state.u.query.count) {
			for (n = 0; n < 64 && answered < state.u.query.count; n++)
				numbers[n] = records[answered++] & ~XEN_PRERECORD_WRITE;
			if (resolve(numbers, n))
				return fail("resolve");
		}
		if (batch && now() >= next_push) {
			for (n = 0; n < batch && n < 64 && cursor < pfns; cursor++)
				if (missing[cursor / 8] & (1 << cursor % 8))
					numbers[n++] = (uint32_t)cursor;
			if (n && resolve(numbers, n))
				return fail("resolve");
			next_push = now() + milliseconds / 1000.0;
		}
		wait_event(milliseconds);
		state = query();
		if (now() - started > 300) {
			printf("error still missing %llu\n", (unsigned long long)state.u.query.missing);
			return;
		}
	}
	printf("ok asked %llu of %zu in %.1f s\n", (unsigned long long)answered, away_pages, now() - started);
	unmap_frames((void *)records, pages);
}

static void simple(unsigned cmd, uint64_t number)
{
	struct xen_prerecord_op op = { 0 };

	if (cmd == XEN_PRERECORD_prepare) {
		if (!p2m)
			read_guest();
		op.u.prepare.nr_pfns = pfns;
		op.u.prepare.limit = limit = number;
	} else if (cmd == XEN_PRERECORD_grow)
		op.u.grow.slots = number;
	else if (cmd == XEN_PRERECORD_start)
		op.flags = (uint32_t)number;

	if (prerecord(&op, cmd))
		return fail("refused");
	switch (cmd) {
	case XEN_PRERECORD_prepare:
		if (bind_event(op.u.prepare.port))
			return fail("event");
		break;
	case XEN_PRERECORD_start:
		fixed = query().u.query.used;
		printf("ok fixed %llu\n", (unsigned long long)fixed);
		return;
	case XEN_PRERECORD_epoch:
		last_first = op.u.epoch.first;
		last_count = op.u.epoch.count;
		printf("ok epoch %u count %llu\n", op.u.epoch.number, (unsigned long long)last_count);
		return;
	case XEN_PRERECORD_query:
		printf("ok flags %u count %llu used %llu slots %llu missing %llu epoch %u\n", op.flags,
		       (unsigned long long)op.u.query.count, (unsigned long long)op.u.query.used, (unsigned long long)op.u.query.slots,
		       (unsigned long long)op.u.query.missing, op.u.query.number);
		return;
	}
	printf("ok\n");
}

/* A call with whatever numbers are given: version, command, flags, then the union's words. */
static void raw(const char *text)
{
	struct xen_prerecord_op op = { 0 };
	unsigned long long v[8] = { 0 };
	unsigned version, cmd, flags, pad;
	long rc;

	sscanf(text, "%u %u %u %u %llu %llu %llu %llu", &version, &cmd, &flags, &pad, v, v + 1, v + 2, v + 3);
	op.flags = flags;
	op.pad = (uint16_t)pad;
	for (int i = 0; i < 4; i++)
		op.u.pad[i] = v[i];
	rc = prerecord_version(&op, cmd, version);
	printf("ok %ld %s\n", rc, rc ? strerror(errno) : "");
}

int main(int argc, char **argv)
{
	static const struct { const char *name; unsigned cmd; } plain[] = {
		{ "prepare", XEN_PRERECORD_prepare }, { "grow", XEN_PRERECORD_grow }, { "start", XEN_PRERECORD_start },
		{ "epoch", XEN_PRERECORD_epoch }, { "query", XEN_PRERECORD_query }, { "stop", XEN_PRERECORD_stop },
		{ "release", XEN_PRERECORD_release },
	};
	char line[256], word[32];

	if (argc != 2)
		return 2;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	host_open((unsigned)atoi(argv[1]));
	while (fgets(line, sizeof(line), stdin)) {
		unsigned long long a = 0, b = 0;
		size_t i, n = sizeof(plain) / sizeof(*plain);

		if (sscanf(line, "%31s %lli %lli", word, (long long *)&a, (long long *)&b) < 1)
			continue;
		for (i = 0; i < n && strcmp(word, plain[i].name); i++)
			;
		if (i < n)
			simple(plain[i].cmd, a);
		else if (!strcmp(word, "pause") || !strcmp(word, "unpause"))
			pause_domain(word[0] == 'p') ? fail(word) : (void)printf("ok\n");
		else if (!strcmp(word, "snapshot"))
			snapshot();
		else if (!strcmp(word, "compare"))
			compare();
		else if (!strcmp(word, "records"))
			print_records();
		else if (!strcmp(word, "find"))
			find(a);
		else if (!strcmp(word, "away"))
			away();
		else if (!strcmp(word, "answer"))
			answer((unsigned)a, (int)b);
		else if (!strcmp(word, "wait")) {
			wait_event((int)a);
			printf("ok\n");
		} else if (!strcmp(word, "raw"))
			raw(line + 3);
		else
			printf("error unknown command %s\n", word);
		fflush(stdout);
	}
	return 0;
}
