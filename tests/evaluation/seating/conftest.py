"""An office with a small province of trading centres and stations, on each engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from api.migrations import upgrade
from archive.office import Office
from evaluation.seating import service
from evaluation.seating.problem import Problem, SeatRequest
from evaluation.seating.service import ConfirmedPlan
from evaluation.seating.solve import solve
from evaluation.stations import service as stations
from evaluation.stations.station import Equipment, Room, Venue
from tests.builders import STAFF, make_office
from tests.evaluation.seating.cases import AM, DAY, FAR, HOST, NEAR, OTHER
from tests.support.postgres import PostgresServer
from trading.divisions import yunnan
from trading.parties import service as parties
from trading.parties.party import Organisation, OrganisationKind
from trading.synthetic import centres

SEED = b"a public seed"
SMALL = tuple(centre for centre in centres() if centre.id in {HOST, NEAR, FAR, OTHER})
VENUES = (
    Venue(HOST, True, (Room("A", Equipment.BASIC, 3),)),
    Venue(NEAR, True, (Room("A", Equipment.BASIC, 2), Room("B", Equipment.CAD, 1))),
    Venue(FAR, False, (Room("A", Equipment.BASIC, 1),)),
)


def request(
    expert: str,
    session: str = "S1",
    slots: tuple[int, ...] = (AM,),
    members: int = 9,
    needs: Equipment = Equipment.BASIC,
) -> SeatRequest:
    """An expert who lives in the city of Dali, for a session whose main venue is in Kunming."""
    home = yunnan()[NEAR]
    return SeatRequest(
        session_id=session,
        expert_id=expert,
        lon=home.lon,
        lat=home.lat,
        employer_uscc="",
        slots=slots,
        members=members,
        host_centre_id=HOST,
        tenderer_uscc="",
        needs=needs,
        overnight=any(slot % 3 == 2 for slot in slots),
    )


@dataclass
class Desk:
    """The planner's desk: the ways through the service that most tests take."""

    office: Office

    def problem(self, *requests: SeatRequest, seed: bytes = SEED) -> Problem:
        with self.office.read() as db:
            return service.problem_for(db, requests, on_days=[DAY], seed=seed)

    def seat(self, *requests: SeatRequest, require_all: bool = False) -> ConfirmedPlan:
        problem = self.problem(*requests)
        with self.office.write() as tx:
            return service.confirm_plan(tx, STAFF, problem, solve(problem), require_all=require_all)

    def again(self, office_folder: Path) -> Desk:
        """A second process on the same database."""
        other = make_office(office_folder, self.office.connections.url, seed=b"other")
        return Desk(replace(other, vault=self.office.vault))


def prepare(folder: Path, url: str) -> None:
    """Make the tables and set up the four centres with their stations."""
    upgrade(url)
    office = make_office(folder, url)
    operators = [
        Organisation(c.operator_uscc, c.name, OrganisationKind.OPERATOR, c.division_code)
        for c in SMALL
    ]
    with office.write() as tx:
        parties.register_organisations(tx, STAFF, operators)
        parties.register_centres(tx, STAFF, SMALL)
        stations.install(tx, STAFF, VENUES)
    office.connections.dispose()


@pytest.fixture(scope="session")
def prepared_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared file; closed, so that all of it is in the file."""
    folder = tmp_path_factory.mktemp("seating")
    prepare(folder, f"sqlite:///{folder}/seats.db")
    return folder / "seats.db"


@pytest.fixture(scope="session")
def prepared_postgres(
    postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The name of a prepared database, to be copied."""
    name = postgres_server.create()
    prepare(tmp_path_factory.mktemp("seating"), postgres_server.url(name))
    return name


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("prepared_sqlite"), tmp_path / "seats.db")
        url = f"sqlite:///{tmp_path}/seats.db"
    else:
        template = request.getfixturevalue("prepared_postgres")
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url(server.create(template=template))
    office = make_office(tmp_path, url)
    yield Desk(office)
    office.connections.dispose()
