/* Picking steps: --select and --exclude with ids, +id (and all before it) and id+ (all behind). */
#include "plan/plan.h"

#include <stdint.h>
#include <string.h>

static Strings ids_of(const Plan *plan, Arena *arena) {
    Strings ids = {0};
    for (size_t i = 0; i < plan->steps.count; i++)
        strings_add(arena, &ids, plan->steps.items[i].id);
    return ids;
}

bool plan_no_step(const Plan *plan, Arena *arena, const char *id, Error *err) {
    Strings ids = ids_of(plan, arena);
    error_set(err, ERR_UNKNOWN_STEP, SPAN_NONE, "the plan has no step '%s'%s", id,
              str_did_you_mean(arena, id, &ids));
    return error_hint(err, "the steps are: %s", strings_join(arena, &ids, ", "));
}

/* An empty list, as of a shell's variable that is not set, must not look like a run that worked. */
static bool nothing_picked(const Plan *plan, Arena *arena, Error *err) {
    Strings ids = ids_of(plan, arena);
    error_set(err, ERR_USAGE, SPAN_NONE, "--select and --exclude leave no step to run");
    return error_hint(err, "the steps are: %s", strings_join(arena, &ids, ", "));
}

size_t plan_find(const Plan *plan, const char *id) {
    for (size_t i = 0; i < plan->steps.count; i++)
        if (str_ieq(plan->steps.items[i].id, id)) return i;
    return SIZE_MAX;
}

static bool depends_on(const Step *step, size_t index) {
    for (size_t i = 0; i < step->depends.count; i++)
        if (step->depends.items[i] == index) return true;
    return false;
}

/* Steps are in topological order, so one pass each way reaches everything. */
static void mark(const Plan *plan, Arena *arena, size_t at, bool before, bool behind,
                 bool *marked) {
    size_t n = plan->steps.count;
    bool *found = ARENA_ARRAY(arena, bool, n);
    found[at] = true;
    for (size_t i = at + 1; before && i-- > 0;)
        for (size_t k = 0; found[i] && k < plan->steps.items[i].depends.count; k++)
            found[plan->steps.items[i].depends.items[k]] = true;
    bool *after = ARENA_ARRAY(arena, bool, n);
    after[at] = true;
    for (size_t i = at + 1; behind && i < n; i++)
        for (size_t k = at; !after[i] && k < i; k++)
            after[i] = after[k] && depends_on(&plan->steps.items[i], k);
    for (size_t i = 0; i < n; i++) marked[i] = marked[i] || found[i] || after[i];
}

/* "id", "+id", "id+" or "+id+". */
static bool mark_id(const Plan *plan, Arena *arena, const char *typed, bool *marked, Error *err) {
    bool before = *typed == '+';
    size_t size = strlen(typed + before);
    bool behind = size > 0 && typed[before + size - 1] == '+';
    const char *id = arena_strndup(arena, typed + before, size - behind);
    size_t index = plan_find(plan, id);
    if (index == SIZE_MAX) return plan_no_step(plan, arena, id, err);
    mark(plan, arena, index, before, behind, marked);
    return true;
}

/* Blanks separate as commas do, except within the name of a table that has some. */
static bool mark_list(const Plan *plan, Arena *arena, const char *list, bool *marked, Error *err) {
    for (const char *at = list; *at != '\0'; at += *at == ',') {
        size_t size = strcspn(at, ",");
        const char *part = str_trim(arena, at, size);
        at += size;
        if (*part == '\0' || mark_id(plan, arena, part, marked, err)) continue;
        if (strchr(part, ' ') == NULL) return false;
        for (const char *word = part; *word != '\0'; word += strspn(word, " ")) {
            size_t length = strcspn(word, " ");
            if (!mark_id(plan, arena, arena_strndup(arena, word, length), marked, err))
                return false;
            word += length;
        }
    }
    return true;
}

bool plan_select(const Plan *plan, Arena *arena, const char *select, const char *exclude,
                 bool **keep, Error *err) {
    size_t n = plan->steps.count;
    bool *picked = ARENA_ARRAY(arena, bool, n + 1), *left_out = ARENA_ARRAY(arena, bool, n + 1);
    if (select != NULL && !mark_list(plan, arena, select, picked, err)) return false;
    if (exclude != NULL && !mark_list(plan, arena, exclude, left_out, err)) return false;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        picked[i] = (select == NULL || picked[i]) && !left_out[i];
        count += picked[i];
    }
    if (n > 0 && count == 0) return nothing_picked(plan, arena, err);
    /* A picked LOAD cannot do without its SOURCE, which by itself does nothing. */
    for (size_t i = n; i-- > 0;)
        for (size_t k = 0; picked[i] && k < plan->steps.items[i].depends.count; k++) {
            size_t on = plan->steps.items[i].depends.items[k];
            if (plan->steps.items[on].kind == STEP_SOURCE) picked[on] = true;
        }
    *keep = picked;
    return true;
}
