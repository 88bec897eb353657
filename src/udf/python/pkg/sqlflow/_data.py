"""The program's own helper for whole tables and arrays: pandas, pyarrow and NumPy on one side, what
DuckDB takes on the other. The program calls everything through this module."""

import datetime
import decimal
import sys
import uuid

from sqlflow._host import *  # noqa: F403  (import_file, hooks, explain, unscaled)
from sqlflow._host import importlib
from sqlflow._infer import infer

# -- table functions ------------------------------------------------------------------------------

VECTOR_ROWS = 2_048  # of DuckDB's chunks
BATCH_ROWS = 122_880  # DuckDB's row group; a batch of the input and of the output


def module_or_none(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def uses_arrow(form):
    """May the table come by Arrow? Raises when the form needs what is not installed."""
    frame = form in ("pandas", "any")
    has_pandas = frame and module_or_none("pandas")
    if form == "pandas" and not has_pandas:
        raise ImportError(f"the function takes a pandas DataFrame, and pandas is not installed in {sys.prefix}")
    if form == "rows" or (frame and not has_pandas):
        return False
    if module_or_none("pyarrow"):
        return True
    if not frame:
        raise ImportError("the function takes Arrow data, and pyarrow is not installed in "
                          f"{sys.prefix}")
    return False


def nulls(count):
    return [None] * count


def bigger_batches(reader, pa):
    """DuckDB gives 2,048 rows at a time; Python wants more."""
    held, rows = [], 0
    for batch in reader:
        held.append(batch)
        rows += batch.num_rows
        if rows >= BATCH_ROWS:
            yield from pa.Table.from_batches(held).combine_chunks().to_batches()
            held, rows = [], 0
    if held:
        yield from pa.Table.from_batches(held).combine_chunks().to_batches()


def table_of_stream(address, form):
    import pyarrow as pa
    reader = pa.RecordBatchReader._import_from_c(address)
    if form == "reader":
        return pa.RecordBatchReader.from_batches(reader.schema, bigger_batches(reader, pa))
    table = pa.Table.from_batches(bigger_batches(reader, pa), reader.schema)
    if form == "arrow":
        return table
    return to_pandas(table, pa)


def to_pandas(table, pa):
    """As usual, but an integer column with gaps whose values a float would change stays exact."""
    import pandas
    import pyarrow.compute as pc
    frame = table.to_pandas()
    for index, field in enumerate(table.schema):
        column = table.column(index)
        if not pa.types.is_integer(field.type) or not column.null_count:
            continue
        bounds = pc.min_max(column).as_py()
        if bounds["max"] is not None and max(abs(bounds["min"]), abs(bounds["max"])) > 2**53:
            kind = pandas.UInt64Dtype() if pa.types.is_unsigned_integer(field.type) else \
                pandas.Int64Dtype()
            frame.isetitem(index, pandas.array(column.to_pylist(), dtype=kind))
    return frame


def table_of_columns(names, columns, form):
    pandas = module_or_none("pandas") if form != "rows" else None
    if pandas:
        return pandas.DataFrame(dict(zip(names, columns)))
    return [dict(zip(names, row)) for row in zip(*columns)]


def call_table(func, table, values, named, has_input):
    return func(table, *values, **named) if has_input else func(*values, **named)


def type_of(name, column):
    try:
        return infer(column)
    except TypeError as problem:
        raise TypeError(f"column {name!r}: {problem}") from None


def rest_of_columns(columns, start):
    return [column[start:] for column in columns]


def types_of_columns(columns):
    return [infer(column) for column in columns]


def types_of(names, columns, declared):
    return [None if name.lower() in declared else type_of(name, column)
            for name, column in zip(names, columns)]


def values_of_rows(rows, declared):
    names = {}
    for row in rows:
        if not isinstance(row, dict):
            raise TypeError(f"a list of dicts is expected, not one of {type(row).__name__}")
        for name in row:
            names.setdefault(name)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"a column's name is a text, not {name!r}")
    columns = [[row.get(name) for row in rows] for name in names]
    return ("values", list(names), types_of(names, columns, declared), columns)


def arrow_of(item):
    """The item as an Arrow table, or None when it is none."""
    pa = module_or_none("pyarrow")
    if not pa:
        return None
    if isinstance(item, pa.Table):
        table = item
    elif isinstance(item, pa.RecordBatch):
        table = pa.Table.from_batches([item])
    elif type(item).__module__.split(".")[0] == "pandas" and hasattr(item, "columns"):
        table = pa.Table.from_pandas(item, preserve_index=False)
    elif hasattr(item, "__arrow_c_stream__") and not hasattr(item, "to_frame") and \
            not isinstance(item, pa.RecordBatchReader):  # to_frame: a Series, which is no table
        table = pa.table(item)
    else:
        return None
    for index, field in enumerate(table.schema):
        type_ = type_for_duckdb(field.type, pa)
        if type_ != field.type:
            table = table.set_column(index, pa.field(field.name, type_),
                                     table.column(index).cast(type_))
    return table


def type_for_duckdb(type_, pa):
    if pa.types.is_null(type_):  # of a column of nothing but NULLs: text takes all
        return pa.string()
    if pa.types.is_float16(type_):
        return pa.float32()
    if pa.types.is_timestamp(type_) and type_.tz and type_.unit == "ns":  # it has microseconds
        return pa.timestamp("us", type_.tz)
    if pa.types.is_duration(type_) and type_.unit == "ns":
        return pa.duration("us")
    return type_


def frame_values(frame, declared):
    columns = [[None if value != value else value for value in frame[name].tolist()]
               for name in frame.columns]
    names = [str(name) for name in frame.columns]
    return ("values", names, types_of(names, columns, declared), columns)


def is_row_list(item):
    return isinstance(item, (list, tuple)) and (not item or isinstance(item[0], dict))


def wrong_piece(item):
    return TypeError(f"the function gave {type(item).__name__}; a DataFrame, an Arrow table or a "
                     "list of dicts is expected")


def pieces(result, declared):
    """What a table function returned: ("whole", table) for one Arrow table, else pieces as
    ("arrow", table) and ("values", names, types, columns). Small pieces are put together.
    `declared` are the columns of output_schema."""
    if result is None:
        raise TypeError("the function returned None; a table is expected")
    tables, rows = [], []

    def flush():
        if tables:
            import pyarrow as pa
            table = tables[0] if len(tables) == 1 else pa.concat_tables(tables)
            tables.clear()
            yield ("arrow", table)
        if rows:
            yield values_of_rows(rows, declared)
            rows.clear()

    if hasattr(result, "read_next_batch") and hasattr(result, "schema"):
        tables.append(result.schema.empty_table())  # its columns, also when no batch comes
    first = arrow_of(result)  # costly for a DataFrame: once
    if first is not None and first.num_rows:
        yield ("whole", first)
        return
    whole = first is not None or is_row_list(result) or hasattr(result, "to_dict")
    if not whole and (isinstance(result, (dict, str)) or not hasattr(result, "__iter__")):
        raise wrong_piece(result)
    for item in [result] if whole else result:
        table = first if whole else arrow_of(item)
        if table is not None:
            if rows or (tables and tables[0].schema != table.schema):
                yield from flush()
            tables.append(table)
        elif isinstance(item, dict) or is_row_list(item):
            if tables:
                yield from flush()
            rows.extend([item] if isinstance(item, dict) else item)
        elif hasattr(item, "columns") and hasattr(item, "to_dict"):
            yield from flush()
            yield frame_values(item, declared)
        elif hasattr(item, "__next__") or hasattr(item, "read_next_batch"):
            yield from flush()
            yield from pieces(item, declared)
        else:
            raise wrong_piece(item)
        if len(rows) + sum(part.num_rows for part in tables) >= BATCH_ROWS:
            yield from flush()
    yield from flush()


def vector_batches(table):
    """The table's rows in batches that fit DuckDB's vectors."""
    if table.column(0).num_chunks * VECTOR_ROWS > 2 * table.num_rows + VECTOR_ROWS:
        table = table.combine_chunks()
    return table.to_reader(max_chunksize=VECTOR_ROWS)


# -- vectorized functions -------------------------------------------------------------------------


def vectors_use_arrow(form, name):
    if form == "pandas" and not module_or_none("pandas"):
        raise ImportError(f"{name} takes pandas Series, and pandas is not installed in {sys.prefix}")
    if module_or_none("pyarrow"):
        return True
    if not module_or_none("numpy"):
        raise ImportError("a vectorized function needs pyarrow or numpy, and neither is installed "
                          f"in {sys.prefix}")
    return False


def arrow_type(address):
    import pyarrow as pa
    return pa.Schema._import_from_c(address).field(0).type


def export_array(array, address):
    import pyarrow as pa
    pa.RecordBatch.from_arrays([array], ["result"])._export_to_c(address)
    return True


def invoke(func, arrays, manner):
    count = manner["positional"]
    named = dict(zip(manner["names"] or (), arrays[count:]))
    return func(*arrays[:count], **named)


def check_length(result, rows):
    if isinstance(result, (str, bytes)) or not hasattr(result, "__len__"):
        raise TypeError(f"a vectorized function returns an array, not {type(result).__name__}")
    if len(result) != rows:
        raise ValueError(f"the function was given {rows} rows and returned {len(result)}")


def arrow_result(result, type_, pa):
    if isinstance(result, pa.ChunkedArray):
        result = result.combine_chunks()
    if not isinstance(result, pa.Array):
        result = pa.array(result, from_pandas=True)
    if pa.types.is_dictionary(result.type):
        result = result.dictionary_decode()
    if type_ is None:
        return result
    if result.type != type_ and pa.types.is_string(result.type) != pa.types.is_string(type_) and \
            not pa.types.is_null(result.type) and not pa.types.is_large_string(result.type):
        raise TypeError(f"the function returned {result.type}, its return type is {type_}")
    return result.cast(type_, safe=True)


def of_arrow(value, type_):
    """Arrow has other forms for some of DuckDB's types; an array that is handed back has them."""
    if type_ == "UUID" and isinstance(value, str):
        return uuid.UUID(value)
    if type_ in ("HUGEINT", "UHUGEINT") and isinstance(value, decimal.Decimal) and \
            value.as_tuple().exponent >= 0:
        return int(value)
    if type_ == "MAP" and isinstance(value, list):
        return dict(value)
    if type_ == "INTERVAL" and type(value).__name__ == "MonthDayNano" and value[0] == 0 and \
            value[2] % 1000 == 0:
        return datetime.timedelta(days=value[1], microseconds=value[2] // 1000)
    return value


def vector_arrow(func, array, schema, type_, manner):
    import pyarrow as pa
    import pyarrow.compute as pc
    batch = pa.RecordBatch._import_from_c(array, schema)
    columns, rows, positions = batch.columns, batch.num_rows, None
    if not manner["special"] and any(column.null_count for column in columns):
        valid = columns[0].is_valid()
        for column in columns[1:]:
            valid = pc.and_(valid, column.is_valid())
        count = pc.cumulative_sum(pc.cast(valid, pa.int64()))
        positions = pc.if_else(valid, pc.subtract(count, 1), None)
        columns, rows = [column.filter(valid) for column in columns], valid.true_count
    if manner["form"] == "numpy":
        columns = [column.to_numpy(zero_copy_only=False) for column in columns]
    elif manner["form"] == "pandas":
        columns = [column.to_pandas() for column in columns]
    result = invoke(func, columns, manner)
    check_length(result, rows)
    result = arrow_result(result, type_, pa)
    if positions is not None:
        result = result.take(positions)
    if type_ is not None:
        return result
    return [of_arrow(value, manner["returns"]) for value in result.to_pylist()]


def vector_numpy(func, columns, rows, manner):
    import numpy
    keep = range(rows)
    if not manner["special"]:
        keep = [row for row in keep if all(column[row] is not None for column in columns)]
    arrays = []
    for column in columns:
        values = [column[row] for row in keep]
        plain = values and all(isinstance(value, (bool, int, float)) for value in values)
        arrays.append(numpy.array(values, dtype=None if plain else object))
    if manner["form"] == "pandas":
        import pandas
        arrays = [pandas.Series(array) for array in arrays]
    result = invoke(func, arrays, manner)
    check_length(result, len(keep))
    values = result.tolist() if hasattr(result, "tolist") else list(result)
    out = [None] * rows
    for row, value in zip(keep, values):
        out[row] = value
    return out
