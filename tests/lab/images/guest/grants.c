/* Pages of the guest's kernel that the control domain may map, and whose numbers it finds at data/lab-grants. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hostile.h"
#include "lab.h"

enum { GRANTS = 24, WRITABLE = 1 };

/* From xen/gntalloc.h. */
struct allocation { uint16_t domain, flags; uint32_t count; uint64_t index; uint32_t references[GRANTS]; };
#define ALLOCATE _IOC(_IOC_NONE, 'G', 5, 24)

void grant_pages(void)
{
	struct allocation all = { .domain = 0, .flags = WRITABLE, .count = GRANTS };
	int fd = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC);
	char text[GRANTS * 11 + 1] = "";
	uint64_t *pages;

	if (fd < 0 || ioctl(fd, ALLOCATE, &all)) {
		report_error(0, "no grants: %s", strerror(errno));
		return;
	}
	pages = mmap(NULL, GRANTS * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)all.index);
	for (int i = 0; pages != MAP_FAILED && i < GRANTS; i++) {
		pages[i * PAGE_WORDS] = all.references[i];
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u ", all.references[i]);
	}
	/* Neither the file nor the mapping is closed: the pages stay granted as long as the guest lives. */
	if (pages == MAP_FAILED || xenstore_write("data/lab-grants", text))
		report_error(0, "grants that nobody knows of: %s", strerror(errno));
}
