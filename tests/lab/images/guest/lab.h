/* The guest's workloads check every byte they own, and count in memory that all of its processes share. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { PAGE = 4096, PAGE_WORDS = PAGE / 8, MAX_WORKERS = 64 };

struct counters {
	uint64_t checks; /* pages or redis answers compared, whether right or wrong */
	uint64_t writes;
	uint64_t errors;
};

struct shared {
	struct counters worker[MAX_WORKERS];
	char first_error[160];
	uint64_t spawned;                      /* processes started by `many` */
	uint64_t keys;                         /* redis holds this many, once it is filled */
	uint64_t verify_wanted, verify_done;   /* the last request, and the last one that was done */
	uint64_t keys_right, keys_wrong, keys_missing;
};

struct options {
	char workload[16];
	unsigned mib;     /* region of all workers together */
	unsigned rate;    /* operations per second of each worker; 0: as fast as it can */
	unsigned hot;     /* percent of the region that gets nine accesses in ten */
	unsigned workers; /* 0: one for each vCPU */
	unsigned keys, value;
	uint64_t seed;
};

extern struct shared *shared;
extern struct options options;

/* Counts an error and prints it on the console; the first one is kept. */
void report_error(unsigned worker, const char *format, ...) __attribute__((format(printf, 2, 3)));
uint64_t next_random(uint64_t *state);
/* Keeps to options.rate. To be called once an operation, with the number of operations done so far. */
void pace(uint64_t operations);

/* The workloads. Each runs for ever, but run_many_child. */
void run_writer(unsigned worker, unsigned workers);
void run_sequential(unsigned worker, unsigned workers);
void run_many(unsigned worker);
int run_many_child(unsigned worker, uint64_t seed);
void run_redis(unsigned worker);
void run_trail(void);
void run_born(void);
void run_hostile(void);
/* The script /programs/NAME of the image, where NAME is options.workload. */
void run_program(unsigned worker);

/* Loads the frontend drivers and privcmd, each with those of the parameters that it knows. */
void load_modules(const char *parameters);
/* Use the disk and the network card, and compare each byte that comes back. */
void run_disk(unsigned worker);
void run_network(unsigned worker);

/* xenstore, paths relative to the domain. They return 0, or -1 with errno. */
int xenstore_write(const char *path, const char *value);
int xenstore_read(const char *path, char *value, size_t size);
