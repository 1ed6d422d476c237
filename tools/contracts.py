"""Run import-linter with the contracts of `pyproject.toml` and the one on pure modules.

import-linter cannot say "every module but the shells", so that contract is made here from the file
tree, each time: a new file is pure until it is declared a shell. It also holds through others: a
pure module that imports a shell reaches the database. Contracts that speak of a module that does
not exist yet are left out and named. Run as `python -m tools.contracts` in the project's folder.
"""

import json
import os
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from importlinter.cli import lint_imports

from tools.house import House, faults, modules, pure_modules, read_house


def contracts(root: Path, house: House) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the contracts to run and the names of modules that do not exist yet."""
    linter = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["importlinter"]
    present = {module.name for module in modules(root, house)}
    absent = [name for name in house.roots if name not in present]
    chosen: list[dict[str, Any]] = []
    for contract in linter["contracts"]:
        sources = contract.get("source_modules", [])
        missing = [name for name in sources if name not in present]
        absent += missing
        if "layers" in contract:
            layers = (
                " | ".join(n for n in layer.split(" | ") if n in present)
                for layer in contract["layers"]
            )
            chosen.append({**contract, "layers": [layer for layer in layers if layer]})
        elif len(missing) < len(sources):
            chosen.append({**contract, "source_modules": [n for n in sources if n in present]})
    pure = pure_modules(root, house)
    if pure:
        chosen.append(
            {
                "id": "pure",
                "name": "Pure modules reach no input, output, clock or chance",
                "type": "forbidden",
                "source_modules": pure,
                "forbidden_modules": house.impure_roots,
                "as_packages": False,
                # The shapes Clock and Entropy are declared beside the things themselves;
                # tools/house.py sees to it that pure modules take no more than the shapes.
                "ignore_imports": [
                    f"{source} -> {impure}"
                    for source in sorted(house.sources)
                    for impure in house.impure_roots
                ],
                "unmatched_ignore_imports_alerting": "none",
            }
        )
    return chosen, absent


def to_toml(house: House, chosen: list[dict[str, Any]], absent: list[str]) -> str:
    """Write the configuration import-linter reads; JSON's strings and lists are TOML's too."""
    roots = [name for name in house.roots if name not in absent]
    lines = [
        "[tool.importlinter]",
        f"root_packages = {json.dumps(roots)}",
        "include_external_packages = true",
    ]
    for contract in chosen:
        lines.append("[[tool.importlinter.contracts]]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in contract.items()]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Check the tree in the working directory; return the exit code."""
    root = Path.cwd()
    sys.path.insert(0, str(root))
    house = read_house(root)
    found = faults(root, house)
    for fault in found:
        print(fault)
    chosen, absent = contracts(root, house)
    if absent:
        print(f"not there yet, so not under contract: {', '.join(absent)}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "contracts.toml"
        path.write_text(to_toml(house, chosen, absent))
        broken = lint_imports(config_filename=os.fspath(path), no_cache=True, no_logo=True)
    return 1 if found or broken else 0


if __name__ == "__main__":
    sys.exit(main())
