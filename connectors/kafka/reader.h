/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client behind admin.h and schemas.h, for calls that follow one another on one connection. Not
 * for other folders. One thread at a time.
 */
#ifndef MR_KAFKA_READER_H
#define MR_KAFKA_READER_H

#include "kafka/admin.h"
#include "kafka/internal.h"

typedef struct mr_reader {
    mr_link link;
    rd_kafka_topic_t **topics;
    size_t topic_count;
} mr_reader;

MR_CHECKED mr_status mr_reader_open(const mr_kafka_config *config, mr_reader **ret, mr_error *err);
void mr_reader_close(mr_reader *reader);

/* As mr_topics_ensure(), mr_topic_read_all(). */
MR_CHECKED mr_status mr_reader_ensure(mr_reader *reader, const mr_topic_spec *topics, size_t count,
                                      const atomic_bool *stop, mr_error *err);
MR_CHECKED mr_status mr_reader_read_all(mr_reader *reader, const char *name, int partition,
                                        const atomic_bool *stop, mr_each_message *each,
                                        void *context, mr_error *err);

#endif
