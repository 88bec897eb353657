/* Places in SQL. See subst_place.h. */
#include "plan/subst_place.h"

Place place_new(Arena *arena, const SourceText *source) {
    Place place = {.arena = arena, .source = source};
    *LIST_PUSH(arena, &place.levels) = (Level){0};
    return place;
}

static bool is(const Place *place, Token token, const char *text) {
    return token_is(place->source, token, text);
}

static bool is_any(const Place *place, Token token, const char *const *words) {
    return token_in(place->source, token, words);
}

static Level *level(const Place *place) { return &place->levels.items[place->levels.count - 1]; }
static bool is_outermost(const Place *place) { return place->levels.count == 1; }

/* After a dot, or as an alias, a keyword is a name. */
static bool is_plain_name(const Place *place) {
    if (is(place, place->before, ".")) return true;
    Clause clause = level(place)->clause;
    return is(place, place->before, "AS") && (clause == CLAUSE_SELECT || clause == CLAUSE_FROM);
}

static bool is_operator_from(const Place *place) {
    static const char *const words[] = {"IS", "NOT", NULL};
    if (is(place, place->before, "DISTINCT") && is_any(place, place->before_that, words))
        return true;
    return level(place)->from_is_operator && level(place)->clause == CLAUSE_OTHER;
}

static void step_from(Place *place) {
    if (is_operator_from(place)) return;
    /* What COPY reads from is a path. */
    bool copy = is_outermost(place) && is(place, place->first, "COPY");
    level(place)->clause = copy ? CLAUSE_OTHER : CLAUSE_FROM;
    place->table = !copy;
}

static void start_list(Place *place, Clause clause) {
    level(place)->clause = clause;
    place->item = true;
}

/* Words behind which the statement's own object is named. */
static bool names_object(const Place *place, Token token) {
    static const char *const verbs[] = {"CREATE", "DROP", "ALTER", "COMMENT", NULL};
    static const char *const objects[] = {"VIEW", "SCHEMA",   "MACRO", "FUNCTION",
                                          "TYPE", "SEQUENCE", "INDEX", NULL};
    static const char *const merging[] = {"MERGE", "DELETE", NULL};
    if (!is_outermost(place)) return false;
    if (is(place, token, "USING")) return is_any(place, place->first, merging);
    if (is(place, token, "TO")) return is(place, place->first, "ALTER");
    bool drop = is(place, place->first, "DROP");
    if (!drop && level(place)->clause != CLAUSE_OTHER) return false;
    if (is(place, token, "ON")) return is(place, place->first, "CREATE");
    return is_any(place, place->first, verbs) && is_any(place, token, objects);
}

static void step_word(Place *place, Token token) {
    static const char *const named[] = {"JOIN", "INTO", "TABLE", "UPDATE", NULL};
    static const char *const passed[] = {"IF",      "NOT", "EXISTS",  "ONLY",
                                         "LATERAL", "OR",  "REPLACE", NULL};
    static const char *const pivots[] = {"PIVOT", "UNPIVOT", NULL};
    static const char *const others[] = {
        "WHERE", "HAVING", "WINDOW",    "QUALIFY", "LIMIT", "OFFSET", "VALUES", "SET",  "RETURNING",
        "UNION", "EXCEPT", "INTERSECT", "FETCH",   "GROUP", "ORDER",  "WITH",   NULL};
    bool expected = place->table;
    place->table = place->item = false;
    if (is_plain_name(place)) return;
    if (is(place, token, "FROM")) {
        step_from(place);
    } else if (is(place, token, "SELECT")) {
        start_list(place, CLAUSE_SELECT);
    } else if (is(place, token, "DISTINCT") || is(place, token, "ALL")) {
        place->item = is(place, place->before, "SELECT");
    } else if (is(place, token, "BY")) {
        if (is(place, place->before, "GROUP")) start_list(place, CLAUSE_GROUP);
        if (is(place, place->before, "ORDER")) start_list(place, CLAUSE_ORDER);
    } else if (is_any(place, token, others)) {
        level(place)->clause = CLAUSE_OTHER;
    } else if (is_any(place, token, named) || names_object(place, token)) {
        place->table = true;
    } else if (is_any(place, token, pivots)) {
        place->table = level(place)->clause != CLAUSE_FROM;
    } else if (is_any(place, token, passed)) {
        place->table = expected;
    }
}

static void open_level(Place *place, Token token) {
    static const char *const functions[] = {"EXTRACT", "TRIM", "SUBSTRING", "OVERLAY", "POSITION",
                                            NULL};
    bool tables = place->table && is(place, token, "(");
    bool from_is_operator = is(place, token, "(") && is_any(place, place->before, functions);
    *LIST_PUSH(place->arena, &place->levels) =
        (Level){tables ? CLAUSE_FROM : CLAUSE_OTHER, from_is_operator};
    place->table = tables;
    place->item = false;
}

static void step_symbol(Place *place, Token token) {
    static const char *const opening[] = {"(", "[", "{", NULL};
    static const char *const closing[] = {")", "]", "}", NULL};
    if (is_any(place, token, opening)) {
        open_level(place, token);
        return;
    }
    place->table = place->item = false;
    if (is_any(place, token, closing)) {
        if (place->levels.count > 1) place->levels.count--;
    } else if (is(place, token, ",")) {
        Clause clause = level(place)->clause;
        place->table = clause == CLAUSE_FROM;
        place->item = clause != CLAUSE_FROM && clause != CLAUSE_OTHER;
    }
}

static void step_first(Place *place, Token token) {
    static const char *const lists[] = {"DROP", "TRUNCATE", NULL};
    static const char *const named[] = {"TRUNCATE", "COPY", NULL};
    place->first = token;
    if (is_any(place, token, lists)) level(place)->clause = CLAUSE_FROM;
    if (is_any(place, token, named)) place->table = true;
}

void place_step(Place *place, Token token) {
    bool first = place->first.kind == TOKEN_END;
    if (token.kind == TOKEN_WORD)
        step_word(place, token);
    else if (token.kind == TOKEN_SYMBOL)
        step_symbol(place, token);
    else
        place->table = place->item = false;
    if (first) step_first(place, token);
    place->before_that = place->before;
    place->before = token;
}

bool place_ends_item(const SourceText *source, Token token) {
    static const char *const operators[] = {"AND",     "OR",  "IS",      "IN",   "LIKE",
                                            "ILIKE",   "NOT", "BETWEEN", "GLOB", "SIMILAR",
                                            "COLLATE", "AT",  "ISNULL",  "NOTNULL", NULL};
    if (token.kind == TOKEN_END) return true;
    if (token.kind == TOKEN_SYMBOL)
        return token_is(source, token, ",") || token_is(source, token, ")") ||
               token_is(source, token, ";");
    if (token_in(source, token, operators)) return false;
    return token.kind == TOKEN_WORD || token.kind == TOKEN_QUOTED;
}
