"""The SQL type of a column of Python values: what all of them have in common.

A kind is a type's name, ("decimal", integer digits, scale), ("list", kind), ("struct", {key: kind})
or ("map", kind, kind). None is the kind of NULL alone, also of an empty list's elements."""

import datetime
import decimal

from sqlflow._host import NUMPY, SIMPLE, quote

WIDTH, SCALE = 38, 10  # DECIMAL(38,10) unless the values need more digits behind the point
INTEGERS = (("BIGINT", -(2**63), 2**63), ("HUGEINT", -(2**127), 2**127), ("UHUGEINT", 0, 2**128))
LOWEST, HIGHEST = -(2**63), 2**63 - 1
MISSING = ("NAType", "NaTType")  # of pandas


def infer(values):
    """SQL type of a column of Python values; None when there are only NULLs."""
    kind = common(values)
    return None if kind is None else render(kind)


def common(values):
    found = None
    for value in values:
        if value is None:
            continue
        kind = kind_of(value)
        if kind != found:
            found = unify(found, kind)
    return found


PLAIN = {cls: name for cls, name in SIMPLE.items()
         if cls not in (int, decimal.Decimal, datetime.datetime)}


def kind_of(value):
    plain = PLAIN.get(type(value))
    if plain is not None:
        return plain
    if type(value) is int and LOWEST <= value <= HIGHEST:
        return "BIGINT"
    if value is None or type(value).__name__ in MISSING:
        return None
    if isinstance(value, (list, tuple)):
        return ("list", common(value))
    if isinstance(value, dict):
        return kind_of_dict(value)
    if isinstance(value, decimal.Decimal):
        return kind_of_decimal(value)
    if isinstance(value, datetime.datetime):
        return "TIMESTAMP" if value.utcoffset() is None else "TIMESTAMPTZ"
    if isinstance(value, int) and not isinstance(value, bool):
        return next((name for name, low, end in INTEGERS if low <= value < end), "BIGINT")
    kind = next((SIMPLE[cls] for cls in type(value).__mro__ if cls in SIMPLE), None)
    if kind is None and type(value).__module__ == "numpy":
        if hasattr(value, "tolist") and getattr(value, "shape", ()):
            return kind_of(value.tolist())
        kind = NUMPY.get(type(value).__name__)
        if hasattr(value, "__index__"):
            return kind_of(int(value))
    if kind is None:
        raise TypeError(f"a value of type {type(value).__name__} has no SQL type; "
                        "give output_schema=")
    return kind


def kind_of_dict(value):
    names = [key for key in value if isinstance(key, str) and key]
    if len(names) == len(value) == len({name.lower() for name in names}) and names:
        return ("struct", {name: kind_of(item) for name, item in value.items()})
    return ("map", common(value.keys()), common(value.values()))


def kind_of_decimal(value):
    if not value.is_finite():
        return ("decimal", 0, 0)
    _, digits, exponent = value.as_tuple()
    return ("decimal", max(len(digits) + exponent, 0), max(-exponent, 0))


def as_map(kind):
    """A dict whose keys are no names of a STRUCT in another row."""
    if kind[0] == "map":
        return kind
    items = None
    for item in kind[1].values():
        items = unify(items, item)
    return ("map", "VARCHAR", items)


def unify(a, b):
    if a is None or b is None or a == b:
        return b if a is None else a
    for one, other in ((a, b), (b, a)):
        if one == "DOUBLE" and other in ("BIGINT", "HUGEINT", "FLOAT"):
            return "DOUBLE"
        if one == "HUGEINT" and other == "BIGINT":
            return "HUGEINT"
        if one[0] == "decimal" and other == "BIGINT":
            return ("decimal", max(one[1], 19), one[2])
    if isinstance(a, tuple) and isinstance(b, tuple):
        if a[0] == b[0] == "decimal":
            return ("decimal", max(a[1], b[1]), max(a[2], b[2]))
        if a[0] == b[0] == "list":
            return ("list", unify(a[1], b[1]))
        if a[0] == b[0] == "struct":
            names = list(a[1]) + [name for name in b[1] if name not in a[1]]
            return ("struct", {name: unify(a[1].get(name), b[1].get(name)) for name in names})
        if {a[0], b[0]} <= {"struct", "map"}:
            a, b = as_map(a), as_map(b)
            return ("map", unify(a[1], b[1]), unify(a[2], b[2]))
    raise TypeError(f"it has values of {render(a)} and {render(b)}; give output_schema=")


def render(kind):
    if kind is None:
        return "VARCHAR"
    if isinstance(kind, str):
        return kind
    if kind[0] == "decimal":
        room = WIDTH - kind[1]
        scale = max(SCALE, min(kind[2], room))
        return f"DECIMAL({WIDTH},{kind[2] if kind[2] <= room < SCALE else scale})"
    if kind[0] == "list":
        return render(kind[1]) + "[]"
    if kind[0] == "map":
        return f"MAP({render(kind[1])}, {render(kind[2])})"
    return "STRUCT(" + ", ".join(f"{quote(k)} {render(v)}" for k, v in kind[1].items()) + ")"
