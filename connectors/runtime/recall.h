/* SPDX-License-Identifier: Apache-2.0 */
/* What a source finds when it reads back what it has sent: mr_task_recall() of api/connector.h. */
#ifndef MR_RUNTIME_RECALL_H
#define MR_RUNTIME_RECALL_H

#include "api/connector.h"
#include "kafka/wire.h"

MR_CHECKED mr_status mr_recall_topic(const mr_kafka_config *kafka, const mr_wires *wires,
                                     const char *topic, const atomic_bool *stop, mr_recall *each,
                                     void *context, mr_error *err);

#endif
