/* Workloads that own memory and know what every byte of it must be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lab.h"

enum { CLUSTERS = 8, CHILDREN = 24, CHILD_PAGES = 64, CHILD_ROUNDS = 400 };

struct region {
	unsigned worker;
	uint64_t key;          /* so that the contents of two regions differ */
	size_t pages;
	uint64_t *memory;
	uint32_t *generations; /* how often each page was written */
};

static uint64_t word_start(const struct region *region, size_t page)
{
	return (region->key ^ ((uint64_t)page << 32 | region->generations[page])) * 0x9e3779b97f4a7c15u | 1;
}

static uint64_t next_word(uint64_t word)
{
	return word * 6364136223846793005u + 1442695040888963407u;
}

static void write_page(struct region *region, size_t page)
{
	uint64_t *p = region->memory + page * PAGE_WORDS, word = word_start(region, page);

	for (int i = 0; i < PAGE_WORDS; i++, word = next_word(word))
		p[i] = word;
}

static void check_page(struct region *region, size_t page)
{
	volatile uint64_t *p = region->memory + page * PAGE_WORDS;
	uint64_t word = word_start(region, page);

	for (int i = 0; i < PAGE_WORDS; i++, word = next_word(word)) {
		uint64_t seen = p[i];

		if (seen == word)
			continue;
		report_error(region->worker, "page %zu generation %u word %d: %016llx instead of %016llx", page,
			     region->generations[page], i, (unsigned long long)seen, (unsigned long long)word);
		write_page(region, page); /* so that this damage is counted once */
		break;
	}
	shared->worker[region->worker].checks++;
}

/* Checks a page, and in one access of four gives it its next content. */
static void touch_page(struct region *region, size_t page, uint64_t random)
{
	check_page(region, page);
	if ((random & 3) == 0) {
		region->generations[page]++;
		write_page(region, page);
		shared->worker[region->worker].writes++;
	}
}

static struct region open_region(unsigned worker, uint64_t key, size_t pages)
{
	struct region region = { .worker = worker, .key = key * 0xbf58476d1ce4e5b9u, .pages = pages };

	region.memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	region.generations = calloc(pages, sizeof(*region.generations));
	if (region.memory == MAP_FAILED || !region.generations) {
		report_error(worker, "no memory for %zu pages", pages);
		exit(1);
	}
	/* Pages of 4 KiB, as the hypervisor counts them, so that a touch of one page is a touch of no other. */
	madvise(region.memory, pages * PAGE, MADV_NOHUGEPAGE);
	for (size_t page = 0; page < pages; page++)
		write_page(&region, page);
	return region;
}

static struct region open_share(unsigned worker, unsigned workers)
{
	return open_region(worker, options.seed + worker, (size_t)options.mib * 256 / workers);
}

/* Hot set: nine accesses in ten go to a few clusters of neighbouring pages, the others anywhere. */
void run_writer(unsigned worker, unsigned workers)
{
	struct region region = open_share(worker, workers);
	uint64_t random = options.seed * 977 + worker + 1;
	size_t cluster = region.pages * options.hot / 100 / CLUSTERS, starts[CLUSTERS];

	if (cluster == 0)
		cluster = 1;
	for (int i = 0; i < CLUSTERS; i++)
		starts[i] = next_random(&random) % (region.pages - cluster + 1);
	for (uint64_t n = 1;; n++) {
		uint64_t r = next_random(&random);
		size_t page = (r >> 8) % 10 ? starts[(r >> 16) % CLUSTERS] + (r >> 32) % cluster : (r >> 32) % region.pages;

		touch_page(&region, page, r);
		pace(n);
	}
}

void run_sequential(unsigned worker, unsigned workers)
{
	struct region region = open_share(worker, workers);
	uint64_t random = options.seed * 977 + worker + 1;

	for (uint64_t n = 0;; n++) {
		touch_page(&region, n % region.pages, next_random(&random));
		pace(n + 1);
	}
}

/* One short life of a small process. */
int run_many_child(unsigned worker, uint64_t seed)
{
	struct region region = open_region(worker, seed, CHILD_PAGES);
	uint64_t random = seed + 1, errors = shared->worker[worker].errors;

	for (uint64_t n = 0; n < CHILD_ROUNDS; n++) {
		uint64_t r = next_random(&random);

		touch_page(&region, (r >> 16) % CHILD_PAGES, r);
		pace(n + 1);
	}
	return shared->worker[worker].errors != errors;
}

static pid_t spawn_child(unsigned worker, uint64_t seed)
{
	char number[24], seed_text[24];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	snprintf(number, sizeof(number), "%u", worker);
	snprintf(seed_text, sizeof(seed_text), "%llu", (unsigned long long)seed);
	execl("/proc/self/exe", "init", "child", number, seed_text, (char *)NULL);
	_exit(127);
}

/* Many small processes that come and go by fork and exec. */
void run_many(unsigned worker)
{
	pid_t children[CHILDREN];

	for (int i = 0; i < CHILDREN; i++)
		children[i] = spawn_child(worker + 1 + (unsigned)i, options.seed + ++shared->spawned);
	for (;;) {
		int status;
		pid_t pid = wait(&status);

		for (int i = 0; i < CHILDREN; i++) {
			if (children[i] != pid)
				continue;
			if (status != 0)
				report_error(worker, "process %d ended with status %#x", pid, status);
			children[i] = spawn_child(worker + 1 + (unsigned)i, options.seed + ++shared->spawned);
		}
	}
}
