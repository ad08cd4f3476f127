/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The domain's pool of pages for its shadow page tables, or for second-level
 * tables: larger while it is recorded or served, and given back afterwards.
 *
 * All of it with the paging lock held, which is given up whenever the CPU is
 * wanted: -ERESTART then.
 */
#include <xen/event.h>
#include <xen/sched.h>
#include <asm/hap.h>
#include <asm/shadow.h>
#include "../mm-locks.h"
#include "../shadow/private.h"
#include "pool.h"

/* The rule that libxl uses, doubled: each epoch fills the shadows anew. */
static int enlarge_shadow_pool(struct prerecord *pr, bool *preempted)
{
    struct domain *d = pr->d;
    unsigned long wanted = min(512UL * d->max_vcpus + pr->nr_pfns / 64,
                               (unsigned long)INT_MAX);
    unsigned int before = d->arch.paging.shadow.total_pages;
    int rc = 0;

    if ( before + d->arch.paging.shadow.p2m_pages < wanted )
        rc = shadow_set_allocation(d, wanted, preempted);
    pr->pool_added += d->arch.paging.shadow.total_pages - before;

    return rc;
}

/* All of it, where the domain has left shadow mode and not come back to it. */
static void shrink_shadow_pool(struct prerecord *pr, bool *preempted)
{
    struct domain *d = pr->d;
    unsigned int before = d->arch.paging.shadow.total_pages;
    unsigned int added = min(pr->pool_added, before);

    if ( pr->pool_left && !d->arch.paging.mode )
    {
        shadow_set_allocation(d, 0, preempted);
        return;
    }

    if ( added )
        shadow_set_allocation(d, before - added +
                                 d->arch.paging.shadow.p2m_pages, preempted);
    pr->pool_added = added - (before - d->arch.paging.shadow.total_pages);
}

#ifdef CONFIG_HVM
static int change_nested_pool(struct domain *d, long pages, bool *preempted)
{
    return hap_set_allocation(d, d->arch.paging.hap.total_pages +
                                 d->arch.paging.hap.p2m_pages + pages,
                              preempted);
}

/* Tables for 4k pages, where large ones are now. */
static int enlarge_nested_pool(struct prerecord *pr, bool *preempted)
{
    struct domain *d = pr->d;
    unsigned int wanted = domain_tot_pages(d) / 256 + 32;
    unsigned int before = d->arch.paging.hap.total_pages;
    int rc = 0;

    if ( !pr->pool_added )
        pr->pool_free = d->arch.paging.hap.free_pages;
    if ( d->arch.paging.hap.free_pages < wanted )
        rc = change_nested_pool(d, wanted - d->arch.paging.hap.free_pages,
                                preempted);
    pr->pool_added += d->arch.paging.hap.total_pages - before;

    return rc;
}

/*
 * What was added and is not in use by now as a table: those that took the
 * place of large pages stay as long as the domain.
 */
static void shrink_nested_pool(struct prerecord *pr, bool *preempted)
{
    struct domain *d = pr->d;
    unsigned int before = d->arch.paging.hap.total_pages;
    unsigned int free = d->arch.paging.hap.free_pages;

    if ( pr->pool_added && free > pr->pool_free )
        change_nested_pool(d, -(long)min(free - pr->pool_free, pr->pool_added),
                           preempted);
    pr->pool_added -= before - d->arch.paging.hap.total_pages;
}
#else
static int enlarge_nested_pool(struct prerecord *pr, bool *preempted)
{
    ASSERT_UNREACHABLE();
    return -EOPNOTSUPP;
}

static void shrink_nested_pool(struct prerecord *pr, bool *preempted)
{
    ASSERT_UNREACHABLE();
}
#endif

int prerecord_enlarge_pool(struct prerecord *pr)
{
    bool preempted = false;
    int rc;

    paging_lock(pr->d);
    rc = paging_mode_hap(pr->d) ? enlarge_nested_pool(pr, &preempted)
                                : enlarge_shadow_pool(pr, &preempted);
    paging_unlock(pr->d);

    return preempted ? -ERESTART : rc;
}

int prerecord_give_pool_back(struct prerecord *pr)
{
    bool preempted = false;

    if ( !pr->pool_added && !pr->pool_left )
        return 0;

    paging_lock(pr->d);
    if ( paging_mode_hap(pr->d) )
        shrink_nested_pool(pr, &preempted);
    else
        shrink_shadow_pool(pr, &preempted);
    if ( !preempted )
    {
        pr->pool_added = 0;
        pr->pool_left = false;
    }
    paging_unlock(pr->d);

    return preempted ? -ERESTART : 0;
}

/*
 * Local variables:
 * mode: C
 * c-file-style: "BSD"
 * c-basic-offset: 4
 * tab-width: 4
 * indent-tabs-mode: nil
 * End:
 */
