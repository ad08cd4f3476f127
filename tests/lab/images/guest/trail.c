/* At each request touches known pages in an order that the host can compute, too, so that it knows what a recording must show. */
#include <sys/mman.h>
#include <time.h>
#include "lab.h"

enum { TRAIL_PAGES = 1024, TRAIL_STEPS = 512 };
static const uint64_t TRAIL_MAGIC = 0x7472616c69617274; /* the first word of each page; the second is the page's number */

static void lay_trail(volatile uint64_t *region, uint64_t request)
{
	static uint16_t order[TRAIL_PAGES];
	uint64_t random = request;

	for (unsigned i = 0; i < TRAIL_PAGES; i++)
		order[i] = (uint16_t)i;
	for (unsigned i = 0; i < TRAIL_STEPS; i++) {
		unsigned j = i + (unsigned)(next_random(&random) % (TRAIL_PAGES - i));
		uint16_t page = order[j];
		volatile uint64_t *p = region + page * PAGE_WORDS;

		order[j] = order[i];
		order[i] = page;
		if (next_random(&random) % 4 == 0)
			p[2] = request;
		else if (p[1] != page)
			report_error(0, "page %u of the trail says it is %llu", page, (unsigned long long)p[1]);
	}
}

void run_trail(void)
{
	volatile uint64_t *region = mmap(NULL, TRAIL_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t done = 0;

	madvise((void *)region, TRAIL_PAGES * PAGE, MADV_NOHUGEPAGE);
	for (uint64_t i = 0; i < TRAIL_PAGES; i++) {
		region[i * PAGE_WORDS] = TRAIL_MAGIC;
		region[i * PAGE_WORDS + 1] = i;
	}
	for (;;) {
		struct timespec pause = { .tv_nsec = 50000000 };
		uint64_t wanted = __atomic_load_n(&shared->verify_wanted, __ATOMIC_ACQUIRE);

		if (wanted != done) {
			lay_trail(region, wanted);
			done = wanted;
			shared->worker[0].checks += TRAIL_STEPS;
			__atomic_store_n(&shared->verify_done, done, __ATOMIC_RELEASE);
		}
		nanosleep(&pause, NULL);
	}
}
