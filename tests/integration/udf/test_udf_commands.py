"""sqlflow udf: list, info, validate, create, register, test, path."""
import os
import subprocess
import sys

import pytest

TAX = '''"""Tax."""
from sqlflow.udfs import python_scalar_udf, python_table_udf

@python_scalar_udf
def tax(price: float, rate: float = 0.1) -> float:
    """The price with tax.

    More text."""
    return price + price * rate

@python_table_udf(output_schema={"n": "BIGINT"}, required_columns=["a"])
def counted(rows: list, start: int = 1):
    return [{"n": start + i} for i, _ in enumerate(rows)]
'''


@pytest.fixture
def tax(project):
    project.write("python_udfs/tax.py", TAX)
    return project


def test_list_and_info(tax):
    udfs = tax.sf("udf", "list", "--format", "json").doc["udfs"]
    assert [(u["name"], u["type"], u["full_name"], u["line"]) for u in udfs] == [
        ("tax", "scalar", "tax.tax", 4), ("counted", "table", "tax.counted", 11)]
    assert udfs[0]["signature"] == "tax(price DOUBLE, rate DOUBLE := 0.1) -> DOUBLE"
    assert udfs[0]["doc"] == "The price with tax."
    assert udfs[1]["output_schema"] == [{"name": "n", "type": "BIGINT"}]
    text = tax.sf("udf", "info", "tax.tax").out
    assert "python_udfs/tax.py:4" in text and "The price with tax." in text
    assert "did you mean 'tax'" in tax.sf("udf", "info", "taxx", code=2).err


def test_list_without_functions(project):
    assert "udf create" in project.sf("udf", "list").err
    assert project.sf("udf", "list", "--format", "json").doc["udfs"] == []


def test_validate(tax):
    assert "2 functions" in tax.sf("udf", "validate").out
    tax.write("python_udfs/bad.py", "from sqlflow.udfs import *\n\n@python_scalar_udf\n"
                                    "def untyped(x): return x\n\n"
                                    "@python_scalar_udf(return_type='NOTYPE')\n"
                                    "def typed(x: int): return x\n")
    tax.write("python_udfs/syntax.py", "def f(:\n")
    result = tax.sf("udf", "validate", "--format", "json", code=4)
    found = sorted((d["file"] or "", d["line"] or 0, d["message"].split("\n")[0])
                   for d in result.doc["diagnostics"])
    assert any("NOTYPE" in message for _, _, message in found)
    assert any(file == "python_udfs/bad.py" and line == 3 and "no return type" in message
               for file, line, message in found)
    assert any(file == "python_udfs/syntax.py" and line == 1 and "SyntaxError" in message
               for file, line, message in found)
    tax.sf("udf", "validate", "python_udfs/tax.py")
    tax.sf("udf", "validate", "python_udfs/bad.py", code=4)


def test_create_gives_functions_that_work(project):
    project.sf("udf", "create", "margin")
    assert project.sf("udf", "test", "margin", "--args", "[2.5]").out == "5.0\n"
    project.sf("udf", "create", "shaped", "--type", "table")
    project.csv("in/x.csv", "a,b", (1, 2), (3, 4))
    assert project.sf("udf", "test", "shaped", "--data", "in/x.csv", "--format",
                      "json").doc["rows"] == [{"row": 1, "columns": 2}, {"row": 2, "columns": 2}]
    assert "exists already" in project.sf("udf", "create", "margin", code=2).err
    project.sf("udf", "create", "margin", "--force")
    project.sf("udf", "create", "no-name", code=2)
    project.sf("udf", "create", "class", code=2)


def test_info_names_the_module_where_it_must(project):
    for module in "ab":
        project.write(f"python_udfs/{module}.py", f"""from sqlflow.udfs import *
@python_scalar_udf
def f(x: int) -> int: return x
@python_table_udf
def t(rows: list): return rows
@python_scalar_udf
def only_{module}(x: int) -> int: return x
""")
    info = lambda name: project.sf("udf", "info", name).out
    assert "SELECT python_udfs.a.f(…)" in info("a.f")
    assert "SELECT * FROM python_udfs.b.t(table)" in info("b.t")
    assert "SELECT only_a(…)" in info("a.only_a")
    project.write("python_udfs/w.py", """
from sqlflow.udfs import python_scalar_udf
@python_scalar_udf
def show(x: int) -> int:
    return x
    """)
    assert 'SELECT "show"(…)' in info("show")
    project.run("CREATE TABLE t AS SELECT \"show\"(3) AS v;")
    assert project.table("t") == [(3,)]
    project.run("CREATE TABLE x AS SELECT python_udfs.a.f(1) AS v;\n"
                "CREATE TABLE y AS SELECT * FROM python_udfs.b.t(x);")


def test_register(project, tmp_path):
    good, bad, plain = tmp_path / "good.py", tmp_path / "bad.py", tmp_path / "plain.py"
    good.write_text(TAX)
    bad.write_text("import nope")
    plain.write_text("x = 1")
    project.sf("udf", "register", good)
    assert project.read("python_udfs/good.py") == TAX
    assert "nope" in project.sf("udf", "register", bad, code=4).err
    assert "no decorated function" in project.sf("udf", "register", plain, code=4).err
    project.sf("udf", "register", good, code=2)
    project.sf("udf", "register", good, "--force")
    assert project.files("python_udfs") == ["good.py"]


def test_test(tax):
    run = lambda *args, code=0: tax.sf("udf", "test", *args, code=code)
    assert run("tax", "--args", "[100, 0.5]").out == "150.0\n"
    assert run("tax", "--args", '{"rate": 1, "price": 3}').out == "6.0\n"
    assert run("tax", "--args", "[null]").out == "NULL\n"
    assert run("counted", "--args", '[[{"a": 1}, {"a": 2}], 5]').out.split() == ["5", "6"]
    assert "needs the argument 'price'" in run("tax", code=2).err
    assert "JSON" in run("tax", "--args", "5", code=2).err
    tax.csv("in/prices.csv", "price,other", (10, "x"), (20, "y"))
    tax.csv("in/good.csv", "result,other,price", (22, "y", 20), (11, "x", 10))
    tax.csv("in/wrong.csv", "result,other,price", (22, "y", 20), (12, "x", 10))
    assert run("tax", "--data", "in/prices.csv", "--format", "json").doc["rows"][0] == {
        "price": 10, "other": "x", "result": 11.0}
    run("tax", "--data", "in/prices.csv", "--expect", "in/good.csv")
    result = run("tax", "--data", "in/prices.csv", "--expect", "in/wrong.csv", code=1)
    assert "- price = 10, other = x, result = 12.0" in result.err
    assert "+ price = 10, other = x, result = 11.0" in result.err
    tax.csv("in/part.csv", "result", (22,), (11,))
    tax.csv("in/other.csv", "price,result,resutl", (10, 11, 1), (20, 22, 2))
    run("tax", "--data", "in/prices.csv", "--expect", "in/part.csv")
    unknown = run("tax", "--data", "in/prices.csv", "--expect", "in/other.csv", code=1).err
    assert "no column 'resutl' (did you mean 'result'?)" in unknown
    assert "requires the column 'a'" in run("counted", "--data", "in/prices.csv", code=1).err


def test_path_serves_unit_tests_without_the_program(tax):
    path = tax.sf("udf", "path").out.strip()
    env = {**os.environ, "PYTHONPATH": f"{path}:{tax.root}"}
    code = "import sqlflow.udfs.decorators; from python_udfs.tax import tax; assert tax(10) == 11.0 and tax._udf_type == 'scalar'"
    subprocess.run([sys.executable, "-c", code], env=env, check=True)
