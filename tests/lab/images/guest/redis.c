/* redis under a load that knows every key's value: each answer is compared, and all keys are re-read on request. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "lab.h"

enum { BATCH = 16, MAX_VALUE = 4096, PORT = 6379 };

struct client {
	unsigned worker;
	int fd;
	size_t start, end;
	char input[65536];
	uint32_t *generations; /* how often each key was set */
};

static struct client client;

static void start_server(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/usr/bin/redis-server", "redis-server", "--port", "6379", "--bind", "127.0.0.1", "--save", "",
		      "--appendonly", "no", "--daemonize", "no", "--loglevel", "warning", (char *)NULL);
		_exit(127);
	}
}

static void give_up(const char *what)
{
	report_error(client.worker, "redis: %s", what);
	for (;;)
		pause();
}

static void connect_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	for (int attempt = 0; attempt < 1200; attempt++) {
		client.fd = socket(AF_INET, SOCK_STREAM, 0);
		if (client.fd >= 0 && connect(client.fd, (struct sockaddr *)&address, sizeof(address)) == 0)
			return;
		close(client.fd);
		usleep(100000);
	}
	give_up("the server does not answer");
}

static void make_value(char *value, unsigned key)
{
	uint64_t word = (options.seed ^ ((uint64_t)key << 32 | client.generations[key])) * 0x9e3779b97f4a7c15u | 1;

	for (unsigned i = 0; i < options.value; i++) {
		word = word * 6364136223846793005u + 1442695040888963407u;
		value[i] = (char)('a' + (word >> 40) % 26);
	}
}

static void send_all(const char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = send(client.fd, data, length, MSG_NOSIGNAL);

		if (n <= 0)
			give_up("the connection broke while sending");
		data += n;
		length -= (size_t)n;
	}
}

static void send_get(unsigned key)
{
	char name[24], text[64];
	int length = snprintf(name, sizeof(name), "key:%u", key);

	length = snprintf(text, sizeof(text), "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", length, name);
	send_all(text, (size_t)length);
}

static void send_set(unsigned key)
{
	char name[24], text[MAX_VALUE + 96];
	int length = snprintf(name, sizeof(name), "key:%u", key);

	length = snprintf(text, sizeof(text), "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%u\r\n", length, name, options.value);
	make_value(text + length, key);
	memcpy(text + length + options.value, "\r\n", 2);
	send_all(text, (size_t)length + options.value + 2);
}

/* The next `length` bytes of the answer; they are valid until the next call. */
static char *take(size_t length)
{
	while (client.end - client.start < length) {
		memmove(client.input, client.input + client.start, client.end - client.start);
		client.end -= client.start;
		client.start = 0;
		ssize_t n = recv(client.fd, client.input + client.end, sizeof(client.input) - client.end, 0);

		if (n <= 0)
			give_up("the connection broke while receiving");
		client.end += (size_t)n;
	}
	client.start += length;
	return client.input + client.start - length;
}

static void take_line(char *line, size_t size)
{
	size_t length = 0;

	for (char c; (c = *take(1)) != '\n';)
		if (c != '\r' && length + 1 < size)
			line[length++] = c;
	line[length] = 0;
}

static void expect_set(unsigned key)
{
	char line[80];

	take_line(line, sizeof(line));
	if (strcmp(line, "+OK"))
		report_error(client.worker, "redis: key %u not set: %s", key, line);
	shared->worker[client.worker].writes++;
}

/* 1: the right value; 0: a wrong one; -1: none. */
static int expect_get(unsigned key)
{
	char line[80], value[MAX_VALUE];

	take_line(line, sizeof(line));
	shared->worker[client.worker].checks++;
	if (line[0] != '$' || line[1] == '-')
		return -1;
	size_t length = strtoul(line + 1, NULL, 10);

	if (length > MAX_VALUE)
		give_up("an answer longer than any value");
	char *answer = take(length + 2);

	make_value(value, key);
	return length == options.value && memcmp(answer, value, length) == 0;
}

static void fill(void)
{
	for (unsigned key = 0; key < options.keys; key += BATCH) {
		unsigned end = key + BATCH < options.keys ? key + BATCH : options.keys;

		for (unsigned k = key; k < end; k++)
			send_set(k);
		for (unsigned k = key; k < end; k++)
			expect_set(k);
	}
	shared->keys = options.keys;
}

static void load(uint64_t *random)
{
	unsigned keys[BATCH];
	int set[BATCH];

	for (int i = 0; i < BATCH; i++) {
		uint64_t r = next_random(random);

		keys[i] = (unsigned)((r >> 16) % options.keys);
		set[i] = (r & 3) == 0;
		for (int j = 0; j < i; j++)
			if (keys[j] == keys[i])
				set[i] = 0; /* answers are compared after the batch: a key changes before it is read, or not */
		if (set[i]) {
			client.generations[keys[i]]++;
			send_set(keys[i]);
		} else {
			send_get(keys[i]);
		}
	}
	for (int i = 0; i < BATCH; i++) {
		if (set[i])
			expect_set(keys[i]);
		else if (expect_get(keys[i]) != 1)
			report_error(client.worker, "redis: key %u has a wrong value", keys[i]);
	}
}

static void verify(uint64_t number)
{
	uint64_t right = 0, wrong = 0, missing = 0;

	for (unsigned key = 0; key < options.keys; key += BATCH) {
		unsigned end = key + BATCH < options.keys ? key + BATCH : options.keys;

		for (unsigned k = key; k < end; k++)
			send_get(k);
		for (unsigned k = key; k < end; k++) {
			int result = expect_get(k);

			right += result == 1;
			wrong += result == 0;
			missing += result < 0;
			if (result != 1)
				report_error(client.worker, "redis: key %u is %s", k, result < 0 ? "missing" : "wrong");
		}
	}
	shared->keys_right = right;
	shared->keys_wrong = wrong;
	shared->keys_missing = missing;
	__atomic_store_n(&shared->verify_done, number, __ATOMIC_RELEASE);
}

void run_redis(unsigned worker)
{
	uint64_t random = options.seed * 31 + 7;

	client.worker = worker;
	client.generations = calloc(options.keys, sizeof(*client.generations));
	if (!client.generations || options.value > MAX_VALUE)
		give_up("no memory, or values too long");
	start_server();
	connect_server();
	fill();
	for (uint64_t n = BATCH;; n += BATCH) {
		uint64_t wanted = __atomic_load_n(&shared->verify_wanted, __ATOMIC_ACQUIRE);

		if (wanted != shared->verify_done)
			verify(wanted);
		load(&random);
		pace(n);
	}
}
