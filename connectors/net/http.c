/* SPDX-License-Identifier: Apache-2.0 */
/* See http.h. One curl handle, so that a connection is kept between requests. Redirects are not
 * followed: a server that moved is told of, and credentials go nowhere but where the user said. */
#include "net/http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/buffer.h"

struct mr_http {
    mr_http_options options;
    CURL *curl;
    mr_buffer body;
    const atomic_bool *stop;
    char why[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    mr_http *http = context;
    mr_buffer_add(&http->body, data, size * count);
    return http->body.failed ? 0 : size * count;
}

static int look_at_stop(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const mr_http *http = context;
    (void)a, (void)b, (void)c, (void)d;
    return http->stop && atomic_load_explicit(http->stop, memory_order_relaxed);
}

mr_status mr_http_new(const mr_http_options *options, mr_http **ret, mr_error *err)
{
    pthread_once(&once, init_library);
    mr_http *http = mr_calloc(1, sizeof *http);
    http->options = *options;
    mr_buffer_init(&http->body, options->body_max_bytes);
    http->curl = curl_easy_init();
    if (!http->curl) {
        mr_http_free(http);
        return mr_fail(err, MR_FATAL, MR_DOMAIN_HTTP, "libcurl can not be initialised");
    }
    *ret = http;
    return MR_OK;
}

void mr_http_free(mr_http *http)
{
    if (http) {
        curl_easy_cleanup(http->curl);
        mr_buffer_release(&http->body);
        free(http);
    }
}

static void set_text(CURL *curl, CURLoption option, const char *text)
{
    if (text && *text) {
        curl_easy_setopt(curl, option, text);
    }
}

static void configure(mr_http *http, const char *method, const char *url, const char *body)
{
    const mr_http_options *o = &http->options;
    CURL *curl = http->curl;
    curl_easy_reset(curl);
    http->why[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)o->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)o->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->why);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "millrace");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_at_stop);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);
    if (o->user && *o->user) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, o->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, o->password ? o->password : "");
    }
    set_text(curl, CURLOPT_CAINFO, o->ca_file);
#if LIBCURL_VERSION_NUM >= 0x075700
    curl_easy_setopt(curl, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* a file that is replaced counts */
#endif
    set_text(curl, CURLOPT_SSLCERT, o->certificate_file);
    set_text(curl, CURLOPT_SSLKEY, o->key_file);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    }
}

/* --- What failed --- */

/* CURLINFO_SSL_VERIFYRESULT: OpenSSL's X509_V_ERR_*, which never change. */
enum { CERT_NOT_YET_VALID = 9, CERT_HAS_EXPIRED = 10 };

/* Why no answer came, and what to change; `option` is the last part of its name, "": none. */
typedef struct diagnosis {
    mr_status status;
    const char *advice, *option;
} diagnosis;

/* A certificate that is out of its time is replaced by those who run the server, while we wait.
 * That it is signed by somebody else, or for another name, is said by our configuration. */
static diagnosis look_at_certificate(const mr_http *http)
{
    long found = 0;
    (void)curl_easy_getinfo(http->curl, CURLINFO_SSL_VERIFYRESULT, &found);
    if (found == CERT_HAS_EXPIRED || found == CERT_NOT_YET_VALID) {
        return (diagnosis){MR_RETRY, "; it is waited for a new one (is the clock here right?)", ""};
    }
    if (found <= 1) { /* curl has not come to the chain: the name is not the right one */
        return (diagnosis){MR_FATAL, "; name the host as its certificate does, in ", "url"};
    }
    return (diagnosis){MR_FATAL,
                       http->options.ca_file
                           ? "; the file named has not signed it: put the right CA into "
                           : "; the system does not know who signed it: name the CA's file in ",
                       "ssl.ca.location"};
}

static diagnosis diagnose(const mr_http *http, CURLcode code, const char *url)
{
    bool by_tls = strncasecmp(url, "https:", 6) == 0;
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
        return (diagnosis){MR_FATAL, "; see ", "url"};
    case CURLE_PEER_FAILED_VERIFICATION:
        return look_at_certificate(http);
    case CURLE_SSL_CACERT_BADFILE:
        return (diagnosis){MR_FATAL, "; it takes certificates in PEM: ", "ssl.ca.location"};
    case CURLE_SSL_CERTPROBLEM:
        return (diagnosis){MR_FATAL, "; see ", "ssl.certificate.location and ssl.key.location"};
    case CURLE_SSL_CONNECT_ERROR:
        return strstr(http->why, "wrong version number")
                   ? (diagnosis){MR_FATAL, "; is it https? See ", "url"}
                   : (diagnosis){MR_RETRY, "; does it want a certificate? See ",
                                 "ssl.certificate.location"};
    case CURLE_GOT_NOTHING:
        return (diagnosis){MR_RETRY, "; is it https?", ""};
    case CURLE_SEND_ERROR: /* TLS 1.3: the server says no after the handshake, or hangs up */
    case CURLE_RECV_ERROR:
        return by_tls && !http->options.certificate_file
                   ? (diagnosis){MR_RETRY, "; does it want a certificate? See ",
                                 "ssl.certificate.location"}
                   : (diagnosis){MR_RETRY, "", ""};
    default:
        return (diagnosis){MR_RETRY, "", ""};
    }
}

static mr_status failed(const mr_http *http, CURLcode code, const char *url, mr_error *err)
{
    const char *prefix = http->options.option_prefix ? http->options.option_prefix : "";
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        return mr_fail(err, MR_IDLE, MR_DOMAIN_HTTP, "stopped while waiting for %s", url);
    }
    diagnosis d = diagnose(http, code, url);
    if (http->body.failed) {
        mr_fail(err, d.status, MR_DOMAIN_HTTP, "the answer of %s is larger than %zu bytes", url,
                http->options.body_max_bytes);
    } else {
        mr_fail(err, d.status, MR_DOMAIN_HTTP, "no answer from %s: %s%s%s%s", url,
                *http->why ? http->why : curl_easy_strerror(code), d.advice,
                *d.option ? prefix : "", d.option);
    }
    mr_error_code(err, (int)code, http->body.failed ? MR_HTTP_TOO_LARGE : "");
    return d.status;
}

static void take_type(CURL *curl, char *out, size_t size)
{
    const char *type = NULL;
    size_t len = 0;
    if (curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type) {
        while (type[len] && type[len] != ';' && type[len] != ' ' && len + 1 < size) {
            out[len] = (char)tolower((unsigned char)type[len]);
            len++;
        }
    }
    out[len] = '\0';
}

mr_status mr_http_send(mr_http *http, const char *method, const char *url, const char *type,
                       const char *body, const atomic_bool *stop, mr_http_response *ret,
                       mr_error *err)
{
    char *accept = mr_format("Accept: %s", type), *content = mr_format("Content-Type: %s", type);
    struct curl_slist *headers = curl_slist_append(NULL, accept);
    headers = curl_slist_append(headers, content);
    headers = curl_slist_append(headers, "Expect:");
    configure(http, method, url, body);
    curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
    http->stop = stop;
    mr_buffer_clear(&http->body);
    CURLcode code = curl_easy_perform(http->curl);
    curl_slist_free_all(headers);
    free(accept);
    free(content);
    if (code != CURLE_OK && !http->body.failed) {
        return failed(http, code, url, err);
    }
    long status = 0;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    *ret = (mr_http_response){
        .status = (int)status, .body = mr_buffer_text(&http->body), .len = http->body.len};
    take_type(http->curl, ret->type, sizeof ret->type);
    return http->body.failed ? failed(http, code, url, err) : MR_OK;
}

char *mr_http_segment(const char *text)
{
    static const char plain[] = "-._~";
    mr_buffer out = MR_BUFFER_INIT(64 << 10);
    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr(plain, *text)) {
            mr_buffer_add_char(&out, *text);
        } else {
            mr_buffer_printf(&out, "%%%02X", (unsigned char)*text);
        }
    }
    char *ret = mr_strdup(mr_buffer_text(&out));
    mr_buffer_release(&out);
    return ret;
}
