/*
 * Workloads over the guest's paravirtual disk (/dev/xvda) and network card (eth0): each byte that comes back is compared.
 * Both use grants: the disk's backend maps the guest's pages, the card's maps and copies them.
 */
#define _GNU_SOURCE /* O_DIRECT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "lab.h"

enum { CHUNK = 4 * PAGE, CHUNKS = 256, ECHO_PORT = 7, BLOCK = 3000 };

/* The build has numbered the modules in the order in which they depend on each other. */
void load_modules(const char *parameters)
{
	char path[32];
	int fd;

	for (unsigned i = 0; snprintf(path, sizeof(path), "/modules/%02u.ko", i), (fd = open(path, O_RDONLY | O_CLOEXEC)) >= 0; i++) {
		if (syscall(SYS_finit_module, fd, parameters, 0))
			report_error(0, "module %u: %s", i, strerror(errno));
		close(fd);
	}
}

static void fill(uint64_t *words, size_t count, uint64_t seed)
{
	for (size_t i = 0; i < count; i++)
		words[i] = next_random(&seed);
}

/* Waits for the device, which comes when its backend is there. */
static int open_disk(void)
{
	struct timespec pause = { .tv_nsec = 50000000 };
	int fd;

	while ((fd = open("/dev/xvda", O_RDWR | O_DIRECT | O_CLOEXEC)) < 0)
		nanosleep(&pause, NULL);
	return fd;
}

void run_disk(unsigned worker)
{
	static uint32_t generations[CHUNKS];
	static uint64_t expected[CHUNK / 8];
	uint64_t random = options.seed + 41;
	char *buffer = mmap(NULL, 64 * CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open_disk();

	for (uint64_t n = 0;; n++) {
		unsigned chunk = n < CHUNKS ? (unsigned)n : (unsigned)(next_random(&random) % CHUNKS);
		/* Each round uses other memory, so that other pages are granted. */
		char *piece = buffer + n % 64 * CHUNK;
		off_t offset = (off_t)chunk * CHUNK;

		if (generations[chunk]) {
			fill(expected, CHUNK / 8, (uint64_t)chunk << 32 | generations[chunk]);
			if (pread(fd, piece, CHUNK, offset) != CHUNK || memcmp(piece, expected, CHUNK))
				report_error(worker, "disk: chunk %u is wrong: %s", chunk, strerror(errno));
			shared->worker[worker].checks++;
		}
		fill((uint64_t *)piece, CHUNK / 8, (uint64_t)chunk << 32 | ++generations[chunk]);
		if (pwrite(fd, piece, CHUNK, offset) != CHUNK)
			report_error(worker, "disk: chunk %u is not written: %s", chunk, strerror(errno));
		shared->worker[worker].writes++;
		pace(n + 1);
	}
}

static void address_up(void)
{
	struct ifreq request = { .ifr_name = "eth0" };
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct timespec pause = { .tv_nsec = 50000000 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, "10.78.0.2", &address.sin_addr);
	memcpy(&request.ifr_addr, &address, sizeof(address));
	while (ioctl(fd, SIOCSIFADDR, &request) && errno == ENODEV)
		nanosleep(&pause, NULL);
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		report_error(0, "eth0 does not come up: %s", strerror(errno));
	close(fd);
}

static int connect_to_host(void)
{
	struct sockaddr_in host = { .sin_family = AF_INET, .sin_port = htons(ECHO_PORT) };
	struct timespec pause = { .tv_nsec = 200000000 };
	int fd;

	inet_pton(AF_INET, "10.78.0.1", &host.sin_addr);
	for (;;) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&host, sizeof(host)) == 0)
			return fd;
		close(fd);
		nanosleep(&pause, NULL);
	}
}

void run_network(unsigned worker)
{
	static uint64_t sent[BLOCK / 8];
	static char received[BLOCK];
	int fd;

	address_up();
	fd = connect_to_host();
	for (uint64_t n = 1;; n++) {
		size_t got = 0;

		fill(sent, BLOCK / 8, n);
		if (write(fd, sent, BLOCK) != BLOCK)
			report_error(worker, "network: block %llu is not sent: %s", (unsigned long long)n, strerror(errno));
		while (got < BLOCK) {
			ssize_t part = read(fd, received + got, BLOCK - got);

			if (part <= 0) {
				report_error(worker, "network: block %llu does not come back: %s", (unsigned long long)n, strerror(errno));
				return;
			}
			got += (size_t)part;
		}
		if (memcmp(sent, received, BLOCK))
			report_error(worker, "network: block %llu comes back wrong", (unsigned long long)n);
		shared->worker[worker].checks++;
		pace(n);
	}
}
