/*
 * Absurd hypercalls of a guest, while its page tables change: arguments lie half in one page and half in the next, in pages
 * that come and go while Xen reads them, or in no page at all; pages are given back to Xen and taken again. Calls that would
 * only end the guest at once are left out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hostile.h"
#include "lab.h"

enum {
	ARENA_PAGES = 64,
	MMU_UPDATE = 1, MEMORY_OP = 12, MULTICALL = 13, XEN_VERSION = 17, GRANT_TABLE_OP = 20, VCPU_OP = 24, MMUEXT_OP = 26,
	EVENT_CHANNEL_OP = 32, PHYSDEV_OP = 33, HVM_OP = 34, SYSCTL = 35, DOMCTL = 36, DM_OP = 41, PRERECORD_OP = 55,
	DECREASE_RESERVATION = 1, POPULATE_PHYSMAP = 6, GNTTAB_SETUP_TABLE = 2, GNTTAB_SET_VERSION = 8,
	VCPU_IS_UP = 3, VCPU_RUNSTATE = 4, HVM_GET_PARAM = 1,
};

static char *arena;
static uint64_t entries[2 * PAGE_WORDS] __attribute__((aligned(PAGE))); /* the calls of a multicall */
static uint64_t state;

static uint64_t draw(uint64_t below)
{
	return next_random(&state) % below;
}

static uint64_t absurd(void)
{
	const uint64_t numbers[] = { 0, 1, 7, 511, 512, 4095, 32767, 32768, 1ULL << 20, 1ULL << 31, (1ULL << 32) - 1, 1ULL << 32,
				     1ULL << 47, 0xffff800000000000u, 1ULL << 63, ~0ULL - 4095, ~0ULL };

	return numbers[draw(sizeof(numbers) / sizeof(*numbers))];
}

/* An argument's address: mostly in the arena, and often across the border of two pages. */
static uint64_t pointer(void)
{
	if (!draw(16))
		return absurd();
	if (draw(2))
		return (uint64_t)arena + draw(ARENA_PAGES) * PAGE + PAGE - 8 * draw(8);
	return (uint64_t)arena + draw(ARENA_PAGES * PAGE - 4096);
}

static void fill_some(uint64_t address)
{
	uint64_t *words = (uint64_t *)(address & ~(uint64_t)7);

	if (address < (uint64_t)arena || address >= (uint64_t)arena + (ARENA_PAGES - 1) * PAGE)
		return;
	for (int i = 0; i < 16; i++)
		words[i] = draw(3) ? draw(1 << 16) : draw(2) ? absurd() : pointer();
}

/* Calls of the extension, which must refuse every domain but the control domain, whatever domain they name. */
static void call_extension(int privcmd)
{
	struct { uint32_t version, command; uint16_t domain, pad; uint32_t flags; uint64_t words[8]; } op = {
		3, (uint32_t)draw(14), (uint16_t)(draw(2) ? 0x7ff0 : draw(4)), 0, 0, { absurd(), absurd(), pointer(), pointer() } };

	if (ioctl(privcmd, PRIVCMD_HYPERCALL, &(struct hypercall){ PRERECORD_OP, { (uint64_t)&op } }) == 0)
		report_error(0, "a guest may use the extension");
}

/* Calls that ask something, or act on what they name, which mostly does not exist. */
static void one_call(int privcmd)
{
	static const uint8_t calls[] = {
		MMU_UPDATE, MEMORY_OP, MULTICALL, XEN_VERSION, GRANT_TABLE_OP, GRANT_TABLE_OP, VCPU_OP, MMUEXT_OP, EVENT_CHANNEL_OP,
		PHYSDEV_OP, HVM_OP, SYSCTL, DOMCTL, DM_OP,
	};
	static const uint8_t memory[] = { 2, 3, 4, 9, 10, 26, 28 }, event[] = { 0, 1, 2, 4, 5, 6, 7 };
	struct hypercall call = { calls[draw(sizeof(calls))], { draw(32), pointer(), draw(8), draw(4) ? 0x7ff0 : absurd(), 0 } };

	fill_some(call.arg[1]);
	switch (call.op) {
	case MMU_UPDATE:
	case MMUEXT_OP:
	case MULTICALL:
		call.arg[0] = call.arg[1];
		call.arg[1] = draw(8) ? draw(200) : absurd() & 0xffff;
		call.arg[2] = draw(2) ? 0 : pointer();
		if (call.op == MMU_UPDATE)
			break;
		if (call.op == MMUEXT_OP) {
			/* Pins and flushes what is no page table. Calls that change the page table that this vCPU runs on are left out. */
			static const uint8_t operations[] = { 0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 16, 17 };

			call.arg[0] = (uint64_t)arena + draw(ARENA_PAGES - 2) * PAGE + PAGE - 24 * draw(8);
			call.arg[1] = draw(9);
			for (uint64_t i = 0; i < call.arg[1]; i++)
				*(uint32_t *)(call.arg[0] + i * 24) = operations[draw(sizeof(operations))];
			break;
		}
		/* The entries of a multicall are calls themselves. They lie in memory that stays, because an entry of zeros would take the guest's traps away. */
		call.arg[0] = (uint64_t)entries + PAGE - 64 * draw(8);
		call.arg[1] = draw(9);
		for (uint64_t *word = entries; word < entries + 2 * PAGE_WORDS; word++)
			*word = (word - entries) % 8 == 0 ? draw(2) ? XEN_VERSION : SYSCTL : draw(3) ? draw(1 << 16) : draw(2) ? absurd() : pointer();
		break;
	case MEMORY_OP:
		call.arg[0] = memory[draw(sizeof(memory))];
		break;
	case GRANT_TABLE_OP:
		while (call.arg[0] == GNTTAB_SETUP_TABLE || call.arg[0] == GNTTAB_SET_VERSION)
			call.arg[0] = draw(13);
		call.arg[2] = draw(8) ? draw(300) : absurd() & 0xffff;
		break;
	case VCPU_OP:
		call.arg[0] = draw(2) ? VCPU_IS_UP : VCPU_RUNSTATE;
		call.arg[2] = call.arg[1];
		call.arg[1] = draw(4);
		break;
	case EVENT_CHANNEL_OP:
		call.arg[0] = event[draw(sizeof(event))];
		break;
	case HVM_OP:
		call.arg[0] = HVM_GET_PARAM;
		break;
	case SYSCTL:
	case DOMCTL:
		call.arg[0] = call.arg[1];
	}
	ioctl(privcmd, PRIVCMD_HYPERCALL, &call);
}

/* Runs beside the calls, in the same memory: pages of the arena go and come, which changes the page tables while Xen walks them. */
static int __attribute__((noreturn)) churn(void *unused)
{
	uint64_t random = 77;

	(void)unused;
	for (;;) {
		char *page = arena + next_random(&random) % ARENA_PAGES * PAGE;

		if (next_random(&random) % 2)
			madvise(page, PAGE, MADV_DONTNEED);
		else
			*(volatile char *)page;
	}
}

/* For a guest that names frames as it sees them: it gives pages to Xen, reads where they were, and takes them back. */
static void give_page_back(int privcmd)
{
	static uint64_t frame;
	struct { uint64_t extents, count; uint32_t order, flags; uint16_t domain; } reservation = { (uint64_t)&frame, 1, 0, 0, 0x7ff0 };
	char *page = arena + draw(ARENA_PAGES) * PAGE;

	if (mlock(page, PAGE)) /* the page stays in one frame from here on */
		return;
	*(volatile char *)page = 1;
	frame = frame_of(page);
	if (!frame)
		return;
	ioctl(privcmd, PRIVCMD_HYPERCALL, &(struct hypercall){ MEMORY_OP, { DECREASE_RESERVATION, (uint64_t)&reservation } });
	*(volatile char *)page;
	reservation.count = 1;
	if (ioctl(privcmd, PRIVCMD_HYPERCALL, &(struct hypercall){ MEMORY_OP, { POPULATE_PHYSMAP, (uint64_t)&reservation } }) != 1)
		report_error(0, "a page that was given back does not come again");
	munlock(page, PAGE);
}

void make_absurd_calls(int privcmd, uint64_t seed, unsigned count, int names_own_frames)
{
	static char stack[4 * PAGE] __attribute__((aligned(16)));
	pid_t beside;

	state = seed;
	arena = mmap(NULL, ARENA_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	beside = clone(churn, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	if (arena == MAP_FAILED || beside < 0) {
		report_error(0, "no absurd calls: %s", strerror(errno));
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		if (names_own_frames && !draw(16))
			give_page_back(privcmd);
		draw(8) ? one_call(privcmd) : call_extension(privcmd);
	}
	kill(beside, SIGKILL);
	waitpid(beside, NULL, 0);
	munmap(arena, ARENA_PAGES * PAGE);
}
