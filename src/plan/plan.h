/* Plan: what a run will do, in order. Engine-neutral: reads, writes, modes, keys, SQL text.
 *
 *   Pipeline → graph_build → Plan → (bind_types for validate) → run
 */
#ifndef SQLFLOW_PLAN_PLAN_H
#define SQLFLOW_PLAN_PLAN_H

#include "engine/duck.h"
#include "plan/pipeline.h"
#include "udf/udf.h"

typedef struct Plan {
    const Pipeline *pipeline;
    Steps steps; /* in run order; ids, reads, writes and depends filled */
    const char *hash; /* of the steps' contents: changes when the pipeline does */
    Udfs *udfs;       /* Python functions; NULL: none are looked for */
} Plan;

/* Finds what every step reads and writes, orders the steps, names them. `duck` parses queries (a
 * bare one will do); `udfs` (may be NULL) knows the project's Python functions. Problems go to
 * diags; then the plan may be incomplete. */
void graph_build(const Pipeline *pipeline, Duck *duck, Udfs *udfs, Plan *plan, Diags *diags);

/* Tables that steps read or change, no step makes and no source is named like: they must be in the
 * run's database from before. */
typedef struct Externals {
    struct External {
        TableName table;
        bool missing; /* found nowhere, and reported */
    } *items;
    size_t count, capacity;
} Externals;

/* Of the steps that are kept; NULL: of all. */
Externals plan_externals(const Plan *plan, const bool *keep);
/* Looks them up in duck's current database; reports those that are not there. */
void plan_find_externals(const Plan *plan, Duck *duck, Externals *externals, Diags *diags);

typedef struct BindOptions {
    Duck *duck; /* has what earlier runs made; works in a transaction of it that is rolled back */
    const Externals *externals;
    bool live;        /* ask remote sources for their columns, too */
    bool is_run;      /* Python tables are not computed */
    bool full_refresh; /* incremental targets are built anew */
    const bool *keep; /* steps to bind; NULL: all */
    UdfSession *python; /* NULL: no functions */
    /* How the run learns the columns of a source that it reads in full, so that it need not look at
     * the files again then; NULL: the connector's schema(). */
    bool (*columns)(void *context, const Source *source, Columns *columns, Error *err);
    void *context;
    Map *memo; /* of the run's sessions; may be NULL */
} BindOptions;

/* Binds every query against empty tables: types, columns, functions, and local files sniffed. */
void bind_types(const Plan *plan, const BindOptions *options, Diags *diags);

/* ERR_UNKNOWN_STEP with the nearest step and all there are; returns false. */
bool plan_no_step(const Plan *plan, Arena *arena, const char *id, Error *err);
/* Steps picked by --select/--exclude ("id", "+id", "id+", comma separated); keep[i] for each step.
 * NULL lists pick everything. false with err: ERR_UNKNOWN_STEP for an unknown id, ERR_USAGE when no
 * step is left. */
bool plan_select(const Plan *plan, Arena *arena, const char *select, const char *exclude,
                 bool **keep, Error *err);

/* Pipelines are run again and again: what is dropped before a plain CREATE of a table, view, macro
 * or type, so that it is made anew; NULL when nothing. */
const char *sql_make_room(Arena *arena, const Step *step);

/* May the query be a dynamic PIVOT? To DuckDB that is several statements: it cannot stand inside
 * another query. */
bool sql_has_pivot(const char *sql);

size_t plan_find(const Plan *plan, const char *id); /* index, or SIZE_MAX */
const char *step_kind_name(StepKind kind); /* "source_definition", "load", "transform", … */
const char *mode_name(ModeKind mode);      /* "replace", …; NULL for MODE_NONE */

/* The compile document of cli.md. */
void plan_json(const Plan *plan, Buf *out);
/* The DAG as text, dot or mermaid. */
void plan_graph_text(const Plan *plan, Buf *out);
void plan_graph_dot(const Plan *plan, Buf *out);
void plan_graph_mermaid(const Plan *plan, Buf *out);
/* The final SQL of each step, with its id as a comment. */
void plan_sql_text(const Plan *plan, Buf *out);

#endif
