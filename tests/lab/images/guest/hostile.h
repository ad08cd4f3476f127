/* What hostile guests share. */
#pragma once
#include <stdint.h>
#include <sys/ioctl.h>

/* From linux/privcmd.h, which cannot be included: what it includes is not installed with it. */
struct hypercall { uint64_t op, arg[5]; };
struct mmapbatch { unsigned num; uint16_t dom; uint64_t addr; const uint64_t *arr; int *err; };
#define PRIVCMD_HYPERCALL _IOC(_IOC_NONE, 'P', 0, sizeof(struct hypercall))
#define PRIVCMD_MMAPBATCH _IOC(_IOC_NONE, 'P', 4, sizeof(struct mmapbatch))

/* The number of a page as the guest counts them; 0 where there is none. */
uint64_t frame_of(const void *page);

/* Pages of the guest's kernel that the control domain may map, and whose numbers it finds at data/lab-grants. */
void grant_pages(void);
/* Makes calls drawn from `seed`, while a process changes the page tables that they go through; a guest that names its own frames also gives some back. */
void make_absurd_calls(int privcmd, uint64_t seed, unsigned count, int names_own_frames);

/* Allocates the hoard: pages that stay where they are, with which the functions below make trouble. */
void hoard_pages(void);
/* Notes the machine frame of a page that was found, where its content says that it is one of the hoard. */
void note_hoarded(uint64_t frame, const void *page);
/* Each returns with how many pages it succeeded. */
unsigned lie_about_hoard(int privcmd, int for_good);
unsigned give_hoard_back(int privcmd);
unsigned reach_far(int privcmd);
void give_everything_back(int privcmd, uint64_t pages);
