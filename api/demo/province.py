"""The synthetic province: real divisions and coordinates, the real specialty catalogue, invented
people, companies and stations (see `trading.synthetic`, `experts.synthetic`, `evaluation.synthetic`,
`deposits.synthetic`). Installed once, in one transaction, into an empty database.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import experts.synthetic
from api.demo.script import DALI, DALI_HOST_PERMILLE, Cast
from archive.actor import Actor, Role
from archive.office import Tx
from deposits.issuers import service as issuers
from deposits.issuers.issuer import Issuer
from deposits.synthetic import DemoIssuer, make_issuers
from evaluation import synthetic as stations_synthetic
from evaluation.stations import service as stations
from evaluation.stations.station import Venue
from evaluation.stations.upkeep import service as upkeep
from evaluation.stations.upkeep.synthetic import calibrations
from evaluation.venues import service as venues
from evaluation.venues.synthetic import directory, rooms_abroad
from experts.pool import service as pool
from experts.pool.expert import Expert
from experts.trustees import service as trustees
from experts.trustees.synthetic import SyntheticTrustee
from experts.trustees.synthetic import trustees as make_trustees
from trading.calendar.legal import start_of
from trading.parties import service as parties
from trading.parties.party import OrganisationKind
from trading.synthetic import Parties, supervisor_of
from trading.synthetic import parties as synthetic_parties

POOL_SIZE = 20_000
INSTITUTES = 40
"""How many of the largest employers among companies bid often enough to meet their own experts."""

KEYS_SINCE, KEYS_FOR = timedelta(days=400), timedelta(days=1000)
"""Since when and for how long the trustees' keys are valid."""

SUPERVISOR = Actor("demo-supervisor", frozenset({Role.SUPERVISOR}))
"""Confirms what the registrar enters."""

REGISTRAR = Actor("demo-registrar", frozenset({Role.STAFF, Role.POOL, Role.SYSTEM}))
"""Sets up the demo; a province would do this over months."""


@dataclass(frozen=True)
class Province:
    """Everything that follows from the seed; made anew in each process, never stored."""

    seed: int
    today: date
    pool_size: int = POOL_SIZE

    @property
    def _seed(self) -> bytes:
        return f"province {self.seed}".encode()

    @cached_property
    def parties(self) -> Parties:
        return synthetic_parties(self._seed, today=self.today)

    @cached_property
    def experts(self) -> tuple[Expert, ...]:
        return experts.synthetic.experts(
            self._seed,
            self.parties.employers,
            self.pool_size,
            tuple(o.uscc for o in self.parties.of_kind(OrganisationKind.COMPANY)),
            self.today,
        )

    @cached_property
    def venues(self) -> tuple[Venue, ...]:
        return stations_synthetic.venues(self._seed, self.parties.centres)

    @cached_property
    def issuers(self) -> tuple[DemoIssuer, ...]:
        return make_issuers(self._seed, self.parties.of_kind(OrganisationKind.ISSUER))

    @cached_property
    def trustees(self) -> tuple[SyntheticTrustee, ...]:
        return make_trustees(self._seed)

    @cached_property
    def cast(self) -> Cast:
        """Who may play in a cohort."""
        tenderers: dict[str, list[str]] = defaultdict(list)
        everybody = self.parties.of_kind(OrganisationKind.TENDERER)
        for organisation in everybody:
            tenderers[organisation.division_code[:4]].append(organisation.uscc)
        sizes = {venue.centre_id: sum(r.stations for r in venue.rooms) for venue in self.venues}
        companies = tuple(o.uscc for o in self.parties.of_kind(OrganisationKind.COMPANY))
        employed = Counter(
            e.employer_uscc for e in self.experts if e.employer_uscc in set(companies)
        )
        largest = sorted(employed, key=lambda uscc: (-employed[uscc], uscc))[:INSTITUTES]
        prefectures = sorted({c.division_code[:4] for c in self.parties.centres})
        return Cast(
            centres=tuple(
                (c.id, c.division_code, weight)
                for c, weight in zip(self.parties.centres, self._host_weights(sizes), strict=True)
            ),
            tenderers={
                code: tuple(tenderers[code]) or (everybody[0].uscc,) for code in prefectures
            },
            agencies=tuple(o.uscc for o in self.parties.of_kind(OrganisationKind.AGENCY)),
            supervisors={code: (supervisor_of(code + "00"),) for code in prefectures},
            companies=companies,
            institutes=tuple(largest) or companies[:INSTITUTES],
        )

    def _host_weights(self, sizes: dict[str, int]) -> list[int]:
        """Hosting follows the number of stations, scaled so that Dali has its published share."""
        raw = [sizes[c.id] for c in self.parties.centres]
        dali = sum(
            s for c, s in zip(self.parties.centres, raw, strict=True) if c.id.startswith(DALI)
        )
        rest = sum(raw) - dali
        inside = DALI_HOST_PERMILLE * rest
        outside = (1000 - DALI_HOST_PERMILLE) * dali
        return [
            size * (inside if c.id.startswith(DALI) else outside) // 1000
            for c, size in zip(self.parties.centres, raw, strict=True)
        ]

    def install(self, tx: Tx, houses: tuple[tuple[Issuer, ...], str] | None = None) -> None:
        """Put the province into an empty database; with the `houses` of an issuers' desk and their
        roots in place of the issuers whose keys follow from the seed."""
        parties.register_organisations(tx, REGISTRAR, self.parties.organisations)
        parties.register_links(tx, REGISTRAR, self.parties.links)
        parties.register_centres(tx, REGISTRAR, self.parties.centres)
        parties.record_dishonesties(tx, REGISTRAR, self.parties.dishonesty)
        for issuer in houses[0] if houses else [made.issuer for made in self.issuers]:
            issuers.register_issuer(tx, REGISTRAR, issuer)
        if houses:
            issuers.pin_trust_list(tx, REGISTRAR, houses[1])
        stations.install(tx, REGISTRAR, self.venues)
        upkeep.calibrate_many(tx, REGISTRAR, calibrations(self._seed, self.venues, self.today))
        names = {centre.id: centre.name for centre in self.parties.centres}
        entries = directory(self._seed, self.venues, names, self.today)
        venues.publish(tx, REGISTRAR, entries)
        stations.install(tx, REGISTRAR, rooms_abroad())
        pool.enrol_many(tx, REGISTRAR, self.experts)
        for trustee in self.trustees:
            trustees.register_trustee(
                tx,
                REGISTRAR,
                trustee.id,
                trustee.name,
                trustee.key,
                trustee.possession,
                start_of(self.today - KEYS_SINCE),
                start_of(self.today + KEYS_FOR),
            )
            trustees.confirm_trustee(tx, SUPERVISOR, trustee.id)
