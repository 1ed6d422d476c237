"""What a module does by name rather than by import, read from its syntax tree.

`expression_faults` judges the expressions of one module of the domain: time, chance, files, code
made at run time, and the detours to them (`getattr(datetime, "now")`, `now = datetime.now`).
`table_faults` finds tables of another package that are named in SQL. Both yield a line and a
sentence. What an object handed in does behind a method of another name is not found.
"""

import ast
import re
from collections.abc import Iterator, Mapping

# Dotted names, matched whole or as a prefix; a mention counts, because
# `default_factory=datetime.now` calls as surely as `datetime.now()`.
AMBIENT = (
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "os.getrandom",
    "os.urandom",
    "random",
    "secrets",
    "sqlalchemy.func.current_timestamp",
    "sqlalchemy.func.now",
    "sqlmodel.func.now",
    "time.gmtime",
    "time.localtime",
    "time.time",
    "time.time_ns",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid.uuid6",
    "uuid.uuid7",
)
# Things that answer with time when they are called by another name.
TIMEKEEPERS = frozenset({"datetime", "datetime.date", "datetime.datetime", "time", "uuid"})
DYNAMIC = ("importlib.import_module", "importlib.__import__", "importlib.reload")
KEY_MAKERS = frozenset({"generate", "generate_key", "generate_private_key", "generate_parameters"})
# Made at run time, what they run is seen by nobody.
RUNNERS = frozenset({"__builtins__", "__import__", "__loader__", "compile", "eval", "exec"})
INSIDES = frozenset({"__builtins__", "__dict__", "__getattribute__", "__globals__"})
LOOKUPS = frozenset({"delattr", "getattr", "setattr", "vars"})
# Chance with a seed is arithmetic; without one these ask the machine.
SEEDED = frozenset(
    f"numpy.random.{name}"
    for name in ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64", "SeedSequence", "default_rng")
)
GENERATORS = frozenset({"numpy.random.BitGenerator", "numpy.random.Generator"})
# Input and output without an import.
CONSOLE = frozenset({"breakpoint", "input", "open", "print"})
READS = frozenset({"iterdir", "open", "read_bytes", "read_text", "rglob"})
WRITES = frozenset(
    [
        "hardlink_to",
        "mkdir",
        "rmdir",
        "symlink_to",
        "tofile",
        "touch",
        "unlink",
        "write_bytes",
        "write_text",
    ]
)
NUMPY_FILES = frozenset(
    f"numpy.{name}"
    for name in [
        "DataSource",
        "fromfile",
        "genfromtxt",
        "load",
        "loadtxt",
        "memmap",
        "save",
        "savetxt",
        "savez",
        "savez_compressed",
    ]
)
NOW = frozenset({"now", "today", "utcnow"})

SQL_CALLS = frozenset(
    f"{library}.{name}"
    for library in ("sqlalchemy", "sqlmodel")
    for name in ("Table", "literal_column", "table", "text")
)
SQL_METHODS = frozenset({"exec", "exec_driver_sql", "execute", "executemany", "executescript"})
SQL_TABLE = re.compile(
    r"(?:\bselect\b.*?\bfrom|\binsert\s+into|\bdelete\s+from|\bjoin|\bupdate)\s+[\"`]?(\w+)",
    re.IGNORECASE | re.DOTALL,
)


def dotted(node: ast.expr, aliases: Mapping[str, str]) -> str | None:
    """Return the full name an expression refers to, when its first part was imported."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or node.id not in aliases:
        return None
    return ".".join([aliases[node.id], *reversed(parts)])


def expression_faults(
    syntax: ast.Module, aliases: Mapping[str, str], *, is_pure: bool, is_reader: bool
) -> Iterator[tuple[int, str]]:
    """Judge every expression of a module of the domain; a reader is pure but for reading files."""
    called = {id(node.func) for node in ast.walk(syntax) if isinstance(node, ast.Call)}
    inner = {id(node.value) for node in ast.walk(syntax) if isinstance(node, ast.Attribute)}
    for node in ast.walk(syntax):
        if isinstance(node, ast.Attribute | ast.Name) and id(node) not in inner:
            full = dotted(node, aliases)
            if full is not None:
                yield from _mention_faults(node.lineno, full, id(node) in called)
                if is_pure and full in NUMPY_FILES:
                    yield node.lineno, f"{full}: a pure module does no input or output"
        if isinstance(node, ast.Name) and node.id in RUNNERS and node.id not in aliases:
            yield node.lineno, f"{node.id}: no contract sees what it runs"
        if isinstance(node, ast.Call):
            yield from _call_faults(node, aliases)
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            full = dotted(node.value, aliases)
            if full in TIMEKEEPERS:
                yield node.lineno, f"{full}: called by its own name only"
        if is_pure:
            yield from _pure_faults(node, aliases, is_reader)


def _mention_faults(line: int, full: str, is_called: bool) -> Iterator[tuple[int, str]]:
    for name in AMBIENT:
        if full == name or full.startswith(f"{name}."):
            yield line, f"{name}: time and chance are passed in"
    if full in SEEDED and not is_called:
        yield line, f"{full}: called by its own name only, and with a seed"
    chance = full == "numpy.random" or full.startswith("numpy.random.")
    if chance and full not in SEEDED | GENERATORS:
        yield line, f"{full}: time and chance are passed in"
    if full in DYNAMIC:
        yield line, f"{full}: no contract sees what it imports"
    if full.startswith("cryptography.") and full.rpartition(".")[2] in KEY_MAKERS:
        yield line, f"{full}: a key is derived from the entropy passed in"


def _call_faults(node: ast.Call, aliases: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    if dotted(node.func, aliases) in SEEDED:
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        if not given or (isinstance(given[0], ast.Constant) and given[0].value is None):
            name = ast.unparse(node.func).rpartition(".")[2]
            yield node.lineno, f"{name}() without a seed asks the machine for chance"
    if isinstance(node.func, ast.Name) and node.func.id in LOOKUPS and node.args:
        full = dotted(node.args[0], aliases)
        if full is not None and full.partition(".")[0] in TIMEKEEPERS | {"numpy", "os"}:
            yield node.lineno, f"{node.func.id}({full}, …): no contract sees what it takes"


def _pure_faults(
    node: ast.AST, aliases: Mapping[str, str], is_reader: bool
) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Name) and node.id in CONSOLE and isinstance(node.ctx, ast.Load):
        if node.id not in aliases:
            yield node.lineno, f"{node.id}: a pure module does no input or output"
    elif isinstance(node, ast.Attribute):
        if node.attr in WRITES or (node.attr in READS and not is_reader):
            yield node.lineno, f"{node.attr}: a pure module does no input or output"
        if node.attr in INSIDES:
            yield node.lineno, f"{node.attr}: no contract sees what it takes"
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in NOW
    ):
        yield node.lineno, f"{node.func.attr}(): time and chance are passed in"


# --- Tables by name -----------------------------------------------------------------------


def table_names(syntax: ast.Module) -> set[str]:
    """Return the tables a module declares by `__tablename__`."""
    found = set()
    for node in ast.walk(syntax):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            if "__tablename__" in names and isinstance(node.value.value, str):
                found.add(node.value.value)
    return found


def table_faults(
    syntax: ast.Module, aliases: Mapping[str, str], foreign: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    """Find the tables of other packages (`foreign`: table → package) that SQL names."""
    texts = _constants(syntax)
    for node in ast.walk(syntax):
        line, words = 0, set[str]()
        if isinstance(node, ast.Call) and _takes_sql(node.func, aliases):
            line = node.lineno
            for argument in node.args:
                text = " ".join(_strings(argument, texts))
                words |= set(re.findall(r"\w+", text))
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "tables"
        ):
            line, words = node.lineno, set(_strings(node.slice, texts))
        elif isinstance(node, ast.Constant | ast.JoinedStr):
            line, words = node.lineno, set(SQL_TABLE.findall(" ".join(_strings(node, texts))))
        for name in sorted(words & foreign.keys()):
            yield line, f"{name}: only {foreign[name]} itself reads its tables and queries"


def _takes_sql(function: ast.expr, aliases: Mapping[str, str]) -> bool:
    if dotted(function, aliases) in SQL_CALLS:
        return True
    return isinstance(function, ast.Attribute) and function.attr in SQL_METHODS


def _constants(syntax: ast.Module) -> dict[str, ast.expr]:
    """The module's names for plain values, so that SQL kept in one is read too."""
    return {
        target.id: node.value
        for node in syntax.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant | ast.BinOp)
    }


def _strings(expression: ast.expr, texts: Mapping[str, ast.expr]) -> Iterator[str]:
    for node in ast.walk(expression):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.Name) and node.id in texts:
            for inner in ast.walk(texts[node.id]):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    yield inner.value
