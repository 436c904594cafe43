/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cache of a registry's answers. Schemas and ids never change their meaning, so what is known
 * is never asked again; that an id is unknown is kept for a minute, so that a topic full of rubbish
 * does not hammer the registry.
 */
#include "kafka/registry.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/json.h"
#include "codec/schema.h"
#include "kafka/registry_answer.h"
#include "kafka/registry_request.h"

enum { UNKNOWN_US = 60 * 1000000, UNKNOWN_MAX = 256 };

typedef struct by_id {
    int32_t id;
    const mr_schema *schema; /* NULL: there is none, or it is of no use */
    int64_t asked_us;        /* when that was said */
    mr_error why;
} by_id;

typedef struct by_subject {
    char *subject;
    const mr_schema *schema; /* our reference */
    int32_t id;
} by_subject;

struct mr_registry {
    mr_registry_options options;
    mr_registry_line line;
    pthread_mutex_t lock; /* of all below, and of the line */
    by_id *ids;
    size_t id_count;
    by_subject *subjects;
    size_t subject_count;
};

mr_status mr_registry_new(const mr_registry_options *options, mr_registry **ret, mr_error *err)
{
    for (size_t i = 0; i < options->urls.count; i++) {
        if (strchr(options->urls.items[i], '@')) { /* it is named in messages */
            return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                           "the schema registry's URL has a user in it: give user and password "
                           "apart from it");
        }
    }
    mr_registry *registry = mr_calloc(1, sizeof *registry);
    registry->options = *options;
    pthread_mutex_init(&registry->lock, NULL);
    mr_status status = mr_registry_line_open(&registry->line, &registry->options, err);
    if (status != MR_OK) {
        mr_registry_free(registry);
        return status;
    }
    *ret = registry;
    return MR_OK;
}

void mr_registry_free(mr_registry *registry)
{
    if (!registry) {
        return;
    }
    for (size_t i = 0; i < registry->id_count; i++) {
        mr_schema_release(registry->ids[i].schema);
    }
    for (size_t i = 0; i < registry->subject_count; i++) {
        mr_schema_release(registry->subjects[i].schema);
        free(registry->subjects[i].subject);
    }
    free(registry->ids);
    free(registry->subjects);
    mr_registry_line_close(&registry->line);
    pthread_mutex_destroy(&registry->lock);
    free(registry);
}

uint64_t mr_registry_requests(const mr_registry *registry)
{
    return atomic_load(&registry->line.requests);
}

/* --- Schemas by id --- */

typedef struct asking {
    mr_registry_line *line;
    const atomic_bool *stop;
} asking;

static mr_status get_more(void *context, const char *path, int *http, json_t **ret, mr_error *err)
{
    const asking *a = context;
    return mr_registry_request(a->line, "GET", path, NULL, a->stop, http, ret, err);
}

static mr_status fetch(mr_registry *registry, int32_t id, const atomic_bool *stop,
                       const mr_schema **ret, mr_error *err)
{
    asking a = {&registry->line, stop};
    char *path = mr_format("/schemas/ids/%d", (int)id), *text = NULL;
    int http;
    json_auto_t *answer = NULL;
    mr_status status = get_more(&a, path, &http, &answer, err);
    free(path);
    if (status == MR_OK) {
        status = mr_registry_has_schema(answer, http, id, err);
    }
    if (status == MR_OK) {
        status = mr_registry_resolve(answer, get_more, &a, &text, err);
    }
    if (status == MR_OK) {
        status = mr_registry_take_schema(text, id, ret, err);
    }
    free(text);
    return status;
}

/* The entry of an id, a new one if need be. Of ids that are of no use only so many are kept: bytes
 * that are no header at all may name any. */
static by_id *find_id(mr_registry *registry, int32_t id)
{
    by_id *oldest = NULL;
    size_t unknown = 0;
    for (size_t i = registry->id_count; i-- > 0;) {
        by_id *entry = &registry->ids[i];
        if (entry->id == id) {
            return entry;
        }
        if (!entry->schema) {
            unknown++;
            oldest = !oldest || entry->asked_us < oldest->asked_us ? entry : oldest;
        }
    }
    if (unknown >= UNKNOWN_MAX) {
        *oldest = (by_id){.id = id};
        return oldest;
    }
    registry->ids = mr_realloc_array(registry->ids, registry->id_count + 1, sizeof *registry->ids);
    registry->ids[registry->id_count] = (by_id){.id = id};
    return &registry->ids[registry->id_count++];
}

static mr_status get_schema(mr_registry *registry, int32_t id, const atomic_bool *stop,
                            const mr_schema **ret, mr_error *err)
{
    by_id *known = find_id(registry, id);
    if (known->schema) {
        *ret = known->schema;
        return MR_OK;
    }
    if (known->asked_us && mr_clock_us() - known->asked_us < UNKNOWN_US) {
        if (err) {
            *err = known->why;
        }
        return MR_REJECT;
    }
    mr_error why = {0};
    mr_status status = fetch(registry, id, stop, &known->schema, &why);
    if (status == MR_REJECT) {
        known->why = why;
        known->asked_us = mr_clock_us();
    }
    if (status != MR_OK && err) {
        *err = why;
    }
    *ret = known->schema;
    return status;
}

mr_status mr_registry_schema(mr_registry *registry, int32_t id, const atomic_bool *stop,
                             const mr_schema **ret, mr_error *err)
{
    pthread_mutex_lock(&registry->lock);
    mr_status status = get_schema(registry, id, stop, ret, err);
    pthread_mutex_unlock(&registry->lock);
    return status;
}

/* --- Ids by subject --- */

static json_t *body_of(const mr_schema *schema)
{
    return json_pack("{s:s}", "schema", mr_schema_json(schema));
}

static mr_status ask(mr_registry *registry, const char *format, const char *subject,
                     const mr_schema *schema, const atomic_bool *stop, int *http, json_t **answer,
                     mr_error *err)
{
    char *segment = mr_http_segment(subject);
    mr_buffer path = MR_BUFFER_INIT(1 << 16);
    for (const char *p = format; *p; p++) {
        if (*p == '%') {
            mr_buffer_add_text(&path, segment);
        } else {
            mr_buffer_add_char(&path, *p);
        }
    }
    json_auto_t *body = body_of(schema);
    char *text = json_dumps(body, JSON_COMPACT);
    mr_status status = mr_registry_request(&registry->line, "POST", mr_buffer_text(&path), text,
                                           stop, http, answer, err);
    free(text);
    free(segment);
    mr_buffer_release(&path);
    return status;
}

/* Is it there? *ret -1: no. */
static mr_status look_up(mr_registry *registry, const char *subject, const mr_schema *schema,
                         const atomic_bool *stop, int32_t *ret, mr_error *err)
{
    int http;
    json_auto_t *answer = NULL;
    *ret = -1;
    mr_status status = ask(registry, "/subjects/%", subject, schema, stop, &http, &answer, err);
    if (status != MR_OK || http == 404) {
        return status;
    }
    if (http != 200) {
        return mr_registry_refused(answer, http, "can not look up a schema of", subject, err);
    }
    return mr_registry_take_id(answer, subject, ret, err);
}

static mr_status check_compatible(mr_registry *registry, const char *subject,
                                  const mr_schema *schema, const atomic_bool *stop, mr_error *err)
{
    int http;
    json_auto_t *answer = NULL;
    mr_status status = ask(registry, "/compatibility/subjects/%/versions/latest?verbose=true",
                           subject, schema, stop, &http, &answer, err);
    if (status != MR_OK || http == 404) { /* the first version, or a registry that can not tell */
        return status;
    }
    if (http != 200) {
        return mr_registry_refused(answer, http, "can not compare a schema of", subject, err);
    }
    return mr_registry_take_compatible(answer, subject, err);
}

static mr_status register_it(mr_registry *registry, const char *subject, const mr_schema *schema,
                             const atomic_bool *stop, int32_t *ret, mr_error *err)
{
    int http;
    json_auto_t *answer = NULL;
    mr_status status =
        ask(registry, "/subjects/%/versions", subject, schema, stop, &http, &answer, err);
    if (status != MR_OK) {
        return status;
    }
    if (http == 409) {
        return mr_registry_incompatible(answer, subject, err);
    }
    if (http != 200 && http != 201) {
        return mr_registry_refused(answer, http, "does not take a schema for", subject, err);
    }
    return mr_registry_take_id(answer, subject, ret, err);
}

/* Each task has parsed its own. */
static bool same_schema(const mr_schema *a, const mr_schema *b)
{
    return a == b ||
           (a->fingerprint == b->fingerprint && strcmp(mr_schema_json(a), mr_schema_json(b)) == 0);
}

static mr_status get_id(mr_registry *registry, const char *subject, const mr_schema *schema,
                        const atomic_bool *stop, int32_t *ret, mr_error *err)
{
    for (size_t i = registry->subject_count; i-- > 0;) {
        const by_subject *s = &registry->subjects[i];
        if (same_schema(s->schema, schema) && strcmp(s->subject, subject) == 0) {
            *ret = s->id;
            return MR_OK;
        }
    }
    mr_status status = look_up(registry, subject, schema, stop, ret, err);
    if (status == MR_OK && *ret < 0 && !registry->options.auto_register) {
        mr_fail(err, MR_FATAL, MR_DOMAIN_SCHEMA,
                "subject %s of the schema registry does not have this schema, and "
                "auto.register.schemas is false: register it with `millrace schema register`",
                subject);
        if (err) {
            err->permanent = true;
        }
        return MR_FATAL;
    }
    if (status == MR_OK && *ret < 0) {
        status = check_compatible(registry, subject, schema, stop, err);
        if (status == MR_OK) {
            status = register_it(registry, subject, schema, stop, ret, err);
        }
    }
    if (status == MR_OK) {
        registry->subjects = mr_realloc_array(registry->subjects, registry->subject_count + 1,
                                              sizeof *registry->subjects);
        registry->subjects[registry->subject_count++] =
            (by_subject){mr_strdup(subject), mr_schema_acquire(schema), *ret};
    }
    return status;
}

mr_status mr_registry_id(mr_registry *registry, const char *subject, const mr_schema *schema,
                         const atomic_bool *stop, int32_t *ret, mr_error *err)
{
    pthread_mutex_lock(&registry->lock);
    mr_status status = get_id(registry, subject, schema, stop, ret, err);
    pthread_mutex_unlock(&registry->lock);
    return status;
}

mr_status mr_registry_subject(mr_subject_strategy strategy, const char *topic, bool key,
                              const mr_schema *schema, char **ret, mr_error *err)
{
    if (strategy != MR_SUBJECT_TOPIC && !schema->name) {
        return mr_fail(
            err, MR_FATAL, MR_DOMAIN_SCHEMA,
            "%s.subject.name.strategy names subjects after records, but the schema is %s, "
            "which has no name",
            key ? "key" : "value", mr_type_name(schema->type));
    }
    switch (strategy) {
    case MR_SUBJECT_RECORD:
        *ret = mr_strdup(schema->name);
        break;
    case MR_SUBJECT_TOPIC_RECORD:
        *ret = mr_format("%s-%s", topic, schema->name);
        break;
    default:
        *ret = mr_format("%s-%s", topic, key ? "key" : "value");
        break;
    }
    return MR_OK;
}

/* --- For the verb --- */

mr_status mr_registry_ask(mr_registry *registry, const char *method, const char *path,
                          const json_t *body, const atomic_bool *stop, int *http, json_t **ret,
                          mr_error *err)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    pthread_mutex_lock(&registry->lock);
    mr_status status =
        mr_registry_request(&registry->line, method, path, text, stop, http, ret, err);
    pthread_mutex_unlock(&registry->lock);
    free(text);
    return status;
}

mr_status mr_registry_text(mr_registry *registry, const json_t *answer, const atomic_bool *stop,
                           char **ret, mr_error *err)
{
    asking a = {&registry->line, stop};
    pthread_mutex_lock(&registry->lock);
    mr_status status = mr_registry_resolve(answer, get_more, &a, ret, err);
    pthread_mutex_unlock(&registry->lock);
    return status;
}
