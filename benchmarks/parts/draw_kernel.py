"""The kernel of a draw: closure of ties, filter and committee, with the pool in memory.

Ours is what a request runs (`experts.conflicts.context`, `experts.draws.sieve`,
`experts.committee.select`): the ties of a request, all rules of eligibility and recusal over all
candidates, then attempts until a committee of 3 + 1 + 1 meets the coupling rules.

The peer is what a user would write: SQLite in memory, with an index for every condition, the ties by
a recursive CTE, and per specialty one query with `ORDER BY random()`, from whose first rows it takes
attempt after attempt. Before anything is measured, both must find the very same
candidates. Interleaved round by round, medians are compared.

`decisions` are those over the whole pool: how many are out by each rule, and how many by none.

`end to end` has no goal: pool commitment, request, three trustees' outputs with their proofs, draw and
transcript, of objects as the service holds them, without a database.
"""

from __future__ import annotations

import hashlib
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from archive import canonical
from benchmarks.parts.invented_pool import (
    ELIGIBLE,
    ON,
    RECUSAL,
    SEATS,
    TODAY,
    IntArray,
    Pool,
    make,
    specialty,
)
from experts import synthetic
from experts.committee import Card, Coupling, Group, select
from experts.conflicts.context import Side, context
from experts.conflicts.control import ControlGraph
from experts.draws.candidates import cards_of, groups_of, parties_of, prepare, unit_labels
from experts.draws.leaves import KEY_BYTES, leaves, salt_of
from experts.draws.request import NO_PREDECESSOR, Fixed, Quota, request_json
from experts.draws.seed import NO_VALUE, alpha_of, seed_of
from experts.draws.sieve import sieve, together
from experts.draws.transcript import transcript_json
from experts.feasibility import shortage
from experts.pool.columns import Columns, build
from experts.rules import rules_for
from experts.suite import SUITES
from experts.trustees.synthetic import trustees
from experts.trustees.trustee import Trustee
from experts.vrf.verify import verified_output
from tests.experts.world import make_request
from trading.identifiers import make_uscc
from trading.regime import Regime
from trading.rules.book import book

KERNEL_GOAL, DECISIONS_GOAL = 15.0, 25.0
COUPLING = Coupling(one_per_unit=True, prefecture_max=1)
TRIED = 50
BLOCK = 5
WINDOW = ON.replace(year=ON.year - RECUSAL.window_years).toordinal()
TOO_OLD = ON.replace(year=ON.year - ELIGIBLE.age_max).toordinal()

SCHEMA = """
CREATE TABLE expert (id INTEGER PRIMARY KEY, active INTEGER, enrolled INTEGER, born INTEGER, years INTEGER,
    title INTEGER, penalised INTEGER, certified INTEGER, employer INTEGER, area INTEGER);
CREATE TABLE specialty (code INTEGER, expert INTEGER, PRIMARY KEY (code, expert)) WITHOUT ROWID;
CREATE TABLE bond (company INTEGER, kind TEXT, until INTEGER, expert INTEGER);
CREATE TABLE link (a INTEGER, b INTEGER, PRIMARY KEY (a, b)) WITHOUT ROWID;
CREATE TABLE stop (company INTEGER PRIMARY KEY);
CREATE TABLE party (company INTEGER PRIMARY KEY, closes INTEGER);
"""
TIES = """
WITH RECURSIVE tie(company) AS (
    SELECT company FROM party WHERE closes
    UNION
    SELECT link.b FROM tie JOIN link ON link.a = tie.company
    WHERE tie.company NOT IN (SELECT company FROM stop)
       OR tie.company IN (SELECT company FROM party)
), recused(expert) AS (
    SELECT bond.expert FROM tie JOIN bond ON bond.company = tie.company WHERE kind <> 'past'
    UNION
    SELECT bond.expert FROM party JOIN bond ON bond.company = party.company
    WHERE kind <> 'past' OR until > :window
)
"""
PASSING = """active AND enrolled <= :today AND born > :too_old AND years >= :years AND title >= :title
    AND NOT penalised AND certified > :today AND id NOT IN (SELECT expert FROM recused)"""
CANDIDATES = f"""{TIES} SELECT id, employer, area FROM specialty JOIN expert ON id = specialty.expert
    WHERE code = :code AND {PASSING}"""
DECISIONS = f"""{TIES} SELECT sum(NOT active), sum(enrolled > :today), sum(born <= :too_old),
    sum(years < :years), sum(title < :title), sum(penalised), sum(certified <= :today),
    sum(penalised OR id IN (SELECT expert FROM recused)), sum({PASSING}) FROM expert"""
NUMBERS = {
    "window": WINDOW,
    "today": TODAY,
    "too_old": TOO_OLD,
    "years": ELIGIBLE.field_years_min,
    "title": ELIGIBLE.title_level_min,
}


def database(pool: Pool, parties: Sequence[tuple[Side, int]]) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    columns = (
        pool.active,
        pool.enrolled,
        pool.born,
        pool.years,
        pool.title,
        pool.penalised,
        pool.certified,
        pool.employer,
        pool.area,
    )
    rows = zip(range(pool.count), *(column.tolist() for column in columns), strict=True)
    db.executemany("INSERT INTO expert VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
    held = zip(
        pool.held.ravel().tolist(), np.repeat(np.arange(pool.count), 2).tolist(), strict=True
    )
    db.executemany("INSERT OR IGNORE INTO specialty VALUES (?,?)", held)
    none = np.zeros(pool.count, dtype=np.int64)
    for kind, companies, until in (
        ("employer", pool.employer, none),
        ("past", pool.past, pool.past_until),
        ("board", pool.board, none),
        ("declared", pool.declared, none),
    ):
        bonds = (
            (c, kind, u, e)
            for e, (c, u) in enumerate(zip(companies.tolist(), until.tolist(), strict=True))
            if c >= 0
        )
        db.executemany("INSERT INTO bond VALUES (?,?,?,?)", bonds)
    both = zip(
        np.append(pool.owners, pool.owned).tolist(),
        np.append(pool.owned, pool.owners).tolist(),
        strict=True,
    )
    db.executemany("INSERT OR IGNORE INTO link VALUES (?,?)", both)
    db.executemany(
        "INSERT INTO stop VALUES (?)", ((n,) for n in np.flatnonzero(pool.stops).tolist())
    )
    db.executemany(
        "INSERT OR REPLACE INTO party VALUES (?,?)",
        ((number, side is not Side.SUPERVISOR) for side, number in parties),
    )
    db.execute("CREATE INDEX bond_company ON bond (company, kind, until, expert)")
    db.execute("ANALYZE")
    return db


class Leaves(Sequence[str]):
    """The candidates of a group by the place of their leaf; what a leaf is called is not asked here."""

    def __init__(self, places: IntArray) -> None:
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        return f"{self._places[index]:08d}"


class Cards(Mapping[str, Card]):
    """A card for each leaf, made when it is looked at."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._row = np.argsort(pool.place)

    def __getitem__(self, leaf: str) -> Card:
        row = self._row[int(leaf)]
        return Card(leaf, str(self._pool.employer[row]), str(self._pool.area[row]))

    def __iter__(self) -> Iterator[str]:
        return map("{:08d}".format, range(self._pool.count))

    def __len__(self) -> int:
        return self._pool.count


class Ours:
    def __init__(self, pool: Pool, columns: Columns, graph: ControlGraph) -> None:
        self.pool, self.columns, self.graph = pool, columns, graph
        self.parties = pool.parties(graph)
        self.cards = Cards(pool)

    def candidates(self) -> list[IntArray]:
        """The rows that may be drawn, by specialty."""
        known = self.pool.context(self.graph, self.parties)
        answers = [self.columns.matching(specialty(code)) for code, _ in SEATS]
        found = sieve(self.columns, together(self.columns, answers), ON, ELIGIBLE, known)
        passing = np.zeros(len(self.columns), dtype=np.bool_)
        passing[found.passing] = True
        return [rows[passing[rows]] for rows in answers]

    def committee(self, number: int) -> list[int]:
        groups = [
            Group(specialty(code), seats, Leaves(np.sort(self.pool.place[rows])))
            for (code, seats), rows in zip(SEATS, self.candidates(), strict=True)
        ]
        seed = hashlib.sha256(number.to_bytes(8, "big")).digest()
        selection = select(seed, groups, self.cards, COUPLING, 10_000)
        assert selection is not None
        return [int(leaf) for group in selection.drawn() for leaf in group]

    def decisions(self) -> tuple[int, ...]:
        known = self.pool.context(self.graph, self.parties)
        found = sieve(self.columns, None, ON, ELIGIBLE, known)
        masks = found.ineligible
        order = ("status", "enrolled", "age", "field_years", "title", "penalised", "certificate")
        counts = [int(np.count_nonzero(masks[f"experts.eligibility.{name}"])) for name in order]
        return (*counts, int(np.count_nonzero(found.recused)), len(found.passing))


class Peer:
    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def candidates(self) -> list[list[int]]:
        return [
            sorted(row[0] for row in self.db.execute(CANDIDATES, {**NUMBERS, "code": code}))
            for code, _ in SEATS
        ]

    def committee(self, _number: int) -> list[int]:
        lists = []
        for code, seats in SEATS:
            query = f"{CANDIDATES} ORDER BY random() LIMIT {TRIED * seats}"
            lists.append(self.db.execute(query, {**NUMBERS, "code": code}).fetchall())
        for attempt in range(TRIED):
            members = [
                row
                for (_, seats), found in zip(SEATS, lists, strict=True)
                for row in found[attempt * seats : (attempt + 1) * seats]
            ]
            if all(len({row[i] for row in members}) == len(members) for i in range(3)):
                return [row[0] for row in members]
        raise AssertionError("no committee in so many attempts")

    def decisions(self) -> tuple[int, ...]:
        (found,) = self.db.execute(DECISIONS, NUMBERS)
        return tuple(found)


def medians(calls: Sequence[Callable[[int], object]], rounds: int) -> list[float]:
    """Milliseconds of processor time of each, round by round in turn, a round being `BLOCK` calls in
    a row, so that each side works with warm caches; the first round only warms up. All of it happens
    in this one thread, so what others do on the machine is left out."""
    taken: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for call, times in zip(calls, taken, strict=True):
            began = time.process_time()
            for n in range(number * BLOCK, (number + 1) * BLOCK):
                call(n)
            times.append((time.process_time() - began) * 1000 / BLOCK)
    return [statistics.median(times[1:]) for times in taken]


def kernel(count: int, rounds: int) -> Iterator[dict[str, object]]:
    pool = make(count)
    ours = Ours(pool, pool.columns(), pool.graph())
    peer = Peer(database(pool, ours.parties))
    same = [rows.tolist() for rows in ours.candidates()]
    assert same == peer.candidates(), "the two do not do the same work"
    assert ours.decisions() == peer.decisions(), (ours.decisions(), peer.decisions())
    candidates = sum(map(len, same))
    for case, calls, goal in (
        ("kernel", (ours.committee, peer.committee), KERNEL_GOAL),
        ("decisions", (lambda _: ours.decisions(), lambda _: peer.decisions()), DECISIONS_GOAL),
    ):
        mine, other = medians(calls, rounds)
        yield {
            "bench": "draw",
            "case": f"{case}, {count:,} experts, {pool.companies:,} companies, {candidates:,} candidates",
            "ours": round(mine, 3),
            "peer": round(other, 3),
            "unit": "ms",
            "peer_name": "SQLite, indexed, recursive CTE",
            "ratio": round(other / mine, 1),
            "goal": f">= {goal:g}",
            "holds": other / mine >= goal,
        }


def end_to_end(count: int) -> dict[str, object]:
    employers = [make_uscc(f"91530000XN{n:07d}") for n in range(count // 5)]
    experts = synthetic.experts(b"bench", employers, count)
    columns = build("bench", experts, ON)
    request = make_request(
        quotas=(Quota("A080104", 3), Quota("A080203", 1), Quota("A080302", 1)),
        evaluation_at=datetime(2026, 10, 22, 1, tzinfo=UTC),
    )
    rules = rules_for(
        book(),
        ON,
        Regime.ZTB,
        request.division_code,
        request.kind,
        request.estimate,
        complex_or_public=False,
    )
    graph = ControlGraph.of([], ON, 500)
    panel = trustees(b"bench", 3)
    assert len(columns.records) == len(columns.codes)  # made once for a version of the pool
    began = time.perf_counter()
    known = context(request.regime, ON, parties_of(request), graph, rules.recusal)
    h = SUITES[rules.hash_name]
    key = bytes(KEY_BYTES)
    tree = leaves(columns, key, unit_labels(columns.experts, graph, rules.one_per), h)
    prepared = prepare(columns, tree, request, rules, known, ON)
    coupling = Coupling(rules.one_per != "none", rules.prefecture_max(request.size))
    groups = groups_of([(q.specialty, q.count) for q in request.quotas], prepared.candidates)
    cards = cards_of(prepared.candidates)
    assert shortage(groups, cards, coupling, rules.limits) is None
    proof = b"".join(tree.opening([c.place for c in prepared.candidates]))
    at = request.evaluation_at
    named = tuple(
        Trustee(t.id, t.name, t.key, at - timedelta(days=9), at + timedelta(days=9), "bench")
        for t in panel
    )
    fixed = Fixed(
        draw_id="bench",
        number=1,
        predecessor=NO_PREDECESSOR,
        pool_root=tree.root.hex(),
        pool_size=len(columns),
        pool_version=columns.version,
        context_hash="",
        affiliations="",
        salt=salt_of(key, h),
        trustees=named,
    )
    said = request_json(request, fixed, prepared.candidates, rules, coupling)
    request_hash = canonical.digest(said)
    alpha = alpha_of(request_hash, 1, NO_VALUE)
    outputs = [
        verified_output(bytes.fromhex(t.key), alpha, t.answer(request_hash, 1)) for t in panel
    ]
    selection = select(seed_of(alpha, outputs, h), groups, cards, coupling, rules.attempts_max, h)
    assert selection is not None
    value = transcript_json(said, prepared.candidates, proof, [], "INVITING", ())
    size = len(canonical.encode(value))
    return {
        "bench": "draw",
        "case": f"end to end, {count:,} experts, {len(prepared.candidates):,} candidates, "
        f"transcript of {size:,} bytes",
        "ours": round((time.perf_counter() - began) * 1000, 1),
        "peer": None,
        "unit": "ms",
        "peer_name": None,
        "ratio": None,
        "goal": None,
        "holds": True,
    }


def cases(quick: bool) -> Iterator[dict[str, object]]:
    yield from kernel(50_000, 7)
    if not quick:
        yield from kernel(1_000_000, 5)
    yield end_to_end(5_000 if quick else 50_000)
