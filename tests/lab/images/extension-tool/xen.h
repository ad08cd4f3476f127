/* SPDX-License-Identifier: GPL-2.0-only */
/* What public/prerecord.h needs of Xen's own headers, so that no package of theirs is needed to build the tool. */
#pragma once
#include <stdint.h>

#define __XEN_TOOLS__ 1
#define __HYPERVISOR_arch_7 55
#define XEN_GUEST_HANDLE_64(type) uint64_t
#define DEFINE_XEN_GUEST_HANDLE(type) struct type
typedef uint64_t uint64_aligned_t;
typedef uint16_t domid_t;
