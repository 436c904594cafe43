/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From our defaults and the user's properties to a librdkafka configuration. The user's word counts
 * everywhere but where a guarantee depends on a property: those are refused with the reason, never
 * ignored. Names are checked against librdkafka's own list, so that this file needs no copy of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/options.h"
#include "kafka/internal.h"

/* Properties the guarantees hang on; `allowed` is the one value that may be given all the same. */
static const struct {
    const char *name, *allowed, *reason;
} guarded[] = {
    {"enable.auto.commit", "false", "offsets are stored by the sink, together with the data"},
    {"enable.auto.offset.store", "false", "offsets are stored by the sink, together with the data"},
    {"auto.commit.interval.ms", NULL, "offsets are stored by the sink, together with the data"},
    {"isolation.level", "read_committed",
     "records of aborted transactions would be delivered, and others twice"},
    {"enable.idempotence", "true", "retries would write records twice or out of order"},
    {"transactional.id", NULL,
     "it is derived from the pipeline's name, so that a task fences its "
     "predecessor"},
    {"group.id", NULL, "it is derived from the pipeline's name; use the option group"},
    {"acks", "all", "a record could be lost with one broker"},
    {"request.required.acks", "-1", "a record could be lost with one broker"},
    {"partition.assignment.strategy", "cooperative-sticky",
     "a rebalance would stop all tasks instead of those concerned"},
    {"auto.offset.reset", NULL, "use the option starting.position"},
    {"enable.partition.eof", NULL, "the runtime sets it"},
    {"message.timeout.ms", NULL, "a broker that is away for long would make records fail"},
    {"delivery.timeout.ms", NULL, "a broker that is away for long would make records fail"},
    {"delivery.report.only.error", NULL, "the runtime sets it"},
    {"enable.gapless.guarantee", NULL, "the runtime recovers from gaps by replaying"},
    {"log.queue", NULL, "the runtime sets it"},
    {"plugin.library.paths", NULL, "foreign code could break every guarantee"},
};

/* What users of the Java client write, and how librdkafka has it. */
static const struct {
    const char *name, *instead;
} java_names[] = {
    {"sasl.jaas.config", "sasl.username and sasl.password"},
    {"sasl.login.callback.handler.class", "sasl.oauthbearer.method"},
    {"ssl.truststore.location", "ssl.ca.location (a PEM file)"},
    {"ssl.truststore.password", "ssl.ca.location (a PEM file)"},
    {"ssl.truststore.type", "ssl.ca.location (a PEM file)"},
    {"ssl.keystore.type", "ssl.keystore.location (PKCS#12) or ssl.key.location (PEM)"},
    {"buffer.memory", "queue.buffering.max.kbytes"},
    {"max.request.size", "message.max.bytes"},
    {"max.poll.records", "batch.size of the sink"},
};

static const char *const secrets[] = {"sasl.password",         "ssl.key.password",
                                      "ssl.keystore.password", "sasl.oauthbearer.config",
                                      "ssl.key.pem",           "ssl_key",
                                      "ssl_certificate",       "sasl.oauthbearer.client.secret",
                                      "sasl.username",         "ssl.certificate.pem"};

static bool is_secret(const char *name)
{
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (strcmp(secrets[i], name) == 0) {
            return true;
        }
    }
    return false;
}

const char *mr_conf_user(const mr_kafka_config *config, const char *name)
{
    for (size_t i = config->property_count; i-- > 0;) {
        if (strcmp(config->properties[i].name, name) == 0) {
            return config->properties[i].value;
        }
    }
    return NULL;
}

void mr_conf_force(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "millrace: librdkafka refuses %s: %s\n", name, text);
        abort();
    }
}

void mr_conf_default(rd_kafka_conf_t *conf, const mr_kafka_config *config, const char *name,
                     int64_t value)
{
    if (!mr_conf_user(config, name)) {
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)value);
        mr_conf_force(conf, name, text);
    }
}

/* All property names, NULL-terminated, cut out of `table`: librdkafka has no list of them but the
 * manual it prints, one line per property, its name up to the first blank. To be freed. */
static const char **all_names(char *table)
{
    size_t count = 0, capacity = 256;
    const char **names = mr_calloc(capacity, sizeof *names);
    char *rest = NULL;
    for (char *line = strtok_r(table, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        size_t len = strcspn(line, " \t|");
        if (len < 4 || line[0] == '#' || line[0] == '-' || !strchr(line + len, '|') ||
            strncmp(line + len - 3, "_cb", 3) == 0) {
            continue;
        }
        line[len] = '\0';
        if (count + 2 > capacity) {
            capacity *= 2;
            names = mr_realloc_array(names, capacity, sizeof *names);
        }
        names[count++] = line;
    }
    names[count] = NULL;
    return names;
}

static mr_status unknown_name(const char *name, mr_error *err)
{
    char *table = NULL;
    size_t size = 0;
    FILE *manual = open_memstream(&table, &size);
    if (manual) {
        rd_kafka_conf_properties_show(manual);
        fclose(manual);
    }
    const char **names = table ? all_names(table) : NULL;
    const char *nearest = mr_nearest(names, name);
    if (nearest) {
        (void)mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                      "unknown Kafka property %s; did you mean %s?", name, nearest);
    } else {
        (void)mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                      "unknown Kafka property %s; see CONFIGURATION.md of librdkafka for all",
                      name);
    }
    free(names);
    free(table);
    return MR_FATAL;
}

static mr_status check_java(const char *name, mr_error *err)
{
    for (size_t i = 0; i < sizeof java_names / sizeof *java_names; i++) {
        if (strcmp(java_names[i].name, name) == 0) {
            return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                           "%s is a property of the Java client; use %s", name,
                           java_names[i].instead);
        }
    }
    return MR_OK;
}

static mr_status check_guarded(const mr_property *property, mr_error *err)
{
    for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++) {
        if (strcmp(guarded[i].name, property->name) != 0) {
            continue;
        }
        if (guarded[i].allowed && strcasecmp(guarded[i].allowed, property->value) == 0) {
            return MR_OK;
        }
        return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                       "Kafka property %s can not be set%s%s: %s; remove it", property->name,
                       guarded[i].allowed ? " to anything but " : "",
                       guarded[i].allowed ? guarded[i].allowed : "", guarded[i].reason);
    }
    return MR_OK;
}

static mr_status set_property(rd_kafka_conf_t *conf, const mr_property *property, mr_error *err)
{
    if (!property->value) {
        return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "Kafka property %s has no value",
                       property->name);
    }
    mr_status status = check_java(property->name, err);
    status = status ? status : check_guarded(property, err);
    if (status) {
        return status;
    }
    char text[512];
    switch (rd_kafka_conf_set(conf, property->name, property->value, text, sizeof text)) {
    case RD_KAFKA_CONF_OK:
        return MR_OK;
    case RD_KAFKA_CONF_UNKNOWN:
        return unknown_name(property->name, err);
    default:
        /* librdkafka's text has the value in it. */
        if (is_secret(property->name)) {
            snprintf(text, sizeof text, "the value is not accepted");
        }
        return mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG, "Kafka property %s: %s", property->name,
                       text);
    }
}

static mr_status set_properties(rd_kafka_conf_t *conf, const mr_kafka_config *config, mr_error *err)
{
    for (size_t i = 0; i < config->property_count; i++) {
        mr_status status = set_property(conf, &config->properties[i], err);
        if (status) {
            mr_error_field(err, config->properties[i].name);
            if (err) {
                err->permanent = true;
            }
            return status;
        }
    }
    if (!mr_conf_user(config, "bootstrap.servers") &&
        !mr_conf_user(config, "metadata.broker.list") &&
        !mr_conf_user(config, "test.mock.num.brokers")) {
        mr_status status =
            mr_fail(err, MR_FATAL, MR_DOMAIN_CONFIG,
                    "no Kafka broker is given; set bootstrap.servers, for example 127.0.0.1:9092");
        mr_error_field(err, "bootstrap.servers");
        if (err) {
            err->permanent = true;
        }
        return status;
    }
    return MR_OK;
}

/* Reconnecting: quickly at first, since a broker that restarts is back in seconds. */
static void set_defaults(rd_kafka_conf_t *conf, const mr_kafka_config *config)
{
    if (config->client_id) {
        mr_conf_force(conf, "client.id", config->client_id);
    }
    mr_conf_force(conf, "socket.nagle.disable", "true");
    mr_conf_force(conf, "socket.keepalive.enable", "true");
    mr_conf_force(conf, "reconnect.backoff.ms", "50");
    mr_conf_force(conf, "reconnect.backoff.max.ms", "1000");
    mr_conf_force(conf, "topic.metadata.refresh.fast.interval.ms", "100");
    mr_conf_force(conf, "log.connection.close", "false");
}

mr_status mr_conf_make(const mr_kafka_config *config, mr_role role, rd_kafka_conf_t **ret,
                       mr_error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set_defaults(conf, config);
    mr_status status = set_properties(conf, config, err);
    if (status) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    mr_conf_force(conf, "log.queue", "true");
    if (role == MR_ROLE_PRODUCER) {
        mr_conf_force(conf, "enable.idempotence", "true");
        mr_conf_force(conf, "delivery.report.only.error", "true");
        if (!mr_conf_user(config, "partitioner")) {
            mr_conf_force(conf, "partitioner", "murmur2_random");
        }
    } else {
        mr_conf_force(conf, "isolation.level", "read_committed");
        mr_conf_force(conf, "enable.auto.commit", "false");
        mr_conf_force(conf, "enable.auto.offset.store", "false");
        mr_conf_force(conf, "auto.offset.reset", "error");
    }
    *ret = conf;
    return MR_OK;
}

mr_status mr_kafka_check(const mr_kafka_config *config, mr_error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    mr_status status = set_properties(conf, config, err);
    rd_kafka_conf_destroy(conf);
    return status;
}
