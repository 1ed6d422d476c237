"""Make the one initial migration anew from the tables that the code declares.

Only until the first release, while nobody has data: `python -m api.migrations.regenerate`. Later
changes get a migration of their own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command

from api.migrations import FOLDER, config, triggers

VERSIONS = FOLDER / "versions"
INITIAL = "0001"


def regenerate() -> Path:
    """Replace versions/0001_*.py; refuses (SystemExit) where later versions exist."""
    later = [path.name for path in VERSIONS.glob("*.py") if not path.name.startswith(INITIAL)]
    if later:
        sys.exit(f"there are later migrations, the history stands: {', '.join(sorted(later))}")
    VERSIONS.mkdir(exist_ok=True)
    for path in VERSIONS.glob("*.py"):
        path.unlink()
    with tempfile.TemporaryDirectory() as folder:
        empty = config(f"sqlite:///{folder}/empty.db")
        empty.attributes["batch"] = False
        command.revision(
            empty,
            "initial tables",
            autogenerate=True,
            rev_id=INITIAL,
        )
    (path,) = VERSIONS.glob("*.py")
    lines = path.read_text("utf-8").rstrip().splitlines()
    text = "\n".join(line for line in lines if not line.strip().startswith("# ###"))
    text += (
        "\n\n    statements = SQLITE if op.get_bind().dialect.name == 'sqlite' else POSTGRESQL\n"
    )
    text += "    for statement in statements:\n        op.execute(sa.text(statement))\n"
    text += f"\n\nSQLITE = {triggers.sqlite()!r}\nPOSTGRESQL = {triggers.postgresql()!r}\n"
    path.write_text(text, "utf-8")
    for arguments in (["check", "--quiet", "--fix-only"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, str(path)], check=True)
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{regenerate()}\n")
