/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "host.h"

enum {
	HYPERCALL_xen_version = 17, HYPERCALL_mmuext_op = 26, HYPERCALL_domctl = 36, HYPERCALL_dm_op = 41,
	DMOP_set_mem_type = 12,
	DOMCTL_pause = 3, DOMCTL_unpause = 4, DOMCTL_info = 5, DOMCTL_shadow = 10,
	INFO_HVM = 1 << 1, /* one of the flags that DOMCTL_info gives */
	/* Offsets in the shared information page: arch.max_pfn, arch.pfn_to_mfn_frame_list_list. */
	SHARED_MAX_PFN = 3088, SHARED_LISTS = 3096,
};

/* From linux/privcmd.h and linux/evtchn.h, which cannot be included: what they include is not installed with them. */
struct hypercall { uint64_t op, arg[5]; };
struct mmapbatch { unsigned num; uint16_t dom; uint64_t addr; const uint64_t *arr; int *err; };
struct bind { unsigned remote_domain, remote_port; };
#define PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct hypercall))
#define PRIVCMD_MMAPBATCH _IOC(_IOC_NONE, 'P', 4, sizeof(struct mmapbatch))
#define EVTCHN_BIND_INTERDOMAIN _IOC(_IOC_NONE, 'E', 1, sizeof(struct bind))

static int privcmd, evtchn;
static uint16_t domid;
static uint32_t domctl_version; /* of what is used here nothing but that differs between Xen 4.17 and 4.20 */
static char *argument; /* locked in memory: hypercalls do not fault pages in */

static long hypercall(unsigned op, uint64_t first, uint64_t second, uint64_t third, uint64_t fourth)
{
	struct hypercall call = { op, { first, second, third, fourth } };

	return ioctl(privcmd, PRIVCMD_HYPERCALL, &call);
}

static void die(const char *what)
{
	printf("error %s: %s\n", what, strerror(errno));
	exit(1);
}

void host_open(unsigned domain)
{
	domid = (uint16_t)domain;
	privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	evtchn = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
	if (privcmd < 0 || evtchn < 0)
		die("open");
	argument = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	if (argument == MAP_FAILED)
		die("mmap");
	domctl_version = (hypercall(HYPERCALL_xen_version, 0, 0, 0, 0) & 0xffff) < 19 ? 0x15 : 0x17;
}

long prerecord(struct xen_prerecord_op *op, unsigned cmd)
{
	return prerecord_version(op, cmd, XEN_PRERECORD_VERSION);
}

long prerecord_version(struct xen_prerecord_op *op, unsigned cmd, unsigned version)
{
	long rc;

	op->version = version;
	op->cmd = cmd;
	op->domain = domid;
	memcpy(argument, op, sizeof(*op));
	rc = hypercall(__HYPERVISOR_prerecord_op, (uint64_t)argument, 0, 0, 0);
	memcpy(op, argument, sizeof(*op));
	return rc;
}

static long domctl(unsigned cmd, uint64_t *result, size_t words)
{
	struct { uint32_t cmd, version; uint16_t domain, pad[3]; uint64_t u[16]; } op = { cmd, domctl_version, domid, { 0 }, { 0 } };
	long rc;

	memcpy(argument, &op, sizeof(op));
	rc = hypercall(HYPERCALL_domctl, (uint64_t)argument, 0, 0, 0);
	if (words)
		memcpy(result, argument + 16, words * 8);
	return rc;
}

int pause_domain(int pause)
{
	return (int)domctl(pause ? DOMCTL_pause : DOMCTL_unpause, NULL, 0);
}

static long paging_domctl(unsigned cmd, unsigned mib, void *bitmap, uint64_t pages)
{
	struct {
		uint32_t cmd, version;
		uint16_t domain, pad[3];
		struct { uint32_t op, mode, mb, pad; uint64_t bitmap, pages, stats[2]; } u;
		uint64_t rest[10];
	} op = { DOMCTL_shadow, domctl_version, domid, { 0 }, { cmd, 0, mib, 0, (uint64_t)bitmap, pages, { 0 } }, { 0 } };

	memcpy(argument, &op, sizeof(op));
	return hypercall(HYPERCALL_domctl, (uint64_t)argument, 0, 0, 0);
}

long log_dirty(unsigned cmd, void *bitmap, uint64_t pages)
{
	return paging_domctl(cmd, 0, bitmap, pages);
}

long set_pool(unsigned mib)
{
	enum { SET_ALLOCATION = 31 };

	return paging_domctl(SET_ALLOCATION, mib, NULL, 0);
}

long mmu_extended(unsigned cmd, uint64_t frame)
{
	struct { uint32_t cmd, pad; uint64_t frame, more; } op = { cmd, 0, frame, 0 };

	memcpy(argument, &op, sizeof(op));
	return hypercall(HYPERCALL_mmuext_op, (uint64_t)argument, 1, 0, domid);
}

long set_memory_type(uint64_t pfn, unsigned type)
{
	struct { uint64_t address, size; } *buffer = (void *)argument;
	struct { uint32_t op, pad, count; uint16_t type, pad2; uint64_t first, rest[8]; } *op = (void *)(argument + sizeof(*buffer));

	memset(argument, 0, sizeof(*buffer) + sizeof(*op));
	op->op = DMOP_set_mem_type;
	op->type = (uint16_t)type;
	op->count = 1;
	op->first = pfn;
	buffer->address = (uint64_t)op;
	buffer->size = sizeof(*op);
	return hypercall(HYPERCALL_dm_op, domid, 1, (uint64_t)buffer, 0);
}

/* A frame that is refused has its own error in `errors`; NULL means that the call itself failed. */
static void *map_frames_of(unsigned of, const uint64_t *frames, size_t count, int writable, int *errors)
{
	void *pages = mmap(NULL, count * PAGE, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, privcmd, 0);
	struct mmapbatch batch = { (unsigned)count, (uint16_t)of, (uint64_t)pages, frames, errors };

	if (pages == MAP_FAILED)
		return NULL;
	if (ioctl(privcmd, PRIVCMD_MMAPBATCH, &batch) && errno != ENOENT) {
		munmap(pages, count * PAGE);
		return NULL;
	}
	return pages;
}

void *map_frames(const uint64_t *frames, size_t count, int writable, int *errors)
{
	void *pages = map_frames_of(domid, frames, count, writable, errors);

	if (!pages)
		die("mapping foreign frames");
	return pages;
}

void unmap_frames(void *pages, size_t count)
{
	munmap(pages, count * PAGE);
}

uint64_t *table_frames(unsigned table, uint64_t first, size_t count)
{
	size_t bytes = (count * 8 + PAGE - 1) / PAGE * PAGE;
	uint64_t *frames = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
	struct xen_prerecord_op op = { .u.frames = { .first = first, .count = count, .table = table, .frames = (uint64_t)frames } };

	if (frames == MAP_FAILED)
		return NULL;
	if (prerecord(&op, XEN_PRERECORD_frames) == 0)
		return frames;
	munmap(frames, bytes);
	return NULL;
}

void free_frames(uint64_t *frames, size_t count)
{
	munmap(frames, (count * 8 + PAGE - 1) / PAGE * PAGE);
}

static void *try_map_table(unsigned of, unsigned table, uint64_t first, size_t count, int writable)
{
	uint64_t *frames = table_frames(table, first, count);
	int *errors = calloc(count, sizeof(*errors));
	void *pages = frames ? map_frames_of(of, frames, count, writable, errors) : NULL;

	for (size_t i = 0; pages && i < count; i++)
		if (errors[i]) {
			errno = -errors[i];
			munmap(pages, count * PAGE);
			pages = NULL;
		}
	if (frames)
		free_frames(frames, count);
	free(errors);
	return pages;
}

void *map_table(unsigned table, size_t count)
{
	void *pages = try_map_table(FRAMES_OF_XEN, table, 0, count, 0);

	if (!pages)
		die("mapping a table");
	return pages;
}

int try_table(unsigned of, unsigned table, uint64_t first, size_t count, int writable)
{
	void *pages = try_map_table(of, table, first, count, writable);

	if (pages)
		munmap(pages, count * PAGE);
	return pages != NULL;
}

static void copy_frame(uint64_t frame, void *to)
{
	int error = 0;
	void *page = map_frames(&frame, 1, 0, &error);

	if (error) {
		errno = -error;
		die("reading a frame");
	}
	memcpy(to, page, PAGE);
	unmap_frames(page, 1);
}

/* A PV domain's table has three levels: a list of frames that hold lists of frames that hold the table. */
uint64_t *read_p2m(size_t *count)
{
	static uint64_t top[PAGE / 8], list[PAGE / 8];
	static char shared[PAGE];
	uint64_t info[7], *p2m, size;

	if (domctl(DOMCTL_info, info, 7))
		die("domain information");
	if (info[0] >> 32 & INFO_HVM) {
		/* Memory is one piece from 0, less what the balloon holds. The few pages elsewhere are Xen's and the toolstack's. */
		static size_t most;

		if (info[1] > most)
			most = info[1];
		*count = most;
		p2m = calloc(*count, 8);
		for (size_t i = 0; i < *count; i++)
			p2m[i] = i;
		return p2m;
	}
	copy_frame(info[6], shared);
	memcpy(&size, shared + SHARED_MAX_PFN, 8);
	copy_frame(*(uint64_t *)(shared + SHARED_LISTS), top);
	p2m = calloc((size + 511) / 512 * 512, 8);
	for (size_t i = 0; i * 512 < size; i++) {
		if (i % 512 == 0)
			copy_frame(top[i / 512], list);
		copy_frame(list[i % 512], p2m + i * 512);
	}
	for (size_t i = 0; i < size; i++)
		if (p2m[i] >> 62)
			p2m[i] = NO_FRAME; /* foreign, identity or none */
	*count = size;
	return p2m;
}

int read_grant(unsigned reference, uint64_t *word)
{
	/* From xen/gntdev.h. */
	struct { uint32_t count, pad; uint64_t index; uint32_t domain, reference; } map = { 1, 0, 0, domid, reference };
	struct { uint64_t index; uint32_t count, pad; } unmap = { 0, 1, 0 };
	int fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC), failed;
	uint64_t *page;

	if (fd < 0 || ioctl(fd, _IOC(_IOC_NONE, 'G', 0, sizeof(map)), &map))
		die("gntdev");
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)map.index);
	failed = page == MAP_FAILED;
	if (!failed) {
		*word = *page;
		*page = *word; /* so that the page is written, too */
		munmap(page, PAGE);
	}
	unmap.index = map.index;
	ioctl(fd, _IOC(_IOC_NONE, 'G', 1, sizeof(unmap)), &unmap);
	close(fd);
	return failed ? -1 : 0;
}

int bind_event(unsigned port)
{
	struct bind bind = { domid, port };

	/* The port that was bound before is given up. */
	close(evtchn);
	evtchn = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC);
	return ioctl(evtchn, EVTCHN_BIND_INTERDOMAIN, &bind) < 0 ? -1 : 0;
}

void wait_event(int milliseconds)
{
	struct pollfd wanted = { evtchn, POLLIN, 0 };
	uint32_t port;

	if (poll(&wanted, 1, milliseconds) > 0 && read(evtchn, &port, sizeof(port)) == sizeof(port))
		if (write(evtchn, &port, sizeof(port)) != sizeof(port))
			die("event");
}
