/* Reads the checked options of a Link, with the defaults of their table. See options.h. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "connectors/connector.h"

const Value *link_value(const Link *link, const char *name) {
    const Value *value = value_get(link->options, name);
    return value != NULL ? value : value_get(link->defaults, name);
}

bool link_has(const Link *link, const char *name) { return value_get(link->options, name) != NULL; }

Span link_span(const Link *link, const char *name) {
    const Value *value = value_get(link->options, name);
    return value != NULL && value->span.source != NULL ? value->span : link->span;
}

/* A link that was not made by options_resolve has no defaults object. */
const char *link_text(const Link *link, const char *name) {
    const Value *value = link_value(link, name);
    if (value != NULL) return value_text(value);
    const OptionSpec *spec = option_find(link->connector, name);
    return spec == NULL ? NULL : spec->fallback;
}

long long link_int(const Link *link, const char *name) {
    const char *text = link_text(link, name);
    long long number = 0;
    if (text != NULL) str_to_int64(text, &number);
    return number;
}

double link_number(const Link *link, const char *name) {
    const char *text = link_text(link, name);
    double number = 0;
    if (text != NULL) str_to_double(text, &number);
    return number;
}

bool link_bool(const Link *link, const char *name) {
    return str_ieq(link_text(link, name), "true");
}

Strings link_list(const Link *link, Arena *arena, const char *name) {
    Strings list = {0};
    const Value *value = link_value(link, name);
    if (value == NULL) return list;
    if (value->kind != VALUE_ARRAY) {
        if (value_text(value) != NULL) strings_add(arena, &list, value_text(value));
        return list;
    }
    for (size_t i = 0; i < value->count; i++) {
        const char *text = value_text(value->members[i].value);
        if (text != NULL) strings_add(arena, &list, text);
    }
    return list;
}

Strings link_names(const Link *link, Arena *arena, const char *name) {
    Strings given = link_list(link, arena, name);
    if (given.count != 1) return given;
    Strings names = {0};
    for (const char *at = given.items[0]; *at != '\0';) {
        size_t size = strcspn(at, ",");
        const char *one = str_trim(arena, at, size);
        if (*one != '\0') strings_add(arena, &names, one);
        at += size + (at[size] == ',');
    }
    return names;
}

const char *link_json(Arena *arena, const Link *link) {
    Buf out = buf_on(arena);
    JsonWriter json = json_writer(&out, false);
    json_object(&json, NULL);
    for (size_t i = 0; link->options != NULL && i < link->options->count; i++) {
        const Member *member = &link->options->members[i];
        const OptionSpec *spec = option_find(link->connector, member->key);
        if (spec != NULL && !spec->secret) json_value(&json, member->key, member->value);
    }
    json_end(&json);
    return buf_text(&out);
}
