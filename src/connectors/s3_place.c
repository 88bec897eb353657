/* Where a link's objects are: bucket, key, prefix or pattern, and in what format. Pure: nothing is
 * asked. Also the endpoint and how it is spoken to. */
#include <string.h>

#include "base/fs.h"
#include "connectors/s3.h"

static const char *given(const Link *link, const char *name) {
    const char *text = link_has(link, name) ? link_text(link, name) : NULL;
    return text != NULL && *text != '\0' ? text : NULL;
}

static const char *format_named(const char *extension) {
    static const char *const names[][2] = {{"csv", "csv"},     {"tsv", "csv"},
                                           {"json", "json"},   {"jsonl", "json"},
                                           {"ndjson", "json"}, {"parquet", "parquet"},
                                           {"pq", "parquet"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (str_ieq(extension, names[i][0])) return names[i][1];
    return NULL;
}

const char *s3_format_of(Arena *arena, const char *key) {
    return format_named(fs_extension(arena, key));
}

static const char *format_of(Arena *arena, const Link *link, const char *name) {
    const char *format = given(link, "file_format");
    return format != NULL ? format_named(format) : s3_format_of(arena, name);
}

static void set_key(Arena *arena, S3Place *place, const char *key) {
    place->key = key;
    place->uri = arena_printf(arena, "s3://%s/%s", place->bucket, key);
}

static void set_prefix(Arena *arena, S3Place *place, const char *prefix) {
    size_t size = strlen(prefix);
    bool closed = size == 0 || prefix[size - 1] == '/';
    place->prefix = closed ? prefix : arena_printf(arena, "%s/", prefix);
    place->pattern = arena_printf(arena, "%s**", files_escape(arena, place->prefix));
    place->whole_prefix = true;
    place->uri = arena_printf(arena, "s3://%s/%s", place->bucket, place->prefix);
}

static void set_pattern(Arena *arena, S3Place *place, const char *pattern) {
    size_t fixed = strcspn(pattern, "*?[");
    place->pattern = pattern;
    place->prefix = arena_strndup(arena, pattern, fixed);
    place->uri = arena_printf(arena, "s3://%s/%s", place->bucket, pattern);
}

/* s3://bucket/rest; rest is "" when there is none. */
static bool split(Arena *arena, const char *uri, const char **bucket, const char **rest) {
    if (!str_istarts(uri, "s3://")) return false;
    const char *start = uri + strlen("s3://");
    size_t size = strcspn(start, "/");
    *bucket = arena_strndup(arena, start, size);
    *rest = start[size] == '/' ? start + size + 1 : "";
    return size > 0;
}

static bool place_of_uri(Arena *arena, const char *uri, S3Place *place) {
    const char *rest;
    if (!split(arena, uri, &place->bucket, &rest)) return false;
    if (strpbrk(rest, "*?[") != NULL)
        set_pattern(arena, place, rest);
    else if (*rest == '\0' || str_ends(rest, "/"))
        set_prefix(arena, place, rest);
    else
        set_key(arena, place, rest);
    return true;
}

bool s3_place_of(Arena *arena, const Link *link, S3Place *place) {
    const char *uri = given(link, "uri"), *key = given(link, "key");
    const char *prefix = given(link, "path_prefix"), *pattern = given(link, "key_pattern");
    *place = (S3Place){.bucket = given(link, "bucket")};
    if (uri != NULL) {
        if (!place_of_uri(arena, uri, place)) return false;
    } else if (place->bucket == NULL) {
        return false;
    } else if (key != NULL) {
        set_key(arena, place, key);
    } else if (pattern != NULL) {
        set_prefix(arena, place, prefix == NULL ? "" : prefix);
        const char *before = files_escape(arena, place->prefix);
        place->whole_prefix = false;
        set_pattern(arena, place, arena_printf(arena, "%s%s", before, pattern));
    } else {
        set_prefix(arena, place, prefix == NULL ? "" : prefix);
    }
    const char *name = place->key != NULL ? place->key : place->pattern;
    place->format = format_of(arena, link, name);
    return true;
}

bool s3_place_to(Arena *arena, const Link *link, const char *destination, S3Place *place) {
    const char *rest;
    *place = (S3Place){0};
    if (!split(arena, destination, &place->bucket, &rest)) return false;
    place->format = format_of(arena, link, rest);
    if (files_writes_folder(arena, link)) {
        set_prefix(arena, place, rest);
    } else if (*rest == '\0' || str_ends(rest, "/")) {
        const char *format = given(link, "file_format");
        if (format == NULL) format = place->format == NULL ? "csv" : place->format;
        set_key(arena, place, arena_printf(arena, "%sdata.%s", rest, format));
    } else {
        set_key(arena, place, rest);
    }
    return true;
}

static bool is_loopback(const char *host) {
    return str_istarts(host, "127.") || str_istarts(host, "[::1]") ||
           (str_istarts(host, "localhost") && (host[9] == '\0' || host[9] == ':'));
}

S3Endpoint s3_endpoint(Arena *arena, const Link *link, const char *bucket) {
    S3Endpoint endpoint = {.ssl = true};
    const char *url = given(link, "endpoint_url"), *style = given(link, "url_style");
    if (url != NULL) {
        bool http = str_istarts(url, "http://"), https = str_istarts(url, "https://");
        const char *host = url + (http ? 7 : https ? 8 : 0);
        size_t size = strlen(host);
        while (size > 0 && host[size - 1] == '/') size--;
        endpoint.host = arena_strndup(arena, host, size);
        endpoint.ssl = !http;
        endpoint.loopback = is_loopback(endpoint.host);
    }
    if (link_has(link, "use_ssl")) endpoint.ssl = link_bool(link, "use_ssl");
    bool aws = endpoint.host == NULL || strstr(endpoint.host, "amazonaws.com") != NULL;
    /* A dot in the bucket's name does not fit the certificate of *.s3.amazonaws.com. */
    bool dotted = bucket != NULL && strchr(bucket, '.') != NULL;
    endpoint.url_style = aws && !dotted ? "vhost" : "path";
    if (style != NULL && !str_ieq(style, "auto")) endpoint.url_style = style;
    return endpoint;
}
