"""The architecture holds, and whatever breaks it is noticed.

The second half plants each breach in a small tree of its own and asks that it is reported: a
check that cannot fail proves nothing.
"""

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tools import house

ROOT = Path(__file__).resolve().parent.parent

PYPROJECT = """
[tool.importlinter]
root_packages = ["archive", "trading", "experts", "deposits", "evaluation", "api"]
include_external_packages = true

[[tool.importlinter.contracts]]
id = "layers"
name = "layers"
type = "layers"
layers = ["api", "evaluation", "experts | deposits", "trading", "archive"]

[[tool.importlinter.contracts]]
id = "flows"
name = "flows"
type = "forbidden"
source_modules = ["api.flows"]
forbidden_modules = ["fastapi", "starlette"]

[tool.bigloop.house]
domain = ["archive", "trading", "experts", "deposits", "evaluation"]
shell_names = ["tables", "queries", "service"]
shells = ["archive.database"]
impure = ["sqlalchemy", "secrets", "socket", "urllib.request"]
speaking_packages = ["api.migrations"]
beside = ["tests"]
pure_libraries = ["datetime", "hashlib", "importlib", "numpy", "urllib.parse"]

[tool.bigloop.house.sources]
"archive.clock" = ["Clock"]

[tool.bigloop.house.libraries]
"trading.reference" = ["importlib.resources"]

[tool.bigloop.house.readers]
modules = ["trading.reference"]
"""

FILES = {
    "archive/database.py": "import sqlalchemy\n",
    "archive/clock.py": "import secrets\nfrom datetime import UTC, datetime\n"
    "class Clock: ...\ndef now() -> datetime: return datetime.now(UTC)\n",
    "archive/merkle.py": "import hashlib\n",
    "trading/money.py": "from archive.clock import Clock\nfrom archive.merkle import hashlib\n",
    "trading/tables.py": "import sqlalchemy\nclass LotRow:\n    __tablename__ = 'lot'\n",
    "trading/reference.py": "from importlib import resources\n"
    "DIVISIONS = (resources.files('trading') / 'divisions.csv').read_text('utf-8')\n",
    "trading/queries.py": "from trading.tables import sqlalchemy\n",
    "trading/service.py": "from trading import queries\nfrom archive import database\n",
    "trading/rules/pack.py": "from urllib.parse import urlsplit\n",
    "experts/lottery.py": "from trading.money import Clock\n",
    "deposits/terms.py": "",
    "evaluation/service.py": "from trading import service\n",
    "api/flows/opening.py": "from evaluation import service\n",
    "api/routes.py": "import fastapi\n",
    "api/migrations/__init__.py": "import trading.tables\n",
    "api/migrations/versions/0001_first.py": "import sqlalchemy\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    for name, text in FILES.items():
        plant(tmp_path, name, text)
    return tmp_path


def plant(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.parent
    while folder != root and folder.name != "versions":
        (folder / "__init__.py").touch()
        folder = folder.parent
    with path.open("a") as file:
        file.write(text)


def run_contracts(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.contracts"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )


# --- The real tree --------------------------------------------------------------------


def test_nothing_in_the_tree_breaks_the_house() -> None:
    assert house.faults(ROOT) == []


def test_import_linter_sees_every_module_of_the_tree() -> None:
    lists = house.read_house(ROOT)
    roots = [name for name in lists.roots if (ROOT / name / "__init__.py").exists()]
    graph = grimp.build_graph(*roots, include_external_packages=False, cache_dir=None)
    seen = set(graph.modules)
    tree = {m.name for m in house.modules(ROOT, lists)}
    tree = {name for name in tree if not name.startswith(f"{house.VERSIONS}.")}
    assert tree - seen == set()


def test_every_domain_module_is_pure_or_declared() -> None:
    lists = house.read_house(ROOT)
    pure = set(house.pure_modules(ROOT, lists))
    for module in house.modules(ROOT, lists):
        if module.is_package or module.name.partition(".")[0] not in lists.domain:
            continue
        declared = lists.is_shell(module.name) or module.name in lists.sources
        assert (module.name in pure) != declared, module.name


# --- Planted breaches -----------------------------------------------------------------


@pytest.mark.slow
def test_the_sound_tree_is_accepted(tree: Path) -> None:
    assert house.faults(tree) == []
    done = run_contracts(tree)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "not there yet" not in done.stdout


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("experts/a.py", "from trading import queries", "trading.queries: only trading itself"),
        ("experts/a.py", "import trading.tables as t", "trading.tables: only trading itself"),
        ("experts/service.py", "from trading.tables import Row", "trading.tables.Row: only"),
        ("api/pages.py", "from trading import tables", "trading.tables: only trading itself"),
        ("api/a/b.py", "from trading.lots.queries import x", "trading.lots.queries.x: only"),
        ("api/migrations/env.py", "from trading import queries", "trading.queries: only trading"),
        ("api/migrations/versions/0002_x.py", "import trading.tables", "trading.tables: only"),
        ("api/migrations/versions/0002_x.py", "from api import tables", "a migration does not"),
        ("trading/__init__.py", "from trading.money import Clock", "__init__.py is empty"),
        ("trading/a.py", "from datetime import datetime\nx = datetime.now()", "datetime.now"),
        ("trading/service.py", "import datetime as d\nx = d.datetime.utcnow()", "utcnow"),
        ("trading/service.py", "from datetime import date\nx = date.today", "date.today"),
        ("trading/a.py", "import time\nx = time.time()", "time.time"),
        ("trading/a.py", "from time import time_ns as t\nx = t()", "time.time_ns"),
        ("trading/a.py", "import random\nx = random.random()", "random: time and chance"),
        ("trading/queries.py", "from os import urandom\nx = urandom(8)", "os.urandom"),
        ("trading/tables.py", "import uuid\nx = dict(default_factory=uuid.uuid4)", "uuid.uuid4"),
        ("trading/service.py", "from sqlalchemy import func\nx = func.now()", "func.now"),
        ("trading/a.py", "import numpy as np\nx = np.random.default_rng()", "without a seed"),
        (
            "trading/a.py",
            "from cryptography.hazmat.primitives.asymmetric import ec\nx = ec.generate_private_key",
            "derived from the entropy",
        ),
        ("trading/a.py", "import importlib\nx = importlib.import_module('os')", "no contract sees"),
        ("trading/a.py", "x = __import__('os')", "no contract sees"),
        ("trading/a.py", "from archive.clock import now", "takes only Clock"),
        ("trading/a.py", "from archive import clock", "takes only Clock"),
        ("trading/a.py", "import archive.clock", "takes only Clock"),
        ("trading/a.py", "from urllib.request import urlopen", "no input or output"),
        ("trading/a.py", "from urllib import request", "no input or output"),
    ],
)
def test_a_planted_breach_is_reported(tree: Path, name: str, text: str, expected: str) -> None:
    plant(tree, name, f"{text}\n")
    found = house.faults(tree)
    assert found, "not noticed"
    assert all(line.startswith(name) for line in found), found
    assert any(expected in line for line in found), found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            (f"import {name}", f"{name}: not on the list")
            for name in (
                "requests", "httpx", "fileinput", "ftplib", "select", "signal", "mmap",
                "threading", "ctypes", "io", "builtins", "operator", "urllib.request", "util.a",
            )
        ),
        ("from util import a", "util.a: not on the list"),
        ("from pathlib import Path\nx = Path('x').read_text()", "read_text: a pure module"),
        ("import pathlib\nx = pathlib.Path('x').write_bytes", "write_bytes: a pure module"),
        ("def f(p): return p.open('w')", "open: a pure module"),
        ("def f(p): return list(p.iterdir())", "iterdir: a pure module"),
        ("x = open('x').read()", "open: a pure module"),
        ("f = open", "open: a pure module"),
        ("x = input()", "input: a pure module"),
        ("x = eval('1')", "eval: no contract sees"),
        ("exec('import sqlalchemy')", "exec: no contract sees"),
        ("x = compile('1', '', 'eval')", "compile: no contract sees"),
        ("x = __builtins__", "__builtins__: no contract sees"),
        ("import numpy\nx = numpy.random.rand()", "numpy.random.rand: time and chance"),
        ("from numpy import random as r\nx = r.rand()", "numpy.random.rand: time and chance"),
        ("import numpy as np\nr = np.random\nx = r.rand()", "numpy.random: time and chance"),
        ("import numpy as np\nx = np.random.default_rng(None)", "without a seed"),
        ("import numpy as np\nx = np.random.Generator(np.random.PCG64())", "without a seed"),
        ("import numpy as np\nf = np.random.default_rng\nx = f()", "default_rng: called by its"),
        ("import numpy as np\nx = np.load('x')", "numpy.load: a pure module"),
        ("from datetime import datetime\nx = getattr(datetime, 'now')()", "getattr(datetime"),
        ("import datetime as d\nx = vars(d.datetime)['now']", "vars(datetime.datetime"),
        ("from datetime import datetime\nx = datetime.__dict__['now']", "__dict__: no contract"),
        ("from datetime import datetime\nd = datetime\nx = d.now()", "datetime.datetime: called"),
        ("def f(x): return type(x).now()", "now(): time and chance"),
        ("from trading import service", "trading.service: a pure module imports no shell"),
        ("from archive.database import x", "archive.database: a pure module imports no shell"),
    ],
)  # fmt: skip
def test_a_way_round_the_contract_on_pure_modules_is_reported(
    tree: Path, text: str, expected: str
) -> None:
    plant(tree, "trading/a.py", f"{text}\n")
    found = house.faults(tree)
    assert all(line.startswith("trading/a.py") for line in found), found
    assert any(expected in line for line in found), found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from datetime import datetime\nx = getattr(datetime, 'now')()", "getattr(datetime"),
        ("exec('import api')", "exec: no contract sees"),
        ("import numpy\nx = numpy.random.rand()", "numpy.random.rand: time and chance"),
    ],
)
def test_a_shell_asks_for_neither_time_nor_chance_by_a_detour(
    tree: Path, text: str, expected: str
) -> None:
    plant(tree, "trading/service.py", f"{text}\n")
    assert any(expected in line for line in house.faults(tree))


@pytest.mark.parametrize(
    "text",
    [
        "import hashlib\nfrom urllib.parse import quote",
        "import numpy as np\nx = np.random.default_rng(7).integers(3)",
        "from datetime import datetime\ndef f(x: datetime) -> datetime: return x",
        "def f(x): return getattr(x, 'a'), x.lot, 'select a lot'",
    ],
)
def test_what_a_pure_module_may_do_is_not_reported(tree: Path, text: str) -> None:
    plant(tree, "trading/a.py", f"{text}\n")
    assert house.faults(tree) == []


def test_a_reader_reads_and_does_not_write(tree: Path) -> None:
    plant(tree, "trading/reference.py", "def f(p): p.write_text('x')\n")
    assert ["write_text" in line for line in house.faults(tree)] == [True]


def test_a_library_named_for_one_module_is_not_for_another(tree: Path) -> None:
    path = tree / "pyproject.toml"
    path.write_text(path.read_text().replace('"importlib", ', ""))
    assert house.faults(tree) == []
    plant(tree, "trading/a.py", "from importlib import resources\n")
    assert ["importlib.resources: not on the list" in f for f in house.faults(tree)] == [True]


@pytest.mark.parametrize("name", ["util/a.py", "util/deep/a.py", "util.py"])
def test_python_outside_the_packages_is_reported(tree: Path, name: str) -> None:
    plant(tree, "tests/a.py", "")
    plant(tree, ".hidden/a.py", "")
    plant(tree, name, "")
    assert house.faults(tree) == [
        f"{name.partition('/')[0]}: Python outside the packages, so no contract sees it"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "import sqlalchemy as sa\nx = sa.text('select * from lot')",
        "from sqlalchemy import text\nx = text('delete from \"lot\" where true')",
        "from sqlmodel import text\nx = text(f'select {1} from lot')",
        "import sqlalchemy as sa\nx = sa.table('lot')",
        "Q = 'SELECT *\\nFROM lot'\ndef f(db): return db.execute(Q)",
        "def f(db): db.exec_driver_sql('update lot set a = 1')",
        "def f(db): db.execute('insert ' + 'into lot')",
        "def f(m): return m.metadata.tables['lot']",
    ],
)
@pytest.mark.parametrize("name", ["experts/queries.py", "api/a.py", "experts/a.py"])
def test_a_foreign_table_by_its_name_is_reported(tree: Path, name: str, text: str) -> None:
    plant(tree, name, f"{text}\n")
    found = [line for line in house.faults(tree) if "lot: only trading itself" in line]
    assert found, house.faults(tree)


def test_a_packages_own_table_may_be_named(tree: Path) -> None:
    text = "from sqlalchemy import text\nx = text('select * from lot')\n"
    plant(tree, "trading/queries.py", text)
    plant(tree, "api/migrations/check.py", text)
    plant(tree, "experts/queries.py", text.replace("lot", "lottery"))
    assert house.faults(tree) == []


def test_a_folder_without_init_is_reported(tree: Path) -> None:
    (tree / "trading" / "hidden").mkdir()
    (tree / "trading" / "hidden" / "a.py").touch()
    assert house.faults(tree) == [
        "trading/hidden/a.py: its folder has no __init__.py, so no contract sees it"
    ]


def test_a_declared_shell_that_is_gone_is_reported(tree: Path) -> None:
    (tree / "archive" / "database.py").unlink()
    assert house.faults(tree) == [
        "pyproject.toml: shell archive.database is declared and does not exist"
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("archive/a.py", "from trading import money", "layers BROKEN"),
        ("experts/a.py", "from deposits import terms", "layers BROKEN"),
        ("deposits/a.py", "from experts import lottery", "layers BROKEN"),
        ("trading/a.py", "import socket", "chance BROKEN"),
        ("trading/rules/deep/a.py", "import secrets", "chance BROKEN"),
        ("trading/a.py", "from trading import service", "chance BROKEN"),
        ("experts/a.py", "def f() -> None:\n    import archive.database", "chance BROKEN"),
        ("api/flows/a.py", "from starlette import status", "flows BROKEN"),
        ("api/flows/a.py", "from api import routes", "flows BROKEN"),
    ],
)
def test_a_planted_import_breaks_a_contract(
    tree: Path, name: str, text: str, expected: str
) -> None:
    plant(tree, name, f"{text}\n")
    done = run_contracts(tree)
    assert done.returncode == 1
    assert expected in done.stdout, done.stdout + done.stderr
