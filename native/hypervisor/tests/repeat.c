/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The extension's own repeat.c: a hypercall is made again only where nothing
 * has happened, and one that takes arrays does not begin before all of them,
 * however they are named, are there.
 */
#include <stdio.h>
#include "calls.h"
#include <xen/repeat.h>

static struct prerecord { bool repeat, serving; } extension = { .serving = true };
static struct domain guest = { .max_vcpus = 1, .arch.paging = { .mode = PG_prerecord, .prerecord = &extension } };
static struct vcpu vcpu = { .domain = &guest, .mode = 8 };
struct domain *dom_xen;
struct vcpu *current = &vcpu;
unsigned long locks_taken;
bool cpu_is_wanted, prerecord_must_not_wait;
static const char *failure;

#define EXPECT(what) ((what) ? (void)0 : (void)(failure = failure ?: #what))

/* What the guest has: some pages, of which any may be missing. */
enum { PAGES = 300 };
static char *memory;
static bool missing[PAGES];
static unsigned int asked_for;

static char *page(unsigned int number) { return memory + number * PAGE_SIZE; }

unsigned long raw_copy_from_guest(void *to, const void *from, unsigned int size)
{
    unsigned long first = ((uintptr_t)from - (uintptr_t)memory) / PAGE_SIZE, last = ((uintptr_t)from + size - 1 - (uintptr_t)memory) / PAGE_SIZE;

    for ( unsigned long i = first; i <= last; i++ )
    {
        if ( i >= PAGES )
            return size;
        if ( missing[i] )
        {
            asked_for = i;
            extension.repeat = true; /* as the hook of the copy does it, which pauses the vCPU, too */
            return size;
        }
    }
    memcpy(to, from, size);

    return 0;
}

bool prerecord_is_to_repeat_slow(const struct vcpu *v) { return extension.repeat; }
bool prerecord_serves_slow(const struct domain *d) { return extension.serving; }
bool prerecord_must_repeat_slow(const struct vcpu *v) { return test_and_clear_bool(extension.repeat); }

static bool awaits(unsigned long call, unsigned long a, unsigned long b, unsigned long c)
{
    const unsigned long args[] = { a, b, c };
    bool waits = hypercall_awaits_arguments(&vcpu, call, args);

    EXPECT(!extension.repeat); /* whoever waits has been told, and nobody else is */

    return waits;
}

static bool comes_again(unsigned long call, unsigned long cmd, long result)
{
    const unsigned long args[] = { cmd, (unsigned long)page(0), 1 };

    extension.repeat = true;

    return hypercall_is_to_repeat(&vcpu, call, args, result);
}

static unsigned long at(unsigned int number, unsigned int offset) { return (unsigned long)page(number) + offset; }

/* Each of the pages in turn is the one that is not there. */
static void expect_all_of(unsigned int first, unsigned int count, unsigned long call, unsigned long a, unsigned long b, unsigned long c)
{
    EXPECT(!awaits(call, a, b, c));
    for ( unsigned int i = first; i < first + count; i++ )
    {
        missing[i] = true;
        asked_for = PAGES;
        EXPECT(awaits(call, a, b, c) && asked_for == i);
        missing[i] = false;
    }
    missing[first + count] = true;
    EXPECT(!awaits(call, a, b, c));
    missing[first + count] = false;
}

static void arrays_are_there_before_a_call_begins(void)
{
    expect_all_of(3, 4, __HYPERVISOR_mmu_update, at(3, 4080), 3 * 256 - 100, 0);
    expect_all_of(3, 4, __HYPERVISOR_mmu_update, at(3, 4080), (3 * 256 - 100) | MMU_UPDATE_PREEMPTED, 0);
    expect_all_of(9, 1, __HYPERVISOR_mmu_update, at(3, 0), 1, at(9, 4092));
    expect_all_of(3, 2, __HYPERVISOR_mmuext_op, at(3, 4090), 1, 0);
    expect_all_of(3, 2, __HYPERVISOR_grant_table_op, 5, at(3, 4095), 1);
    expect_all_of(3, 2, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, at(3, 4080), 0);
    expect_all_of(3, 2, __HYPERVISOR_physdev_op, 5, at(3, 4040), 0);
    expect_all_of(3, 1, __HYPERVISOR_console_io, 0, 4096, at(3, 0));
}

static void lists_of_frames_are_there_before_a_call_begins(void)
{
    struct xen_memory_exchange *op = (void *)page(1);

    *op = (struct xen_memory_exchange){
        .in = { .extent_start.p = (void *)at(20, 4088), .nr_extents = 514 },
        .out = { .extent_start.p = (void *)at(40, 4088), .nr_extents = 514 },
    };
    expect_all_of(20, 3, __HYPERVISOR_memory_op, XENMEM_populate_physmap, at(1, 0), 0);
    expect_all_of(20, 3, __HYPERVISOR_memory_op, XENMEM_increase_reservation, at(1, 0), 0);
    expect_all_of(20, 3, __HYPERVISOR_memory_op, XENMEM_exchange, at(1, 0), 0);
    expect_all_of(40, 3, __HYPERVISOR_memory_op, XENMEM_exchange, at(1, 0), 0);
    expect_all_of(1, 1, __HYPERVISOR_memory_op, XENMEM_decrease_reservation, at(1, 0), 0);
    /* One that gave way has only the rest to read. */
    expect_all_of(22, 1, __HYPERVISOR_memory_op, XENMEM_decrease_reservation | 513UL << MEMOP_EXTENT_SHIFT, at(1, 0), 0);
    op->nr_exchanged = 513;
    expect_all_of(22, 1, __HYPERVISOR_memory_op, XENMEM_exchange, at(1, 0), 0);
}

/* Nothing that the guest says makes Xen look at more than 256 pages, or at what is none of its memory for ever. */
static void hostile_arguments(void)
{
    static const unsigned long absurd[] = { 0, 1, 4096, 1UL << 31, ~0U, 1UL << 47, 1UL << 63, ~0UL - 4095, ~0UL };
    struct xen_memory_exchange *op = (void *)page(1);

    memset(missing, true, sizeof(missing));
    missing[1] = false;
    for ( unsigned int i = 0; i < ARRAY_SIZE(absurd); i++ )
        for ( unsigned int j = 0; j < ARRAY_SIZE(absurd); j++ )
        {
            op->in = op->out = (struct xen_memory_reservation){ .extent_start.p = (void *)absurd[i], .nr_extents = absurd[j] };
            op->nr_exchanged = absurd[(i + j) % ARRAY_SIZE(absurd)];
            EXPECT(!awaits(__HYPERVISOR_mmu_update, absurd[i], absurd[j], absurd[i]));
            EXPECT(!awaits(__HYPERVISOR_grant_table_op, absurd[i], absurd[i], absurd[j]));
            EXPECT(!awaits(__HYPERVISOR_memory_op, XENMEM_exchange, at(1, 0), absurd[j]));
            EXPECT(!awaits(__HYPERVISOR_memory_op, XENMEM_populate_physmap | absurd[j] << MEMOP_EXTENT_SHIFT, at(1, 0), 0));
        }
    EXPECT(awaits(__HYPERVISOR_grant_table_op, 5, at(2, 0), 256 * 4096 / 48));
    EXPECT(!awaits(__HYPERVISOR_grant_table_op, 5, at(2, 0), 256 * 4096 / 48 + 1));
    memset(missing, false, sizeof(missing));
}

static void what_has_begun_is_never_made_again(void)
{
    static const unsigned long begun[][2] = {
        { __HYPERVISOR_mmu_update, 0 }, { __HYPERVISOR_mmuext_op, 0 }, { __HYPERVISOR_grant_table_op, 0 },
        { __HYPERVISOR_physdev_op, 0 }, { __HYPERVISOR_console_io, 0 }, { __HYPERVISOR_domctl, 0 }, { __HYPERVISOR_multicall, 0 },
        { __HYPERVISOR_memory_op, XENMEM_exchange }, { __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound },
        { __HYPERVISOR_event_channel_op, EVTCHNOP_init_control },
    };

    for ( unsigned int i = 0; i < ARRAY_SIZE(begun); i++ )
        EXPECT(!comes_again(begun[i][0], begun[i][1], -EFAULT));
    EXPECT(comes_again(__HYPERVISOR_event_channel_op, EVTCHNOP_send, -EFAULT));
    EXPECT(comes_again(__HYPERVISOR_memory_op, XENMEM_add_to_physmap, -EFAULT));
    /* A hook's answer, before anything is done; what has succeeded, or failed otherwise, stands. */
    EXPECT(comes_again(__HYPERVISOR_event_channel_op, EVTCHNOP_init_control, -ERESTART));
    EXPECT(!comes_again(__HYPERVISOR_event_channel_op, EVTCHNOP_send, 0));
    EXPECT(!comes_again(__HYPERVISOR_event_channel_op, EVTCHNOP_send, -EINVAL));
    vcpu.hcall_preempted = true;
    EXPECT(!comes_again(__HYPERVISOR_event_channel_op, EVTCHNOP_send, -EFAULT) && !extension.repeat);
    vcpu.hcall_preempted = false;
    /* Nothing of it where no page is missing, and the failure is the guest's own. */
    extension.repeat = false;
    EXPECT(!hypercall_is_to_repeat(&vcpu, __HYPERVISOR_xen_version, (unsigned long[]){ 0, 0, 0 }, -EFAULT));
}

/* By the paging ring: a vCPU that has asked for a page, and one that is paused until the ring has room, make their calls again. */
static void who_waits_for_the_pager_comes_again(void)
{
    static const unsigned long args[] = { EVTCHNOP_send };
    static char ring;

    guest.arch.paging.mode = 0;
    guest.vm_event_paging = (void *)&ring;
    missing[3] = true;
    for ( unsigned int i = 0; i < 4; i++ )
    {
        bool waits = i & 1 || i & 2;

        vcpu.vm_event_pause_count = i & 1;
        vcpu.pause_flags = i & 2 ? 1UL << _VPF_mem_paging : 0;
        EXPECT(hypercall_is_to_repeat(&vcpu, __HYPERVISOR_event_channel_op, args, -EFAULT) == waits);
        EXPECT(hypercall_awaits_arguments(&vcpu, __HYPERVISOR_mmu_update, (unsigned long[]){ at(3, 0), 1, 0 }) == waits);
    }
    missing[3] = extension.repeat = false;
    vcpu.pause_flags = 0;
    guest.vm_event_paging = NULL;
    guest.arch.paging.mode = PG_prerecord;
}

int main(void)
{
    static const struct { const char *name; void (*run)(void); } tests[] = {
        { "arrays are there before a call begins", arrays_are_there_before_a_call_begins },
        { "lists of frames are there before a call begins", lists_of_frames_are_there_before_a_call_begins },
        { "hostile arguments", hostile_arguments },
        { "what has begun is never made again", what_has_begun_is_never_made_again },
        { "who waits for the pager comes again", who_waits_for_the_pager_comes_again },
    };
    bool failed = false;

    memory = aligned_alloc(PAGE_SIZE, PAGES * PAGE_SIZE);
    memset(memory, 0, PAGES * PAGE_SIZE);
    for ( unsigned int i = 0; i < ARRAY_SIZE(tests); i++ )
    {
        failure = NULL;
        tests[i].run();
        printf("%s: %s\n", tests[i].name, failure ?: "ok");
        failed |= failure != NULL;
    }
    free(memory);

    return failed;
}
