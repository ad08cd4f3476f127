/*
 * Processes that have been forked and have not run yet: CHILDREN of them at one request, which run and end at the next one.
 * Their page tables are pinned, and no processor has ever loaded them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "lab.h"

enum { CHILDREN = 16 };

static uint64_t await_request(uint64_t done, int spinning)
{
	uint64_t wanted;

	while ((wanted = __atomic_load_n(&shared->verify_wanted, __ATOMIC_ACQUIRE)) == done)
		if (!spinning)
			usleep(50000);
	return wanted;
}

static void answer(uint64_t request)
{
	shared->worker[0].checks += CHILDREN;
	__atomic_store_n(&shared->verify_done, request, __ATOMIC_RELEASE);
}

/*
 * Runs on the last processor, with real-time priority. Its children inherit both, so that they do not run before their parent
 * sleeps, and it spins until the next request.
 */
void run_born(void)
{
	struct sched_param before_others = { .sched_priority = 1 };
	uint64_t done = 0;
	cpu_set_t last;

	CPU_ZERO(&last);
	CPU_SET((unsigned)sysconf(_SC_NPROCESSORS_ONLN) - 1, &last);
	if (sched_setaffinity(0, sizeof(last), &last) || sched_setscheduler(0, SCHED_FIFO, &before_others))
		report_error(0, "no processor of its own: %s", strerror(errno));
	for (;;) {
		done = await_request(done, 0);
		for (int i = 0; i < CHILDREN; i++)
			if (fork() == 0)
				_exit(0);
		answer(done);
		done = await_request(done, 1);
		for (int i = 0; i < CHILDREN; i++)
			if (wait(NULL) < 0)
				report_error(0, "a child is gone: %s", strerror(errno));
		answer(done);
	}
}
