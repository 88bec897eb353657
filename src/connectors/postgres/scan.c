/* The table function: bind names the columns, each thread takes a connection and copies one
 * range of blocks after another (or the whole SELECT) into its chunks. */
#include "connectors/postgres/scan.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "connectors/postgres/decode.h"

/* Live reads by id: a number in SQL must never be taken for a pointer. */
static pthread_mutex_t reads_mutex = PTHREAD_MUTEX_INITIALIZER;
static PgRead *reads;
static uint64_t last_id;

PgRead *pg_read_new(void)
{
    PgRead *read = calloc(1, sizeof *read);
    if (!read) abort();
    read->arena = arena_new();
    pthread_mutex_init(&read->mutex, NULL);
    pthread_cond_init(&read->seated, NULL);
    pthread_mutex_lock(&reads_mutex);
    read->id = ++last_id;
    read->next = reads;
    reads = read;
    pthread_mutex_unlock(&reads_mutex);
    return read;
}

static PgRead *find_read(uint64_t id)
{
    pthread_mutex_lock(&reads_mutex);
    PgRead *read = reads;
    while (read && read->id != id) read = read->next;
    pthread_mutex_unlock(&reads_mutex);
    return read;
}

void pg_read_free(PgRead *read)
{
    if (!read) return;
    pthread_mutex_lock(&reads_mutex);
    for (PgRead **at = &reads; *at; at = &(*at)->next)
        if (*at == read) {
            *at = read->next;
            break;
        }
    pthread_mutex_unlock(&reads_mutex);
    for (int i = 0; i < read->parked_count; i++) pg_close(&read->parked[i]);
    for (int i = 0; i < read->idle_count; i++) pg_close(&read->idle[i]);
    pthread_cond_destroy(&read->seated);
    pthread_mutex_destroy(&read->mutex);
    arena_free(read->arena);
    free(read);
}

/* -- one scan ------------------------------------------------------------------------------ */

typedef struct Scan {
    PgRead *read;
    size_t *picked; /* indexes of the selected columns, in the chunk's order */
    size_t count;
    size_t *slots;  /* the chunk's column of each */
    PgField *fields;
    size_t chunk_columns;
    const char *select; /* COPY (SELECT … FROM … [WHERE …]; open for a range */
    Arena *arena;
    atomic_llong next_block;
    atomic_bool taken; /* the one range of a scan without split */
    int seats;         /* guarded by the read's mutex: threads that may still join */
    bool caller_seated;
} Scan;

typedef struct Worker {
    Scan *scan;
    PgConn conn;
    bool seated, open, copying, clean; /* clean: the connection may be used again */
    Arena *arena;
    PgDecoder decoder;
    int64_t first_block, last_block; /* of the range; last -1: open end */
} Worker;

static duckdb_logical_type logical_type(const PgScalar *scalar, int dims)
{
    static const struct {
        PgKind kind;
        duckdb_type type;
    } types[] = {
        {KIND_BOOL, DUCKDB_TYPE_BOOLEAN},      {KIND_INT2, DUCKDB_TYPE_SMALLINT},
        {KIND_INT4, DUCKDB_TYPE_INTEGER},      {KIND_INT8, DUCKDB_TYPE_BIGINT},
        {KIND_OID, DUCKDB_TYPE_BIGINT},        {KIND_FLOAT4, DUCKDB_TYPE_FLOAT},
        {KIND_FLOAT8, DUCKDB_TYPE_DOUBLE},     {KIND_NUMERIC_DOUBLE, DUCKDB_TYPE_DOUBLE},
        {KIND_BYTEA, DUCKDB_TYPE_BLOB},        {KIND_DATE, DUCKDB_TYPE_DATE},
        {KIND_TIME, DUCKDB_TYPE_TIME},         {KIND_TIMETZ, DUCKDB_TYPE_TIME_TZ},
        {KIND_TIMESTAMP, DUCKDB_TYPE_TIMESTAMP}, {KIND_INTERVAL, DUCKDB_TYPE_INTERVAL},
        {KIND_UUID, DUCKDB_TYPE_UUID},
    };
    duckdb_logical_type type = NULL;
    if (scalar->kind == KIND_DECIMAL) type = duckdb_create_decimal_type(scalar->width,
                                                                        scalar->scale);
    for (size_t i = 0; !type && i < sizeof types / sizeof *types; i++)
        if (types[i].kind == scalar->kind) type = duckdb_create_logical_type(types[i].type);
    if (str_eq(scalar->duck, "TIMESTAMP WITH TIME ZONE")) {
        duckdb_destroy_logical_type(&type);
        type = duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP_TZ);
    }
    if (!type) type = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
    if (str_eq(scalar->duck, "JSON")) duckdb_logical_type_set_alias(type, "JSON");
    for (int i = 0; i < dims; i++) {
        duckdb_logical_type list = duckdb_create_list_type(type);
        duckdb_destroy_logical_type(&type);
        type = list;
    }
    return type;
}

static void bind(duckdb_bind_info info)
{
    duckdb_value value = duckdb_bind_get_parameter(info, 0);
    PgRead *read = find_read(duckdb_get_uint64(value));
    duckdb_destroy_value(&value);
    if (!read) {
        duckdb_bind_set_error(info, "sqlflow_postgres is for sqlflow's own use");
        return;
    }
    for (size_t i = 0; i < read->source.columns.count; i++) {
        const PgColumn *column = &read->source.columns.items[i];
        duckdb_logical_type type = logical_type(&column->scalar, column->dims);
        duckdb_bind_add_result_column(info, column->name, type);
        duckdb_destroy_logical_type(&type);
    }
    if (read->source.table.rows >= 0)
        duckdb_bind_set_cardinality(info, (idx_t)read->source.table.rows, false);
    read->caller = pthread_self();
    duckdb_bind_set_bind_data(info, read, NULL);
}

static void scan_free(void *data)
{
    Scan *scan = data;
    arena_free(scan->arena);
    free(scan);
}

static void init(duckdb_init_info info)
{
    Scan *scan = calloc(1, sizeof *scan);
    if (!scan) abort();
    PgRead *read = scan->read = duckdb_init_get_bind_data(info);
    Arena *arena = scan->arena = arena_new();
    const PgColumns *columns = &read->source.columns;
    scan->chunk_columns = duckdb_init_get_column_count(info);
    scan->picked = ARENA_ARRAY(arena, size_t, scan->chunk_columns + 1);
    scan->slots = ARENA_ARRAY(arena, size_t, scan->chunk_columns + 1);
    scan->fields = ARENA_ARRAY(arena, PgField, scan->chunk_columns + 1);
    for (size_t i = 0; i < scan->chunk_columns; i++) {
        idx_t index = duckdb_init_get_column_index(info, i);
        if (index >= columns->count) continue; /* a row id: only the number of rows matters */
        const PgColumn *column = &columns->items[index];
        scan->fields[scan->count] = (PgField){.name = column->name, .scalar = column->scalar,
                                              .dims = column->dims,
                                              .check_utf8 = read->source.check_utf8};
        scan->slots[scan->count] = i;
        scan->picked[scan->count++] = index;
    }
    scan->select = arena_printf(arena, "SELECT %s FROM %s%s",
                                pg_select_list(arena, columns, scan->picked, scan->count),
                                read->source.from, read->filter);
    scan->seats = read->blocks ? read->parallel : 1;
    duckdb_init_set_max_threads(info, PG_PARALLEL_MAX);
    duckdb_init_set_init_data(info, scan, scan_free);
}

/* A scan may end early (LIMIT). Closing the connection that exported the snapshot would take it
 * from threads that are about to join, so what is not at rest is closed with the read. */
static void worker_free(void *data)
{
    Worker *worker = data;
    PgRead *read = worker->scan ? worker->scan->read : NULL;
    if (worker->open) {
        pthread_mutex_lock(&read->mutex);
        if (worker->clean && read->idle_count < PG_PARALLEL_MAX)
            read->idle[read->idle_count++] = worker->conn;
        else if (!worker->clean && read->parked_count < PG_PARALLEL_MAX)
            read->parked[read->parked_count++] = worker->conn;
        else
            pg_close(&worker->conn);
        pthread_mutex_unlock(&read->mutex);
    }
    arena_free(worker->arena);
    free(worker);
}

static void local_init(duckdb_init_info info)
{
    Worker *worker = calloc(1, sizeof *worker);
    if (!worker) abort();
    worker->arena = arena_new();
    duckdb_init_set_init_data(info, worker, worker_free);
}

static bool open_connection(Worker *worker, Error *err)
{
    PgRead *read = worker->scan->read;
    pthread_mutex_lock(&read->mutex);
    worker->open = read->idle_count > 0;
    if (worker->open) worker->conn = read->idle[--read->idle_count];
    pthread_mutex_unlock(&read->mutex);
    worker->clean = worker->open;
    if (worker->open) return true;
    if (!pg_open(&read->params, &worker->conn, NULL, err)) return false;
    worker->open = worker->clean = true;
    if (pg_execf(&worker->conn, err,
                 "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
                 "SET TRANSACTION SNAPSHOT '%s'", read->snapshot))
        return true;
    /* The snapshot ends with the session that exported it. */
    if (strstr(err->message, "snapshot")) {
        err->code = ERR_CONNECTION;
        err->transient = true;
        error_hint(err, "the session that holds the snapshot has ended; a pooler before the server "
                        "may end sessions, too: then set \"parallel\": 1");
    }
    return false;
}

/* The next range of blocks, as the COPY statement; NULL when there is none. */
static const char *next_copy(Worker *worker, Arena *scratch)
{
    Scan *scan = worker->scan;
    PgRead *read = scan->read;
    if (read->blocks == 0) {
        if (atomic_exchange(&scan->taken, true)) return NULL;
        return arena_printf(scratch, "COPY (%s) TO STDOUT (FORMAT binary)", scan->select);
    }
    int64_t first = atomic_fetch_add(&scan->next_block, read->blocks_per_range);
    if (first >= read->blocks) return NULL;
    bool last = first + read->blocks_per_range >= read->blocks;
    worker->first_block = first;
    worker->last_block = last ? -1 : first + read->blocks_per_range;
    const char *end = last ? "" : arena_printf(scratch, " AND ctid < '(%lld,0)'",
                                               (long long)worker->last_block);
    return arena_printf(scratch, "COPY (%s %s ctid >= '(%lld,0)'%s) TO STDOUT (FORMAT binary)",
                        scan->select, *read->filter ? "AND" : "WHERE", (long long)first, end);
}

static bool start_copy(Worker *worker, bool *more, Error *err)
{
    AUTO_ARENA scratch = arena_new();
    const char *sql = next_copy(worker, scratch);
    *more = sql != NULL;
    if (!sql) return true;
    if (!worker->open && !open_connection(worker, err)) return false;
    worker->clean = false;
    pg_decoder_restart(&worker->decoder);
    worker->copying = pg_exec(&worker->conn, sql, NULL, err);
    return worker->copying;
}

static bool fill(Worker *worker, duckdb_data_chunk chunk, Error *err)
{
    PgDecoder *decoder = &worker->decoder;
    pg_decoder_begin(decoder, chunk, worker->scan->slots);
    while (decoder->rows < decoder->capacity) {
        bool more = true;
        if (!worker->copying && !start_copy(worker, &more, err)) return false;
        if (!more) break;
        char *data = NULL;
        int size = pg_copy_get(&worker->conn, &data, err);
        if (size < 0) return false;
        if (size == 0) {
            worker->copying = false;
            worker->clean = decoder->ended;
            if (decoder->ended) continue;
            return error_set(err, ERR_REMOTE_DATA, SPAN_NONE, "the COPY ended without a trailer");
        }
        bool ok = pg_decoder_feed(decoder, (const uint8_t *)data, (size_t)size, err);
        PQfreemem(data);
        if (!ok) return false;
    }
    pg_decoder_end(decoder, chunk);
    return true;
}

static void fail(duckdb_function_info info, Worker *worker, Error *err)
{
    PgRead *read = worker->scan->read;
    if (err->code == ERR_REMOTE_DATA && read->blocks && worker->last_block >= 0)
        error_prefix(err, "%s, blocks %lld to %lld, ", read->source.label,
                     (long long)worker->first_block, (long long)worker->last_block - 1);
    else
        error_prefix(err, "%s, ", read->source.label);
    pthread_mutex_lock(&read->mutex);
    if (!read->failed) {
        read->failed = true;
        read->failure = *err;
    }
    pthread_mutex_unlock(&read->mutex);
    duckdb_function_set_error(info, err->message);
}

/* DuckDB offers the scan to all its threads; only so many as there are connections may join. The
 * thread that runs the query comes first: it has nothing else to do, and would turn in a busy
 * loop for as long as the others wait for the server. */
static bool take_seat(Scan *scan)
{
    PgRead *read = scan->read;
    bool is_caller = pthread_equal(pthread_self(), read->caller);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20 * 1000 * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&read->mutex);
    while (!is_caller && scan->seats == 1 && !scan->caller_seated &&
           pthread_cond_timedwait(&read->seated, &read->mutex, &until) == 0) {
    }
    bool taken = scan->seats > 0;
    if (taken) scan->seats--;
    if (taken && is_caller) {
        scan->caller_seated = true;
        pthread_cond_broadcast(&read->seated);
    }
    pthread_mutex_unlock(&read->mutex);
    return taken;
}

static void run(duckdb_function_info info, duckdb_data_chunk chunk)
{
    Worker *worker = duckdb_function_get_local_init_data(info);
    Error err = {0};
    if (!worker->scan) {
        worker->scan = duckdb_function_get_init_data(info);
        pg_decoder_init(&worker->decoder, worker->arena, worker->scan->fields,
                        worker->scan->count);
        worker->seated = take_seat(worker->scan);
    }
    if (!worker->seated) return; /* an empty chunk ends this thread's part */
    if (!fill(worker, chunk, &err)) fail(info, worker, &err);
}

bool pg_scan_register(Duck *duck, Error *err)
{
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_table_function_set_name(function, "sqlflow_postgres");
    duckdb_logical_type type = duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT);
    duckdb_table_function_add_parameter(function, type);
    duckdb_destroy_logical_type(&type);
    duckdb_table_function_set_bind(function, bind);
    duckdb_table_function_set_init(function, init);
    duckdb_table_function_set_local_init(function, local_init);
    duckdb_table_function_set_function(function, run);
    duckdb_table_function_supports_projection_pushdown(function, true);
    duckdb_state state = duckdb_register_table_function(duck_connection(duck), function);
    duckdb_destroy_table_function(&function);
    if (state == DuckDBSuccess) return true;
    return error_set(err, ERR_INTERNAL, SPAN_NONE, "cannot register sqlflow_postgres in DuckDB");
}
