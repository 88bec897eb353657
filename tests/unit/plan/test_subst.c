/* Substitution: every row of the table in language.md, section 3, and the corners between them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lang/lang.h"
#include "plan/subst.h"

typedef struct Fixture {
    Arena *arena;
    Project project;
    Vars vars;
    Script script;
    Diags diags;
    Subst subst;
} Fixture;

static void set_number(Vars *vars, const char *name, const char *text) {
    vars_set(vars, name, vars_value_of(vars->arena, text, SPAN_NONE));
}

static void set_text(Vars *vars, const char *name, const char *text) {
    vars_set(vars, name, value_string(vars->arena, text, SPAN_NONE));
}

static void add_alias(Fixture *f, const char *alias, const char *names) {
    IncludeAlias *added = LIST_PUSH(f->arena, &f->script.aliases);
    *added = (IncludeAlias){.alias = alias};
    char *list = arena_strdup(f->arena, names);
    for (char *name; (name = strsep(&list, "|")) != NULL;)
        strings_add(f->arena, &added->names, name);
}

static void set_up(Fixture *f) {
    *f = (Fixture){.arena = arena_new()};
    f->project = (Project){.arena = f->arena, .dotenv = map_on(f->arena)};
    f->vars = vars_new(f->arena, &f->project);
    f->diags = diags_on(f->arena);
    set_number(&f->vars, "num", "42");
    set_number(&f->vars, "neg", "-1.5");
    set_number(&f->vars, "yes", "true");
    set_number(&f->vars, "no", "false");
    set_number(&f->vars, "nil", "null");
    set_text(&f->vars, "txt", "it's");
    set_text(&f->vars, "tbl", "my table");
    set_text(&f->vars, "t", "orders");
    set_text(&f->vars, "kw", "select");
    set_text(&f->vars, "q", "x\"y");
    set_text(&f->vars, "bs", "a\\n'b");
    set_text(&f->vars, "five", "5");
    set_text(&f->vars, "empty", "");
    set_text(&f->vars, "expr", "a + b");
    set_text(&f->vars, "ref", "${num}");
    set_text(&f->vars, "evil", "x; DROP TABLE t; --");
    add_alias(f, "lib", "t|orders|\"My Table\"|s.u|r_${num}");
    f->subst = subst_new(f->arena, &f->vars, &f->script, &f->diags);
}

static void tear_down(Fixture *f) { arena_free(f->arena); }

static SqlText run_sql(Fixture *f, const char *sql) {
    SourceText *source = source_new(f->arena, "p.sf", sql, strlen(sql));
    return subst_sql(&f->subst, span_of(source, 0, strlen(sql)));
}

static const struct {
    const char *sql, *want;
} sql_cases[] = {
    /* bytes stay */
    {"SELECT  a::int ,'two  spaces' -- x\n", "SELECT  a::int ,'two  spaces' -- x\n"},
    {"SELECT $$${num}$$, $a$ ${num} $a$", "SELECT $$${num}$$, $a$ ${num} $a$"},
    {"SELECT 1 /* ${nowhere} */ -- ${nor_here}\n", "SELECT 1 /* ${nowhere} */ -- ${nor_here}\n"},
    {"SELECT '$num', $1", "SELECT '$num', $1"},
    {"SELECT '\\${num}'", "SELECT '${num}'"},
    {"SELECT E'\\${num} \\n'", "SELECT E'${num} \\n'"},
    /* values */
    {"SELECT ${num} + 1", "SELECT 42 + 1"},
    {"SELECT ${yes}, ${no}, ${nil}", "SELECT TRUE, FALSE, NULL"},
    {"SELECT ${txt}", "SELECT 'it''s'"},
    {"SELECT ${five}", "SELECT '5'"},
    {"SELECT ${empty}", "SELECT ''"},
    {"SELECT ${ref}", "SELECT '${num}'"},
    {"SELECT ${evil}", "SELECT 'x; DROP TABLE t; --'"},
    {"SELECT ${none|5} + ${none|-2}", "SELECT 5 + -2"},
    {"SELECT ${none|abc}, ${none|'5'}, ${none|}", "SELECT 'abc', '5', ''"},
    {"SELECT ${none|'a  b'}", "SELECT 'a  b'"},
    {"SELECT ${none|true}", "SELECT TRUE"},
    {"SELECT ${a.b|9}", "SELECT 9"},
    {"SELECT ${num}::VARCHAR || 'x'", "SELECT 42::VARCHAR || 'x'"},
    {"SELECT ${neg} * 2", "SELECT -1.5 * 2"},
    {"SELECT ${neg}::INT, ${neg} ** 2", "SELECT (-1.5)::INT, (-1.5) ** 2"},
    {"SELECT a-${neg}, a - ${neg}", "SELECT a- -1.5, a -  -1.5"},
    {"SELECT upper(${txt}) IN (${num}, 1) LIMIT ${num}",
     "SELECT upper('it''s') IN (42, 1) LIMIT 42"},
    {"SELECT x[${num}], {'a': ${txt}}", "SELECT x[42], {'a': 'it''s'}"},
    {"SELECT 1.${num}, ${num}.5", "SELECT 1.42, 42.5"},
    {"SELECT ${num}${num}, ${txt}${t}", "SELECT 4242, 'it''sorders'"},
    {"SELECT 'a'${txt}'b'", "SELECT 'a' 'it''s' 'b'"},
    {"SELECT $1${num}, ${nil}$x$ a $x$, ${t:ident}'a'", "SELECT $1 42, NULL $x$ a $x$, orders 'a'"},
    /* quoted texts */
    {"SELECT 'a ${txt} b ${num}${nil}'", "SELECT 'a it''s b 42'"},
    {"SELECT '${x|it''s}', '${x|'a b'}'", "SELECT 'it''s', 'a b'"},
    {"SELECT '${bs}', E'${bs}'", "SELECT 'a\\n''b', E'a\\\\n''b'"},
    {"SELECT \"${q}\", \"${tbl}\"", "SELECT \"x\"\"y\", \"my table\""},
    {"SELECT '${expr:raw} ${num:ident}'", "SELECT 'a + b 42'"},
    /* tables */
    {"FROM ${t}", "FROM orders"},
    {"SELECT * FROM ${tbl}", "SELECT * FROM \"my table\""},
    {"SELECT * FROM ${n|a\u00a0b}", "SELECT * FROM \"a\u00a0b\""},
    {"SELECT * FROM ${kw}", "SELECT * FROM \"select\""},
    {"SELECT * FROM ${num}", "SELECT * FROM \"42\""},
    {"SELECT * FROM ${evil}", "SELECT * FROM \"x; DROP TABLE t; --\""},
    {"SELECT * FROM a, ${t} b, ${tbl}", "SELECT * FROM a, orders b, \"my table\""},
    {"SELECT * FROM f(${t}, 1), ${t}", "SELECT * FROM f('orders', 1), orders"},
    {"SELECT * FROM a JOIN ${t} ON a.x IN (${t}, 2), ${t}",
     "SELECT * FROM a JOIN orders ON a.x IN ('orders', 2), orders"},
    {"SELECT * FROM (${t} JOIN ${t} USING (x))", "SELECT * FROM (orders JOIN orders USING (x))"},
    {"SELECT * FROM (SELECT a, ${t} FROM ${t}) x, ${t}",
     "SELECT * FROM (SELECT a, 'orders' FROM orders) x, orders"},
    {"SELECT * FROM (VALUES (${t}), (${t})) v", "SELECT * FROM (VALUES ('orders'), ('orders')) v"},
    {"SELECT * FROM a WHERE x = 1 AND y IN (${t}), ${t}",
     "SELECT * FROM a WHERE x = 1 AND y IN ('orders'), 'orders'"},
    {"SELECT a FROM b GROUP BY 1, ${num}", "SELECT a FROM b GROUP BY 1, 42"},
    {"SELECT a FROM b ORDER BY a, ${five:ident}", "SELECT a FROM b ORDER BY a, \"5\""},
    {"FROM a SELECT b, ${t}", "FROM a SELECT b, 'orders'"},
    {"SELECT 1 FROM a UNION ALL SELECT x, ${t}", "SELECT 1 FROM a UNION ALL SELECT x, 'orders'"},
    {"WITH q AS (SELECT * FROM ${t}) FROM q, ${t}",
     "WITH q AS (SELECT * FROM orders) FROM q, orders"},
    {"TABLE ${t}", "TABLE orders"},
    {"PIVOT ${t} ON a", "PIVOT orders ON a"},
    {"INSERT INTO ${t} VALUES (1), (${t})", "INSERT INTO orders VALUES (1), ('orders')"},
    {"INSERT INTO ${t} (a, b) SELECT a, ${t} FROM ${t}",
     "INSERT INTO orders (a, b) SELECT a, 'orders' FROM orders"},
    {"UPDATE ${t} SET a = ${t}, b = ${t}", "UPDATE orders SET a = 'orders', b = 'orders'"},
    {"DELETE FROM ${t} WHERE a = ${t}", "DELETE FROM orders WHERE a = 'orders'"},
    {"DROP TABLE IF EXISTS ${t}, ${tbl}", "DROP TABLE IF EXISTS orders, \"my table\""},
    {"TRUNCATE ${t}", "TRUNCATE orders"},
    {"MERGE INTO ${t} USING ${t} s ON s.a = ${t}",
     "MERGE INTO orders USING orders s ON s.a = 'orders'"},
    {"CREATE TABLE IF NOT EXISTS ${t} (a INT)", "CREATE TABLE IF NOT EXISTS orders (a INT)"},
    {"CREATE OR REPLACE VIEW ${t} AS SELECT ${t} AS a, 1",
     "CREATE OR REPLACE VIEW orders AS SELECT 'orders' AS a, 1"},
    {"CREATE SCHEMA ${t}", "CREATE SCHEMA orders"},
    {"ALTER TABLE ${t} RENAME TO ${tbl}", "ALTER TABLE orders RENAME TO \"my table\""},
    {"COMMENT ON TABLE ${t} IS ${t}", "COMMENT ON TABLE orders IS 'orders'"},
    {"COPY ${t} FROM ${t}", "COPY orders FROM 'orders'"},
    /* a FROM that is none */
    {"SELECT a IS DISTINCT FROM ${t}, ${t}", "SELECT a IS DISTINCT FROM 'orders', 'orders'"},
    {"SELECT a IS NOT DISTINCT FROM ${t}", "SELECT a IS NOT DISTINCT FROM 'orders'"},
    {"SELECT extract(year FROM ${t}), trim(BOTH 'x' FROM ${t})",
     "SELECT extract(year FROM 'orders'), trim(BOTH 'x' FROM 'orders')"},
    {"SELECT substring (${t} FROM ${num} FOR 3) FROM ${t}",
     "SELECT substring ('orders' FROM 42 FOR 3) FROM orders"},
    {"SELECT trim((SELECT a FROM ${t}))", "SELECT trim((SELECT a FROM orders))"},
    {"SELECT t.from, 1 AS from, ${num}", "SELECT t.from, 1 AS from, 42"},
    /* touching */
    {"SELECT v FROM part_${num}", "SELECT v FROM part_42"},
    {"SELECT v FROM ${pre|part}_42", "SELECT v FROM part_42"},
    {"SELECT a_${num}_b, ${t}2", "SELECT a_42_b, 'orders2'"},
    {"SELECT part_${tbl}", "SELECT \"part_my table\""},
    {"SELECT \"quoted\"${num}", "SELECT \"quoted42\""},
    {"SELECT t.${tbl}, ${t}.z, ${t}.${t}", "SELECT t.\"my table\", orders.z, orders.orders"},
    {"SELECT f(x).${t}", "SELECT f(x).orders"},
    {"SELECT * FROM ${t}.${tbl}", "SELECT * FROM orders.\"my table\""},
    /* forms */
    {"SELECT ${tbl:ident}, ${none:ident|x y}", "SELECT \"my table\", \"x y\""},
    {"SELECT ${num:literal} || ${nil:literal}", "SELECT '42' || NULL"},
    {"SELECT * FROM ${t:literal}", "SELECT * FROM 'orders'"},
    {"SELECT e${t:literal}", "SELECT e 'orders'"},
    {"SELECT ${expr:raw} FROM part_${num:raw}", "SELECT a + b FROM part_42"},
    /* aliases of INCLUDE */
    {"SELECT a FROM lib.t", "SELECT a FROM t"},
    {"SELECT lib.t.a, LIB . \"My Table\".b", "SELECT t.a, \"My Table\".b"},
    {"SELECT * FROM lib.unknown, x.lib.t", "SELECT * FROM lib.unknown, x.lib.t"},
    {"SELECT * FROM lib.s.u, lib.s.v", "SELECT * FROM s.u, lib.s.v"},
    {"SELECT * FROM lib.r_42, lib.${t}", "SELECT * FROM r_42, orders"},
};

static void sql_becomes(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof sql_cases / sizeof *sql_cases; i++) {
        Fixture f;
        set_up(&f);
        const char *got = run_sql(&f, sql_cases[i].sql).sql;
        if (strcmp(got, sql_cases[i].want) != 0)
            fail_msg("%s\n   gives %s\nnot here: %s", sql_cases[i].sql, got, sql_cases[i].want);
        if (f.diags.errors > 0) fail_msg("%s: %s", sql_cases[i].sql, f.diags.items[0].message);
        tear_down(&f);
    }
}

/* What stands at an offset of the SQL is found at its place in the file. */
static void offsets_lead_back(void **state) {
    (void)state;
    static const struct {
        const char *sql, *at, *file;
    } cases[] = {
        {"SELECT nope FROM t", "nope", "nope"},
        {"SELECT ${num}, nope", "nope", "nope"},
        {"SELECT ${tbl}, '${txt}', nope", "nope", "nope"},
        {"SELECT v FROM part_${num}", "part_42", "part_${num}"},
        {"SELECT v FROM ${tbl} x", "table", "${tbl}"},
        {"SELECT '${txt}' + a", "'s", "${txt}"},
        {"SELECT \"a b\" + 1", "\"a b\"", "\"a b\""},
        {"SELECT a FROM lib.orders WHERE x", "orders", "orders"},
        {"SELECT ${num} \xc3\xa4\xc3\xb6 + 1", "\xc3\xa4\xc3\xb6", "\xc3\xa4\xc3\xb6"},
        {"SELECT (1", "(", "("},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Fixture f;
        set_up(&f);
        SqlText text = run_sql(&f, cases[i].sql);
        const char *at = strstr(text.sql, cases[i].at);
        assert_non_null(at);
        assert_string_equal(span_text(f.arena, sqltext_span(&text, at - text.sql)), cases[i].file);
        assert_int_equal(sqltext_span(&text, -1).end, strlen(cases[i].sql));
        Span past = sqltext_span(&text, (int64_t)strlen(text.sql));
        assert_true(past.end <= strlen(cases[i].sql));
        tear_down(&f);
    }
}

static void warnings_are_drawn(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        ErrorCode code;
        size_t count;
    } cases[] = {
        {"SELECT ${txt}", WARN_TEXT_CONSTANT, 1},
        {"SELECT a, ${txt}, ${num}, ${nil} FROM x", WARN_TEXT_CONSTANT, 1},
        {"SELECT DISTINCT ${txt} AS a FROM x", WARN_TEXT_CONSTANT, 1},
        {"SELECT a FROM x GROUP BY a, ${txt} ORDER BY ${txt} DESC", WARN_TEXT_CONSTANT, 2},
        {"SELECT ${txt} || 'a', f(${txt}), '${txt}'", WARN_TEXT_CONSTANT, 0},
        {"SELECT ${txt} = a, ${txt} IS NULL, ${txt:ident}, ${t}.a", WARN_TEXT_CONSTANT, 0},
        {"SELECT a FROM ${t}, ${t} WHERE ${txt} = a", WARN_TEXT_CONSTANT, 0},
        {"SELECT ${none|x}", WARN_TEXT_CONSTANT, 1},
        {"SELECT ${expr:raw}, ${none:raw|x}", WARN_RAW_VARIABLE, 0},
        {"SELECT ${SF_TEST_RAW:raw}", WARN_RAW_VARIABLE, 1},
        {"SELECT '${SF_TEST_RAW:raw}'", WARN_RAW_VARIABLE, 0},
    };
    setenv("SF_TEST_RAW", "a, b", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Fixture f;
        set_up(&f);
        run_sql(&f, cases[i].sql);
        size_t count = 0;
        for (size_t j = 0; j < f.diags.count; j++) {
            assert_int_equal(f.diags.items[j].severity, SEVERITY_WARNING);
            count += f.diags.items[j].code == cases[i].code;
        }
        if (count != cases[i].count) fail_msg("%s draws %zu warnings", cases[i].sql, count);
        tear_down(&f);
    }
    unsetenv("SF_TEST_RAW");
}

static void unknown_variables_are_one_error(void **state) {
    (void)state;
    Fixture f;
    set_up(&f);
    run_sql(&f, "SELECT ${nun},\n '${nun}'\nFROM ${nun} WHERE ${other} = \"${later}\"");
    set_text(&f.vars, "later", "x");
    assert_true(f.subst.missing >= 5);
    subst_finish(&f.subst);
    assert_int_equal(f.diags.errors, 3);
    const Diag *first = &f.diags.items[0];
    assert_int_equal(first->code, ERR_UNKNOWN_VARIABLE);
    assert_string_equal(first->message,
                        "unknown variable ${nun}, used in lines 1, 2 and 3 (did you mean 'num'?)");
    assert_int_equal(span_position(first->span).column, 8);
    assert_non_null(strstr(first->hint, "--var nun="));
    assert_string_equal(f.diags.items[1].message, "unknown variable ${other}");
    assert_non_null(strstr(f.diags.items[2].hint, "SET later stands behind"));
    tear_down(&f);
}

/* A profile's value that cannot be had: its own error once, and a default helps. */
static void profile_values_may_be_missing(void **state) {
    (void)state;
    Fixture f;
    set_up(&f);
    Value *variables = value_new(f.arena, VALUE_OBJECT, SPAN_NONE);
    value_add(f.arena, variables, "p", SPAN_NONE,
              value_string(f.arena, "${SF_TEST_NONE}", SPAN_NONE));
    f.project.profile.variables = variables;
    assert_string_equal(run_sql(&f, "SELECT ${p|5}").sql, "SELECT 5");
    assert_int_equal(f.diags.errors, 0);
    run_sql(&f, "SELECT ${p}, '${p}'");
    subst_finish(&f.subst);
    assert_int_equal(f.diags.errors, 1);
    assert_non_null(strstr(f.diags.items[0].message, "${SF_TEST_NONE}"));
    tear_down(&f);
}

static void uses_in_several_files_are_named(void **state) {
    (void)state;
    Fixture f;
    set_up(&f);
    run_sql(&f, "SELECT ${nowhere}");
    SourceText *other = source_new(f.arena, "inc.sf", "\n${nowhere}", 11);
    subst_sql(&f.subst, span_of(other, 0, 11));
    subst_finish(&f.subst);
    assert_string_equal(f.diags.items[0].message,
                        "unknown variable ${nowhere}, used in p.sf:1 and inc.sf:2");
    tear_down(&f);
}

static void empty_names_are_errors(void **state) {
    (void)state;
    Fixture f;
    set_up(&f);
    run_sql(&f, "SELECT * FROM ${empty}");
    assert_int_equal(f.diags.errors, 1);
    assert_int_equal(f.diags.items[0].code, ERR_QUERY);
    tear_down(&f);
}

static void texts_become(void **state) {
    (void)state;
    static const struct {
        const char *text, *want;
        bool dollar;
    } cases[] = {
        {"out/${num}/x_$num.csv", "out/42/x_42.csv", true},
        {"out/$num", "out/$num", false},
        {"a $ b $$ $1 ${txt} ${nil}!", "a $ b $$ $1 it's !", true},
        {"\\${num} \\$num", "${num} $num", true},
        {"\\${num} \\$num", "${num} \\$num", false},
        {"${none|'a  b'} ${none|}", "a  b ", true},
        {"${num:raw} ${yes:literal}", "42 true", true},
        {"no variables", "no variables", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Fixture f;
        set_up(&f);
        assert_string_equal(subst_text(&f.subst, cases[i].text, SPAN_NONE, cases[i].dollar),
                            cases[i].want);
        assert_int_equal(f.diags.errors, 0);
        tear_down(&f);
    }
}

static void texts_point_at_their_variables(void **state) {
    (void)state;
    Fixture f;
    set_up(&f);
    const char *file = "TO 'it''s $a ${b}'";
    SourceText *source = source_new(f.arena, "p.sf", file, strlen(file));
    subst_text(&f.subst, "it's $a ${b}", span_of(source, 3, strlen(file)), true);
    subst_finish(&f.subst);
    assert_int_equal(f.diags.errors, 2);
    assert_string_equal(span_text(f.arena, f.diags.items[0].span), "$a");
    assert_string_equal(span_text(f.arena, f.diags.items[1].span), "${b}");
    tear_down(&f);
}

static void set_values_become(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool quoted;
        ValueKind kind;
        const char *want;
    } cases[] = {
        {"42", false, VALUE_NUMBER, "42"},
        {"-1.5e3", false, VALUE_NUMBER, "-1.5e3"},
        {"02134", false, VALUE_STRING, "02134"},
        {"2024-01-15", false, VALUE_STRING, "2024-01-15"},
        {"42", true, VALUE_STRING, "42"},
        {"TRUE", false, VALUE_BOOL, "true"},
        {"null", false, VALUE_NULL, ""},
        {"a  b", false, VALUE_STRING, "a  b"},
        {"${num}", false, VALUE_NUMBER, "42"},
        {"${num}", true, VALUE_STRING, "42"},
        {"${five}", false, VALUE_STRING, "5"},
        {"${none|7}", false, VALUE_NUMBER, "7"},
        {"${none|'7'}", false, VALUE_STRING, "7"},
        {"data/${num}/x", false, VALUE_STRING, "data/42/x"},
        {"${num}${num}", false, VALUE_NUMBER, "4242"},
        {"it's ${txt}", true, VALUE_STRING, "it's it's"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Fixture f;
        set_up(&f);
        Text text = {.text = cases[i].text, .quoted = cases[i].quoted};
        const Value *value = subst_set(&f.subst, "x", text);
        if (value->kind != cases[i].kind) fail_msg("%s is %d", cases[i].text, (int)value->kind);
        assert_string_equal(value_text(value), cases[i].want);
        tear_down(&f);
    }
}

static void names_become(void **state) {
    (void)state;
    static const struct {
        const char *text, *want; /* NULL: an error */
    } cases[] = {
        {"t", "t"},
        {"s.\"a \"\"b\"\"\"", "s|a \"b\""},
        {"r_${num}", "r_42"},
        {"${t}.${tbl}", "orders|my table"},
        {"${pre|a}_${num:raw}b", "a_42b"},
        {"\"x${q}\"", "xx\"y"},
        {"${empty}", NULL},
        {"${nowhere}", NULL},
        {"a ${num}", NULL},
        {"a..b", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Fixture f;
        set_up(&f);
        SourceText *source = source_new(f.arena, "p.sf", cases[i].text, strlen(cases[i].text));
        Text name = {cases[i].text, span_of(source, 0, source->size), false};
        Strings parts;
        bool right = subst_name(&f.subst, name, &parts);
        subst_finish(&f.subst);
        if (right != (cases[i].want != NULL)) fail_msg("%s: %d", cases[i].text, right);
        if (right) assert_string_equal(strings_join(f.arena, &parts, "|"), cases[i].want);
        assert_int_equal(f.diags.errors, right ? 0 : 1);
        tear_down(&f);
    }
}

static void json_values_become(void **state) {
    (void)state;
    Fixture f;
    set_up(&f);
    Value *object = value_new(f.arena, VALUE_OBJECT, SPAN_NONE);
    static const char *const bare[] = {"${num}", "${yes}", "${nil}", "${txt}", "${none|3}"};
    for (size_t i = 0; i < 5; i++) {
        Value *value = value_string(f.arena, bare[i], SPAN_NONE);
        value->kind = VALUE_VARIABLE;
        value_add(f.arena, object, bare[i], SPAN_NONE, value);
    }
    value_add(f.arena, object, "text", SPAN_NONE,
              value_string(f.arena, "x_${num}_$t", SPAN_NONE));
    const Value *got = subst_value(&f.subst, object);
    static const ValueKind kinds[] = {VALUE_NUMBER, VALUE_BOOL,   VALUE_NULL,
                                      VALUE_STRING, VALUE_NUMBER, VALUE_STRING};
    for (size_t i = 0; i < 6; i++) assert_int_equal(got->members[i].value->kind, kinds[i]);
    assert_string_equal(got->members[5].value->text, "x_42_orders");
    assert_string_equal(object->members[5].value->text, "x_${num}_$t");
    assert_null(subst_value(&f.subst, NULL));
    tear_down(&f);
}

/* Twice the text takes about twice the time: quadratic work on 1 MB would take minutes. */
static void long_texts_are_linear(void **state) {
    (void)state;
    Fixture f;
    set_up(&f);
    Buf sql = buf_on(f.arena);
    buf_puts(&sql, "SELECT 1");
    for (size_t i = 0; i < 40000; i++) buf_puts(&sql, ", f(${num}) + '${txt}' || lib.t.a");
    SqlText text = run_sql(&f, buf_text(&sql));
    assert_int_equal(f.diags.errors, 0);
    assert_true(strlen(text.sql) > 900000 && text.segment_count > 80000);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sql_becomes),
        cmocka_unit_test(offsets_lead_back),
        cmocka_unit_test(warnings_are_drawn),
        cmocka_unit_test(unknown_variables_are_one_error),
        cmocka_unit_test(profile_values_may_be_missing),
        cmocka_unit_test(uses_in_several_files_are_named),
        cmocka_unit_test(empty_names_are_errors),
        cmocka_unit_test(texts_become),
        cmocka_unit_test(texts_point_at_their_variables),
        cmocka_unit_test(set_values_become),
        cmocka_unit_test(names_become),
        cmocka_unit_test(json_values_become),
        cmocka_unit_test(long_texts_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
