/* The graph: who waits for whom, in which order steps run, what they are called.
 * Works on what reads.c found; knows nothing of connectors or of DuckDB beyond its parser. */
#include "base/fs.h"
#include "base/map.h"
#include "plan/plan.h"
#include "plan/reads.h"

#include <stdlib.h>
#include <string.h>

/* What the file so far has done to one table. */
typedef struct TableHistory {
    size_t last_writer;       /* SIZE_MAX: none yet */
    Indexes readers;          /* bound to the last writer */
    Indexes waiting;          /* readers that came before any writer */
    const Step *plain_create; /* CREATE TABLE without OR REPLACE, MODE, IF NOT EXISTS */
} TableHistory;

typedef struct Graph {
    Arena *arena;
    Step *steps; /* in file order */
    size_t count;
    const Pipeline *pipeline;
    Map tables; /* key → TableHistory * */
    Map source_steps; /* source name → Step * */
    Diags *diags;
} Graph;

static void depend(Graph *graph, size_t step, size_t on) {
    if (step == on) return;
    *LIST_PUSH(graph->arena, &graph->steps[step].depends) = on;
}

static TableHistory *history(Graph *graph, const char *key) {
    TableHistory *found = map_get(&graph->tables, key);
    if (found != NULL) return found;
    found = ARENA_NEW(graph->arena, TableHistory);
    found->last_writer = SIZE_MAX;
    map_set(&graph->tables, key, found);
    return found;
}

static bool is_drop(const Step *step) {
    return step->kind == STEP_SQL && step->sql.verb == SQL_DROP;
}

static bool is_plain_create(const Step *step) {
    if (step->kind == STEP_SQL) return step->sql.verb == SQL_CREATE_TABLE;
    return step->kind == STEP_TRANSFORM && !step->or_replace && !step->if_not_exists &&
           step->mode == MODE_NONE;
}

static void check_defined_once(Graph *graph, TableHistory *table, const Step *step,
                               const TableName *name) {
    if (is_drop(step)) table->plain_create = NULL;
    if (!is_plain_create(step)) return;
    if (step->kind == STEP_SQL && (step->or_replace || step->if_not_exists)) return;
    if (table->plain_create != NULL) {
        Position first = span_position(table->plain_create->span);
        diag_error(graph->diags, ERR_DUPLICATE_DEFINITION, name->span,
                   "table '%s' is already created at line %u", name->name, first.line)
            ->hint = "write CREATE OR REPLACE TABLE, or give it a MODE, to write it again";
    }
    table->plain_create = step;
}

static void bind_reader(Graph *graph, size_t reader, const TableName *name) {
    TableHistory *table = history(graph, name->key);
    if (table->last_writer == SIZE_MAX) {
        *LIST_PUSH(graph->arena, &table->waiting) = reader;
        return;
    }
    depend(graph, reader, table->last_writer);
    *LIST_PUSH(graph->arena, &table->readers) = reader;
}

/* A query that reads the name of a source and makes the first table of that name: it would read
 * the source until the table is there, and the table from then on. */
static void check_reads_itself(Graph *graph, const Step *step, const TableName *name) {
    if (step->kind != STEP_TRANSFORM || name->schema != NULL ||
        !map_has(&graph->source_steps, name->name) || !tables_has(&step->reads, name->key))
        return;
    diag_error(graph->diags, ERR_DUPLICATE_DEFINITION, name->span,
               "'%s' is a source and the table that this query makes from it", name->name)
        ->hint = "give one of them another name, or LOAD the source into the table before";
}

static void bind_writer(Graph *graph, size_t writer, const TableName *name) {
    const Step *step = &graph->steps[writer];
    TableHistory *table = history(graph, name->key);
    check_defined_once(graph, table, step, name);
    if (table->last_writer != SIZE_MAX) {
        depend(graph, writer, table->last_writer);
        for (size_t i = 0; i < table->readers.count; i++)
            depend(graph, writer, table->readers.items[i]);
        table->readers.count = 0;
    } else {
        check_reads_itself(graph, step, name);
    }
    /* Readers that came first want this table's definition; but a DROP defines nothing, so it
     * waits for them, and a step that writes the table itself never waits for a later writer. */
    for (size_t i = 0; i < table->waiting.count; i++) {
        size_t reader = table->waiting.items[i];
        if (is_drop(step) || tables_has(&graph->steps[reader].writes, name->key)) {
            depend(graph, writer, reader);
        } else {
            depend(graph, reader, writer);
            *LIST_PUSH(graph->arena, &table->readers) = reader;
        }
    }
    table->waiting.count = 0;
    table->last_writer = writer;
}

static void bind_all(Graph *graph) {
    size_t barrier = SIZE_MAX;
    for (size_t i = 0; i < graph->count; i++) {
        Step *step = &graph->steps[i];
        for (size_t k = 0; k < step->reads.count; k++) bind_reader(graph, i, &step->reads.items[k]);
        for (size_t k = 0; k < step->writes.count; k++)
            bind_writer(graph, i, &step->writes.items[k]);
        if (barrier != SIZE_MAX) depend(graph, i, barrier);
        if (step_is_barrier(step)) barrier = i;
    }
}

/* LOAD waits for its SOURCE; so does a query that uses a source's name as a table. */
static void bind_sources(Graph *graph) {
    for (size_t i = 0; i < graph->count; i++) {
        Step *step = &graph->steps[i];
        if (step->kind == STEP_LOAD && step->source != NULL) {
            Step *source = map_get(&graph->source_steps, step->source->name);
            if (source != NULL) depend(graph, i, (size_t)(source - graph->steps));
        }
        for (size_t k = 0; k < step->reads.count; k++) {
            const TableName *read = &step->reads.items[k];
            const TableHistory *table = map_get(&graph->tables, read->key);
            if (read->schema != NULL || table->last_writer != SIZE_MAX) continue;
            Step *source = map_get(&graph->source_steps, read->name);
            if (source != NULL) depend(graph, i, (size_t)(source - graph->steps));
        }
    }
}

/* Where an export goes, so that two spellings of one place are equal. */
static const char *destination_key(Arena *arena, const Step *step) {
    const char *where = step->export.destination;
    if (step->export.connection != NULL)
        return str_lower(arena, arena_printf(arena, "%s\n%s", step->export.connection, where));
    return strstr(where, "://") != NULL ? where : fs_real(arena, where);
}

/* The export whose destination `key` lies in: its folder is replaced as a whole. */
static const Step *around(const Graph *graph, const Map *seen, const char *key) {
    while (strstr(key, "://") == NULL && strlen(key) > 1 && *key == '/') {
        key = fs_dirname(graph->arena, key);
        const Step *outer = map_get(seen, key);
        if (outer != NULL) return outer;
    }
    return NULL;
}

static void check_nesting(Graph *graph, const Map *seen) {
    for (size_t i = 0; i < graph->count; i++) {
        const Step *step = &graph->steps[i];
        if (step->kind != STEP_EXPORT || step->export.destination == NULL) continue;
        const Step *outer = around(graph, seen, destination_key(graph->arena, step));
        if (outer != NULL)
            diag_error(graph->diags, ERR_DUPLICATE_EXPORT, step->span,
                       "'%s' is inside of '%s', which the export at line %u writes as a whole",
                       step->export.destination, outer->export.destination,
                       span_position(outer->span).line)
                ->hint = "give each export a destination of its own";
    }
}

static void check_destinations(Graph *graph) {
    Map seen = map_exact_on(graph->arena); /* names of files differ in case */
    for (size_t i = 0; i < graph->count; i++) {
        const Step *step = &graph->steps[i];
        if (step->kind != STEP_EXPORT || step->export.destination == NULL) continue;
        const char *key = destination_key(graph->arena, step);
        const Step *earlier = map_get(&seen, key);
        if (earlier != NULL)
            diag_error(graph->diags, ERR_DUPLICATE_EXPORT, step->span,
                       "the export at line %u already writes '%s'",
                       span_position(earlier->span).line, step->export.destination)
                ->hint = "give each export a destination of its own";
        map_set(&seen, key, &graph->steps[i]);
    }
    check_nesting(graph, &seen);
}

static int by_value(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

static void sort_unique(Indexes *list) {
    if (list->count < 2) return;
    qsort(list->items, list->count, sizeof(size_t), by_value);
    size_t kept = 1;
    for (size_t i = 1; i < list->count; i++)
        if (list->items[i] != list->items[kept - 1]) list->items[kept++] = list->items[i];
    list->count = kept;
}

/* How a step is called in a cycle: the table it defines, else its id. */
static const char *cycle_name(Arena *arena, const Step *step) {
    bool defines = step->kind == STEP_LOAD || step->kind == STEP_TRANSFORM;
    return arena_printf(arena, "%s (line %u)", defines ? step->target.name : step->id,
                        span_position(step->span).line);
}

/* `start` lies on or leads into a cycle of unplaced steps: walk back until one repeats. */
static void report_cycle(Graph *graph, const bool *placed, size_t start) {
    size_t *visit = ARENA_ARRAY(graph->arena, size_t, graph->count);
    size_t *path = ARENA_ARRAY(graph->arena, size_t, graph->count + 1);
    size_t length = 0, at = start;
    while (visit[at] == 0) {
        visit[at] = ++length;
        path[length - 1] = at;
        const Indexes *depends = &graph->steps[at].depends;
        size_t next = at;
        for (size_t i = 0; i < depends->count && next == at; i++)
            if (!placed[depends->items[i]]) next = depends->items[i];
        if (next == at) return;
        at = next;
    }
    size_t from = visit[at] - 1, first = from;
    for (size_t i = from; i < length; i++)
        if (path[i] < path[first]) first = i;
    Buf text = buf_on(graph->arena);
    size_t size = length - from;
    for (size_t i = 0; i <= size; i++) {
        const Step *step = &graph->steps[path[from + (first - from + i) % size]];
        const char *name = cycle_name(graph->arena, step);
        if (i > 0) buf_puts(&text, " → ");
        if (i < size)
            buf_puts(&text, name);
        else
            buf_put(&text, name, (size_t)(strrchr(name, '(') - name - 1));
    }
    diag_error(graph->diags, ERR_CYCLE, graph->steps[path[first]].span, "cycle: %s",
               buf_text(&text))
        ->hint = "let one of them read something else, or split it into two steps";
}

/* A binary min-heap of step indexes: ties in the order go by place in the file. */
typedef struct Heap {
    size_t *items, count;
} Heap;

static void heap_push(Heap *heap, size_t value) {
    size_t i = heap->count++;
    for (; i > 0 && heap->items[(i - 1) / 2] > value; i = (i - 1) / 2)
        heap->items[i] = heap->items[(i - 1) / 2];
    heap->items[i] = value;
}

static size_t heap_pop(Heap *heap) {
    size_t top = heap->items[0], last = heap->items[--heap->count], i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= heap->count) break;
        if (child + 1 < heap->count && heap->items[child + 1] < heap->items[child]) child++;
        if (heap->items[child] >= last) break;
        heap->items[i] = heap->items[child];
        i = child;
    }
    heap->items[i] = last;
    return top;
}

/* Kahn's algorithm; order[k] is the k-th step to run. Returns how many could be placed. */
static size_t order_steps(Graph *graph, size_t *order, bool *placed) {
    size_t n = graph->count, done = 0;
    size_t *missing = ARENA_ARRAY(graph->arena, size_t, n + 1);
    Indexes *followers = ARENA_ARRAY(graph->arena, Indexes, n + 1);
    Heap ready = {ARENA_ARRAY(graph->arena, size_t, n + 1), 0};
    for (size_t i = 0; i < n; i++) {
        missing[i] = graph->steps[i].depends.count;
        for (size_t k = 0; k < missing[i]; k++)
            *LIST_PUSH(graph->arena, &followers[graph->steps[i].depends.items[k]]) = i;
        if (missing[i] == 0) heap_push(&ready, i);
    }
    while (ready.count > 0) {
        size_t step = heap_pop(&ready);
        order[done++] = step;
        placed[step] = true;
        for (size_t k = 0; k < followers[step].count; k++)
            if (--missing[followers[step].items[k]] == 0)
                heap_push(&ready, followers[step].items[k]);
    }
    return done;
}

static const char *table_text(Arena *arena, const TableName *table) {
    if (table->name == NULL) return "query";
    return table->schema == NULL || str_ieq(table->schema, "main")
               ? table->name
               : arena_printf(arena, "%s.%s", table->schema, table->name);
}

static const char *base_id(Arena *arena, const Step *step) {
    const char *target = table_text(arena, &step->target);
    switch (step->kind) {
        case STEP_SOURCE: return arena_printf(arena, "source_%s", step->name);
        case STEP_LOAD: return arena_printf(arena, "load_%s", target);
        case STEP_TRANSFORM: return arena_printf(arena, "transform_%s", target);
        case STEP_EXPORT: {
            const Connector *connector = step->export.link.connector;
            if (step->query.sql != NULL)
                target = step->reads.count > 0 ? table_text(arena, &step->reads.items[0]) : "query";
            return arena_printf(arena, "export_%s_%s",
                                connector == NULL ? "unknown" : connector->name, target);
        }
        case STEP_ASSERT:
            if (step->assertion.kind == ASSERT_UNIQUE)
                return arena_printf(arena, "assert_unique_%s", target);
            if (step->assertion.kind == ASSERT_NOT_NULL)
                return arena_printf(arena, "assert_not_null_%s", target);
            return arena_printf(arena, "assert_%s", step->name);
        case STEP_SQL:
            return arena_printf(arena, "sql_%s_%s", sql_verb(step->sql.verb)->word,
                                step->target.name == NULL && step->name != NULL ? step->name
                                                                                : target);
    }
    return "step";
}

static void name_steps(Graph *graph) {
    Map used = map_on(graph->arena); /* id → how often it was asked for */
    for (size_t i = 0; i < graph->count; i++) {
        const char *base = base_id(graph->arena, &graph->steps[i]), *id = base;
        uintptr_t n = (uintptr_t)map_get(&used, base);
        while (map_has(&used, id)) id = arena_printf(graph->arena, "%s_%zu", base, (size_t)++n);
        map_set(&used, base, (void *)(n == 0 ? 1 : n));
        if (id != base) map_set(&used, id, (void *)1);
        graph->steps[i].id = id;
    }
}

/* Puts the steps into run order and makes `depends` point into it. */
static void fill_plan(Graph *graph, const size_t *order, size_t placed, Plan *plan) {
    size_t *where = ARENA_ARRAY(graph->arena, size_t, graph->count + 1);
    for (size_t k = 0; k < placed; k++) where[order[k]] = k;
    plan->steps.items = ARENA_ARRAY(graph->arena, Step, placed + 1);
    plan->steps.count = plan->steps.capacity = placed;
    for (size_t k = 0; k < placed; k++) {
        Step *step = &plan->steps.items[k];
        *step = graph->steps[order[k]];
        for (size_t d = 0; d < step->depends.count; d++)
            step->depends.items[d] = where[step->depends.items[d]];
        sort_unique(&step->depends);
    }
}

static void hash_text(uint64_t *hash, const char *text) {
    for (const char *c = text == NULL ? "" : text; *c; c++)
        *hash = (*hash ^ (unsigned char)*c) * 1099511628211u;
    *hash = (*hash ^ 0x1Fu) * 1099511628211u;
}

static const char *plan_hash(const Plan *plan, Arena *arena) {
    uint64_t hash = 1469598103934665603u;
    for (size_t i = 0; i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        hash_text(&hash, step->id);
        hash_text(&hash, span_text(arena, step->span));
    }
    return arena_printf(arena, "%016llx", (unsigned long long)hash);
}

void graph_build(const Pipeline *pipeline, Duck *duck, Udfs *udfs, Plan *plan, Diags *diags) {
    Graph graph = {.arena = pipeline->arena, .count = pipeline->steps.count,
                   .pipeline = pipeline, .diags = diags};
    graph.tables = map_on(graph.arena);
    graph.source_steps = map_on(graph.arena);
    graph.steps = arena_grow(graph.arena, pipeline->steps.items, graph.count, graph.count + 1,
                             sizeof(Step));
    for (size_t i = 0; i < graph.count; i++) {
        step_tables(graph.arena, duck, udfs, &graph.steps[i], diags);
        if (graph.steps[i].kind == STEP_SOURCE)
            map_set(&graph.source_steps, graph.steps[i].source->name, &graph.steps[i]);
    }
    bind_all(&graph);
    bind_sources(&graph);
    check_destinations(&graph);
    name_steps(&graph);
    for (size_t i = 0; i < graph.count; i++) sort_unique(&graph.steps[i].depends);
    size_t *order = ARENA_ARRAY(graph.arena, size_t, graph.count + 1);
    bool *placed = ARENA_ARRAY(graph.arena, bool, graph.count + 1);
    size_t done = order_steps(&graph, order, placed);
    for (size_t i = 0; done < graph.count && i < graph.count; i++) {
        if (placed[i]) continue;
        report_cycle(&graph, placed, i);
        break;
    }
    *plan = (Plan){.pipeline = pipeline, .udfs = udfs};
    fill_plan(&graph, order, done, plan);
    plan->hash = plan_hash(plan, graph.arena);
}
