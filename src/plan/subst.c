/* Substitution outside SQL: look-ups, texts, names, JSON values, SET. See subst.h; SQL is
 * subst_sql.c's business. */
#include "plan/subst.h"

#include <string.h>

#include "lang/name.h"

Subst subst_new(Arena *arena, const Vars *vars, const Script *script, Diags *diags) {
    Subst subst = {.arena = arena,
                   .vars = vars,
                   .diags = diags,
                   .unknown = map_on(arena),
                   .without = map_on(arena),
                   .aliased = map_on(arena),
                   .aliases = map_on(arena)};
    for (size_t i = 0; script != NULL && i < script->aliases.count; i++) {
        IncludeAlias *alias = &script->aliases.items[i];
        map_set(&subst.aliases, alias->alias, alias);
        for (size_t j = 0; j < alias->names.count; j++) {
            Strings parts;
            if (!name_split(arena, alias->names.items[j], &parts)) continue;
            const char *name = strings_join(arena, &parts, ".");
            map_set(&subst.aliased, arena_printf(arena, "%s.%s", alias->alias, name), alias);
        }
    }
    return subst;
}

static bool same_span(Span a, Span b) { return a.source == b.source && a.start == b.start; }

static Unknown *note_unknown(Subst *subst, const char *name, Span span) {
    Unknown *unknown = map_get(&subst->unknown, name);
    if (unknown == NULL) {
        unknown = ARENA_NEW(subst->arena, Unknown);
        unknown->name = name;
        map_set(&subst->unknown, name, unknown);
    }
    /* A statement's target is substituted by itself and as a part of its SQL. */
    for (size_t i = unknown->uses.count; i > 0 && i + 8 > unknown->uses.count; i--)
        if (same_span(unknown->uses.items[i - 1], span)) return unknown;
    *LIST_PUSH(subst->arena, &unknown->uses) = span;
    return unknown;
}

Found subst_lookup(Subst *subst, const VariableRef *ref, Span span) {
    Found found = {0};
    Error err = {0};
    found.value = vars_get(subst->vars, ref->name, &found.origin, &err);
    if (found.value != NULL) {
        found.missing = found.origin == VAR_SET && map_get(&subst->without, ref->name) != NULL;
        subst->missing += found.missing;
        return found;
    }
    if (ref->fallback != NULL) {
        found.value = ref->fallback_quoted ? value_string(subst->arena, ref->fallback, span)
                                           : vars_value_of(subst->arena, ref->fallback, span);
        return found;
    }
    Unknown *unknown = note_unknown(subst, ref->name, span);
    if (err.code != ERR_NONE && !unknown->reported) {
        diag_add(subst->diags, SEVERITY_ERROR, &err);
        unknown->reported = true;
    }
    subst->missing++;
    found.missing = true;
    found.value = value_new(subst->arena, VALUE_NULL, span);
    return found;
}

/* Places of the `$`s of a text in the file: quotes may be resolved in the text, but each `$` of it
 * is one of the span, in the same order. */
typedef struct Tracker {
    Span span;
    uint32_t at;
} Tracker;

static uint32_t next_dollar(Tracker *tracker) {
    if (tracker->span.source == NULL) return 0;
    const char *text = tracker->span.source->text;
    while (tracker->at < tracker->span.end && text[tracker->at] != '$') tracker->at++;
    return tracker->at < tracker->span.end ? tracker->at++ : tracker->span.start;
}

static Span reference_span(const Tracker *tracker, uint32_t start, size_t size) {
    uint32_t end = start + (uint32_t)size;
    if (end > tracker->span.end) end = tracker->span.end;
    return (Span){tracker->span.source, start, end};
}

static size_t dollar_name(const char *text) {
    size_t size = str_name(text + 1);
    return size == 0 ? 0 : size + 1;
}

/* The reference at text[0], which is a `$`; its size, or 0 when it is none. */
static size_t put_reference(Subst *subst, const char *text, bool dollar, Tracker *tracker,
                            Buf *out) {
    uint32_t start = next_dollar(tracker);
    VariableRef ref = {0};
    const char *why;
    if (text[1] == '{') {
        if (!variable_ref(subst->arena, text, strlen(text), &ref, &why)) return 0;
    } else {
        ref.size = dollar ? dollar_name(text) : 0;
        if (ref.size == 0) return 0;
        ref.name = arena_strndup(subst->arena, text + 1, ref.size - 1);
    }
    Found found = subst_lookup(subst, &ref, reference_span(tracker, start, ref.size));
    buf_puts(out, value_text(found.value));
    for (size_t i = 1; i < ref.size; i++)
        if (text[i] == '$') next_dollar(tracker);
    return ref.size;
}

const char *subst_text(Subst *subst, const char *text, Span span, bool dollar) {
    if (text == NULL || strchr(text, '$') == NULL) return text;
    Buf out = buf_on(subst->arena);
    Tracker tracker = {span, span.start};
    while (*text) {
        bool escaped = text[0] == '\\' && text[1] == '$' &&
                       (text[2] == '{' || (dollar && dollar_name(text + 1) > 0));
        if (escaped) {
            next_dollar(&tracker);
            buf_putc(&out, '$');
            text += 2;
            continue;
        }
        size_t size = *text == '$' ? put_reference(subst, text, dollar, &tracker, &out) : 0;
        if (size == 0) buf_putc(&out, *text);
        text += size == 0 ? 1 : size;
    }
    return buf_text(&out);
}

static Value *variable_value(Subst *subst, const char *text, Span span) {
    VariableRef ref;
    const char *why;
    Value *value = value_new(subst->arena, VALUE_NULL, span);
    if (!variable_ref(subst->arena, text, strlen(text), &ref, &why)) return value;
    Found found = subst_lookup(subst, &ref, span);
    value->kind = found.value->kind;
    value->boolean = found.value->boolean;
    value->text = found.value->text;
    return value;
}

Value *subst_value(Subst *subst, const Value *value) {
    if (value == NULL) return NULL;
    if (value->kind == VALUE_VARIABLE) return variable_value(subst, value->text, value->span);
    Value *copy = value_new(subst->arena, value->kind, value->span);
    copy->boolean = value->boolean;
    copy->text = value->kind == VALUE_STRING ? subst_text(subst, value->text, value->span, true)
                                             : value->text;
    for (size_t i = 0; i < value->count; i++) {
        const Member *member = &value->members[i];
        value_add(subst->arena, copy, member->key, member->key_span,
                  subst_value(subst, member->value));
    }
    return copy;
}

/* Bare words of SET: keywords are so in any case, here as everywhere. */
static Value *bare_value(Arena *arena, const char *text, Span span) {
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (str_ieq(text, words[i])) return vars_value_of(arena, words[i], span);
    return vars_value_of(arena, text, span);
}

static Value *set_value(Subst *subst, Text value) {
    VariableRef ref;
    const char *why, *text = value.text;
    size_t size = strlen(text);
    if (value.quoted)
        return value_string(subst->arena, subst_text(subst, text, value.span, false), value.span);
    bool whole = str_starts(text, "${") && variable_ref(subst->arena, text, size, &ref, &why) &&
                 ref.size == size;
    if (whole) return variable_value(subst, text, value.span);
    return bare_value(subst->arena, subst_text(subst, text, value.span, false), value.span);
}

Value *subst_set_unknown(Subst *subst, const char *name) {
    Value *value = value_new(subst->arena, VALUE_NULL, SPAN_NONE);
    map_set(&subst->without, name, value);
    return value;
}

Value *subst_set(Subst *subst, const char *name, Text text) {
    size_t missing = subst->missing;
    Value *value = set_value(subst, text);
    map_set(&subst->without, name, subst->missing > missing ? value : NULL);
    return value;
}

static bool bad_name(Subst *subst, Span span, const char *text) {
    diag_error(subst->diags, ERR_SYNTAX, span, "`%s` is not a name", text)->hint =
        "names are written name, \"quoted name\" or schema.name";
    return false;
}

static bool empty_name(Subst *subst, Span span) {
    diag_error(subst->diags, ERR_QUERY, span, "the variable is empty where a name is wanted")
        ->hint = "give it a value, or a default: ${name|default}";
    return false;
}

static bool name_with_variables(Subst *subst, Text name, Strings *parts) {
    const SourceText *source = name.span.source;
    Tokens tokens = lex(subst->arena, source, name.span.start, name.span.end);
    size_t missing = subst->missing;
    for (size_t i = 0;;) {
        Run run = subst_run(subst, source, &tokens.items[i], false);
        if (run.count == 0) return bad_name(subst, name.span, name.text);
        Span span = span_of(source, tokens.items[i].start, tokens.items[i + run.count - 1].end);
        i += run.count;
        if (*run.text == '\0' && subst->missing == missing) return empty_name(subst, span);
        strings_add(subst->arena, parts, run.text);
        if (tokens.items[i].kind == TOKEN_END) return subst->missing == missing;
        if (!token_is(source, tokens.items[i++], "."))
            return bad_name(subst, name.span, name.text);
    }
}

bool subst_name(Subst *subst, Text name, Strings *parts) {
    *parts = (Strings){0};
    if (name.span.source != NULL && strstr(name.text, "${") != NULL)
        return name_with_variables(subst, name, parts);
    return name_split(subst->arena, name.text, parts) || bad_name(subst, name.span, name.text);
}

/* Names that hold variables themselves are known only now. */
static bool is_aliased_variable(Subst *subst, const IncludeAlias *alias, const char *name) {
    for (size_t i = 0; i < alias->names.count; i++) {
        const char *written = alias->names.items[i];
        if (strstr(written, "${") == NULL) continue;
        Subst quiet = subst_new(subst->arena, subst->vars, NULL, subst->diags);
        if (str_ieq(subst_text(&quiet, written, SPAN_NONE, false), name)) return true;
    }
    return false;
}

bool subst_is_aliased(Subst *subst, const char *alias, const char *name) {
    const IncludeAlias *known = map_get(&subst->aliases, alias);
    if (known == NULL) return false;
    return map_has(&subst->aliased, arena_printf(subst->arena, "%s.%s", alias, name)) ||
           is_aliased_variable(subst, known, name);
}

void subst_drop_alias(Subst *subst, Strings *parts) {
    while (parts->count > 1) {
        Strings rest = {parts->items + 1, parts->count - 1, parts->count - 1};
        if (!subst_is_aliased(subst, parts->items[0], strings_join(subst->arena, &rest, ".")))
            return;
        *parts = rest;
    }
}

/* "lines 3, 7 and 12", with file names when there are several files. */
static const char *places(Arena *arena, const Unknown *unknown) {
    enum { SHOWN = 12 };
    bool one_file = true;
    for (size_t i = 1; i < unknown->uses.count; i++)
        one_file = one_file && unknown->uses.items[i].source == unknown->uses.items[0].source;
    Strings list = {0};
    for (size_t i = 0; i < unknown->uses.count && list.count < SHOWN; i++) {
        Span use = unknown->uses.items[i];
        unsigned line = span_position(use).line;
        strings_add_unique(arena, &list,
                           one_file || use.source == NULL
                               ? arena_printf(arena, "%u", line)
                               : arena_printf(arena, "%s:%u", use.source->name, line));
    }
    Buf out = buf_on(arena);
    buf_puts(&out, !one_file ? "" : list.count == 1 ? "line " : "lines ");
    for (size_t i = 0; i < list.count; i++) {
        bool last = i + 1 == list.count && list.count < SHOWN;
        buf_puts(&out, i == 0 ? "" : last ? " and " : ", ");
        buf_puts(&out, list.items[i]);
    }
    if (list.count == SHOWN) buf_puts(&out, ", …");
    return buf_text(&out);
}

static void report_unknown(Subst *subst, const Unknown *unknown) {
    Arena *arena = subst->arena;
    Strings names;
    vars_names(subst->vars, arena, &names);
    bool set_later = strings_has(&names, unknown->name);
    const char *meant = set_later ? "" : str_did_you_mean(arena, unknown->name, &names);
    const char *used = unknown->uses.count < 2
                           ? ""
                           : arena_printf(arena, ", used in %s", places(arena, unknown));
    Diag *diag = diag_error(subst->diags, ERR_UNKNOWN_VARIABLE, unknown->uses.items[0],
                            "unknown variable ${%s}%s%s", unknown->name, used, meant);
    diag->hint = set_later
                     ? arena_printf(arena,
                                    "SET %s stands behind this use: move it in front, or write "
                                    "${%s|default}",
                                    unknown->name, unknown->name)
                     : arena_printf(arena,
                                    "give it a value with --var %s=…, in the profile's variables "
                                    "or by SET, or a default: ${%s|default}",
                                    unknown->name, unknown->name);
}

void subst_finish(Subst *subst) {
    for (size_t i = 0; i < subst->unknown.count; i++) {
        const Unknown *unknown = subst->unknown.entries[i].value;
        if (!unknown->reported) report_unknown(subst, unknown);
    }
    subst->unknown = map_on(subst->arena);
}
