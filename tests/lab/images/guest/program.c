/*
 * Real programs as workloads: /programs/NAME is a shell script that works for ever and says after each round, on its
 * standard output, `ok`, or what was wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "lab.h"

void run_program(unsigned worker)
{
	char path[sizeof("/programs/") + sizeof(options.workload)], line[120];
	int ends[2];
	FILE *rounds;

	snprintf(path, sizeof(path), "/programs/%s", options.workload);
	if (pipe(ends)) {
		report_error(worker, "pipe: %s", strerror(errno));
		return;
	}
	if (fork() == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execl("/bin/busybox", "sh", path, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	rounds = fdopen(ends[0], "r");
	while (rounds && fgets(line, sizeof(line), rounds)) {
		line[strcspn(line, "\n")] = 0;
		if (strcmp(line, "ok"))
			report_error(worker, "%s: %s", options.workload, line);
		shared->worker[worker].checks++;
	}
	report_error(worker, "%s has ended", path);
}
