"""Forms: what was typed, read into values of the domain, with every fault at its field.

    @router.post("/centre/lots/{lot_id}/notice")
    async def publish(actor: StaffActor, request: Request, lot_id: IdInPath, form: Sent) -> Response:
        return await submit(
            request,
            form,
            read=terms_of,                                       # Form -> NoticeTerms
            call=lambda tx, terms: flow.publish_notice(tx, actor, lot_id, terms, custodian),
            again=lambda db: notice_page(request, actor, db, lot_id, form),
            to=f"/lots/{lot_id}",
            said="notice_published",
        )

Fields are named as the JSON interface names them, with dots between the parts (`lots.0.estimate`),
so the JSON pointers of the rooms' faults (`/lots/0/estimate`) find their fields. The methods of
`Form` note a fault of form and go on; `submit` refuses once, after all were read, and only then is
`call` reached. A refusal rolls the transaction back and shows the page again, with what was typed,
in the reader's language, with the status that the JSON interface would have.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import Depends
from fastapi.concurrency import run_in_threadpool
from sqlmodel import Session
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from api import problems
from api.flows.naming import names_for
from api.pages.kit.page import done, reader
from api.pages.kit.text import yuan
from api.shell import shell_of
from archive.clock import SHANGHAI
from archive.errors import Fault, Kind, Refusal
from archive.office import Tx
from archive.words import NAMELESS, Language, Names, say
from trading.money import Money
from trading.rules.book import book

FIELDS_MAX = 2_000
FILES_MAX = 20
TEXT_CHARACTERS_MAX = 200
LONG_TEXT_CHARACTERS_MAX = 10_000
WHOLE_MAX = 2**53 - 1
NOWHERE = Money(0)

_ROW = re.compile(r"/rows/(?P<row>[0-9]+)/(?P<column>[^/]*)")
"""Where a fault of a table is (`trading.spreadsheet`)."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

Choice = TypeVar("Choice", bound=StrEnum)
Read = TypeVar("Read")
Done = TypeVar("Done")


@dataclass(frozen=True)
class Said:
    """What the top of a form says after a refusal."""

    status: int
    title: str
    detail: str
    rule: str = ""
    articles: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """Faults that belong to no field of the form."""


@dataclass
class Form:
    """One form as it is shown: what stands in its fields, and what is wrong with them. An empty
    one for the first time: `Form({"slots": "1"})` with what the fields begin with."""

    values: dict[str, str | list[str]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    language: Language = Language.ZH
    said: Said | None = None
    _faults: list[Fault] = field(default_factory=list)
    _names: set[str] = field(default_factory=set)
    _shown: dict[str, list[str]] = field(default_factory=dict)

    # --- For the templates ------------------------------------------------------------------

    def value(self, name: str, default: object = "") -> str:
        """What stands in a field."""
        found = self.values.get(name, default)
        return str(found[0] if isinstance(found, list) and found else found or "")

    def chosen(self, name: str) -> list[str]:
        """What is ticked of a field with several values."""
        found = self.values.get(name, [])
        return found if isinstance(found, list) else [found]

    def faults_at(self, name: str) -> list[str]:
        """Sentences about a field."""
        return self._shown.get(name, [])

    @property
    def faulty(self) -> list[tuple[str, str]]:
        """(field, sentence) of every fault that has its field, for the summary at the top."""
        return [(name, text) for name, texts in self._shown.items() for text in texts]

    # --- For reading ------------------------------------------------------------------------

    def text(self, name: str, *, is_required: bool = True, long: bool = False) -> str:
        """Text without control characters, trimmed."""
        most = LONG_TEXT_CHARACTERS_MAX if long else TEXT_CHARACTERS_MAX
        found = self._take(name)
        if not found and is_required:
            self.fault(name, "api.form.missing")
        elif len(found) > most:
            self.fault(name, "api.form.too_long", most=most)
        elif _CONTROL.search(found) or (not long and not found.isprintable()):
            self.fault(name, "api.form.control")
        return found

    def whole(self, name: str, least: int = 0, most: int = WHOLE_MAX) -> int:
        """A whole number."""
        found = self._take(name)
        if not found:
            self.fault(name, "api.form.missing")
        elif not re.fullmatch(r"-?[0-9]{1,16}", found):
            self.fault(name, "api.form.whole")
        elif not least <= int(found) <= most:
            self.fault(name, "api.form.range", least=least, most=most)
        else:
            return int(found)
        return least

    def money(self, name: str) -> Money:
        """Yuan with at most two places; signs of groups and the currency's sign may stand."""
        found = self._take(name)
        amount = yuan(found)
        if not found:
            self.fault(name, "api.form.missing")
        elif amount is None:
            self.fault(name, "api.form.money")
        return amount or NOWHERE

    def moment(self, name: str) -> datetime:
        """A date and a time of day in Beijing time."""
        found = self._take(name)
        try:
            return datetime.fromisoformat(found).replace(tzinfo=SHANGHAI).astimezone(UTC)
        except (ValueError, OverflowError):  # the year 1 in Beijing began in no year
            self.fault(name, "api.form.moment" if found else "api.form.missing")
            return datetime(1970, 1, 1, tzinfo=UTC)

    def day(self, name: str) -> date:
        return self.maybe_day(name, is_required=True) or date(1970, 1, 1)

    def maybe_day(self, name: str, *, is_required: bool = False) -> date | None:
        """A date, or None for an empty field that may be."""
        found = self._take(name)
        try:
            if found or is_required:
                return date.fromisoformat(found)
        except ValueError:
            self.fault(name, "api.form.day" if found else "api.form.missing")
        return None

    def choice(self, name: str, choices: type[Choice]) -> Choice:
        """One of a list."""
        found = self._take(name)
        if found in tuple(choices):
            return choices(found)
        self.fault(name, "api.form.choice" if found else "api.form.missing")
        return next(iter(choices))

    def switch(self, name: str) -> bool:
        """Whether a box is ticked; browsers send nothing for one that is not."""
        return bool(self._take(name))

    def several(self, name: str, items_max: int = 100) -> tuple[str, ...]:
        """All values that were ticked."""
        self._names.add(name)
        found = tuple(dict.fromkeys(text.strip() for text in self.chosen(name) if text.strip()))
        if len(found) > items_max:
            self.fault(name, "api.form.several", most=items_max)
        return found[:items_max]

    def file(self, name: str, *, is_required: bool = True) -> bytes:
        """The content of a file that was sent."""
        self._names.add(name)
        content = self.files.get(name, b"")
        if not content and is_required:
            self.fault(name, "api.form.file")
        return content

    def fault(self, name: str, code: str, **params: str | int) -> None:
        """Note a fault at a field."""
        self._faults.append(Fault(pointer_of(name), code, params))

    def refuse(self) -> None:
        """Refuse once with all faults that were noted; silent where there are none."""
        if faults := tuple(self._faults):
            self._faults = []
            raise Refusal("api.form.invalid", {"count": len(faults)}, faults=faults)

    def _take(self, name: str) -> str:
        self._names.add(name)
        return self.value(name).strip()

    # --- After a refusal --------------------------------------------------------------------

    def take_refusal(
        self,
        refusal: Refusal,
        status: int,
        places: Mapping[str, str],
        names: Names = NAMELESS,
    ) -> None:
        """Put every fault at its field: by its pointer, or by the nearest one above it that is a
        field. `places` says which pointers begin differently in this form."""
        self._shown, others = {}, []
        for fault in refusal.faults:
            sentence = say(fault.code, fault.params, self.language, names)
            if place := _ROW.fullmatch(fault.pointer):
                where = "row" if place["column"] else "whole_row"
                told = {**place.groupdict(), "sentence": sentence}
                sentence = say(f"api.page.form.{where}", told, self.language)
            sentence += articles_text(articles_of(fault.rule), self.language)
            name = self._field_of(fault.pointer, places)
            if name is None:
                others.append(sentence)
            else:
                self._shown.setdefault(name, []).append(sentence)
        if (more := int(refusal.params.get("count", 0)) - len(refusal.faults)) > 0:
            others.append(say("api.page.form.more", {"count": more}, self.language))
        self.said = Said(
            status,
            say(f"api.status.{status}", {}, self.language),
            say(refusal.code, refusal.params, self.language, names),
            refusal.rule,
            articles_of(refusal.rule),
            tuple(others),
        )

    def _field_of(self, pointer: str, places: Mapping[str, str]) -> str | None:
        for prefix, instead in places.items():
            if pointer == prefix or pointer.startswith(prefix + "/"):
                pointer = instead + pointer[len(prefix) :]
                break
        name = name_of(pointer)
        while name and name not in self._names:
            name = name.rpartition(".")[0]
        return name or None


def pointer_of(name: str) -> str:
    """`lots.0.name` → `/lots/0/name`."""
    return "/" + name.replace("~", "~0").replace("/", "~1").replace(".", "/")


def name_of(pointer: str) -> str:
    """`/lots/0/name` → `lots.0.name`."""
    return pointer.strip("/").replace("/", ".").replace("~1", "/").replace("~0", "~")


def points(typed: str) -> int | None:
    """A score typed with at most two places, in hundredths of a point; None where it is none."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,2})?", typed.strip()):
        return None
    return int(Decimal(typed.strip()).scaleb(2).to_integral_value(ROUND_HALF_UP))


def articles_of(rule_id: str) -> tuple[str, ...]:
    """Where a rule stands, by all its versions; nothing for no rule."""
    return tuple(dict.fromkeys(version.article for version in book().versions(rule_id)))


def articles_text(articles: Sequence[str], language: Language) -> str:
    if not articles:
        return ""
    return say("api.page.form.article", {"article": "、".join(articles)}, language)


# --- Sent and submitted ---------------------------------------------------------------------


async def sent(request: Request) -> Form:
    """What a browser sent, by field; of a file only its content is taken."""
    form = Form(language=reader(request))
    async with request.form(max_files=FILES_MAX, max_fields=FIELDS_MAX) as data:
        for name in dict.fromkeys(data.keys()):
            given = data.getlist(name)
            files = [item for item in given if isinstance(item, UploadFile)]
            if files:
                form.files[name] = await files[0].read()
            else:
                texts = [item for item in given if isinstance(item, str)]
                form.values[name] = texts if len(texts) > 1 else texts[0]
    form._names.update(form.values, form.files)
    return form


Sent = Annotated[Form, Depends(sent)]
"""The form of a POST handler."""


def _nothing(_form: Form) -> None:
    return None


async def submit(
    request: Request,
    form: Form,
    call: Callable[[Tx, Read], Done],
    *,
    again: Callable[[Session], Response],
    to: str | Callable[[Done], str],
    read: Callable[[Form], Read] = _nothing,  # type: ignore[assignment]
    said: str | Callable[[Done], str] = "",
    places: Mapping[str, str] | None = None,
) -> Response:
    """Do what a form asks for: `call(tx, read(form))` in one transaction, then 303 to `to` with
    the notice `said`. A refusal rolls back and gives `again(db)`, the page of the form, with the
    faults in `form` and the refusal's status.

    A handler that calls this takes neither `WriteTx` nor `ReadDb`: a refusal that is answered
    with a page would otherwise commit what was half done.
    """
    shell = shell_of(request)
    form.language = reader(request)

    def write() -> Done:
        value = read(form)
        form.refuse()
        with shell.office.write() as tx:
            return call(tx, value)

    try:
        async with shell.writers():
            result = await run_in_threadpool(write)
    except Refusal as refusal:
        return await _again(request, form, refusal, again, places or {})
    told = said if isinstance(said, str) else said(result)
    return done(request, to if isinstance(to, str) else to(result), told)


async def attempt(
    request: Request,
    form: Form,
    call: Callable[[Session, Read], Response],
    *,
    again: Callable[[Session], Response],
    read: Callable[[Form], Read] = _nothing,  # type: ignore[assignment]
) -> Response:
    """What a form would bring, as a page; nothing is stored. A refusal gives the form again."""
    shell = shell_of(request)
    form.language = reader(request)

    def look() -> Response:
        value = read(form)
        form.refuse()
        with shell.office.read() as db:
            return call(db, value)

    try:
        async with shell.readers():
            return await run_in_threadpool(look)
    except Refusal as refusal:
        return await _again(request, form, refusal, again, {})


async def _again(
    request: Request,
    form: Form,
    refusal: Refusal,
    again: Callable[[Session], Response],
    places: Mapping[str, str],
) -> Response:
    """The form with what was wrong; a thing that is not there is a page of its own."""
    if refusal.kind in (Kind.NOT_FOUND, Kind.GONE) and not refusal.faults:
        raise refusal
    shell = shell_of(request)

    def refuse() -> Response:
        with shell.office.read() as db:
            names = names_for(db, [refusal, *refusal.faults], form.language)
            form.take_refusal(refusal, problems.STATUS[refusal.kind], places, names)
            response = again(db)
        response.status_code = problems.STATUS[refusal.kind]
        return response

    async with shell.readers():
        return await run_in_threadpool(refuse)
