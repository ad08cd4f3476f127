/* What hostile guests share. */
#pragma once
#include <stdint.h>
#include <sys/ioctl.h>

/* Of linux/privcmd.h, whose own includes are not installed with it. */
struct hypercall { uint64_t op, arg[5]; };
struct mmapbatch { unsigned num; uint16_t dom; uint64_t addr; const uint64_t *arr; int *err; };
#define PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct hypercall))
#define PRIVCMD_MMAPBATCH _IOC(_IOC_NONE, 'P', 4, sizeof(struct mmapbatch))

void grant_pages(void);
/* Calls drawn from `seed`, beside one that changes the page tables they go through; a guest that names its frames gives some back. */
void make_absurd_calls(int privcmd, uint64_t seed, unsigned count, int names_own_frames);
