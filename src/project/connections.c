/* Connections: the entries of a profile's `connections:` and of the older `connectors:`, brought
 * into one form. Their options are checked when a pipeline uses them. */
#include "project/internal.h"

typedef struct Adder {
    Project *project;
    Arena *arena;
    Diags *diags;
} Adder;

static bool is_type_key(const char *key) { return str_ieq(key, "type"); }

static void add_option(Adder *adder, Value *options, const Member *member) {
    if (value_get(options, member->key) != NULL)
        diag_error(adder->diags, ERR_PROFILE, member->key_span,
                   "the key '%s' is given twice, beside `params` and in it", member->key)
            ->hint = "remove one of them";
    else
        value_add(adder->arena, options, member->key, member->key_span, member->value);
}

/* All keys but `type`, with those of `params` among them. */
static const Value *options_of(Adder *adder, const Value *entry) {
    Value *options = value_new(adder->arena, VALUE_OBJECT, entry->span);
    for (size_t i = 0; i < entry->count; i++) {
        const Member *member = &entry->members[i];
        bool params = str_ieq(member->key, "params");
        ValueKind kind = member->value->kind;
        if (params && kind != VALUE_OBJECT && kind != VALUE_NULL)
            diag_error(adder->diags, ERR_PROFILE, member->value->span,
                       "params must be a map of keys, not %s", value_kind_name(kind));
        if (params)
            for (size_t j = 0; j < member->value->count; j++)
                add_option(adder, options, &member->value->members[j]);
        else if (!is_type_key(member->key))
            add_option(adder, options, member);
    }
    return options;
}

static Connection *add_connection(Adder *adder, const char *name, Span span, const Value *entry) {
    const Connection *other = project_connection(adder->project, name);
    if (other != NULL) {
        diag_error(adder->diags, ERR_PROFILE, span,
                   "the connection '%s' is defined twice, first in line %u", name,
                   span_position(other->span).line)
            ->hint = "remove or rename one of them";
        return NULL;
    }
    Connection *connection = LIST_PUSH(adder->arena, &adder->project->profile.connections);
    *connection = (Connection){
        .name = name, .type = "", .options = options_of(adder, entry), .span = span};
    return connection;
}

/* The oldest form, {postgres: {default: {host: …}, other: {…}}}: the type is the outer key. */
static bool is_nested(const Value *entry) {
    for (size_t i = 0; i < entry->count; i++)
        if (entry->members[i].value->kind != VALUE_OBJECT ||
            str_ieq(entry->members[i].key, "params"))
            return false;
    return entry->count > 0;
}

static void add_nested(Adder *adder, const Member *outer) {
    for (size_t i = 0; i < outer->value->count; i++) {
        const Member *inner = &outer->value->members[i];
        const char *name = str_ieq(inner->key, "default") ? outer->key : inner->key;
        Connection *connection = add_connection(adder, name, inner->key_span, inner->value);
        if (connection == NULL) continue;
        connection->type = outer->key;
        connection->type_span = outer->key_span;
    }
}

static void add_entry(Adder *adder, const Member *member) {
    const Value *entry = member->value;
    if (entry->kind == VALUE_NULL) entry = value_new(adder->arena, VALUE_OBJECT, entry->span);
    if (entry->kind != VALUE_OBJECT) {
        diag_error(adder->diags, ERR_PROFILE, entry->span,
                   "the connection '%s' must be a map of keys, not %s", member->key,
                   value_kind_name(entry->kind))
            ->hint = "write it as name: { type: postgres, host: … }";
        return;
    }
    const Value *type = value_get(entry, "type");
    if (type == NULL && is_nested(entry)) {
        add_nested(adder, member);
        return;
    }
    Connection *connection = add_connection(adder, member->key, member->key_span, entry);
    if (connection == NULL) return;
    if (type != NULL && type->kind == VALUE_STRING && *type->text != '\0') {
        Value *expanded;
        Error missing = {0}; /* the type stays as written then, and is no connector's name */
        connection->type = project_expand(adder->project, adder->arena, type, &expanded, &missing)
                               ? expanded->text
                               : type->text;
        connection->type_span = type->span;
        return;
    }
    connection->type_span = type == NULL ? member->key_span : type->span;
    diag_error(adder->diags, ERR_PROFILE, connection->type_span,
               type == NULL ? "the connection '%s' has no type"
                            : "the type of the connection '%s' must be a text",
               member->key)
        ->hint = "add type: postgres (`sqlflow connect types` lists them all)";
}

void profile_add_connections(Project *project, const Value *section, Diags *diags) {
    if (section == NULL || section->kind == VALUE_NULL) return;
    Adder adder = {project, project->arena, diags};
    if (section->kind != VALUE_OBJECT) {
        diag_error(diags, ERR_PROFILE, section->span,
                   "connections must be a map of names to connections, not %s",
                   value_kind_name(section->kind));
        return;
    }
    for (size_t i = 0; i < section->count; i++) add_entry(&adder, &section->members[i]);
}
