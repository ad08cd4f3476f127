/* SPDX-License-Identifier: GPL-2.0-only */
/* RemotePF: pages that are away, and their content when it is asked for. Commands, which print their answers. */
#pragma once
#include <stdint.h>

/* With the domain paused: a bitmap of the pages that can be away, or NULL after printing an error. */
unsigned char *movable_pages(void);
/* After `snapshot`, with the domain paused: overwrites every page that can be away. */
void spoil(void);
/* Declares missing what was spoiled. */
void declare_missing(void);
/*
 * Answers what is asked for, and pushes `batch` pages each `milliseconds`, until nothing is missing, or until `limit` pages
 * were sent (0: no limit). A tool that took over pushes every page: those that are not missing keep what they have.
 */
void answer(unsigned batch, int milliseconds, uint64_t limit);
/* Gives each of the pages that are missing the content it still has. */
void give_back(const unsigned char *pages);
