/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <stdio.h>
#include <string.h>

static _Thread_local char last_call[64];
static _Thread_local char last_message[512];

uint32_t prx_abi_version(void)
{
    return PRX_ABI_VERSION;
}

const char *prx_last_call(void)
{
    return last_call;
}

const char *prx_last_message(void)
{
    return last_message;
}

int32_t prx_fail(const char *call, int error)
{
    snprintf(last_call, sizeof(last_call), "%s", call);
    if (error < 0)
        error = -error;
    return error == 0 ? -EIO : -error;
}

int32_t prx_fail_errno(const char *call)
{
    return prx_fail(call, errno);
}

void prx_forget_message(void)
{
    last_message[0] = '\0';
}

void prx_set_message(const char *text)
{
    snprintf(last_message, sizeof(last_message), "%s", text);
}

/* Xen's libraries log to stderr by default, which would land in the middle of a shell's output. */
__attribute__((format(printf, 5, 0))) static void keep_message(xentoollog_logger *logger,
                                                               xentoollog_level level, int error,
                                                               const char *context, const char *format,
                                                               va_list arguments)
{
    (void)logger;
    (void)error;
    (void)context;
    if (level >= XTL_WARN) {
        int saved = errno;
        vsnprintf(last_message, sizeof(last_message), format, arguments);
        errno = saved;
    }
}

static void keep_nothing(xentoollog_logger *logger)
{
    (void)logger;
}

void prx_logger_init(xentoollog_logger *logger)
{
    memset(logger, 0, sizeof(*logger));
    logger->vmessage = keep_message;
    logger->destroy = keep_nothing;
}
