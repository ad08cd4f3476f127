/*
 * PID 1 of a guest: starts the workload that the kernel's command line names
 * and reports to xenstore, where the host reads it whatever migration did:
 *
 *   data/lab          beat=N checks=N writes=N errors=N ..., once a second
 *   data/lab-request  a number that the host writes: every redis key is re-read, a trail is laid, ...
 *   data/lab-reply    request=N keys=N right=N wrong=N missing=N
 *   data/lab-error    the first error, if there was one
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "lab.h"

struct shared *shared;
struct options options = { .workload = "idle", .mib = 32, .hot = 12, .keys = 2000, .value = 512, .seed = 1 };

static const char *const SHARED_FILE = "/run/shared";

void report_error(unsigned worker, const char *format, ...)
{
	char text[sizeof(shared->first_error)];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!shared->first_error[0])
		memcpy(shared->first_error, text, sizeof(text));
	if (__atomic_add_fetch(&shared->worker[worker].errors, 1, __ATOMIC_RELAXED) <= 20)
		printf("lab: ERROR worker %u: %s\n", worker, text);
}

uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static int64_t now_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Sleeps 20 ms or more at once, because each sleep leaves the guest and comes back, which is slow under emulation. */
void pace(uint64_t operations)
{
	static int64_t start;
	int64_t ahead;

	if (options.rate == 0)
		return;
	if (start == 0)
		start = now_nanoseconds();
	ahead = start + (int64_t)(operations * 1000000000u / options.rate) - now_nanoseconds();
	if (ahead >= 20000000) {
		struct timespec rest = { .tv_sec = ahead / 1000000000, .tv_nsec = ahead % 1000000000 };

		while (nanosleep(&rest, &rest) && errno == EINTR)
			;
	}
}

static unsigned number_option(const char *line, const char *name, unsigned otherwise)
{
	const char *found = strstr(line, name);

	return found ? (unsigned)strtoul(found + strlen(name), NULL, 10) : otherwise;
}

static void read_options(void)
{
	char line[2048] = "";
	int fd = open("/proc/cmdline", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	const char *workload = strstr(line, "lab.workload=");

	if (fd >= 0)
		close(fd);
	if (n > 0 && workload)
		sscanf(workload, "lab.workload=%15[a-z]", options.workload);
	options.mib = number_option(line, "lab.mib=", options.mib);
	options.rate = number_option(line, "lab.rate=", options.rate);
	options.hot = number_option(line, "lab.hot=", options.hot);
	options.workers = number_option(line, "lab.workers=", (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
	options.keys = number_option(line, "lab.keys=", options.keys);
	options.value = number_option(line, "lab.value=", options.value);
	options.seed = number_option(line, "lab.seed=", (unsigned)options.seed);
}

static void open_shared(void)
{
	int fd = open(SHARED_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(*shared)))
		exit(1);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (shared == MAP_FAILED)
		exit(1);
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request))
		report_error(0, "the loopback interface does not come up: %s", strerror(errno));
	close(fd);
}

/*
 * Makes a guest that cannot be suspended. Once a reboot is asked for, the kernel ignores every later request. So this guest asks for a
 * reboot itself, after it has seen to it that the kernel then merely signals PID 1, which takes no notice.
 */
static void refuse_suspend(void)
{
	if (reboot(RB_DISABLE_CAD) || xenstore_write("control/shutdown", "reboot"))
		report_error(0, "a reboot cannot be asked for: %s", strerror(errno));
}

static void start_worker(void (*run)(unsigned, unsigned), unsigned worker, unsigned workers)
{
	if (fork() == 0) {
		run(worker, workers);
		_exit(0);
	}
}

static void redis_worker(unsigned worker, unsigned workers)
{
	(void)workers;
	run_redis(worker);
}

static void many_worker(unsigned worker, unsigned workers)
{
	(void)workers;
	run_many(worker);
}

static void disk_worker(unsigned worker, unsigned workers)
{
	(void)workers;
	run_disk(worker);
}

static void network_worker(unsigned worker, unsigned workers)
{
	(void)workers;
	run_network(worker);
}

static void trail_worker(unsigned worker, unsigned workers)
{
	(void)worker, (void)workers;
	run_trail();
}

static void born_worker(unsigned worker, unsigned workers)
{
	(void)worker, (void)workers;
	run_born();
}

static void hostile_worker(unsigned worker, unsigned workers)
{
	(void)worker, (void)workers;
	run_hostile();
}

static void program_worker(unsigned worker, unsigned workers)
{
	(void)workers;
	run_program(worker);
}

static int is_program(const char *name)
{
	char path[sizeof("/programs/") + sizeof(options.workload)];

	snprintf(path, sizeof(path), "/programs/%s", name);
	return access(path, R_OK) == 0;
}

static void start_workload(void)
{
	const char *name = options.workload;
	int mixed = !strcmp(name, "mixed"), writer = mixed || !strcmp(name, "writer");

	if (writer || !strcmp(name, "sequential"))
		for (unsigned i = 0; i < options.workers; i++)
			start_worker(writer ? run_writer : run_sequential, i, options.workers);
	if (mixed || !strcmp(name, "redis"))
		start_worker(redis_worker, MAX_WORKERS - 1, 1);
	if (!strcmp(name, "many"))
		start_worker(many_worker, 0, 1);
	if (!strcmp(name, "devices")) {
		load_modules("");
		start_worker(disk_worker, 0, 1);
		start_worker(network_worker, 1, 1);
	}
	if (!strcmp(name, "trail"))
		start_worker(trail_worker, 0, 1);
	if (!strcmp(name, "born"))
		start_worker(born_worker, 0, 1);
	if (!strcmp(name, "hostile"))
		start_worker(hostile_worker, 0, 1);
	if (!strcmp(name, "database"))
		load_modules("");
	if (is_program(name))
		start_worker(program_worker, 0, 1);
	if (!strcmp(name, "nosuspend"))
		refuse_suspend();
}

static void report(uint64_t beat)
{
	struct counters sum = { 0 };
	struct timespec now;
	char text[400];

	for (int i = 0; i < MAX_WORKERS; i++) {
		sum.checks += shared->worker[i].checks;
		sum.writes += shared->worker[i].writes;
		sum.errors += shared->worker[i].errors;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "beat=%llu checks=%llu writes=%llu errors=%llu spawned=%llu keys=%llu uptime=%lld.%02ld workload=%s",
		 (unsigned long long)beat, (unsigned long long)sum.checks, (unsigned long long)sum.writes,
		 (unsigned long long)sum.errors, (unsigned long long)shared->spawned, (unsigned long long)shared->keys,
		 (long long)now.tv_sec, now.tv_nsec / 10000000, options.workload);
	xenstore_write("data/lab", text);
	if (shared->first_error[0])
		xenstore_write("data/lab-error", shared->first_error);
}

static void answer_requests(void)
{
	static uint64_t answered;
	char text[200];
	uint64_t number;

	if (xenstore_read("data/lab-request", text, sizeof(text)) == 0 && (number = strtoull(text, NULL, 10)) != 0)
		__atomic_store_n(&shared->verify_wanted, number, __ATOMIC_RELEASE);
	number = __atomic_load_n(&shared->verify_done, __ATOMIC_ACQUIRE);
	if (number == answered)
		return;
	snprintf(text, sizeof(text), "request=%llu keys=%llu right=%llu wrong=%llu missing=%llu", (unsigned long long)number,
		 (unsigned long long)shared->keys, (unsigned long long)shared->keys_right,
		 (unsigned long long)shared->keys_wrong, (unsigned long long)shared->keys_missing);
	if (xenstore_write("data/lab-reply", text) == 0)
		answered = number;
}

/* A workload that dies has met an error, whatever killed it. */
static void collect_children(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		report_error(0, "process %d ended with status %#x", pid, status);
}

int main(int argc, char **argv)
{
	if (strstr(argv[0], "poweroff") || strstr(argv[0], "reboot")) {
		read_options();
		if (strcmp(options.workload, "nosuspend") == 0)
			return 0;
		return reboot(strstr(argv[0], "reboot") ? RB_AUTOBOOT : RB_POWER_OFF);
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 4 && !strcmp(argv[1], "child")) {
		open_shared();
		read_options();
		return run_many_child((unsigned)strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
	}
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	read_options();
	open_shared();
	loopback_up();
	printf("lab: workload %s, %u MiB, rate %u, %u workers\n", options.workload, options.mib, options.rate, options.workers);
	start_workload();
	for (uint64_t beat = 1;; beat++) {
		struct timespec second = { .tv_sec = 1 };

		report(beat);
		answer_requests();
		collect_children();
		nanosleep(&second, NULL);
	}
}
