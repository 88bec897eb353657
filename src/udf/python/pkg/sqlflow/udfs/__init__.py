"""Decorators that make a Python function usable in a pipeline's SQL.

They mark the function and return it unchanged, so it can be called and tested as before.
Nothing here needs the program: `PYTHONPATH=$(sqlflow udf path)` is enough for tests.
"""

import sys
from typing import Any, Callable, Dict, List, Optional, Sequence, TypeVar, Union, overload

__all__ = ["python_scalar_udf", "python_table_udf", "on_setup", "on_teardown"]

F = TypeVar("F", bound=Callable[..., Any])


def _mark(func: Any, kind: str, name: Optional[str], **options: Any) -> Any:
    if isinstance(func, (staticmethod, classmethod)) or not callable(func):
        raise TypeError(f"python_{kind}_udf decorates functions, not {type(func).__name__}")
    if name is not None and not (isinstance(name, str) and name):
        raise TypeError("name= takes a text")
    if name is None and not hasattr(func, "__name__"):
        raise TypeError(f"a {type(func).__name__} has no name of its own: give name=")
    try:
        func._is_sqlflow_udf = True
    except AttributeError:
        raise TypeError(f"{func!r} cannot be decorated: call it in a function of your own") from None
    frame = sys._getframe(1)
    while frame.f_globals is globals():
        frame = frame.f_back
    # Where it is decorated: what it calls, or is wrapped in, may come from another module.
    func._udf_module = frame.f_globals.get("__name__")
    func._udf_place = (frame.f_code.co_filename, frame.f_lineno)
    func._udf_type = kind
    func._udf_name = name or func.__name__
    func._udf_options = options
    for key, value in options.items():
        setattr(func, f"_{key}", value)
    return func


def _choice(value: str, option: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ValueError(f"{option}= is one of {', '.join(map(repr, allowed))}, not {value!r}")
    return value


@overload
def python_scalar_udf(func: F) -> F: ...
@overload
def python_scalar_udf(
    *,
    name: Optional[str] = ...,
    return_type: Optional[str] = ...,
    arg_types: Union[Sequence[str], Dict[str, str], None] = ...,
    null_handling: str = ...,
    deterministic: bool = ...,
    vectorized: bool = ...,
    on_error: str = ...,
) -> Callable[[F], F]: ...
def python_scalar_udf(
    func: Any = None,
    *,
    name: Optional[str] = None,
    return_type: Optional[str] = None,
    arg_types: Union[Sequence[str], Dict[str, str], None] = None,
    null_handling: str = "default",
    deterministic: bool = True,
    vectorized: bool = False,
    on_error: str = "raise",
) -> Any:
    """One value per row. The SQL types come from the hints, or from return_type and arg_types.

    null_handling="special" calls the function for NULL arguments too (they are None),
    deterministic=False says that equal arguments may give different results, vectorized=True
    passes and expects whole arrays, on_error="null" turns exceptions into NULL.
    """
    options = {
        "return_type": return_type,
        "arg_types": arg_types,
        "null_handling": _choice(null_handling, "null_handling", ("default", "special")),
        "deterministic": bool(deterministic),
        "vectorized": bool(vectorized),
        "on_error": _choice(on_error, "on_error", ("raise", "null")),
    }

    def decorate(function: Any) -> Any:
        return _mark(function, "scalar", name, **options)

    return decorate if func is None else decorate(func)


@overload
def python_table_udf(func: F) -> F: ...
@overload
def python_table_udf(
    *,
    name: Optional[str] = ...,
    required_columns: Optional[List[str]] = ...,
    output_schema: Optional[Dict[str, str]] = ...,
    infer: bool = ...,
) -> Callable[[F], F]: ...
def python_table_udf(
    func: Any = None,
    *,
    name: Optional[str] = None,
    required_columns: Optional[List[str]] = None,
    output_schema: Optional[Dict[str, str]] = None,
    infer: bool = False,
) -> Any:
    """A whole table in, a whole table out. The first parameter's hint says in which form it comes:
    pandas.DataFrame, pyarrow.Table, pyarrow.RecordBatchReader or list[dict]. The result may be any
    of these or a generator of them."""
    options = {
        "required_columns": list(required_columns or []),
        "output_schema": dict(output_schema or {}),
        "infer": bool(infer),
    }

    def decorate(function: Any) -> Any:
        return _mark(function, "table", name, **options)

    return decorate if func is None else decorate(func)


def on_setup(func: F) -> F:
    """Runs once before a run that uses a function of this module."""
    func._sqlflow_hook = "setup"  # type: ignore[attr-defined]
    return func


def on_teardown(func: F) -> F:
    """Runs once after a run that used a function of this module, also when the run failed."""
    func._sqlflow_hook = "teardown"  # type: ignore[attr-defined]
    return func
