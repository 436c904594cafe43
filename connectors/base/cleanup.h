/* SPDX-License-Identifier: Apache-2.0 */
/* Cleanup attributes for handles of our own and of jansson; each foreign library's are beside its
 * use. */
#ifndef MR_BASE_CLEANUP_H
#define MR_BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>

#define MR_CLEANUP(function) __attribute__((cleanup(function)))

static inline void mr_cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void mr_cleanup_fclose(FILE **f)
{
    if (*f) {
        fclose(*f);
    }
}

#define mr_auto_free   MR_CLEANUP(mr_cleanup_free)
#define mr_auto_fclose MR_CLEANUP(mr_cleanup_fclose)

#endif
