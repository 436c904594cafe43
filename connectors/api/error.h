/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What went wrong (mr_error) and what must happen next (mr_status).
 *
 * Every function that can fail returns an mr_status and takes an mr_error as its last parameter.
 * The error is allocated by the caller, needs no heap and is untouched on success. Library code and
 * connectors never log an error: they return it, and the runtime logs it once.
 */
#ifndef MR_API_ERROR_H
#define MR_API_ERROR_H

#include <stdbool.h>
#include <stdint.h>

/* What the runtime does next. Anything but MR_OK between begin() and commit() ends the epoch. */
typedef enum mr_status {
    MR_OK,     /* go on */
    MR_RETRY,  /* abort, back off with jitter, replay the epoch on the same connection */
    MR_REOPEN, /* abort, close, open with back-off, recover(), replay what is not already stored */
    MR_REJECT, /* abort; records named by mr_reject() become dead letters and the rest is replayed;
                  none named: the epoch is halved by offset until the culprit is alone */
    MR_FATAL,  /* abort, stop the task with its cause, position unchanged; restarted unless
                  error.permanent */
    MR_IDLE,   /* sources: nothing before the deadline */
    MR_END,    /* sources: finite input done: drain and exit 0 */
} mr_status;

/* Whose code mr_error.native and mr_error.code are. */
typedef enum mr_domain {
    MR_DOMAIN_NONE,
    MR_DOMAIN_CONFIG,    /* what the user wrote: pipeline file, flags, environment */
    MR_DOMAIN_SCHEMA,    /* Avro schemas and their resolution */
    MR_DOMAIN_RECORD,    /* the bytes or values of one record */
    MR_DOMAIN_TRANSFORM, /* SQL queries; native: SQLite result code */
    MR_DOMAIN_KAFKA,     /* native: rd_kafka_resp_err_t, code: its name */
    MR_DOMAIN_POSTGRES,  /* code: SQLSTATE */
    MR_DOMAIN_MONGODB,   /* native: server error code */
    MR_DOMAIN_FILE,      /* native: errno */
    MR_DOMAIN_HTTP,      /* native: HTTP status or CURLcode */
    MR_DOMAIN_SYSTEM,    /* native: errno */
} mr_domain;

typedef struct mr_error {
    mr_domain domain;
    int native;      /* native error number of the domain; 0: none */
    char code[40];   /* native error name, e.g. SQLSTATE "23505"; "": none */
    char field[128]; /* field, column or option concerned; "": none */
    bool permanent;  /* with MR_FATAL: restarting can not heal it (bad configuration) */
    char text[1200]; /* one sentence or two: what, where, found, allowed, what to do next. Never a
                        secret. */
} mr_error;

#if defined(__GNUC__)
#define MR_PRINTF(format_arg, first_arg) __attribute__((format(printf, format_arg, first_arg)))
#define MR_CHECKED                       __attribute__((warn_unused_result))
#else
#define MR_PRINTF(format_arg, first_arg)
#define MR_CHECKED
#endif

/* Fills *err (domain and text; the rest is reset) and returns `status`, so that a failure is one
 * line: return mr_fail(err, MR_FATAL, MR_DOMAIN_FILE, "cannot open %s: %s", path, strerror(errno));
 * err may be NULL. Text that does not fit is cut; control characters, such as newlines in the words
 * of others, become blanks. */
mr_status mr_fail(mr_error *err, mr_status status, mr_domain domain, const char *format, ...)
    MR_PRINTF(4, 5);

/* Puts "context: " before the text of an error that is passed on. err may be NULL. */
void mr_error_prefix(mr_error *err, const char *format, ...) MR_PRINTF(2, 3);

/* Sets err->field or err->code, cut to fit; returns err. err may be NULL. */
mr_error *mr_error_field(mr_error *err, const char *field);
mr_error *mr_error_code(mr_error *err, int native, const char *code);

/* Names as they appear in logs, metrics and dead letters: "retry", "postgres", ... Never NULL. */
const char *mr_status_name(mr_status status);
const char *mr_domain_name(mr_domain domain);

#endif
