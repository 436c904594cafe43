/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connector interface: what a source or a sink must provide, and what it may ask of its task.
 *
 * Threads    Every callback of a task runs on that task's thread, one at a time: connectors hold no
 * locks and have no mutable statics. Ownership  Batches and mr_task_arena() stay valid until
 * commit() or abort() returns, so a sink may keep pointers and pipeline without copying. mr_self(t)
 * lives from before open() until after close(); the core allocates it zeroed and parses the options
 * into it. All else is borrowed. Failure    A callback never retries, sleeps or logs an error: it
 * returns what must happen next (api/error.h) and says why in *err. Anything but MR_OK between
 * begin() and commit() ends the epoch; the runtime calls abort() and replays the same records from
 * memory. Waiting    A callback that waits for a peer does so with a bound and returns MR_REOPEN
 * when it is exceeded; long waits look at mr_task_stopping().
 */
#ifndef MR_API_CONNECTOR_H
#define MR_API_CONNECTOR_H

#include <stdio.h>

#include "api/error.h"
#include "api/foresee.h"
#include "api/look.h"
#include "api/option.h"
#include "api/record.h"

typedef struct mr_task mr_task;

/* --- What a callback may ask of its task --- */

void *mr_self(mr_task *task); /* the connector's state, options already parsed */
mr_arena *
mr_task_arena(mr_task *task); /* sinks: of the epoch, reset after commit() or abort(). Sources: of
                                 the poll, reset when its records have been handed to Kafka */
const char *mr_task_name(
    mr_task *task); /* "<pipeline>.<connector>": names groups, transactional ids, offsets */
int mr_task_index(mr_task *task);     /* 0 .. mr_task_count() - 1 */
int mr_task_count(mr_task *task);     /* tasks.max */
bool mr_task_once(mr_task *task);     /* --once: drain what is there, then MR_END */
bool mr_task_stopping(mr_task *task); /* a stop was asked for */
/* Sources: `topic` as configured (with its placeholders), and
 * `key.fields`. */
const char *mr_task_topic(mr_task *task);
const mr_list *mr_task_key_fields(mr_task *task);
/* A figure that goes up and down, in base units: "oplog_window_seconds". Shown with the connector's
 * counters; `name` is a literal. At most MR_GAUGES_MAX names per task. */
void mr_task_gauge(mr_task *task, const char *name, double value);
/* Sources that can tell, after each poll: how many seconds what they return is behind what they
 * read from; 0: all is read. The gauge behind_seconds. A source that is far behind is given longer
 * transactions, since those who wait for its newest records have to wait for more than one. */
void mr_task_behind(mr_task *task, double seconds);
/* Tells the user something worth knowing that is no error (a table was created, a file was
 * finished). */
void mr_task_info(mr_task *task, const char *format, ...) MR_PRINTF(2, 3);
void mr_task_warn(mr_task *task, const char *format, ...) MR_PRINTF(2, 3);
/* Progress of finite work, for the bar on a terminal: done of total, in bytes. total 0: unknown. */
void mr_task_progress(mr_task *task, int64_t done_bytes, int64_t total_bytes);

/* --- Rejecting single records --- */

/* Sinks, between begin() and commit(): names a record (records[index] of a batch written in this
 * epoch) that can never be stored, with the reason for its dead letter. Then the callback returns
 * MR_REJECT. *why is copied. */
void mr_reject(mr_task *task, const mr_batch *batch, size_t index, const mr_error *why);

/* Sources, in poll(): input that cannot become a record (a bad CSV line). It goes to the
 * dead-letter topic with `input` as its value and where ("trips.csv:17") in its headers, in the
 * same transaction as the poll's records. Copies all it needs. */
void mr_reject_input(mr_task *task, mr_slice input, const char *where, const mr_error *why);

/* --- Positions of a source --- */

/* Where a source stands, as a set of (name, value) pairs: e.g. one per file. Values are opaque text
 * to the runtime, stored in the compacted topic millrace.positions in the same Kafka transaction as
 * the records they cover. */
typedef struct mr_positions mr_positions;

/* Value stored under `name`; NULL: none. Borrowed until the set changes. */
const char *mr_positions_get(const mr_positions *positions, const char *name);
/* Iterates: *cursor starts at 0; false at the end. */
bool mr_positions_next(const mr_positions *positions, size_t *cursor, const char **name,
                       const char **value);
/* In poll(): after the records of this batch, `name` stands at `value` (both copied). value NULL
 * removes it. Only what has changed need be set. */
void mr_task_position(mr_task *task, const char *name, const char *value);

/* --- What a source has sent --- */

/* Takes records read back; valid until it returns. Anything but MR_OK ends the reading with that.
 */
typedef mr_status mr_recall(void *context, const mr_batch *batch, mr_error *err);

/* Sources: reads back what `topic` holds now, from its start to its end, committed records only, in
 * the order of each partition and as they were sent: change records whole, values that are not Avro
 * in raw_value with schema NULL, tombstones with op MR_OP_DELETE. Notices are left out. A topic
 * that does not exist is empty; what retention has deleted is not there. MR_FATAL when records were
 * handed over that are not committed yet, since it would wait for them: call it in open(), or in
 * the first poll() after that or after acked(). MR_IDLE: stopped. */
mr_status mr_task_recall(mr_task *task, const char *topic, mr_recall *each, void *context,
                         mr_error *err);

/* --- Offsets of a sink --- */

/* Kafka offsets per partition: the next one to be read. */
typedef struct mr_offset {
    const char *topic;
    int32_t partition;
    int64_t next; /* -1: unknown, let the consumer group decide */
} mr_offset;

typedef struct mr_offsets {
    mr_offset *items;
    size_t count;
} mr_offsets;

/* --- The operation tables --- */

/* External system -> Kafka; pulled. What of a source's record goes on the wire:
 *   topic    batch->topic, else the configured one
 *   key      raw_key when it is there, else made from key.fields of the value
 *   value    the value's cells as Avro; without a schema (batch->schema NULL) raw_value as it is;
 *            neither: a tombstone
 *   headers  as they are */
typedef struct mr_source {
    /* Connects and moves to `resume` (all positions stored for this connector, of all its tasks).
     */
    mr_status (*open)(mr_task *task, const mr_positions *resume, mr_error *err);
    /* Fills *out with at most a few thousand records of one schema, and sets positions. Waits for
     * input no longer than deadline_us (monotonic clock, base/clock.h). out->arena is
     * mr_task_arena(). Returns MR_OK with records (or only positions or rejects), MR_IDLE, MR_END,
     * or a failure. out->topic NULL: the configured topic. */
    mr_status (*poll)(mr_task *task, mr_batch *out, int64_t deadline_us, mr_error *err);
    /* Records and positions of all polls so far are durable in Kafka. May be NULL. */
    void (*acked)(mr_task *task);
    /* Frees what open() made; also after a failed open(). */
    void (*close)(mr_task *task);
} mr_source;

/* Kafka -> external system. */
typedef struct mr_sink {
    mr_status (*open)(mr_task *task, mr_error *err);
    /* Claims the partitions for this task, so that a stale owner's commit fails, and sets
     * items[].next from what is stored at the target. `assigned` holds all partitions the task has
     * now. Called after open() and whenever the assignment grows. Sinks without MR_STORES_OFFSETS
     * leave it NULL. */
    mr_status (*recover)(mr_task *task, mr_offsets *assigned, mr_error *err);
    mr_status (*begin)(mr_task *task, mr_error *err);
    mr_status (*write)(mr_task *task, const mr_batch *batch, mr_error *err);
    /* Makes everything since begin() durable together with `upto`, the offsets after the last
     * record of each partition concerned. When the answer is lost: MR_REOPEN; recover() then tells
     * whether it happened. */
    mr_status (*commit)(mr_task *task, const mr_offsets *upto, mr_error *err);
    /* Undoes what was not committed. Must cope with a dead connection. */
    void (*abort)(mr_task *task);
    void (*close)(mr_task *task);
    /* Tells what records like those of the batch (it has none, but topic, schema and route) would
     * meet at the target. Changes nothing; comes without open(), before close(). NULL: there is
     * nothing a target would have to become. */
    mr_status (*foresee)(mr_task *task, const mr_batch *like, mr_foreseen *each, void *context,
                         mr_error *err);
} mr_sink;

/* One of several queries a sink writes at once, in one transaction; without "routes" there is one,
 * unnamed. */
typedef struct mr_route {
    const char *name; /* for messages: its table or its number */
    size_t index;     /* 0 .. count-1 */
    size_t count;
    void *options;    /* parsed from the descriptor's route_options; zeroed room of route_size */
    bool transformed; /* a query makes its records: headers and raw_value are still those of the
                         message, and say nothing about them any more */
} mr_route;

/* All routes of the sink: from open() on. */
const mr_route *mr_task_routes(mr_task *task, size_t *count);

enum {
    MR_STORES_OFFSETS = 1,
    MR_IDEMPOTENT = 2,
    MR_UNIQUE_KEYS = 4,
    MR_MAKES_KEYS = 8, /* sources: every record has a raw_key; key.fields name fields of what was
                          read, not of the outgoing record, and are the source's own business */
    MR_ONE_TASK = 16,  /* sources: the input has one order; tasks.max above 1 is refused */
};

typedef struct mr_connector {
    const char *name;    /* "postgres": as users write it */
    const char *summary; /* one line */
    const char *help;    /* a few paragraphs with an example */
    unsigned capabilities;
    size_t state_size;
    const mr_option *options;
    /* Sources that name their topics: what `topic` may hold in braces, such as "collection", ends
     * with NULL. The source replaces them and sets batch->topic always. NULL: none, all records go
     * to one topic. */
    const char *const *topic_placeholders;
    size_t route_size;              /* sinks */
    const mr_option *route_options; /* sinks; NULL: none. At the top level of a sink they are
                                       defaults for its routes */
    /* Checks options that depend on each other, before anything is opened. May be NULL. `state`
     * holds the parsed options, routes the parsed routes. Err names the option in field. */
    mr_status (*check)(const void *state, const mr_route *routes, size_t route_count,
                       mr_error *err);
    /* Writes which types go where, as a table in Markdown for docs/types.md. May be NULL. */
    void (*write_types)(FILE *out);
    const mr_source *source; /* exactly one of the two is set */
    const mr_sink *sink;
    mr_look_at *look; /* sources whose input can be looked at before there is a pipeline; else NULL
                       */
} mr_connector;

#endif
