/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of each option of the JDBC sinks: see connect.h. Names and meanings are those of
 * confluentinc/kafka-connect-jdbc (JdbcSinkConfig), debezium/debezium-connector-jdbc
 * (JdbcSinkConnectorConfig) and Kafka Connect (SinkConnectorConfig, ConnectorConfig). */
#include <string.h>

#include "cli/connect.h"

#define F MR_FRAMEWORK
#define C MR_CONFLUENT
#define D MR_DEBEZIUM

const mr_connect_option mr_connect_options[] = {
    {"name", F, MR_MOVED_AS, "name", "the pipeline's; the sink in it is called postgres"},
    {"connector.class", F, MR_MOVED_AS, "connector", "\"postgres\""},
    {"tasks.max", F, MR_MOVED_SAME, "tasks.max", "threads of one process"},
    {"topics", F, MR_MOVED_SAME, "topics", ""},
    {"topics.regex", F, MR_MOVED_AS, "topics",
     "an entry that starts with ^ is a regular expression"},
    {"value.converter", F, MR_MOVED_AS, "value.format",
     "AvroConverter is avro-confluent, JsonConverter json-connect; Protobuf and text are not read"},
    {"key.converter", F, MR_MOVED_AS, "key.format",
     "AvroConverter is avro-confluent, JsonConverter json-connect, StringConverter text"},
    {"value.converter.schemas.enable", F, MR_MOVED_AS, "value.format",
     "true is json-connect; false is json, with the schema in a file: value.schema"},
    {"key.converter.schemas.enable", F, MR_MOVED_AS, "key.format",
     "true is json-connect; false is text, which is enough to delete by keys in JSON"},
    {"value.converter.schemas.cache.size", F, MR_MOVED_NEEDLESS, "", "1000 schemas are kept"},
    {"key.converter.schemas.cache.size", F, MR_MOVED_NEEDLESS, "", "1000 schemas are kept"},
    {"value.converter.decimal.format", F, MR_MOVED_NEEDLESS, "", "both forms are read"},
    {"key.converter.decimal.format", F, MR_MOVED_NEEDLESS, "", "both forms are read"},
    {"value.converter.replace.null.with.default", F, MR_MOVED_NEEDLESS, "",
     "a null is the default only where none may be"},
    {"value.converter.schema.registry.url", F, MR_MOVED_AS, "schema.registry.url", ""},
    {"key.converter.schema.registry.url", F, MR_MOVED_AS, "schema.registry.url",
     "one registry for keys and values"},
    {"value.converter.basic.auth.user.info", F, MR_MOVED_AS,
     "schema.registry.user, schema.registry.password", "not copied: set the variables named"},
    {"key.converter.basic.auth.user.info", F, MR_MOVED_AS,
     "schema.registry.user, schema.registry.password", "as for values"},
    {"value.converter.basic.auth.credentials.source", F, MR_MOVED_NEEDLESS, "",
     "user and password are options of their own"},
    {"key.converter.basic.auth.credentials.source", F, MR_MOVED_NEEDLESS, "",
     "user and password are options of their own"},
    {"value.converter.schema.registry.ssl.*", F, MR_MOVED_NOT, "schema.registry.ssl.ca.location",
     "Java key stores are not read: give PEM files"},
    {"key.converter.schema.registry.ssl.*", F, MR_MOVED_NOT, "schema.registry.ssl.ca.location",
     "Java key stores are not read: give PEM files"},
    {"value.converter.*", F, MR_MOVED_NOT, "", "no setting of the wire format needs it"},
    {"key.converter.*", F, MR_MOVED_NOT, "", "no setting of the wire format needs it"},
    {"header.converter*", F, MR_MOVED_NEEDLESS, "",
     "headers stay bytes; a query reads them as _headers"},
    {"errors.tolerance", F, MR_MOVED_NEEDLESS, "",
     "a bad record goes to the dead letters and the rest goes on, always"},
    {"errors.deadletterqueue.topic.name", F, MR_MOVED_AS, "on.failure.topic", ""},
    {"errors.deadletterqueue.topic.replication.factor", F, MR_MOVED_NEEDLESS, "",
     "the broker's default; or make the topic beforehand"},
    {"errors.deadletterqueue.context.headers.enable", F, MR_MOVED_NEEDLESS, "",
     "the headers are always written, under the same names"},
    {"errors.retry.timeout", F, MR_MOVED_NEEDLESS, "",
     "what can heal is tried until it has healed"},
    {"errors.retry.delay.max.ms", F, MR_MOVED_NEEDLESS, "", "back-off goes up to ten seconds"},
    {"errors.log.enable", F, MR_MOVED_NEEDLESS, "", "each dead letter is one line of the log"},
    {"errors.log.include.messages", F, MR_MOVED_NOT, "",
     "the log has no record's data: the dead letter has it"},
    {"transforms*", F, MR_MOVED_NOT, "query", "write it as SQL: docs/transforms.md"},
    {"predicates*", F, MR_MOVED_NOT, "query", "write it as WHERE: docs/transforms.md"},
    {"consumer.override.group.id", F, MR_MOVED_AS, "group.id", ""},
    {"consumer.override.auto.offset.reset", F, MR_MOVED_AS, "starting.position", ""},
    {"consumer.override.max.poll.records", F, MR_MOVED_NEEDLESS, "batch.size",
     "a batch may be larger than a poll"},
    {"consumer.override.sasl.jaas.config", F, MR_MOVED_NOT, "kafka: sasl.username, sasl.password",
     "librdkafka takes user and password, not JAAS"},
    {"consumer.override.ssl.keystore.*", F, MR_MOVED_NOT,
     "kafka: ssl.certificate.location, ssl.key.location",
     "Java key stores are not read: give PEM files"},
    {"consumer.override.ssl.truststore.*", F, MR_MOVED_NOT, "kafka: ssl.ca.location",
     "Java key stores are not read: give PEM files"},
    {"consumer.override.*", F, MR_MOVED_AS, "kafka",
     "a property of the kafka object, by its own name"},
    {"config.action.reload", F, MR_MOVED_NEEDLESS, "", "secrets are read at the start"},

    {"connection.url", C | D, MR_MOVED_AS, "connection.url", "postgresql://... as libpq reads it"},
    {"connection.user", C, MR_MOVED_AS, "connection.url", "the user in it"},
    {"connection.username", D, MR_MOVED_AS, "connection.url", "the user in it"},
    {"connection.password", C | D, MR_MOVED_AS, "PGPASSWORD",
     "not copied: set the variable, or write a ~/.pgpass"},
    {"connection.attempts", C, MR_MOVED_NEEDLESS, "", "a server that is away is waited for"},
    {"connection.backoff.ms", C, MR_MOVED_NEEDLESS, "", "back-off goes up to ten seconds"},
    {"connection.pool.*", D, MR_MOVED_NEEDLESS, "", "each task has one connection"},
    {"connection.provider", D, MR_MOVED_NEEDLESS, "", "each task has one connection"},
    {"connection.restart.on.errors", D, MR_MOVED_NEEDLESS, "",
     "a lost connection is made anew, always"},
    {"connection.*", C, MR_MOVED_NOT, "connection.url", "parameters of libpq go into the URL"},
    {"hibernate.*", D, MR_MOVED_NEEDLESS, "", "there is no Hibernate"},
    {"dialect.name", C, MR_MOVED_NEEDLESS, "", "PostgreSQL only"},
    {"dialect.*", D, MR_MOVED_NEEDLESS, "",
     "rows go by COPY, which is faster than what these tune"},
    {"insert.mode", C | D, MR_MOVED_SAME, "insert.mode", "insert, upsert, update"},
    {"batch.size", C | D, MR_MOVED_SAME, "batch.size",
     "left out, it is 20000 here: rows go by COPY in one transaction"},
    {"delete.enabled", C | D, MR_MOVED_SAME, "delete.enabled",
     "left out, it is false there and on here, when there is a key"},
    {"truncate.enabled", D, MR_MOVED_NOT, "", "a truncate event is not carried out"},
    {"table.types", C, MR_MOVED_NEEDLESS, "", "tables and partitioned tables are written alike"},
    {"table.name.format", C | D, MR_MOVED_AS, "table",
     "${topic} is the one topic, or {topic} for several; Debezium writes _ for its dots, "
     "{topic:underscored}"},
    {"collection.name.format", D, MR_MOVED_AS, "table",
     "${topic} as above; other placeholders have no equal: {field:name} may do"},
    {"table.naming.strategy", D, MR_MOVED_NOT, "table",
     "name the table, by a template or per route"},
    {"collection.naming.strategy*", D, MR_MOVED_NOT, "table",
     "name the table, by a template or per route"},
    {"column.naming.strategy*", D, MR_MOVED_NOT, "query", "name columns with AS"},
    {"pk.mode", C, MR_MOVED_AS, "key.fields",
     "none: no key. record_value, record_key: pk.fields. kafka: a query that adds topic, "
     "partition, offset"},
    {"primary.key.mode", D, MR_MOVED_AS, "key.fields",
     "none: no key. record_value, record_key: primary.key.fields. kafka: a query; record_header: "
     "no equal"},
    {"pk.fields", C, MR_MOVED_AS, "key.fields", "as value fields; upper and lower case count"},
    {"primary.key.fields", D, MR_MOVED_AS, "key.fields",
     "as value fields; upper and lower case count"},
    {"fields.whitelist", C, MR_MOVED_AS, "query", "SELECT these fields FROM record"},
    {"field.include.list", D, MR_MOVED_AS, "query", "SELECT these fields FROM record"},
    {"field.exclude.list", D, MR_MOVED_NOT, "query", "SELECT the fields that are wanted"},
    {"auto.create", C, MR_MOVED_SAME, "auto.create", ""},
    {"auto.evolve", C, MR_MOVED_SAME, "auto.evolve",
     "it also widens types and relaxes NOT NULL; left out, it is as auto.create"},
    {"schema.evolution", D, MR_MOVED_AS, "auto.create, auto.evolve",
     "basic switches both on, none neither"},
    {"quote.sql.identifiers", C, MR_MOVED_NEEDLESS, "",
     "names are always quoted; a column is also found when only its case differs"},
    {"quote.identifiers", D, MR_MOVED_NEEDLESS, "",
     "names are always quoted; a column is also found when only its case differs"},
    {"db.timezone", C, MR_MOVED_NEEDLESS, "",
     "instants are stored as instants (timestamptz); else in UTC"},
    {"db.timezone.date", C, MR_MOVED_NEEDLESS, "", "a date has no zone"},
    {"database.time_zone", D, MR_MOVED_NEEDLESS, "",
     "instants are stored as instants (timestamptz); else in UTC"},
    {"use.time.zone", D, MR_MOVED_NEEDLESS, "",
     "instants are stored as instants (timestamptz); else in UTC"},
    {"date.calendar.system", C, MR_MOVED_NEEDLESS, "",
     "the proleptic Gregorian calendar, as in PostgreSQL"},
    {"replace.null.with.default", C, MR_MOVED_NOT, "query", "write coalesce(field, default)"},
    {"use.reduction.buffer", D, MR_MOVED_NEEDLESS, "",
     "the last record of a key wins within a batch, always"},
    {"max.retries", C, MR_MOVED_NEEDLESS, "", "what can heal is tried until it has healed"},
    {"retry.backoff.ms", C, MR_MOVED_NEEDLESS, "", "back-off goes up to ten seconds"},
    {"flush.max.retries", D, MR_MOVED_NEEDLESS, "", "what can heal is tried until it has healed"},
    {"flush.retry.delay.ms", D, MR_MOVED_NEEDLESS, "", "back-off goes up to ten seconds"},
    {"mssql.use.merge.holdlock", C, MR_MOVED_NEEDLESS, "", "PostgreSQL only"},
    {"trim.sensitive.log", C, MR_MOVED_NEEDLESS, "", "the log has no record's data"},
    {NULL, 0, MR_MOVED_NOT, NULL, NULL},
};

#undef F
#undef C
#undef D

const mr_connect_option *mr_connect_option_find(const char *name, unsigned peer)
{
    for (const mr_connect_option *o = mr_connect_options; o->name; o++) {
        size_t len = strlen(o->name);
        bool family = o->name[len - 1] == '*';
        if ((o->peers & (peer | MR_FRAMEWORK)) &&
            (family ? strncmp(o->name, name, len - 1) == 0 : strcmp(o->name, name) == 0)) {
            return o;
        }
    }
    return NULL;
}

static void page_table(FILE *out, const char *title, unsigned peer)
{
    static const char *const without[] = {
        [MR_MOVED_NEEDLESS] = "not needed", [MR_MOVED_NOT] = "**no equal**"};
    fprintf(out, "\n## %s\n\n| theirs | ours | |\n|---|---|---|\n", title);
    for (const mr_connect_option *o = mr_connect_options; o->name; o++) {
        if (!(o->peers & peer)) {
            continue;
        }
        bool moved = o->moved == MR_MOVED_SAME || o->moved == MR_MOVED_AS;
        fprintf(out, "| `%s` | ", o->name);
        if (moved) {
            fprintf(out, "`%s`", o->ours);
        } else {
            fputs(without[o->moved], out);
            fprintf(out, *o->ours ? "; see `%s`" : "%s", o->ours);
        }
        fprintf(out, " | %s |\n", o->note);
    }
}

void mr_connect_page(FILE *out)
{
    fputs(
        "# From Kafka Connect's JDBC sinks\n\nMade by `millrace generate docs`.\n\n"
        "`millrace init --from-connect connector.json` turns a configuration of Confluent's JDBC "
        "sink "
        "or of Debezium's into a pipeline and says of each option what became of it. It takes JSON "
        "as "
        "Connect's REST interface does, or a properties file. Secrets are not copied.\n\n"
        "**Where it starts.** Offsets are kept in the database, so the first start reads the "
        "topics "
        "from their beginning, whatever the connector had committed. With upsert, rows that are "
        "there "
        "already are found unchanged; for insert, begin with an empty table. Stop the connector "
        "first.\n",
        out);
    page_table(out, "Confluent's JDBC sink", MR_CONFLUENT);
    page_table(out, "Debezium's JDBC sink", MR_DEBEZIUM);
    page_table(out, "Options of every sink in Kafka Connect", MR_FRAMEWORK);
}
