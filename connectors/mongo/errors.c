/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an error of the server or of its client library means for the runtime, in one table of the
 * server's codes (src/mongo/base/error_codes.yml of its sources; the drivers' specifications
 * "retryable writes" and "transactions" for labels), and the sentences users read.
 *
 * An error of the library itself (no connection, no server to be found) counts before labels: a
 * transaction whose connection is gone is transient too, but first there must be a connection.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mongo/mongo.h"

typedef struct verdict {
    int code;
    mr_status status;
    bool permanent;
    const char *name;   /* for replies that do not name it */
    const char *advice; /* what to do next; NULL: nothing to add */
} verdict;

static const verdict verdicts[] = {
    {1, MR_RETRY, false, "InternalError", NULL},
    {2, MR_FATAL, true, "BadValue", NULL},
    {6, MR_REOPEN, false, "HostUnreachable", NULL},
    {7, MR_REOPEN, false, "HostNotFound", NULL},
    {9, MR_FATAL, true, "FailedToParse", NULL},
    {11, MR_FATAL, true, "UserNotFound", "check the user name in the URI, and its authSource"},
    {13, MR_FATAL, true, "Unauthorized", "grant the user of the URI what it needs, or name one"},
    {14, MR_FATAL, true, "TypeMismatch", NULL},
    {18, MR_FATAL, true, "AuthenticationFailed",
     "check user name, password and authSource of the URI"},
    {20, MR_FATAL, true, "IllegalOperation", NULL},
    {24, MR_RETRY, false, "LockTimeout", NULL},
    {46, MR_RETRY, false, "LockBusy", NULL},
    {50, MR_RETRY, false, "MaxTimeMSExpired", NULL},
    {59, MR_FATAL, true, "CommandNotFound", NULL},
    {63, MR_RETRY, false, "StaleShardVersion", NULL},
    {64, MR_REOPEN, false, "WriteConcernTimeout", NULL},
    {66, MR_FATAL, false, "ImmutableField", NULL},
    {67, MR_FATAL, true, "CannotCreateIndex", NULL},
    {72, MR_FATAL, true, "InvalidOptions", NULL},
    {73, MR_FATAL, true, "InvalidNamespace", NULL},
    {85, MR_FATAL, true, "IndexOptionsConflict", NULL},
    {86, MR_FATAL, true, "IndexKeySpecsConflict", NULL},
    {89, MR_REOPEN, false, "NetworkTimeout", NULL},
    {91, MR_REOPEN, false, "ShutdownInProgress", NULL},
    {94, MR_REOPEN, false, "NotYetInitialized", "run rs.initiate() on the server"},
    {107, MR_RETRY, false, "LockFailed", NULL},
    {112, MR_RETRY, false, "WriteConflict", NULL},
    {117, MR_RETRY, false, "ConflictingOperationInProgress", NULL},
    {121, MR_FATAL, false, "DocumentValidationFailure", NULL},
    {133, MR_REOPEN, false, "FailedToSatisfyReadPreference", NULL},
    {134, MR_RETRY, false, "ReadConcernMajorityNotAvailableYet", NULL},
    {150, MR_RETRY, false, "StaleEpoch", NULL},
    {166, MR_FATAL, true, "CommandNotSupportedOnView", NULL},
    {175, MR_RETRY, false, "QueryPlanKilled", NULL},
    {189, MR_REOPEN, false, "PrimarySteppedDown", NULL},
    {197, MR_FATAL, true, "InvalidIndexSpecificationOption", NULL},
    {206, MR_REOPEN, false, "NoSuchSession", NULL},
    {215, MR_RETRY, false, "DatabaseDropPending", NULL},
    {216, MR_REOPEN, false, "ElectionInProgress", NULL},
    {225, MR_RETRY, false, "TransactionTooOld", NULL},
    {234, MR_RETRY, false, "RetryChangeStream", NULL},
    {237, MR_RETRY, false, "CursorKilled", NULL},
    {239, MR_RETRY, false, "SnapshotTooOld", NULL},
    {246, MR_RETRY, false, "SnapshotUnavailable", NULL},
    {249, MR_RETRY, false, "StaleDbVersion", NULL},
    {250, MR_RETRY, false, "StaleChunkHistory", NULL},
    {251, MR_RETRY, false, "NoSuchTransaction", NULL},
    {256, MR_REOPEN, false, "TransactionCommitted", NULL},
    {261, MR_REOPEN, false, "TooManyLogicalSessions", NULL},
    {262, MR_RETRY, false, "ExceededTimeLimit", NULL},
    {264, MR_REOPEN, false, "TooManyFilesOpen", NULL},
    {267, MR_RETRY, false, "PreparedTransactionInProgress", NULL},
    {272, MR_RETRY, false, "MigrationConflict", NULL},
    {276, MR_RETRY, false, "IndexBuildAborted", NULL},
    {279, MR_REOPEN, false, "ClientDisconnect", NULL},
    {285, MR_RETRY, false, "IndexBuildAlreadyInProgress", NULL},
    {290, MR_RETRY, false, "TransactionExceededLifetimeLimitSeconds", NULL},
    {303, MR_REOPEN, false, "SplitHorizonChange", NULL},
    {317, MR_REOPEN, false, "ConnectionPoolExpired", NULL},
    {322, MR_FATAL, true, "APIVersionError", NULL},
    {323, MR_FATAL, true, "APIStrictError", NULL},
    {324, MR_FATAL, true, "APIDeprecationError", NULL},
    {338, MR_RETRY, false, "ReshardCollectionInProgress", NULL},
    {342, MR_RETRY, false, "ReshardingCriticalSectionTimeout", NULL},
    {355, MR_RETRY, false, "InterruptedDueToStorageChange", NULL},
    {365, MR_RETRY, false, "TemporarilyUnavailable", NULL},
    {371, MR_REOPEN, false, "UserWritesBlocked", "writes are blocked on the server"},
    {391, MR_REOPEN, false, "ReauthenticationRequired", NULL},
    {402, MR_RETRY, false, "ResourceExhausted", NULL},
    {433, MR_RETRY, false, "AdmissionQueueOverflow", NULL},
    {449, MR_RETRY, false, "RateLimitExceeded", NULL},
    {9001, MR_REOPEN, false, "SocketException", NULL},
    {10058, MR_REOPEN, false, "LegacyNotPrimary", NULL},
    {10107, MR_REOPEN, false, "NotWritablePrimary", NULL},
    {10334, MR_FATAL, false, "BSONObjectTooLarge", NULL},
    {11000, MR_FATAL, false, "DuplicateKey", NULL},
    {11600, MR_REOPEN, false, "InterruptedAtShutdown", NULL},
    {11601, MR_RETRY, false, "Interrupted", NULL},
    {11602, MR_REOPEN, false, "InterruptedDueToReplStateChange", NULL},
    {13388, MR_RETRY, false, "StaleConfig", NULL},
    {13435, MR_REOPEN, false, "NotPrimaryNoSecondaryOk", NULL},
    {13436, MR_REOPEN, false, "NotPrimaryOrSecondary", NULL},
    {14031, MR_REOPEN, false, "OutOfDiskSpace", "free some space on the server"},
};

static const verdict *find_verdict(int code)
{
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++) {
        if (verdicts[i].code == code) {
            return &verdicts[i];
        }
    }
    return NULL;
}

static bool has_label(const bson_t *reply, const char *label)
{
    return reply && mongoc_error_has_label(reply, label);
}

static bool of_the_server(const bson_error_t *error)
{
    return error->domain == MONGOC_ERROR_SERVER || error->domain == MONGOC_ERROR_WRITE_CONCERN;
}

/* The server's answer. */
static verdict judge_server(const bson_t *reply, const bson_error_t *error)
{
    const verdict *known = find_verdict((int)error->code);
    verdict ret = known ? *known : (verdict){.code = (int)error->code, .status = MR_FATAL};
    if (has_label(reply, "UnknownTransactionCommitResult")) {
        ret.status = MR_REOPEN;
        ret.permanent = false;
    } else if (ret.status == MR_FATAL && (has_label(reply, "TransientTransactionError") ||
                                          has_label(reply, "RetryableWriteError"))) {
        ret.status = MR_RETRY;
        ret.permanent = false;
    }
    return ret;
}

/* Credentials are judged by the server, but the library gives the same code when the connection is
 * lost half-way through. */
static bool connection_lost(const char *message)
{
    return strstr(message, "socket error or timeout") || strstr(message, "Failed to send") ||
           strstr(message, "Failed to read") || strstr(message, "Failed to receive");
}

static verdict judge_credentials(const char *message)
{
    verdict ret = *find_verdict(18);
    return connection_lost(message) ? (verdict){.status = MR_REOPEN} : ret;
}

static verdict judge_selection(const bson_error_t *error)
{
    if (error->code == MONGOC_ERROR_SERVER_SELECTION_BAD_WIRE_VERSION) {
        return (verdict){.status = MR_FATAL, .permanent = true};
    }
    if (strstr(error->message, "Authentication failed")) {
        return *find_verdict(18);
    }
    if (strstr(error->message, "certificate")) {
        return (verdict){
            .status = MR_FATAL,
            .permanent = true,
            .advice = "check tlsCAFile and the host names of the URI against the certificate",
        };
    }
    verdict ret = {.status = MR_REOPEN};
    if (strstr(error->message, "TLS handshake failed")) {
        ret.advice = "does the server speak TLS, as the URI says?";
    } else if (!strchr(error->message, '[')) { /* no server's own failure is told */
        ret.advice = "is the replica set of that name, and has it a primary?";
    }
    return ret;
}

/* The client library's own errors. */
static verdict judge_client(const bson_error_t *error)
{
    switch (error->domain) {
    case MONGOC_ERROR_STREAM:
    case MONGOC_ERROR_TRANSACTION: /* its idea of the transaction is no longer ours */
        return (verdict){.status = MR_REOPEN};
    case MONGOC_ERROR_SERVER_SELECTION:
        return judge_selection(error);
    case MONGOC_ERROR_PROTOCOL:
        if (error->code == MONGOC_ERROR_PROTOCOL_BAD_WIRE_VERSION) {
            return (verdict){.status = MR_FATAL, .permanent = true};
        }
        return (verdict){.status = MR_REOPEN};
    case MONGOC_ERROR_SASL:
    case MONGOC_ERROR_SCRAM:
        return judge_credentials(error->message);
    case MONGOC_ERROR_CLIENT:
        if (error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) {
            return judge_credentials(error->message);
        }
        return (verdict){.status = MR_FATAL, .permanent = true};
    default:
        return (verdict){.status = MR_FATAL};
    }
}

static const char *name_in(const bson_t *reply)
{
    bson_iter_t it;
    if (reply && bson_iter_init_find(&it, reply, "codeName") && BSON_ITER_HOLDS_UTF8(&it)) {
        return bson_iter_utf8(&it, NULL);
    }
    return NULL;
}

/* A message of several lines as one. */
static void one_line(const char *message, char *out, size_t size)
{
    size_t len = 0;
    for (; *message && len + 1 < size; message++) {
        char c = *message;
        if (c == '\n' || c == '\t' || c == '\r') {
            c = ' ';
        }
        if (c != ' ' || (len && out[len - 1] != ' ')) {
            out[len++] = c;
        }
    }
    out[len] = '\0';
}

mr_status mr_mongo_failed(const mr_mongo *mongo, const bson_t *reply, const bson_error_t *error,
                          mr_error *err, const char *doing, ...)
{
    bool server = of_the_server(error);
    verdict v = server ? judge_server(reply, error) : judge_client(error);
    const char *name = server ? name_in(reply) : NULL;
    name = name ? name : v.name;
    char text[400], message[600], code[100] = "";
    va_list args;
    va_start(args, doing);
    vsnprintf(text, sizeof text, doing, args);
    va_end(args);
    one_line(error->message, message, sizeof message);
    if (server) {
        snprintf(code, sizeof code, " (%s%scode %d)", name ? name : "", name ? ", " : "",
                 (int)error->code);
    }
    bool say_host = mongo && !server && !strstr(text, mongo->host);
    mr_fail(err, v.status, MR_DOMAIN_MONGODB, "%s: %s%s%s%s%s%s", text, message, code,
            say_host ? "; the server is " : "", say_host ? mongo->host : "", v.advice ? "; " : "",
            v.advice ? v.advice : "");
    mr_error_code(err, server ? (int)error->code : 0, name);
    if (err) {
        err->permanent = v.permanent;
    }
    return v.status;
}
