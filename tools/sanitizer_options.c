/* What the sanitizers are told, linked into the sanitized builds, so that it holds for however a
 * test starts the program. The names are the sanitizers' own. */
const char *__asan_default_options(void);
const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void);
const char *__tsan_default_suppressions(void);
const char *__ubsan_default_options(void);

/* An exit code that the program never uses, so that no test takes a finding for a plain failure. */
const char *__asan_default_options(void) {
    return "exitcode=99:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1";
}

/* CPython and its modules keep objects until the process ends; so do OpenSSL's tables in aws. */
const char *__lsan_default_suppressions(void) {
    return "leak:libpython3\nleak:_multiarray_umath\nleak:libarrow\nleak:pyarrow\nleak:pandas\n"
           "leak:libcrypto\nleak:aws.duckdb_extension\n";
}

const char *__lsan_default_options(void) { return "print_suppressions=0"; }

/* Libraries built without ThreadSanitizer: it does not see their locks. Only they use libstdc++. */
const char *__tsan_default_suppressions(void) {
    return "called_from_lib:libduckdb.so\nrace:libduckdb.so\ncalled_from_lib:libpython3\n"
           "race:libstdc++.so\nrace:libarrow\nmutex:__run_postfork_handlers\n";
}

const char *__ubsan_default_options(void) { return "exitcode=99:print_stacktrace=1"; }
