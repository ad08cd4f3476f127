/* Makes calls of Xen's libraries fail or wait in a process that loads this ahead of them (LD_PRELOAD), as a file for each call says:
 *   $LAB_FAULTS/CALL   "before N": the next N calls fail and do nothing; "after N": they do their work, and then say that they failed;
 *                      "hold N": they wait until the file is gone, and then do their work. N counts down to 0.
 * CALL is pause, unpause, resume or destroy. Every other call goes through as it is. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "real.h"

enum fault { NONE, BEFORE, AFTER, HOLD };

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static enum fault named(const char *word)
{
    return !strcmp(word, "after") ? AFTER : !strcmp(word, "hold") ? HOLD : BEFORE;
}

/* The fault of this call. One that is held comes back when it is let go, and has no fault. */
static enum fault next(const char *call)
{
    char path[128], word[16] = "";
    const char *folder = getenv("LAB_FAULTS");
    int left = 0;
    enum fault fault = NONE;

    snprintf(path, sizeof path, "%s/%s", folder ? folder : "", call);
    pthread_mutex_lock(&gate);
    FILE *file = fopen(path, "r+");
    if (file) {
        if (fscanf(file, "%15s %d", word, &left) == 2 && left > 0) {
            fault = named(word);
            rewind(file);
            fprintf(file, "%s %d        \n", word, left - 1);
        }
        fclose(file);
    }
    pthread_mutex_unlock(&gate);
    if (fault != HOLD)
        return fault;
    while (!access(path, F_OK))
        usleep(10000);
    return NONE;
}

/* Makes the real call as far as the fault lets it, and returns from the function that stands in front of it. */
#define FAULTED(call, failure, real) \
    enum fault fault = next(call);   \
    int rc = fault == BEFORE ? 0 : real; \
    if (fault == NONE)               \
        return rc;                   \
    errno = EIO;                     \
    return failure

int xc_domain_pause(void *xc, uint32_t domid)
{
    int (*real)(void *, uint32_t) = function("libxenctrl.so", "xc_domain_pause");
    FAULTED("pause", -1, real(xc, domid));
}

int xc_domain_unpause(void *xc, uint32_t domid)
{
    int (*real)(void *, uint32_t) = function("libxenctrl.so", "xc_domain_unpause");
    FAULTED("unpause", -1, real(xc, domid));
}

int xc_domain_resume(void *xc, uint32_t domid, int fast)
{
    int (*real)(void *, uint32_t, int) = function("libxenguest.so", "xc_domain_resume");
    FAULTED("resume", -1, real(xc, domid, fast));
}

int libxl_domain_destroy(void *ctx, uint32_t domid, const void *ao_how)
{
    int (*real)(void *, uint32_t, const void *) = function("libxenlight.so", "libxl_domain_destroy");
    FAULTED("destroy", -3 /* ERROR_FAIL */, real(ctx, domid, ao_how));
}
