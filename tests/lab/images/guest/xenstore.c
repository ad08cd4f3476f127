/* A client of xenstore over the kernel's /dev/xen/xenbus (the wire format is that of Xen's public io/xs_wire.h). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "lab.h"

enum { XS_READ = 2, XS_WRITE = 11, XS_ERROR = 16, MAX_MESSAGE = 4096 };

struct header {
	uint32_t type, request, transaction, length;
};

static int read_all(int fd, void *data, size_t length)
{
	char *p = data;

	while (length > 0) {
		ssize_t n = read(fd, p, length);

		if (n <= 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			p += n;
			length -= (size_t)n;
		}
	}
	return 0;
}

/* Sends one request of `length` bytes and reads its answer; returns the answer's length. */
static ssize_t exchange(uint32_t type, const char *request, size_t length, char *answer, size_t size)
{
	static int fd = -1;
	char message[sizeof(struct header) + MAX_MESSAGE];
	struct header header = { .type = type, .length = (uint32_t)length };

	if (fd < 0)
		fd = open("/dev/xen/xenbus", O_RDWR | O_CLOEXEC);
	if (fd < 0 || length > MAX_MESSAGE)
		return -1;
	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), request, length);
	if (write(fd, message, sizeof(header) + length) < 0 || read_all(fd, &header, sizeof(header)) ||
	    header.length > MAX_MESSAGE || read_all(fd, message, header.length)) {
		close(fd);
		fd = -1;
		return -1;
	}
	if (header.type == XS_ERROR) {
		errno = header.length >= 7 && !memcmp(message, "ENOENT", 6) ? ENOENT : EIO;
		return -1;
	}
	if (header.length >= size) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(answer, message, header.length);
	answer[header.length] = 0;
	return header.length;
}

int xenstore_write(const char *path, const char *value)
{
	char request[MAX_MESSAGE], answer[16];
	size_t path_length = strlen(path) + 1, value_length = strlen(value);

	if (path_length + value_length > sizeof(request)) {
		errno = EMSGSIZE;
		return -1;
	}
	memcpy(request, path, path_length);
	memcpy(request + path_length, value, value_length);
	return exchange(XS_WRITE, request, path_length + value_length, answer, sizeof(answer)) < 0 ? -1 : 0;
}

int xenstore_read(const char *path, char *value, size_t size)
{
	return exchange(XS_READ, path, strlen(path) + 1, value, size) < 0 ? -1 : 0;
}
