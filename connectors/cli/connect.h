/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Configurations of Kafka Connect's JDBC sinks, Confluent's and Debezium's, turned into pipelines.
 * One table (connect_options.c) says of each of their options what becomes of it: the converter and
 * the page docs/reference/from-kafka-connect.md are both made from it.
 */
#ifndef MR_CLI_CONNECT_H
#define MR_CLI_CONNECT_H

#include <jansson.h>
#include <stdio.h>

#include "api/error.h"

/* Whose option it is; may be or-ed. */
enum { MR_CONFLUENT = 1, MR_DEBEZIUM = 2, MR_FRAMEWORK = 4 };

typedef enum mr_moved {
    MR_MOVED_SAME,     /* under its own name, with its value */
    MR_MOVED_AS,       /* as `ours` */
    MR_MOVED_NEEDLESS, /* nothing to set: the note says why */
    MR_MOVED_NOT,      /* no equal: the note says what to do instead */
} mr_moved;

typedef struct mr_connect_option {
    const char *name; /* NULL ends the table; one that ends with * stands for all that start so */
    unsigned peers;
    mr_moved moved;
    const char *ours; /* one or more of our options, for people */
    const char *note;
} mr_connect_option;

extern const mr_connect_option mr_connect_options[];

/* The entry for an option of a peer; NULL: it has no such option. */
const mr_connect_option *mr_connect_option_find(const char *name, unsigned peer);

/* What became of one option of a configuration. */
typedef struct mr_connect_line {
    char *name;
    mr_moved moved;
    char *text; /* for people; holds no secret */
} mr_connect_line;

typedef struct mr_connect {
    json_t *config;   /* the connector's options, all values as texts, in their order */
    unsigned peer;    /* MR_CONFLUENT or MR_DEBEZIUM */
    json_t *pipeline; /* what comes of it */
    json_t *sink;     /* borrowed: the one sink in it */
    mr_connect_line *lines;
    size_t line_count;
} mr_connect;

/* Reads a connector's file: JSON as the REST interface takes it, with or without name and config,
 * or Java properties. MR_FATAL with file and line when it is neither. */
MR_CHECKED mr_status mr_connect_read(const char *path, mr_connect *ret, mr_error *err);
/* Fills pipeline and lines. MR_FATAL: the connector is none of the two sinks. */
MR_CHECKED mr_status mr_connect_convert(mr_connect *connect, mr_error *err);
void mr_connect_release(mr_connect *connect);

/* Value of an option, NULL when it is not given. Borrowed. */
const char *mr_connect_get(const mr_connect *connect, const char *name);
/* Adds a line; the text is formatted. */
void mr_connect_say(mr_connect *connect, const char *name, mr_moved moved, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Sets connection.url from a JDBC URL and connection.user (connect_url.c). */
void mr_connect_url(mr_connect *connect);

/* The page, as Markdown. */
void mr_connect_page(FILE *out);

#endif
