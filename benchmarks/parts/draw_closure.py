"""Groups of companies that control binds together, beside SciPy's connected components.

333,000 companies with about 600,000 edges, both sides given their arrays ready made. Ours also leaves
out the bodies at which control stops, and names the smallest company of each group; chains of
companies, the reasons for an exclusion, come on demand from the same graph and have no peer.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from benchmarks.parts.draw_kernel import medians
from benchmarks.parts.invented_pool import company, edges
from experts.conflicts.control import ControlGraph

COMPANIES, GOAL = 333_000, 4.0


def cases(quick: bool) -> Iterator[dict[str, object]]:
    rng = np.random.default_rng(1)
    owners, owned = edges(COMPANIES, rng)
    stops = rng.random(COMPANIES) < 1 / 2000
    codes = tuple(map(company, range(COMPANIES)))
    graph = ControlGraph.of_numbers(codes, owners, owned, stops)
    shape = (COMPANIES, COMPANIES)
    free = ~(stops[owners] | stops[owned])
    kept = csr_array((np.ones(int(free.sum()), np.int8), (owners[free], owned[free])), shape=shape)
    number, label = connected_components(kept, directed=False)
    groups = graph.groups()
    assert len(np.unique(groups)) == number == len(np.unique(groups * number + label))
    every = csr_array((np.ones(len(owners), np.int8), (owners, owned)), shape=shape)
    mine, other = medians(
        (lambda _: graph.groups(), lambda _: connected_components(every, directed=False)),
        1 if quick else 3,
    )
    yield {
        "bench": "draw",
        "case": f"closure, {COMPANIES:,} companies, {len(owners):,} edges",
        "ours": round(mine, 1),
        "peer": round(other, 1),
        "unit": "ms",
        "peer_name": "scipy.sparse.csgraph.connected_components",
        "ratio": round(mine / other, 2),
        "goal": f"<= {GOAL:g}",
        "holds": mine / other <= GOAL,
    }
    label = graph.groups()
    size = np.bincount(label, minlength=COMPANIES)
    starts = [codes[n] for n in np.flatnonzero((size >= 100) & (size <= 1000))[:50]]
    (chains,) = medians((lambda n: graph.reach(starts[n % len(starts)], 16),), 10)
    yield {
        "bench": "draw",
        "case": "chains of reasons of one company in a group of 100 to 1,000",
        "ours": round(chains, 2),
        "peer": None,
        "unit": "ms",
        "peer_name": None,
        "ratio": None,
        "goal": None,
        "holds": True,
    }
