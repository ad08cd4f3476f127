/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Drives the hypervisor's extension for tests, one command a line on standard
 * input, one answer a line: "ok ..." or "error ...". Started with a domain's number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "fuzz.h"
#include "guest.h"
#include "serve.h"

unsigned domain;
static uint64_t first_record, record_count; /* of the ended epoch */

static void print_records(void)
{
	size_t pages = (4 * pfns * 4 + PAGE - 1) / PAGE;
	const uint32_t *records = map_table(XEN_PRERECORD_RECORDS, pages);

	printf("ok");
	for (uint64_t i = 0; i < record_count; i++)
		printf(" %u%c", records[first_record + i] & ~XEN_PRERECORD_WRITE, records[first_record + i] & XEN_PRERECORD_WRITE ? 'w' : 'r');
	printf("\n");
	unmap_frames((void *)records, pages);
}

/* Whether the first page of a table can be mapped as a frame of Xen for reading, the same for writing, and as a frame of the domain. */
static void print_table(unsigned table)
{
	printf("ok xen %d write %d guest %d\n", try_table(FRAMES_OF_XEN, table, 0, 1, 0), try_table(FRAMES_OF_XEN, table, 0, 1, 1),
	       try_table(domain, table, 0, 1, 0));
}

/* Maps a granted page. Xen asks for it where it is missing, and mapping is tried again until it is there or so many milliseconds have passed. */
static void print_grant(unsigned reference, uint64_t milliseconds)
{
	uint64_t word, tried = 0;

	while (read_grant(reference, &word)) {
		if (tried >= milliseconds)
			return fail("refused");
		tried += 50;
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	}
	printf("ok word %llu\n", (unsigned long long)word);
}

static void print_query(const struct xen_prerecord_op *op)
{
	printf("ok flags %u count %llu used %llu slots %llu missing %llu epoch %u\n", op->flags, (unsigned long long)op->u.query.count,
	       (unsigned long long)op->u.query.used, (unsigned long long)op->u.query.slots,
	       (unsigned long long)op->u.query.missing, op->u.query.number);
}

/* Makes one operation, with the number that it takes. */
static void operate(unsigned cmd, uint64_t number)
{
	struct xen_prerecord_op op = { 0 };

	if (cmd == XEN_PRERECORD_prepare) {
		if (!p2m)
			read_guest();
		op.u.prepare.nr_pfns = pfns;
		op.u.prepare.limit = number;
	} else if (cmd == XEN_PRERECORD_grow)
		op.u.grow.slots = number;
	else if (cmd == XEN_PRERECORD_start)
		op.flags = (uint32_t)number;

	if (prerecord(&op, cmd))
		return fail("refused");

	if (cmd == XEN_PRERECORD_query)
		return print_query(&op);
	if ((cmd == XEN_PRERECORD_prepare || cmd == XEN_PRERECORD_adopt) && bind_event(op.u.prepare.port))
		return fail("event");
	if (cmd == XEN_PRERECORD_adopt)
		printf("ok pfns %llu limit %llu\n", (unsigned long long)op.u.prepare.nr_pfns, (unsigned long long)op.u.prepare.limit);
	else if (cmd == XEN_PRERECORD_epoch) {
		first_record = op.u.epoch.first;
		record_count = op.u.epoch.count;
		printf("ok epoch %u count %llu\n", op.u.epoch.number, (unsigned long long)record_count);
	} else
		printf("ok\n");
}

/* Prepares the extension for so many pages, however many the domain has. */
static void claim(uint64_t count)
{
	struct xen_prerecord_op op = { .u.prepare.nr_pfns = count };

	if (prerecord(&op, XEN_PRERECORD_prepare))
		return fail("refused");
	printf("ok\n");
}

/* Pins the frame of a pfn as a page table of the level, or unpins it where the level is 0. */
static void pin(uint64_t pfn, uint64_t level)
{
	enum { PIN_L1 = 0, UNPIN = 4 };

	if (pfn >= pfns || mmu_extended(level ? PIN_L1 + (unsigned)level - 1 : UNPIN, p2m[pfn]) < 0)
		return fail("refused");
	printf("ok\n");
}

/* Has Xen change the entry of one page of an HVM guest to read-only and back. */
static void retype(uint64_t pfn)
{
	if (set_memory_type(pfn, MEMORY_READ_ONLY) || set_memory_type(pfn, MEMORY_READ_WRITE))
		return fail("refused");
	printf("ok\n");
}

/* Ends `count` epochs, one every so many milliseconds: of a recording, or of Xen's own log of written pages. */
static void run_epochs(unsigned milliseconds, unsigned count, int of_log_dirty)
{
	void *bitmap = aligned_alloc(PAGE, (pfns / 8 / PAGE + 1) * PAGE);
	struct timespec next;
	uint64_t records = 0;

	memset(bitmap, 0, (pfns / 8 / PAGE + 1) * PAGE);
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned i = 0; i < count; i++) {
		struct xen_prerecord_op op = { 0 };

		next.tv_nsec += milliseconds % 1000 * 1000000L;
		next.tv_sec += milliseconds / 1000 + next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		if (of_log_dirty ? log_dirty(LOG_DIRTY_CLEAN, bitmap, pfns) : prerecord(&op, XEN_PRERECORD_epoch))
			return fail("epoch");
		records += of_log_dirty ? 0 : op.u.epoch.count;
	}
	free(bitmap);
	printf("ok records %llu\n", (unsigned long long)records);
}

static void pause_or_not(int pause)
{
	if (pause_domain(pause))
		return fail("pausing");
	printf("ok\n");
}

static int perform(const char *word, uint64_t a, uint64_t b, uint64_t c)
{
	static const char *const operations[] = {
		[XEN_PRERECORD_prepare] = "prepare", [XEN_PRERECORD_grow] = "grow", [XEN_PRERECORD_start] = "start",
		[XEN_PRERECORD_epoch] = "epoch", [XEN_PRERECORD_query] = "query", [XEN_PRERECORD_stop] = "stop",
		[XEN_PRERECORD_release] = "release", [XEN_PRERECORD_serve] = "serve", [XEN_PRERECORD_adopt] = "adopt",
	};

	for (unsigned i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (operations[i] && !strcmp(word, operations[i]))
			return operate(i, a), 0;
	if (!strcmp(word, "pause") || !strcmp(word, "unpause"))
		pause_or_not(word[0] == 'p');
	else if (!strcmp(word, "snapshot"))
		snapshot();
	else if (!strcmp(word, "load"))
		load_snapshot();
	else if (!strcmp(word, "compare"))
		compare();
	else if (!strcmp(word, "records"))
		print_records();
	else if (!strcmp(word, "find"))
		find(a);
	else if (!strcmp(word, "spoil"))
		spoil();
	else if (!strcmp(word, "missing"))
		declare_missing();
	else if (!strcmp(word, "answer"))
		answer((unsigned)a, (int)b, c);
	else if (!strcmp(word, "epochs"))
		run_epochs((unsigned)a, (unsigned)b, (int)c);
	else if (!strcmp(word, "logdirty")) {
		read_guest();
		log_dirty(a ? LOG_DIRTY_ENABLE : LOG_DIRTY_OFF, NULL, 0) ? fail("refused") : (void)printf("ok\n");
	} else if (!strcmp(word, "pin"))
		pin(a, b);
	else if (!strcmp(word, "claim"))
		claim(a);
	else if (!strcmp(word, "retype"))
		retype(a);
	else if (!strcmp(word, "grant"))
		print_grant((unsigned)a, b);
	else if (!strcmp(word, "empty")) {
		/* This fails in the end, because what is in use as a table cannot be taken. */
		set_pool(0);
		printf("ok\n");
	} else if (!strcmp(word, "table"))
		print_table((unsigned)a);
	else if (!strcmp(word, "fuzz"))
		fuzz(a, (unsigned)b);
	else if (!strcmp(word, "tidy"))
		tidy();
	else if (!strcmp(word, "wait")) {
		wait_event((int)a);
		printf("ok\n");
	} else
		return -1;
	return 0;
}

int main(int argc, char **argv)
{
	char line[256], word[32];

	if (argc != 2)
		return 2;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	domain = (unsigned)atoi(argv[1]);
	host_open(domain);
	while (fgets(line, sizeof(line), stdin)) {
		unsigned long long a = 0, b = 0, c = 0;

		if (sscanf(line, "%31s %llu %llu %llu", word, &a, &b, &c) < 1)
			continue;
		if (perform(word, a, b, c))
			printf("error unknown command %s\n", word);
		fflush(stdout);
	}
	return 0;
}
