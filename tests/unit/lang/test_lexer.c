/* The lexer: kinds and extents of tokens, content of strings, what cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "lang/lexer.h"

static const char letters[] = {
    [TOKEN_END] = '.',     [TOKEN_WORD] = 'w',   [TOKEN_QUOTED] = 'q', [TOKEN_STRING] = 's',
    [TOKEN_ESTRING] = 'e', [TOKEN_DOLLAR] = 'd', [TOKEN_NUMBER] = 'n', [TOKEN_VARIABLE] = 'v',
    [TOKEN_SYMBOL] = 'y',  [TOKEN_ERROR] = '!',
};

/* "w:LOAD y:;" */
static const char *tokens_of(Arena *arena, const char *text, size_t size) {
    const SourceText *source = source_new(arena, "t", text, size);
    Tokens tokens = lex(arena, source, 0, source->size);
    Buf out = buf_on(arena);
    for (size_t i = 0; tokens.items[i].kind != TOKEN_END; i++) {
        Token token = tokens.items[i];
        buf_printf(&out, "%s%c:%.*s", i > 0 ? " " : "", letters[token.kind],
                   (int)(token.end - token.start), source->text + token.start);
    }
    return buf_text(&out);
}

typedef struct Case {
    const char *text, *want;
} Case;

static void check(const Case *cases, size_t count) {
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < count; i++)
        assert_string_equal(tokens_of(arena, cases[i].text, strlen(cases[i].text)), cases[i].want);
}

#define CHECK(...)                                                                                 \
    do {                                                                                           \
        static const Case cases[] = {__VA_ARGS__};                                                 \
        check(cases, sizeof cases / sizeof *cases);                                                \
    } while (0)

static void words(void **state) {
    (void)state;
    CHECK({"LOAD a_1;", "w:LOAD w:a_1 y:;"}, {"größe 🦆", "w:größe w:🦆"},
          {"a$b$1", "w:a$b$1"}, {"s.t", "w:s y:. w:t"},
          {"\"a \"\"b\"\"\".c", "q:\"a \"\"b\"\"\" y:. w:c"},
          {"part_${n}_x", "w:part_ v:${n} w:_x"}, {"", ""}, {" \t\r\n", ""});
}

static void blanks(void **state) {
    (void)state;
    CHECK({"a -- b\nc", "w:a w:c"}, {"a--b", "w:a"}, {"a/* x /* y */ ; */b", "w:a w:b"},
          {"\xef\xbb\xbfSET", "w:SET"}, {"a\u00a0b\u2003c\u3000d", "w:a w:b w:c w:d"},
          {"2*/*c*/3", "n:2 y:* n:3"}, {"/**/", ""}, {"a /* b", "w:a !:/* b"});
}

static void strings(void **state) {
    (void)state;
    CHECK({"'it''s'", "s:'it''s'"}, {"E'a\\'b' 'c'", "e:E'a\\'b' s:'c'"}, {"e'x'", "e:e'x'"},
          {"'a\nb'", "s:'a\nb'"}, {"'-- no'", "s:'-- no'"}, {"'${x|'a b'}'", "s:'${x|'a b'}'"},
          {"'${x|it''s}'", "s:'${x|it''s}'"}, {"'${x' 'y}'", "s:'${x' s:'y}'"},
          {"'\\${x|' 'y}'", "s:'\\${x|' s:'y}'"}, {"'open", "!:'open"}, {"\"open ;", "!:\"open ;"},
          {"E'open\\'", "!:E'open\\'"});
}

static void dollars(void **state) {
    (void)state;
    CHECK({"$$it's; -- $$", "d:$$it's; -- $$"}, {"$t$a $$ b$t$", "d:$t$a $$ b$t$"},
          {"$1 + $name", "y:$1 y:+ y:$name"}, {"$$open", "!:$$open"}, {"$ x", "y:$ w:x"},
          {"${a} ${a:ident|'b'} ${a|}", "v:${a} v:${a:ident|'b'} v:${a|}"},
          {"\\${x}", "y:\\${ w:x y:}"}, {"${1} x", "!:${1} w:x"}, {"${a x", "!:${ w:a w:x"});
}

static void numbers(void **state) {
    (void)state;
    CHECK({"1 1.5 .5 1e5 1E-2 0x1F 1_000", "n:1 n:1.5 n:.5 n:1e5 n:1E-2 n:0x1F n:1_000"},
          {"1.x", "n:1 y:. w:x"}, {"1e", "n:1 w:e"}, {"2024_a", "n:2024 w:_a"}, {"-1", "y:- n:1"},
          {"1:2", "n:1 y:: n:2"});
}

static void symbols(void **state) {
    (void)state;
    CHECK({"a::int", "w:a y::: w:int"}, {"== != <> <= >= :=", "y:== y:!= y:<> y:<= y:>= y::="},
          {"->>'a'->b||c", "y:->> s:'a' y:-> w:b y:|| w:c"},
          {"@(-5)~1", "y:@ y:( y:- n:5 y:) y:~ n:1"}, {"“x”", "!:“ w:x !:”"}, {"‘’", "!:‘ !:’"});
}

static void nul_is_blank(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    assert_string_equal(tokens_of(arena, "a\0b", 3), "w:a w:b");
}

static void content(void **state) {
    (void)state;
    static const Case cases[] = {
        {"'it''s'", "it's"},
        {"\"a \"\"b\"\"\"", "a \"b\""},
        {"''", ""},
        {"E'a\\tb\\n\\'\\\\ \\q\\b\\f\\r'", "a\tb\n'\\ q\b\f\r"},
        {"$t$a'b$t$", "a'b"},
        {"'\\${x}'", "\\${x}"},
        {"E'\\${x}'", "\\${x}"},
        {"'${x|'it''s'} ''q'''", "${x|'it''s'} 'q'"},
        {"'${x|it''s}'", "${x|it's}"},
        {"word", "word"},
        {"${x|'y'}", "${x|'y'}"},
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const SourceText *source = source_new(arena, "t", cases[i].text, strlen(cases[i].text));
        Tokens tokens = lex(arena, source, 0, source->size);
        assert_int_equal(tokens.count, 2);
        assert_string_equal(token_text(arena, source, tokens.items[0]), cases[i].want);
    }
}

static void compared(void **state) {
    (void)state;
    AUTO_ARENA arena = arena_new();
    const SourceText *source = source_new(arena, "t", "Load 'LOAD' ;", 13);
    Tokens tokens = lex(arena, source, 0, 13);
    assert_true(token_is(source, tokens.items[0], "LOAD"));
    assert_false(token_is(source, tokens.items[0], "LOADS"));
    assert_false(token_is(source, tokens.items[1], "'LOAD'"));
    assert_true(token_is(source, tokens.items[2], ";"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),   cmocka_unit_test(blanks),       cmocka_unit_test(strings),
        cmocka_unit_test(dollars), cmocka_unit_test(numbers),      cmocka_unit_test(symbols),
        cmocka_unit_test(content), cmocka_unit_test(nul_is_blank), cmocka_unit_test(compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
