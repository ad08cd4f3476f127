/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of the children that libxl makes: libxl is played here, and forks as the real one does, by the hook that it
 * was given. Making a thread and forking fail where a case wants it.
 */
#include "../src/internal.h"

#include <libxl.h>
#include <libxl_event.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_CODE = 7 };

static const libxl_childproc_hooks *hooks;
static void *hook_user;
static sem_t reaped;
static pid_t reaped_pid;
static int reaped_status;
static int thread_error, fork_error;
static int threads, forks;
static int passed, failed;

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
pid_t __real_fork(void);
pid_t __wrap_fork(void);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    if (thread_error)
        return thread_error;
    threads++;
    return __real_pthread_create(thread, attributes, start, argument);
}

pid_t __wrap_fork(void)
{
    if (fork_error) {
        errno = fork_error;
        return -1;
    }
    forks++;
    return __real_fork();
}

int libxl_ctx_alloc(libxl_ctx **context, int version, unsigned flags, xentoollog_logger *logger)
{
    *context = (libxl_ctx *)&hooks;
    return 0;
}

int libxl_ctx_free(libxl_ctx *context)
{
    return 0;
}

void libxl_childproc_setmode(libxl_ctx *context, const libxl_childproc_hooks *given, void *user)
{
    hooks = given;
    hook_user = user;
}

int libxl_childproc_reaped(libxl_ctx *context, pid_t pid, int status)
{
    reaped_pid = pid;
    reaped_status = status;
    sem_post(&reaped);
    return 0;
}

int libxl_domain_destroy(libxl_ctx *context, uint32_t domid, const libxl_asyncop_how *how)
{
    pid_t pid = hooks->fork_replacement(hook_user);

    if (pid == 0)
        _exit(EXIT_CODE);
    if (pid < 0)
        return errno == ENOMEM ? ERROR_NOMEM : ERROR_FAIL;
    while (sem_wait(&reaped) != 0)
        continue;
    return reaped_pid == pid && WIFEXITED(reaped_status) && WEXITSTATUS(reaped_status) == EXIT_CODE ? 0 : ERROR_BADFAIL;
}

int libxl_domain_rename(libxl_ctx *context, uint32_t domid, const char *from, const char *to)
{
    return 0;
}

int libxl_retrieve_domain_configuration(libxl_ctx *context, uint32_t domid, libxl_domain_config *config, const libxl_asyncop_how *how)
{
    return 0;
}

char *libxl_domain_config_to_json(libxl_ctx *context, libxl_domain_config *config)
{
    return NULL;
}

void libxl_domain_config_init(libxl_domain_config *config)
{
}

void libxl_domain_config_dispose(libxl_domain_config *config)
{
}

static void check(const char *what, int is_so)
{
    printf("  %s %s\n", is_so ? "[+]" : "[-]", what);
    if (is_so)
        passed++;
    else
        failed++;
}

int main(void)
{
    prx_handle handle;

    memset(&handle, 0, sizeof(handle));
    pthread_mutex_init(&handle.xl_lock, NULL);
    sem_init(&reaped, 0, 0);

    check("a child's end is told with its status", prx_domain_destroy(&handle, 1) == 0 && forks == 1);

    thread_error = EAGAIN;
    check("without a thread that waits there is no child, and an error", prx_domain_destroy(&handle, 1) == -EIO && forks == 1);
    check("the error names the call", strcmp(prx_last_call(), "libxl_domain_destroy") == 0);
    thread_error = ENOMEM;
    check("without memory for a thread, too", prx_domain_destroy(&handle, 1) == -ENOMEM && forks == 1);
    thread_error = 0;

    fork_error = EAGAIN;
    check("where no child can be made, there is an error", prx_domain_destroy(&handle, 1) == -EIO && threads == 2);
    fork_error = 0;

    check("and afterwards all goes on", prx_domain_destroy(&handle, 1) == 0 && forks == 2);
    prx_xl_close(&handle);
    printf("interop: %d passed, %d failed\n", passed, failed);
    return failed != 0;
}
