/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the versions of Xen that the extension is built with:
 * 4.17, and 4.20.  No other file of the extension asks for the version.
 */
#ifndef __X86_MM_PRERECORD_VERSION_H__
#define __X86_MM_PRERECORD_VERSION_H__

#include <xen/compile.h>
#include <xen/sched.h>

/* Where the numbers of the pool are: for shadows, or for `hap`'s tables. */
#if XEN_SUBVERSION > 17
#define pool_of(d, kind) ((d)->arch.paging)
#else
#define pool_of(d, kind) ((d)->arch.paging.kind)
#endif

/*
 * The pages that Xen has mapped for a vCPU, and writes at any time with no
 * notice: INVALID_MFN for one that there is not.  They change only while the
 * domain runs.
 */
#if XEN_SUBVERSION > 17
#define MAPPED_AREAS 3
static inline mfn_t mapped_area(const struct vcpu *v, unsigned int which)
{
    const struct guest_area *areas[MAPPED_AREAS] = {
        &v->vcpu_info_area, &v->runstate_guest_area, &v->arch.time_guest_area,
    };

    return areas[which]->pg ? page_to_mfn(areas[which]->pg) : INVALID_MFN;
}
#else
#define MAPPED_AREAS 1
static inline mfn_t mapped_area(const struct vcpu *v, unsigned int which)
{
    return v->vcpu_info_mfn;
}
#endif

#endif
