/*
 * A guest that means harm. A paravirtual one tries to map every machine frame of the host for writing, and writes to all that
 * it gets. The last digit of a request's number says what it is to do:
 *
 *   1  find out which frames are its own: those that it can map for reading, page tables among them
 *   2  map every frame of the host for writing; fill those that are not its own with numbers of pages that do not exist, and
 *      write to its own what they hold already, so that it lives on
 *   3  fill every frame with such numbers, those of its own kernel included, which ends it; a guest that names frames as it
 *      sees them gives all of its memory back instead
 *   4  make absurd hypercalls while its page tables change, which any guest can do
 *   5  grant pages to the control domain
 *   6  have Xen's table of page numbers lie about pages of its own for a moment, or, 9, for good
 *   8  take pages that it does not touch any more
 *   7  give those of 8 back, take new ones in their place, and write to these
 *   0  take a page that lies far beyond all others
 *
 * It answers with how many frames it mapped (right) and how many of them were not its own (wrong).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hostile.h"
#include "lab.h"

enum { BATCH = 512, ABSURD_CALLS = 3000, DOMID_SELF = 0x7ff0, HYPERCALL_memory_op = 12, MEMORY_maximum_ram_page = 2 };

static int privcmd;
static uint64_t frame_count;
static unsigned char *known; /* a byte for each frame: whether it is the guest's own */
static size_t mapped, appeared;

/* Page numbers, and records, that lie far outside every domain and every table. */
static void write_hostile_numbers(volatile uint32_t *page)
{
	for (unsigned i = 0; i < PAGE / sizeof(*page); i++)
		page[i] = 0x7fffffffu - i;
}

static void write_what_is_there(volatile uint64_t *page)
{
	for (unsigned i = 0; i < PAGE_WORDS; i += 64)
		__atomic_fetch_or(page + i, 0, __ATOMIC_SEQ_CST);
}

static void visit_mapped(uint64_t frame, char *page, unsigned what)
{
	int is_new = !known[frame];

	mapped++;
	appeared += is_new;
	if (what == 1)
		note_hoarded(frame, page);
	known[frame] = 1;
	if (what == 3 || (what == 2 && is_new))
		write_hostile_numbers((volatile uint32_t *)page);
	else if (what == 2)
		write_what_is_there((volatile uint64_t *)page);
}

static void visit_batch(uint64_t first, unsigned what)
{
	static uint64_t frames[BATCH];
	static int errors[BATCH];
	unsigned count = 0;
	char *pages = mmap(NULL, BATCH * PAGE, what == 1 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_SHARED, privcmd, 0);

	if (pages == MAP_FAILED) {
		report_error(0, "no room to map frames: %s", strerror(errno));
		return;
	}
	for (uint64_t frame = first; frame < frame_count && count < BATCH; frame++)
		frames[count++] = frame;
	memset(errors, 0, sizeof(errors));
	if (ioctl(privcmd, PRIVCMD_MMAPBATCH, &(struct mmapbatch){ count, DOMID_SELF, (uint64_t)pages, frames, errors }) == 0 || errno == ENOENT)
		for (unsigned i = 0; i < count; i++)
			if (errors[i] == 0)
				visit_mapped(frames[i], pages + i * PAGE, what);
	munmap(pages, BATCH * PAGE);
}

static void answer(uint64_t request)
{
	shared->keys_right = mapped;
	shared->keys_wrong = appeared;
	shared->worker[0].checks += mapped;
	__atomic_store_n(&shared->verify_done, request, __ATOMIC_RELEASE);
}

/* Whether the guest names its frames as it sees them, as all but PV guests do, and not by their machine frames. */
static int names_own_frames(void)
{
	char type[8] = "";
	int fd = open("/sys/hypervisor/guest_type", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, type, sizeof(type) - 1) < 0)
		report_error(0, "the guest's type cannot be read: %s", strerror(errno));
	close(fd);
	return strncmp(type, "PV\n", 3) != 0;
}

static void visit_all(unsigned what)
{
	for (uint64_t first = 0; first < frame_count; first += BATCH)
		visit_batch(first, what);
}

static void act(uint64_t request)
{
	int translated = names_own_frames();

	switch (request % 10) {
	case 0:
		mapped = reach_far(privcmd);
		break;
	case 3:
		translated ? give_everything_back(privcmd, (uint64_t)sysconf(_SC_PHYS_PAGES)) : visit_all(3);
		break;
	case 4:
		make_absurd_calls(privcmd, request, ABSURD_CALLS, translated);
		break;
	case 5:
		grant_pages();
		break;
	case 6:
	case 9:
		mapped = lie_about_hoard(privcmd, request % 10 == 9);
		break;
	case 7:
		mapped = give_hoard_back(privcmd);
		break;
	case 8:
		hoard_pages();
		break;
	default:
		visit_all((unsigned)(request % 10));
	}
}

void run_hostile(void)
{
	struct hypercall call = { HYPERCALL_memory_op, { MEMORY_maximum_ram_page } };
	uint64_t done = 0;
	int last;

	load_modules("unrestricted=1"); /* whoever opens the device may make hypercalls */
	privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	last = privcmd < 0 ? -1 : ioctl(privcmd, PRIVCMD_HYPERCALL, &call);
	if (last < 0) {
		report_error(0, "no hypercalls: %s", strerror(errno));
		return;
	}
	frame_count = (uint64_t)last + 1;
	known = calloc(frame_count, 1);
	for (;;) {
		uint64_t wanted = __atomic_load_n(&shared->verify_wanted, __ATOMIC_ACQUIRE);

		if (wanted == done) {
			usleep(50000);
			continue;
		}
		mapped = appeared = 0;
		act(wanted);
		answer(done = wanted);
	}
}
