/* Documents and pictures of a plan: the compile document, SQL text, the DAG as text, dot and
 * mermaid. */
#include "base/json.h"
#include "base/redact.h"
#include "plan/plan.h"

#include <string.h>

const char *step_kind_name(StepKind kind) {
    switch (kind) {
        case STEP_SOURCE: return "source_definition";
        case STEP_LOAD: return "load";
        case STEP_TRANSFORM: return "transform";
        case STEP_EXPORT: return "export";
        case STEP_ASSERT: return "assert";
        case STEP_SQL: return "sql";
    }
    return "step";
}

const char *mode_name(ModeKind mode) {
    switch (mode) {
        case MODE_NONE: return NULL;
        case MODE_REPLACE: return "replace";
        case MODE_APPEND: return "append";
        case MODE_UPSERT: return "upsert";
        case MODE_INCREMENTAL: return "incremental";
    }
    return NULL;
}

static const char *table_text(Arena *arena, const TableName *table) {
    return table->schema == NULL || str_ieq(table->schema, "main")
               ? table->name
               : arena_printf(arena, "%s.%s", table->schema, table->name);
}

static void json_tables(JsonWriter *json, Arena *arena, const char *key, const Tables *tables) {
    json_array(json, key);
    for (size_t i = 0; i < tables->count; i++)
        json_string(json, NULL, table_text(arena, &tables->items[i]));
    json_end(json);
}

static void json_strings(JsonWriter *json, const char *key, const Strings *list) {
    json_array(json, key);
    for (size_t i = 0; i < list->count; i++) json_string(json, NULL, list->items[i]);
    json_end(json);
}

static void json_secretless(JsonWriter *json, Arena *arena, const char *key, const char *text) {
    json_string(json, key, text == NULL ? NULL : redact_text(arena, text));
}

static void step_json(JsonWriter *json, Arena *arena, const Plan *plan, const Step *step) {
    json_object(json, NULL);
    json_string(json, "id", step->id);
    json_string(json, "type", step_kind_name(step->kind));
    json_string(json, "name", step->name != NULL ? step->name : step->target.name);
    json_array(json, "depends_on");
    for (size_t i = 0; i < step->depends.count; i++)
        json_string(json, NULL, plan->steps.items[step->depends.items[i]].id);
    json_end(json);
    json_tables(json, arena, "reads", &step->reads);
    json_tables(json, arena, "writes", &step->writes);
    json_string(json, "mode", mode_name(step->mode));
    json_strings(json, "keys", &step->keys);
    json_secretless(json, arena, "query", step->query.sql);
    if (step->cursor != NULL) json_string(json, "cursor", step->cursor);
    if (step->lookback != NULL) json_string(json, "lookback", step->lookback);
    const Source *source = step->source;
    if (source != NULL) {
        json_string(json, "source", source->name);
        json_string(json, "connector", source->link.connector->name);
        if (step->kind == STEP_SOURCE)
            json_raw(json, "options", link_json(arena, &source->link));
    }
    if (step->kind == STEP_EXPORT) {
        json_secretless(json, arena, "destination", step->export.destination);
        json_string(json, "connection", step->export.connection);
        if (step->export.link.connector != NULL) {
            json_string(json, "connector", step->export.link.connector->name);
            json_raw(json, "options", link_json(arena, &step->export.link));
        }
    }
    if (step->kind == STEP_ASSERT) {
        json_string(json, "severity", step->assertion.warn ? "warning" : "error");
        json_strings(json, "columns", &step->assertion.columns);
    }
    json_int(json, "line", span_position(step->span).line);
    json_end(json);
}

void plan_json(const Plan *plan, Buf *out) {
    Arena *arena = out->arena;
    JsonWriter json = json_writer(out, true);
    json_object(&json, NULL);
    json_int(&json, "schema_version", 1);
    json_string(&json, "pipeline_name", plan->pipeline->name);
    json_string(&json, "pipeline_hash", plan->hash);
    json_int(&json, "operation_count", (long long)plan->steps.count);
    json_array(&json, "operations");
    for (size_t i = 0; i < plan->steps.count; i++)
        step_json(&json, arena, plan, &plan->steps.items[i]);
    json_end(&json);
    json_end(&json);
    buf_putc(out, '\n');
}

void plan_sql_text(const Plan *plan, Buf *out) {
    for (size_t i = 0; i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        if (step->query.sql == NULL) continue;
        buf_printf(out, "-- %s\n%s;\n\n", step->id, redact_text(out->arena, step->query.sql));
    }
}

static size_t id_width(const Step *step) { return utf8_length(step->id, strlen(step->id)); }

void plan_graph_text(const Plan *plan, Buf *out) {
    size_t width = 0;
    for (size_t i = 0; i < plan->steps.count; i++) {
        size_t length = id_width(&plan->steps.items[i]);
        if (length > width) width = length;
    }
    for (size_t i = 0; i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        buf_printf(out, "%3zu  ", i + 1);
        if (step->depends.count == 0) {
            buf_printf(out, "%s\n", step->id);
            continue;
        }
        buf_printf(out, "%s%*s  ← ", step->id, (int)(width - id_width(step)), "");
        for (size_t k = 0; k < step->depends.count; k++)
            buf_printf(out, "%s%s", k > 0 ? ", " : "",
                       plan->steps.items[step->depends.items[k]].id);
        buf_putc(out, '\n');
    }
}

/* DOT escapes a quote with a backslash, unlike SQL. */
static void dot_id(Buf *out, const char *name) {
    const char *slashes = str_replace(out->arena, name, "\\", "\\\\");
    buf_printf(out, "\"%s\"", str_replace(out->arena, slashes, "\"", "\\\""));
}

void plan_graph_dot(const Plan *plan, Buf *out) {
    buf_puts(out, "digraph ");
    dot_id(out, plan->pipeline->name);
    buf_puts(out, " {\n  rankdir=LR;\n  node [shape=box];\n");
    for (size_t i = 0; i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        buf_puts(out, "  ");
        dot_id(out, step->id);
        buf_puts(out, ";\n");
        for (size_t k = 0; k < step->depends.count; k++) {
            buf_puts(out, "  ");
            dot_id(out, plan->steps.items[step->depends.items[k]].id);
            buf_puts(out, " -> ");
            dot_id(out, step->id);
            buf_puts(out, ";\n");
        }
    }
    buf_puts(out, "}\n");
}

void plan_graph_mermaid(const Plan *plan, Buf *out) {
    buf_puts(out, "flowchart LR\n");
    for (size_t i = 0; i < plan->steps.count; i++) {
        const Step *step = &plan->steps.items[i];
        buf_printf(out, "  s%zu[\"%s\"]\n", i + 1,
                   str_replace(out->arena, step->id, "\"", "#quot;"));
        for (size_t k = 0; k < step->depends.count; k++)
            buf_printf(out, "  s%zu --> s%zu\n", step->depends.items[k] + 1, i + 1);
    }
}
