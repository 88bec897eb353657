/* The table of commands and the lookup in it, with suggestions for what is not there. */
#include <string.h>

#include "cli/command.h"

#define COMMAND(name) extern const Command command_##name;
#include "cli/list.def"
#undef COMMAND

static const Command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "cli/list.def"
#undef COMMAND
    NULL,
};

const Flag global_flags[] = {
    {"profile", 'p', FLAG_TEXT, "NAME", NULL, "profile to use: profiles/NAME.yml"},
    {"project-dir", 0, FLAG_TEXT, "DIR", NULL,
     "the project's folder (default: the nearest parent with profiles/)"},
    {"format", 0, FLAG_TEXT, "FORMAT", NULL, "form of the output; json prints one document"},
    {"quiet", 'q', FLAG_SWITCH, NULL, NULL, "print nothing but errors"},
    {"verbose", 'v', FLAG_SWITCH, NULL, NULL, "log events to stderr"},
    {"log-level", 0, FLAG_TEXT, "LEVEL", "debug|info|warning|error", "what is worth logging"},
    {"log-format", 0, FLAG_TEXT, "FORMAT", "text|json", "json: one event a line on stderr"},
    {"no-color", 0, FLAG_SWITCH, NULL, NULL, "no colours"},
    {"no-progress", 0, FLAG_SWITCH, NULL, NULL, "no live line on a terminal"},
    {"help", 'h', FLAG_SWITCH, NULL, NULL, "show help, also of a command"},
    {"version", 0, FLAG_SWITCH, NULL, NULL, "show the version"},
    {NULL, 0, FLAG_SWITCH, NULL, NULL, NULL},
};

const Command *command_at(size_t index) {
    return index < sizeof commands / sizeof *commands ? commands[index] : NULL;
}

static const Command *find_in(const Command *const *list, const char *name) {
    for (; *list != NULL; list++)
        if (str_eq((*list)->name, name)) return *list;
    return NULL;
}

/* "pipeline validate" for validate, else the nearest name at this level. */
static const char *nearest(Arena *arena, const Command *const *list, const char *name) {
    Strings names = {0};
    for (size_t i = 0; list[i] != NULL; i++) {
        strings_add(arena, &names, list[i]->name);
        const Command *action = list[i]->actions == NULL ? NULL : find_in(list[i]->actions, name);
        if (action != NULL) return arena_printf(arena, "%s %s", list[i]->name, action->name);
    }
    return str_nearest(name, &names);
}

static const char *names_of(Arena *arena, const Command *const *list) {
    Strings names = {0};
    for (; *list != NULL; list++) strings_add(arena, &names, (*list)->name);
    return strings_join(arena, &names, ", ");
}

static const Command *unknown(Arena *arena, const Command *group, const char *name, Error *err) {
    const Command *const *list = group == NULL ? commands : group->actions;
    const char *meant = nearest(arena, list, name);
    const char *what = group == NULL ? "" : arena_printf(arena, "%s ", group->name);
    error_set(err, ERR_USAGE, SPAN_NONE, "unknown command '%s%s'%s", what, name,
              meant == NULL ? "" : arena_printf(arena, " (did you mean '%s%s'?)", what, meant));
    error_hint(err, "there are: %s", names_of(arena, list));
    return NULL;
}

const Command *command_find(Arena *arena, const Strings *words, size_t *used, Error *err) {
    const Command *command = NULL;
    *used = 0;
    for (size_t i = 0; i < words->count; i++) {
        if (command != NULL && command->actions == NULL) break;
        const Command *next =
            find_in(command == NULL ? commands : command->actions, words->items[i]);
        if (next == NULL) return unknown(arena, command, words->items[i], err);
        command = next;
        *used = i + 1;
    }
    return command;
}

static const Flag *find_row(const Flag *rows, const char *name, size_t size) {
    for (; rows != NULL && rows->name != NULL; rows++)
        if (strlen(rows->name) == size && memcmp(rows->name, name, size) == 0) return rows;
    return NULL;
}

const Flag *flag_find(const Command *command, const char *name, size_t size) {
    const Flag *row = command == NULL ? NULL : find_row(command->flags, name, size);
    return row != NULL ? row : find_row(global_flags, name, size);
}

static const Flag *find_letter(const Flag *rows, char letter) {
    for (; rows != NULL && rows->name != NULL; rows++)
        if (rows->letter == letter) return rows;
    return NULL;
}

const Flag *flag_find_letter(const Command *command, char letter) {
    const Flag *row = command == NULL ? NULL : find_letter(command->flags, letter);
    return row != NULL ? row : find_letter(global_flags, letter);
}
