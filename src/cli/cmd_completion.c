/* `sqlflow completion SHELL`: a script that knows every command and flag from the tables, and asks
 * the program itself for the names of pipelines, profiles and connections. */
#include <string.h>

#include "cli/reader.h"
#include "udf/udf.h"

extern const Command command_completion;

static void bash_script(Buf *out), zsh_script(Buf *out), fish_script(Buf *out);

static const struct {
    const char *shell;
    void (*write)(Buf *out);
} scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

/* -- names for the scripts --------------------------------------------------------------- */

/* The modules are imported: what they print goes to stderr, which the scripts drop. */
static void function_names(Context *context, Strings *names) {
    const Profile *profile = &context->project.profile;
    UdfConfig config = {context->project.root, profile->udfs_dir, profile->python_venv};
    Error ignored;
    Udfs *udfs = udfs_new(context->arena, &config);
    if (!udfs_import_all(udfs, &ignored)) return;
    for (size_t i = 0; udfs_at(udfs, i) != NULL; i++)
        strings_add(context->arena, names, udfs_at(udfs, i)->full_name);
}

static void run_names(Context *context, Strings *names) {
    AUTO_READER reader = {.lock = LOCK_NONE};
    Error ignored;
    if (!reader_open(context, &reader, &ignored) || !reader.has_state) return;
    reader_names(reader.duck, context->arena,
                 "SELECT run_id FROM _sqlflow.runs ORDER BY run_id DESC LIMIT 50", names);
}

/* Silent when there is no project: a completion is no place for errors. */
static int print_names(Cli *cli, const char *kind) {
    Context context;
    Strings names = {0};
    Error ignored;
    if (str_eq(kind, "shell")) {
        for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
            strings_add(cli->arena, &names, scripts[i].shell);
    } else if (str_eq(kind, "connector")) {
        connector_names(cli->arena, &names);
    } else if (str_eq(kind, "code")) {
        for (size_t i = 0; error_info_at(i) != NULL; i++)
            strings_add(cli->arena, &names, diag_code(cli->arena, error_info_at(i)->code));
    } else if (str_eq(kind, "command")) {
        for (size_t i = 0; command_at(i) != NULL; i++)
            strings_add(cli->arena, &names, command_at(i)->name);
    } else if (str_eq(kind, "profile")) {
        if (context_open(&context, cli))
            project_profiles(&context.project, cli->arena, &names, &ignored);
    } else if (context_open_profile(&context, cli)) {
        const Connections *connections = &context.project.profile.connections;
        if (str_eq(kind, "pipeline"))
            project_pipelines(&context.project, cli->arena, &names, &ignored);
        if (str_eq(kind, "function")) function_names(&context, &names);
        if (str_eq(kind, "run")) run_names(&context, &names);
        for (size_t i = 0; str_eq(kind, "connection") && i < connections->count; i++)
            strings_add(cli->arena, &names, connections->items[i].name);
    }
    for (size_t i = 0; i < names.count; i++) out_printf(cli, "%s\n", names.items[i]);
    return 0;
}

/* -- scripts ----------------------------------------------------------------------------- */

typedef void Visit(Buf *out, const char *path, const Command *command);

static void each(Buf *out, const char *prefix, const Command *command, Visit *visit) {
    const char *path =
        arena_printf(out->arena, "%s%s%s", prefix, *prefix == '\0' ? "" : " ", command->name);
    visit(out, path, command);
    for (size_t i = 0; command->actions != NULL && command->actions[i] != NULL; i++)
        each(out, path, command->actions[i], visit);
}

static void flag_words(Buf *out, const Flag *flag) {
    for (; flag != NULL && flag->name != NULL; flag++) buf_printf(out, " --%s", flag->name);
}

static void action_words(Buf *out, const Command *command) {
    for (size_t i = 0; command->actions != NULL && command->actions[i] != NULL; i++)
        buf_printf(out, " %s", command->actions[i]->name);
}

/* A case of the shell: what may follow the words of a command. */
static void shell_case(Buf *out, const char *path, const Command *command) {
    buf_printf(out, "    '%s') known='", path);
    Buf words = buf_on(out->arena);
    action_words(&words, command);
    flag_words(&words, command->flags);
    buf_printf(out, "%s'; kind='%s' ;;\n", buf_text(&words),
               command->complete == NULL ? "" : command->complete);
}

static void shell_paths(Buf *out) {
    for (size_t i = 0; command_at(i) != NULL; i++) each(out, "", command_at(i), shell_case);
}

static void top_words(Buf *out) {
    for (size_t i = 0; command_at(i) != NULL; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : " ", command_at(i)->name);
}

/* What the value of a flag is, where it is a name: see print_names. */
static const char *value_kind(const char *path, const Flag *flag) {
    static const struct {
        const char *flag, *kind;
    } kinds[] = {{"profile", "profile"}, {"from", "profile"}, {"pipeline", "pipeline"}};
    if (str_eq(path, "connect add") && str_eq(flag->name, "type")) return "connector";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (str_eq(flag->name, kinds[i].flag)) return kinds[i].kind;
    return "";
}

static bool wants_value(const Flag *flag) {
    return flag->kind != FLAG_SWITCH && flag->kind != FLAG_MAYBE_SECONDS;
}

static const char *choices_of(Arena *arena, const Command *command, const Flag *flag) {
    const char *choices = flag->choices;
    if (str_eq(flag->name, "format"))
        choices = command != NULL && command->formats != NULL ? command->formats : "table|json";
    return choices == NULL ? "" : str_replace(arena, choices, "|", " ");
}

static void value_case(Buf *out, const char *path, const Command *command, const Flag *flag) {
    if (!wants_value(flag)) return;
    if (flag->letter != 0) buf_printf(out, "    *' -%c') _sqlflow_values \"$1\" --%s ;;\n",
                                      flag->letter, flag->name);
    const char *pattern = command != NULL ? arena_printf(out->arena, "'%s'", path) : "*";
    buf_printf(out, "    %s' --%s') known='%s' kind='%s' ;;\n", pattern, flag->name,
               choices_of(out->arena, command, flag), value_kind(path, flag));
}

static void shell_values(Buf *out, const char *path, const Command *command) {
    static const Flag format = {"format", 0, FLAG_TEXT, NULL, NULL, NULL};
    for (const Flag *flag = command->flags; flag != NULL && flag->name != NULL; flag++)
        value_case(out, path, command, flag);
    if (command->formats != NULL) value_case(out, path, command, &format);
}

static void shell_lookup(Buf *out) {
    /* Not $path and $words, which zsh has for itself. */
    buf_puts(out, "_sqlflow_words() { # command → known words, kind\n  known='' kind=''\n"
                  "  case $1 in\n    '') known='");
    top_words(out);
    buf_puts(out, "' ;;\n");
    shell_paths(out);
    buf_puts(out, "    *) return 1 ;;\n  esac\n}\n"
                  "_sqlflow_values() { # command, flag → values, kind; 1: it takes none\n"
                  "  case \"$1 $2\" in\n");
    for (size_t i = 0; command_at(i) != NULL; i++) each(out, "", command_at(i), shell_values);
    for (const Flag *flag = global_flags; flag->name != NULL; flag++)
        value_case(out, "", NULL, flag);
    buf_puts(out, "    *) return 1 ;;\n  esac\n}\n");
    buf_puts(out, "_sqlflow_globals='");
    Buf flags = buf_on(out->arena);
    flag_words(&flags, global_flags);
    buf_printf(out, "%s'\n", buf_text(&flags));
}

static void bash_script(Buf *out) {
    buf_puts(out, "# bash completion for sqlflow: eval \"$(sqlflow completion bash)\"\n");
    shell_lookup(out);
    buf_puts(out, "_sqlflow() {\n"
                  "  local word at='' known='' kind='' current=${COMP_WORDS[COMP_CWORD]}\n"
                  "  local previous=${COMP_WORDS[COMP_CWORD-1]}\n"
                  "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                  "    [[ $word == -* ]] && continue\n"
                  "    _sqlflow_words \"${at:+$at }$word\" && at=\"${at:+$at }$word\"\n"
                  "  done\n"
                  "  [[ $current == '=' ]] && current=''\n"
                  "  [[ $previous == '=' ]] && previous=${COMP_WORDS[COMP_CWORD-2]}\n"
                  "  _sqlflow_words \"$at\"\n"
                  "  _sqlflow_values \"$at\" \"$previous\"\n"
                  "  if [[ $current == -* ]]; then\n"
                  "    known=\"$known $_sqlflow_globals\"\n"
                  "  elif [[ -n $kind ]]; then\n"
                  "    known=\"$known $(sqlflow completion --names \"$kind\" 2>/dev/null)\"\n"
                  "  fi\n"
                  "  COMPREPLY=($(compgen -W \"$known\" -- \"$current\"))\n"
                  "}\n"
                  "complete -o default -F _sqlflow sqlflow\n");
}

static void zsh_script(Buf *out) {
    buf_puts(out, "#compdef sqlflow\n# zsh completion for sqlflow: "
                  "source <(sqlflow completion zsh)\n");
    shell_lookup(out);
    buf_puts(out, "_sqlflow() {\n"
                  "  local word at='' known='' kind='' current=${words[CURRENT]}\n"
                  "  local -a typed; typed=(\"${(@)words[2,CURRENT-1]}\")\n"
                  "  local previous=${typed[-1]:-}\n"
                  "  for word in $typed; do\n"
                  "    [[ $word == -* ]] && continue\n"
                  "    _sqlflow_words \"${at:+$at }$word\" && at=\"${at:+$at }$word\"\n"
                  "  done\n"
                  "  _sqlflow_words \"$at\"\n"
                  "  _sqlflow_values \"$at\" \"$previous\"\n"
                  "  [[ $current == -* ]] && known=\"$known $_sqlflow_globals\"\n"
                  "  [[ -n $kind ]] && known=\"$known $(sqlflow completion --names $kind "
                  "2>/dev/null)\"\n"
                  "  compadd -- ${=known}\n"
                  "}\n"
                  "# sourced, or the function file of fpath at its first call\n"
                  "if [[ $funcstack[1] == _sqlflow ]]; then _sqlflow \"$@\"\n"
                  "else compdef _sqlflow sqlflow; fi\n");
}

static void fish_text(Buf *out, const char *text) {
    buf_putc(out, '\'');
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\'' || *c == '\\') buf_putc(out, '\\');
        buf_putc(out, *c);
    }
    buf_putc(out, '\'');
}

static void fish_flag(Buf *out, const char *path, const Command *command, const Flag *flag) {
    const char *choices = choices_of(out->arena, command, flag), *kind = value_kind(path, flag);
    buf_printf(out, " -l %s", flag->name);
    if (flag->letter != 0) buf_printf(out, " -s %c", flag->letter);
    if (wants_value(flag)) buf_puts(out, " -r");
    if (*choices != '\0') buf_printf(out, " -f -a '%s'", choices);
    if (*kind != '\0')
        buf_printf(out, " -f -a '(sqlflow completion --names %s 2>/dev/null)'", kind);
    buf_puts(out, " -d ");
}

/* What may follow the words typed so far: fish asks for each candidate whether it fits. */
static void fish_command(Buf *out, const char *path, const Command *command) {
    static const Flag format = {"format", 0, FLAG_TEXT, NULL, NULL, NULL};
    const char *condition = arena_printf(out->arena, "__sqlflow_at %s", path);
    for (size_t i = 0; command->actions != NULL && command->actions[i] != NULL; i++) {
        buf_printf(out, "complete -c sqlflow -f -n '__sqlflow_only %s' -a %s -d ", path,
                   command->actions[i]->name);
        fish_text(out, command->actions[i]->summary);
        buf_putc(out, '\n');
    }
    for (const Flag *flag = command->flags; flag != NULL && flag->name != NULL; flag++) {
        buf_printf(out, "complete -c sqlflow -n '%s'", condition);
        fish_flag(out, path, command, flag);
        fish_text(out, flag->help);
        buf_putc(out, '\n');
    }
    if (command->formats != NULL)
        buf_printf(out, "complete -c sqlflow -f -n '%s' -l format -r -a '%s'\n", condition,
                   choices_of(out->arena, command, &format));
    if (command->complete != NULL)
        buf_printf(out,
                   "complete -c sqlflow -f -n '%s' -a '(sqlflow completion --names %s "
                   "2>/dev/null)'\n",
                   condition, command->complete);
}

static void fish_script(Buf *out) {
    buf_puts(out, "# fish completion for sqlflow: sqlflow completion fish | source\n"
                  "function __sqlflow_at\n"
                  "    set -l typed (string match -v -- '-*' (commandline -opc)[2..])\n"
                  "    test (count $typed) -ge (count $argv)\n"
                  "    and test \"$typed[1..\"(count $argv)\"]\" = \"$argv\"\n"
                  "end\n"
                  "function __sqlflow_only\n"
                  "    set -l typed (string match -v -- '-*' (commandline -opc)[2..])\n"
                  "    test \"$typed\" = \"$argv\"\n"
                  "end\n");
    for (size_t i = 0; command_at(i) != NULL; i++) {
        buf_printf(out, "complete -c sqlflow -f -n __fish_use_subcommand -a %s -d ",
                   command_at(i)->name);
        fish_text(out, command_at(i)->summary);
        buf_putc(out, '\n');
    }
    for (const Flag *flag = global_flags; flag->name != NULL; flag++) {
        buf_puts(out, "complete -c sqlflow");
        fish_flag(out, "", NULL, flag);
        fish_text(out, flag->help);
        buf_putc(out, '\n');
    }
    for (size_t i = 0; command_at(i) != NULL; i++) each(out, "", command_at(i), fish_command);
}

static int run_completion(Cli *cli) {
    const char *kind = flag_text(cli, "names"), *shell = cli_word(cli, 0);
    if (kind != NULL) return print_names(cli, kind);
    for (size_t i = 0; shell != NULL && i < sizeof scripts / sizeof *scripts; i++) {
        if (!str_ieq(shell, scripts[i].shell)) continue;
        Buf out = buf_on(cli->arena);
        scripts[i].write(&out);
        out_text(cli, buf_text(&out));
        return 0;
    }
    return shell == NULL ? fail_usage(cli, "which shell? bash, zsh or fish")
                         : fail_usage(cli, "unknown shell '%s': bash, zsh or fish", shell);
}

static const Flag flags[] = {
    {"names", 0, FLAG_TEXT, "KIND",
     "pipeline|profile|connection|connector|function|run|command|shell|code",
     "print the names there are (for the scripts)"},
    {0},
};

const Command command_completion = {
    .name = "completion",
    .summary = "print a completion script for bash, zsh or fish",
    .arguments = "bash|zsh|fish",
    .flags = flags,
    .formats = "text",
    .complete = "shell",
    .max_args = 1,
    .examples =
        (const Example[]){{"completion bash > /etc/bash_completion.d/sqlflow", "for all users"},
                          {"completion fish | source", "for this session"},
                          {0}},
    .run = run_completion,
};
