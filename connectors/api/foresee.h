/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a sink's target would have to become before records of a schema can be written: for
 * `millrace evolve --plan`. The target is read, never changed.
 */
#ifndef MR_API_FORESEE_H
#define MR_API_FORESEE_H

#include "api/error.h"
#include "api/record.h"

/* One thing that does not fit yet. */
typedef struct mr_foresight {
    const char *target;    /* as the target's language writes it: "public"."trips" */
    const char *statement; /* that makes it fit; NULL: none is known */
    bool by_itself;        /* the sink will run the statement when the first such record comes */
    const char *problem;   /* without a statement: what is wrong, in words */
} mr_foresight;

/* Texts are the callee's to copy. */
typedef void mr_foreseen(void *context, const mr_foresight *foresight);

#endif
