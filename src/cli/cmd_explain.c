/* `sqlflow explain CODE`: what an error code means, from the table of codes. */
#include <ctype.h>

#include "cli/output.h"

extern const Command command_explain;

/* SF0301, sf301, 0301, 301 */
static const ErrorInfo *find_code(const char *text) {
    long long number;
    if (str_istarts(text, "SF")) text += 2;
    if (!isdigit((unsigned char)*text) || !str_to_int64(text, &number)) return NULL;
    return number > 0 && number < 10000 ? error_info((ErrorCode)number) : NULL;
}

static bool is_warning(const ErrorInfo *info) {
    switch ((int)info->code) {
#define ERROR(name, number, class, title, help)                                                    \
    case number:                                                                                   \
        return #name[0] == 'W';
#include "base/errors.def"
#undef ERROR
        default: return false;
    }
}

static void write_json(Cli *cli, JsonWriter *json, const ErrorInfo *info) {
    json_string(json, "code", diag_code(cli->arena, info->code));
    json_string(json, "severity", is_warning(info) ? "warning" : "error");
    json_string(json, "class", error_class_name(info->class));
    json_string(json, "title", info->title);
    json_int(json, "exit_code", is_warning(info) ? 0 : error_exit_code(info->code));
    json_string(json, "help", info->help);
}

/* Words wrapped at the width of a page. */
static void wrap(Buf *out, const char *text) {
    enum { WIDTH = 80 };
    for (size_t column = 0; *text != '\0';) {
        size_t size = 0;
        while (text[size] != '\0' && text[size] != ' ') size++;
        if (column > 0 && column + 1 + size > WIDTH) {
            buf_putc(out, '\n');
            column = 0;
        } else if (column > 0) {
            buf_putc(out, ' ');
            column++;
        }
        buf_put(out, text, size);
        column += size;
        text += size;
        while (*text == ' ') text++;
    }
    buf_putc(out, '\n');
}

static int list_codes(Cli *cli) {
    Document document;
    document_start(&document, cli);
    json_array(&document.json, "codes");
    Table table = table_new(cli->arena, "CODE|CLASS|TITLE");
    for (size_t i = 0; error_info_at(i) != NULL; i++) {
        const ErrorInfo *info = error_info_at(i);
        json_object(&document.json, NULL);
        write_json(cli, &document.json, info);
        json_end(&document.json);
        table_cell(&table, diag_code(cli->arena, info->code));
        table_cell(&table, is_warning(info) ? "warning" : error_class_name(info->class));
        table_cell(&table, info->title);
    }
    json_end(&document.json);
    if (cli->json) return document_end(&document, cli);
    table_print(cli, &table);
    return 0;
}

static int unknown(Cli *cli, const char *code) {
    Strings codes = {0};
    for (size_t i = 0; error_info_at(i) != NULL; i++)
        strings_add(cli->arena, &codes, diag_code(cli->arena, error_info_at(i)->code));
    Error err;
    error_set(&err, ERR_USAGE, SPAN_NONE, "unknown code '%s': codes look like SF0301%s", code,
              str_did_you_mean(cli->arena, code, &codes));
    error_hint(&err, "sqlflow explain lists the codes");
    return fail(cli, &err);
}

static int run_explain(Cli *cli) {
    if (cli->words.count == 0) return list_codes(cli);
    const char *code = cli_word(cli, 0);
    const ErrorInfo *info = find_code(code);
    if (info == NULL) return unknown(cli, code);
    if (cli->json) {
        Document document;
        document_start(&document, cli);
        write_json(cli, &document.json, info);
        return document_end(&document, cli);
    }
    Buf out = buf_on(cli->arena);
    buf_printf(&out, "%s  %s\n\n", diag_code(cli->arena, info->code), info->title);
    wrap(&out, info->help);
    if (is_warning(info))
        buf_puts(&out, "\nA warning: the run goes on.\n");
    else
        buf_printf(&out, "\nClass %s, exit code %d.\n", error_class_name(info->class),
                   error_exit_code(info->code));
    out_text(cli, buf_text(&out));
    return 0;
}

const Command command_explain = {
    .name = "explain",
    .summary = "tell what an error code means and what to do",
    .arguments = "[CODE]",
    .complete = "code",
    .max_args = 1,
    .examples = (const Example[]){{"explain SF0301", "what this error means"},
                                  {"explain", "list all codes"},
                                  {0}},
    .run = run_explain,
};
