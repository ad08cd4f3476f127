/* Adds up what a process spends on what it keeps for others, where it loads this ahead of its libraries (LD_PRELOAD): its calls of xenstore below
 * /prerecord, and those of the files of /run/prerecord. In the file $LAB_CLOCK, as three numbers of eight bytes: nanoseconds, calls, and bytes that
 * files were given. What is written through a mapping of such a file is no call, and is not added. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "real.h"

#ifndef FOLDER
#define FOLDER "/run/prerecord"
#endif
#define STORE "/prerecord"
#define MOST_FILES 4096

struct sums {
    _Atomic uint64_t nanoseconds, calls, bytes;
};

static struct sums *sums;
static atomic_bool is_ours[MOST_FILES];

/* A transaction counts, its beginning too, once something below /prerecord was touched in it. */
static __thread uint64_t begun;
static __thread bool is_counted;

static void *next(const char *call)
{
    return dlsym(RTLD_NEXT, call);
}

__attribute__((constructor)) static void begin(void)
{
    int (*real_open)(const char *, int, ...) = next("open");
    const char *path = getenv("LAB_CLOCK");
    int file = path ? real_open(path, O_RDWR | O_CREAT, 0600) : -1;

    if (file < 0 || ftruncate(file, sizeof *sums))
        return;
    sums = mmap(NULL, sizeof *sums, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (sums == MAP_FAILED)
        sums = NULL;
    close(file);
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void add(uint64_t since)
{
    if (sums) {
        sums->nanoseconds += now() - since;
        sums->calls++;
    }
}

static void grow(uint64_t bytes)
{
    if (sums)
        sums->bytes += bytes;
}

static bool is_below(const char *path, const char *folder)
{
    return path && !strncmp(path, folder, strlen(folder));
}

/* Counts one call where `ours` says so, and returns what it returns. */
#define CLOCKED(ours, type, real)  \
    uint64_t since = now();        \
    type result = real;            \
    if (ours)                      \
        add(since);                \
    return result

#define IN_STORE(path) (is_below(path, STORE) && (is_counted = true))

void *xs_read(void *h, uint32_t t, const char *path, unsigned int *length)
{
    void *(*real)(void *, uint32_t, const char *, unsigned int *) = function("libxenstore.so", "xs_read");
    CLOCKED(IN_STORE(path), void *, real(h, t, path, length));
}

bool xs_write(void *h, uint32_t t, const char *path, const void *data, unsigned int length)
{
    bool (*real)(void *, uint32_t, const char *, const void *, unsigned int) = function("libxenstore.so", "xs_write");
    CLOCKED(IN_STORE(path), bool, real(h, t, path, data, length));
}

bool xs_rm(void *h, uint32_t t, const char *path)
{
    bool (*real)(void *, uint32_t, const char *) = function("libxenstore.so", "xs_rm");
    CLOCKED(IN_STORE(path), bool, real(h, t, path));
}

char **xs_directory(void *h, uint32_t t, const char *path, unsigned int *count)
{
    char **(*real)(void *, uint32_t, const char *, unsigned int *) = function("libxenstore.so", "xs_directory");
    CLOCKED(IN_STORE(path), char **, real(h, t, path, count));
}

uint32_t xs_transaction_start(void *h)
{
    uint32_t (*real)(void *) = function("libxenstore.so", "xs_transaction_start");
    uint64_t since = now();
    uint32_t result = real(h);

    begun = now() - since;
    is_counted = false;
    return result;
}

bool xs_transaction_end(void *h, uint32_t t, bool abort)
{
    bool (*real)(void *, uint32_t, bool) = function("libxenstore.so", "xs_transaction_end");
    uint64_t since = now() - begun;
    bool result = real(h, t, abort);

    if (is_counted)
        add(since);
    begun = 0;
    return result;
}

/* A file that was opened below the folder is known by its descriptor until another one gets that. */
static int opened(int file, const char *path, uint64_t since)
{
    bool ours = is_below(path, FOLDER);

    if (file >= 0 && file < MOST_FILES)
        is_ours[file] = ours;
    if (ours)
        add(since);
    return file;
}

static bool is_file_of_ours(int file)
{
    return file >= 0 && file < MOST_FILES && is_ours[file];
}

#define OPEN(name)                                        \
    int name(const char *path, int flags, ...)            \
    {                                                     \
        int (*real)(const char *, int, ...) = next(#name); \
        uint64_t since = now();                           \
        va_list list;                                     \
                                                          \
        va_start(list, flags);                            \
        mode_t mode = va_arg(list, mode_t);               \
        va_end(list);                                     \
        return opened(real(path, flags, mode), path, since); \
    }
OPEN(open)
OPEN(open64)

#define WRITTEN(call)                     \
    uint64_t since = now();               \
    ssize_t count = call;                 \
    if (is_file_of_ours(file)) {          \
        add(since);                       \
        grow(count > 0 ? (uint64_t)count : 0); \
    }                                     \
    return count

ssize_t write(int file, const void *bytes, size_t length)
{
    ssize_t (*real)(int, const void *, size_t) = next("write");
    WRITTEN(real(file, bytes, length));
}

#define PWRITE(name)                                                    \
    ssize_t name(int file, const void *bytes, size_t length, off_t at)  \
    {                                                                   \
        ssize_t (*real)(int, const void *, size_t, off_t) = next(#name); \
        WRITTEN(real(file, bytes, length, at));                         \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

/* Room that is taken at once is what its file will hold. */
#define ALLOCATED(call)              \
    uint64_t since = now();          \
    int result = call;               \
    if (is_file_of_ours(file)) {     \
        add(since);                  \
        grow(result ? 0 : (uint64_t)length); \
    }                                \
    return result

#define ALLOCATE(name)                                  \
    int name(int file, off_t at, off_t length)          \
    {                                                   \
        int (*real)(int, off_t, off_t) = next(#name);   \
        ALLOCATED(real(file, at, length));              \
    }
ALLOCATE(posix_fallocate)
ALLOCATE(posix_fallocate64)

#define FALLOCATE(name)                                     \
    int name(int file, int mode, off_t at, off_t length)    \
    {                                                       \
        int (*real)(int, int, off_t, off_t) = next(#name);  \
        ALLOCATED(real(file, mode, at, length));            \
    }
FALLOCATE(fallocate)
FALLOCATE(fallocate64)

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *) = next("rename");
    CLOCKED(is_below(to, FOLDER), int, real(from, to));
}

int unlink(const char *path)
{
    int (*real)(const char *) = next("unlink");
    CLOCKED(is_below(path, FOLDER), int, real(path));
}
