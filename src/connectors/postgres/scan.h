/* Scan: the table function sqlflow_postgres(handle) that streams COPY BINARY into DuckDB.
 * A PgRead is what one Relation reads: made by read.c, kept until the relation is closed. */
#ifndef SQLFLOW_CONNECTORS_POSTGRES_SCAN_H
#define SQLFLOW_CONNECTORS_POSTGRES_SCAN_H

#include <pthread.h>

#include "connectors/postgres/columns.h"

enum { PG_PARALLEL_MAX = 64 };

typedef struct PgRead {
    uint64_t id; /* what stands in the SQL */
    Arena *arena; /* owned: everything below lives in it */
    PgParams params;
    PgSource source;
    const char *filter;   /* " WHERE …", "" when there is none; with where and bound */
    const char *snapshot; /* exported: lives as long as the first connection's transaction */
    int parallel;
    int64_t blocks, blocks_per_range; /* of the ctid split; blocks 0: no split */
    pthread_t caller;       /* the thread that runs the query */
    pthread_cond_t seated;
    pthread_mutex_t mutex; /* guards what follows */
    PgConn idle[PG_PARALLEL_MAX]; /* connections inside the snapshot, not in use */
    int idle_count;
    PgConn parked[PG_PARALLEL_MAX]; /* left in the middle of a COPY, closed with the read */
    int parked_count;
    bool failed;
    Error failure; /* the first of the scan's threads */
    struct PgRead *next;
} PgRead;

PgRead *pg_read_new(void);
/* Closes the connections and forgets the handle. */
void pg_read_free(PgRead *read);
/* Makes the function known to this database; again is fine. */
bool pg_scan_register(Duck *duck, Error *err);

#endif
