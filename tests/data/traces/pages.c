/* Reads valgrind's lackey --trace-mem=yes on stdin and writes which virtual pages were touched, epoch by epoch (make):
 *
 *     pages INSTRUCTIONS EPOCHS
 *
 * An epoch is so many instructions. One line for each: the pages in the order of their first touch in it, each as the difference
 * to the one before (hexadecimal), with a w behind it where the epoch wrote the page. Ends after so many epochs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1 << 20, LONGEST = 1 << 18 };
static struct { unsigned long page; unsigned epoch; unsigned place; } slots[SLOTS];
static struct { unsigned long page; int written; } touched[LONGEST];
static unsigned count, epoch = 1;
static unsigned long last;

static void touch(unsigned long page, int written)
{
    unsigned long at = (page * 0x9E3779B97F4A7C15UL) >> 44;
    while (slots[at].epoch && slots[at].page != page)
        at = (at + 1) % SLOTS;
    if (slots[at].epoch != epoch) {
        if (count == LONGEST)
            exit(3);
        slots[at].page = page, slots[at].epoch = epoch, slots[at].place = count;
        touched[count].page = page, touched[count++].written = 0;
    }
    touched[slots[at].place].written |= written;
}

static void end_epoch(void)
{
    for (unsigned i = 0; i < count; i++) {
        long step = (long)(touched[i].page - last);
        printf("%s%s%lx%s", i ? " " : "", step < 0 ? "-" : "", step < 0 ? -(unsigned long)step : (unsigned long)step, touched[i].written ? "w" : "");
        last = touched[i].page;
    }
    putchar('\n');
    count = 0, epoch++;
}

int main(int argc, char **argv)
{
    char line[4096];
    unsigned long per_epoch = argc == 3 ? strtoul(argv[1], 0, 10) : 0, epochs = argc == 3 ? strtoul(argv[2], 0, 10) : 0, instructions = 0;
    if (!per_epoch || !epochs)
        return 2;
    while (epoch <= epochs && fgets(line, sizeof line, stdin)) {
        char kind = line[0] == 'I' ? 'I' : line[0] == ' ' ? line[1] : 0;
        char *end;
        unsigned long address, size;
        if (!kind || !strchr("ILSM", kind) || line[2] != ' ')
            continue;
        address = strtoul(line + 3, &end, 16);
        size = *end == ',' ? strtoul(end + 1, 0, 10) : 0;
        if (!size)
            continue;
        touch(address >> 12, kind == 'S' || kind == 'M');
        if ((address + size - 1) >> 12 != address >> 12)
            touch((address + size - 1) >> 12, kind == 'S' || kind == 'M');
        if (kind == 'I' && ++instructions % per_epoch == 0)
            end_epoch();
    }
    return 0;
}
