/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "guest.h"

enum { CHUNK = 1024, NUMBERS_A_PAGE = PAGE / 4 };

uint64_t *p2m;
size_t pfns;
char *before;
static size_t copy_size;
static uint64_t fixed; /* slots in use when `before` was complete */

void fail(const char *what)
{
	printf("error %s: %s\n", what, strerror(errno));
}

void each_page(int writable, void (*visit)(size_t pfn, char *page, int error))
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

void read_guest(void)
{
	free(p2m);
	p2m = read_p2m(&pfns);
}

struct xen_prerecord_op query(void)
{
	struct xen_prerecord_op op = { 0 };

	if (prerecord(&op, XEN_PRERECORD_query))
		memset(&op, 0, sizeof(op));
	return op;
}

/* The copy lies in a file, the frames before the pages, so that another tool can go on where this one died. */
static int map_copy(int create)
{
	char path[64];
	uint64_t *copy;
	int fd;

	snprintf(path, sizeof(path), "/tmp/extension-%u", domain);
	fd = open(path, O_RDWR | O_CLOEXEC | (create ? O_CREAT | O_TRUNC : 0), 0600);
	if (fd < 0)
		return -1;
	if (!create) {
		struct stat status;

		fstat(fd, &status);
		pfns = (size_t)status.st_size / (PAGE + 8);
	}
	if (before)
		munmap(before - copy_size / (PAGE + 8) * 8, copy_size);
	copy_size = pfns * (PAGE + 8);
	if (create && ftruncate(fd, (off_t)copy_size))
		return -1;
	copy = mmap(NULL, copy_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (copy == MAP_FAILED)
		return -1;
	if (create)
		memcpy(copy, p2m, pfns * 8);
	else {
		p2m = realloc(p2m, pfns * 8);
		memcpy(p2m, copy, pfns * 8);
	}
	before = (char *)(copy + pfns);
	return 0;
}

static void keep(size_t pfn, char *page, int error)
{
	if (error)
		p2m[pfn] = NO_FRAME;
	else
		memcpy(before + pfn * PAGE, page, PAGE);
}

/* To be called with the domain paused. Taken after `start`, the copy shows the instant of the start, for what is written in between is backed up. */
void snapshot(void)
{
	size_t count = 0;

	read_guest();
	if (map_copy(1))
		return fail("snapshot");
	each_page(0, keep);
	for (size_t i = 0; i < pfns; i++)
		count += p2m[i] != NO_FRAME;
	fixed = query().u.query.used;
	printf("ok pages %zu fixed %llu\n", count, (unsigned long long)fixed);
}

void load_snapshot(void)
{
	if (map_copy(0))
		return fail("load");
	printf("ok pages %zu\n", pfns);
}

uint32_t *slots_by_pfn(uint64_t used)
{
	uint32_t *by_pfn = calloc(pfns, sizeof(*by_pfn)), *slots;
	size_t pages = (used + NUMBERS_A_PAGE - 1) / NUMBERS_A_PAGE;

	if (used == 0)
		return by_pfn;
	slots = map_table(XEN_PRERECORD_SLOTS, pages);
	for (uint32_t i = 0; i < used; i++)
		if (slots[i] < pfns)
			by_pfn[slots[i]] = i + 1;
	unmap_frames(slots, pages);
	return by_pfn;
}

static uint32_t *backed;
static size_t compared, wrong, changed, excused;
static size_t first_wrong, first_slot; /* of the slot one more than its number, or 0 where the page is not backed up */
static int first_offset; /* of the first wrong byte, or why the page cannot be read: a negative errno */

static size_t first_difference(const char *a, const char *b)
{
	size_t i = 0;

	while (i < PAGE && a[i] == b[i])
		i++;
	return i;
}

static void note_wrong(size_t pfn, int offset)
{
	if (wrong++)
		return;
	first_wrong = pfn;
	first_slot = backed[pfn];
	first_offset = offset;
}

static void check(size_t pfn, const char *original)
{
	size_t offset = first_difference(original, before + pfn * PAGE);

	if (offset == PAGE)
		return;
	/* Backends wrote to these pages while the snapshot was taken: the backup is right, and the snapshot may be late. */
	if (backed[pfn] && backed[pfn] <= fixed) {
		excused++;
		return;
	}
	note_wrong(pfn, (int)offset);
}

static int *differs; /* for each page that is not as it was: one more than the offset of the first wrong byte, or a negative errno where it cannot be read */

static void note_difference(size_t pfn, char *page, int error)
{
	size_t offset = error ? PAGE : first_difference(page, before + pfn * PAGE);

	differs[pfn] = error ? error : offset == PAGE ? 0 : (int)offset + 1;
}

/*
 * Compares the domain as it was at `start`, made of the backups and of the pages that were not written since, with the snapshot.
 * The pages are read before the backups, because backends write even while the domain is paused: a page that is found written is
 * backed up by then.
 */
void compare(void)
{
	uint64_t used;
	char *store;

	differs = calloc(pfns, sizeof(*differs));
	each_page(0, note_difference);
	used = query().u.query.used;
	store = used ? map_table(XEN_PRERECORD_STORE, used) : NULL;
	backed = slots_by_pfn(used);
	compared = wrong = changed = excused = 0;
	for (size_t pfn = 0; pfn < pfns; pfn++) {
		if (p2m[pfn] == NO_FRAME)
			continue;
		compared++;
		changed += differs[pfn] != 0;
		if (backed[pfn])
			check(pfn, store + (size_t)(backed[pfn] - 1) * PAGE);
		else if (differs[pfn])
			note_wrong(pfn, differs[pfn] - (differs[pfn] > 0));
	}
	printf("ok pages %zu backed %llu changed %zu excused %zu wrong %zu", compared, (unsigned long long)used, changed, excused, wrong);
	if (wrong)
		printf(" first %zu slot %zu offset %d", first_wrong, first_slot, first_offset);
	printf("\n");
	if (store)
		unmap_frames(store, used);
	free(backed);
	free(differs);
}

static uint64_t magic;

static void print_if_found(size_t pfn, char *page, int error)
{
	const uint64_t *words = (const uint64_t *)page;

	if (!error && words[0] == magic)
		printf(" %llu:%zu", (unsigned long long)words[1], pfn);
}

void find(uint64_t wanted)
{
	magic = wanted;
	if (!p2m)
		read_guest();
	printf("ok");
	each_page(0, print_if_found);
	printf("\n");
}
