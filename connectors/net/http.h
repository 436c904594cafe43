/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP client: one request at a time, every wait and every size bounded, on libcurl. This folder
 * is the only one that includes it.
 *
 * Threads   A client belongs to one thread at a time.
 * Secrets   User, password and bodies never appear in a message.
 */
#ifndef MR_NET_HTTP_H
#define MR_NET_HTTP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "api/error.h"

/* All texts may be NULL, and are borrowed for the life of the client. */
typedef struct mr_http_options {
    const char *user, *password;             /* basic authentication */
    const char *ca_file;                     /* PEM; NULL: the system's */
    const char *certificate_file, *key_file; /* PEM: what we show of ourselves */
    int64_t timeout_ms;                      /* of one request, connecting included */
    size_t body_max_bytes;                   /* an answer with a larger body is refused */
    const char *option_prefix; /* of the options that messages name: "schema.registry.", for its
                                  url, ssl.ca.location and so on; NULL: none */
} mr_http_options;

typedef struct mr_http_response {
    int status;       /* 200, 404, ... */
    char type[80];    /* content type without parameters, lower case; "": none */
    const char *body; /* terminated by a NUL that is not counted; valid until the next request */
    size_t len;
} mr_http_response;

#define MR_HTTP_TOO_LARGE "TOO_LARGE"

typedef struct mr_http mr_http;

MR_CHECKED mr_status mr_http_new(const mr_http_options *options, mr_http **ret, mr_error *err);
void mr_http_free(mr_http *http);

/* Sends a request; body NULL: none. type: of the body, and what is accepted. Any answer is MR_OK,
 * whatever its status. MR_RETRY: no whole answer came (not reachable, cut off, too slow, too
 * large); MR_FATAL: none will (no such protocol, a certificate of somebody else's, a file that can
 * not be read); a certificate that is out of its time is MR_RETRY, since it can be replaced;
 * MR_IDLE: *stop was set (NULL: never). A body that is too large is MR_RETRY with err->code
 * MR_HTTP_TOO_LARGE, and *ret holds what came of it; else *ret is untouched. The text names the
 * URL. */
MR_CHECKED mr_status mr_http_send(mr_http *http, const char *method, const char *url,
                                  const char *type, const char *body, const atomic_bool *stop,
                                  mr_http_response *ret, mr_error *err);

/* `text` as one segment of a path, every byte that is not plain as %XX; to be freed. */
char *mr_http_segment(const char *text);

#endif
