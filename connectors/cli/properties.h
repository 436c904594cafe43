/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka properties from the command line, as kcat takes them: -X name=value, -F file. */
#ifndef MR_CLI_PROPERTIES_H
#define MR_CLI_PROPERTIES_H

#include "cli/args.h"
#include "kafka/kafka.h"

typedef struct mr_properties {
    mr_property *items; /* owned texts */
    size_t count;
} mr_properties;

/* The two flags, to be put into a table of flags. */
#define MR_PROPERTY_FLAGS                                                                          \
    {"property",                                                                                   \
     'X',                                                                                          \
     "name=value",                                                                                 \
     false,                                                                                        \
     MR_WORD_TEXT,                                                                                 \
     NULL,                                                                                         \
     "Sets a property of the Kafka client (librdkafka), such as bootstrap.servers or "             \
     "sasl.mechanism. May be given more than once; wins over -F and over the file's kafka "        \
     "object."},                                                                                   \
    {                                                                                              \
        "properties", 'F', "file", false, MR_WORD_FILE, NULL,                                      \
            "Reads properties of the Kafka client from a file of name=value lines, as kcat does; " \
            "lines that start with # do not count."                                                \
    }

/* All of -F, then all of -X, so that the latter win. A problem is printed: false. Release in any
 * case. */
bool mr_properties_read(const mr_args *args, mr_properties *ret);
void mr_properties_release(mr_properties *properties);

#endif
