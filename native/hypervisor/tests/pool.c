/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The extension's own pool.c with a domain of 64 GiB: the pool that it adds is
 * given back to the page, and the paging lock is never held for more than a few
 * pages, whether anybody wants the CPU or not.
 */
#include <stdio.h>
#include "pool.h"

enum { STEP = 64, VCPUS = 4, PFNS = 16 << 20, LEAST = 128 * VCPUS + PFNS / 256 };

unsigned long locks_taken;
bool cpu_is_wanted;
static unsigned long held_in, most_held, held;
static unsigned int memory_left;
static const char *failure;

#define EXPECT(what) ((what) ? (void)0 : (void)(failure = failure ?: #what))

/* A page is added or given back: it counts for the time that the lock is held. */
static void change(unsigned int *total, unsigned int *free, int by)
{
    if ( held_in != locks_taken )
        held = 0;
    held_in = locks_taken;
    if ( ++held > most_held )
        most_held = held;
    *total += by;
    *free += by;
    memory_left -= by;
}

/* As the hooks' patch has it in shadow/common.c, and Xen in hap.c. */
int shadow_set_allocation_step(struct domain *d, unsigned int pages, unsigned int most, bool *preempted)
{
    unsigned int *total = &d->POOL(shadow).total_pages, *free = &d->POOL(shadow).free_pages;
    bool more;

    if ( pages )
        pages = max(pages, (unsigned int)LEAST) - d->POOL(shadow).p2m_pages;
    more = max(pages, *total) - min(pages, *total) > most;
    if ( more )
        pages = pages > *total ? *total + most : *total - most;
    while ( *total != pages )
    {
        if ( *total < pages && !memory_left )
            return -ENOMEM;
        change(total, free, *total < pages ? 1 : -1);
        if ( cpu_is_wanted )
        {
            *preempted = true;
            return 0;
        }
    }
    if ( more )
        *preempted = true;

    return 0;
}

int hap_set_allocation(struct domain *d, unsigned int pages, bool *preempted)
{
    unsigned int *total = &d->POOL(hap).total_pages, *free = &d->POOL(hap).free_pages;

    pages -= d->POOL(hap).p2m_pages;
    while ( *total != pages )
    {
        if ( *total < pages ? !memory_left : !*free )
            return -ENOMEM;
        change(total, free, *total < pages ? 1 : -1);
        if ( cpu_is_wanted )
        {
            *preempted = true;
            return 0;
        }
    }

    return 0;
}

/* Calls it again, as the hypercall does, until it has done all; returns that answer. */
static int to_the_end(int (*operation)(struct prerecord *pr), struct prerecord *pr)
{
    unsigned int calls = 0;
    int rc;

    most_held = 0;
    do {
        rc = operation(pr);
        calls++;
    } while ( rc == -ERESTART && calls < 4 * PFNS );
    EXPECT(most_held && most_held <= STEP);
    EXPECT(cpu_is_wanted ? calls > 1000 : calls == 1);

    return rc;
}

static void a_pool_for_shadows(void)
{
    struct domain d = { .max_vcpus = VCPUS, .tot_pages = PFNS, .arch.paging.mode = 1, .POOL(shadow).total_pages = LEAST };
    struct prerecord pr = { .d = &d, .nr_pfns = PFNS };

    memory_left = PFNS;
    EXPECT(!to_the_end(prerecord_enlarge_pool, &pr));
    EXPECT(d.POOL(shadow).total_pages == 512 * VCPUS + PFNS / 64);
    EXPECT(!to_the_end(prerecord_give_pool_back, &pr));
    EXPECT(d.POOL(shadow).total_pages == LEAST && memory_left == PFNS && !pr.pool_added);
    EXPECT(!prerecord_give_pool_back(&pr));
}

/* A PV domain had no pool before; it has none when it has left shadow mode. */
static void a_pool_of_a_domain_that_leaves(void)
{
    struct domain d = { .max_vcpus = VCPUS, .tot_pages = PFNS };
    struct prerecord pr = { .d = &d, .nr_pfns = PFNS };

    memory_left = PFNS;
    EXPECT(!to_the_end(prerecord_enlarge_pool, &pr));
    pr.pool_left = true;
    EXPECT(!to_the_end(prerecord_give_pool_back, &pr));
    EXPECT(!d.POOL(shadow).total_pages && memory_left == PFNS && !pr.pool_left);
}

/* Tables that the domain uses meanwhile stay. */
static void a_pool_for_second_level_tables(void)
{
    enum { USED = 5000, BEFORE = 40000 };
    struct domain d = { .is_hap = true, .tot_pages = PFNS, .POOL(hap).total_pages = BEFORE, .POOL(hap).free_pages = 100 };
    struct prerecord pr = { .d = &d, .nr_pfns = PFNS };

    memory_left = PFNS;
    EXPECT(!to_the_end(prerecord_enlarge_pool, &pr));
    EXPECT(d.POOL(hap).free_pages == PFNS / 256 + 32);
    d.POOL(hap).free_pages -= USED;
    EXPECT(!to_the_end(prerecord_give_pool_back, &pr));
    EXPECT(d.POOL(hap).free_pages == 100 && d.POOL(hap).total_pages == BEFORE + USED && !pr.pool_added);
}

/* What could be had before the memory ended is given back as well, and nothing goes on for ever. */
static void a_pool_without_memory(void)
{
    enum { LEFT = 100001 };
    struct domain d = { .max_vcpus = VCPUS, .tot_pages = PFNS, .arch.paging.mode = 1, .POOL(shadow).total_pages = LEAST };
    struct domain nested = { .is_hap = true, .tot_pages = PFNS };
    struct prerecord pr = { .d = &d, .nr_pfns = PFNS }, other = { .d = &nested, .nr_pfns = PFNS };

    memory_left = LEFT;
    EXPECT(to_the_end(prerecord_enlarge_pool, &pr) == -ENOMEM && !memory_left);
    EXPECT(!to_the_end(prerecord_give_pool_back, &pr) && memory_left == LEFT);
    memory_left = LEFT / 2;
    EXPECT(to_the_end(prerecord_enlarge_pool, &other) == -ENOMEM && !memory_left);
    EXPECT(!to_the_end(prerecord_give_pool_back, &other) && memory_left == LEFT / 2);
}

int main(void)
{
    static const struct { const char *name; void (*run)(void); } tests[] = {
        { "a pool for shadows", a_pool_for_shadows },
        { "a pool of a domain that leaves shadow mode", a_pool_of_a_domain_that_leaves },
        { "a pool for second-level tables", a_pool_for_second_level_tables },
        { "a pool without memory", a_pool_without_memory },
    };
    bool failed = false;

    for ( unsigned int i = 0; i < sizeof(tests) / sizeof(*tests); i++ )
        for ( unsigned int wanted = 0; wanted < 2; wanted++ )
        {
            cpu_is_wanted = wanted;
            failure = NULL;
            tests[i].run();
            printf("%s%s: %s\n", tests[i].name, wanted ? ", giving way" : "", failure ?: "ok");
            failed |= failure != NULL;
        }

    return failed;
}
