/* Python functions in a step's SQL. See python.h. */
#include "plan/python.h"

#include <string.h>

typedef struct SqlSegment SqlSegment;

typedef struct Segments {
    SqlSegment *items;
    size_t count, capacity;
} Segments;

static const SqlSegment *segment_at(const SqlText *text, size_t offset) {
    const SqlSegment *found = NULL;
    for (size_t i = 0; i < text->segment_count && text->segments[i].sql_start <= offset; i++)
        found = &text->segments[i];
    return found;
}

static uint32_t file_offset(const SqlText *text, size_t offset) {
    const SqlSegment *segment = segment_at(text, offset);
    if (segment == NULL) return text->span.start;
    return segment->substituted ? segment->file_start
                                : segment->file_start + (uint32_t)(offset - segment->sql_start);
}

/* The mapping of old bytes [from, to), which now stand at `at`. */
static void keep_segments(Arena *arena, const SqlText *text, size_t from, size_t to, size_t at,
                          Segments *out) {
    const SqlSegment *first = segment_at(text, from);
    *LIST_PUSH(arena, out) = (SqlSegment){(uint32_t)at, file_offset(text, from),
                                          first != NULL && first->substituted};
    for (size_t i = 0; i < text->segment_count; i++) {
        const SqlSegment *segment = &text->segments[i];
        if (segment->sql_start > from && segment->sql_start < to)
            *LIST_PUSH(arena, out) = (SqlSegment){(uint32_t)(at + segment->sql_start - from),
                                                  segment->file_start, segment->substituted};
    }
}

static SqlText edited(Arena *arena, const SqlText *text, const UdfRewrite *rewrite) {
    Segments segments = {0};
    size_t copied = 0, at = 0;
    for (size_t i = 0; i < rewrite->edits.count; i++) {
        const UdfEdit *edit = &rewrite->edits.items[i];
        if (edit->start > copied) keep_segments(arena, text, copied, edit->start, at, &segments);
        at += edit->start - copied;
        *LIST_PUSH(arena, &segments) =
            (SqlSegment){(uint32_t)at, file_offset(text, edit->start), true};
        at += strlen(edit->text);
        copied = edit->end;
    }
    keep_segments(arena, text, copied, strlen(text->sql) + 1, at, &segments);
    return (SqlText){rewrite->sql, text->span, segments.items, segments.count};
}

/* The functions are DuckDB's only while a pipeline runs that uses them. What is created with their
 * calls inside stays in the database. */
static void check_stored(Udfs *udfs, const Step *step, Diags *diags) {
    const char *sql = step->query.sql;
    if (step->kind != STEP_SQL || step->functions.count == 0 ||
        (!str_istarts(sql, "CREATE") && !str_istarts(sql, "ALTER")) ||
        str_istarts(sql, "CREATE TEMP"))
        return;
    for (size_t i = 0; i < step->functions.count; i++) {
        Error ignored;
        const Udf *udf = udfs_find(udfs, step->functions.items[i], &ignored);
        if (udf == NULL || udf->kind != UDF_TABLE) continue;
        diag_error(diags, ERR_QUERY, step->query.span,
                   "%s runs before a statement, so that no view or macro can call it",
                   udf->full_name)
            ->hint = "store its rows: CREATE TABLE … AS SELECT … FROM …";
        return;
    }
    diag_warning(diags, ERR_UDF, step->query.span,
                 "this keeps a call of the Python function %s, which only pipelines that use it "
                 "know: anywhere else it fails",
                 step->functions.items[0])
        ->hint = "store the values: CREATE TABLE … AS SELECT …";
}

void step_rewrite_python(Arena *arena, Udfs *udfs, Duck *duck, Step *step, Diags *diags) {
    if (udfs == NULL || step->query.sql == NULL) return;
    UdfRewrite rewrite = {0};
    udf_rewrite(udfs, duck, step->query.sql, &rewrite);
    for (size_t i = 0; i < rewrite.issues.count; i++) {
        UdfIssue *issue = &rewrite.issues.items[i];
        Span first = sqltext_span(&step->query, (int64_t)issue->start);
        Span last = sqltext_span(&step->query,
                                 (int64_t)(issue->end > issue->start ? issue->end - 1
                                                                     : issue->start));
        issue->error.span = span_join(first, last);
        diag_add(diags, issue->severity, &issue->error);
    }
    step->functions = rewrite.functions;
    check_stored(udfs, step, diags);
    if (rewrite.edits.count > 0) step->query = edited(arena, &step->query, &rewrite);
}

/* Binds again with the calls [from, to) taken the other way round; they stay so when it has fewer
 * errors. */
static void bind_otherwise(const Plan *plan, const BindOptions *options, size_t from, size_t to,
                           Diags *best) {
    Diags other = diags_on(best->arena);
    for (size_t i = from; i < to; i++) udf_hand_on(options->python, i);
    bind_once(plan, options, &other);
    bool is_better = other.errors < best->errors;
    if (is_better) *best = other;
    for (size_t i = from; i < to && !is_better; i++) udf_hand_on(options->python, i);
}

/* What a table function hands on of its input is known only when it runs. An error that is none
 * when some hand on nothing is none. */
void bind_types(const Plan *plan, const BindOptions *options, Diags *diags) {
    Diags best = diags_on(diags->arena);
    bind_once(plan, options, &best);
    size_t calls = options->python == NULL ? 0 : udf_calls(options->python), handing = 0;
    for (size_t i = 0; i < calls; i++) handing += udf_hands_on(options->python, i);
    if (best.errors > 0 && handing > 1) bind_otherwise(plan, options, 0, calls, &best);
    for (size_t i = 0; i < calls && best.errors > 0; i++)
        if (udf_hands_on(options->python, i)) bind_otherwise(plan, options, i, i + 1, &best);
    diags_copy(diags, &best);
}
