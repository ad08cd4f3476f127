/* SPDX-License-Identifier: Apache-2.0 */
#include "internal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int32_t prx_xs_read(prx_handle *h, const char *path, void *buffer, uint32_t size, uint32_t *needed)
{
    unsigned int length = 0;
    void *value;

    prx_forget_message();
    *needed = 0;
    value = xs_read(h->store, XBT_NULL, path, &length);
    if (!value)
        return prx_fail_errno("xs_read");
    *needed = length;
    if (buffer && length <= size)
        memcpy(buffer, value, length);
    free(value);
    return 0;
}

int32_t prx_xs_write(prx_handle *h, const char *path, const void *value, uint32_t size)
{
    prx_forget_message();
    return xs_write(h->store, XBT_NULL, path, value, size) ? 0 : prx_fail_errno("xs_write");
}

/* Whether the node holds what is expected (expected: NULL for no node); an error of any other kind is negative. */
static int32_t holds(prx_handle *h, xs_transaction_t transaction, const char *path, const void *expected, uint32_t size)
{
    unsigned int length = 0;
    void *value = xs_read(h->store, transaction, path, &length);
    int32_t same;

    if (!value)
        return errno == ENOENT ? expected == NULL : prx_fail_errno("xs_read");
    same = expected && length == size && memcmp(value, expected, size) == 0;
    free(value);
    return same;
}

int32_t prx_xs_swap(prx_handle *h, const char *path, const void *expected, uint32_t expected_size, const void *value,
                    uint32_t size, uint32_t *swapped)
{
    prx_forget_message();
    *swapped = 0;
    for (;;) {
        xs_transaction_t transaction = xs_transaction_start(h->store);
        int32_t same;
        bool done = true;

        if (transaction == XBT_NULL)
            return prx_fail_errno("xs_transaction_start");
        same = holds(h, transaction, path, expected, expected_size);
        if (same == 1)
            done = value ? xs_write(h->store, transaction, path, value, size)
                         : !expected || xs_rm(h->store, transaction, path);
        if (same < 1 || !done) {
            int32_t rc = !done ? prx_fail_errno(value ? "xs_write" : "xs_rm") : same;
            xs_transaction_end(h->store, transaction, true);
            return rc;
        }
        if (xs_transaction_end(h->store, transaction, false)) {
            *swapped = 1;
            return 0;
        }
        if (errno != EAGAIN)
            return prx_fail_errno("xs_transaction_end");
    }
}

int32_t prx_xs_remove(prx_handle *h, const char *path)
{
    prx_forget_message();
    return xs_rm(h->store, XBT_NULL, path) ? 0 : prx_fail_errno("xs_rm");
}

/* The children's names, each ended by a zero byte. */
int32_t prx_xs_list(prx_handle *h, const char *path, char *buffer, uint32_t size, uint32_t *needed)
{
    unsigned int count = 0;
    uint32_t total = 0;
    char **names;

    prx_forget_message();
    *needed = 0;
    names = xs_directory(h->store, XBT_NULL, path, &count);
    if (!names)
        return prx_fail_errno("xs_directory");
    for (unsigned int i = 0; i < count; i++)
        total += (uint32_t)strlen(names[i]) + 1;
    *needed = total;
    if (buffer && total <= size) {
        for (unsigned int i = 0; i < count; i++) {
            size_t length = strlen(names[i]) + 1;
            memcpy(buffer, names[i], length);
            buffer += length;
        }
    }
    free(names);
    return 0;
}

int32_t prx_xs_resume_domain(prx_handle *h, uint32_t domid)
{
    prx_forget_message();
    return xs_resume_domain(h->store, domid) ? 0 : prx_fail_errno("xs_resume_domain");
}

int32_t prx_xs_watch(prx_handle *h, const char *path, const char *token)
{
    prx_forget_message();
    return xs_watch(h->store, path, token) ? 0 : prx_fail_errno("xs_watch");
}

int32_t prx_xs_unwatch(prx_handle *h, const char *path, const char *token)
{
    prx_forget_message();
    return xs_unwatch(h->store, path, token) ? 0 : prx_fail_errno("xs_unwatch");
}
