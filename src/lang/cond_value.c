/* Values of conditions: numbers as numbers, booleans as booleans, everything else as text. */
#include "lang/cond_value.h"

#include <string.h>

#include "base/str.h"

/* A boolean or its text. */
static bool as_bool(const Value *value, bool *out) {
    if (value->kind == VALUE_BOOL) {
        *out = value->boolean;
        return true;
    }
    if (value->kind != VALUE_STRING) return false;
    *out = str_ieq(value->text, "true");
    return *out || str_ieq(value->text, "false");
}

bool cond_truth(const Value *value) {
    bool truth = false;
    double number;
    if (as_bool(value, &truth)) return truth;
    return value->kind == VALUE_NUMBER && str_to_double(value->text, &number) && number != 0;
}

static int sign(bool greater, bool less) { return (greater ? 1 : 0) - (less ? 1 : 0); }

static int compare_numbers(const char *left, const char *right) {
    long long a, b;
    double x = 0, y = 0;
    if (str_to_int64(left, &a) && str_to_int64(right, &b)) return sign(a > b, a < b);
    if (!str_to_double(left, &x) || !str_to_double(right, &y)) return strcmp(left, right);
    return sign(x > y, x < y);
}

bool cond_compare(CondOperator operator, const Value * left, const Value *right) {
    bool a, b;
    int order;
    if (left->kind == VALUE_NULL || right->kind == VALUE_NULL) return operator== COND_NE;
    if (left->kind == VALUE_NUMBER && right->kind == VALUE_NUMBER)
        order = compare_numbers(left->text, right->text);
    else if (as_bool(left, &a) && as_bool(right, &b))
        order = sign(a && !b, b && !a);
    else
        order = strcmp(value_text(left), value_text(right));
    switch (operator) {
        case COND_EQ: return order == 0;
        case COND_NE: return order != 0;
        case COND_LT: return order < 0;
        case COND_LE: return order <= 0;
        case COND_GT: return order > 0;
        case COND_GE: return order >= 0;
    }
    return false;
}

static const char *next_char(const char *c) {
    do c++;
    while (((unsigned char)*c & 0xc0) == 0x80);
    return c;
}

bool cond_like(const char *text, const char *pattern) {
    const char *star = NULL, *retry = NULL; /* the last %, and where its match may grow from */
    while (*text != '\0') {
        if (*pattern == '%') {
            star = ++pattern;
            retry = text;
        } else if (*pattern == '_') {
            pattern++;
            text = next_char(text);
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star;
            retry = next_char(retry);
            text = retry;
        } else {
            return false;
        }
    }
    while (*pattern == '%') pattern++;
    return *pattern == '\0';
}
