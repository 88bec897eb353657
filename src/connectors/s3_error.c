/* Errors of S3 made ours: which of DuckDB's messages speak of the network or the server, what they
 * mean, and whether to try again. DuckDB has the server's own words in its JSON form only. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/redact.h"
#include "connectors/s3.h"
#include "engine/jscan.h"

/* What is known of a failed request. */
typedef struct Failure {
    Arena *arena;
    const Link *link;
    const S3Place *place;
    const char *text;    /* DuckDB's message */
    int status;          /* 0 when there was no answer */
    const char *code;    /* S3's, such as NoSuchBucket; "" */
    const char *detail;  /* S3's own sentence; "" */
    const char *after;   /* what Retry-After says; NULL */
} Failure;

/* "(HTTP 403 Forbidden)", "returned HTTP 503 for", "(HTTP code 403)" */
static int status_in(const char *text) {
    static const char *const marks[] = {"(HTTP code ", "HTTP "};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        for (const char *at = text; (at = strstr(at, marks[i])) != NULL; at++) {
            long status = strtol(at + strlen(marks[i]), NULL, 10);
            if (status >= 100 && status < 600) return (int)status;
        }
    return 0;
}

/* DuckDB's words when a later part of an object has another ETag; the object's name follows. */
static const char replaced_mark[] = "ETag on reading file \"";

static bool is_of_server(const Failure *failure) {
    return failure->status != 0 || strstr(failure->text, " error for HTTP ") != NULL ||
           strstr(failure->text, replaced_mark) != NULL;
}

/* DuckDB puts "Code: sentence" in a paragraph of its own. */
static void read_paragraph(Failure *failure) {
    const char *at = strstr(failure->text, "\n\n");
    if (at == NULL) return;
    at += 2;
    size_t size = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
    if (size == 0 || at[size] != ':') return;
    failure->code = arena_strndup(failure->arena, at, size);
    at += size + 1 + strspn(at + size + 1, " ");
    failure->detail = arena_strndup(failure->arena, at, strcspn(at, "\n"));
}

static const char *element(Arena *arena, const char *xml, const char *name) {
    const char *open = arena_printf(arena, "<%s>", name);
    const char *at = xml == NULL ? NULL : strstr(xml, open);
    if (at == NULL) return "";
    at += strlen(open);
    return arena_strndup(arena, at, strcspn(at, "<"));
}

static const char *header(Arena *arena, const JScan *scan, const char *const *names) {
    const char *text = NULL;
    for (; *names != NULL && text == NULL; names++)
        text = jscan_text(arena, scan, jscan_find(scan, 0, *names));
    return text;
}

static bool failure_of_json(Failure *failure, const char *message, const char **type) {
    static const char *const after[] = {"header_Retry-After", "header_retry-after",
                                        "header_Retry-after", NULL};
    const char *brace = strchr(message, '{');
    JScan scan;
    if (brace == NULL || !jscan_parse(failure->arena, brace, strlen(brace), &scan)) return false;
    Arena *arena = failure->arena;
    *type = jscan_text(arena, &scan, jscan_find(&scan, 0, "exception_type"));
    failure->text = jscan_text(arena, &scan, jscan_find(&scan, 0, "exception_message"));
    if (*type == NULL || failure->text == NULL) return false;
    const char *status = jscan_text(arena, &scan, jscan_find(&scan, 0, "status_code"));
    failure->status = status == NULL ? 0 : (int)strtol(status, NULL, 10);
    failure->after = header(arena, &scan, after);
    read_paragraph(failure);
    const char *body = jscan_text(arena, &scan, jscan_find(&scan, 0, "response_body"));
    if (*failure->code == '\0') failure->code = element(arena, body, "Code");
    if (*failure->detail == '\0') failure->detail = element(arena, body, "Message");
    return true;
}

/* -- what it means ----------------------------------------------------------------------- */

static bool is_code(const Failure *failure, const char *list) {
    size_t size = strlen(failure->code);
    const char *at = size == 0 ? NULL : strstr(list, failure->code);
    return at != NULL && (at == list || at[-1] == '|') && (at[size] == '|' || at[size] == '\0');
}

static const char *host_of(const Failure *failure) {
    S3Endpoint endpoint = s3_endpoint(failure->arena, failure->link, failure->place->bucket);
    return endpoint.host != NULL ? endpoint.host : "AWS";
}

/* "InvalidAccessKeyId: The key …" or "HTTP 403" */
static const char *words(const Failure *failure) {
    if (*failure->code == '\0') return arena_printf(failure->arena, "HTTP %d", failure->status);
    if (*failure->detail == '\0') return failure->code;
    return arena_printf(failure->arena, "%s: %s", failure->code, failure->detail);
}

static bool unreachable(const Failure *failure, Error *err) {
    Span span = link_span(failure->link, "endpoint_url");
    const char *host = host_of(failure), *hint = "check endpoint_url, region and the network";
    bool certificate = strcasestr(failure->text, "certificate") != NULL ||
                       strcasestr(failure->text, "SSL") != NULL;
    if (strstr(failure->text, "Timeout was reached") != NULL) {
        error_set(err, ERR_CONNECTION, span, "%s at %s did not answer within timeout_seconds (%s)",
                  failure->place->uri, host, link_text(failure->link, "timeout_seconds"));
        hint = "check endpoint_url and the network; timeout_seconds bounds each request with its "
               "answer, so a slow line needs more";
    } else {
        const char *end = strstr(failure->text, " error for HTTP ");
        error_set(err, ERR_CONNECTION, span, "the connection to %s for %s failed: %.*s", host,
                  failure->place->uri, (int)(end - failure->text), failure->text);
    }
    err->transient = !certificate;
    return error_hint(err, "%s", certificate ? "check endpoint_url, use_ssl and the certificate"
                                             : hint);
}

static bool busy(const Failure *failure, Error *err) {
    error_set(err, ERR_CONNECTION, failure->link->span, "%s cannot serve %s now (%s%s)",
              host_of(failure), failure->place->uri, words(failure),
              failure->after == NULL
                  ? ""
                  : arena_printf(failure->arena, "; Retry-After: %s", failure->after));
    err->transient = true;
    return error_hint(err, "this is for the server to solve; max_retries and retry_delay say how "
                           "often it is tried again");
}

static bool refused(const Failure *failure, Error *err) {
    Span span = failure->link->span;
    if (is_code(failure, "RequestTimeTooSkewed")) {
        error_set(err, ERR_AUTHENTICATION, span, "%s refused the request for %s: this machine's "
                  "clock is wrong", host_of(failure), failure->place->uri);
        return error_hint(err, "set the clock");
    }
    if (*failure->code != '\0' && !is_code(failure, "AccessDenied|Forbidden|AllAccessDisabled")) {
        error_set(err, ERR_AUTHENTICATION, span, "%s refused the credentials for %s (%s)",
                  host_of(failure), failure->place->uri, words(failure));
        return error_hint(err, "check access_key_id, secret_access_key and session_token");
    }
    error_set(err, ERR_REMOTE_PERMISSION, span, "%s denies access to %s (%s)", host_of(failure),
              failure->place->uri, words(failure));
    return error_hint(err, "the credentials need s3:ListBucket and s3:GetObject to read, "
                           "s3:PutObject to write; it can also mean that they are wrong");
}

static bool absent(const Failure *failure, Error *err) {
    const S3Place *place = failure->place;
    if (is_code(failure, "NoSuchBucket")) {
        error_set(err, ERR_REMOTE_OBJECT, failure->link->span, "there is no bucket '%s' at %s",
                  place->bucket, host_of(failure));
        return error_hint(err, "check its name, the region and endpoint_url");
    }
    return error_set(err, ERR_REMOTE_OBJECT, failure->link->span, "there is no object %s",
                     place->uri);
}

static bool elsewhere(const Failure *failure, Error *err) {
    error_set(err, ERR_CONNECTION, link_span(failure->link, "region"),
              "the bucket '%s' cannot be spoken to as region and endpoint say (%s)",
              failure->place->bucket, words(failure));
    return error_hint(err, "set region to the bucket's own");
}

static bool replaced(const Failure *failure, const char *name, Error *err) {
    error_set(err, ERR_CONNECTION, failure->link->span, "%.*s was replaced while it was read",
              (int)strcspn(name, "\""), name);
    err->transient = true;
    return error_hint(err, "it is read anew, max_retries times; better to write new objects than "
                           "to replace those that are read");
}

static bool explain(const Failure *failure, Error *err) {
    int status = failure->status;
    const char *changed = strstr(failure->text, replaced_mark);
    if (changed != NULL) return replaced(failure, changed + sizeof replaced_mark - 1, err);
    if (status == 0) return unreachable(failure, err);
    if (status == 408 || status == 429 || status >= 500 ||
        is_code(failure, "SlowDown|RequestTimeout|InternalError|ServiceUnavailable"))
        return busy(failure, err);
    if (status == 301 || status == 307 ||
        is_code(failure, "AuthorizationHeaderMalformed|PermanentRedirect"))
        return elsewhere(failure, err);
    if (status == 401 || status == 403 ||
        is_code(failure, "ExpiredToken|InvalidToken|TokenRefreshRequired"))
        return refused(failure, err);
    if (status == 404 || status == 410) return absent(failure, err);
    return error_set(err, ERR_CONNECTION, failure->link->span, "%s refused the request for %s (%s)",
                     host_of(failure), failure->place->uri, words(failure));
}

/* What has nothing to do with the network. */
static bool other(const Failure *failure, const char *type, Error *err) {
    static const struct {
        const char *type, *contains;
        ErrorCode code;
    } rules[] = {
        {"interrupt", "", ERR_INTERRUPTED},
        {"out of memory", "", ERR_MEMORY},
        {"", "No space left on device", ERR_DISK},
        {"", "No files found that match the pattern", ERR_FILE_MISSING},
        {"conversion", "", ERR_CAST},
    };
    ErrorCode code = ERR_STEP;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (str_istarts(type, rules[i].type) && strstr(failure->text, rules[i].contains) != NULL) {
            code = rules[i].code;
            break;
        }
    return error_set(err, code, failure->link->span, "%s",
                     redact_text(failure->arena, failure->text));
}

bool s3_fail(S3 *s3, const char *message, Error *err) {
    Failure failure = {.arena = s3->session->arena, .link = s3->link, .place = &s3->place,
                       .text = message == NULL ? "unknown error" : message, .code = "",
                       .detail = ""};
    const char *type = "";
    if (!failure_of_json(&failure, failure.text, &type)) failure.status = status_in(failure.text);
    if (is_of_server(&failure)) {
        failure.detail = redact_text(failure.arena, failure.detail);
        return explain(&failure, err);
    }
    return other(&failure, type, err);
}

/* duck_error.c puts the header behind the message. */
static const char *after_of(Arena *arena, const char *text) {
    static const char mark[] = " (Retry-After: ";
    const char *at = strstr(text, mark);
    if (at == NULL) return NULL;
    at += strlen(mark);
    return arena_strndup(arena, at, strcspn(at, ")"));
}

bool s3_refine(const Link *link, const S3Place *place, Error *err) {
    if (err->code == ERR_INTERRUPTED) return false;
    AUTO_ARENA arena = arena_new();
    Failure failure = {.arena = arena, .link = link, .place = place, .code = "", .detail = "",
                       .text = arena_strdup(arena, err->message)};
    failure.status = status_in(failure.text);
    if (!is_of_server(&failure)) return false;
    read_paragraph(&failure);
    failure.after = after_of(arena, failure.text);
    failure.detail = redact_text(arena, failure.detail);
    explain(&failure, err);
    return true;
}
