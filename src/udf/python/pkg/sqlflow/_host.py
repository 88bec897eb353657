"""The program's own helper inside the interpreter: imports the project's files and reads
signatures. Users import `sqlflow.udfs` instead."""

import datetime
import decimal
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
import types
import typing
import uuid

SIMPLE = {
    bool: "BOOLEAN",
    int: "BIGINT",
    float: "DOUBLE",
    str: "VARCHAR",
    bytes: "BLOB",
    bytearray: "BLOB",
    datetime.datetime: "TIMESTAMP",
    datetime.date: "DATE",
    datetime.time: "TIME",
    datetime.timedelta: "INTERVAL",
    decimal.Decimal: "DECIMAL(38,10)",
    uuid.UUID: "UUID",
}
NUMPY = {
    "bool_": "BOOLEAN", "bool": "BOOLEAN", "int8": "TINYINT", "int16": "SMALLINT",
    "int32": "INTEGER", "int64": "BIGINT", "uint8": "UTINYINT", "uint16": "USMALLINT",
    "uint32": "UINTEGER", "uint64": "UBIGINT", "float32": "FLOAT", "float64": "DOUBLE",
    "str_": "VARCHAR",
}
BY_NAME = {cls.__name__: cls for cls in SIMPLE}
BY_NAME.update({f"{cls.__module__}.{cls.__name__}": cls for cls in SIMPLE})
ANY = None
TABLE_HINTS = (
    ("DataFrame", "pandas"), ("RecordBatchReader", "reader"), ("Table", "arrow"),
    ("RecordBatch", "arrow"), ("list", "rows"), ("List", "rows"), ("Iterable", "rows"),
    ("Sequence", "rows"),
)


class Definition(Exception):
    """Why a function cannot be used."""


def quote(name):
    return '"' + str(name).replace('"', '""') + '"'


def show(hint):
    if hint is inspect.Parameter.empty:
        return ""
    if isinstance(hint, str):
        return hint
    if isinstance(hint, type) and not typing.get_args(hint):
        return hint.__name__ if hint.__module__ == "builtins" else f"{hint.__module__}.{hint.__name__}"
    return str(hint).replace("typing.", "")


def sql_type(hint):
    """DuckDB's type of a hint; None when any value fits; Definition when there is none."""
    if isinstance(hint, str):
        hint = BY_NAME.get(hint, hint)
    if hint in (inspect.Parameter.empty, typing.Any, object):
        return ANY
    if hint is None or hint is type(None):
        raise Definition("None is no type of a value")
    if isinstance(hint, type) and hint in SIMPLE:
        return SIMPLE[hint]
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return sql_type(args[0])
    if origin is typing.Union or origin is getattr(types, "UnionType", None):
        rest = [arg for arg in args if arg is not type(None)]
        if len(rest) == 1:
            return sql_type(rest[0])
        raise Definition(f"{show(hint)} is several types; only Optional[T] is possible")
    if hasattr(hint, "__supertype__"):
        return sql_type(hint.__supertype__)
    return sql_nested_type(hint, origin, args)


def sql_nested_type(hint, origin, args):
    if origin in (list, typing.Sequence) or (origin and origin.__name__ == "Sequence"):
        element = sql_type(args[0])
        return ANY if element is ANY else element + "[]"
    if origin is dict:
        key, value = sql_type(args[0]), sql_type(args[1])
        return ANY if ANY in (key, value) else f"MAP({key}, {value})"
    if hint in (list, dict, tuple, typing.List, typing.Dict):
        return ANY
    if typing.is_typeddict(hint):
        members = {name: sql_type(of) for name, of in typing.get_type_hints(hint).items()}
        if not members or ANY in members.values():
            raise Definition(f"every key of {hint.__name__} needs a type")
        return "STRUCT(" + ", ".join(f"{quote(n)} {t}" for n, t in members.items()) + ")"
    module = getattr(hint, "__module__", "").split(".")[0]
    if module == "numpy" and getattr(hint, "__name__", "") in NUMPY:
        return NUMPY[hint.__name__]
    if module in ("numpy", "pyarrow", "pandas"):
        return ANY  # whole arrays of a vectorized function
    raise Definition(f"{show(hint)} has no SQL type; use arg_types= or return_type=")


def hints_of(func):
    try:
        return typing.get_type_hints(func)
    except Exception:  # a name that exists for type checkers only: keep what can be read
        raw = getattr(inspect.unwrap(func), "__annotations__", {})
        scope = getattr(inspect.unwrap(func), "__globals__", {})
        found = {}
        for name, hint in raw.items():
            try:
                found[name] = eval(hint, scope) if isinstance(hint, str) else hint
            except Exception:
                found[name] = hint
        return found


def input_form(hint, options):
    text = show(hint)
    base = text.split("[")[0].split(".")[-1]
    if base == "ndarray":
        return "numpy"
    for name, form in TABLE_HINTS:
        if base == name:
            return form
    return ""


def given_type(arg_types, position, name):
    if isinstance(arg_types, dict):
        return arg_types.get(name)
    if arg_types and position < len(arg_types):
        return arg_types[position]
    return None


def describe_params(func, hints, kind, options, info):
    """Fills params, input and input_name; the table itself is no parameter."""
    parameters = list(inspect.signature(func).parameters.values())
    arg_types = options.get("arg_types")
    names = [p.name for p in parameters]
    if isinstance(arg_types, dict):
        for name in arg_types:
            if name not in names:
                raise Definition(f"arg_types names {name!r}, which is no parameter")
    elif arg_types and len(arg_types) > len(names) and "VAR_POSITIONAL" not in [p.kind.name for p in parameters]:
        raise Definition(f"arg_types has {len(arg_types)} types for {len(names)} parameters")
    for position, parameter in enumerate(parameters):
        hint = hints.get(parameter.name, inspect.Parameter.empty)
        if kind == "table" and position == 0 and parameter.kind.name.startswith("POSITIONAL"):
            form = input_form(hint, options)
            if form or hint is inspect.Parameter.empty or hint is typing.Any:
                info["input"], info["input_name"] = form or "pandas", parameter.name
                continue
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        fallback = None if parameter.default is parameter.empty else repr(parameter.default)
        type_ = given_type(arg_types, position, parameter.name) or sql_type(hint)
        if position == 0 and options.get("vectorized"):
            form = "pandas" if show(hint).endswith("Series") else input_form(hint, options)
            info["input"] = form or "arrow"
        info["params"].append((parameter.name, type_, show(hint), fallback,
                               parameter.kind is parameter.KEYWORD_ONLY,
                               parameter.kind is parameter.VAR_POSITIONAL))


def describe(func, module):
    options = getattr(func, "_udf_options", None) or {}
    inner = inspect.unwrap(func)
    code = getattr(inner, "__code__", None)
    doc = inspect.getdoc(func) or ""
    info = {
        "kind": func._udf_type, "name": func._udf_name, "callable": func,
        "line": code.co_firstlineno if code else 0,
        "doc": doc.split("\n\n")[0], "params": [], "return_type": None,
        "special_nulls": options.get("null_handling") == "special",
        "volatile": not options.get("deterministic", True),
        "vectorized": options.get("vectorized", False),
        "null_on_error": options.get("on_error") == "null",
        "input": "", "input_name": "", "output": [], "required": [], "problem": None,
    }
    try:
        if inspect.iscoroutinefunction(inner) or (
            inspect.isgeneratorfunction(inner) and info["kind"] == "scalar"
        ):
            raise Definition("a scalar function returns its value; it is no generator or coroutine")
        hints = hints_of(func)
        describe_params(func, hints, info["kind"], options, info)
        if info["kind"] == "scalar":
            returned = hints.get("return", inspect.Parameter.empty)
            info["return_type"] = options.get("return_type") or sql_type(returned)
            if info["return_type"] is ANY:
                what = f"the hint -> {show(returned)} says too little" if show(returned) else \
                    "it has no return type"
                raise Definition(f"{what}; add a hint such as -> float, or return_type='DOUBLE'")
        else:
            schema = options.get("output_schema") or {}
            info["output"] = [(str(name), str(type_)) for name, type_ in schema.items()]
            info["required"] = [str(name) for name in options.get("required_columns") or []]
    except Definition as problem:
        info["problem"] = str(problem)
    except (TypeError, ValueError) as problem:
        info["problem"] = f"its signature cannot be read: {problem}"
    return info


def import_file(name, file):
    """Imports a module and describes its functions, in order of definition."""
    if name in sys.modules:
        module = sys.modules[name]
    elif file:
        spec = importlib.util.spec_from_file_location(name, file)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    else:
        module = importlib.import_module(name)
    own, seen = [], set()
    for value in list(vars(module).values()):
        try:
            if getattr(value, "_is_sqlflow_udf", False) is not True or id(value) in seen:
                continue
            if getattr(value, "__module__", name) != name:
                continue  # imported from another file, listed there
        except Exception:  # an odd object with a __getattr__ of its own
            continue
        seen.add(id(value))
        own.append(describe(value, module))
    own.sort(key=lambda info: info["line"])
    return own


def hooks(name, kind):
    module = sys.modules.get(name)
    found = []
    for value in list(vars(module).values()) if module else ():
        try:
            if getattr(value, "_sqlflow_hook", None) == kind and value.__module__ == name:
                found.append(value)
        except Exception:
            continue
    return found


HERE = "sqlflow/_host.py"


def explain(error, root):
    """(type and message, file, line, trimmed traceback) of an exception."""
    text = "".join(traceback.format_exception_only(type(error), error)).strip()
    if isinstance(error, SyntaxError) and error.filename:
        return (f"{type(error).__name__}: {error.msg}", relative(error.filename, root),
                error.lineno or 0, "")
    frames = [f for f in traceback.extract_tb(error.__traceback__)
              if not f.filename.endswith(HERE) and "importlib._bootstrap" not in f.filename]
    own = [f for f in frames if os.path.abspath(f.filename).startswith(root + os.sep)
           and f"{os.sep}site-packages{os.sep}" not in f.filename]
    if not own:  # raised by what the program does with the result: no place in the user's code
        return (text, "", 0, "")
    shown = frames if len(frames) <= 6 else frames[:2] + [None] + frames[-3:]
    lines = []
    for frame in shown:
        if frame is None:
            lines.append(f"  … {len(frames) - 5} more")
            continue
        place = f"{relative(frame.filename, root)}:{frame.lineno} in {frame.name}"
        lines.append(f"  {place}: {frame.line}" if frame.line else f"  {place}")
    return text, relative(own[-1].filename, root), own[-1].lineno or 0, "\n".join(lines)


def relative(path, root):
    absolute = os.path.abspath(path)
    return absolute[len(root) + 1:] if absolute.startswith(root + os.sep) else path


def unscaled(value, scale):
    """The Decimal times 10**scale as an int, rounded half even; None when it is not finite."""
    if not value.is_finite():
        return None
    sign, digits, exponent = value.as_tuple()
    number = int("".join(map(str, digits)) or "0")
    shift = exponent + scale
    if shift >= 0:
        number *= 10 ** min(shift, 80)
    else:
        divisor = 10 ** min(-shift, len(digits) + 1)
        number, rest = divmod(number, divisor)
        if 2 * rest > divisor or (2 * rest == divisor and number % 2):
            number += 1
    return -number if sign else number


# -- table functions ------------------------------------------------------------------------------

BATCH_ROWS = 122_880  # DuckDB's row group; a batch of the input and of the output


def module_or_none(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def uses_arrow(form):
    if form == "rows":
        return False
    if module_or_none("pyarrow"):
        return True
    if form != "pandas":
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
    table = reader.read_all()
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
    if form == "pandas":
        pandas = module_or_none("pandas")
        if pandas:
            return pandas.DataFrame(dict(zip(names, columns)))
    return [dict(zip(names, row)) for row in zip(*columns)]


def call_table(func, table, values, named, has_input):
    return func(table, *values, **named) if has_input else func(*values, **named)


def infer(values):
    """SQL type of a column of Python values; None when there are only NULLs."""
    found = None
    for value in values:
        if value is None:
            continue
        kind = next((SIMPLE[cls] for cls in type(value).__mro__ if cls in SIMPLE), None)
        if isinstance(value, (list, tuple)):
            element = infer(value)
            kind = f"{element or 'VARCHAR'}[]"
        if isinstance(value, dict):
            kind = "STRUCT(" + ", ".join(
                f"{quote(k)} {infer([v]) or 'VARCHAR'}" for k, v in value.items()) + ")"
        if kind is None:
            raise TypeError(f"a value of type {type(value).__name__} has no SQL type; "
                            "give output_schema=")
        if found and kind != found:
            if {found, kind} == {"BIGINT", "DOUBLE"}:
                kind = "DOUBLE"
            else:
                raise TypeError(f"a column has values of {found} and {kind}; give output_schema=")
        found = kind
    return found


def values_of_rows(rows):
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
    return ("values", list(names), [infer(column) for column in columns], columns)


def arrow_of(item):
    """The item as an Arrow table, or None when it is none."""
    pa = module_or_none("pyarrow")
    if not pa:
        return None
    if isinstance(item, pa.Table):
        return item
    if isinstance(item, pa.RecordBatch):
        return pa.Table.from_batches([item])
    if type(item).__module__.split(".")[0] == "pandas" and hasattr(item, "columns"):
        return pa.Table.from_pandas(item, preserve_index=False)
    if hasattr(item, "__arrow_c_stream__") and not isinstance(item, pa.RecordBatchReader):
        return pa.table(item)
    return None


def frame_values(frame):
    columns = [[None if value != value else value for value in frame[name].tolist()]
               for name in frame.columns]
    return ("values", [str(name) for name in frame.columns],
            [infer(column) for column in columns], columns)


def is_row_list(item):
    return isinstance(item, (list, tuple)) and (not item or isinstance(item[0], dict))


def pieces(result):
    """What a table function returned, as ("arrow", reader) and ("values", names, types, columns).
    Small pieces are put together."""
    if result is None:
        raise TypeError("the function returned None; a table is expected")
    tables, rows = [], []

    def flush():
        if tables:
            import pyarrow as pa
            table = tables[0] if len(tables) == 1 else pa.concat_tables(tables)
            tables.clear()
            yield ("arrow", table.to_reader())
        if rows:
            yield values_of_rows(rows)
            rows.clear()

    whole = is_row_list(result) or arrow_of(result) is not None or hasattr(result, "to_dict")
    for item in [result] if whole else result:
        table = arrow_of(item)
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
            yield frame_values(item)
        elif hasattr(item, "__next__") or hasattr(item, "read_next_batch"):
            yield from flush()
            yield from pieces(item)
        else:
            raise TypeError(f"the function gave {type(item).__name__}; a DataFrame, an Arrow "
                            "table or a list of dicts is expected")
        if len(rows) + sum(part.num_rows for part in tables) >= BATCH_ROWS:
            yield from flush()
    yield from flush()


# -- vectorized functions -------------------------------------------------------------------------


def vectors_use_arrow(form, name):
    if module_or_none("pyarrow"):
        return True
    if form == "pandas" and not module_or_none("pandas"):
        raise ImportError(f"{name} takes pandas Series, and pandas is not installed in {sys.prefix}")
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
    if type_ is None:
        return result
    if result.type != type_ and pa.types.is_string(result.type) != pa.types.is_string(type_) and \
            not pa.types.is_null(result.type) and not pa.types.is_large_string(result.type):
        raise TypeError(f"the function returned {result.type}, its return type is {type_}")
    return result.cast(type_, safe=True)


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
    return result if type_ is not None else result.to_pylist()


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
