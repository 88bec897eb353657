/* Secrets and how to mask them. See redact.h.
 * Every way in which a secret may be written is kept as one form; a text is masked by marking all
 * bytes that any form covers, so that overlapping secrets leave no remains of each other. */
#include "base/redact.h"

#include <ctype.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"

enum { SHORTEST_SECRET = 3, SHORTEST_BASE64 = 4 };

static struct {
    pthread_mutex_t lock;
    Arena *arena;
    Strings forms; /* in no order: masking covers what any of them covers */
} secrets = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* -- forms ------------------------------------------------------------------------------- */

static void add_form(const char *form) {
    for (size_t i = 0; i < secrets.forms.count; i++)
        if (strcmp(secrets.forms.items[i], form) == 0) return;
    strings_add(secrets.arena, &secrets.forms, form);
}

static void add_url_encoded(const char *secret, const char *hex, const char *kept) {
    Buf buf = buf_on(secrets.arena);
    for (const char *c = secret; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (isalnum(byte) || strchr(kept, *c) != NULL) {
            buf_putc(&buf, *c);
        } else {
            buf_putc(&buf, '%');
            buf_putc(&buf, hex[byte >> 4]);
            buf_putc(&buf, hex[byte & 15]);
        }
    }
    add_form(buf_text(&buf));
}

/* As it stands in a quoted SQL literal, a connection string, a JSON string. */
static void add_escaped(const char *secret, const char *special, char escape) {
    Buf buf = buf_on(secrets.arena);
    for (const char *c = secret; *c; c++) {
        if (strchr(special, *c) != NULL) buf_putc(&buf, escape == '\0' ? *c : escape);
        buf_putc(&buf, *c);
    }
    add_form(buf_text(&buf));
}

/* The characters of base64 that the secret alone decides when `offset` bytes stand before it. */
static void add_base64(const char *secret, size_t offset, const char *last_two) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t bits = 8 * (offset + strlen(secret));
    Buf buf = buf_on(secrets.arena);
    for (size_t bit = (8 * offset + 5) / 6 * 6; bit + 6 <= bits; bit += 6) {
        unsigned group = 0;
        for (size_t i = bit; i < bit + 6; i++) {
            unsigned char byte = (unsigned char)secret[i / 8 - offset];
            group = group << 1 | (unsigned)(byte >> (7 - i % 8) & 1);
        }
        buf_putc(&buf, group < 62 ? letters[group] : last_two[group - 62]);
    }
    if (buf.size >= SHORTEST_BASE64) add_form(buf_text(&buf));
}

void redact_add(const char *secret) {
    if (secret == NULL || strlen(secret) < SHORTEST_SECRET) return;
    pthread_mutex_lock(&secrets.lock);
    if (secrets.arena == NULL) secrets.arena = arena_new();
    const char *kept = arena_strdup(secrets.arena, secret);
    add_form(kept);
    add_url_encoded(kept, "0123456789ABCDEF", "-._~");
    add_url_encoded(kept, "0123456789abcdef", "-._~");
    add_url_encoded(kept, "0123456789ABCDEF", "-._~/");
    add_escaped(kept, "'", '\0');
    add_escaped(kept, "'\\", '\\');
    add_escaped(kept, "\"\\", '\\');
    for (size_t offset = 0; offset < 3; offset++) {
        add_base64(kept, offset, "+/");
        add_base64(kept, offset, "-_");
    }
    pthread_mutex_unlock(&secrets.lock);
}

/* -- masking ----------------------------------------------------------------------------- */

/* covered[i] for every byte of the text that belongs to a secret; NULL when none does. */
static bool *cover(Arena *arena, const char *text, size_t size) {
    bool *covered = NULL;
    for (size_t f = 0; f < secrets.forms.count; f++) {
        const char *form = secrets.forms.items[f];
        size_t length = strlen(form);
        for (const char *at = text; (at = strstr(at, form)) != NULL; at++) {
            if (covered == NULL) covered = ARENA_ARRAY(arena, bool, size);
            memset(covered + (at - text), 1, length);
        }
    }
    return covered;
}

const char *redact_text(Arena *arena, const char *text) {
    if (text == NULL) return NULL;
    pthread_mutex_lock(&secrets.lock);
    size_t size = strlen(text);
    const bool *covered = cover(arena, text, size);
    pthread_mutex_unlock(&secrets.lock);
    if (covered == NULL) return text;
    Buf buf = buf_on(arena);
    for (size_t i = 0; i < size; i++) {
        if (!covered[i])
            buf_putc(&buf, text[i]);
        else if (i == 0 || !covered[i - 1])
            buf_puts(&buf, "***");
    }
    return buf_text(&buf);
}

/* The end of the JSON string or bare word that begins here. */
static const char *json_end(const char *at) {
    if (*at != '"') return at + strcspn(at, "\",:{}[] \t\r\n");
    for (at++; *at != '\0' && *at != '"'; at++)
        if (*at == '\\' && at[1] != '\0') at++;
    return *at == '"' ? at + 1 : at;
}

static void put_json(Buf *out, const char *text, bool is_key) {
    const char *masked = is_key ? text : redact_text(out->arena, text);
    bool number = isdigit((unsigned char)*text) || *text == '-';
    if (*text == '"')
        buf_puts(out, masked);
    else
        buf_puts(out, number && strcmp(masked, "***") == 0 ? "\"***\"" : text);
}

const char *redact_json(Arena *arena, const char *json) {
    if (secrets.forms.count == 0) return json;
    Buf out = buf_on(arena);
    while (*json != '\0') {
        size_t between = strspn(json, ",:{}[] \t\r\n");
        buf_put(&out, json, between);
        json += between;
        if (*json == '\0') break;
        const char *end = json_end(json);
        bool is_key = end[strspn(end, " \t\r\n")] == ':';
        put_json(&out, arena_strndup(arena, json, (size_t)(end - json)), is_key);
        json = end;
    }
    return buf_text(&out);
}

void redact_reset(void) {
    pthread_mutex_lock(&secrets.lock);
    arena_free(secrets.arena);
    secrets.arena = NULL;
    secrets.forms = (Strings){0};
    pthread_mutex_unlock(&secrets.lock);
}

/* -- names ------------------------------------------------------------------------------- */

/* Words of a name: snake_case, kebab-case, dotted, camelCase; in lower case. */
static Strings name_words(Arena *arena, const char *name) {
    Strings words = {0};
    size_t start = 0, size = strlen(name);
    for (size_t i = 0; i <= size; i++) {
        bool separator = i == size || !isalnum((unsigned char)name[i]);
        bool camel = i > 0 && i < size && isupper((unsigned char)name[i]) &&
                     islower((unsigned char)name[i - 1]);
        if (!separator && !camel) continue;
        if (i > start)
            strings_add(arena, &words,
                        str_lower(arena, arena_strndup(arena, name + start, i - start)));
        start = separator ? i + 1 : i;
    }
    return words;
}

static bool key_is_secret(const Strings *words, size_t at) {
    static const char *const secret_kinds[] = {"access",  "account", "admin",   "api",
                                               "app",     "auth",    "client",  "encryption",
                                               "license", "master",  "private", "secret",
                                               "shared",  "signing", "ssh",     "storage",
                                               NULL};
    static const char *const plain_kinds[] = {"business", "cluster", "cursor", "dist",  "foreign",
                                              "group",    "hash",    "join",   "line",  "lookup",
                                              "merge",    "natural", "object", "order", "partition",
                                              "primary",  "row",     "s3",     "sort",  "surrogate",
                                              "unique",   "upsert",  NULL};
    const char *before = at > 0 ? words->items[at - 1] : "";
    if (str_in(before, secret_kinds)) return true;
    bool last = at + 1 == words->count;
    return last && strcmp(words->items[at], "key") == 0 && !str_in(before, plain_kinds);
}

static bool word_is_secret(const Strings *words, size_t at) {
    static const char *const glued[] = {"apikey",  "accesskey",  "secretkey", "privatekey",
                                        "authkey", "passphrase", NULL};
    static const char *const token_facts[] = {"count", "limit", "type", "url", "uri", NULL};
    const char *word = words->items[at];
    bool last = at + 1 == words->count;
    if (strstr(word, "password") || strstr(word, "passwd") || strstr(word, "secret") ||
        strstr(word, "credential") || str_in(word, glued))
        return true;
    if (str_ends(word, "token")) return last || !str_in(words->items[at + 1], token_facts);
    if (strcmp(word, "tokens") == 0) return at == 0 || strcmp(words->items[at - 1], "max") != 0;
    /* $PWD is a folder, DB_PWD is not. */
    if (at > 0 && last && (strcmp(word, "pass") == 0 || strcmp(word, "pwd") == 0)) return true;
    return (strcmp(word, "key") == 0 || strcmp(word, "keys") == 0) && key_is_secret(words, at);
}

bool redact_is_secret_name(const char *name) {
    AUTO_ARENA arena = arena_new();
    Strings words = name_words(arena, name);
    for (size_t i = 0; i < words.count; i++)
        if (word_is_secret(&words, i)) return true;
    return false;
}

bool redact_is_secret_option(const char *name) {
    return !str_ieq(name, "key") && redact_is_secret_name(name);
}

/* What stands behind `name:`, up to the end of the line or of the flow map. */
static void register_value(Arena *arena, const char *text, const char *end) {
    while (text < end && *text == ' ') text++;
    char quote = text < end && (*text == '\'' || *text == '"') ? *text++ : '\0';
    const char *stop = text;
    for (; stop < end && *stop != '\n' && *stop != '\r'; stop++) {
        if (quote != '\0' && *stop == quote) break;
        if (quote == '\0' && (strchr(",}", *stop) || (stop[0] == ' ' && stop[1] == '#'))) break;
    }
    const char *value = str_trim(arena, text, (size_t)(stop - text));
    bool none = quote == '\0' && (str_ieq(value, "null") || str_eq(value, "~"));
    if (strstr(value, "${") == NULL && !none) redact_add(value);
}

void redact_add_urls(const char *text) {
    AUTO_ARENA arena = arena_new();
    while ((text = strstr(text, "://")) != NULL) {
        text += 3;
        size_t size = strcspn(text, "@/?#\"' \t\r\n"), user = strcspn(text, ":");
        if (text[size] != '@' || user >= size) continue;
        const char *password = arena_strndup(arena, text + user + 1, size - user - 1);
        if (strstr(password, "${") == NULL) redact_add(password);
    }
}

void redact_add_named(const char *text, size_t size) {
    static const char name_chars[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    AUTO_ARENA arena = arena_new();
    const char *last = text + size, *colon = text;
    for (; (colon = memchr(colon, ':', (size_t)(last - colon))) != NULL; colon++) {
        const char *end = colon;
        if (end > text && (end[-1] == '"' || end[-1] == '\'')) end--;
        const char *start = end;
        while (start > text && strchr(name_chars, start[-1]) != NULL) start--;
        const char *name = arena_strndup(arena, start, (size_t)(end - start));
        if (redact_is_secret_option(name)) register_value(arena, colon + 1, last);
    }
}
