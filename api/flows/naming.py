"""Names for the codes in what is refused, where its sentence asks for them (`{venue:@place}`, `archive.words`): a person
knows a centre, a lot and an office, not their codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Protocol

from sqlmodel import Session

from api.flows.acting import office
from api.flows.places import names as names_of_places
from api.identity import service as identity
from archive.errors import Param, Refusal
from archive.words import Language, Names, names_wanted, say
from evaluation.session import service as sessions
from trading.parties import service as parties
from trading.projects import service as projects

KINDS = ("place", "lot", "session", "party", "office")
"""A centre or a venue; a lot; an evaluation by its lot; an organisation; who acts, without a name."""


class Said(Protocol):
    """A refusal, a fault or a reason."""

    @property
    def code(self) -> str: ...
    @property
    def params(self) -> Mapping[str, Param]: ...


def names_for(db: Session, said: Iterable[Said], language: Language) -> Names:
    """What the sentences call by name; what has none is left out."""
    places = cache(lambda: names_of_places(db))

    def name(kind: str, code: str) -> str:
        match kind:
            case "place":
                return places().get(code, "")
            case "lot":
                return projects.lot(db, code).name
            case "session":
                return projects.lot(db, sessions.session(db, code).lot_id).name
            case "party":
                return parties.organisation(db, code).name
        account = identity.account(db, code)
        if account is None:
            return ""
        who = office(account)
        words = (say(f"api.page.role.{who.role}", {}, language), places().get(who.centre, ""))
        return " · ".join(word for word in words if word)

    found = {}
    for kind, code in {key for one in said for key in names_wanted(one.code, one.params)}:
        try:
            found[kind, code] = name(kind, code)
        except Refusal:
            continue  # there is no such thing: the code is shown
    return {key: called for key, called in found.items() if called}
