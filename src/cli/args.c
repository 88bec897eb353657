/* Reads the command line and the environment against the tables of flags. See command.h.
 * Flags may stand anywhere, even before the command they belong to, so the words of the command
 * are found first, with whatever table tells how many arguments a flag takes. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

typedef struct Parser {
    Cli *cli;
    int argc;
    const char *const *argv;
    bool *taken; /* argv[i] is a word of the command's name */
    Error *err;
} Parser;

/* -- values ------------------------------------------------------------------------------ */

static bool is_choice(const char *choices, const char *value) {
    size_t size = strlen(value);
    for (const char *c = choices; *c != '\0'; c += *c == '|') {
        size_t length = strcspn(c, "|");
        if (length == size && memcmp(c, value, size) == 0) return true;
        c += length;
    }
    return false;
}

static Strings choice_list(Arena *arena, const char *choices) {
    Strings list = {0};
    for (const char *c = choices; *c != '\0'; c += *c == '|') {
        size_t length = strcspn(c, "|");
        strings_add(arena, &list, arena_strndup(arena, c, length));
        c += length;
    }
    return list;
}

static bool check_choice(Cli *cli, const char *where, const char *choices, const char *value,
                         Error *err) {
    if (is_choice(choices, value)) return true;
    Strings list = choice_list(cli->arena, choices);
    error_set(err, ERR_USAGE, SPAN_NONE, "%s cannot be '%s'%s", where, value,
              str_did_you_mean(cli->arena, value, &list));
    return error_hint(err, "one of: %s", strings_join(cli->arena, &list, ", "));
}

static bool check_value(Cli *cli, const Flag *flag, const char *where, const char *value,
                        Error *err) {
    long long number;
    double seconds;
    if (flag->choices != NULL) return check_choice(cli, where, flag->choices, value, err);
    if (flag->kind == FLAG_INT && (!str_to_int64(value, &number) || number < 0))
        return error_set(err, ERR_USAGE, SPAN_NONE, "%s needs a whole number, not '%s'", where,
                         value);
    if ((flag->kind == FLAG_SECONDS || flag->kind == FLAG_MAYBE_SECONDS) && *value != '\0' &&
        (!str_to_double(value, &seconds) || seconds < 0))
        return error_set(err, ERR_USAGE, SPAN_NONE, "%s needs a number of seconds, not '%s'", where,
                         value);
    return true;
}

static void keep(Cli *cli, const Flag *flag, const char *value) {
    Strings *list = map_get(&cli->values, flag->name);
    if (list == NULL) {
        list = ARENA_NEW(cli->arena, Strings);
        map_set(&cli->values, flag->name, list);
    }
    if (flag->kind != FLAG_LIST) list->count = 0;
    strings_add(cli->arena, list, value);
}

/* -- one argument ------------------------------------------------------------------------ */

static bool takes_value(const Flag *flag) {
    return flag->kind != FLAG_SWITCH && flag->kind != FLAG_MAYBE_SECONDS;
}

/* A comment that begins a query is not one, nor is a negative number. */
static bool is_flag(const char *arg) {
    if (arg[0] != '-' || arg[1] == '\0' || isdigit((unsigned char)arg[1])) return false;
    return arg[1] != '-' || !isspace((unsigned char)arg[strcspn(arg, "= \t\r\n")]);
}

static const Flag *in_any_table(const Command *command, const char *name, size_t size,
                                char letter) {
    if (command->actions == NULL)
        return letter ? flag_find_letter(command, letter) : flag_find(command, name, size);
    const Flag *flag = NULL;
    for (size_t i = 0; flag == NULL && command->actions[i] != NULL; i++)
        flag = in_any_table(command->actions[i], name, size, letter);
    return flag;
}

/* A flag of the known command, or of any while the command is not known. */
static const Flag *find_flag(const Command *command, const char *name, size_t size, char letter) {
    const Flag *flag = NULL;
    if (command != NULL) return in_any_table(command, name, size, letter);
    for (size_t i = 0; flag == NULL && command_at(i) != NULL; i++)
        flag = in_any_table(command_at(i), name, size, letter);
    return flag;
}

static void add_names(Cli *cli, const Flag *rows, Strings *names) {
    for (; rows != NULL && rows->name != NULL; rows++)
        strings_add(cli->arena, names, arena_printf(cli->arena, "--%s", rows->name));
}

static bool unknown_flag(const Parser *parser, const char *name) {
    Cli *cli = parser->cli;
    Strings names = {0};
    if (cli->command != NULL) add_names(cli, cli->command->flags, &names);
    add_names(cli, global_flags, &names);
    const char *of = cli->path == NULL ? "" : arena_printf(cli->arena, " of '%s'", cli->path);
    error_set(parser->err, ERR_USAGE, SPAN_NONE, "unknown flag '%s'%s%s", name, of,
              str_did_you_mean(cli->arena, name, &names));
    return error_hint(parser->err, "sqlflow%s%s --help lists the flags",
                      cli->path == NULL ? "" : " ", cli->path == NULL ? "" : cli->path);
}

static bool is_seconds(const char *arg) {
    double seconds;
    return arg != NULL && isdigit((unsigned char)arg[0]) && str_to_double(arg, &seconds);
}

/* The value of argv[*at], which `attached` holds or the next argument. */
/* A flag of the command is no value of another: `--var --format json` lacks one. */
static bool is_other_flag(const Command *command, const char *arg) {
    return arg != NULL && str_starts(arg, "--") &&
           find_flag(command, arg + 2, strcspn(arg + 2, "="), 0) != NULL;
}

static bool store(const Parser *parser, const Flag *flag, const char *attached, int *at) {
    const char *where = arena_printf(parser->cli->arena, "--%s", flag->name);
    const char *next = *at + 1 < parser->argc ? parser->argv[*at + 1] : NULL;
    const char *value = attached;
    if (flag->kind == FLAG_SWITCH && attached != NULL)
        return error_set(parser->err, ERR_USAGE, SPAN_NONE, "%s takes no value", where);
    if (value == NULL &&
        (takes_value(flag) || (flag->kind == FLAG_MAYBE_SECONDS && is_seconds(next)))) {
        value = next;
        if (value == NULL || parser->taken[*at + 1] || is_other_flag(parser->cli->command, value))
            return error_set(parser->err, ERR_USAGE, SPAN_NONE, "%s needs a value: --%s %s", where,
                             flag->name, flag->value);
        ++*at;
    }
    if (value == NULL) value = "";
    if (takes_value(flag) || *value != '\0')
        if (!check_value(parser->cli, flag, where, value, parser->err)) return false;
    keep(parser->cli, flag, value);
    return true;
}

static bool store_long(const Parser *parser, int *at) {
    const char *arg = parser->argv[*at] + 2;
    size_t size = strcspn(arg, "=");
    const Flag *flag = find_flag(parser->cli->command, arg, size, 0);
    if (flag == NULL)
        return unknown_flag(parser, arena_strndup(parser->cli->arena, arg - 2, size + 2));
    return store(parser, flag, arg[size] == '=' ? arg + size + 1 : NULL, at);
}

/* -q, -qv, -pdev, -p dev, -p=dev */
static bool store_short(const Parser *parser, int *at) {
    for (const char *c = parser->argv[*at] + 1; *c != '\0'; c++) {
        const Flag *flag = find_flag(parser->cli->command, NULL, 0, *c);
        if (flag == NULL) return unknown_flag(parser, arena_printf(parser->cli->arena, "-%c", *c));
        bool rest = takes_value(flag) && c[1] != '\0';
        if (!store(parser, flag, rest ? c + 1 + (c[1] == '=') : NULL, at)) return false;
        if (takes_value(flag)) return true;
    }
    return true;
}

/* -- passes ------------------------------------------------------------------------------ */

/* How many arguments follow the flag argv[at] as its value, as far as can be told. */
static int skipped(const Parser *parser, int at) {
    const char *arg = parser->argv[at];
    const char *next = at + 1 < parser->argc ? parser->argv[at + 1] : NULL;
    bool long_form = arg[1] == '-';
    size_t size = strcspn(arg + 2, "=");
    if (long_form && arg[2 + size] == '=') return 0;
    const Flag *flag = long_form ? find_flag(NULL, arg + 2, size, 0)
                                 : find_flag(NULL, NULL, 0, arg[strlen(arg) - 1]);
    if (flag == NULL) return 0;
    if (flag->kind == FLAG_MAYBE_SECONDS) return is_seconds(next);
    if (is_other_flag(NULL, next)) return 0;
    return takes_value(flag) && (long_form || arg[2] == '\0' || arg[1] != 'p');
}

static bool find_command(Parser *parser) {
    Cli *cli = parser->cli;
    Strings words = {0};
    int *places = ARENA_ARRAY(cli->arena, int, (size_t)parser->argc + 1);
    for (int i = 1; i < parser->argc; i++) {
        if (strcmp(parser->argv[i], "--") == 0) continue;
        if (is_flag(parser->argv[i])) {
            i += skipped(parser, i);
            continue;
        }
        places[words.count] = i;
        strings_add(cli->arena, &words, parser->argv[i]);
    }
    size_t used;
    const Command *found = command_find(cli->arena, &words, &used, parser->err);
    if (found == NULL && words.count > 0) return false;
    for (size_t i = 0; i < used; i++) parser->taken[places[i]] = true;
    words.count = used;
    cli->command = found;
    if (found != NULL) cli->path = strings_join(cli->arena, &words, " ");
    return true;
}

static bool read_arguments(const Parser *parser) {
    bool only_words = false;
    for (int i = 1; i < parser->argc; i++) {
        const char *arg = parser->argv[i];
        if (parser->taken[i]) continue;
        if (!only_words && strcmp(arg, "--") == 0)
            only_words = true;
        else if (only_words || !is_flag(arg))
            strings_add(parser->cli->arena, &parser->cli->words, arg);
        else if (!(arg[1] == '-' ? store_long(parser, &i) : store_short(parser, &i)))
            return false;
    }
    return true;
}

static bool is_true(const char *text) {
    return str_ieq(text, "1") || str_ieq(text, "true") || str_ieq(text, "yes") ||
           str_ieq(text, "on");
}

static bool is_false(const char *text) {
    return *text == '\0' || str_ieq(text, "0") || str_ieq(text, "false") || str_ieq(text, "no") ||
           str_ieq(text, "off");
}

/* SQLFLOW_<FLAG> of the global flags; help and version ask for one answer and have none. */
static bool read_environment(Cli *cli, Error *err) {
    for (const Flag *flag = global_flags; flag->name != NULL; flag++) {
        if (str_eq(flag->name, "help") || str_eq(flag->name, "version")) continue;
        char *name = arena_printf(cli->arena, "SQLFLOW_%s", flag->name);
        for (char *c = name; *c != '\0'; c++)
            *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
        const char *value = getenv(name);
        if (value == NULL || *value == '\0' || map_has(&cli->values, flag->name)) continue;
        if (flag->kind != FLAG_SWITCH) {
            if (!check_value(cli, flag, name, value, err)) return false;
            keep(cli, flag, value);
        } else if (is_true(value)) {
            keep(cli, flag, "");
        } else if (!is_false(value)) {
            return error_set(err, ERR_USAGE, SPAN_NONE, "%s is '%s': use 1 or 0", name, value);
        }
    }
    return true;
}

/* -- what the global flags mean ---------------------------------------------------------- */

/* Is it json that `flag` or its variable asks for? Found without the tables, so that a command line
 * that cannot be read is reported in the right form. */
static bool asks_for_json(int argc, const char *const *argv, const char *flag,
                          const char *variable) {
    const char *format = getenv(variable);
    size_t size = strlen(flag);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (!str_starts(argv[i], flag)) continue;
        if (argv[i][size] == '=') format = argv[i] + size + 1;
        if (argv[i][size] == '\0' && i + 1 < argc) format = argv[i + 1];
    }
    return str_eq(format, "json");
}

static bool any_knows(const Command *command, const char *format) {
    if (command->formats != NULL && is_choice(command->formats, format)) return true;
    for (size_t i = 0; command->actions != NULL && command->actions[i] != NULL; i++)
        if (any_knows(command->actions[i], format)) return true;
    return false;
}

static bool settle_format(Cli *cli, bool given, Error *err) {
    const char *formats = "table|json";
    if (cli->command != NULL && cli->command->formats != NULL) formats = cli->command->formats;
    Strings list = choice_list(cli->arena, formats);
    const char *format = flag_text(cli, "format");
    if (str_eq(format, "table") || str_eq(format, "text")) format = list.items[0];
    if (format != NULL && !is_choice(formats, format)) {
        /* A form from the environment is meant for the commands that know it. */
        bool known = false;
        for (size_t i = 0; !known && command_at(i) != NULL; i++)
            known = any_knows(command_at(i), format);
        if (given || !known)
            return check_choice(cli, given ? "--format" : "SQLFLOW_FORMAT", formats, format, err);
        format = NULL;
    }
    cli->format = format == NULL ? list.items[0] : format;
    cli->json = str_eq(cli->format, "json");
    return true;
}

static bool wants_color(const Cli *cli, int file) {
    const char *no_color = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE");
    if (flag_on(cli, "no-color") || (no_color != NULL && *no_color != '\0')) return false;
    if (force != NULL && *force != '\0' && !str_eq(force, "0")) return true;
    return isatty(file) && !str_eq(getenv("TERM"), "dumb");
}

static void settle(Cli *cli) {
    cli->quiet = flag_on(cli, "quiet");
    cli->verbose = flag_on(cli, "verbose");
    cli->color_out = wants_color(cli, STDOUT_FILENO);
    cli->color_err = wants_color(cli, STDERR_FILENO);
    cli->log_json = str_eq(flag_text(cli, "log-format"), "json");
    bool shown = !cli->quiet && !cli->verbose && !cli->log_json && !flag_on(cli, "no-progress");
    cli->progress = shown && isatty(STDERR_FILENO) && !str_eq(getenv("TERM"), "dumb");
    cli->log_level = cli->verbose ? LOG_DEBUG : LOG_INFO;
    const char *level = flag_text(cli, "log-level");
    cli->log_level_given = level != NULL && log_level_parse(level, &cli->log_level);
}

static bool check_count(const Cli *cli, Error *err) {
    const Command *command = cli->command;
    if (command->actions != NULL) {
        Strings names = {0};
        for (size_t i = 0; command->actions[i] != NULL; i++)
            strings_add(cli->arena, &names, command->actions[i]->name);
        error_set(err, ERR_USAGE, SPAN_NONE, "what shall '%s' do?", cli->path);
        return error_hint(err, "one of: %s", strings_join(cli->arena, &names, ", "));
    }
    if (cli->words.count < command->min_args)
        error_set(err, ERR_USAGE, SPAN_NONE, "'%s' needs %s", cli->path, command->arguments);
    else if (cli->words.count > command->max_args)
        error_set(err, ERR_USAGE, SPAN_NONE, "'%s' has no use for '%s'", cli->path,
                  cli->words.items[command->max_args]);
    else
        return true;
    return error_hint(err, "usage: sqlflow %s%s%s [flags]", cli->path,
                      command->arguments == NULL ? "" : " ",
                      command->arguments == NULL ? "" : command->arguments);
}

bool cli_parse(Cli *cli, int argc, const char *const *argv, Error *err) {
    Parser parser = {cli, argc, argv, ARENA_ARRAY(cli->arena, bool, (size_t)argc + 1), err};
    cli->values = map_on(cli->arena);
    cli->json = asks_for_json(argc, argv, "--format", "SQLFLOW_FORMAT");
    bool ok = find_command(&parser) && read_arguments(&parser);
    bool format_given = map_has(&cli->values, "format");
    ok = ok && read_environment(cli, err);
    settle(cli);
    cli->help = flag_on(cli, "help");
    cli->version = flag_on(cli, "version");
    cli->format_given = format_given;
    if (!ok) {
        cli->log_json = asks_for_json(argc, argv, "--log-format", "SQLFLOW_LOG_FORMAT");
        return false;
    }
    if (cli->help || cli->version || cli->command == NULL) return true;
    return settle_format(cli, format_given, err) && check_count(cli, err);
}

/* -- reading it -------------------------------------------------------------------------- */

const Strings *flag_list(const Cli *cli, const char *name) {
    static const Strings none;
    const Strings *list = map_get(&cli->values, name);
    return list == NULL ? &none : list;
}

bool flag_on(const Cli *cli, const char *name) { return flag_list(cli, name)->count > 0; }

const char *flag_text(const Cli *cli, const char *name) {
    const Strings *list = flag_list(cli, name);
    return list->count == 0 ? NULL : list->items[list->count - 1];
}

long long flag_int(const Cli *cli, const char *name, long long missing) {
    str_to_int64(flag_text(cli, name), &missing);
    return missing;
}

double flag_seconds(const Cli *cli, const char *name, double missing, double bare) {
    const char *text = flag_text(cli, name);
    double seconds = text == NULL ? missing : bare;
    str_to_double(text, &seconds);
    return seconds;
}

double flag_wait(const Cli *cli) {
    static const double endless = 1e30;
    double seconds = flag_seconds(cli, "wait", -1, endless);
    if (seconds == 0) return -1;
    return seconds >= endless ? 0 : seconds;
}

const char *cli_word(const Cli *cli, size_t index) {
    return index < cli->words.count ? cli->words.items[index] : NULL;
}
