/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The domain's pool of pages for its shadow page tables, or for second-level
 * tables: larger while it is recorded or served, and given back afterwards.
 *
 * The paging lock is held for a step at a time, so that the domain's own faults
 * do not wait for the whole of it; between steps the hypercall gives way where
 * the CPU is wanted.
 */
#include <xen/event.h>
#include <xen/sched.h>
#include <asm/hap.h>
#include <asm/shadow.h>
#include "../mm-locks.h"
#include "../shadow/private.h"
#include "pool.h"
#include "version.h"

/* Pages in a step. */
#define STEP 64U

/* The rule that libxl uses, doubled: each epoch fills the shadows anew. */
static int enlarge_shadow_pool(struct prerecord *pr, bool *more)
{
    struct domain *d = pr->d;
    unsigned long wanted = min(512UL * d->max_vcpus + pr->nr_pfns / 64,
                               (unsigned long)INT_MAX);
    unsigned int before = pool_of(d, shadow).total_pages;
    int rc = 0;

    if ( before + pool_of(d, shadow).p2m_pages < wanted )
        rc = shadow_set_allocation_step(d, wanted, STEP, more);
    pr->pool_added += pool_of(d, shadow).total_pages - before;

    return rc;
}

/* All of it, where the domain has left shadow mode and not come back to it. */
static void shrink_shadow_pool(struct prerecord *pr, bool *more)
{
    struct domain *d = pr->d;
    unsigned int before = pool_of(d, shadow).total_pages;
    unsigned int added = min(pr->pool_added, before);

    if ( pr->pool_left && !d->arch.paging.mode )
    {
        shadow_set_allocation_step(d, 0, STEP, more);
        return;
    }

    if ( added )
        shadow_set_allocation_step(d, before - added +
                                      pool_of(d, shadow).p2m_pages,
                                   STEP, more);
    pr->pool_added = added - (before - pool_of(d, shadow).total_pages);
}

#ifdef CONFIG_HVM
/* Takes a step towards so many pages more or, with a negative number, fewer. */
static int change_nested_pool(struct domain *d, long pages, bool *more)
{
    long step = max(min(pages, (long)STEP), -(long)STEP);
    int rc = hap_set_allocation(d, pool_of(d, hap).total_pages +
                                   pool_of(d, hap).p2m_pages + step, more);

    if ( !rc && step != pages )
        *more = true;

    return rc;
}

/* There is to be room for tables of 4k pages in the place of all large ones. */
static int enlarge_nested_pool(struct prerecord *pr, bool *more)
{
    struct domain *d = pr->d;
    unsigned int wanted = domain_tot_pages(d) / 256 + 32;
    unsigned int before = pool_of(d, hap).total_pages;
    int rc = 0;

    if ( !pr->pool_added )
        pr->pool_free = pool_of(d, hap).free_pages;
    if ( pool_of(d, hap).free_pages < wanted )
        rc = change_nested_pool(d, wanted - pool_of(d, hap).free_pages,
                                more);
    pr->pool_added += pool_of(d, hap).total_pages - before;

    return rc;
}

/*
 * Gives back what was added and is not in use as a table: tables that took the
 * place of large pages stay as long as the domain.
 */
static void shrink_nested_pool(struct prerecord *pr, bool *more)
{
    struct domain *d = pr->d;
    unsigned int before = pool_of(d, hap).total_pages;
    unsigned int free = pool_of(d, hap).free_pages;

    if ( pr->pool_added && free > pr->pool_free )
        change_nested_pool(d, -(long)min(free - pr->pool_free, pr->pool_added),
                           more);
    pr->pool_added -= before - pool_of(d, hap).total_pages;
}
#else
static int enlarge_nested_pool(struct prerecord *pr, bool *more)
{
    ASSERT_UNREACHABLE();
    return -EOPNOTSUPP;
}

static void shrink_nested_pool(struct prerecord *pr, bool *more)
{
    ASSERT_UNREACHABLE();
}
#endif

int prerecord_enlarge_pool(struct prerecord *pr)
{
    bool more;

    do {
        int rc;

        more = false;
        paging_lock(pr->d);
        rc = paging_mode_hap(pr->d) ? enlarge_nested_pool(pr, &more)
                                    : enlarge_shadow_pool(pr, &more);
        paging_unlock(pr->d);

        if ( rc )
            return rc;
        if ( more && hypercall_preempt_check() )
            return -ERESTART;
    } while ( more );

    return 0;
}

int prerecord_give_pool_back(struct prerecord *pr)
{
    while ( pr->pool_added || pr->pool_left )
    {
        bool more = false;

        paging_lock(pr->d);
        if ( paging_mode_hap(pr->d) )
            shrink_nested_pool(pr, &more);
        else
            shrink_shadow_pool(pr, &more);
        paging_unlock(pr->d);

        if ( !more )
        {
            pr->pool_added = 0;
            pr->pool_left = false;
        }
        else if ( hypercall_preempt_check() )
            return -ERESTART;
    }

    return 0;
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
