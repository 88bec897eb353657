/* Which parameter of a Python function each argument of a SQL call is for. */
#include <stdint.h>

#include "udf/rewrite.h"

static const UdfParam *variadic(const Udf *udf) {
    for (size_t i = 0; i < udf->params.count; i++)
        if (udf->params.items[i].variadic) return &udf->params.items[i];
    return NULL;
}

static size_t positional_count(const Udf *udf) {
    size_t count = 0;
    while (count < udf->params.count && !udf->params.items[count].keyword_only &&
           !udf->params.items[count].variadic)
        count++;
    return count;
}

static size_t find_param(const Udf *udf, const char *name) {
    for (size_t i = 0; i < udf->params.count; i++)
        if (str_ieq(udf->params.items[i].name, name) && !udf->params.items[i].variadic) return i;
    return SIZE_MAX;
}

static bool wrong(Rewrite *rewrite, const Call *call, Error *issue) {
    error_hint(issue, "its signature is %s", udf_signature(rewrite->arena, call->udf));
    return false;
}

static bool match_named(Rewrite *rewrite, const Call *call, const Argument *arg, size_t *param) {
    *param = find_param(call->udf, arg->name);
    if (*param != SIZE_MAX) return true;
    Strings names = {0};
    for (size_t i = 0; i < call->udf->params.count; i++)
        if (!call->udf->params.items[i].variadic)
            strings_add(rewrite->arena, &names, call->udf->params.items[i].name);
    return wrong(rewrite, call,
                 rewrite_issue(rewrite, arg->whole, arg->to, ERR_QUERY,
                               "%s has no parameter '%s'%s", call->udf->full_name, arg->name,
                               str_did_you_mean(rewrite->arena, arg->name, &names)));
}

static bool check_missing(Rewrite *rewrite, const Call *call, const bool *given) {
    for (size_t i = 0; i < call->udf->params.count; i++) {
        const UdfParam *param = &call->udf->params.items[i];
        if (given[i] || param->fallback || param->variadic) continue;
        return wrong(rewrite, call,
                     rewrite_issue(rewrite, call->first, call->close + 1, ERR_QUERY,
                                   "%s needs the argument '%s'", call->udf->full_name,
                                   param->name));
    }
    return true;
}

bool rewrite_match(Rewrite *rewrite, const Call *call, size_t skip, size_t *params) {
    const Udf *udf = call->udf;
    size_t limit = positional_count(udf);
    bool *given = ARENA_ARRAY(rewrite->arena, bool, udf->params.count + 1), named = false;
    for (size_t i = skip; i < call->args.count; i++) {
        const Argument *arg = &call->args.items[i];
        params[i] = SIZE_MAX;
        if (arg->name && !match_named(rewrite, call, arg, &params[i])) return false;
        if (!arg->name && named)
            return wrong(rewrite, call,
                         rewrite_issue(rewrite, arg->whole, arg->to, ERR_QUERY,
                                       "an argument without a name stands behind a named one"));
        if (!arg->name && i - skip < limit)
            params[i] = i - skip;
        else if (!arg->name && !variadic(udf))
            return wrong(rewrite, call,
                         rewrite_issue(rewrite, arg->whole, arg->to, ERR_QUERY,
                                       "%s takes %zu argument%s, not %zu", udf->full_name, limit,
                                       limit == 1 ? "" : "s", call->args.count - skip));
        if (params[i] != SIZE_MAX && given[params[i]])
            return wrong(rewrite, call,
                         rewrite_issue(rewrite, arg->whole, arg->to, ERR_QUERY,
                                       "the argument '%s' is given twice",
                                       udf->params.items[params[i]].name));
        if (params[i] != SIZE_MAX) given[params[i]] = true;
        named = named || arg->name;
    }
    return check_missing(rewrite, call, given);
}
