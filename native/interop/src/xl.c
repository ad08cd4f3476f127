/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <libxl.h>
#include <libxl_event.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * libxl forks to destroy a domain and by default takes over SIGCHLD, aborting the process when somebody else
 * owns it; the .NET runtime does. So we say that we own it, learn each child's pid where libxl forks, and a
 * thread of ours waits for exactly that pid and tells libxl. No signal handler is involved. The thread is made
 * before the child is: without it nobody could tell libxl of the child's end, and libxl would wait for ever.
 */
struct child {
    prx_handle *h;
    pid_t pid; /* not positive: there is none to wait for */
    sem_t has_pid;
};

static void *wait_for_child(void *argument)
{
    struct child *c = argument;
    int status = 0;
    pid_t got;

    while (sem_wait(&c->has_pid) != 0)
        continue; /* a signal */
    if (c->pid > 0) {
        do {
            got = waitpid(c->pid, &status, 0);
        } while (got < 0 && errno == EINTR);
        libxl_childproc_reaped(c->h->xl, c->pid, got == c->pid ? status : 0);
    }
    sem_destroy(&c->has_pid);
    free(c);
    return NULL;
}

/* As fork: -1 with errno where there is no child, which libxl takes for its operation's failure. */
static pid_t fork_and_watch(void *user)
{
    struct child *c = calloc(1, sizeof(*c));
    pthread_t thread;
    pid_t pid;
    int error;

    if (!c) {
        errno = ENOMEM;
        return -1;
    }
    c->h = user;
    sem_init(&c->has_pid, 0, 0);
    error = pthread_create(&thread, NULL, wait_for_child, c);
    if (error) {
        sem_destroy(&c->has_pid);
        free(c);
        errno = error;
        return -1;
    }
    pthread_detach(thread);
    pid = fork();
    if (pid != 0) {
        error = errno;
        c->pid = pid;
        sem_post(&c->has_pid); /* from here on it is the thread's */
        errno = error;
    }
    return pid;
}

static const libxl_childproc_hooks hooks = {
    .chldowner = libxl_sigchld_owner_mainloop,
    .fork_replacement = fork_and_watch,
};

static int32_t fail_xl(const char *call, int rc)
{
    char text[512];

    switch (rc) {
    case ERROR_DOMAIN_NOTFOUND:
        return prx_fail(call, ESRCH);
    case ERROR_NOMEM:
        return prx_fail(call, ENOMEM);
    case ERROR_INVAL:
        return prx_fail(call, EINVAL);
    case ERROR_LOCK_FAIL:
        return prx_fail(call, EDEADLK);
    case ERROR_TIMEDOUT:
        return prx_fail(call, ETIMEDOUT);
    default:
        snprintf(text, sizeof(text), "libxl error %d: %.400s", rc, prx_last_message());
        prx_set_message(text);
        return prx_fail(call, EIO);
    }
}

/* Called with xl_lock held. */
static int32_t open_xl(prx_handle *h)
{
    libxl_ctx *ctx = NULL;
    int rc;

    if (h->xl)
        return 0;
    rc = libxl_ctx_alloc(&ctx, LIBXL_VERSION, 0, &h->logger);
    if (rc)
        return fail_xl("libxl_ctx_alloc", rc);
    libxl_childproc_setmode(ctx, &hooks, h);
    h->xl = ctx;
    return 0;
}

void prx_xl_close(prx_handle *h)
{
    if (h->xl)
        libxl_ctx_free(h->xl);
    h->xl = NULL;
}

int32_t prx_domain_destroy(prx_handle *h, uint32_t domid)
{
    int32_t rc;

    prx_forget_message();
    pthread_mutex_lock(&h->xl_lock);
    rc = open_xl(h);
    if (!rc) {
        int xl = libxl_domain_destroy(h->xl, domid, NULL);
        if (xl)
            rc = fail_xl("libxl_domain_destroy", xl);
    }
    pthread_mutex_unlock(&h->xl_lock);
    return rc;
}

int32_t prx_domain_rename(prx_handle *h, uint32_t domid, const char *new_name)
{
    int32_t rc;

    prx_forget_message();
    pthread_mutex_lock(&h->xl_lock);
    rc = open_xl(h);
    if (!rc) {
        int xl = libxl_domain_rename(h->xl, domid, NULL, new_name);
        if (xl)
            rc = fail_xl("libxl_domain_rename", xl);
    }
    pthread_mutex_unlock(&h->xl_lock);
    return rc;
}

int32_t prx_domain_config_json(prx_handle *h, uint32_t domid, char *buffer, uint64_t size, uint64_t *needed)
{
    libxl_domain_config config;
    char *text = NULL;
    int32_t rc;

    prx_forget_message();
    *needed = 0;
    pthread_mutex_lock(&h->xl_lock);
    rc = open_xl(h);
    if (!rc) {
        int xl;
        libxl_domain_config_init(&config);
        xl = libxl_retrieve_domain_configuration(h->xl, domid, &config, NULL);
        if (xl) {
            rc = fail_xl("libxl_retrieve_domain_configuration", xl);
        } else {
            text = libxl_domain_config_to_json(h->xl, &config);
            if (!text)
                rc = prx_fail("libxl_domain_config_to_json", EIO);
        }
        libxl_domain_config_dispose(&config);
    }
    pthread_mutex_unlock(&h->xl_lock);
    if (text) {
        *needed = strlen(text);
        if (buffer && *needed <= size)
            memcpy(buffer, text, *needed);
        free(text);
    }
    return rc;
}
