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
    set_text(curl, CURLOPT_SSLCERT, o->certificate_file);
    set_text(curl, CURLOPT_SSLKEY, o->key_file);
    if (body) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    }
}

static bool can_not_heal(CURLcode code)
{
    switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CONNECT_ERROR:
        return true;
    default:
        return false;
    }
}

static mr_status failed(const mr_http *http, CURLcode code, const char *url, mr_error *err)
{
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        return mr_fail(err, MR_IDLE, MR_DOMAIN_HTTP, "stopped while waiting for %s", url);
    }
    mr_status status = can_not_heal(code) ? MR_FATAL : MR_RETRY;
    if (http->body.failed) {
        mr_fail(err, status, MR_DOMAIN_HTTP, "the answer of %s is larger than %zu bytes", url,
                http->options.body_max_bytes);
    } else {
        bool tls = code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION;
        mr_fail(err, status, MR_DOMAIN_HTTP, "no answer from %s: %s%s", url,
                *http->why ? http->why : curl_easy_strerror(code),
                tls                         ? "; is it https, and is its certificate one to trust?"
                : code == CURLE_GOT_NOTHING ? "; is it https?"
                                            : "");
    }
    mr_error_code(err, (int)code, "");
    return status;
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
    if (code != CURLE_OK) {
        return failed(http, code, url, err);
    }
    long status = 0;
    curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    *ret = (mr_http_response){
        .status = (int)status, .body = mr_buffer_text(&http->body), .len = http->body.len};
    take_type(http->curl, ret->type, sizeof ret->type);
    return MR_OK;
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
