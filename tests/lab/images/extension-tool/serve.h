/* SPDX-License-Identifier: GPL-2.0-only */
/* RemotePF: pages that are away, and their content when it is asked for. Each is a command and prints its answer. */
#pragma once
#include <stdint.h>

/* With the domain paused: a bitmap of the pages that can be away, or NULL after printing an error. */
unsigned char *movable_pages(void);
/* After `snapshot`, with the domain paused: overwrites every page that can be away. */
void spoil(void);
/* Declares missing what `spoil` has overwritten. */
void declare_missing(void);
/*
 * Answers what is asked for, and pushes `batch` pages every so many milliseconds, until nothing is missing, or until `limit` pages
 * were sent (0: no limit). A tool that took over from another pushes every page: a page that is not missing keeps what it has.
 */
void answer(unsigned batch, int milliseconds, uint64_t limit);
/* Gives each of the missing pages the content that its frame still has. */
void give_back(const unsigned char *pages);
