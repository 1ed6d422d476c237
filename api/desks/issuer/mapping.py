"""A partner's own words for what is said to an issuers' desk, as a file: names of messages and fields, units
of money, how days and moments are written, lists of codes. Data, so that a further partner is no program.

    format = "bigloop.issuer-mapping.v1"
    partner = "…"
    call = "trade_code"                     # the field that names the message

    [forms]                                 # how values are written; a field may say otherwise
    money = "yuan"                          # "yuan": a text with two places; "fen": a whole number
    day = "%Y%m%d"
    moment = "%Y%m%d%H%M%S"                 # in China; what it does not hold (milliseconds) is not sent

    [codes.state]                           # ours = "theirs", all of them, none twice
    APPLIED = "01"

    [commands.apply]                        # ours (`api.desks.issuer.messages`)
    name = "orderPush"
    constants = { guarantee_type = "1" }    # said besides
    asks = { issuer = "guarantor_scc", fen = { name = "guarantee_amount", money = "yuan" } }
    answers = { order = "order_no" }

A command that the file leaves out is one that the partner has not: it is declined here already. `read`
names every fault of a file. Translating is exact in both ways, and refuses what cannot be exact: yuan
with a third place that is not zero, a code that nobody listed, a field that is missing.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from api.desks.command_client import Send
from api.desks.declined import Declined
from api.desks.issuer.messages import DECLINED, LISTS, MESSAGES, Field, Kind, Shape
from archive.clock import SHANGHAI
from archive.errors import Faults, Refusal
from deposits.issuers.desk import IssuerWhy

FORMAT = "bigloop.issuer-mapping.v1"
FORMS = {Kind.MONEY: "money", Kind.DAY: "day", Kind.MOMENT: "moment"}
"""What the file calls the way in which a kind is written."""
PROBE = datetime(2026, 10, 21, 9, 58, 7, tzinfo=SHANGHAI)
_TEXT_MAX = 64
_YUAN = re.compile(r"[0-9]{1,14}(\.[0-9]{1,6})?")


@dataclass(frozen=True)
class Rule:
    """How one field is said by the partner."""

    name: str
    field: Field
    form: str
    codes: Mapping[str, str]

    def theirs(self, value: Any) -> Any:
        """Our value as the partner writes it; ValueError, TypeError, KeyError."""
        kind = self.field.kind
        if kind is Kind.MONEY and self.form == "yuan":
            return f"{Decimal(_whole(value)).scaleb(-2):.2f}"
        if kind in (Kind.MONEY, Kind.WHOLE):
            return _whole(value)
        if kind is Kind.DAY:
            return date.fromisoformat(value).strftime(self.form)
        if kind is Kind.MOMENT:
            return datetime.fromisoformat(value).astimezone(SHANGHAI).strftime(self.form)
        return self.codes[value] if kind is Kind.CODE else _of_kind(kind, value)

    def ours(self, value: Any) -> Any:
        """The partner's value as we write it; the same errors."""
        kind = self.field.kind
        if kind is Kind.MONEY and self.form == "yuan":
            if not _YUAN.fullmatch(str(value)) or isinstance(value, float):
                raise ValueError("not yuan")
            fen = Decimal(str(value)).scaleb(2)
            if fen != fen.to_integral_value():
                raise ValueError("a part of a fen")
            return int(fen)
        if kind in (Kind.MONEY, Kind.WHOLE):
            return _whole(value)
        if kind is Kind.DAY:
            return _read(value, self.form).date().isoformat()
        if kind is Kind.MOMENT:
            return _read(value, self.form).replace(tzinfo=SHANGHAI).isoformat()
        if kind is Kind.CODE:
            return next(ours for ours, theirs in self.codes.items() if theirs == value)
        return _of_kind(kind, value)


@dataclass(frozen=True)
class Said:
    """One command and its answer, in the partner's words."""

    name: str
    constants: Mapping[str, str]
    asks: Mapping[str, Rule]
    answers: Mapping[str, Rule]
    shape: Shape


class Untranslatable(ValueError):
    """What was said has no exact counterpart; `field` is ours."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True)
class Mapped:
    """A partner's file, read."""

    partner: str
    call: str
    commands: Mapping[str, Said]
    declined: Mapping[str, str]

    # --- The platform's side ------------------------------------------------------------------

    def message(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """A command of ours as the partner's message. Declined where it has none such."""
        said = self.commands.get(command["do"])
        if said is None:
            raise Declined(IssuerWhy.COMMAND)
        fields = {name: value for name, value in command.items() if name != "do"}
        return {self.call: said.name, **said.constants, **_each(said.asks, fields, theirs=True)}

    def answer(self, do: str, value: Any) -> Any:
        """The partner's answer in our words."""
        said = self.commands[do]
        return _shaped(said, value, lambda one: _each(said.answers, one, theirs=False))

    def why(self, theirs: str) -> str:
        """Why the partner says no; its own code where nobody listed it."""
        return next((ours for ours, code in self.declined.items() if code == theirs), theirs)

    # --- The partner's side, for trials -------------------------------------------------------

    def command(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """A message of the partner's form as our command."""
        do = next((d for d, s in self.commands.items() if s.name == message.get(self.call)), None)
        if do is None:
            raise Untranslatable(self.call)
        said = self.commands[do]
        wrong = [n for n, value in said.constants.items() if message.get(n) != value]
        if wrong:
            raise Untranslatable(wrong[0])
        return {"do": do, **_each(said.asks, message, theirs=False)}

    def reply(self, do: str, value: Any) -> Any:
        """Our answer in the partner's words."""
        said = self.commands[do]
        return _shaped(said, value, lambda one: _each(said.answers, one, theirs=True))


def mapped(send: Send, mapping: Mapped, silent: Callable[[str], Exception]) -> Send:
    """Carries commands in a partner's words. An answer that cannot be translated is silence."""

    def carried(command: Mapping[str, Any]) -> Any:
        try:
            said = send(mapping.message(command))
        except Declined as declined:
            raise Declined(mapping.why(str(declined))) from declined
        try:
            return mapping.answer(command["do"], said)
        except Untranslatable as error:
            raise silent(f"cannot be translated: {error.field}") from error

    return carried


def _each(rules: Mapping[str, Rule], values: Any, *, theirs: bool) -> dict[str, Any]:
    """All fields translated. What the partner says besides is left out."""
    made = {}
    for ours, rule in rules.items():
        try:
            if theirs:
                made[rule.name] = rule.theirs(values[ours])
            else:
                made[ours] = rule.ours(values[rule.name])
        except (ValueError, TypeError, KeyError, InvalidOperation, StopIteration) as error:
            raise Untranslatable(ours) from error
    return made


def _shaped(said: Said, value: Any, one: Callable[[Any], Any]) -> Any:
    if said.shape is Shape.AS_IS or (said.shape is Shape.MAYBE and value is None):
        return value
    if said.shape is not Shape.MANY:
        return one(value)
    if not isinstance(value, list):
        raise Untranslatable("")
    return [one(each) for each in value]


def _whole(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("not a whole number")
    return value


def _of_kind(kind: Kind, value: Any) -> Any:
    wanted = {Kind.TEXT: str, Kind.FLAG: bool}.get(kind)
    if wanted is not None and type(value) is not wanted:
        raise TypeError(kind)
    return value


def _read(value: Any, form: str) -> datetime:
    """A moment of exactly that form: reading is more lenient than writing."""
    found = datetime.strptime(value, form)  # noqa: DTZ007 - its zone is said by the caller
    if found.strftime(form) != value:
        raise ValueError("another form")
    return found


# --- The file -----------------------------------------------------------------------------


def read(content: bytes) -> Mapped:
    """A partner's file. Refuses INVALID with every fault, each by its place in the file."""
    faults = Faults("api.mapping.invalid")
    try:
        value = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refusal("api.mapping.file", {"detail": str(error)[:120]}) from error
    found = _File(value, faults).read()
    faults.refuse()
    return found


class _File:
    """A file while it is read: what is wrong is noted, and the reading goes on."""

    def __init__(self, value: Mapping[str, Any], faults: Faults) -> None:
        self._value, self._faults = value, faults
        self._forms = self._table(value, "forms", "/forms")
        self._codes: dict[str, dict[str, str]] = {}

    def read(self) -> Mapped:
        self._known(self._value, {"format", "partner", "call", "forms", "codes", "commands"}, "")
        if self._value.get("format") != FORMAT:
            self._faults.add("/format", "api.mapping.format", format=FORMAT)
        partner, call = (self._text(self._value, name, "") for name in ("partner", "call"))
        self._known(self._forms, set(FORMS.values()), "/forms")
        for kind, name in FORMS.items():
            if name in self._forms:
                self._form(kind, self._forms[name], f"/forms/{name}")
        self._read_codes()
        said = {
            do: self._command(do, self._table(commands, do, f"/commands/{do}"), call)
            for commands in (self._table(self._value, "commands", "/commands"),)
            for do in commands
            if self._is_known(do)
        }
        if not said:
            self._faults.add("/commands", "api.mapping.missing")
        for name, count in Counter(one.name for one in said.values()).items():
            if name and count > 1:
                self._faults.add("/commands", "api.mapping.twice", name=name)
        return Mapped(partner, call, said, self._codes.get(DECLINED.listed, {}))

    def _is_known(self, do: str) -> bool:
        if do not in MESSAGES:
            self._faults.add(f"/commands/{do[:40]}", "api.mapping.unknown")
        return do in MESSAGES

    def _read_codes(self) -> None:
        tables = self._table(self._value, "codes", "/codes")
        self._known(tables, {each.listed for each in LISTS}, "/codes")
        for field in LISTS:
            if field.listed not in tables:
                continue
            where = f"/codes/{field.listed}"
            table = self._table(tables, field.listed, where)
            self._known(table, set(field.codes), where)
            codes = {ours: self._text(table, ours, where) for ours in field.codes if ours in table}
            missing = [code for code in field.codes if code not in codes]
            if missing and field is not DECLINED:
                self._faults.add(where, "api.mapping.codes", codes=", ".join(missing))
            for theirs, count in Counter(codes.values()).items():
                if theirs and count > 1:
                    self._faults.add(where, "api.mapping.twice", name=theirs)
            self._codes[field.listed] = codes

    def _command(self, do: str, table: Mapping[str, Any], call: str) -> Said:
        where, message = f"/commands/{do}", MESSAGES[do]
        self._known(table, {"name", "constants", "asks", "answers"}, where)
        constants = self._table(table, "constants", f"{where}/constants", is_required=False)
        said = {name: self._text(constants, name, f"{where}/constants") for name in constants}
        asks = self._rules(self._table(table, "asks", f"{where}/asks"), message.asks, where, "asks")
        answers: dict[str, Rule] = {}
        if message.answers:
            told = self._table(table, "answers", f"{where}/answers")
            answers = self._rules(told, message.answers, where, "answers")
        elif "answers" in table:
            self._faults.add(f"{where}/answers", "api.mapping.unknown")
        sent = Counter([call, *said, *(rule.name for rule in asks.values())])
        for names, part in ((sent, "asks"), (Counter(r.name for r in answers.values()), "answers")):
            for name, count in names.items():
                if name and count > 1:
                    self._faults.add(f"{where}/{part}", "api.mapping.twice", name=name)
        return Said(self._text(table, "name", where), said, asks, answers, message.shape)

    def _rules(
        self, table: Mapping[str, Any], fields: Mapping[str, Field], where: str, part: str
    ) -> dict[str, Rule]:
        self._known(table, set(fields), f"{where}/{part}")
        found = {}
        for name, field in fields.items():
            at = f"{where}/{part}/{name}"
            if name not in table:
                self._faults.add(at, "api.mapping.missing")
                continue
            said = table[name]
            if not isinstance(said, dict):
                said = {"name": said}
            form_name = FORMS.get(field.kind, "")
            self._known(said, {"name", form_name} - {""}, at)
            form = ""
            if form_name:
                form = self._form(field.kind, said.get(form_name, self._forms.get(form_name)), at)
            if field.kind is Kind.CODE and field.listed not in self._codes:
                self._faults.add(at, "api.mapping.no_list", listed=field.listed)
            found[name] = Rule(
                self._text(said, "name", at), field, form, self._codes.get(field.listed, {})
            )
        return found

    def _form(self, kind: Kind, said: Any, where: str) -> str:
        """How a kind is written; a fault where it cannot be written and read again."""
        if kind is Kind.MONEY:
            if said not in ("yuan", "fen"):
                self._faults.add(where, "api.mapping.unit")
            return str(said)
        wanted = PROBE if kind is Kind.MOMENT else PROBE.replace(hour=0, minute=0, second=0)
        try:
            again = datetime.strptime(PROBE.strftime(said), said).replace(tzinfo=SHANGHAI)
        except (ValueError, TypeError):
            again = None
        if again != wanted:
            self._faults.add(where, "api.mapping.form", form=str(said)[:_TEXT_MAX])
        return str(said)

    def _table(
        self, table: Mapping[str, Any], name: str, where: str, *, is_required: bool = True
    ) -> Mapping[str, Any]:
        found = table.get(name)
        if isinstance(found, dict):
            return found
        if is_required or name in table:
            self._faults.add(where, "api.mapping.missing")
        return {}

    def _text(self, table: Mapping[str, Any], name: str, where: str) -> str:
        found = table.get(name)
        if isinstance(found, str) and 0 < len(found) <= _TEXT_MAX and found.isprintable():
            return found
        self._faults.add(f"{where}/{name}", "api.mapping.text", length_max=_TEXT_MAX)
        return ""

    def _known(self, table: Mapping[str, Any], known: set[str], where: str) -> None:
        for name in table:
            if name not in known:
                self._faults.add(f"{where}/{name[:_TEXT_MAX]}", "api.mapping.unknown")
