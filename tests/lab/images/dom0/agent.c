/*
 * The lab's hand inside dom0: runs commands that arrive as frames on a
 * virtio-serial port and sends back what they print and how they end.
 *
 * Frame: u32 payload length, u32 channel, u8 type, payload (little endian).
 * To the agent:   X start (argv, NUL separated)  I stdin  E end of stdin
 *                 K signal (one byte)            H hello (echoed)
 * From the agent: O stdout  R stderr  Q end (i32: exit code, or 128 + signal)
 *
 * Many channels run at once; each command has its own session, so that a
 * signal reaches all of its processes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HEADER = 9, MAX_PAYLOAD = 1 << 20, MAX_JOBS = 128, CHUNK = 65536 };

struct job {
	uint32_t channel;
	pid_t pid;
	int in, out, err;
	int in_ended;
	char *pending;
	size_t pending_length;
};

static struct job jobs[MAX_JOBS];
static int port;

static void fail(const char *what)
{
	fprintf(stderr, "agent: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_all(const void *data, size_t length)
{
	const char *p = data;

	while (length > 0) {
		ssize_t n = write(port, p, length);

		if (n > 0) {
			p += n;
			length -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			struct pollfd f = { .fd = port, .events = POLLOUT };

			poll(&f, 1, 1000);
		} else if (n < 0 && errno != EINTR) {
			fail("write to the port");
		}
	}
}

static void send_frame(char type, uint32_t channel, const void *payload, uint32_t length)
{
	static char frame[HEADER + CHUNK];

	memcpy(frame, &length, 4);
	memcpy(frame + 4, &channel, 4);
	frame[8] = type;
	memcpy(frame + HEADER, payload, length);
	write_all(frame, HEADER + length);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static struct job *find_job(uint32_t channel)
{
	for (int i = 0; i < MAX_JOBS; i++)
		if (jobs[i].pid && jobs[i].channel == channel)
			return &jobs[i];
	return NULL;
}

static void end_job(struct job *job, int32_t status)
{
	send_frame('Q', job->channel, &status, 4);
	close_fd(&job->in);
	close_fd(&job->out);
	close_fd(&job->err);
	free(job->pending);
	memset(job, 0, sizeof(*job));
}

static void refuse(uint32_t channel, const char *why)
{
	int32_t status = 126;

	send_frame('R', channel, why, (uint32_t)strlen(why));
	send_frame('Q', channel, &status, 4);
}

static void start_job(uint32_t channel, char *payload, size_t length)
{
	char *argv[256];
	int count = 0, in[2], out[2], err[2];
	struct job *job = NULL;

	for (size_t i = 0; i < length && count < 255; i += strlen(payload + i) + 1)
		argv[count++] = payload + i;
	argv[count] = NULL;
	for (int i = 0; i < MAX_JOBS && !job; i++)
		if (!jobs[i].pid)
			job = &jobs[i];
	if (!count || !job) {
		refuse(channel, count ? "agent: too many commands at once\n" : "agent: no command\n");
		return;
	}
	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		fail("pipe");
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		sigset_t none;

		setsid();
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		execvp(argv[0], argv);
		fprintf(stderr, "agent: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	*job = (struct job){ .channel = channel, .pid = pid, .in = in[1], .out = out[0], .err = err[0] };
}

/* Sends what can be read now; returns 0 once the pipe has ended. */
static int forward(struct job *job, int fd, char type)
{
	static char buffer[CHUNK];
	ssize_t n = read(fd, buffer, sizeof(buffer));

	if (n > 0)
		send_frame(type, job->channel, buffer, (uint32_t)n);
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* What a finished command left in its pipes. A descendant that still holds them is not waited for. */
static void drain(struct job *job, int fd, char type)
{
	struct pollfd f = { .fd = fd, .events = POLLIN };

	while (fd >= 0 && poll(&f, 1, 0) > 0 && (f.revents & POLLIN))
		if (!forward(job, fd, type))
			break;
}

static void feed(struct job *job)
{
	while (job->in >= 0 && job->pending_length > 0) {
		ssize_t n = write(job->in, job->pending, job->pending_length);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			close_fd(&job->in);
			job->pending_length = 0;
			return;
		}
		job->pending_length -= (size_t)n;
		memmove(job->pending, job->pending + n, job->pending_length);
	}
	if (job->in_ended)
		close_fd(&job->in);
}

static void handle_frame(char type, uint32_t channel, char *payload, size_t length)
{
	struct job *job = find_job(channel);

	switch (type) {
	case 'H':
		send_frame('H', channel, payload, (uint32_t)length);
		break;
	case 'X':
		start_job(channel, payload, length);
		break;
	case 'I':
		if (!job || job->in < 0)
			break;
		job->pending = realloc(job->pending, job->pending_length + length + 1);
		if (!job->pending)
			fail("memory");
		memcpy(job->pending + job->pending_length, payload, length);
		job->pending_length += length;
		feed(job);
		break;
	case 'E':
		if (job) {
			job->in_ended = 1;
			feed(job);
		}
		break;
	case 'K':
		/* Just forked, it does not lead its group yet. */
		if (job && length == 1 && kill(-job->pid, payload[0]) != 0)
			kill(job->pid, payload[0]);
		break;
	default:
		fprintf(stderr, "agent: unknown frame %d\n", type);
	}
}

static void read_port(void)
{
	static char buffer[HEADER + MAX_PAYLOAD + 1];
	static size_t used;
	ssize_t n = read(port, buffer + used, sizeof(buffer) - 1 - used);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		fail("read from the port");
	if (n > 0)
		used += (size_t)n;
	for (;;) {
		uint32_t length, channel;

		if (used < HEADER)
			return;
		memcpy(&length, buffer, 4);
		memcpy(&channel, buffer + 4, 4);
		if (length > MAX_PAYLOAD) {
			fprintf(stderr, "agent: frame of %u bytes\n", length);
			exit(1);
		}
		if (used < HEADER + length)
			return;
		/* The strings of an X frame must end inside it. */
		char saved = buffer[HEADER + length];

		buffer[HEADER + length] = 0;
		handle_frame(buffer[8], channel, buffer + HEADER, length);
		buffer[HEADER + length] = saved;
		used -= HEADER + length;
		memmove(buffer, buffer + HEADER + length, used);
	}
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < MAX_JOBS; i++)
			if (jobs[i].pid == pid) {
				drain(&jobs[i], jobs[i].out, 'O');
				drain(&jobs[i], jobs[i].err, 'R');
				end_job(&jobs[i], WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
			}
}

int main(int argc, char **argv)
{
	sigset_t children;

	if (argc != 2) {
		fprintf(stderr, "usage: agent PORT\n");
		return 2;
	}
	port = open(argv[1], O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (port < 0)
		fail(argv[1]);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&children);
	sigaddset(&children, SIGCHLD);
	sigprocmask(SIG_BLOCK, &children, NULL);
	int signals = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);

	if (signals < 0)
		fail("signalfd");
	for (;;) {
		struct pollfd fds[2 + 3 * MAX_JOBS] = {
			{ .fd = port, .events = POLLIN }, { .fd = signals, .events = POLLIN } };

		for (int i = 0; i < MAX_JOBS; i++) {
			struct job *job = &jobs[i];
			int used = job->pid != 0;

			fds[2 + 3 * i] = (struct pollfd){ .fd = used ? job->out : -1, .events = POLLIN };
			fds[3 + 3 * i] = (struct pollfd){ .fd = used ? job->err : -1, .events = POLLIN };
			fds[4 + 3 * i] = (struct pollfd){ .fd = used && job->pending_length ? job->in : -1, .events = POLLOUT };
		}
		if (poll(fds, 2 + 3 * MAX_JOBS, -1) < 0 && errno != EINTR)
			fail("poll");
		if (fds[0].revents & POLLIN)
			read_port();
		else if (fds[0].revents & POLLHUP)
			usleep(100000); /* the other side is not connected yet */
		for (int i = 0; i < MAX_JOBS; i++) {
			if (!jobs[i].pid)
				continue;
			if (fds[2 + 3 * i].revents && jobs[i].out >= 0 && !forward(&jobs[i], jobs[i].out, 'O'))
				close_fd(&jobs[i].out);
			if (fds[3 + 3 * i].revents && jobs[i].err >= 0 && !forward(&jobs[i], jobs[i].err, 'R'))
				close_fd(&jobs[i].err);
			if (fds[4 + 3 * i].revents)
				feed(&jobs[i]);
		}
		if (fds[1].revents & POLLIN) {
			struct signalfd_siginfo info;

			while (read(signals, &info, sizeof(info)) > 0)
				;
			reap();
		}
	}
}
