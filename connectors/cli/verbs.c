/* SPDX-License-Identifier: Apache-2.0 */
/* The table of verbs: all that help, completion, man page and reference say about them. */
#include "cli/verbs.h"

#include "cli/properties.h"
#include "cli/registry_flags.h"

static const mr_flag json_flags[] = {
    {"json", 0, NULL, false, MR_WORD_NONE, NULL, "Prints JSON, for programs."},
    MR_FLAGS_END,
};

static const mr_flag describe_flags[] = {
    {"json", 0, NULL, false, MR_WORD_NONE, NULL,
     "For a connector: the JSON Schema of its object in a pipeline file; without any word: that of "
     "the whole file, for editors. For a pipeline file: its values as JSON."},
    MR_FLAGS_END,
};

static const mr_flag check_flags[] = {
    {"json", 0, NULL, false, MR_WORD_NONE, NULL,
     "Prints one JSON object: file, ok, and problems with line, column and text."},
    MR_FLAGS_END,
};

static const mr_flag evolve_flags[] = {
    {"plan", 0, NULL, false, MR_WORD_NONE, NULL,
     "Prints what has to change, and changes nothing. Needed: there is nothing else to be done."},
    {"schema", 0, "file", false, MR_WORD_FILE, NULL,
     "The Avro schema of records to come, instead of those that stand in the topics. Kafka is "
     "asked "
     "then only which topics a pattern stands for."},
    {"only", 0, "sink", false, MR_WORD_TEXT, NULL, "Looks at this sink alone."},
    {"json", 0, NULL, false, MR_WORD_NONE, NULL,
     "Prints JSON: connector, topic, schema, target, kind (fits, by itself, by hand, problem, no "
     "schema) and statement or problem of each answer."},
    MR_PROPERTY_FLAGS,
    MR_FLAGS_END,
};

static const mr_flag schema_flags[] = {
    MR_REGISTRY_FLAGS,
    {"json", 0, NULL, false, MR_WORD_NONE, NULL, "Prints JSON, for programs."},
    MR_FLAGS_END,
};

static const mr_flag init_flags[] = {
    {"from", 0, "file", false, MR_WORD_FILE, NULL,
     "A file as the file source reads it: all of it is looked at."},
    {"option", 'o', "name=value", false, MR_WORD_TEXT, NULL,
     "An option of the file source for the look and the pipeline, such as delimiter=tab. May be "
     "given more than once."},
    {"from-connect", 0, "file", false, MR_WORD_FILE, NULL,
     "The configuration of a JDBC sink of Kafka Connect, Confluent's or Debezium's: JSON as the "
     "REST "
     "interface takes it, or properties."},
    {"out", 0, "folder", false, MR_WORD_FILE, NULL, "Where to write. Default: here."},
    {"force", 0, NULL, false, MR_WORD_NONE, NULL, "Replaces files that are there."},
    {"json", 0, NULL, false, MR_WORD_NONE, NULL,
     "Prints pipeline and report as one JSON object and writes nothing."},
    MR_FLAGS_END,
};

static const mr_flag tap_flags[] = {
    {"count", 'n', "number", false, MR_WORD_TEXT, NULL, "Ends after this many records."},
    {"from", 0, "where", false, MR_WORD_TEXT, NULL,
     "beginning, end, or an offset (with --partition). Default: beginning."},
    {"partition", 'p', "number", false, MR_WORD_TEXT, NULL,
     "Reads this one partition. Default: all."},
    {"once", 0, NULL, false, MR_WORD_NONE, NULL,
     "Ends at the end of the topic instead of waiting for more."},
    {"raw", 0, NULL, false, MR_WORD_NONE, NULL,
     "Prints the bytes of the values as they are, a line break after each."},
    MR_REGISTRY_FLAGS,
    MR_PROPERTY_FLAGS,
    MR_FLAGS_END,
};

static const mr_flag no_flags[] = {MR_FLAGS_END};

const mr_verb mr_verbs[] = {
    {
        .name = "run",
        .summary = "run a pipeline file",
        .usage = "<pipeline.json> [flags]",
        .help =
            "Runs all sources and sinks of a pipeline until it is stopped, or with --once until "
            "everything that is there has been moved. The file is checked first; nothing is "
            "started while anything in it is wrong.\n"
            "\n"
            "SIGTERM or SIGINT (Ctrl-C) stops in order: what is in flight is finished or given "
            "back, and the exit code is 0. A second one stops at once; nothing is lost by that "
            "either, the next start goes on from what was committed.\n"
            "\n"
            "To share the work, start the same file on more machines.",
        .examples = "millrace run trips.json --once\n"
                    "millrace run trips.json --only to-postgres --log-format json\n"
                    "millrace run trips.json -X bootstrap.servers=kafka:9092 -F client.properties\n"
                    "millrace run trips.json --once --json | jq .connectors",
        .flags = mr_run_flags,
        .words_min = 1,
        .words_max = 1,
        .word = MR_WORD_FILE,
        .run = mr_verb_run,
    },
    {
        .name = "source",
        .summary = "run one source, its options as flags",
        .usage = "<connector> [flags]",
        .help = "Runs a pipeline of one source. The short form is just the connector's name: "
                "millrace file. Every option is a flag: key.fields is --key-fields; and an "
                "environment variable: MILLRACE_FILE_KEY_FIELDS. A flag wins over its variable.",
        .examples = "millrace source file --path trips.csv --topic taxi_trips --once\n"
                    "millrace source file --help",
        .flags = no_flags,
        .words_min = 1,
        .words_max = 1,
        .word = MR_WORD_SOURCE,
        .raw = mr_run_connector_verb,
    },
    {
        .name = "sink",
        .summary = "run one sink, its options as flags",
        .usage = "<connector> [flags]",
        .help = "Runs a pipeline of one sink. The short form is just the connector's name: "
                "millrace postgres. Every option is a flag: connection.url is --connection-url; "
                "and an environment variable: MILLRACE_POSTGRES_CONNECTION_URL, which is the place "
                "for secrets, since flags can be seen in the list of processes.",
        .examples = "millrace sink postgres --topics taxi_trips --table trips --once\n"
                    "millrace sink postgres --help",
        .flags = no_flags,
        .words_min = 1,
        .words_max = 1,
        .word = MR_WORD_SINK,
        .raw = mr_run_connector_verb,
    },
    {
        .name = "check",
        .summary = "check a pipeline file, without any server",
        .usage = "<pipeline.json> [flags]",
        .help = "Finds all problems of a pipeline file, not only the first, and prints them with "
                "file, line and column: unknown or misspelt options with the nearest right one, "
                "missing ones, values out of range, variables that are not set, queries that are "
                "no SQL. Exit code 0 when there is none, 2 otherwise.",
        .examples = "millrace check trips.json\n"
                    "millrace check trips.json --json | jq -r '.problems[].text'",
        .flags = check_flags,
        .words_min = 1,
        .words_max = 1,
        .word = MR_WORD_FILE,
        .run = mr_verb_check,
    },
    {
        .name = "evolve",
        .summary = "show how tables must change for the schemas of their records",
        .usage = "<pipeline.json> --plan [flags]",
        .help =
            "Compares the tables of a pipeline's sinks with the schemas that stand in their "
            "topics, through the queries of the routes, and prints the statements that the tables "
            "need: those the sink will run by itself (auto.create, auto.evolve), those somebody "
            "must run, and what no statement is known for. The output is SQL with comments. "
            "Nothing is changed, and no consumer group is touched. A pattern stands for the topics "
            "that there are now; a topic that does not exist, or has no record with a schema, is "
            "told.\n"
            "\n"
            "With --schema it tells the same of a schema that no record has yet: run it before "
            "the first writer does.\n"
            "\n"
            "Exit code 0: nothing must be done by hand; 1: something must.",
        .examples = "millrace evolve trips.json --plan\n"
                    "millrace evolve trips.json --plan --schema trip-v2.avsc\n"
                    "millrace evolve trips.json --plan --json | jq -r '.[].statement // empty'",
        .flags = evolve_flags,
        .words_min = 1,
        .words_max = 1,
        .word = MR_WORD_FILE,
        .run = mr_verb_evolve,
    },
    {
        .name = "init",
        .summary = "write a pipeline to begin with",
        .usage = "--from <file> | --from-connect <file> [folder] [flags]",
        .help =
            "Writes a pipeline.json from what is there already, and says what it made of it.\n"
            "\n"
            "--from looks at a whole file, writes its Avro schema beside the pipeline, and prints "
            "of each column the type chosen, how many values are null, the least and the most "
            "value or an example, and the line that decided. Both files are there to be edited.\n"
            "\n"
            "The file is CSV, NDJSON (.ndjson, .jsonl, .json) or Avro (.avro), each also packed "
            "(.gz, .zst), as its name or -o format=... says. Objects and arrays in NDJSON become "
            "records and arrays. The schema of an Avro file is its own.\n"
            "\n"
            "--from-connect converts the configuration of a JDBC sink of Kafka Connect and tells "
            "of each of its options what became of it: the same here, moved to another, not "
            "needed, or without an equal. Secrets are not copied: the report names the variables "
            "to set.",
        .examples = "millrace init --from trips.csv trips\n"
                    "millrace init --from trips.ndjson.gz trips\n"
                    "millrace init --from trips.tsv -o delimiter=tab --json | jq .columns\n"
                    "millrace init --from-connect connector.json --out trips\n"
                    "millrace init --from-connect sink.properties --json | jq .options",
        .flags = init_flags,
        .words_max = 1,
        .word = MR_WORD_FILE,
        .run = mr_verb_init,
    },
    {
        .name = "list",
        .summary = "list the connectors",
        .usage = "[flags]",
        .help = "Lists the connectors that this program has.",
        .examples = "millrace list\nmillrace list --json | jq -r '.[].name'",
        .flags = json_flags,
        .run = mr_verb_list,
    },
    {
        .name = "describe",
        .summary = "explain a connector's options, or what a pipeline file comes to",
        .usage = "<connector|pipeline.json> [flags]",
        .help = "For a connector: what it does, and every option with its type, default, limits "
                "and meaning. For a pipeline file: every option of every connector with the value "
                "it has in the end, defaults included; secrets are shown as ***.\n"
                "\n"
                "With --json and no word it prints the JSON Schema of pipeline files: an editor "
                "that knows it completes and checks them. Name it in the file as \"$schema\".",
        .examples = "millrace describe postgres\n"
                    "millrace describe trips.json\n"
                    "millrace describe --json > millrace.schema.json",
        .flags = describe_flags,
        .words_max = 1,
        .word = MR_WORD_CONNECTOR,
        .run = mr_verb_describe,
    },
    {
        .name = "tap",
        .summary = "print the records of a topic as JSON lines",
        .usage = "<topic> [flags]",
        .help = "Prints one JSON object per record: topic, partition, offset, timestamp_ms, key, "
                "headers, value. Values in Avro single-object encoding are decoded with the schema "
                "that their fingerprint names; JSON and text are printed as such, other bytes as "
                "base64. What can not be decoded has an \"error\" beside it. Only committed "
                "records are read, and no consumer group is touched.\n"
                "\n"
                "With a schema registry, values and keys that have its framing are decoded too.",
        .examples = "millrace tap taxi_trips -n 3 | jq .value\n"
                    "millrace tap trip-analytics.to-postgres.dlq --once\n"
                    "millrace tap taxi_trips --partition 0 --from 1000 -n 1",
        .flags = tap_flags,
        .words_min = 1,
        .words_max = 1,
        .word = MR_WORD_TEXT,
        .run = mr_verb_tap,
    },
    {
        .name = "schema",
        .summary = "look into a schema registry, compare schemas, register one",
        .usage = "<list|show|register|check|diff> [...] [flags]",
        .help = "list: the subjects of the registry, with the id of the latest version.\n"
                "show <schema>: its text.\n"
                "register <subject> <file>: under a subject, if it is compatible; prints its id.\n"
                "check <subject> <file>: is it compatible with the subject's latest version? The "
                "registry's word. check <old> <new> with files or subject:version: by Avro's own "
                "rules, "
                "without a registry for files; backward is what sinks and millrace need.\n"
                "diff <old> <new>: what is different.\n"
                "\n"
                "A schema is a file, an id, subject (its latest version) or subject:version. Exit "
                "code 1: "
                "not compatible; 3: there is no such schema; 4: the registry does not answer.",
        .examples = "millrace schema list\n"
                    "millrace schema show taxi_trips-value:2\n"
                    "millrace schema check taxi_trips-value trip.avsc\n"
                    "millrace schema diff taxi_trips-value:1 taxi_trips-value:2 --json",
        .flags = schema_flags,
        .words_min = 1,
        .words_max = 3,
        .word = MR_WORD_FILE,
        .run = mr_verb_schema,
    },
    {
        .name = "completion",
        .summary = "print completion for a shell",
        .usage = "<bash|zsh|fish>",
        .help = "Prints a script that completes verbs, connectors, flags and their values.",
        .examples = "source <(millrace completion bash)\n"
                    "millrace completion zsh > ~/.zfunc/_millrace\n"
                    "millrace completion fish > ~/.config/fish/completions/millrace.fish",
        .flags = no_flags,
        .words_min = 1,
        .words_max = 1,
        .word = MR_WORD_SHELL,
        .run = mr_verb_completion,
    },
    {
        .name = "version",
        .summary = "print the version",
        .usage = "[flags]",
        .help = "Prints the version; with --json also the compiler and the connectors built in.",
        .flags = json_flags,
        .run = mr_verb_version,
    },
    {
        .name = "help",
        .summary = "explain a verb, a connector or a topic",
        .usage = "[verb|connector|topic]",
        .help = "Without a word: the verbs and topics there are.",
        .examples = "millrace help run\nmillrace help postgres\nmillrace help exit-codes",
        .flags = no_flags,
        .words_max = 1,
        .word = MR_WORD_TOPIC,
        .run = mr_verb_help,
    },
    {
        .name = "generate",
        .summary = "write docs/reference and docs/man from the tables",
        .usage = "<folder>",
        .help = "Writes reference/*.md and man/*.1 below the folder, from the tables of verbs and "
                "options. For those who work on millrace: the files in the repository must be what "
                "this writes.",
        .examples = "millrace generate docs",
        .flags = no_flags,
        .words_min = 1,
        .words_max = 1,
        .word = MR_WORD_FILE,
        .hidden = true,
        .run = mr_verb_generate,
    },
    {.name = NULL},
};
