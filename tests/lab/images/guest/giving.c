/*
 * A guest makes trouble with pages of its own. It gives pages back to Xen, also such as are missing and were never touched since;
 * it writes wrong numbers into Xen's table of page numbers; it takes a page far beyond all others; and it gives all of its memory
 * back, which ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hostile.h"
#include "lab.h"

enum {
	HOARD_PAGES = 256, LARGE_ORDER = 9, LARGE = 1 << LARGE_ORDER,
	HYPERCALL_mmu_update = 1, HYPERCALL_memory_op = 12, DOMID_SELF = 0x7ff0,
	MMU_MACHPHYS_UPDATE = 1, DECREASE_RESERVATION = 1, POPULATE_PHYSMAP = 6,
};
#define HOARD_MAGIC 0x64726f6168736968ull /* the first word of page 0 of the hoard; each page adds its number in the hoard */
#define NO_SUCH_PAGE 0x7ffffff0u
#define FAR_AWAY (1ull << 28)

struct reservation { const uint64_t *extents; uint64_t count; uint32_t order, flags; uint16_t domain; };

static char *hoard;
static uint64_t numbers[HOARD_PAGES]; /* the guest frame of each page of the hoard */
static uint64_t machine[HOARD_PAGES]; /* the machine frame of each, or 0 where it is not known */

static long memory_op(int privcmd, unsigned op, const uint64_t *extents, uint64_t count, unsigned order)
{
	struct reservation reservation = { extents, count, order, 0, DOMID_SELF };

	return ioctl(privcmd, PRIVCMD_HYPERCALL, &(struct hypercall){ HYPERCALL_memory_op, { op, (uint64_t)&reservation } });
}

uint64_t frame_of(const void *page)
{
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (pread(fd, &entry, 8, (off_t)((uint64_t)page / PAGE * 8)) != 8)
		entry = 0;
	close(fd);
	return entry >> 63 ? entry & ((1ULL << 55) - 1) : 0;
}

void hoard_pages(void)
{
	hoard = mmap(NULL, HOARD_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (hoard == MAP_FAILED || mlock(hoard, HOARD_PAGES * PAGE)) {
		report_error(0, "no pages to hoard: %s", strerror(errno));
		return;
	}
	for (uint64_t i = 0; i < HOARD_PAGES; i++) {
		*(volatile uint64_t *)(hoard + i * PAGE) = HOARD_MAGIC + i;
		numbers[i] = frame_of(hoard + i * PAGE);
	}
}

void note_hoarded(uint64_t frame, const void *page)
{
	uint64_t i = *(const volatile uint64_t *)page - HOARD_MAGIC;

	if (i < HOARD_PAGES)
		machine[i] = frame;
}

/*
 * Xen's table of page numbers gets, for each page whose machine frame is known, the number of its neighbour, then one that no page has,
 * and then, unless the lie is for good, the page's own again.
 */
unsigned lie_about_hoard(int privcmd, int for_good)
{
	unsigned told = 0;

	for (uint64_t i = 0; i < HOARD_PAGES; i++) {
		uint64_t where = machine[i] * PAGE | MMU_MACHPHYS_UPDATE;
		struct { uint64_t where, number; } updates[] = {
			{ where, numbers[(i + 1) % HOARD_PAGES] }, { where, NO_SUCH_PAGE + i % 16 }, { where, numbers[i] },
		};
		struct hypercall call = { HYPERCALL_mmu_update, { (uint64_t)updates, for_good ? 2 : 3, 0, DOMID_SELF } };

		if (machine[i])
			told += ioctl(privcmd, PRIVCMD_HYPERCALL, &call) == 0;
	}
	for (uint64_t i = 0; i < HOARD_PAGES; i++)
		if (*(volatile uint64_t *)(hoard + i * PAGE) != HOARD_MAGIC + i)
			report_error(0, "a page that was lied about has lost its content");
	return told;
}

/*
 * Gives each page back and takes a new one in its place. The pages were not touched before, so that they may be missing, and nobody
 * has asked for their content: it must not come into the new pages any more.
 */
unsigned give_hoard_back(int privcmd)
{
	unsigned given = 0;

	for (unsigned i = 0; i < HOARD_PAGES; i++) {
		volatile uint64_t *page = (volatile uint64_t *)(hoard + i * PAGE);

		if (!numbers[i] || memory_op(privcmd, DECREASE_RESERVATION, &numbers[i], 1, 0) != 1)
			continue;
		given++;
		if (i % 4 == 0)
			*page; /* reads where no page is */
		if (memory_op(privcmd, POPULATE_PHYSMAP, &numbers[i], 1, 0) != 1) {
			report_error(0, "a page that was given back does not come again");
			continue;
		}
		*page = HOARD_MAGIC + i;
	}
	for (uint64_t i = 0; i < HOARD_PAGES; i++)
		if (*(volatile uint64_t *)(hoard + i * PAGE) != HOARD_MAGIC + i)
			report_error(0, "a page that came again does not keep what is written");
	return given;
}

unsigned reach_far(int privcmd)
{
	static const uint64_t far_away = FAR_AWAY;

	return memory_op(privcmd, POPULATE_PHYSMAP, &far_away, 1, 0) == 1;
}

/* From the top, 32 MiB a call. The large page that the list itself lies in comes last, if the guest still lives then. */
void give_everything_back(int privcmd, uint64_t pages)
{
	enum { A_CALL = 16 };
	static uint64_t extents[A_CALL];
	uint64_t own, count = 0;

	mlock(extents, sizeof(extents));
	extents[0] = 1;
	own = frame_of(extents) / LARGE;
	for (uint64_t i = pages / LARGE; i--;) {
		if (i != own)
			extents[count++] = i * LARGE;
		if (count < A_CALL && i)
			continue;
		memory_op(privcmd, DECREASE_RESERVATION, extents, count, LARGE_ORDER);
		count = 0;
	}
	extents[0] = own * LARGE;
	memory_op(privcmd, DECREASE_RESERVATION, extents, 1, LARGE_ORDER);
}
