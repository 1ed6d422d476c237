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

[tool.bigloop.house.sources]
"archive.clock" = ["Clock"]
"""

FILES = {
    "archive/database.py": "import sqlalchemy\n",
    "archive/clock.py": "import secrets\nfrom datetime import UTC, datetime\n"
    "class Clock: ...\ndef now() -> datetime: return datetime.now(UTC)\n",
    "archive/merkle.py": "import hashlib\n",
    "trading/money.py": "from archive.clock import Clock\nfrom archive.merkle import hashlib\n",
    "trading/tables.py": "import sqlalchemy\n",
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


def test_the_contracts_on_imports_hold() -> None:
    done = run_contracts(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


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


def test_a_folder_without_init_is_reported(tree: Path) -> None:
    (tree / "trading" / "hidden").mkdir()
    (tree / "trading" / "hidden" / "a.py").write_text("import socket\n")
    assert house.faults(tree) == [
        "trading/hidden/a.py: its folder has no __init__.py, so no contract sees it"
    ]


def test_a_declared_shell_that_is_gone_is_reported(tree: Path) -> None:
    (tree / "archive" / "database.py").unlink()
    assert house.faults(tree) == [
        "pyproject.toml: shell archive.database is declared and does not exist"
    ]


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
