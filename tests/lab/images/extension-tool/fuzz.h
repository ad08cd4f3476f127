/* SPDX-License-Identifier: GPL-2.0-only */
#pragma once
#include <stdint.h>

/*
 * Makes `count` calls, drawn from `seed`: proper sequences with every argument now right, now absurd, on a domain that
 * runs, is paused, or dies. Prints how many calls of each operation were accepted. After it, `tidy` leaves nothing behind.
 */
void fuzz(uint64_t seed, unsigned count);
void tidy(void);
