/* The tree as text again, in one form per statement. For tests and fuzzers: what is printed parses
 * to the same tree. See lang.h. */
#include <string.h>

#include "lang/lang.h"

static void print_block(Buf *out, const Block *block, unsigned depth);

static void put_string(Buf *out, const char *text) { buf_literal(out, text); }

static void put_names(Buf *out, const Texts *names) {
    for (size_t i = 0; i < names->count; i++)
        buf_printf(out, "%s%s", i > 0 ? ", " : "", names->items[i].text);
}

static void put_json_string(Buf *out, const char *text) {
    JsonWriter json = json_writer(out, false);
    json_string(&json, NULL, text);
}

static void put_value(Buf *out, const Value *value) {
    bool object = value->kind == VALUE_OBJECT;
    if (value->kind == VALUE_STRING) {
        put_json_string(out, value->text);
    } else if (value->kind == VALUE_NULL) {
        buf_puts(out, "null");
    } else if (object || value->kind == VALUE_ARRAY) {
        buf_putc(out, object ? '{' : '[');
        for (size_t i = 0; i < value->count; i++) {
            if (i > 0) buf_puts(out, ", ");
            if (object) put_json_string(out, value->members[i].key);
            if (object) buf_puts(out, ": ");
            put_value(out, value->members[i].value);
        }
        buf_putc(out, object ? '}' : ']');
    } else {
        buf_puts(out, value_text(value));
    }
}

static void put_options(Buf *out, const char *word, const Value *options) {
    if (options == NULL) return;
    buf_printf(out, " %s ", word);
    put_value(out, options);
}

static void put_mode(Buf *out, const Mode *mode) {
    switch (mode->kind) {
        case MODE_NONE: return;
        case MODE_REPLACE: buf_puts(out, " MODE REPLACE"); return;
        case MODE_APPEND: buf_puts(out, " MODE APPEND"); return;
        case MODE_UPSERT:
            buf_puts(out, " MODE UPSERT KEY (");
            put_names(out, &mode->keys);
            buf_putc(out, ')');
            return;
        case MODE_INCREMENTAL:
            buf_printf(out, " MODE INCREMENTAL BY %s", mode->cursor.text);
            if (mode->lookback.text != NULL) buf_printf(out, " LOOKBACK %s", mode->lookback.text);
            return;
    }
}

static void print_source(Buf *out, const Stmt *stmt) {
    buf_printf(out, "SOURCE %s", stmt->source.name.text);
    if (stmt->source.type.text != NULL) {
        buf_printf(out, " TYPE %s", stmt->source.type.text);
        put_options(out, "PARAMS", stmt->source.options);
    } else {
        buf_puts(out, " FROM ");
        put_string(out, stmt->source.connection.text);
        put_options(out, "OPTIONS", stmt->source.options);
    }
}

static void print_load(Buf *out, const Stmt *stmt) {
    buf_printf(out, "LOAD %s FROM ", stmt->load.table.text);
    if (stmt->load.source.text != NULL)
        buf_puts(out, stmt->load.source.text);
    else
        buf_printf(out, "(%s)", stmt->load.query.text);
    put_mode(out, &stmt->load.mode);
}

static void print_create(Buf *out, const Stmt *stmt) {
    buf_printf(out, "CREATE %s%sTABLE %s%s", stmt->create.or_replace ? "OR REPLACE " : "",
               stmt->create.temporary ? "TEMP " : "",
               stmt->create.if_not_exists ? "IF NOT EXISTS " : "", stmt->create.table.text);
    put_mode(out, &stmt->create.mode);
    buf_printf(out, " AS %s", stmt->create.query.text);
}

static void print_export(Buf *out, const Stmt *stmt) {
    const Text *what = stmt->export.table.text != NULL ? &stmt->export.table : &stmt->export.query;
    buf_printf(out, "EXPORT %s TO ", what->text);
    if (stmt->export.destination.quoted)
        put_string(out, stmt->export.destination.text);
    else
        buf_puts(out, stmt->export.destination.text);
    if (stmt->export.type.text != NULL) buf_printf(out, " TYPE %s", stmt->export.type.text);
    put_options(out, "OPTIONS", stmt->export.options);
}

static void print_if(Buf *out, const Stmt *stmt, unsigned depth) {
    for (size_t i = 0; i < stmt->branches.count; i++) {
        const Branch *branch = &stmt->branches.items[i];
        if (branch->condition.text != NULL)
            buf_printf(out, "%s %s THEN\n", i == 0 ? "IF" : "ELSEIF", branch->condition.text);
        else
            buf_puts(out, "ELSE\n");
        print_block(out, &branch->body, depth + 1);
        buf_printf(out, "%*s", (int)depth * 2, "");
    }
    buf_puts(out, "END IF");
}

static void print_assert(Buf *out, const Stmt *stmt) {
    buf_printf(out, "ASSERT %s", stmt->assertion.warn ? "WARN " : "");
    if (stmt->assertion.kind == ASSERT_QUERY) {
        buf_printf(out, "%s AS %s", stmt->assertion.name.text, stmt->assertion.query.text);
        return;
    }
    buf_puts(out, stmt->assertion.kind == ASSERT_UNIQUE ? "UNIQUE (" : "NOT NULL (");
    put_names(out, &stmt->assertion.columns);
    buf_printf(out, ") IN %s", stmt->assertion.table.text);
}

static void print_short(Buf *out, const Stmt *stmt) {
    if (stmt->kind == STMT_SET) {
        buf_printf(out, "SET %s = ", stmt->set.name.text);
        if (stmt->set.value.quoted)
            put_string(out, stmt->set.value.text);
        else
            buf_puts(out, stmt->set.value.text);
        return;
    }
    buf_puts(out, "INCLUDE ");
    put_string(out, stmt->include.path.text);
    if (stmt->include.alias.text != NULL) buf_printf(out, " AS %s", stmt->include.alias.text);
}

static void print_stmt(Buf *out, const Stmt *stmt, unsigned depth) {
    switch (stmt->kind) {
        case STMT_SOURCE: print_source(out, stmt); break;
        case STMT_LOAD: print_load(out, stmt); break;
        case STMT_CREATE: print_create(out, stmt); break;
        case STMT_EXPORT: print_export(out, stmt); break;
        case STMT_INCLUDE:
        case STMT_SET: print_short(out, stmt); break;
        case STMT_IF: print_if(out, stmt, depth); break;
        case STMT_ASSERT: print_assert(out, stmt); break;
        case STMT_SQL: buf_puts(out, stmt->sql.sql.text); break;
    }
}

static void print_block(Buf *out, const Block *block, unsigned depth) {
    for (size_t i = 0; i < block->count; i++) {
        buf_printf(out, "%*s", (int)depth * 2, "");
        print_stmt(out, block->items[i], depth);
        buf_puts(out, ";\n");
    }
}

void lang_print(Buf *out, const Block *block) { print_block(out, block, 0); }
