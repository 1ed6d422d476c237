"""What the architecture forbids and imports alone cannot show, read from the syntax trees.

`faults(root)` walks the six packages below `root` and reports, one line each:

* a module import-linter would not see (a folder without `__init__.py`), a declared shell that
  does not exist, an `__init__.py` that is not empty;
* an import of another package's `tables` or `queries`; only `api.migrations` may import tables,
  because it compares them with the database, and no single migration may, because tables change
  and history does not;
* the name of another package's table in SQL, by the same rule;
* a domain module other than the declared sources that asks the machine for time or chance, makes
  keys by itself, or runs code made at run time (`tools/purity.py`);
* a pure module that imports a library that is not on the list, imports a shell, takes more from a
  source than the shapes declared, or reads or writes a file; readers, which are named, may read;
* Python in a folder no contract covers.

The lists stand in `pyproject.toml` under `[tool.bigloop.house]` and nowhere else. The contracts on
imports are in `tools/contracts.py`.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import purity

STORAGE = frozenset({"tables", "queries"})
MIGRATIONS = "api.migrations"
VERSIONS = "api.migrations.versions"

# Below the root beside the packages; what else is there is hidden or listed in `beside`.
FETCHED = frozenset({"node_modules"})


@dataclass(frozen=True)
class House:
    """The lists of `[tool.bigloop.house]`."""

    roots: tuple[str, ...]
    domain: tuple[str, ...]
    shell_names: frozenset[str]
    shells: frozenset[str]
    impure: tuple[str, ...]
    speaking_packages: frozenset[str]
    sources: dict[str, frozenset[str]]
    pure_libraries: tuple[str, ...]
    libraries: dict[str, tuple[str, ...]]
    readers: frozenset[str]
    beside: frozenset[str]
    handed_out: frozenset[str]

    @property
    def impure_roots(self) -> list[str]:
        """The impure libraries import-linter can name; the chain through others counts too."""
        return [name for name in self.impure if "." not in name]

    @property
    def impure_parts(self) -> list[str]:
        """Parts of a library, which import-linter cannot name: only their own import counts."""
        return [name for name in self.impure if "." in name]

    def may_import(self, module: str, target: str) -> bool:
        """Whether a pure module may take `target`, a dotted name, from outside the packages."""
        allowed = (*self.pure_libraries, *self.libraries.get(module, ()))
        return any(target == name or target.startswith(f"{name}.") for name in allowed)

    def is_shell(self, module: str) -> bool:
        """Whether a module of a domain package may do input and output."""
        return module in self.shells or module.rpartition(".")[2] in self.shell_names

    def is_pure(self, module: str) -> bool:
        """Whether the module is held to the contract on pure modules."""
        in_domain = module.partition(".")[0] in self.domain
        return in_domain and not self.is_shell(module) and module not in self.sources


@dataclass(frozen=True)
class Module:
    """One file of the tree."""

    name: str
    path: Path
    is_package: bool


def read_house(root: Path) -> House:
    """Read the lists from `pyproject.toml`."""
    tool = tomllib.loads((root / "pyproject.toml").read_text())["tool"]
    house = tool["bigloop"]["house"]
    return House(
        roots=tuple(tool["importlinter"]["root_packages"]),
        domain=tuple(house["domain"]),
        shell_names=frozenset(house["shell_names"]),
        shells=frozenset(house["shells"]),
        impure=tuple(house["impure"]),
        speaking_packages=frozenset(house["speaking_packages"]),
        sources={name: frozenset(shapes) for name, shapes in house["sources"].items()},
        pure_libraries=tuple(house["pure_libraries"]),
        libraries={name: tuple(own) for name, own in house["libraries"].items()},
        readers=frozenset(house["readers"]["modules"]),
        beside=frozenset(house["beside"]),
        handed_out=frozenset(house.get("handed_out", ())),
    )


def modules(root: Path, house: House) -> list[Module]:
    """Return every Python file of the packages, in order of name."""
    found = []
    for package in house.roots:
        for path in sorted((root / package).rglob("*.py")):
            if path.relative_to(root).as_posix() in house.handed_out:
                continue
            parts = path.relative_to(root).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            found.append(Module(name, path, is_package))
    return sorted(found, key=lambda module: module.name)


def pure_modules(root: Path, house: House) -> list[str]:
    """Return the modules held to the contract: leaves only, since a package says nothing."""
    return [m.name for m in modules(root, house) if not m.is_package and house.is_pure(m.name)]


def faults(root: Path, house: House | None = None) -> list[str]:
    """Return one line for every breach below `root`, or an empty list."""
    house = house or read_house(root)
    tree = modules(root, house)
    names = {module.name for module in tree}
    found = [
        f"pyproject.toml: {kind} {name} is declared and does not exist"
        for kind, declared in (
            ("shell", house.shells),
            ("source", frozenset(house.sources)),
            ("reader", house.readers),
            ("module with libraries", frozenset(house.libraries)),
        )
        for name in sorted(declared - names)
    ]
    found += [
        f"{name}: Python outside the packages, so no contract sees it"
        for name in _strangers(root, house)
    ]
    found += _handed_out_faults(root, house)
    syntaxes = {m.name: ast.parse(m.path.read_bytes(), filename=str(m.path)) for m in tree}
    owners = {
        table: module.name.partition(".")[0]
        for module in tree
        if module.name.rpartition(".")[2] == "tables"
        for table in purity.table_names(syntaxes[module.name])
    }
    for module in tree:
        where = module.path.relative_to(root).as_posix()
        found += [f"{where}: {fault}" for fault in _shape_faults(module, root, house)]
        syntax = syntaxes[module.name]
        for line, fault in sorted({*_syntax_faults(module, syntax, house, owners)}):
            found.append(f"{where}:{line}: {fault}")
    return found


def _handed_out_faults(root: Path, house: House) -> Iterator[str]:
    """Programs for people who have nothing but Python: the standard library and nothing of ours."""
    for name in sorted(house.handed_out):
        if not (root / name).exists():
            yield f"pyproject.toml: {name} is declared and does not exist"
            continue
        for node in ast.walk(ast.parse((root / name).read_bytes(), filename=name)):
            wanted = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else ["." * node.level + (node.module or "")]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for target in wanted:
                if target.partition(".")[0] not in sys.stdlib_module_names:
                    yield f"{name}: is handed out alone and imports {target}"


def _strangers(root: Path, house: House) -> Iterator[str]:
    known = {*house.roots, *house.beside, *FETCHED}
    for path in sorted(root.iterdir()):
        if path.name in known or path.name.startswith("."):
            continue
        if path.suffix == ".py" or (path.is_dir() and next(path.rglob("*.py"), None)):
            yield path.name


def _shape_faults(module: Module, root: Path, house: House) -> Iterator[str]:
    if module.name.startswith(f"{VERSIONS}."):
        return
    folder = module.path.parent
    while folder != root:
        if not (folder / "__init__.py").exists():
            yield "its folder has no __init__.py, so no contract sees it"
            break
        folder = folder.parent
    if (
        module.is_package
        and module.name not in house.speaking_packages
        and module.path.read_text().strip()
    ):
        yield "a package's __init__.py is empty: import the module that says it"


def _syntax_faults(
    module: Module, syntax: ast.Module, house: House, owners: dict[str, str]
) -> Iterator[tuple[int, str]]:
    own = module.name.partition(".")[0]
    aliases: dict[str, str] = {}
    for node in ast.walk(syntax):
        if isinstance(node, ast.Import):
            for item in node.names:
                first = item.name.partition(".")[0]
                aliases[item.asname or first] = item.name if item.asname else first
                yield from _import_faults(module, node.lineno, item.name, None, house)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(module, node)
            for item in node.names:
                aliases[item.asname or item.name] = f"{source}.{item.name}"
                yield from _import_faults(module, node.lineno, source, item.name, house)
    if not _is_below(module.name, MIGRATIONS):
        foreign = {table: owner for table, owner in owners.items() if owner != own}
        yield from purity.table_faults(syntax, aliases, foreign)
    if own in house.domain and module.name not in house.sources:
        yield from purity.expression_faults(
            syntax,
            aliases,
            is_pure=house.is_pure(module.name),
            is_reader=module.name in house.readers,
        )


def _is_below(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def _absolute(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    parts = module.name.split(".")
    base = parts[: len(parts) - node.level + (1 if module.is_package else 0)]
    return ".".join([*base, *([node.module] if node.module else [])])


def _import_faults(
    module: Module, line: int, source: str, item: str | None, house: House
) -> Iterator[tuple[int, str]]:
    """Judge one imported name: `source` alone, or `item` out of `source`."""
    own = module.name.partition(".")[0]
    target = f"{source}.{item}" if item else source
    root, _, rest = target.partition(".")
    storage = STORAGE.intersection(rest.split("."))
    if root in house.roots and root != own and storage:
        in_versions = module.name.startswith(f"{VERSIONS}.")
        in_migrations = _is_below(module.name, MIGRATIONS)
        if not (in_migrations and not in_versions and storage == {"tables"}):
            yield line, f"{target}: only {root} itself reads its tables and queries"
    if module.name.startswith(f"{VERSIONS}.") and root == own and storage:
        yield line, f"{target}: tables change, a migration does not"
    if not house.is_pure(module.name):
        return
    for name in house.impure_parts:
        if _is_below(target, name):
            yield line, f"{target}: a pure module does no input or output"
    if root not in house.roots and not house.may_import(module.name, target):
        yield line, f"{target}: not on the list of what pure modules may import"
    for name in dict.fromkeys((source, target)):
        if root in house.domain and house.is_shell(name):
            yield line, f"{name}: a pure module imports no shell"
    for name, shapes in house.sources.items():
        whole = target == name or target.startswith(f"{name}.")
        if whole and (item is None or source != name or item not in shapes):
            allowed = ", ".join(sorted(shapes))
            yield line, f"{target}: a pure module takes only {allowed} from {name}"
