/* What the files of the csv connector share: the dialect of a file and the guards that look at it
 * before DuckDB's reader does. */
#ifndef SQLFLOW_CONNECTORS_CSV_H
#define SQLFLOW_CONNECTORS_CSV_H

#include "connectors/files.h"

/* Begins the text of the error that a value raises which would have been changed. */
#define CSV_CHANGED "sqlflow-changed\x1f"

/* Files up to this size are looked at as a whole before their types are settled. */
#define CSV_SMALL (4 * 1024 * 1024)
/* What the sniffer takes for delimiters. */
#define CSV_DELIMITERS ",;\t|"

/* What reading the bytes of the sniffer's sample tells. */
typedef struct CsvBytes {
    const char *hints;     /* ", delim = …" for the sniffer; "" leaves all to it */
    size_t longest_number; /* digits in a row in all of the sample; SIZE_MAX: unknown */
    bool large_number;     /* some number may be 10^15 or more, or have an exponent */
    bool lone_letter;      /* some field may be T or F alone */
    bool null_word;     /* some field may be NA, null, - or their like */
    bool short_year;       /* some date or time may begin with fewer than four digits */
    bool long_fraction;    /* some time may have more than six digits behind the second's point */
} CsvBytes;

extern const CsvBytes csv_unknown_bytes;

/* What DuckDB's sniffer makes of a file. */
typedef struct CsvDialect {
    const char *path, *name; /* as DuckDB is to read it; as it is called */
    const char *delimiter, *quote, *escape, *comment; /* "" when there is none */
    long long skip;
    bool header;
    Columns columns;
    const char *date_format, *timestamp_format; /* NULL when none was detected */
    bool mixed; /* some other file of the source has, or may have, dates in a form of its own */
    CsvBytes bytes;
} CsvDialect;

/* Columns that hold only whole numbers or only dates as far as the sniffer looked. */
typedef struct CsvExact {
    Columns columns; /* with the type they are to have */
    Columns *types;  /* what the reader is told; gets the types it must read them as */
    bool guessed;    /* see Relation.guessed */
} CsvExact;

/* Does the sniffer look at all lines? */
bool csv_sees_all(const FileCall *call);
/* How many lines it looks at, if not at all. */
long long csv_sample(const FileCall *call);
/* ", delim = …, header = …" of the options that decide how a file is parsed. */
void csv_parse_options(Buf *out, const FileCall *call);
/* The same for options that the sniffer does not change: encoding, compression, NULLs. */
void csv_plain_options(Buf *out, const FileCall *call);
/* Nothing is known of remote, compressed and unusual files, and of those with very long lines. */
CsvBytes csv_look_at_bytes(const FileCall *call, size_t index);
/* Does the head of a local file have lines that end in \r\n and others in \n? */
bool csv_mixes_breaks(const char *path);
/* May the beginning of some file's last chunk be such that DuckDB's threads pass over it? True
 * where that cannot be seen. */
bool csv_may_lose_rows(const FileCall *call, const CsvDialect *dialect);
/* An error for a file whose first bytes say that it cannot be read as the options say. */
bool csv_check_encoding(const FileCall *call, Error *err);
/* ", buffer_size = …" where the memory_limit is too small for DuckDB's own. */
void csv_put_buffer(Buf *out, const FileCall *call);
/* Asks the sniffer about call->paths[index]; `extra` is more ", name = value". */
bool csv_sniff(const FileCall *call, size_t index, const char *extra, CsvDialect *dialect,
               Error *err);
/* read_csv over the file with this dialect and every column as text, header as given. */
const char *csv_text_reader(const FileCall *call, const CsvDialect *dialect, bool header,
                            const char *extra);

/* Makes short lines NULLs where the options or `extra` say so; else "". DuckDB's threads cannot, if
 * there are line breaks within quotes. */
const char *csv_padding(const FileCall *call, const char *extra);

/* Words that stand for a missing value, in lower case; ends with NULL. */
extern const char *const csv_null_words[];
bool csv_is_null_word(const char *text, size_t size);

/* read_csv over the lines of the file at `path` as one column c0, with nothing left out. */
const char *csv_line_reader(const FileCall *call, const char *path, long long skip);

/* Is it the form that is read without being told of? */
bool csv_is_iso(const char *format);

/* Each guard may append to `extra`, may sniff again, and warns of what it assumed. */
bool csv_guard_ragged(const FileCall *call, CsvDialect *dialect, Buf *extra, Error *err);
bool csv_guard_left_out(const FileCall *call, size_t index, CsvDialect *dialect, Buf *extra,
                        Error *err);
bool csv_guard_header(const FileCall *call, CsvDialect *dialect, Buf *extra, Error *err);
bool csv_guard_values(const FileCall *call, const CsvDialect *dialect, const Buf *extra,
                      Columns *types, Error *err);
/* Looks at the files behind the first, as far as they are not too many. */
bool csv_guard_others(const FileCall *call, CsvDialect *dialect, Buf *extra, Columns *types,
                      Error *err);
bool csv_is_time(const char *type); /* TIME, TIMESTAMP and their relatives */
/* `columns`: of the reader, as sniffed. */
bool csv_guard_exact(const FileCall *call, const CsvDialect *dialect, const Buf *extra,
                        const Columns *columns, CsvExact *exact, Error *err);
/* The reader call with the checks of these columns around it. */
const char *csv_checked(const FileCall *call, const CsvExact *exact, const char *reader);

#endif
