/* SPDX-License-Identifier: Apache-2.0 */
/* Filling and naming of mr_error; see api/error.h. */
#include "api/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/record.h"

/* A text is one line, whatever names and messages of others are in it: they can neither begin a
 * line of the log nor give orders to a terminal. */
static void keep_in_line(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 127) {
            *text = ' ';
        }
    }
}

mr_status mr_fail(mr_error *err, mr_status status, mr_domain domain, const char *format, ...)
{
    if (err) {
        char text[sizeof err->text]; /* the arguments may point into *err */
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        keep_in_line(text);
        *err = (mr_error){.domain = domain};
        memcpy(err->text, text, sizeof text);
    }
    return status;
}

void mr_error_prefix(mr_error *err, const char *format, ...)
{
    if (!err) {
        return;
    }
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof text &&
        snprintf(text + len, sizeof text - (size_t)len, ": %s", err->text) < 0) {
        text[len] = '\0';
    }
    keep_in_line(text);
    memcpy(err->text, text, sizeof text);
}

mr_error *mr_error_field(mr_error *err, const char *field)
{
    if (err) {
        snprintf(err->field, sizeof err->field, "%s", field);
    }
    return err;
}

mr_error *mr_error_code(mr_error *err, int native, const char *code)
{
    if (err) {
        err->native = native;
        snprintf(err->code, sizeof err->code, "%s", code ? code : "");
    }
    return err;
}

const char *mr_status_name(mr_status status)
{
    static const char *const names[] = {"ok", "retry", "reopen", "reject", "fatal", "idle", "end"};
    return (unsigned)status < sizeof names / sizeof *names ? names[status] : "unknown";
}

const char *mr_domain_name(mr_domain domain)
{
    static const char *const names[] = {"none",      "config", "schema",   "record",
                                        "transform", "kafka",  "postgres", "mongodb",
                                        "file",      "http",   "system"};
    return (unsigned)domain < sizeof names / sizeof *names ? names[domain] : "unknown";
}

const char *mr_op_name(mr_op op)
{
    static const char *const names[] = {"create", "update", "delete", "snapshot"};
    return (unsigned)op < sizeof names / sizeof *names ? names[op] : "unknown";
}
