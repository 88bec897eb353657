/* Does a file hold a quote anywhere? Reading with quotes costs DuckDB a tenth more than without,
 * but without them a quote behind the sniffer's sample would silently become data. So the bytes
 * are looked through, by a thread beside the sniffer, which takes a hundredth of the time. */
#ifndef SQLFLOW_CONNECTORS_CSV_QUOTES_H
#define SQLFLOW_CONNECTORS_CSV_QUOTES_H

#include <pthread.h>
#include <stdbool.h>

typedef struct QuoteSearch {
    const char *path;
    pthread_t thread;
    bool running;
    _Atomic bool cancelled;
    bool found; /* valid when it has ended */
} QuoteSearch;

/* `path` must stay. Without a thread, or for a file that is not in memory (then the disk is the
 * bottleneck, and reading it twice the worse choice), quotes are taken for granted. */
void quote_search_start(QuoteSearch *search, const char *path);
/* Waits for the answer. */
bool quote_search_found(QuoteSearch *search);
/* Ends it without an answer; fine after it has ended. */
void quote_search_cleanup(QuoteSearch *search);
#define AUTO_QUOTE_SEARCH __attribute__((cleanup(quote_search_cleanup))) QuoteSearch

#endif
