/* Checks PARAMS, OPTIONS and a connection's keys against the tables of options, and makes the Link
 * that a connector works with: canonical names, values of the right type, defaults. */
#include "connectors/options.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/redact.h"
#include "connectors/connector.h"
#include "connectors/options_tables.h"

typedef struct Check {
    Arena *arena;
    const Connector *connector;
    OptionUse use;
    bool inherited; /* these are the connection's own keys */
    Link *link;
    Diags *diags;
    Map seen;       /* canonical name → Member of the same object */
} Check;

static bool has_name(const char *list, const char *name) {
    size_t size = strlen(name);
    while (list != NULL && *list != '\0') {
        size_t length = strcspn(list, "|");
        if (length == size && str_ieq_n(list, length, name)) return true;
        list += length + (list[length] == '|');
    }
    return false;
}

static bool fits(const OptionSpec *spec, unsigned use) {
    return spec->use == 0 || (spec->use & use);
}

/* A canonical name counts before an alias, in whatever table it stands. */
static const OptionSpec *find(const Connector *connector, const char *name, unsigned use) {
    const OptionSpec *tables[] = {connector == NULL ? NULL : connector->options, common_options,
                                  source_options};
    for (int by_alias = 0; by_alias < 2; by_alias++)
        for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
            for (const OptionSpec *spec = tables[t]; spec != NULL && spec->name != NULL; spec++)
                if (fits(spec, use) && (by_alias ? has_name(spec->aliases, name)
                                                 : str_ieq(spec->name, name)))
                    return spec;
    return NULL;
}

const OptionSpec *option_find(const Connector *connector, const char *name) {
    return find(connector, name, ~0U);
}

/* -- values ------------------------------------------------------------------------------ */

static const char *type_name(OptionType type) {
    static const char *const names[] = {
        [OPTION_TEXT] = "text",          [OPTION_INT] = "a whole number",
        [OPTION_NUMBER] = "a number",    [OPTION_BOOL] = "true or false",
        [OPTION_LIST] = "a list of texts", [OPTION_NAMES] = "a name or a list of names",
        [OPTION_MAP] = "an object of texts", [OPTION_CHAR] = "one character",
        [OPTION_ANY] = "a value",
    };
    return names[type];
}

static Value *wrong(Check *check, const Member *member, const OptionSpec *spec, const char *why) {
    diag_error(check->diags, ERR_OPTION_VALUE, member->value->span, "%s must be %s, not %s",
               member->key, type_name(spec->type), why)
        ->hint = spec->help == NULL ? "" : spec->help;
    return NULL;
}

static const char *shown(Check *check, const OptionSpec *spec, const Value *value) {
    const char *text = value_text(value);
    if (text == NULL || value->kind == VALUE_NULL) return value_kind_name(value->kind);
    return spec->secret ? "***" : arena_printf(check->arena, "'%s'", text);
}

static Value *as_scalar(Check *check, ValueKind kind, const char *text, Span span) {
    Value *value = value_string(check->arena, text, span);
    value->kind = kind;
    if (kind == VALUE_BOOL) value->boolean = str_ieq(text, "true");
    return value;
}

static Value *as_number(Check *check, const Member *member, const OptionSpec *spec) {
    const char *text = value_text(member->value);
    long long whole;
    double number;
    bool ok = text != NULL && member->value->kind != VALUE_BOOL &&
              (spec->type == OPTION_INT ? str_to_int64(text, &whole)
                                        : str_to_double(text, &number));
    if (!ok) return wrong(check, member, spec, shown(check, spec, member->value));
    bool zero = spec->positive && str_to_double(text, &number) && number == 0;
    if (*text != '-' && !zero)
        return as_scalar(check, VALUE_NUMBER, text, member->value->span);
    diag_error(check->diags, ERR_OPTION_VALUE, member->value->span, "%s must %s", member->key,
               zero ? "be more than 0" : "not be negative");
    return NULL;
}

static Value *as_bool(Check *check, const Member *member, const OptionSpec *spec) {
    const char *text = value_text(member->value);
    if (text != NULL && (str_ieq(text, "true") || str_ieq(text, "false")))
        return as_scalar(check, VALUE_BOOL, text, member->value->span);
    return wrong(check, member, spec, shown(check, spec, member->value));
}

static Value *as_list(Check *check, const Member *member, const OptionSpec *spec) {
    const Value *value = member->value;
    Value *list = value_new(check->arena, VALUE_ARRAY, value->span);
    if (value->kind == VALUE_OBJECT) return wrong(check, member, spec, "an object");
    if (value->kind != VALUE_ARRAY) {
        value_add(check->arena, list, NULL, SPAN_NONE,
                  value_string(check->arena, value_text(value), value->span));
        return list;
    }
    for (size_t i = 0; i < value->count; i++) {
        const Value *item = value->members[i].value;
        const char *text = value_text(item);
        if (text == NULL || item->kind == VALUE_NULL)
            return wrong(check, member, spec,
                         arena_printf(check->arena, "a list with %s in it",
                                      value_kind_name(item->kind)));
        value_add(check->arena, list, NULL, SPAN_NONE,
                  value_string(check->arena, text, item->span));
    }
    return list;
}

/* A number here is a slip, not a column that is called so: such a name stands in quotes. */
static Value *as_names(Check *check, const Member *member, const OptionSpec *spec) {
    Value *list = as_list(check, member, spec);
    const Value *given = member->value;
    if (list == NULL) return NULL;
    if (list->count == 0) return wrong(check, member, spec, "an empty list");
    for (size_t i = 0; i < list->count; i++) {
        const Value *item = given->kind == VALUE_ARRAY ? given->members[i].value : given;
        if (item->kind != VALUE_STRING) return wrong(check, member, spec, value_text(item));
        if (*item->text == '\0') return wrong(check, member, spec, "empty text");
    }
    return list;
}

static Value *as_map(Check *check, const Member *member, const OptionSpec *spec) {
    const Value *value = member->value;
    if (value->kind != VALUE_OBJECT)
        return wrong(check, member, spec, shown(check, spec, value));
    for (size_t i = 0; i < value->count; i++)
        if (value_text(value->members[i].value) == NULL ||
            value->members[i].value->kind == VALUE_NULL)
            return wrong(check, member, spec,
                         arena_printf(check->arena, "an object with %s in it",
                                      value_kind_name(value->members[i].value->kind)));
    Value *copy = ARENA_NEW(check->arena, Value);
    *copy = *value;
    return copy;
}

static Value *as_char(Check *check, const Member *member, const OptionSpec *spec) {
    const char *text = value_text(member->value);
    if (text == NULL) return wrong(check, member, spec, shown(check, spec, member->value));
    if (str_ieq(text, "\\t") || str_ieq(text, "tab")) text = "\t";
    if (utf8_length(text, strlen(text)) > 1)
        return wrong(check, member, spec, shown(check, spec, member->value));
    return as_scalar(check, VALUE_STRING, text, member->value->span);
}

static Value *as_text(Check *check, const Member *member, const OptionSpec *spec) {
    const char *text = value_text(member->value);
    if (text == NULL) return wrong(check, member, spec, shown(check, spec, member->value));
    return as_scalar(check, VALUE_STRING, text, member->value->span);
}

/* The choice in its own spelling. */
static Value *as_choice(Check *check, const Member *member, const OptionSpec *spec) {
    const char *text = value_text(member->value);
    if (text != NULL && has_name(spec->choices, text))
        return as_scalar(check, VALUE_STRING, str_lower(check->arena, text), member->value->span);
    Strings choices = {0};
    for (const char *at = spec->choices; *at != '\0';) {
        size_t size = strcspn(at, "|");
        strings_add(check->arena, &choices, arena_strndup(check->arena, at, size));
        at += size + (at[size] == '|');
    }
    diag_error(check->diags, ERR_OPTION_VALUE, member->value->span, "%s cannot be %s%s",
               member->key, shown(check, spec, member->value),
               text == NULL ? "" : str_did_you_mean(check->arena, text, &choices))
        ->hint = arena_printf(check->arena, "it is one of: %s",
                              strings_join(check->arena, &choices, ", "));
    return NULL;
}

static Value *convert(Check *check, const Member *member, const OptionSpec *spec) {
    if (spec->choices != NULL) return as_choice(check, member, spec);
    switch (spec->type) {
        case OPTION_TEXT: return as_text(check, member, spec);
        case OPTION_INT:
        case OPTION_NUMBER: return as_number(check, member, spec);
        case OPTION_BOOL: return as_bool(check, member, spec);
        case OPTION_LIST: return as_list(check, member, spec);
        case OPTION_NAMES: return as_names(check, member, spec);
        case OPTION_MAP: return as_map(check, member, spec);
        case OPTION_CHAR: return as_char(check, member, spec);
        case OPTION_ANY: break;
    }
    return member->value;
}

/* -- names ------------------------------------------------------------------------------- */

static bool known_elsewhere(const Connector *connector, const char *name) {
    for (size_t i = 0; ignored_options[i] != NULL; i++)
        if (str_ieq(ignored_options[i], name)) return true;
    for (size_t i = 0; connector_at(i) != NULL; i++)
        if (connector_at(i) != connector && option_find(connector_at(i), name) != NULL) return true;
    return false;
}

static const char *suggestion(Check *check, const char *name) {
    Strings names = {0};
    const OptionSpec *tables[] = {check->connector->options, common_options, source_options};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const OptionSpec *spec = tables[t]; spec->name != NULL; spec++) {
            if (!fits(spec, check->use)) continue;
            strings_add(check->arena, &names, spec->name);
            for (const char *at = spec->aliases; at != NULL && *at != '\0';) {
                size_t size = strcspn(at, "|");
                strings_add(check->arena, &names, arena_strndup(check->arena, at, size));
                at += size + (at[size] == '|');
            }
        }
    return str_did_you_mean(check->arena, name, &names);
}

static bool already_warned(const Diags *diags, Span span) {
    for (size_t i = 0; i < diags->count; i++)
        if (diags->items[i].span.source == span.source && span.source != NULL &&
            diags->items[i].span.start == span.start)
            return true;
    return false;
}

static const char *place(OptionUse use) {
    if (use == USE_READ) return "a SOURCE";
    return use == USE_WRITE ? "an EXPORT" : "a connection";
}

/* A connection serves sources and exports, so it may hold what means nothing to one of them. */
static void unknown(Check *check, const Member *member) {
    const char *name = check->connector->name;
    bool foreign = known_elsewhere(check->connector, member->key);
    if (check->inherited || check->use == USE_CONNECTION) {
        /* Nobody knows what it is, so it may be a secret. */
        if (!foreign && value_text(member->value) != NULL) redact_add(value_text(member->value));
        if (already_warned(check->diags, member->key_span)) return;
        diag_warning(check->diags, foreign ? WARN_FOREIGN_OPTION : WARN_UNKNOWN_KEY,
                     member->key_span, "%s means nothing to %s%s", member->key, name,
                     suggestion(check, member->key));
    } else if (option_find(check->connector, member->key) != NULL) {
        diag_warning(check->diags, WARN_FOREIGN_OPTION, member->key_span,
                     "%s means nothing in %s", member->key, place(check->use));
    } else if (foreign) {
        diag_warning(check->diags, WARN_FOREIGN_OPTION, member->key_span,
                     "%s means nothing to %s%s", member->key, name, suggestion(check, member->key));
    } else {
        diag_error(check->diags, ERR_UNKNOWN_OPTION, member->key_span, "%s has no option '%s'%s",
                   name, member->key, suggestion(check, member->key))
            ->hint = arena_printf(check->arena, "see: sqlflow connect types %s", name);
    }
}

static void put(Check *check, const OptionSpec *spec, const Member *member, Value *value) {
    Value *options = check->link->options;
    for (size_t i = 0; i < options->count; i++) {
        if (!str_eq(options->members[i].key, spec->name)) continue;
        options->members[i] = (Member){spec->name, member->key_span, value};
        return;
    }
    value_add(check->arena, options, spec->name, member->key_span, value);
}

static void check_member(Check *check, const Member *member) {
    unsigned use = check->inherited ? (unsigned)check->use | USE_CONNECTION : (unsigned)check->use;
    const OptionSpec *spec = find(check->connector, member->key, use);
    if (spec == NULL && check->use == USE_CONNECTION)
        spec = option_find(check->connector, member->key);
    if (spec == NULL) {
        if (!check->inherited || option_find(check->connector, member->key) == NULL)
            unknown(check, member);
        return;
    }
    if (member->value->kind == VALUE_NULL) return;
    if (spec->secret && value_text(member->value) != NULL) redact_add(value_text(member->value));
    const char *before = map_get(&check->seen, spec->name);
    if (before != NULL) {
        diag_error(check->diags, ERR_DUPLICATE_KEY, member->key_span,
                   "%s is given twice: %s and %s mean the same", spec->name, before, member->key);
        return;
    }
    map_set(&check->seen, spec->name, (void *)(uintptr_t)member->key);
    Value *value = convert(check, member, spec);
    if (value != NULL) put(check, spec, member, value);
}

static void check_object(Check *check, const Value *object, bool inherited) {
    if (object == NULL || object->kind != VALUE_OBJECT) return;
    check->inherited = inherited;
    check->seen = map_on(check->arena);
    for (size_t i = 0; i < object->count; i++) check_member(check, &object->members[i]);
}

static void add_default(Check *check, const OptionSpec *spec) {
    static const ValueKind kinds[] = {
        [OPTION_TEXT] = VALUE_STRING, [OPTION_INT] = VALUE_NUMBER,  [OPTION_NUMBER] = VALUE_NUMBER,
        [OPTION_BOOL] = VALUE_BOOL,   [OPTION_LIST] = VALUE_STRING, [OPTION_NAMES] = VALUE_STRING,
        [OPTION_MAP] = VALUE_STRING,  [OPTION_CHAR] = VALUE_STRING, [OPTION_ANY] = VALUE_STRING,
    };
    if (spec->fallback == NULL || value_get(check->link->defaults, spec->name) != NULL) return;
    value_add(check->arena, check->link->defaults, spec->name, SPAN_NONE,
              as_scalar(check, kinds[spec->type], spec->fallback, SPAN_NONE));
}

static void check_required(Check *check, const OptionSpec *spec) {
    if (spec->required == NULL || check->use == USE_CONNECTION || !fits(spec, check->use)) return;
    const Value *value = value_get(check->link->options, spec->name);
    const char *text = value == NULL ? NULL : value_text(value);
    bool empty = text != NULL ? *text == '\0' : value != NULL && value->count == 0;
    if (value != NULL && !empty) return;
    diag_error(check->diags, ERR_MISSING_OPTION, value == NULL ? check->link->span : value->span,
               value == NULL ? "the option '%s' is missing" : "the option '%s' is empty",
               spec->name)
        ->hint = spec->required;
}

bool options_resolve(Arena *arena, const Connector *connector, OptionUse use,
                     const Value *inherited, const Value *own, Link *link, Diags *diags) {
    size_t errors = diags->errors;
    link->connector = connector;
    link->options = value_new(arena, VALUE_OBJECT, link->span);
    link->defaults = value_new(arena, VALUE_OBJECT, SPAN_NONE);
    Check check = {.arena = arena, .connector = connector, .use = use, .link = link,
                   .diags = diags};
    check_object(&check, inherited, true);
    check_object(&check, own, false);
    const OptionSpec *tables[] = {connector->options, common_options, source_options};
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const OptionSpec *spec = tables[t]; spec->name != NULL; spec++) {
            if (diags->errors == errors) check_required(&check, spec);
            if (fits(spec, use)) add_default(&check, spec);
        }
    if (diags->errors == errors && connector->check != NULL) connector->check(link, use, diags);
    return diags->errors == errors;
}
