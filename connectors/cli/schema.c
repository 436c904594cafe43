/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace schema`: what a registry has, and whether a new schema goes with it. Where a schema is
 * meant a file may be named, a subject with or without :version, or an id.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/read_file.h"
#include "cli/registry_flags.h"
#include "cli/schema_diff.h"
#include "cli/verbs.h"
#include "codec/schema.h"
#include "net/http.h"

enum { FILE_MAX_BYTES = 1 << 20, NOT_FOUND = 404 };

typedef struct asking {
    const mr_args *args;
    mr_registry_flags flags;
    mr_registry *registry; /* NULL: none is given */
    bool json;
} asking;

static int fail(const mr_error *err)
{
    return mr_complain(err->domain == MR_DOMAIN_HTTP && !err->permanent ? MR_EXIT_UNREACHABLE
                                                                        : MR_EXIT_FAILED,
                       "%s", err->text);
}

static int no_registry(void)
{
    return mr_complain(
        MR_EXIT_USAGE,
        "no schema registry is given: set --schema-registry-url or SCHEMA_REGISTRY_URL");
}

/* GET or POST; *ret a new reference, MR_EXIT_OK when the status is below 300. */
static int ask(asking *a, const char *method, const char *path, const json_t *body, json_t **ret)
{
    mr_error err = {0};
    int http = 0;
    json_t *answer = NULL;
    if (mr_registry_ask(a->registry, method, path, body, NULL, &http, &answer, &err) != MR_OK) {
        return fail(&err);
    }
    if (http >= 300) {
        const char *why = json_string_value(json_object_get(answer, "message"));
        int code = mr_complain(http == NOT_FOUND ? MR_EXIT_MISSING : MR_EXIT_FAILED,
                               "the registry answers %d: %s", http, why ? why : "no reason given");
        json_decref(answer);
        return code;
    }
    *ret = answer;
    return MR_EXIT_OK;
}

static char *path_of(const char *subject, const char *rest)
{
    mr_auto_free char *segment = mr_http_segment(subject);
    return mr_format("/subjects/%s%s", segment, rest);
}

/* --- Schemas by what users call them --- */

static bool is_file(const char *word)
{
    struct stat st;
    return stat(word, &st) == 0 && S_ISREG(st.st_mode);
}

static int read_file(const char *path, char **ret)
{
    mr_buffer text = MR_BUFFER_INIT(FILE_MAX_BYTES);
    mr_error err;
    bool good = mr_read_file(path, &text, &err) == MR_OK;
    if (good) {
        *ret = mr_strdup(mr_buffer_text(&text));
    }
    mr_buffer_release(&text);
    return good ? MR_EXIT_OK : mr_complain(MR_EXIT_USAGE, "%s", err.text);
}

/* The registry's entry for "subject", "subject:3" or an id. */
static int find_entry(asking *a, const char *word, json_t **ret)
{
    const char *colon = strrchr(word, ':');
    if (!a->registry) {
        return no_registry();
    }
    if (strspn(word, "0123456789") == strlen(word)) {
        mr_auto_free char *path = mr_format("/schemas/ids/%s", word);
        return ask(a, "GET", path, NULL, ret);
    }
    bool version =
        colon && colon[1] &&
        (strspn(colon + 1, "0123456789") == strlen(colon + 1) || strcmp(colon + 1, "latest") == 0);
    mr_auto_free char *subject =
        version ? mr_strndup(word, (size_t)(colon - word)) : mr_strdup(word);
    mr_auto_free char *rest = mr_format("/versions/%s", version ? colon + 1 : "latest");
    mr_auto_free char *path = path_of(subject, rest);
    return ask(a, "GET", path, NULL, ret);
}

static int find_text(asking *a, const char *word, char **ret)
{
    if (is_file(word)) {
        return read_file(word, ret);
    }
    json_auto_t *entry = NULL;
    mr_error err;
    int code = find_entry(a, word, &entry);
    if (code == MR_EXIT_OK && mr_registry_text(a->registry, entry, NULL, ret, &err) != MR_OK) {
        return fail(&err);
    }
    return code;
}

static int find_schema(asking *a, const char *word, const mr_schema **ret)
{
    mr_auto_free char *text = NULL;
    mr_error err;
    int code = find_text(a, word, &text);
    if (code == MR_EXIT_OK && mr_schema_parse(text, strlen(text), ret, &err) != MR_OK) {
        return mr_complain(MR_EXIT_USAGE, "%s: %s", word, err.text);
    }
    return code;
}

static void print_json(const json_t *value)
{
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
}

/* --- list --- */

static int list_one(asking *a, const char *subject, json_t *rows)
{
    mr_auto_free char *all = path_of(subject, "/versions"),
                      *last = path_of(subject, "/versions/latest");
    json_auto_t *versions = NULL, *latest = NULL;
    int code = ask(a, "GET", all, NULL, &versions);
    code = code == MR_EXIT_OK ? ask(a, "GET", last, NULL, &latest) : code;
    if (code == MR_EXIT_OK) {
        const char *type = json_string_value(json_object_get(latest, "schemaType"));
        json_int_t id = json_integer_value(json_object_get(latest, "id"));
        json_array_append_new(rows,
                              json_pack("{s:s, s:O, s:I, s:s}", "subject", subject, "versions",
                                        versions, "id", id, "type", type ? type : "AVRO"));
    }
    return code;
}

static int list(asking *a)
{
    json_auto_t *subjects = NULL, *rows = json_array();
    if (!a->registry) {
        return no_registry();
    }
    int code = ask(a, "GET", "/subjects", NULL, &subjects);
    for (size_t i = 0; i < json_array_size(subjects) && code == MR_EXIT_OK; i++) {
        const char *subject = json_string_value(json_array_get(subjects, i));
        code = subject ? list_one(a, subject, rows)
                       : mr_complain(MR_EXIT_FAILED, "the registry lists a subject without a name");
    }
    if (code != MR_EXIT_OK || a->json) {
        if (code == MR_EXIT_OK) {
            print_json(rows);
        }
        return code;
    }
    printf("%-40s %8s %8s  %s\n", "subject", "versions", "id", "type");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        printf("%-40s %8zu %8lld  %s\n", json_string_value(json_object_get(row, "subject")),
               json_array_size(json_object_get(row, "versions")),
               (long long)json_integer_value(json_object_get(row, "id")),
               json_string_value(json_object_get(row, "type")));
    }
    return MR_EXIT_OK;
}

/* --- show --- */

static int show(asking *a, const char *word)
{
    mr_auto_free char *text = NULL;
    int code = find_text(a, word, &text);
    if (code != MR_EXIT_OK) {
        return code;
    }
    json_auto_t *schema = json_loads(text, JSON_DECODE_ANY, NULL);
    if (schema) {
        print_json(schema);
    } else {
        puts(text);
    }
    return MR_EXIT_OK;
}

/* --- register --- */

static int put(asking *a, const char *subject, const char *file)
{
    const mr_schema *schema = NULL;
    mr_error err = {0};
    int32_t id;
    if (!a->registry) {
        return no_registry();
    }
    int code = find_schema(a, file, &schema);
    if (code != MR_EXIT_OK) {
        return code;
    }
    if (mr_registry_id(a->registry, subject, schema, NULL, &id, &err) != MR_OK) {
        code = fail(&err);
    } else if (a->json) {
        json_auto_t *told = json_pack("{s:s, s:i}", "subject", subject, "id", (int)id);
        print_json(told);
    } else {
        printf("%s: schema id %" PRId32 "\n", subject, id);
    }
    mr_schema_release(schema);
    return code;
}

/* --- check --- */

static void print_rule(asking *a, json_t *rules, const char *rule, const char *says,
                       mr_status status, const mr_error *err)
{
    const char *why = status == MR_OK ? "" : err->text;
    if (a->json) {
        json_array_append_new(
            rules, json_pack("{s:s, s:b, s:s}", "rule", rule, "ok", status == MR_OK, "why", why));
    } else {
        printf("%-9s %-4s %s%s%s\n", rule, status == MR_OK ? "yes" : "NO", says, *why ? ": " : "",
               why);
    }
}

/* Two schemas against each other, by Avro's rules. */
static int check_offline(asking *a, const char *old_word, const char *new_word)
{
    const mr_schema *old = NULL, *new = NULL;
    int code = find_schema(a, old_word, &old);
    code = code == MR_EXIT_OK ? find_schema(a, new_word, &new) : code;
    if (code == MR_EXIT_OK) {
        json_auto_t *rules = json_array();
        mr_error err = {0};
        mr_status backward = mr_schema_can_read(new, old, &err);
        print_rule(a, rules, "backward", "the new one reads old data", backward, &err);
        mr_status forward = mr_schema_can_read(old, new, &err);
        print_rule(a, rules, "forward", "the old one reads new data", forward, &err);
        if (a->json) {
            print_json(rules);
        }
        code = backward == MR_OK ? MR_EXIT_OK : MR_EXIT_FAILED;
    }
    mr_schema_release(old);
    mr_schema_release(new);
    return code;
}

static int check(asking *a, const char *subject, const char *file)
{
    if (is_file(subject) || strchr(subject, ':')) {
        return check_offline(a, subject, file);
    }
    mr_auto_free char *text = NULL;
    if (!a->registry) {
        return no_registry();
    }
    int code = find_text(a, file, &text);
    if (code != MR_EXIT_OK) {
        return code;
    }
    mr_auto_free char *segment = mr_http_segment(subject);
    mr_auto_free char *path =
        mr_format("/compatibility/subjects/%s/versions/latest?verbose=true", segment);
    json_auto_t *body = json_pack("{s:s}", "schema", text), *answer = NULL;
    code = ask(a, "POST", path, body, &answer);
    if (code != MR_EXIT_OK) {
        return code;
    }
    bool compatible = json_is_true(json_object_get(answer, "is_compatible"));
    const json_t *messages = json_object_get(answer, "messages");
    if (a->json) {
        print_json(answer);
    } else {
        printf("%s: %s with the latest version of %s\n", file,
               compatible ? "compatible" : "NOT compatible", subject);
        for (size_t i = 0; i < json_array_size(messages); i++) {
            const char *message = json_string_value(json_array_get(messages, i));
            printf("  %s\n", message ? message : "no reason given");
        }
    }
    return compatible ? MR_EXIT_OK : MR_EXIT_FAILED;
}

/* --- diff --- */

static int diff(asking *a, const char *old_word, const char *new_word)
{
    const mr_schema *old = NULL, *new = NULL;
    int code = find_schema(a, old_word, &old);
    code = code == MR_EXIT_OK ? find_schema(a, new_word, &new) : code;
    json_auto_t *changes = code == MR_EXIT_OK ? mr_schema_diff(old, new) : NULL;
    for (size_t i = 0; !a->json && i < json_array_size(changes); i++) {
        const json_t *c = json_array_get(changes, i);
        const char *before = json_string_value(json_object_get(c, "old"));
        const char *after = json_string_value(json_object_get(c, "new"));
        printf("%-32s %-8s %s%s%s\n", json_string_value(json_object_get(c, "path")),
               json_string_value(json_object_get(c, "change")), before ? before : "",
               before && after ? " -> " : "", after ? after : "");
    }
    if (a->json && changes) {
        print_json(changes);
    }
    if (code == MR_EXIT_OK && !a->json && json_array_size(changes) == 0) {
        puts("no difference");
    }
    mr_schema_release(old);
    mr_schema_release(new);
    return code;
}

/* --- The verb --- */

typedef struct action {
    const char *name;
    size_t words;
    const char *usage;
} action;

static const action actions[] = {
    {"list", 0, "list"},
    {"show", 1, "show <schema>"},
    {"register", 2, "register <subject> <file>"},
    {"check", 2, "check <subject|schema> <schema>"},
    {"diff", 2, "diff <schema> <schema>"},
};

static int act(asking *a, const action *what, const char *const *words)
{
    switch (what - actions) {
    case 0:
        return list(a);
    case 1:
        return show(a, words[0]);
    case 2:
        return put(a, words[0], words[1]);
    case 3:
        return check(a, words[0], words[1]);
    default:
        return diff(a, words[0], words[1]);
    }
}

int mr_verb_schema(const mr_args *args)
{
    const action *what = NULL;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        what = strcmp(actions[i].name, args->words[0]) == 0 ? &actions[i] : what;
    }
    if (!what) {
        return mr_complain(MR_EXIT_USAGE,
                           "schema: there is no \"%s\"; known: list, show, register, check, diff",
                           args->words[0]);
    }
    if (args->word_count - 1 != what->words) {
        return mr_complain(MR_EXIT_USAGE, "schema: usage: millrace schema %s", what->usage);
    }
    asking a = {.args = args, .json = mr_args_has(args, "json")};
    mr_error err = {0};
    mr_registry_flags_read(args, &a.flags);
    if (a.flags.url && mr_registry_new(&a.flags.options, &a.registry, &err) != MR_OK) {
        return fail(&err);
    }
    int code = act(&a, what, args->words + 1);
    mr_registry_free(a.registry);
    return code;
}
