"""Our reader of YAML against DVC's, which is ruamel.yaml."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from dvc.utils.hydra import apply_overrides  # type: ignore[import-untyped]
from dvc.utils.serialize import ParseError, load_yaml, parse_yaml  # type: ignore[import-untyped]

from noisylab.config import yaml12
from noisylab.core.errors import InputError

SHIPPED = Path(__file__).parents[2] / "params.yaml"

# Values, two spaces apart.
SAME = """
0  1  -1  +1  42  007  010  08  -0  +0  123456789012345678901234567890  0o17  0o8  0x1f  0X1F  0xg
1e5  1e-05  1e-5  1E+5  1e+05  2E5  1.5  -1.5  1.  .5  -.5  +.5  .5e-3  1.e5  0.0  -0.0  1e999
1.5e  1e  1e1.5  e5  .  ..  1.2.3  1..2  -1.5e-10  0.1e+3  00.5
.inf  -.inf  +.inf  .Inf  .INF  .iNF  inf  .nan  .NaN  .NAN  nan  -.nan
true  True  TRUE  tRUE  false  False  FALSE  yes  Yes  YES  no  No  on  On  off  OFF  y  Y  n  N
~  null  Null  NULL  nULL  None  none
2001-1-1  12:00:00  1:30  -1:30  1:30.5  190:20:30
'1'  "1"  '1e-05'  'null'  "true"  "yes"  ''  ""  '~'  'it''s'  "a\\x41\\n\\u00e9"
abc  a b  a:b  a#b  a # b  http://a.b/c?d=e  dask:tcp://127.0.0.1:8786  local:4  C:\\x
--  -a  +a  1a  0a  0x  0o  _1  _  -1-2  a,b  a'b  a"b  é  日本  <a  ?a  :a
[]  [1, a, 'b', .5]  [[1], [2]]  {}  {a: 1, b: [x, 2]}  {"a": 1}  {a: dask:tcp://h:1}
{0: 1, yes: 2}  &x 1  &x [1, 2]
"""
BLOCKS = ["", "\n- 1\n- 1e-05", "\n  a: 1\n  b:\n  - x", "|\n  a\n  b", ">-\n  a\n  b", "a\n  b"]

CORPUS = [*(text for line in SAME.splitlines() for text in line.split("  ") if text), *BLOCKS]

# ruamel.yaml departs from the core schema of YAML 1.2: the text, our value, DVC's value.
DIFFERENT = {
    "underscores": ("1_000", "1_000", "1000"),
    "underscores in a fraction": ("1_0.5", "1_0.5", "10.5"),
    "binary": ("0b101", "0b101", "5"),
    "octal with a sign": ("-0o17", "-0o17", "-15"),
    "hexadecimal with a sign": ("-0x1f", "-0x1f", "-31"),
    "fraction alone before an exponent without sign": (".5e3", 500.0, "'.5e3'"),
    "date": ("2001-12-14", "2001-12-14", "datetime.date(2001, 12, 14)"),
    "time": ("2001-12-14 21:59:43", "2001-12-14 21:59:43", "datetime.datetime(2001, 12, 14, 21,"),
    "date that does not exist": ("2001-13-01", "2001-13-01", "month must be in 1..12"),
    "sign and underscore": ("+_", "+_", "invalid literal for int()"),
    "merge key": ("<<", "<<", "YAML file structure is corrupted"),
    "default key": ("=", "=", "YAML file structure is corrupted"),
}


def ours(text: str) -> Any:
    return yaml12.load(f"key: {text}\n")["key"]


def dvcs(text: str) -> str:
    """The repr of DVC's value, which tells 1 from 1.0 and True; or why DVC refuses it."""
    try:
        return repr(parse_yaml(f"key: {text}\n", "params.yaml")["key"])
    except (ParseError, ValueError) as error:
        return str(error)


@pytest.mark.parametrize("text", CORPUS)
def test_values_equal_those_that_dvc_reads(text: str) -> None:
    assert repr(ours(text)) == dvcs(text)


@pytest.mark.parametrize("kind", DIFFERENT)
def test_deliberate_differences_from_dvc(kind: str) -> None:
    text, value, theirs = DIFFERENT[kind]
    assert ours(text) == value
    assert theirs in dvcs(text)


@pytest.mark.parametrize("text", ["- -", "a: b", "[1", "}", "@a", "`a", "%a", "*a", ">a", "'a"])
def test_syntax_errors_are_those_of_dvc(text: str) -> None:
    assert "YAML file structure is corrupted" in dvcs(text)
    with pytest.raises(InputError, match=r"^line [12] is not valid YAML: "):
        ours(text)


@pytest.mark.parametrize(
    "override",
    [
        *(f"lr={value}" for value in ("1e-5", "0.00001", ".5e3", "1_000", "1e400", "nan", "-1")),
        *(f"lr={value}" for value in ("abc", "null", "", "yes", "true", "'1'", "1:30", "0x1f")),
        "lr=2001-12-14",
        "engine=dask:tcp://127.0.0.1:8786",
        "adversarial.epsilons=[1,2.5,1e-3]",
        "prepare.source='a: b # c'",
        "+lr_sweep.own_rates={sgd:[0.1,1e-7]}",
        "+train_baseline.runs.report.class_weights={car:1e-2,0:1}",
    ],
)
def test_what_an_experiment_sets_is_read_as_dvc_reads_it(tmp_path: Path, override: str) -> None:
    path = tmp_path / "params.yaml"
    shutil.copy(SHIPPED, path)
    apply_overrides(path, [override])  # as `dvc exp run -S` does
    assert path.read_text() != SHIPPED.read_text()
    assert repr(yaml12.load(path.read_text())) == repr(load_yaml(path))


def test_duplicate_keys_are_refused_with_the_line_of_the_second() -> None:
    for text in ("a: 1\nb:\n  c: 1\n  c: 2\n", "a: 1\n\n\na: 2\n", "{1: a,\n\n\n1.0: b}"):
        with pytest.raises(InputError, match=r"^line 4 is not valid YAML: found duplicate key \""):
            yaml12.load(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n---\na: 2", "line 2 is not valid YAML: found another document"),
        ("a: 1\nb: \0", "line 2 is not valid YAML: control characters are not allowed"),
        ("a: 1\nb: !!int 1", "line 2: tags are not supported; remove the tag"),
        ("a: 1\n? [b]\n: 1", "line 2 is not valid YAML: found unhashable key"),
        ("%YAML 2.0\n---\na: 1", "line 1 is not valid YAML: found incompatible YAML document"),
    ],
)
def test_unsupported_texts_are_refused_by_line(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        yaml12.load(text)
    assert str(error.value).startswith(message)


def test_limits_are_those_stated() -> None:
    deep, long = yaml12.MAX_DEPTH - 1, "x" * yaml12.MAX_LENGTH
    assert yaml12.load("[" * deep + "1" + "]" * deep)
    assert yaml12.load(long) == long
    assert len(yaml12.load("- 1\n" * (yaml12.MAX_NODES - 1))) == yaml12.MAX_NODES - 1
    for text, message in (
        ("[" * (deep + 1) + "1" + "]" * (deep + 1), "line 1: more than 20 levels"),
        (f"a:\n- {long}x", "line 2: value has more than 1000 characters"),
        ("- 1\n" * yaml12.MAX_NODES, "line 10000: more than 10,000 values"),
    ):
        with pytest.raises(InputError, match=message):
            yaml12.load(text)


def test_aliases_count_as_their_unfolded_values() -> None:
    assert yaml12.load("[&a [1, 2], *a, *a]") == [[1, 2]] * 3
    text = f"- &a {[1] * 99}\n" + "- *a\n" * 99
    assert len(yaml12.load(text.removesuffix("- *a\n"))) == 99  # 1 + 99 * 101 values
    with pytest.raises(InputError, match="more than 10,000 values, counting aliases unfolded"):
        yaml12.load(text)
