/* Types: every query is bound by DuckDB against empty tables of the right columns, in the order of
 * the plan. Nothing is read but the heads of local files. What comes from a remote source has
 * unknown columns: queries over it are left to the run. */
#include "plan/bind_check.h"
#include "plan/macros.h"
#include "plan/plan.h"
#include "plan/python.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"

typedef struct Binder {
    const Plan *plan;
    Duck *duck;
    bool live;       /* ask remote sources, too */
    UdfSession *python;
    bool is_run;
    const BindOptions *options;
    Arena *arena;
    Diags *diags;
    Map opaque;      /* keys of tables whose columns are not known */
    Map bound;       /* keys of tables that exist in duck by now */
    bool aborted;
} Binder;

/* A table that only its own query reads is there from the second run on. */
static void hint_own_table(const Step *step, Error *err) {
    if (step->kind != STEP_TRANSFORM || step->target.name == NULL || *err->hint != '\0') return;
    AUTO_ARENA arena = arena_new();
    const char *missing = arena_printf(arena, "Table with name %s does not exist",
                                       step->target.name);
    if (strcasestr(err->message, missing) != NULL)
        error_hint(err, "the first run has yet to make the table that this step reads; above it, "
                        "CREATE TABLE IF NOT EXISTS %s with its columns begins it empty",
                   step->name);
}

/* DuckDB has no functions in schemas of a module's name. */
static void hint_qualified(const char *sql, int64_t offset, Error *err) {
    if (offset < 0 || offset >= (int64_t)strlen(sql) || *err->hint != '\0' ||
        strstr(err->message, "Function with name") == NULL ||
        sql[offset + (int64_t)strcspn(sql + offset, ".( \n")] != '.')
        return;
    error_hint(err, "a Python function of python_udfs/ is called by its bare name, as "
                    "PYTHON_FUNC(\"module.function\", …), or as python_udfs.module.function(…)");
}

/* One failed statement can abort the transaction; what follows from that says nothing new. */
static bool follows_abort(Binder *binder, const Error *err) {
    if (!duck_follows_abort(err)) return false;
    binder->aborted = true;
    return true;
}

static void report(Binder *binder, const Step *step, const char *sql, Error *err) {
    if (follows_abort(binder, err)) return;
    /* Nothing runs yet. */
    if (err->code == ERR_STEP || err->code == ERR_CAST) err->code = ERR_QUERY;
    int64_t offset = duck_error_offset(binder->duck);
    const char *at = step->query.sql == NULL ? NULL : strstr(sql, step->query.sql);
    if (err->span.source == NULL) {
        err->span = step->span;
        if (at != NULL && offset >= at - sql &&
            offset <= at - sql + (int64_t)strlen(step->query.sql))
            err->span = sqltext_span(&step->query, offset - (at - sql));
    }
    snprintf(err->step, sizeof err->step, "%s", step->id);
    hint_own_table(step, err);
    hint_qualified(sql, offset, err);
    if (binder->plan->udfs != NULL) udf_hint_misspelt(binder->plan->udfs, err);
    diag_add(binder->diags, SEVERITY_ERROR, err);
}

static bool execute(Binder *binder, const Step *step, const char *sql) {
    Error err = {0};
    if (duck_exec(binder->duck, sql, NULL, &err)) return true;
    report(binder, step, sql, &err);
    return false;
}

static void make_opaque(Binder *binder, const TableName *table) {
    map_set(&binder->opaque, table->key, binder);
}

static void refuse_view(Binder *binder, const Step *step, const TableName *table) {
    diag_error(binder->diags, ERR_QUERY, step->target.span, "'%s' is a view: rows go into tables",
               table->name)
        ->hint = arena_printf(binder->arena, "give the table another name, or remove the view "
                                             "before: DROP VIEW IF EXISTS %s;", table->sql);
}

static void create_table(Binder *binder, const Step *step, const TableName *table,
                         const Columns *columns) {
    Buf sql = buf_on(binder->arena);
    buf_printf(&sql, "CREATE OR REPLACE TABLE %s(", table->sql);
    for (size_t i = 0; i < columns->count; i++)
        buf_printf(&sql, "%s%s %s", i > 0 ? ", " : "",
                   sql_ident(binder->arena, columns->items[i].name), columns->items[i].type);
    buf_putc(&sql, ')');
    Error err = {0};
    if (!duck_exec(binder->duck, buf_text(&sql), NULL, &err)) {
        /* To ask before costs more than to bind the query. */
        if (strstr(err.message, "is of type View") != NULL)
            refuse_view(binder, step, table);
        else
            report(binder, step, buf_text(&sql), &err);
        make_opaque(binder, table);
    }
    map_set(&binder->bound, table->key, binder);
}

/* Loading by file, the files need not have the same columns: the first stands for the table. */
static bool first_file_schema(Session *session, const Source *source, Columns *columns,
                              Error *err) {
    const Connector *connector = source->link.connector;
    FileEntries files = {0};
    if (!connector->files(session, &source->link, &files, err)) return false;
    if (files.count == 0) return connector->schema(session, &source->link, columns, err);
    Strings one = {0};
    strings_add(session->arena, &one, files.items[0].path);
    ReadSpec spec = {.files = &one};
    AUTO_RELATION relation = {0};
    return connector->relation(session, &source->link, &spec, &relation, err) &&
           duck_describe(session->duck, session->arena,
                         arena_printf(session->arena, "SELECT * FROM %s", relation.sql), columns,
                         err);
}

/* Columns of a source; false when they are not known (remote) or the source is broken. */
static bool source_columns(Binder *binder, const Source *source, Columns *columns) {
    const Connector *connector = source->link.connector;
    if (source->broken) return false;
    bool local = (connector->can & IS_LOCAL) != 0;
    if (!local && !binder->live) return false;
    Error err = {0};
    Diags unheard = diags_on(binder->arena); /* a run hears the source's warnings when it loads */
    Session session = {.arena = binder->arena, .duck = binder->duck,
                       .diags = binder->is_run ? &unheard : binder->diags,
                       .memo = binder->options->memo};
    Columns all = {0};
    bool known;
    if (source->incremental && source->cursor == NULL)
        known = first_file_schema(&session, source, &all, &err);
    else if (!source->incremental && binder->options->columns != NULL)
        known = binder->options->columns(binder->options->context, source, &all, &err);
    else
        known = connector->schema(&session, &source->link, &all, &err);
    if (!known) {
        if (err.code == ERR_FILE_MISSING && source->allow_empty) return false;
        if (follows_abort(binder, &err)) return false;
        if (err.span.source == NULL) err.span = source->span;
        diag_add(binder->diags, SEVERITY_ERROR, &err);
        return false;
    }
    for (size_t i = 0; i < source->columns.count; i++) {
        const Column *column = columns_find(&all, source->columns.items[i]);
        if (column != NULL) *LIST_PUSH(binder->arena, columns) = *column;
    }
    if (source->columns.count == 0) *columns = all;
    return columns->count > 0;
}

/* Makes the tables that a step reads exist; false when one of them has unknown columns. */
static bool provide_reads(Binder *binder, const Step *step) {
    bool known = true;
    for (size_t i = 0; i < step->reads.count; i++) {
        const TableName *read = &step->reads.items[i];
        if (map_has(&binder->opaque, read->key)) known = false;
        if (map_has(&binder->bound, read->key) || map_has(&binder->opaque, read->key)) continue;
        Columns columns = {0};
        const Source *source = read->schema != NULL
                                   ? NULL
                                   : map_get(&binder->plan->pipeline->source_by_name, read->name);
        if (source == NULL) continue;
        if (source_columns(binder, source, &columns)) {
            create_table(binder, step, read, &columns);
        } else {
            make_opaque(binder, read);
            known = false;
        }
    }
    return known;
}

/* A number for numeric cursors, else an interval, and not below zero: that would leave rows out. A
 * bound that cannot be computed would fail the second run only. The cursor may be NULL: its type is
 * not known yet. */
static void check_lookback(Binder *binder, const char *lookback, const Column *cursor, Span span) {
    if (lookback == NULL) return;
    const char *type = cursor == NULL ? "" : cursor->type;
    bool temporal = str_ieq(type, "DATE") || str_istarts(type, "TIMESTAMP");
    bool numeric = cursor != NULL && !temporal;
    const char *text = sql_literal(binder->arena, lookback);
    const char *sql = arena_printf(
        binder->arena,
        "SELECT coalesce(CASE WHEN TRY_CAST(%s AS DOUBLE) IS NOT NULL THEN TRY_CAST(%s AS DOUBLE) "
        ">= 0 AND %s ELSE TRY(CAST(%s AS INTERVAL)) >= INTERVAL '0 seconds' AND %s END, "
        "false)::INTEGER",
        text, text, temporal ? "false" : "true", text, numeric ? "false" : "true");
    int64_t fine = 0;
    Error err = {0};
    if (!str_ieq(type, "VARCHAR") && (!duck_int(binder->duck, sql, &fine, &err) || fine))
        return; /* what cannot be asked the run will tell */
    const char *of = cursor == NULL ? "" : arena_printf(binder->arena, " of a %s cursor", type);
    diag_error(binder->diags, ERR_OPTION_VALUE, span, "the lookback%s cannot be %s", of, lookback)
        ->hint = "give a number for numeric cursors, else an interval such as '2 days'";
}

static void check_keys(Binder *binder, const Step *step, const Columns *columns) {
    Strings names = columns_names(binder->arena, columns);
    for (size_t i = 0; i < step->keys.count; i++) {
        if (columns_find(columns, step->keys.items[i]) != NULL) continue;
        diag_error(binder->diags, ERR_MODE, step->mode_span, "the rows have no key column '%s'%s",
                   step->keys.items[i],
                   str_did_you_mean(binder->arena, step->keys.items[i], &names))
            ->hint = arena_printf(binder->arena, "the columns are: %s",
                                  strings_join(binder->arena, &names, ", "));
    }
    if (step->mode == MODE_INCREMENTAL && columns_find(columns, step->cursor) == NULL)
        diag_warning(binder->diags, WARN_INCREMENTAL_REBUILD, step->mode_span,
                     "'%s' is not in the query's output%s: table '%s' is rebuilt in every run",
                     step->cursor, str_did_you_mean(binder->arena, step->cursor, &names),
                     step->target.name)
            ->hint = "add the column to the SELECT list";
    if (step->mode == MODE_INCREMENTAL)
        check_lookback(binder, step->lookback, columns_find(columns, step->cursor),
                       step->mode_span);
}

static void check_source(Binder *binder, const Step *step, const Columns *columns) {
    const Source *source = step->source;
    if (source->incremental && source->cursor != NULL)
        check_lookback(binder, source->lookback, columns_find(columns, source->cursor),
                       link_span(&source->link, "lookback"));
    Strings names = columns_names(binder->arena, columns), wanted = {0};
    if (source->incremental && source->cursor != NULL)
        strings_add(binder->arena, &wanted, source->cursor);
    for (size_t i = 0; source->incremental && i < source->primary_key.count; i++)
        strings_add(binder->arena, &wanted, source->primary_key.items[i]);
    for (size_t i = 0; i < source->columns.count; i++)
        strings_add(binder->arena, &wanted, source->columns.items[i]);
    for (size_t i = 0; i < wanted.count; i++)
        if (columns_find(columns, wanted.items[i]) == NULL)
            diag_error(binder->diags, ERR_OPTION_VALUE, source->span,
                       "the source has no column '%s'%s", wanted.items[i],
                       str_did_you_mean(binder->arena, wanted.items[i], &names))
                ->hint = arena_printf(binder->arena, "its columns are: %s",
                                      strings_join(binder->arena, &names, ", "));
}

/* Does the step leave the table that is there, and its columns, as they are? */
static bool keeps_table(const Binder *binder, const Step *step) {
    bool incremental = step_is_incremental(step);
    if (incremental && binder->options->full_refresh) return false;
    return step->mode == MODE_NONE ? incremental || step->if_not_exists
                                   : step->mode != MODE_REPLACE;
}

/* Rows may bring new columns into a table that stays. Where the run may yet find that it must build
 * the table anew, with other types, its columns are not known. */
static void widen_table(Binder *binder, const Step *step, const Columns *rows, Columns *table) {
    bool may_rebuild = step_is_incremental(step);
    size_t before = table->count;
    for (size_t i = 0; i < rows->count; i++) {
        const Column *known = columns_find(table, rows->items[i].name);
        if (known == NULL)
            *LIST_PUSH(binder->arena, table) = rows->items[i];
        else if (may_rebuild && !str_eq(known->type, rows->items[i].type))
            make_opaque(binder, &step->target);
    }
    bool ignored = step->source != NULL && step->source->on_schema_change == SCHEMA_IGNORE;
    if (table->count > before && !ignored) create_table(binder, step, &step->target, table);
}

static bool is_view(const Binder *binder, const TableName *table) {
    Columns ignored = {0};
    Error err = {0};
    const char *sql = arena_printf(binder->arena, "DELETE FROM %s", table->sql);
    return !duck_describe(binder->duck, binder->arena, sql, &ignored, &err) &&
           strstr(err.message, "base table") != NULL;
}

/* The table after the step, which is given its rows' columns. */
static void bind_target(Binder *binder, const Step *step, const Columns *rows) {
    Columns table = {0};
    Error err = {0};
    if (keeps_table(binder, step) &&
        !duck_table_columns(binder->duck, binder->arena, step->target.schema, step->target.name,
                            &table, &err)) {
        report(binder, step, "", &err);
        make_opaque(binder, &step->target);
    } else if (table.count == 0) {
        create_table(binder, step, &step->target, rows);
    } else if (is_view(binder, &step->target)) {
        refuse_view(binder, step, &step->target);
        make_opaque(binder, &step->target);
    } else if (!step->if_not_exists) {
        widen_table(binder, step, rows, &table);
    }
    map_set(&binder->bound, step->target.key, binder);
}

static void bind_load(Binder *binder, const Step *step) {
    Columns columns = {0};
    if (!source_columns(binder, step->source, &columns)) {
        check_lookback(binder, step->source->lookback, NULL,
                       link_span(&step->source->link, "lookback"));
        make_opaque(binder, &step->target);
        return;
    }
    check_source(binder, step, &columns);
    check_keys(binder, step, &columns);
    bool by_file = step->source->incremental && step->source->cursor == NULL;
    if (by_file && step->mode != MODE_INCREMENTAL)
        *LIST_PUSH(binder->arena, &columns) = (Column){"_sqlflow_file", "VARCHAR"};
    bind_target(binder, step, &columns);
}

static const char *bindable(Binder *binder, const Step *step) {
    Window window = {"0001-01-01 00:00:00", clock_timestamp(binder->arena, clock_wall_us())};
    return step->mode == MODE_INCREMENTAL
               ? macros_expand(binder->arena, step->query.sql, &window)
               : step->query.sql;
}

static void bind_query(Binder *binder, const Step *step) {
    const char *query = bindable(binder, step);
    if (sql_has_pivot(query)) {
        make_opaque(binder, &step->target);
        return;
    }
    Columns columns = {0};
    Error err = {0};
    if (!duck_describe(binder->duck, binder->arena, query, &columns, &err)) {
        report(binder, step, query, &err);
        make_opaque(binder, &step->target);
        return;
    }
    check_keys(binder, step, &columns);
    if (step->temporary) {
        if (step->if_not_exists && map_has(&binder->bound, step->target.key)) return;
        const char *sql =
            arena_printf(binder->arena, "CREATE OR REPLACE TEMP TABLE %s AS SELECT * FROM (\n%s\n) "
                                        "LIMIT 0",
                         sql_ident(binder->arena, step->target.name), query);
        if (!execute(binder, step, sql)) make_opaque(binder, &step->target);
        map_set(&binder->bound, step->target.key, binder);
        return;
    }
    bind_target(binder, step, &columns);
}

/* Definitions are made for real, in the binder's own transaction; changes of rows are explained. */
static void bind_sql(Binder *binder, const Step *step) {
    bool known = true;
    for (size_t i = 0; i < step->writes.count; i++)
        if (map_has(&binder->opaque, step->writes.items[i].key)) known = false;
    const char *sql = step->query.sql;
    bool defines = sql_verb(step->sql.verb)->defines;
    /* Of an empty table a PIVOT makes no columns. */
    if (!defines && sql_has_pivot(sql)) known = false;
    if (!defines) sql = arena_printf(binder->arena, "EXPLAIN %s", sql);
    const char *room = sql_make_room(binder->arena, step);
    if (step->sql.verb == SQL_CREATE_SCHEMA && step->sql.targets.count == 1)
        sql = arena_printf(binder->arena, "CREATE SCHEMA IF NOT EXISTS %s",
                           step->sql.targets.items[0].sql);
    else if (room != NULL)
        sql = arena_printf(binder->arena, "%s; %s", room, sql);
    bool done = known && step->sql.verb != SQL_CREATE_INDEX && execute(binder, step, sql);
    for (size_t i = 0; i < step->writes.count; i++) {
        map_set(&binder->bound, step->writes.items[i].key, binder);
        if (!done && defines) make_opaque(binder, &step->writes.items[i]);
    }
}

/* Are the columns of its Python table functions known? None is called for this. */
static bool provide_functions(Binder *binder, const Step *step) {
    if (step->functions.count == 0) return true;
    if (binder->python == NULL) return false;
    bool known = true;
    Error err = {0};
    if (udf_prepare(binder->python, step->query.sql, &known, &err)) return known;
    report(binder, step, step->query.sql, &err);
    return false;
}

/* An assertion or export, of a query or of a table as it stands. */
static void bind_reader(Binder *binder, const Step *step) {
    Columns columns = {0};
    Error err = {0};
    const TableName *table = &step->target;
    if (step->query.sql == NULL) {
        if (!duck_table_columns(binder->duck, binder->arena, table->schema, table->name, &columns,
                                &err))
            return;
    } else if (sql_has_pivot(step->query.sql)) {
        return;
    } else if (!duck_describe(binder->duck, binder->arena, step->query.sql, &columns, &err)) {
        report(binder, step, step->query.sql, &err);
        return;
    }
    if (columns.count == 0) return;
    if (step->kind == STEP_EXPORT) bind_check_export(step, &columns, binder->arena, binder->diags);
    else bind_check_assert(step, &columns, binder->arena, binder->diags);
}

static void bind_step(Binder *binder, const Step *step) {
    if (step->kind == STEP_SOURCE) return;
    if (step->kind == STEP_LOAD && step->source != NULL) {
        bind_load(binder, step);
        return;
    }
    if (step->query.sql == NULL && (step->kind == STEP_LOAD || step->kind == STEP_TRANSFORM))
        make_opaque(binder, &step->target); /* of a source that does not exist */
    if (!provide_reads(binder, step) || !provide_functions(binder, step)) {
        check_lookback(binder, step->lookback, NULL, step->mode_span);
        for (size_t i = 0; i < step->writes.count; i++) make_opaque(binder, &step->writes.items[i]);
        return;
    }
    if (step->kind == STEP_SQL) {
        bind_sql(binder, step);
    } else if (step->kind == STEP_LOAD || step->kind == STEP_TRANSFORM) {
        if (step->query.sql != NULL) bind_query(binder, step);
    } else {
        bind_reader(binder, step);
    }
}

static bool is_read(const Plan *plan, const Source *source) {
    for (size_t i = 0; i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        if (step->kind != STEP_SOURCE && step->source == source) return true;
        for (size_t k = 0; k < step->reads.count; k++)
            if (step->reads.items[k].schema == NULL &&
                str_ieq(step->reads.items[k].name, source->name))
                return true;
    }
    return false;
}

/* Nothing fails for a source that no step reads, but its author may want to know of it. */
static void check_unread(Binder *binder, const Source *source) {
    const Connector *connector = source->link.connector;
    if (source->broken || (connector->can & IS_LOCAL) == 0 || is_read(binder->plan, source)) return;
    Error err = {0};
    Columns columns = {0};
    Diags unheard = diags_on(binder->arena);
    Session session = {.arena = binder->arena, .duck = binder->duck, .diags = &unheard};
    if (connector->schema(&session, &source->link, &columns, &err) ||
        (err.code == ERR_FILE_MISSING && source->allow_empty))
        return;
    if (err.span.source == NULL) err.span = source->span;
    error_prefix(&err, "nothing reads the source '%s', and nothing could: ", source->name);
    diag_add(binder->diags, SEVERITY_WARNING, &err);
}

void bind_once(const Plan *plan, const BindOptions *options, Diags *diags) {
    Binder binder = {.plan = plan, .duck = options->duck,
                     .live = options->live, .python = options->python,
                     .is_run = options->is_run, .options = options,
                     .arena = plan->pipeline->arena, .diags = diags};
    binder.opaque = map_on(binder.arena);
    binder.bound = map_on(binder.arena);
    for (size_t i = 0; i < options->externals->count; i++) {
        const struct External *external = &options->externals->items[i];
        map_set(external->missing ? &binder.opaque : &binder.bound, external->table.key, &binder);
    }
    Error err = {0};
    if (!duck_exec(binder.duck, "BEGIN", NULL, &err)) {
        diag_add(diags, SEVERITY_ERROR, &err);
        return;
    }
    for (size_t i = 0; i < plan->steps.count && !binder.aborted; i++)
        if (options->keep == NULL || options->keep[i]) bind_step(&binder, &plan->steps.items[i]);
    for (size_t i = 0; i < plan->pipeline->sources.count && !binder.is_run && !binder.aborted; i++)
        check_unread(&binder, plan->pipeline->sources.items[i]);
    udf_release(binder.python);
    if (!duck_exec(binder.duck, "ROLLBACK", NULL, &err)) diag_add(diags, SEVERITY_ERROR, &err);
}
