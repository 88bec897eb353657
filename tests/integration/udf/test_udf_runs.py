"""Python functions in pipelines: runs, validation, errors, interrupts, environments."""
import datetime
import os
import pathlib
import signal
import sys
import time
import uuid
import venv

import pytest

from harness import ROOT, SLOW, finish, steps_by_id, wait_until

ORDERS = """SOURCE orders TYPE csv PARAMS {"path": "in/orders.csv"};
LOAD orders FROM orders;
"""


@pytest.fixture
def shop(project):
    project.csv("in/orders.csv", "id,price,name", (1, 10.0, "ann lee"), (2, 20.5, "bob"), (3, 0.5, ""))
    project.write("python_udfs/shop.py", '''
from sqlflow.udfs import on_setup, on_teardown, python_scalar_udf, python_table_udf
import pathlib, time

@on_setup
def begin():
    pathlib.Path("hooks.txt").open("a").write("setup\\n")

@on_teardown
def end():
    pathlib.Path("hooks.txt").open("a").write("teardown\\n")

@python_scalar_udf
def with_tax(price: float, rate: float = 0.5) -> float:
    print("printed by Python")
    return price * (1 + rate)

@python_scalar_udf
def title(name: str) -> str:
    return name.title()

@python_scalar_udf
def picky(id: int, token: str = "x") -> int:
    if id == 3:
        raise ValueError("three is too many")
    return id

@python_scalar_udf(on_error="null")
def forgiving(id: int) -> float:
    return 1 / (id - 3)

@python_scalar_udf
def sleepy(id: int) -> int:
    pathlib.Path("started").touch()
    time.sleep(120)
    return id

@python_table_udf(output_schema={"id": "BIGINT", "half": "DOUBLE"}, required_columns=["price"])
def halves(rows: list[dict], by: float = 2):
    for row in rows:
        yield {"id": row["id"], "half": row["price"] / by}
''')
    return project


def test_every_form_of_call(shop):
    doc = shop.run(ORDERS + """
CREATE TABLE a AS SELECT id, PYTHON_FUNC("python_udfs.shop.with_tax", price) AS t,
    with_tax(price, rate := 1) AS u, python_udfs.shop.title(name) AS n,
    PYTHON_FUNC("shop.title", upper(PYTHON_FUNC('title', name))) AS nested FROM orders;
CREATE TABLE b AS SELECT h.half, a.n FROM PYTHON_FUNC("shop.halves", orders, by := 4) AS h
    JOIN a ON a.id = h.id WHERE a.t > 1;
EXPORT SELECT title(n) AS n FROM b ORDER BY n TO 'out/b.csv';
ASSERT halves_exist AS SELECT * FROM halves(orders) WHERE half IS NULL;
INSERT INTO b SELECT with_tax(1.0), 'inserted';
""")
    assert doc["status"] == "success"
    assert shop.table("a")[0] == (1, 15.0, 20.0, "Ann Lee", "Ann Lee")
    assert shop.table("b") == [(1.5, "inserted"), (2.5, "Ann Lee"), (5.125, "Bob")]
    assert shop.read("out/b.csv") == "n\nAnn Lee\nBob\n"
    assert shop.read("hooks.txt") == "setup\nteardown\n"


def test_the_graph_sees_the_input_of_a_table_function(shop):
    shop.pipeline("""CREATE TABLE last AS SELECT * FROM halves((SELECT * FROM middle));
CREATE TABLE middle AS SELECT * FROM orders;
""" + ORDERS)
    plan = shop.sf("pipeline", "compile", "p", "--format", "json").doc
    steps = {o["id"]: o for o in plan["operations"]}
    assert "transform_middle" in steps["transform_last"]["depends_on"]
    assert [t.lower() for t in steps["transform_last"]["reads"]] == ["middle"]
    shop.run()
    assert shop.table("last")[0] == (1, 5.0)


def test_validate_runs_no_function_and_knows_the_types(shop):
    shop.pipeline(ORDERS + "CREATE TABLE a AS SELECT sleepy(id) + 1 AS x, half FROM orders JOIN "
                           "halves(orders) USING (id);\n"
                           "CREATE TABLE b AS SELECT x || 'text', nope FROM a;")
    result = shop.sf("pipeline", "validate", "p", "--format", "json", code=4)
    messages = [d["message"] for d in result.doc["pipelines"][0]["diagnostics"]]
    assert len(messages) == 1 and "nope" in messages[0]
    assert not shop.path("hooks.txt").exists() and not shop.path("started").exists()


def test_wrong_calls_are_told_at_their_place(shop):
    shop.pipeline(ORDERS + 'CREATE TABLE a AS SELECT\n  PYTHON_FUNC("shop.tittle", name),\n'
                           "  with_tax(), title(name, 2) FROM orders;")
    result = shop.sf("pipeline", "validate", "p", "--format", "json", code=4)
    found = [(d["line"], d["column"], d["code"], d["message"])
             for d in result.doc["pipelines"][0]["diagnostics"]]
    assert found[0][:3] == (4, 3, "SF0902") and "did you mean 'shop.title'" in found[0][3]
    assert found[1][:2] == (5, 3) and "needs the argument 'price'" in found[1][3]
    assert found[2][:2] == (5, 27) and "takes 1 argument, not 2" in found[2][3]


def test_an_exception_fails_the_step_and_rolls_back(shop):
    error = shop.fail(ORDERS + "CREATE TABLE a AS SELECT picky(id, 'hunter2') FROM orders;")
    assert error["code"] == "SF0901" and error["step"] == "transform_a"
    assert error["line"] == 3
    assert "shop.picky: ValueError: three is too many" in error["message"]
    assert "at python_udfs/shop.py:" in error["message"]
    assert "id = 3, token = ***" in error["message"]
    assert not shop.has_table("orders")
    assert shop.read("hooks.txt") == "setup\nteardown\n"


def test_errors_as_null_are_counted(shop):
    doc = shop.run(ORDERS + "CREATE TABLE a AS SELECT id, forgiving(id) AS f FROM orders;")
    assert shop.table("a") == [(1, -0.5), (2, -1.0), (3, None)]
    assert any("shop.forgiving: 1 error became NULL" in w["message"] for w in doc["warnings"])


def test_a_broken_file_matters_only_when_it_is_used(shop):
    shop.write("python_udfs/broken.py", "import not_installed\nfrom sqlflow.udfs import *\n"
                                        "@python_scalar_udf\ndef lost(x: int) -> int: return x\n")
    shop.run(ORDERS + "CREATE TABLE a AS SELECT title(name) FROM orders;")
    error = shop.fail(ORDERS + "CREATE TABLE a AS SELECT lost(id) FROM orders;", code=4)
    assert error["code"] == "SF0903" and "not_installed" in error["message"]
    result = shop.sf("udf", "validate", "--format", "json", code=4)
    assert [(d["file"], d["line"]) for d in result.doc["diagnostics"]] == [
        ("python_udfs/broken.py", 1)]


def test_python_is_not_loaded_without_need(shop):
    log = shop.root / "maps.txt"
    shop.write("python_udfs/noisy.py", "raise SystemExit('imported')")
    shop.run(ORDERS + "CREATE TABLE a AS SELECT upper(name) FROM orders;")
    assert not log.exists() and not shop.path("hooks.txt").exists()


def test_interrupt_stops_a_sleeping_function(shop):
    shop.pipeline(ORDERS + "CREATE TABLE a AS SELECT sleepy(id) FROM orders;")
    process = shop.start("run", "p")
    wait_until(lambda: shop.path("started").exists(), "the function runs", process)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    result = finish(process)
    assert result.code == 130, result
    assert time.monotonic() - start < (4 if SLOW else 1.5)
    assert shop.read("hooks.txt") == "setup\nteardown\n"
    assert not shop.has_table("orders")


@pytest.mark.parametrize("body", [
    "sum(range(10 ** 12))",
    "while True:\n        try: time.sleep(120)\n        except BaseException: pass",
    "signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(120)",
    "signal.signal(signal.SIGINT, signal.SIG_DFL); time.sleep(120)"])
def test_interrupt_stops_a_run_whose_function_does_not_react(project, body):
    project.write("python_udfs/busy.py", f"""
import pathlib, signal, time
from sqlflow.udfs import python_scalar_udf
@python_scalar_udf
def busy(x: int) -> int:
    pathlib.Path("started").touch()
    {body}
""")
    project.pipeline("CREATE TABLE a AS SELECT 1 AS x; CREATE TABLE b AS SELECT busy(x) AS y FROM a;")
    process = project.start("run", "p", "--format", "json")
    wait_until(lambda: project.path("started").exists(), "the function runs", process)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    result = finish(process)
    assert result.code == 130, result
    assert time.monotonic() - start < (6 if SLOW else 2)
    assert result.doc["status"] == "interrupted" and not project.has_table("a")
    runs = project.sf("history", "--format", "json").doc["runs"]
    assert [run["status"] for run in runs] == ["interrupted"]


def test_interrupt_stops_a_teardown_of_what_is_committed(project):
    project.write("python_udfs/late.py", """
import pathlib, time
from sqlflow.udfs import on_teardown, python_scalar_udf
@python_scalar_udf
def same(x: int) -> int: return x
@on_teardown
def close():
    pathlib.Path("started").touch()
    time.sleep(120)
""")
    project.pipeline("CREATE TABLE a AS SELECT same(1) AS x;")
    process = project.start("run", "p", "--format", "json")
    wait_until(lambda: project.path("started").exists(), "the hook runs", process)
    process.send_signal(signal.SIGINT)
    result = finish(process)
    assert result.code == 0 and project.table("a") == [(1,)]
    assert [w["message"] for w in result.doc["warnings"]] == \
        ["@on_teardown of python_udfs.late was interrupted"]


def test_children_of_functions_die_of_their_signals(project):
    project.write("python_udfs/parent.py", """
import multiprocessing, signal, subprocess
from sqlflow.udfs import python_scalar_udf
def double(x): return 2 * x
@python_scalar_udf
def pooled(x: int) -> int:
    with multiprocessing.get_context("fork").Pool(2) as pool:  # ends its workers by SIGTERM
        return sum(pool.map(double, range(x)))
@python_scalar_udf
def ended_by(x: int) -> int:
    child = subprocess.Popen(["sleep", "600"])
    child.terminate()
    return -child.wait()
""")
    project.run("CREATE TABLE a AS SELECT pooled(4) AS x, ended_by(1) AS y;")
    assert project.table("a") == [(12, signal.SIGTERM)]


BODIES = {
    "sleeps": "time.sleep(120)",
    "loops": "while True: pass",
    "stubborn": "while True:\n    try: time.sleep(120)\n    except BaseException: pass",
}


def slow_module(project, body):
    project.write("python_udfs/slow.py", f'''import pathlib, time
from sqlflow.udfs import *
pathlib.Path("started").touch()
{body}
@python_scalar_udf
def f(x: int) -> int: return x
''')
    project.pipeline("CREATE TABLE a AS SELECT f(1) AS x;")


@pytest.mark.parametrize("body", list(BODIES))
@pytest.mark.parametrize("command", ["run p", "pipeline debug p", "udf list", "udf info f", "udf validate",
                                     "udf test f --args [1]"])
def test_interrupt_stops_an_import(project, command, body):
    slow_module(project, BODIES[body])
    process = project.start(*command.split(), "--format", "json")
    wait_until(lambda: project.path("started").exists(), "the import runs", process)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    result = finish(process)
    assert result.code == 130, result
    assert time.monotonic() - start < (4 if SLOW else 1.5)
    assert result.doc["error"]["code"] == "SF0615" and "interrupted" in result.doc["error"]["message"]


@pytest.mark.parametrize("body", list(BODIES))
def test_timeout_of_an_import(project, body):
    slow_module(project, BODIES[body])
    start = time.monotonic()
    error = project.fail(None, "--timeout", "0.5", code=7)
    assert time.monotonic() - start < (6 if SLOW else 2.5)
    assert error["code"] == "SF0616" and "0.5 s" in error["message"]


def test_an_interrupted_function_is_torn_down(shop):
    process = shop.start("udf", "test", "sleepy", "--args", "[1]")
    wait_until(lambda: shop.path("started").exists(), "the function runs", process)
    process.send_signal(signal.SIGINT)
    assert finish(process).code == 130
    assert shop.read("hooks.txt") == "setup\nteardown\n"


def test_stdout_is_the_documents_alone(shop):
    shop.write("python_udfs/loud.py", '''import os, subprocess
from sqlflow.udfs import *
@python_scalar_udf
def loud(x: int) -> int:
    os.write(1, b"raw\\n")
    subprocess.run(["echo", "from a child"], check=True)
    return x
''')
    shop.pipeline("CREATE TABLE a AS SELECT loud(1);")
    result = shop.sf("run", "p", "--format", "json")
    assert result.doc["status"] == "success" and "raw" in result.err and "from a child" in result.err


def test_timeout_of_a_sleeping_function(shop):
    document = shop.run("CREATE TABLE a AS SELECT sleepy(1);", "--timeout", "1", code=7)
    assert document["error"]["code"] == "SF0616" and document["status"] == "failed"


def test_a_venv_that_is_none(shop):
    shop.write("profiles/dev.yml", "engines:\n  duckdb: { mode: memory }\npython: { venv: nowhere }\n")
    error = shop.fail(ORDERS + "CREATE TABLE a AS SELECT title(name) FROM orders;", code=4)
    assert error["code"] == "SF0904" and "nowhere" in error["message"]


def test_virtual_env_and_stdout(shop):
    shop.write("python_udfs/where.py", "import sys\nfrom sqlflow.udfs import *\n@python_scalar_udf\n"
                                       "def prefix(x: int) -> str: return sys.prefix\n")
    result = shop.sf("udf", "test", "prefix", "--args", "[1]", env={"VIRTUAL_ENV": sys.prefix})
    assert pathlib.Path(result.out.strip()) == pathlib.Path(sys.prefix)
    result = shop.sf("udf", "test", "with_tax", "--args", "[1]", "--format", "json")
    assert result.doc["rows"] == [{"result": 1.5}] and "printed by Python" in result.err


@pytest.fixture(scope="module")
def bare_venv(tmp_path_factory):
    """An environment without pandas and pyarrow."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    return str(folder)


def test_pandas_is_missing(project, bare_venv):
    project.write("python_udfs/frames.py", '''from sqlflow.udfs import *
@python_table_udf
def frame(df: "pandas.DataFrame"): return [{"kind": type(df).__name__}]
@python_table_udf
def rows(table): return [{"kind": type(table).__name__}]
@python_scalar_udf(vectorized=True, arg_types=["BIGINT"], return_type="BIGINT")
def series(x: "pandas.Series"): return x
''')
    env = {"VIRTUAL_ENV": bare_venv}
    for sql in ("SELECT * FROM frame(a)", "SELECT series(x) FROM a"):
        error = project.fail(f"CREATE TABLE a AS SELECT 1 AS x; CREATE TABLE b AS {sql};", env=env, code=None)
        assert "pandas is not installed in " + bare_venv in error["message"]
    project.run("CREATE TABLE a AS SELECT 1 AS x; CREATE TABLE b AS SELECT * FROM rows(a);", env=env)
    assert project.table("b") == [("list",)]
    project.run("CREATE TABLE a AS SELECT 1 AS x; CREATE TABLE b AS SELECT * FROM rows(a);")
    assert project.table("b") == [("DataFrame",)]


def test_full_project_of_older_examples(project):
    """`python_udfs.` in front, defaults, table functions over a source."""
    modules = os.environ.get("SQLFLOW_TEST_VENV", str(ROOT / "third_party/venv"))
    import pandas  # noqa: F401  (tools/bootstrap --test brings it)
    project.csv("in/sales.csv", "id,price,quantity", (1, 1200.0, 1), (2, 35.0, 2))
    project.write("python_udfs/data_transforms.py", '''
import pandas as pd
from sqlflow.udfs.decorators import python_scalar_udf, python_table_udf

@python_table_udf(output_schema={"id": "INTEGER", "total": "DOUBLE"})
def add_sales_metrics(df: pd.DataFrame) -> pd.DataFrame:
    result = df.copy()
    result["total"] = result["price"] * result["quantity"]
    return result
''')
    doc = project.run("""SOURCE sales TYPE CSV PARAMS {"path": "in/sales.csv", "has_header": true};
CREATE TABLE m AS SELECT * FROM PYTHON_FUNC("python_udfs.data_transforms.add_sales_metrics", sales);
""", env={"VIRTUAL_ENV": modules})
    assert steps_by_id(doc)["transform_m"]["rows_inserted"] == 2
    assert project.sql("SELECT id, total, price FROM m ORDER BY id") == [(1, 1200.0, 1200.0),
                                                                         (2, 70.0, 35.0)]


INFERRED = {
    "a": ("DECIMAL(38,15)", ["Decimal('0.000000000012345')", "Decimal(3)"]),
    "b": ("DECIMAL(38,10)", ["Decimal('1.5')", "2"]),
    "c": ("HUGEINT", ["2**100", "1"]),
    "d": ("TIMESTAMP WITH TIME ZONE", ["datetime(2024, 1, 1, tzinfo=timezone.utc)", "None"]),
    "e": ("BIGINT[]", ["[]", "[1, None]"]),
    "f": ("STRUCT(k BIGINT, l VARCHAR)", ["{'k': None}", "{'k': 1, 'l': 'x'}"]),
    "g": ("MAP(BIGINT, VARCHAR)", ["{1: 'x'}", "{}"]),
    "h": ("BIGINT[][]", ["[[1], None, []]", "None"]),
    "i": ("DOUBLE", ["1", "0.5"]),
}


def test_types_of_rows_are_what_their_values_have_in_common(project):
    rows = [", ".join(f"'{name}': {values[i]}" for name, (_, values) in INFERRED.items()) for i in range(2)]
    project.write("python_udfs/f.py", f"""
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from sqlflow.udfs import python_scalar_udf, python_table_udf

@python_table_udf
def found(n: int):
    return [{{{rows[0]}}}, {{{rows[1]}}}]

@python_table_udf
def mixed(n: int):
    return [{{"a": 1, "b": 1}}, {{"a": 1, "b": "x"}}]

@python_table_udf
def same(rows: list[dict]):
    return rows

@python_scalar_udf
def seconds(n: int) -> timedelta:
    return timedelta(seconds=n)
""")
    project.run("CREATE TABLE t AS FROM found(1); CREATE TABLE u AS FROM (DESCRIBE t);")
    assert dict(project.sql("SELECT column_name, column_type FROM u")) == {n: t for n, (t, _) in INFERRED.items()}
    assert project.sql("SELECT a::VARCHAR, c::VARCHAR, e, f FROM t ORDER BY c DESC LIMIT 1") == [
        ("0.000000000012345", str(2**100), [], {"k": None, "l": None})]
    assert "column 'b': it has values of BIGINT and VARCHAR" in project.run(
        "CREATE TABLE m AS FROM mixed(1);", code=1)["error"]["message"]
    project.run("CREATE TABLE t AS SELECT i, '0010'::BIT AS b, to_seconds(i) AS s FROM (VALUES (-5), (5), (90000)) v(i);\n"
                "ASSERT same_back AS SELECT * FROM same(t) s JOIN t USING (i) WHERE s.b::BIT <> t.b OR s.s <> t.s "
                "OR seconds(i) <> t.s;\nASSERT all_back AS SELECT 1 WHERE (SELECT count(*) FROM same(t)) <> 3;")


def test_a_computed_name_is_found(project):
    project.write("python_udfs/f.py", """
from sqlflow.udfs import python_scalar_udf

def make(factor):
    @python_scalar_udf(name=f"times_{factor}")
    def times(n: int) -> int:
        return n * factor
    return times

times_2, times_3 = make(2), make(3)
""")
    project.run("CREATE TABLE t AS SELECT times_2(7) AS a, PYTHON_FUNC('f.times_3', 7) AS b;")
    assert project.sql("SELECT a, b FROM t") == [(14, 21)]


def test_binding_calls_nothing_and_knows_declared_columns(project):
    project.write("python_udfs/f.py", """
import pathlib
from sqlflow.udfs import python_scalar_udf, python_table_udf

@python_scalar_udf
def noted(n: int) -> int:
    with pathlib.Path("calls.txt").open("a") as file:
        file.write(f"{n} ")
    return n

@python_table_udf(output_schema={"k": "BIGINT"})
def made(n: int):
    noted(n)
    return [{"k": n}]

@python_table_udf(output_schema={"k": "INTEGR"})
def wrong(n: int):
    return []
""")
    project.run("CREATE TABLE t AS SELECT noted(1) AS v; CREATE TABLE u AS FROM made(2);")
    assert project.read("calls.txt").split() == ["1", "2"]
    error = project.run("CREATE TABLE u AS FROM made(3);\nCREATE TABLE w AS SELECT nope FROM u;", code=4)["error"]
    assert (error["code"], error["line"]) == ("SF0306", 2) and "3" not in project.read("calls.txt").split()
    assert "'INTEGR'" in project.run("CREATE TABLE u AS FROM wrong(1);", code=4)["error"]["message"]


def test_arguments_and_inputs_call_functions(shop):
    shop.run(ORDERS + """CREATE TABLE a AS SELECT id, half
FROM halves((SELECT picky(1) AS id, with_tax(1.0) AS price), by := with_tax(2.0));""")
    assert shop.table("a") == [(1, 0.5)]
    message = shop.fail("CREATE TABLE b AS SELECT * FROM halves((SELECT 1 AS id, 2.0 AS price), by := picky(3));")
    assert "shop.picky: ValueError: three is too many" in message["message"]


def test_columns_that_a_function_may_hand_on_refuse_nothing(project):
    project.write("python_udfs/f.py", """
from sqlflow.udfs import python_table_udf
@python_table_udf(output_schema={"k": "BIGINT"})
def keys(rows: list[dict]): return [{"k": row["k"]} for row in rows]
@python_table_udf(output_schema={"k": "BIGINT"})
def same(rows: list[dict]): return rows
""")
    project.csv("in/t.csv", "k,s", (1, "a"), (2, "b"))
    steps = """SOURCE f TYPE csv PARAMS {'path': 'in/t.csv'};
LOAD t FROM f;
CREATE TABLE u AS SELECT k, s FROM keys(t) a JOIN keys(t) b USING (k) JOIN t USING (k);
CREATE TABLE v AS SELECT * FROM keys(t);
INSERT INTO v VALUES (3);
CREATE TABLE w AS SELECT s, k FROM same(t);
"""
    project.run(steps)
    assert project.table("u") == [(1, "a"), (2, "b")] and project.table("v") == [(1,), (2,), (3,)]
    assert project.table("w") == [("a", 1), ("b", 2)]
    error = project.fail(steps + "CREATE TABLE x AS SELECT nope FROM v;", code=4)
    assert (error["line"], error["code"]) == (7, "SF0306") and "nope" in error["message"]


@pytest.mark.parametrize("line, hint", [
    ("import no_such_package", "install it in the Python"), ("import helper", "from . import helper"),
    ("from sqlflow.udf import python_scalar_udf", "sqlflow.udfs")])
def test_a_module_that_is_not_found(project, line, hint):
    project.write("python_udfs/helper.py", "k = 1\n")
    project.write("python_udfs/f.py", f"{line}\nfrom sqlflow.udfs import python_scalar_udf\n@python_scalar_udf\n"
                  "def f(n: int) -> int:\n    return n\n")
    assert hint in project.run("CREATE TABLE t AS SELECT f(1) AS v;", code=4)["error"]["hint"]


def test_the_cause_of_an_exception_is_told(project):
    project.write("python_udfs/f.py", "from sqlflow.udfs import python_scalar_udf\n@python_scalar_udf\n"
                  "def f(n: int) -> int:\n    try:\n        return n // 0\n    except ZeroDivisionError as cause:\n"
                  "        raise RuntimeError('no result') from cause\n")
    message = project.run("CREATE TABLE t AS SELECT f(1) AS v;", code=1)["error"]["message"]
    assert "RuntimeError: no result (caused by ZeroDivisionError:" in message


def test_the_package_has_a_place_without_a_home(project, tmp_path):
    path = project.sf("udf", "path", env={"XDG_CACHE_HOME": "/proc", "TMPDIR": str(tmp_path)}).out.strip()
    assert path.startswith(str(tmp_path)) and pathlib.Path(path, "sqlflow/udfs/__init__.py").exists()
    assert pathlib.Path(path).parent.stat().st_mode & 0o077 == 0


def test_every_hook_runs_and_every_failure_is_told(project):
    project.write("python_udfs/f.py", """
import pathlib
from sqlflow.udfs import on_setup, on_teardown, python_scalar_udf

@on_setup
def opens():
    if pathlib.Path("fail").exists():
        raise RuntimeError("no opening")

@on_teardown
def first():
    raise ValueError("no closing")

@on_teardown
def second():
    pathlib.Path("closed").touch()

@python_scalar_udf
def f(n: int) -> int:
    return n
""")
    project.fail("CREATE TABLE t AS SELECT f(1) AS v, nope;", code=4)
    assert not project.path("closed").exists()
    warnings = project.run("CREATE TABLE t AS SELECT f(1) AS v;")["warnings"]
    assert "no closing" in warnings[0]["message"] and project.path("closed").exists()
    project.write("fail", "")
    message = project.run("CREATE TABLE t AS SELECT f(1) AS v;", code=1)["error"]["message"]
    assert message.index("no opening") < message.index("no closing")


def test_arrays_that_are_handed_back_keep_their_types(project):
    pytest.importorskip("pyarrow")
    project.write("profiles/dev.yml", "engines:\n  duckdb: { mode: persistent, path: data/warehouse.duckdb }\n"
                  f"python: {{ venv: {sys.prefix} }}\n")
    values = {"UUID": f"'{'f' * 8}-0000-0000-0000-{'0' * 12}'", "HUGEINT": str(2**127 - 1), "INTERVAL": "'-26 hours'",
              "DECIMAL(38,2)": "'123456789012345678901234567890.12'", "TIMESTAMPTZ": "'2024-01-01 00:00:00+02'",
              "MAP(VARCHAR, INTEGER)": "MAP{'a': 1, 'b': NULL}"}
    functions = "".join(f'same_{i} = python_scalar_udf(name="same_{i}", vectorized=True, arg_types=["{t}"], '
                        f'return_type="{t}")(lambda x: x)\n' for i, t in enumerate(values))
    project.write("python_udfs/f.py", "from sqlflow.udfs import python_scalar_udf\n" + functions)
    checks = [f"same_{i}({value}::{t}) = {value}::{t}" for i, (t, value) in enumerate(values.items())]
    project.run(f"CREATE TABLE t AS SELECT [{', '.join(checks)}] AS same;")
    assert project.table("t") == [([True] * len(values),)]


def test_arrays_of_a_dictionary_are_text(project):
    project.write("python_udfs/f.py", """
import pyarrow
from sqlflow.udfs import python_scalar_udf
@python_scalar_udf(vectorized=True)
def coded(x: str) -> str: return x.dictionary_encode()
""")
    project.run("CREATE TABLE t AS SELECT coded(x) AS x FROM (VALUES ('a'), ('b'), ('a')) v(x);")
    assert project.table("t") == [("a",), ("a",), ("b",)]


CHANGED = {  # an expression, the type declared, the value that the type would change
    "pd.DataFrame({'v': pd.to_datetime(['2020-01-01 12:30'])})": ("DATE", "2020-01-01 12:30:00"),
    "pa.table({'v': pa.array([1001], pa.timestamp('ns'))})": ("TIMESTAMP",
                                                              "1970-01-01 00:00:00.000001001"),
    "pa.table({'v': ['1.5']})": ("BIGINT", "1.5"),
    "pa.table({'v': [2 ** 53 + 1]})": ("DOUBLE", "9007199254740993"),
    "pa.table({'v': [7]})": ("BOOLEAN", "7"),
    "pa.table({'v': [[1.5]]})": ("INTEGER[]", "[1.5]"),
    "pa.table({'v': [{'x': 1, 'y': 2}]})": ("STRUCT(x INTEGER)", "{'x': 1, 'y': 2}"),
}
REFUSED = {  # dicts: the reason names both types and the row
    "[{'v': 1}, {'v': 1.5}]": ("BIGINT", "row 2: type float instead of BIGINT"),
    "[{'v': 'x'}, {'v': 1}]": ("BIGINT", "row 1: type str instead of BIGINT"),
    "[{'v': 2.0}, {'v': '1'}]": ("BIGINT", "row 1: type float instead of BIGINT"),
    "[{'v': {'x': 1}}]": ("VARCHAR", "row 1: type dict instead of VARCHAR"),
    "({'v': i} for i in [*range(122_880), 1.5])": (None, "row 122881: type float instead of BIGINT"),
}
KEPT = {
    "[{'v': 2}, {'v': 1.0}]": ("INTEGER", [1, 2]),
    "[{'v': 1.255}]": ("DECIMAL(5,1)", [1.3]),
    "[{'v': '2020-01-01'}]": ("DATE", [datetime.date(2020, 1, 1)]),
    "[{'v': decimal.Decimal('1.5')}]": ("DOUBLE", [1.5]),
    "[{'v': [1.0]}]": ("INTEGER[]", [[1]]),
    "({'v': i if i < 3000 else float(i)} for i in range(3002))": ("BIGINT", list(range(3002))),
    "pd.DataFrame({'v': [1.0, None]})": ("INTEGER", [1, None]),
    "pa.table({'v': [0.1]})": ("FLOAT", [pytest.approx(0.1)]),
    "pa.table({'v': [[0.1]]})": ("FLOAT[]", [[pytest.approx(0.1)]]),
    "pa.table({'v': [1.255]})": ("DECIMAL(5,1)", [1.3]),
    "pa.table({'v': ['6F9619FF-8B86-D011-B42D-00C04FC964FF']})":
        ("UUID", [uuid.UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff")]),
    "pa.table({'v': pa.nulls(2)})": (None, [None, None]),
    "pa.table({'v': pa.array([1.5], pa.float16())})": (None, [1.5]),
}


def test_declared_columns_keep_their_values(project):
    source = "import decimal, pandas as pd, pyarrow as pa\nfrom sqlflow.udfs import python_table_udf\n"
    for i, (expression, (kind, _)) in enumerate({**CHANGED, **REFUSED, **KEPT}.items()):
        schema = f"output_schema={{'v': {kind!r}}}" if kind else ""
        source += f"@python_table_udf({schema})\ndef f{i}(n: int): return {expression}\n"
    project.write("python_udfs/casts.py", source)
    for i, (kind, value) in enumerate(CHANGED.values()):
        error = project.fail(f"CREATE TABLE a AS SELECT * FROM f{i}(1);")
        assert error["message"] == (f"casts.f{i} returned a table that cannot be used: "
                                    f"column 'v': the value '{value}' does not fit {kind}")
    for i, (kind, reason) in enumerate(REFUSED.values(), len(CHANGED)):
        error = project.fail(f"CREATE TABLE a AS SELECT * FROM f{i}(1);")
        assert error["message"] == f"casts.f{i} returned a wrong value in column 'v', {reason}"
        assert (error["hint"] is None) == (kind is not None)
    for i, (kind, values) in enumerate(KEPT.values(), len(CHANGED) + len(REFUSED)):
        project.run(f"CREATE OR REPLACE TABLE a AS SELECT * FROM f{i}(1);")
        found = [row[0] for row in project.table("a")]
        assert [float(v) if kind == "DECIMAL(5,1)" else v for v in found] == values


@pytest.mark.parametrize("expression, message, hint", [
    ("pa.table({'n': [1], 'v': pa.array([decimal.Decimal(1)], pa.decimal256(50, 2))})",
     "returned an Arrow table that DuckDB cannot read", "cast the type of: v"),
    ("pd.DataFrame()", "returned no columns", None),
    ("pd.Series([1])", "the function gave Series; a DataFrame", None),
    ("iter([pd.DataFrame({'a': [1]}), pd.DataFrame({'b': [1]})])",
     "returned no column 'a', which its first rows had; it returned: b", None),
    ("iter([{'a': 1}] * 122_880 + [{'a': 1, 'b': 2}])",
     "returned a column 'b' that its first rows did not have", None),
    ("{'v': [1]}", "the function gave dict; a DataFrame", None),
    ("pa.table({'v': pa.array([1], pa.timestamp('ns', 'UTC'))})", "would lose data: 1", None),
])
def test_results_that_are_no_table(project, expression, message, hint):
    project.write("python_udfs/odd.py", f"""
import decimal, pandas as pd, pyarrow as pa
from sqlflow.udfs import python_table_udf
@python_table_udf
def odd(n: int): return {expression}
""")
    error = project.fail("CREATE TABLE a AS SELECT * FROM odd(1);")
    assert message in error["message"] and error["hint"] == hint


def test_numbers_of_numpy_are_exact_or_refused(project):
    project.write("python_udfs/np.py", """
import decimal, numpy
from sqlflow.udfs import python_scalar_udf
GIVEN = [numpy.int64(2 ** 53), numpy.float32(0.5), numpy.int64(2 ** 53 + 1), numpy.complex128(1)]
@python_scalar_udf
def number(i: int) -> float: return GIVEN[i]
@python_scalar_udf
def exact(i: int) -> decimal.Decimal: return GIVEN[i]
""")
    project.run("CREATE TABLE t AS SELECT number(0) AS a, number(1) AS b, exact(2)::VARCHAR AS c;")
    assert project.table("t") == [(2.0 ** 53, 0.5, "9007199254740993.0000000000")]
    assert "does not fit DOUBLE without a loss" in project.fail("CREATE TABLE u AS SELECT number(2) AS x;")["message"]
    assert "type numpy.complex128 instead of DOUBLE" in project.fail("CREATE TABLE u AS SELECT number(3) AS x;")["message"]


def test_a_row_without_names_is_a_tuple(project):
    project.write("python_udfs/f.py", "from sqlflow.udfs import python_scalar_udf\n@python_scalar_udf\n"
                  "def shown(x) -> str: return repr(x)\n")
    project.run("CREATE TABLE t AS SELECT shown(row(1, 'x')) AS a, shown({'k': 1}) AS b;")
    assert project.table("t") == [("(1, 'x')", "{'k': 1}")]
    error = project.fail("CREATE TABLE u AS SELECT shown('1'::BIGNUM) AS a;", code=4)
    assert error["message"] == "Python functions neither take nor return BIGNUM; cast it"


def test_typed_dicts_have_their_keys(project):
    project.write("python_udfs/f.py", """
from __future__ import annotations
from typing import NotRequired, TypedDict
from sqlflow.udfs import python_scalar_udf
class Inner(TypedDict):
    a: int
class Outer(TypedDict):
    inner: list[Inner]
    note: NotRequired[str]
class Loop(TypedDict):
    next: Loop
@python_scalar_udf
def whole(n: int) -> Outer: return {"inner": [{"a": n}]}
@python_scalar_udf
def lacks(n: int) -> Outer: return {"inner": [{}]}
@python_scalar_udf(return_type="STRUCT(a INTEGER, b INTEGER)")
def loose(n: int): return {"a": n}
@python_scalar_udf
def looped(n: int) -> Loop: return {}
""")
    project.run("CREATE TABLE t AS SELECT whole(1) AS a, loose(1) AS b;")
    assert project.table("t") == [({"inner": [{"a": 1}], "note": None}, {"a": 1, "b": None})]
    message = project.fail("CREATE TABLE u AS SELECT lacks(1) AS x;")["message"]
    assert "f.lacks returned a wrong value: the dict lacks the key 'a' of the STRUCT" in message
    assert "contains itself" in project.fail("CREATE TABLE u AS SELECT looped(1) AS x;", code=4)["message"]


def test_links_to_folders_are_followed_once(project, tmp_path):
    function = "from sqlflow.udfs import python_scalar_udf\n@python_scalar_udf\ndef {}(n: int) -> int: return n\n"
    project.write("python_udfs/own/f.py", function.format("own"))
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "g.py").write_text(function.format("shared"))
    for link, target in (("shared", tmp_path / "lib"), ("a_twin", "own"), ("own/up", "../.."),
                         ("own/loop", "."), (str(tmp_path / "lib/back"), project.root / "python_udfs")):
        os.symlink(target, project.root / "python_udfs" / link)
    udfs = project.sf("udf", "list", "--format", "json").doc["udfs"]
    assert [(u["full_name"], u["file"]) for u in udfs] == [
        ("own.f.own", "python_udfs/own/f.py"), ("shared.g.shared", "python_udfs/shared/g.py")]
    project.run("CREATE TABLE t AS SELECT shared(1) AS a, PYTHON_FUNC('shared.g.shared', 2) AS b;")
    assert project.table("t") == [(1, 2)]


def test_misspelt_functions_have_a_hint(shop):
    for query in ("SELECT whith_tax(1.0)", "SELECT * FROM halfs(orders)"):
        error = shop.fail(ORDERS + f"CREATE TABLE a AS {query};", code=4)
        name = "with_tax" if "tax" in query else "halves"
        assert error["hint"] == f"did you mean the Python function '{name}'?"


def test_the_working_folder_is_the_projects(project):
    project.csv("in/a.csv", "x", (1,))
    project.write("python_udfs/moves.py", """
import os
from sqlflow.udfs import python_scalar_udf
os.chdir("/")
@python_scalar_udf
def moved(x: int) -> int:
    here = os.getcwd()
    os.chdir("/")
    if not x: raise ValueError(here)
    return x
""")
    project.run("SOURCE a TYPE csv PARAMS {'path': 'in/a.csv'};\nCREATE TABLE t AS SELECT moved(1) AS x;\n"
                "LOAD a FROM a;\nEXPORT a TO 'out/a.csv';")
    assert project.read("out/a.csv") == "x\n1\n"
    message = project.fail("CREATE TABLE u AS SELECT moved(0) AS x;")["message"]
    assert f"ValueError: {project.root}\nat python_udfs/moves.py:9" in message


def test_nanoseconds_are_kept_or_refused(project):
    project.write("python_udfs/nano.py", """
import datetime, pandas as pd
from sqlflow.udfs import python_scalar_udf
TIME = pd.Timestamp("2020-01-01 00:00:00.000001002")
@python_scalar_udf(return_type="TIMESTAMP_NS")
def exact(x: int): return TIME
@python_scalar_udf
def time(x: int) -> datetime.datetime: return TIME
@python_scalar_udf
def delta(x: int) -> datetime.timedelta: return pd.Timedelta(1001, "ns")
""")
    project.run("CREATE TABLE a AS SELECT exact(1)::VARCHAR AS t;")
    assert project.table("a") == [("2020-01-01 00:00:00.000001002",)]
    for name in ("nano.time", "nano.delta"):
        error = project.fail(f'CREATE TABLE b AS SELECT PYTHON_FUNC("{name}", 1) AS t;')
        assert "a fraction of the type's unit would be lost" in error["message"]


def test_whatever_is_called_is_found(project):
    project.write("lib/kit.py", """
def bare(f):
    def inner(*args): return f(*args) + 1000
    return inner
class Adder:
    def __init__(self, by): self.by = by
    def __call__(self, x: int) -> int: return x + self.by
""")
    project.write("python_udfs/odd.py", """
import functools, sys
sys.path.append("lib")
import kit
from sqlflow.udfs import python_scalar_udf
def add(a: int, b: int) -> int: return a + b
add_five = python_scalar_udf(name="add_five")(functools.partial(add, 5))
add_six = python_scalar_udf(name="add_six")(kit.Adder(6))
@python_scalar_udf(return_type="BIGINT")
@kit.bare
def wrapped(x): return x
for word, message in ((len, "cannot be decorated"), (kit.Adder(1), "give name=")):
    try:
        python_scalar_udf(word)
    except TypeError as error:
        assert message in str(error)
    else:
        assert False
""")
    project.write("python_udfs/user.py", """
from .odd import add_five
from sqlflow.udfs import python_table_udf
@python_table_udf
async def later(rows: list[dict]): return rows
""")
    project.run("CREATE TABLE t AS SELECT add_five(1) AS a, add_six(1) AS b, PYTHON_FUNC('odd.inner', 1) AS c;")
    assert project.table("t") == [(6, 7, 1001)]
    udfs = project.sf("udf", "list", "--format", "json").doc["udfs"]
    assert [(u["full_name"], u["line"], (u["problem"] or "")[:18]) for u in udfs] == [
        ("odd.add_five", 6, ""), ("odd.add_six", 8, ""), ("odd.inner", 9, ""),
        ("user.later", 4, "SQL awaits nothing")]


def test_text_of_an_exception_that_is_no_utf8(project):
    project.write("python_udfs/odd.py", """
from sqlflow.udfs import python_scalar_udf
@python_scalar_udf
def odd(x: int) -> int: raise ValueError("file " + chr(0xdcff))
""")
    error = project.fail("CREATE TABLE t AS SELECT odd(1) AS x;")
    assert error["message"].startswith("odd.odd: ValueError: file \\udcff\nat python_udfs/odd.py:4")


def test_what_is_stored_with_a_call_inside(project):
    project.write("python_udfs/f.py", """
from sqlflow.udfs import python_scalar_udf, python_table_udf
@python_scalar_udf
def inc(x: int) -> int: return x + 1
@python_table_udf
def same(rows: list[dict]): return rows
""")
    doc = project.run("CREATE MACRO twice(x) AS inc(inc(x)); CREATE VIEW v AS SELECT inc(1) AS x; "
                      "CREATE TEMP VIEW w AS SELECT inc(1) AS x; CREATE TABLE t AS SELECT twice(x) AS y FROM v;")
    assert project.table("t") == [(4,)]
    assert [w["column"] for w in doc["warnings"]] == [1, 39]
    assert all("keeps a call of the Python function f.inc" in w["message"] for w in doc["warnings"])
    error = project.fail("CREATE TABLE u AS SELECT x FROM v;", code=4)
    assert error["message"].startswith("'v' cannot be read: Scalar Function with name inc does not exist")
    assert (error["line"], error["column"]) == (1, 33)
    for ddl in ("CREATE VIEW w AS SELECT * FROM same(t)", "CREATE MACRO m() AS TABLE SELECT * FROM same(t)"):
        error = project.fail(ddl + ";", code=4)
        assert error["message"] == "f.same runs before a statement, so that no view or macro can call it"
