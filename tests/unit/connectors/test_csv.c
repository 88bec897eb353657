/* connectors/csv: reading with every option, and the guards against the sniffer. */
#include "connectors/file_helpers.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "connectors/csv.h"

typedef struct ReadCase {
    const char *name, *text, *options, *rows;
} ReadCase;

static void run_cases(const ReadCase *cases, size_t count) {
    bool failed = false;
    for (size_t i = 0; i < count; i++) {
        file_write("x.csv", cases[i].text);
        const char *json = arena_printf(world.arena, "{\"path\": \"x.csv\"%s}", cases[i].options);
        const char *rows = read_all("csv", json);
        if (str_eq(rows, cases[i].rows)) continue;
        print_error("%s: got\n%s\nnot\n%s\n", cases[i].name, rows, cases[i].rows);
        failed = true;
    }
    assert_false(failed);
}

static void options(void **state) {
    (void)state;
    static const ReadCase cases[] = {
        {"plain", "a,b\n1,x\n", "", "1|x"},
        {"has_header false", "1,x\n2,y\n", ", \"has_header\": false", "1|x\n2|y"},
        {"delimiter", "a;b\n1;x,z\n", ", \"delimiter\": \";\"", "1|x,z"},
        {"tab", "a\tb\n1\tx\n", ", \"sep\": \"\\\\t\"", "1|x"},
        {"quote_char", "a,b\n1,'x,y'\n", ", \"quote_char\": \"'\"", "1|x,y"},
        {"no quotes", "a,b\n1,\"x\"\n", ", \"quote_char\": \"\"", "1|\"x\""},
        {"escape_char", "a,b\n1,\"x\\\"y\"\n",
         ", \"quote_char\": \"\\\"\", \"escape_char\": \"\\\\\"", "1|x\"y"},
        {"null_values", "a,b\n1,NA\n-,y\n3,z\n", ", \"null_values\": [\"NA\", \"-\"]",
         "1|~\n~|y\n3|z"},
        {"skip_rows", "junk\nmore junk\na,b\n1,x\n", ", \"skip_rows\": 2", "1|x"},
        {"max_rows", "a\n1\n2\n3\n", ", \"max_rows\": 2", "1\n2"},
        {"date_format", "a,d\n1,31.12.2024\n", ", \"date_format\": \"%d.%m.%Y\"", "1|2024-12-31"},
        {"timestamp_format", "a,d\n1,31/12/2024 10:30\n",
         ", \"timestamp_format\": \"%d/%m/%Y %H:%M\"", "1|2024-12-31 10:30:00"},
        {"latin-1",
         "a,b\n1,gr\xf6\xdf"
         "e\n",
         ", \"encoding\": \"latin-1\"", "1|größe"},
        {"null_padding", "a,b,c\n1,x,y\n2,z\n", ", \"null_padding\": true", "1|x|y\n2|z|~"},
        {"column_types", "a,zip\n1,01234\n", ", \"column_types\": {\"zip\": \"VARCHAR\"}",
         "1|01234"},
        {"columns", "id,name,x\n1,ann,7\n", ", \"columns\": [\"name\", \"id\"]", "ann|1"},
        {"quoted newline", "a,b\n1,\"x, \ny\"\n2,\"say \"\"hi\"\"\"\n", "",
         "1|x, \ny\n2|say \"hi\""},
        {"comment", "#c\na,b\n1,x\n", ", \"comment\": \"#\"", "1|x"},
        {"decimal", "a;b\n1,5;x\n", ", \"decimal\": \",\", \"sep\": \";\"", "1.5|x"},
        {"empty and NULL", "a,b\n1,\"\"\n2,\n", "", "1|~\n2|~"},
        {"CRLF", "a,b\r\n1,x\r\n", "", "1|x"},
        {"BOM",
         "\xef\xbb\xbf"
         "a,b\n1,x\n",
         ", \"columns\": [\"a\"]", "1"},
    };
    run_cases(cases, sizeof cases / sizeof *cases);
    assert_int_equal(world.diags.errors, 0);
}

static void guards(void **state) {
    (void)state;
    static const ReadCase cases[] = {
        {"big integers", "a,b\n9223372036854775808,1\n18446744073709551616,2\n", "",
         "9223372036854775808|1\n18446744073709551616|2"},
        {"negative big", "a\n-9223372036854775809\n5\n", "", "-9223372036854775809\n5"},
        {"past HUGEINT", "a\n999999999999999999999999999999999999999999\n1\n", "",
         "999999999999999999999999999999999999999999\n1"},
        {"real doubles stay", "a\n9223372036854775808\n1.5\n", "", "9.223372036854776e+18\n1.5"},
        {"big with NULL text", "a\n9223372036854775808\nNA\n", ", \"null_values\": \"NA\"",
         "9223372036854775808\n~"},
        {"ragged", "a,b,c\n1,2,3\n4,5\n6,7,8\n", "", "1|2|3\n4|5|~\n6|7|8"},
        {"ragged with header", "a;b;c\n1;2;3\n4;5\n6;7;8\n", ", \"has_header\": true",
         "1|2|3\n4|5|~\n6|7|8"},
        {"ragged with delimiter", "a,b,c\n1,2,3\n4,5\n", ", \"delimiter\": \",\"", "1|2|3\n4|5|~"},
        {"one column is one column", "note\nhello, world\nfoo\n", "", "hello, world\nfoo"},
        {"short lines only", "id,name,x\n1\n2\n3\n", "", "1|~|~\n2|~|~\n3|~|~"},
        {"ragged beside a line break in quotes", "a;b;c\n1;2;3\n1;2\n\"x\ny\";4;5\n", "",
         "1|2|3\n1|2|~\nx\ny|4|5"},
        {"commas in a first line that is no header", "a, b\nhello\nworld\n",
         ", \"has_header\": false", "a, b\nhello\nworld"},
        {"letters are no flags", "id,sex\n1,F\n2,F\n", "", "1|F\n2|F"},
        {"flags are", "id,ok\n1,F\n2,T\n3,F\n", "", "1|false\n2|true\n3|false"},
        {"a quote in the middle", "a,b\n1,5\" pipe\n2,x\n", "", "1|5\" pipe\n2|x"},
    };
    run_cases(cases, sizeof cases / sizeof *cases);
    assert_int_equal(warnings(WARN_RAGGED), 5);
}

/* Only a file that is plain with one delimiter alone is told to the sniffer. */
static void bytes_of_small_files(void **state) {
    (void)state;
    static const struct {
        const char *text, *options, *hints;
    } cases[] = {
        {"a,b\n1,x\n", "", ", delim = ',', quote = '\"', escape = '\"', comment = ''"},
        {"\xef\xbb\xbf" "a\tb\r\n1\tx\r\n", "",
         ", delim = '\t', quote = '\"', escape = '\"', comment = ''"},
        {"a,b\n1,\"x;\"\"y\n|z\"\n2,O'Neil", "",
         ", delim = ',', quote = '\"', escape = '\"', comment = ''"},
        {"a,b\n1,#x\n", "", ", delim = ',', quote = '\"', escape = '\"'"},
        {"a,b\n1,\"x\\n\"\n", "", ", delim = ',', quote = '\"', comment = ''"},
        {"a;b,c\n1;5,x\n", "", ""},               /* plain with two */
        {"a,b\n1\n", "", ""},                    /* ragged */
        {"a\n1\n", "", ""},                      /* one column */
        {"a,b\n1,5\" pipe\n", "", ""},           /* a quote in a field */
        {"a,b\n1,\"x\" y\n", "", ""},            /* and behind one */
        {"a,b\n1,\"x\n", "", ""},                /* never closed */
        {"a,b\n1,'x,y'\n", "", ""},              /* other quotes */
        {"a,b\n1,x\n", ", \"skip_rows\": 1", ""}, /* not as it stands */
        {"", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file_write("x.csv", cases[i].text);
        const char *json = arena_printf(world.arena, "{\"path\": \"x.csv\"%s}", cases[i].options);
        Link link = link_of("csv", USE_READ, json);
        Strings paths = {0};
        strings_add(world.arena, &paths, "x.csv");
        FileCall call = {.session = &world.session, .link = &link, .paths = &paths,
                         .bytes = (int64_t)strlen(cases[i].text)};
        assert_string_equal(csv_look_at_bytes(&call, 0).hints, cases[i].hints);
    }
}

/* Quotes that appear only behind the sniffer's sample are quotes all the same. */
static void late_quotes(void **state) {
    (void)state;
    Buf text = buf_on(world.arena);
    buf_puts(&text, "a,b\n");
    for (int i = 0; i < 600000; i++) buf_printf(&text, "%d,x\n", i);
    buf_puts(&text, "7,\"q\"\n8,\"r,s\"\n");
    file_write("late.csv", buf_text(&text));
    Link link = link_of("csv", USE_READ, "{\"path\": \"late.csv\"}");
    AUTO_RELATION relation = {0};
    Error err = {0};
    assert_true(link.connector->relation(&world.session, &link, &(ReadSpec){0}, &relation, &err));
    assert_string_equal(rows_of(arena_printf(world.arena, "SELECT b FROM %s WHERE b <> 'x'",
                                             relation.sql)),
                        "q\nr,s");
}

static void header_unsure(void **state) {
    (void)state;
    static const struct {
        const char *text, *options, *rows;
        size_t warnings;
    } cases[] = {
        {"name,city\nann,Paris\nbob,Rome\n", "", "ann|Paris\nbob|Rome", 0},
        {"name,mail\nann,a@x.org\nbob,b@x.org\n", "", "ann|a@x.org\nbob|b@x.org", 0},
        {"First Name,b\nann,x\nbob,y\n", "", "ann|x\nbob|y", 0},
        {"ann,Paris\nbob,Rome\ncid,Oslo\n", "", "bob|Rome\ncid|Oslo", 1},
        {"ann,Paris\nbob,Rome\nann,Oslo\n", "", "ann|Paris\nbob|Rome\nann|Oslo", 1},
        {"ann,Paris\nbob,Rome\n", ", \"has_header\": false", "ann|Paris\nbob|Rome", 0},
        {"ann,Paris\nbob,Rome\n", ", \"has_header\": true", "bob|Rome", 0},
        {"a,b\n", "", "", 1}, /* or the one row of a file without a header */
        {"a,b\n", ", \"has_header\": true", "", 0},
        {"id,name\n1,ann\n", "", "1|ann", 0},
        {",name,city\n0,ann,Paris\n1,bob,Rome\n", "", "0|ann|Paris\n1|bob|Rome", 0},
        {",name,city\nx,ann,Paris\ny,bob,Rome\n", "", "x|ann|Paris\ny|bob|Rome", 0},
        {"\"\",\"name\"\n\"1\",NA\n\"2\",\"bob\"\n", "", "1|NA\n2|bob", 0},
        {",2019,2020\nfood,1.5,2\nrent,10,20\n", "", "food|1.5|2\nrent|10.0|20", 0},
        {"state,2021\nAK,-1.5\nAL,2.5\n", "", "AK|-1.5\nAL|2.5", 1},
        {"name,2019,2020\na,1,2\nb,3,4\n", "", "a|1|2\nb|3|4", 0},
        {"club,2019,2020\nred,2016,2017\n", "", "club|2019|2020\nred|2016|2017", 0},
        {"id,2019,2020\n1,1,2\n2,3,4\n", "", "1|1|2\n2|3|4", 0},
        {"x,5\ny,2.5\n", "", "x|5.0\ny|2.5", 0},
        /* A row with one odd field is no header. */
        {"1,3.5\n2,4\n3,5\n", "", "1|3.5\n2|4.0\n3|5.0", 1},
        {"1,NA\n2,4\n", "", "1|NA\n2|4", 1},
        {"ada,NA,5\nbob,3,6\n", "", "ada|NA|5\nbob|3|6", 1},
        {"2024-01-01,-,5\n2024-01-02,3.5,6\n", "", "2024-01-01|-|5\n2024-01-02|3.5|6", 1},
        {"x,3.5\n1,4\n2,5\n", "", "1|4\n2|5", 1},
        {"AK,2021\nAL,15\n", "", "AK|2021\nAL|15", 0},
        {"name,note,\nann,x,\nbob,y,\n", "", "ann|x|~\nbob|y|~", 1},
        {",x,Rome\n1,y,Paris\n,z,Oslo\n", "", "~|x|Rome\n1|y|Paris\n~|z|Oslo", 0},
        {",ann,Paris\n1,bob,Rome\n", ", \"has_header\": false", "~|ann|Paris\n1|bob|Rome", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world.diags = diags_on(world.arena);
        file_write("h.csv", cases[i].text);
        assert_string_equal(read_all("csv", arena_printf(world.arena, "{\"path\": \"h.csv\"%s}",
                                                         cases[i].options)),
                            cases[i].rows);
        if (warnings(WARN_HEADER_UNSURE) != cases[i].warnings)
            fail_msg("case %zu: %zu warnings", i, warnings(WARN_HEADER_UNSURE));
    }
}

/* Words for NULL keep a column of numbers text, which is told. */
static void null_words(void **state) {
    (void)state;
    static const struct {
        const char *text, *options, *rows;
        size_t warnings;
    } cases[] = {
        {"a,b\n1,x\nNA,y\n,z\n", "", "1|x\nNA|y\n~|z", 1},
        {"a,b\n1.5,x\n\"-\",y\n", "", "1.5|x\n-|y", 1},
        {"a,b\n2026-01-01,x\nnull,y\n", "", "2026-01-01|x\nnull|y", 1},
        {"a,b\n1,x\nNA,y\n", ", \"null_values\": [\"NA\"]", "1|x\n~|y", 0},
        {"a,b\n1,x\nNA,y\n", ", \"column_types\": {\"a\": \"VARCHAR\"}", "1|x\nNA|y", 0},
        {"a,b\nfood,x\nNA,y\n", "", "food|x\nNA|y", 0},
        {"a,b\nNA,x\n-,y\n", "", "NA|x\n-|y", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world.diags = diags_on(world.arena);
        file_write("w.csv", cases[i].text);
        assert_string_equal(read_all("csv", arena_printf(world.arena, "{\"path\": \"w.csv\"%s}",
                                                         cases[i].options)),
                            cases[i].rows);
        if (warnings(WARN_NULL_WORD) != cases[i].warnings)
            fail_msg("case %zu: %zu warnings", i, warnings(WARN_NULL_WORD));
    }
}

/* Nothing is left out that may be a row, and no comment or title without a word. */
static void left_out(void **state) {
    (void)state;
    static const struct {
        const char *text, *options, *rows;
        size_t warnings;
    } cases[] = {
        {"id,tag,n\n#1,x,1\n2,y,2\n#3,z,3\n4,w,4\n", "", "#1|x|1\n2|y|2\n#3|z|3\n4|w|4", 0},
        {"id,tag,n\n1,x#k,1\n2,y,2\n#3\n4,z,4\n", "", "1|x#k|1\n2|y|2\n#3|~|~\n4|z|4", 0},
        {"id,tag,n\n1,x,1\n2,y,2\n#3\n4,z,4\n", "", "1|x|1\n2|y|2\n4|z|4", 1},
        {"id,tag,n\n1,x,1\n2,y,2\n#3\n4,z,4\n", ", \"comment_char\": \"#\"",
         "1|x|1\n2|y|2\n4|z|4", 0},
        {"# of x, y, z\n# now\n\nid,tag,n\n1,x,1\n2,y,2\n", "", "1|x|1\n2|y|2", 1},
        {"Title\n\nid,tag,n\n1,x,1\n2,y,2\n", "", "1|x|1\n2|y|2", 1},
        {"Title\n\nid,tag,n\n1,x,1\n2,y,2\n", ", \"skip_rows\": 2", "1|x|1\n2|y|2", 0},
        {"a,b\n1,2,3\n4,5,6\n7,8,9\n", "", "1|2|3\n4|5|6\n7|8|9", 1},
        {"\nid,tag\n1,x\n2,y\n", "", "1|x\n2|y", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world.diags = diags_on(world.arena);
        file_write("l.csv", cases[i].text);
        assert_string_equal(read_all("csv", arena_printf(world.arena, "{\"path\": \"l.csv\"%s}",
                                                         cases[i].options)),
                            cases[i].rows);
        if (warnings(WARN_LEFT_OUT) != cases[i].warnings)
            fail_msg("case %zu: %zu warnings", i, warnings(WARN_LEFT_OUT));
    }
}

/* Of the second file as of the first. */
static void left_out_of_others(void **state) {
    (void)state;
    world.diags = diags_on(world.arena);
    file_write("l1.csv", "id,tag,n\n1,x,1\n2,y,2\n");
    file_write("l2.csv", "id,tag,n\n#1,x,1\n2,y,2\n#3,z,3\n4,w,4\n");
    assert_string_equal(read_all("csv", "{\"path\": [\"l1.csv\", \"l2.csv\"]}"),
                        "1|x|1\n2|y|2\n#1|x|1\n2|y|2\n#3|z|3\n4|w|4");
    file_write("l2.csv", "Title\nid,tag,n\n3,z,3\n4,w,4\n");
    assert_string_equal(read_all("csv", "{\"path\": [\"l1.csv\", \"l2.csv\"]}"),
                        "1|x|1\n2|y|2\n3|z|3\n4|w|4");
    assert_int_equal(warnings(WARN_LEFT_OUT), 1);
    file_write("l1.csv", "Title\nname,city\nann,Paris\nbob,Rome\n");
    file_write("l2.csv", "name,city\ncid,Oslo\n");
    const char *rows = read_all("csv", "{\"path\": [\"l1.csv\", \"l2.csv\"]}");
    if (strstr(rows, "l1.csv has 1 line before the table, l2.csv has 0") == NULL)
        fail_msg("%s", rows);
}

/* The reader of several files is told their dialect where they have just one. */
static void alike(void **state) {
    (void)state;
    static const struct {
        const char *first, *second, *rows;
        bool told;
    } cases[] = {
        {"a,b\n1,x\n", "a,b\n2,\"y,z\"\n", "1|x\n2|y,z", true},
        {"a,b\n1,x\n", "a;b\n2;y\n", "1|x\n2|y", false},
        {"a,b\n1,x\n", "a,b\n2,#y\n", "1|x\n2|#y", false},
        {"a,b\n1,x\n", "b,a\ny,2\n", "1|x\n2|y", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file_write("p1.csv", cases[i].first);
        file_write("p2.csv", cases[i].second);
        Link link = link_of("csv", USE_READ, "{\"path\": [\"p1.csv\", \"p2.csv\"]}");
        AUTO_RELATION relation = {0};
        Error err = {0};
        assert_true(
            link.connector->relation(&world.session, &link, &(ReadSpec){0}, &relation, &err));
        assert_int_equal(strstr(relation.sql, ", delim = ','") != NULL, cases[i].told);
        const char *query = arena_printf(world.arena, "SELECT a, b FROM %s", relation.sql);
        assert_string_equal(rows_of(query), cases[i].rows);
    }
}

static void ambiguous_dates(void **state) {
    (void)state;
    static const struct {
        const char *text, *options, *rows;
        size_t warnings;
    } cases[] = {
        {"d,x\n01/02/2024,1\n03/04/2024,2\n", "", "2024-02-01|1\n2024-04-03|2", 1},
        {"d,x\n01/02/2024,1\n13/04/2024,2\n", "", "2024-02-01|1\n2024-04-13|2", 0},
        {"d,x\n01/02/2024,1\n03/14/2024,2\n", "", "2024-01-02|1\n2024-03-14|2", 0},
        {"d,x\n2024-02-01,1\n", "", "2024-02-01|1", 0},
        {"d,x\n01/02/2024,1\n", ", \"date_format\": \"%m/%d/%Y\"", "2024-01-02|1", 0},
        {"d,x\n31.12.25,1\n", "", "2031-12-25|1", 1},
        {"d,x\n31.12.25,1\n", ", \"date_format\": \"%d.%m.%y\"", "2025-12-31|1", 0},
        {"d,x\n31.12.25,1\n31.12.99,2\n", "", "2025-12-31|1\n1999-12-31|2", 0},
        {"d,x\n99-12-25,1\n25-12-01,2\n", "", "1999-12-25|1\n2025-12-01|2", 0},
        {"d,x\n5/1/26 4:05,1\n", "", "5/1/26 4:05|1", 1},
        {"d,x\n2026-01-05 04:05:06.1234567,5-1\n", "", "2026-01-05 04:05:06.1234567|5-1", 0},
        {"d,x\n5/1/26 4:05,1\n", ", \"timestamp_format\": \"%m/%d/%y %H:%M\"",
         "2026-05-01 04:05:00|1", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world.diags = diags_on(world.arena);
        file_write("d.csv", cases[i].text);
        assert_string_equal(read_all("csv", arena_printf(world.arena, "{\"path\": \"d.csv\"%s}",
                                                         cases[i].options)),
                            cases[i].rows);
        if (warnings(WARN_AMBIGUOUS_DATE) != cases[i].warnings)
            fail_msg("case %zu: %zu warnings", i, warnings(WARN_AMBIGUOUS_DATE));
    }
}

static void rejects_are_counted(void **state) {
    (void)state;
    world.diags = diags_on(world.arena);
    file_write("r.csv", "a,b\n1,x\nfoo,y\n3,z\n4,5,6\n");
    static const char base[] = "{\"path\": \"r.csv\", \"column_types\": {\"a\": \"INT\"}, "
                               "\"delimiter\": \",\", \"ignore_errors\": true%s}";
    assert_string_equal(read_all("csv", arena_printf(world.arena, base, "")), "1|x\n3|z");
    assert_int_equal(warnings(WARN_REJECTED), 1);
    const char *message = world.diags.items[world.diags.count - 1].message;
    assert_non_null(strstr(message, "2 lines"));
    assert_non_null(strstr(message, "r.csv:3: foo,y"));
    assert_string_equal(rows_of("SELECT count(*) FROM duckdb_tables() WHERE temporary"), "0");
    assert_string_equal(read_all("csv", arena_printf(world.arena, base, ", \"max_errors\": 2")),
                        "1|x\n3|z");
    const char *failed = read_all("csv", arena_printf(world.arena, base, ", \"max_errors\": 1"));
    assert_non_null(strstr(failed, "more than max_errors (1)"));
    assert_string_equal(rows_of("SELECT count(*) FROM duckdb_tables() WHERE temporary"), "0");
}

static void errors(void **state) {
    (void)state;
    file_write("data/orders.csv", "a,b\n1,x\n");
    file_write("empty.csv", "");
    file_write("latin.csv", "caf\xe9,b\n1,2\n");
    file_write("m1.csv", "a,b\n1,x\n");
    file_write("mark.csv", "\xef\xbb\xbf");
    file_write_n("big_endian.csv", "\xfe\xff\0a\0\n", 6);
    file_write("packed.csv", "BZh91AY&SY\x01\x02");
    file_write_n("smile.csv", "\xff\xfe" "a\0,\0b\0\n\0\x3d\xd8\x42\xde,\0x\0\n\0", 20);
    file_write("m2.csv", "a,b,c\n2,y,3\n");
    file_write("bad.csv", "a,b\nfoo,x\n");
    static const struct {
        const char *options;
        ErrorCode code;
        const char *message, *hint;
    } cases[] = {
        {"\"path\": \"data/order.csv\"", ERR_FILE_MISSING, "no file data/order.csv",
         "did you mean data/orders.csv"},
        {"\"path\": \"nix/a.csv\"", ERR_FILE_MISSING, "nix/a.csv", "no folder nix"},
        {"\"path\": \"data/*.tsv\"", ERR_FILE_MISSING, "no file matches data/*.tsv", "orders.csv"},
        {"\"path\": \"data/zzzzzzzzz\"", ERR_FILE_MISSING, "data/zzzzzzzzz", "data has orders.csv"},
        {"\"path\": \"empty.csv\"", ERR_FILE_EMPTY, "empty.csv is empty", "allow_empty"},
        {"\"path\": \"latin.csv\"", ERR_FILE_FORMAT, "not utf-8", "latin-1"},
        {"\"path\": [\"m1.csv\", \"m2.csv\"]", ERR_FILE_FORMAT, "m2.csv has a column 'c'",
         "combine_files"},
        {"\"path\": \"m1.csv\", \"columns\": [\"a\", \"bb\"]", ERR_OPTION_VALUE, "'bb'", "a, b"},
        {"\"path\": \"m1.csv\", \"column_types\": {\"zz\": \"INT\"}", ERR_OPTION_VALUE, "zz",
         "a, b"},
        {"\"path\": \"m1.csv\", \"filename\": true, \"column_types\": {\"a\": \"NIX\"}",
         ERR_OPTION_VALUE, "NIX", "DuckDB's"},
        {"\"path\": \"mark.csv\"", ERR_FILE_EMPTY, "mark.csv is empty", "header"},
        {"\"path\": \"big_endian.csv\", \"encoding\": \"utf-16\"", ERR_FILE_FORMAT,
         "high byte first", "iconv"},
        {"\"path\": \"smile.csv\", \"encoding\": \"utf-16\"", ERR_FILE_FORMAT,
         "smile.csv: File is not utf-16", "iconv"},
        {"\"path\": \"packed.csv\"", ERR_FILE_FORMAT, "packed.csv is compressed by bzip2",
         "unpack"},
        {"\"path\": \"s3://b/k.csv\"", ERR_UNSUPPORTED, "s3://b/k.csv", "TYPE s3"},
        {"\"path\": \".\", \"allow_empty\": false, \"columns\": [\"q\"]", ERR_FILE_EMPTY, "empty",
         ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Link link = link_of("csv", USE_READ, arena_printf(world.arena, "{%s}", cases[i].options));
        Strings columns = link_list(&link, world.arena, "columns");
        Relation relation = {0};
        Error err = {0};
        bool ok = link.connector->relation(&world.session, &link, &(ReadSpec){.columns = &columns},
                                           &relation, &err);
        relation_close(&relation);
        if (ok || err.code != cases[i].code || strstr(err.message, cases[i].message) == NULL ||
            strstr(err.hint, cases[i].hint) == NULL)
            fail_msg("%s: %d '%s' / '%s'", cases[i].options, (int)err.code, err.message, err.hint);
    }
}

/* A value that does not fit fails while the step reads; the connector says which file. */
static void failures_while_reading(void **state) {
    (void)state;
    file_write("bad.csv", "a,b\nfoo,x\n");
    Link link =
        link_of("csv", USE_READ, "{\"path\": \"bad.csv\", \"column_types\": {\"a\": \"INT\"}}");
    AUTO_RELATION relation = {0};
    Error err = {0};
    assert_true(link.connector->relation(&world.session, &link, &(ReadSpec){0}, &relation, &err));
    assert_false(
        duck_execf(world.duck, &err, "CREATE TEMP TABLE q AS SELECT * FROM %s", relation.sql));
    assert_true(relation.failure(relation.handle, &err));
    assert_int_equal(err.code, ERR_FILE_FORMAT);
    assert_non_null(strstr(err.message, "Line: 2"));
    assert_null(strstr(err.message, "Possible"));
    assert_non_null(strstr(err.hint, "column_types"));
    error_set(&err, ERR_STEP, SPAN_NONE, "something else");
    assert_false(relation.failure(relation.handle, &err));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options),         cmocka_unit_test(guards),
        cmocka_unit_test(bytes_of_small_files),
        cmocka_unit_test(late_quotes),     cmocka_unit_test(header_unsure),
        cmocka_unit_test(null_words),
        cmocka_unit_test(left_out),        cmocka_unit_test(left_out_of_others),
        cmocka_unit_test(alike),
        cmocka_unit_test(ambiguous_dates), cmocka_unit_test(rejects_are_counted),
        cmocka_unit_test(errors),          cmocka_unit_test(failures_while_reading),
    };
    return cmocka_run_group_tests(tests, world_set_up, world_tear_down);
}
