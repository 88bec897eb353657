/* `sqlflow env …`: where each variable of a pipeline and its profile comes from, and which are
 * missing. Values of secrets are never shown. */
#include <string.h>

#include "base/clock.h"
#include "base/redact.h"
#include "cli/flags.h"
#include "cli/usage.h"

extern const Command command_env;

typedef struct Found {
    Context context;
    VariableUses uses;
} Found;

/* All uses of the pipelines named (default: all) and of the profile, as far as they need it. */
static bool find(Cli *cli, Found *found, bool all_connections) {
    Strings names, connections = {0};
    if (!context_open_profile(&found->context, cli) || !context_names(&found->context, 0, &names))
        return false;
    found->uses = (VariableUses){0};
    for (size_t i = 0; i < names.count; i++) {
        AUTO_LOADED loaded = {0};
        /* Missing values are what is looked for, so errors beyond syntax do not end it. */
        if (!context_load(&found->context, names.items[i], LOAD_SCRIPT, &loaded)) return false;
        Diags kept = found->context.diags;
        context_resolve(&found->context, &loaded); /* for its SETs */
        found->context.diags = kept;
        uses_of_pipeline(&found->context, &loaded, &found->uses, &connections);
    }
    uses_of_profile(&found->context, all_connections ? NULL : &connections, &found->uses);
    return true;
}

static const char *shown(Arena *arena, bool secret, const char *text) {
    if (text == NULL) return NULL;
    return secret ? "***" : redact_text(arena, text);
}

static const char *value_or_null(const Value *value) {
    return value == NULL ? NULL : value_text(value);
}

/* Does the profile or any pipeline that can be read use it as a secret? */
static bool is_secret(Context *context, const char *name) {
    Diags kept = context->diags;
    Strings names = {0}, connections = {0};
    VariableUses uses = {0};
    Error ignored = {0};
    project_pipelines(&context->project, context->arena, &names, &ignored);
    for (size_t i = 0; i < names.count; i++) {
        AUTO_LOADED loaded = {0};
        if (context_load(context, names.items[i], LOAD_SCRIPT, &loaded))
            uses_of_pipeline(context, &loaded, &uses, &connections);
    }
    uses_of_profile(context, NULL, &uses);
    context->diags = kept;
    for (size_t i = 0; i < uses.count; i++)
        if (str_eq(uses.items[i].name, name)) return uses.items[i].secret;
    return redact_is_secret_name(name);
}

static const char *origin_text(const VariableUse *use) {
    if (use->value != NULL) return var_origin_name(use->origin);
    return use->needed ? "missing" : "default";
}

static int run_list(Cli *cli) {
    Found found;
    if (!find(cli, &found, false)) return context_fail(&found.context);
    Document document;
    document_start(&document, cli);
    json_array(&document.json, "variables");
    Table table = table_new(cli->arena, "NAME|VALUE|FROM|USED BY");
    for (size_t i = 0; i < found.uses.count; i++) {
        const VariableUse *use = &found.uses.items[i];
        const char *fallback = shown(cli->arena, use->secret, use->fallback);
        const char *value = shown(cli->arena, use->secret, value_or_null(use->value));
        if (value == NULL && !use->needed) value = fallback;
        json_object(&document.json, NULL);
        json_string(&document.json, "name", use->name);
        json_string(&document.json, "value", value);
        json_string(&document.json, "origin", origin_text(use));
        json_string(&document.json, "default", fallback);
        json_array(&document.json, "used_by");
        for (size_t k = 0; k < use->users.count; k++)
            json_string(&document.json, NULL, use->users.items[k]);
        json_end(&document.json);
        json_end(&document.json);
        table_cell(&table, use->name);
        table_cell(&table, value);
        table_cell(&table, origin_text(use));
        table_cell(&table, strings_join(cli->arena, &use->users, ", "));
    }
    json_end(&document.json);
    if (cli->json) return document_end(&document, cli);
    if (found.uses.count == 0)
        note(cli, "no variables are used");
    else
        table_print(cli, &table);
    return 0;
}

static int run_get(Cli *cli) {
    Context context;
    Error err = {0};
    VarOrigin origin = VAR_NONE;
    const char *name = cli_word(cli, 0);
    if (!context_open_profile(&context, cli)) return context_fail(&context);
    Vars vars = vars_new(cli->arena, &context.project);
    vars_set_builtins(&vars, NULL, NULL, clock_wall_us());
    const Value *value = vars_get(&vars, name, &origin, &err);
    if (value == NULL) {
        Strings names = {0};
        vars_names(&vars, cli->arena, &names);
        if (err.code == ERR_NONE) {
            error_set(&err, ERR_USAGE, SPAN_NONE, "there is no variable '%s'%s", name,
                      str_did_you_mean(cli->arena, name, &names));
            error_hint(&err, "sqlflow env list shows the variables of the pipelines");
        }
        return fail(cli, &err);
    }
    const char *text = shown(cli->arena, is_secret(&context, name), value_text(value));
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        json_string(&document.json, "name", name);
        json_string(&document.json, "value", text);
        json_string(&document.json, "origin", var_origin_name(origin));
        return document_end(&document, cli);
    }
    out_printf(cli, "%s\n", text);
    note(cli, "from: %s", var_origin_name(origin));
    return 0;
}

static int check_json(Cli *cli, size_t checked, const Strings *missing, Diags *diags) {
    Document document;
    document_start(&document, cli);
    json_int(&document.json, "checked", (long long)checked);
    json_array(&document.json, "missing");
    for (size_t i = 0; i < missing->count; i++)
        json_string(&document.json, NULL, missing->items[i]);
    json_end(&document.json);
    if (missing->count > 0) {
        diags_sort(diags);
        show_diags(cli, diags);
        json_error(cli, &document.json, diags);
        json_diags(&document.json, "diagnostics", diags);
    }
    document_end(&document, cli);
    return diags_exit_code(diags);
}

static int run_check(Cli *cli) {
    Found found;
    if (!find(cli, &found, false)) return context_fail(&found.context);
    size_t checked = 0;
    Strings missing = {0};
    for (size_t i = 0; i < found.uses.count; i++) {
        const VariableUse *use = &found.uses.items[i];
        checked++;
        if (!use->needed || use->value != NULL) continue;
        strings_add(cli->arena, &missing, use->name);
        diag_error(&found.context.diags, ERR_UNKNOWN_VARIABLE, use->span,
                   "variable '%s' has no value; used by %s", use->name,
                   strings_join(cli->arena, &use->users, ", "))
            ->hint =
            arena_printf(cli->arena, "put %s=… into .env, or give it with --var", use->name);
    }
    if (cli->json) return check_json(cli, checked, &missing, &found.context.diags);
    if (missing.count > 0) return context_fail(&found.context);
    out_printf(cli, checked == 1 ? "the one variable has a value\n"
                                 : "all %zu variables have a value\n",
               checked);
    return 0;
}

/* What a colleague has to fill in: names that neither the profile nor a SET gives. */
static int run_template(Cli *cli) {
    Found found;
    if (!find(cli, &found, true)) return context_fail(&found.context);
    Buf out = buf_on(cli->arena);
    Document document;
    document_start(&document, cli);
    json_array(&document.json, "variables");
    buf_puts(&out, "# Copy to .env and fill in. Do not commit .env.\n");
    for (size_t i = 0; i < found.uses.count; i++) {
        const VariableUse *use = &found.uses.items[i];
        VarOrigin origin = use->value == NULL ? VAR_NONE : use->origin;
        if (origin == VAR_PROFILE || origin == VAR_SET || origin == VAR_BUILTIN) continue;
        buf_printf(&out, "\n# used by %s\n", strings_join(cli->arena, &use->users, ", "));
        const char *fallback = use->needed || use->secret ? NULL : use->fallback;
        buf_printf(&out, use->needed ? "%s=%s\n" : "# %s=%s\n", use->name,
                   fallback == NULL ? "" : fallback);
        json_object(&document.json, NULL);
        json_string(&document.json, "name", use->name);
        json_string(&document.json, "default", fallback);
        json_end(&document.json);
    }
    json_end(&document.json);
    if (cli->json) return document_end(&document, cli);
    out_text(cli, buf_text(&out));
    return 0;
}

/* -- the table --------------------------------------------------------------------------- */

static const Flag flags[] = {FLAG_ROW_VAR, FLAG_ROW_VARS, FLAG_ROW_END};

static const Command list = {
    .name = "list",
    .summary = "show where each variable comes from",
    .arguments = "[PIPELINE…]",
    .flags = flags,
    .complete = "pipeline",
    .max_args = ANY_NUMBER,
    .examples =
        (const Example[]){{"env list customer_analytics", "the variables of one pipeline"}, {0}},
    .run = run_list,
};
static const Command get = {
    .name = "get",
    .summary = "show one variable's value and origin",
    .arguments = "NAME",
    .min_args = 1,
    .max_args = 1,
    .examples = (const Example[]){{"env get environment", "as a pipeline would see it"}, {0}},
    .run = run_get,
};
static const Command check = {
    .name = "check",
    .summary = "tell which variables have no value",
    .arguments = "[PIPELINE…]",
    .flags = flags,
    .complete = "pipeline",
    .max_args = ANY_NUMBER,
    .examples =
        (const Example[]){{"env check customer_analytics -p prod", "before a deployment"}, {0}},
    .run = run_check,
};
static const Command template = {
    .name = "template",
    .summary = "print a .env to be filled in",
    .arguments = "[PIPELINE…]",
    .flags = flags,
    .complete = "pipeline",
    .max_args = ANY_NUMBER,
    .examples = (const Example[]){{"env template > .env.example", "for colleagues"}, {0}},
    .run = run_template,
};

const Command command_env = {
    .name = "env",
    .summary = "variables: where they come from and which are missing",
    .actions = (const Command *const[]){&list, &get, &check, &template, NULL},
    .examples = (const Example[]){{"env check customer_analytics", "is everything there?"}, {0}},
};
