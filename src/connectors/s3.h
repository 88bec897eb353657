/* What the files of the s3 connector share: the place that options mean, secrets and statements of
 * DuckDB around it, listings, and errors of S3. Reading and writing files is done by files.h. */
#ifndef SQLFLOW_CONNECTORS_S3_H
#define SQLFLOW_CONNECTORS_S3_H

#include "connectors/files.h"

/* s3_options.c */
extern const OptionSpec s3_options[];
void s3_check(const Link *link, OptionUse use, Diags *diags);

/* Where the objects are. */
typedef struct S3Place {
    const char *bucket;
    const char *key;      /* of the one object; NULL when there are several */
    const char *pattern;  /* else: glob for the keys */
    const char *prefix;   /* else: that all keys begin with */
    bool whole_prefix;    /* else: the pattern is all below the prefix */
    const char *uri;      /* for messages: s3://bucket/key, s3://bucket/prefix… */
    const char *format;   /* "csv", "json", "parquet"; NULL when nothing tells it */
} S3Place;

/* s3_place.c. The place that a source or a connection means. false: nothing says where. */
bool s3_place_of(Arena *arena, const Link *link, S3Place *place);
/* The place of an export. A destination that ends with '/' gets an object in it, unless the
 * export writes several files. */
bool s3_place_to(Arena *arena, const Link *link, const char *destination, S3Place *place);
/* "csv", "json" or "parquet" by the extension of a key; NULL when it tells none. */
const char *s3_format_of(Arena *arena, const char *key);
/* "http://host:port" taken apart. */
typedef struct S3Endpoint {
    const char *host; /* with port; NULL: AWS */
    bool ssl, loopback;
    const char *url_style; /* "path" or "vhost" */
} S3Endpoint;
S3Endpoint s3_endpoint(Arena *arena, const Link *link, const char *bucket);

/* Strings of a result, row by row; NULL for NULL and for what is no text or integer. */
typedef struct S3Table {
    Strings cells;
    size_t columns;
} S3Table;
#define S3_CELL(table, row, column) ((table)->cells.items[(row) * (table)->columns + (column)])

/* A link at work. A failure on `side` does not abort the run's transaction, and its errors have
 * all that the server said; so everything that may fail is looked at there first. */
typedef struct S3 {
    Session *session;
    const Link *link;
    S3Place place;
    void *side;              /* duckdb_connection; NULL until s3_open */
    const char *secret;      /* name of the run's, NULL when there is none */
    const char *side_secret;
    bool interruptible; /* see s3_interrupt */
} S3;

/* s3_session.c: loads the extensions, makes the secret of the side connection. */
bool s3_open(S3 *s3, Error *err);
void s3_close(S3 *s3);
void s3_cleanup(S3 *s3);
#define AUTO_S3 __attribute__((cleanup(s3_cleanup))) S3

/* s3_interrupt.c: httpfs waits for a server as long as timeout_seconds says, whatever comes. Until
 * s3_ended, s3_interrupt ends its connections: those that were made after s3_began. */
void s3_began(S3 *s3);
void s3_ended(S3 *s3);
void s3_interrupt(void);
/* Gives the run's connection the secret, too. s3_forget takes it away. */
bool s3_enter(S3 *s3, long long http_retries, Error *err);
void s3_forget(S3 *s3);
/* Statements on the side connection or, `on_run`, on the run's. `table` may be NULL. */
bool s3_query(S3 *s3, bool on_run, const char *sql, S3Table *table, Error *err);

/* s3_error.c: fills err from DuckDB's message (with errors_as_json); returns false. */
bool s3_fail(S3 *s3, const char *message, Error *err);
/* Makes an error of ours of one that DuckDB's HTTP client left as text; false: it is none. */
bool s3_refine(const Link *link, const S3Place *place, Error *err);

/* s3_list.c: the objects of the place, sorted by key. None is no error. */
bool s3_list(S3 *s3, FileEntries *files, Error *err);
/* The same, as paths for a reader: none, and empty ones, are errors unless allow_empty. */
bool s3_find(S3 *s3, Strings *paths, Error *err);
bool s3_none_fits(const S3 *s3, Error *err); /* false, with the error */
/* Settles the format of a place that does not tell it by the extensions of its objects, which must
 * agree, and takes those out that are of none. */
bool s3_learn_format(S3 *s3, FileEntries *files, Error *err);
/* Objects whose keys fit a pattern, whatever they are. */
bool s3_glob(S3 *s3, const char *pattern, FileEntries *files, Error *err);
bool s3_head(S3 *s3, const char *key, FileEntry *entry, Error *err);

/* s3_publish.c, s3_probe.c */
bool s3_checked(Session *session, const Link *link, const WriteSpec *spec, const char *query,
                const char **checked, Error *err);
bool s3_publish(Session *session, const Link *link, const WriteSpec *spec, const Staged *staged,
                Receipt *receipt, Error *err);
bool s3_probe(Session *session, const Link *link, ProbeReport *report, Error *err);
bool s3_discover(Session *session, const Link *link, Objects *objects, Error *err);

#endif
