/* Secrets: every value known to be secret is registered here, and every text that leaves the
 * program (reports, diagnostics, logs, plans, state) passes through redact_text.
 * A secret is found in plain, URL-encoded and base64 form. */
#ifndef SQLFLOW_BASE_REDACT_H
#define SQLFLOW_BASE_REDACT_H

#include <stdbool.h>

#include "base/arena.h"

/* Registers a secret value. Values of fewer than 3 characters are not registered: masking them
 * would garble everything. NULL is allowed. Thread-safe after start-up is not promised. */
void redact_add(const char *secret);
/* The text with every secret replaced by ***; the text itself when there is none. */
const char *redact_text(Arena *arena, const char *text);
/* The same for a JSON document, which stays one: only its strings (not its keys) are masked, and
 * numbers that are a secret as a whole. A password such as "error" or "null" is in every report. */
const char *redact_json(Arena *arena, const char *json);
/* True for names that look like one of a secret: password, passwd, secret, token, key,
 * credential (as a word part; not primary_key, key_pattern, upsert_keys and the like). */
bool redact_is_secret_name(const char *name);
/* The same for the name of an option, where `key` by itself names an object of S3. */
bool redact_is_secret_option(const char *name);
/* Registers what stands behind every `name:` of the text whose name is one of a secret, also where
 * the text is no valid YAML or JSON: its diagnostics quote it. */
void redact_add_named(const char *text, size_t size);
/* Registers the passwords of URLs in the text: scheme://user:password@host. */
void redact_add_urls(const char *text);
/* Forgets all (tests). */
void redact_reset(void);

#endif
