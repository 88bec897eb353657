/* Variables: the form of ${name}, ${name:form|default}. Finds and splits them wherever a text may
 * hold one; values are given to them much later, by plan/resolve. */
#include <ctype.h>
#include <string.h>

#include "lang/lexer.h"

/* Where the parts lie, as offsets into the text. */
typedef struct Shape {
    size_t name_end;
    char form;
    size_t fallback_start, fallback_end; /* without quotes and outer blanks */
    char quote;                          /* of the default, or 0 */
    bool has_fallback;
    size_t size;
} Shape;

static const struct {
    const char *name;
    char form;
} forms[] = {{"ident", 'i'}, {"literal", 'l'}, {"raw", 'r'}};

static bool is_blank(char c) { return c == ' ' || c == '\t'; }
static bool is_name_char(char c) { return isalnum((unsigned char)c) || c == '_' || c == '.'; }

bool variable_is_name(const char *text) {
    if (!isalpha((unsigned char)*text) && *text != '_') return false;
    while (is_name_char(*text)) text++;
    return *text == '\0';
}

static bool scan_form(const char *text, size_t size, size_t *at, Shape *shape) {
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t length = strlen(forms[i].name);
        if (size - *at >= length && str_ieq_n(text + *at, length, forms[i].name)) {
            shape->form = forms[i].form;
            *at += length;
            return true;
        }
    }
    return false;
}

static bool scan_quoted_default(const char *text, size_t size, size_t *at, Shape *shape) {
    shape->quote = text[(*at)++];
    shape->fallback_start = *at;
    for (; *at < size && text[*at] != '\n'; ++*at) {
        if (text[*at] != shape->quote) continue;
        if (*at + 1 < size && text[*at + 1] == shape->quote) {
            ++*at;
            continue;
        }
        shape->fallback_end = (*at)++;
        while (*at < size && is_blank(text[*at])) ++*at;
        return *at < size && text[*at] == '}';
    }
    return false;
}

static bool scan_default(const char *text, size_t size, size_t *at, Shape *shape,
                         const char **why) {
    shape->has_fallback = true;
    while (*at < size && is_blank(text[*at])) ++*at;
    if (*at < size && (text[*at] == '\'' || text[*at] == '"')) {
        *why = "the quoted default must end right before the `}`";
        return scan_quoted_default(text, size, at, shape);
    }
    shape->fallback_start = *at;
    for (; *at < size && text[*at] != '}' && text[*at] != '\n'; ++*at)
        if (text[*at] == '$' && *at + 1 < size && text[*at + 1] == '{') {
            *why = "a default cannot hold another variable";
            return false;
        }
    shape->fallback_end = *at;
    while (shape->fallback_end > shape->fallback_start && is_blank(text[shape->fallback_end - 1]))
        shape->fallback_end--;
    *why = "its `}` is missing";
    return *at < size && text[*at] == '}';
}

static bool scan(const char *text, size_t size, Shape *shape, const char **why) {
    *shape = (Shape){0};
    size_t at = 2;
    if (at >= size || !(isalpha((unsigned char)text[at]) || text[at] == '_')) {
        *why = at >= size || text[at] == '\n' ? "its `}` is missing"
               : text[at] == '}'              ? "it holds no name"
                                              : "a name starts with a letter or _";
        return false;
    }
    while (at < size && is_name_char(text[at])) at++;
    shape->name_end = at;
    if (at < size && text[at] == ':') {
        at++;
        if (!scan_form(text, size, &at, shape)) {
            *why = at < size && text[at] == '-'
                       ? "a default follows `|`, not `:-`"
                       : "only :ident, :literal and :raw may follow a name";
            return false;
        }
    }
    if (at < size && text[at] == '|') {
        at++;
        if (!scan_default(text, size, &at, shape, why)) return false;
    }
    if (at >= size || text[at] != '}') {
        *why = at >= size || text[at] == '\n' ? "its `}` is missing"
                                              : "a name has only letters, digits, _ and .";
        return false;
    }
    shape->size = at + 1;
    return true;
}

static const char *fallback_text(Arena *arena, const char *text, const Shape *shape) {
    size_t size = shape->fallback_end - shape->fallback_start;
    char *copy = arena_strndup(arena, text + shape->fallback_start, size);
    if (shape->quote == 0) return copy;
    char *out = copy;
    for (const char *in = copy; *in; in++) {
        *out++ = *in;
        if (*in == shape->quote) in++;
    }
    *out = '\0';
    return copy;
}

bool variable_ref(Arena *arena, const char *text, size_t size, VariableRef *ref, const char **why) {
    Shape shape;
    if (!scan(text, size, &shape, why)) return false;
    *ref = (VariableRef){
        .name = arena_strndup(arena, text + 2, shape.name_end - 2),
        .form = shape.form,
        .fallback = shape.has_fallback ? fallback_text(arena, text, &shape) : NULL,
        .fallback_quoted = shape.quote != 0,
        .size = shape.size,
    };
    return true;
}

size_t variable_size(const char *text, size_t size, const char **why, size_t *extent) {
    Shape shape;
    if (scan(text, size, &shape, why)) return *extent = shape.size;
    size_t end = 2;
    while (end < size && strchr("}\n$", text[end]) == NULL) end++;
    bool closed = end < size && text[end] == '}';
    *extent = closed ? end + 1 : 2;
    if (!closed && (end == size || text[end] != '$')) *why = "its `}` is missing";
    return 0;
}

size_t variable_inside(const char *text, size_t size, char quote) {
    Shape shape;
    const char *why;
    if (size < 2 || text[0] != '$' || text[1] != '{' || !scan(text, size, &shape, &why)) return 0;
    if (shape.quote != 0) return shape.size;
    for (size_t i = 0; i < shape.size; i++) {
        if (text[i] == '\\') return 0;
        if (text[i] != quote) continue;
        if (text[i + 1] != quote) return 0;
        i++;
    }
    return shape.size;
}

bool variable_malformed(const char *text, BadVariable *bad) {
    size_t total = strlen(text), extent;
    for (size_t i = 0; i < total; i++) {
        if (text[i] == '\\' && text[i + 1] == '$') {
            i++;
        } else if (text[i] == '$' && text[i + 1] == '{') {
            *bad = (BadVariable){.at = i};
            if (variable_size(text + i, total - i, &bad->why, &extent) == 0) {
                bad->size = extent;
                return true;
            }
            i += extent - 1;
        }
    }
    return false;
}
