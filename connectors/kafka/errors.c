/* SPDX-License-Identifier: Apache-2.0 */
/* librdkafka's error codes, in terms of what must happen next. One table, so that consumer,
 * producer and administration judge alike. */
#include <stdarg.h>
#include <stdio.h>

#include "kafka/internal.h"

/* Errors that no replay heals; the advice ends the sentence. */
static const struct {
    rd_kafka_resp_err_t code;
    const char *advice;
} incurable[] = {
    {RD_KAFKA_RESP_ERR__FENCED, "; a newer instance of this task has taken over"},
    {RD_KAFKA_RESP_ERR_PRODUCER_FENCED, "; a newer instance of this task has taken over"},
    {RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH, "; a newer instance of this task has taken over"},
    {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
     "; raise max.message.bytes of the topic and message.max.bytes of the client"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, "; create the topic, or correct its name"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "; create the topic, or correct its name"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, "; the topic has fewer partitions"},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, "; the name is not allowed for a topic"},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
     "; grant this user READ, WRITE and DESCRIBE on the topic"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "; grant this user READ on the group"},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
     "; grant this user WRITE on the transactional id"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
     "; grant this user CREATE or IDEMPOTENT_WRITE on the cluster"},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
     "; check sasl.mechanism, sasl.username and sasl.password"},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, "; check sasl.mechanism, sasl.username and sasl.password"},
    {RD_KAFKA_RESP_ERR__SSL, "; check security.protocol and ssl.ca.location"},
    {RD_KAFKA_RESP_ERR_INVALID_RECORD,
     "; a topic with cleanup.policy=compact takes only records with a key"},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, "; the topic limits how far timestamps may be off"},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, "; a policy of the broker forbids it"},
    {RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT,
     "; the topic's message format is older than Kafka 0.11"},
    {RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE, "; the broker is older than Kafka 0.11"},
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT,
     "; the broker's transaction.max.timeout.ms is lower than transaction.timeout.ms"},
    {RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT,
     "; session.timeout.ms must be within group.min.session.timeout.ms (by default 6000) and "
     "group.max.session.timeout.ms of the broker"},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, ""},
    {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, ""},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, "; there are fewer brokers than replicas"},
};

static bool is_fenced(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

const char *mr_kafka_advice(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < sizeof incurable / sizeof *incurable; i++) {
        if (incurable[i].code == code) {
            return incurable[i].advice;
        }
    }
    return "";
}

mr_status mr_kafka_verdict(rd_kafka_resp_err_t code)
{
    for (size_t i = 0; i < sizeof incurable / sizeof *incurable; i++) {
        if (incurable[i].code == code) {
            return MR_FATAL;
        }
    }
    return code == RD_KAFKA_RESP_ERR__FATAL || code == RD_KAFKA_RESP_ERR__STATE ? MR_REOPEN
                                                                                : MR_RETRY;
}

bool mr_kafka_is_away(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__TIMED_OUT ||
           code == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE || code == RD_KAFKA_RESP_ERR__WAIT_COORD ||
           code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__RESOLVE ||
           code == RD_KAFKA_RESP_ERR__WAIT_CACHE || code == RD_KAFKA_RESP_ERR__RETRY ||
           code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
           code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT;
}

mr_status mr_kafka_fail(mr_error *err, mr_status status, rd_kafka_resp_err_t code,
                        const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)mr_fail(err, status, MR_DOMAIN_KAFKA, "%s%s", text, mr_kafka_advice(code));
    mr_error_code(err, code, is_fenced(code) ? "_FENCED" : rd_kafka_err2name(code));
    return status;
}
