"""The program's own helper inside the interpreter: imports the project's files and reads
signatures. Users import `sqlflow.udfs` instead."""

import datetime
import decimal
import functools
import importlib
import importlib.util
import inspect
import os
import subprocess
import sys
import traceback
import types
import typing
import uuid

# The program blocks its signals in all threads but one; only what fork() starts has them unblocked.
subprocess._USE_VFORK = subprocess._USE_POSIX_SPAWN = False

ROOT = os.getcwd()  # the project's folder; a function may change to another one

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


def optional_keys(hint):
    """The keys that TypedDicts in a hint may lack."""
    found, inner = set(), typing.get_args(hint)
    if typing.is_typeddict(hint):
        members = typing.get_type_hints(hint, include_extras=True)
        found.update(name for name, of in members.items() if name in hint.__optional_keys__ or
                     typing.get_origin(of) is typing.NotRequired)
        inner = members.values()
    return found.union(*map(optional_keys, inner))


def plain_function(func):
    """The function below decorators, or that an object with a __call__ has; else what is given."""
    inner = inspect.unwrap(func)
    if isinstance(inner, functools.partial):
        return plain_function(inner.func)
    if hasattr(inner, "__code__") or isinstance(inner, type):
        return inner
    return inspect.unwrap(getattr(type(inner), "__call__", inner))


def line_of(func, function, file):
    code = getattr(function, "__code__", None)
    places = [(code.co_filename, code.co_firstlineno)] if code else []
    return next((line for name, line in places + [func._udf_place] if name == file), 1)


def hints_of(func):
    if not hasattr(inspect.unwrap(func), "__code__"):
        func = plain_function(func)
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
                info["input"], info["input_name"] = form or "any", parameter.name
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
    inner = plain_function(func)
    doc = inspect.getdoc(func) or ""
    info = {
        "kind": func._udf_type, "name": func._udf_name, "callable": func,
        "line": line_of(func, inner, getattr(module, "__file__", None)),
        "doc": doc.split("\n\n")[0], "params": [], "return_type": None,
        "special_nulls": options.get("null_handling") == "special",
        "volatile": not options.get("deterministic", True),
        "vectorized": options.get("vectorized", False),
        "null_on_error": options.get("on_error") == "null",
        "input": "", "input_name": "", "output": [], "required": [], "problem": None,
        "optional": None,
    }
    try:
        if inspect.iscoroutinefunction(inner) or (
            inspect.isgeneratorfunction(inner) and info["kind"] == "scalar"
        ):
            raise Definition("SQL awaits nothing: it is a coroutine" if not
                             inspect.isgeneratorfunction(inner) else
                             "a scalar function returns its value; it is a generator")
        hints = hints_of(func)
        describe_params(func, hints, info["kind"], options, info)
        if info["kind"] == "scalar":
            returned = hints.get("return", inspect.Parameter.empty)
            info["return_type"] = options.get("return_type") or sql_type(returned)
            if not options.get("return_type"):
                info["optional"] = sorted(optional_keys(returned))
            if info["return_type"] is ANY:
                what = f"the hint -> {show(returned)} says too little" if show(returned) else \
                    "it has no return type"
                more = {"list": "list[int]", "dict": "dict[str, int]"}.get(show(returned), "float")
                raise Definition(f"{what}; add a hint such as -> {more}, or return_type='DOUBLE'")
        else:
            schema = options.get("output_schema") or {}
            info["output"] = [(str(name), str(type_)) for name, type_ in schema.items()]
            info["required"] = [str(name) for name in options.get("required_columns") or []]
    except Definition as problem:
        info["problem"] = str(problem)
    except RecursionError:
        info["problem"] = "the type of a hint contains itself, which no SQL type can"
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
            if name not in (getattr(value, "__module__", name), value._udf_module):
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


HERE = ("sqlflow/_host.py", "sqlflow/_data.py", "sqlflow/_infer.py")


def advice(error):
    """How to get a module that an import did not find; "" for other errors."""
    name = getattr(error, "name", None)
    if not isinstance(error, ModuleNotFoundError) or not name:
        return ""
    top = name.split(".")[0]
    if top == "sqlflow":
        return "the decorators are in sqlflow.udfs: from sqlflow.udfs import python_scalar_udf"
    for frame in traceback.extract_tb(error.__traceback__):
        beside = os.path.join(os.path.dirname(frame.filename), top)
        if os.path.isdir(beside) or os.path.isfile(beside + ".py"):
            return f"{top} lies beside this file, which is part of a package: from . import {top}"
    return (f"install it in the Python that runs the functions, {sys.prefix}, or name another by "
            "python: { venv: … } in the profile")


def explain(error):
    """(type and message, file, line, trimmed traceback, hint) of an exception, all in UTF-8."""
    return tuple(part if isinstance(part, int) else part.encode("utf-8", "backslashreplace").decode()
                 for part in explain_exactly(error, ROOT))


def explain_exactly(error, root):
    text = "".join(traceback.format_exception_only(type(error), error)).strip()
    if error.__cause__ is not None:
        cause = "".join(traceback.format_exception_only(type(error.__cause__), error.__cause__))
        text += f" (caused by {cause.strip()})"
    if isinstance(error, SyntaxError) and error.filename:
        return (f"{type(error).__name__}: {error.msg}", relative(error.filename, root),
                error.lineno or 0, "", "")
    frames = [f for f in traceback.extract_tb(error.__traceback__)
              if not f.filename.endswith(HERE) and "importlib._bootstrap" not in f.filename
              and not f.filename.endswith("importlib/__init__.py")
              and not f.filename.endswith((".pyx", ".pxi"))]  # compiled: "pyarrow/error.pxi"
    own = [f for f in frames if os.path.abspath(f.filename).startswith(root + os.sep)
           and f"{os.sep}site-packages{os.sep}" not in f.filename]
    if not own:  # raised by what the program does with the result: no place in the user's code
        return (text, "", 0, "", "")
    shown = frames if len(frames) <= 6 else frames[:2] + [None] + frames[-3:]
    lines = []
    for frame in shown:
        if frame is None:
            lines.append(f"  … {len(frames) - 5} more")
            continue
        place = f"{relative(frame.filename, root)}:{frame.lineno} in {frame.name}"
        lines.append(f"  {place}: {frame.line}" if frame.line else f"  {place}")
    place = relative(own[-1].filename, root)
    return text, place, own[-1].lineno or 0, "\n".join(lines), advice(error)


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
