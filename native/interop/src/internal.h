/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PRX_INTERNAL_H
#define PRX_INTERNAL_H

#include "../prerecordxen.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#define XC_WANT_COMPAT_DEVICEMODEL_API
#include <xencall.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xenguest.h>
#include <xenstore.h>
#include <xentoollog.h>

struct libxl__ctx;

struct prx_handle {
    xentoollog_logger logger;
    xc_interface *xc;
    xenforeignmemory_handle *memory;
    xencall_handle *call;
    struct xs_handle *store;
    struct libxl__ctx *xl;   /* opened at first use, under xl_lock */
    pthread_mutex_t xl_lock; /* one libxl operation at a time */
};

/* Remembers the failing call for this thread and gives back -error (never 0). */
int32_t prx_fail(const char *call, int error);
/* The same for calls that left their reason in errno. */
int32_t prx_fail_errno(const char *call);
/* Forgets what the library logged, so that a message belongs to the call that follows. */
void prx_forget_message(void);
/* Replaces the message of this thread. */
void prx_set_message(const char *text);
/* Makes the logger that keeps the last warning or error of each thread instead of writing to stderr. */
void prx_logger_init(xentoollog_logger *logger);
/* Waits for a file descriptor, the wake-up (-1: none) or the time's end; result is PRX_WAIT_*. */
int32_t prx_wait_two(int first, int32_t wakeup_fd, int32_t timeout_ms, uint32_t *result);
/* Frees what libxl holds of the handle. */
void prx_xl_close(prx_handle *h);

#endif
