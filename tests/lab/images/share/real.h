/* Finds the functions of a process' libraries for what is loaded ahead of them (LD_PRELOAD). Include with _GNU_SOURCE. */
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct library {
    const char *name;
    char path[256];
};

static int find(struct dl_phdr_info *loaded, size_t size, void *data)
{
    struct library *library = data;

    (void)size;
    if (!strstr(loaded->dlpi_name, library->name))
        return 0;
    snprintf(library->path, sizeof library->path, "%s", loaded->dlpi_name);
    return 1;
}

/* A library's own function. RTLD_NEXT does not find it, because the process loads the library without showing its names to others. */
static void *function(const char *name, const char *call)
{
    struct library library = { name, "" };
    void *handle, *found = NULL;

    if (dl_iterate_phdr(find, &library) && (handle = dlopen(library.path, RTLD_LAZY | RTLD_NOLOAD)))
        found = dlsym(handle, call);
    if (!found) {
        fprintf(stderr, "%s has no %s\n", name, call);
        abort();
    }
    return found;
}
