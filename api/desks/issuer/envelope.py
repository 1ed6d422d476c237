"""The envelope that bank interfaces in service use (保函银行接口 1.2-1.5), as a carrier of commands.

    {"data": hex of the SM2 ciphertext for the receiver (04 ‖ C1 ‖ C3 ‖ C2), "encrypt": "1",
     "nonceStr": 32 letters and digits, "timeStamp": "yyyyMMddHHmmss" in China,
     "sign": hex of the SM2 signature r ‖ s, with SM3}

`sign` is over the values joined in the order of their keys, without separators. That input is
ambiguous: "12" and "3" are signed like "1" and "23", so a signature over one message is one over
another. Here all values after the first have one length and form, and whatever has another is refused,
so that an input can be read in one way only. It is not relied on for more than one call: what must hold
longer (ciphers, guarantees, notices) carries a signature of its own over canonical JSON inside `data`,
which is what `deposits` checks.

Keys stay with whoever has them: signing and decrypting are functions that are handed in (a UKey, an HSM).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import gmalg

from api.desks.command_client import Send
from api.desks.declined import Declined
from archive import canonical
from archive.clock import SHANGHAI
from archive.national import is_sm2_signature

FRESH = timedelta(minutes=5)
"""How far the clocks of two houses may differ, and how long a nonce is remembered."""
_STAMP = "%Y%m%d%H%M%S"
_FORMS = {
    "data": re.compile(r"04(?:[0-9a-f]{2}){97,}"),
    "encrypt": re.compile(r"1"),
    "nonceStr": re.compile(r"[0-9A-Za-z]{32}"),
    "timeStamp": re.compile(r"[0-9]{14}"),
    "sign": re.compile(r"[0-9a-f]{128}"),
}
ENVELOPE_CHARACTERS_MAX = 64 * 1024 * 1024

Sign = Callable[[bytes], bytes]
"""An SM2 signature over these bytes, r ‖ s."""
Decrypt = Callable[[bytes], bytes]
"""The plain text of 04 ‖ C1 ‖ C3 ‖ C2; ValueError where there is none."""


class BadEnvelope(ValueError):
    """What came is no envelope for us, from that sender, of now."""


def signed_input(envelope: Mapping[str, str]) -> bytes:
    """The values but `sign`, joined in the order of their keys."""
    return "".join(envelope[name] for name in sorted(envelope) if name != "sign").encode()


def seal(value: Any, receiver: bytes, sign: Sign, nonce: str, at: datetime) -> dict[str, str]:
    """A value for the holder of the SM2 key `receiver` (x ‖ y)."""
    cipher = gmalg.SM2(pk=b"\x04" + receiver).encrypt(canonical.encode(value))
    stamp = at.astimezone(SHANGHAI).strftime(_STAMP)
    made = {"data": cipher.hex(), "encrypt": "1", "nonceStr": nonce, "timeStamp": stamp}
    return {**made, "sign": sign(signed_input(made)).hex()}


@dataclass
class Reader:
    """Opens what `sender` (x ‖ y) sends, each envelope once."""

    sender: bytes
    decrypt: Decrypt
    _seen: dict[str, datetime] = field(default_factory=dict)

    def open(self, envelope: Any, now: datetime) -> Any:
        """The value inside. BadEnvelope for another form, a wrong signature, a stale or repeated
        envelope, and what was encrypted for somebody else."""
        if not isinstance(envelope, dict) or set(envelope) != set(_FORMS):
            raise BadEnvelope("fields")
        for name, form in _FORMS.items():
            text = envelope[name]
            if not isinstance(text, str) or len(text) > ENVELOPE_CHARACTERS_MAX:
                raise BadEnvelope(name)
            if form.fullmatch(text) is None or not text.isascii():
                raise BadEnvelope(name)
        signature = bytes.fromhex(envelope["sign"])
        if not is_sm2_signature(self.sender, signed_input(envelope), signature):
            raise BadEnvelope("sign")
        self._must_be_fresh(envelope, now)
        try:
            return canonical.decode(self.decrypt(bytes.fromhex(envelope["data"])))
        except (ValueError, RecursionError) as error:
            raise BadEnvelope("data") from error

    def _must_be_fresh(self, envelope: Mapping[str, str], now: datetime) -> None:
        try:
            at = datetime.strptime(envelope["timeStamp"], _STAMP).replace(tzinfo=SHANGHAI)
        except ValueError as error:
            raise BadEnvelope("timeStamp") from error
        if abs(now - at) > FRESH:
            raise BadEnvelope("timeStamp")
        self._seen = {nonce: end for nonce, end in self._seen.items() if end >= now}
        if envelope["nonceStr"] in self._seen:
            raise BadEnvelope("nonceStr")
        self._seen[envelope["nonceStr"]] = at + 2 * FRESH


def carrier(
    post: Callable[[dict[str, str]], Any],
    receiver: bytes,
    sign: Sign,
    reader: Reader,
    silent: Callable[[str], Exception],
    nonce: Callable[[], str],
    now: Callable[[], datetime],
) -> Send:
    """Carries commands in envelopes; `post` hands one over and brings the answer's. Anything but a
    good envelope is silence."""

    def send(command: Mapping[str, Any]) -> Any:
        answer = post(seal(dict(command), receiver, sign, nonce(), now()))
        try:
            said = reader.open(answer, now())
        except BadEnvelope as error:
            raise silent(f"no envelope: {error}") from error
        if isinstance(said, dict) and set(said) == {"declined"}:
            raise Declined(str(said["declined"]))
        if not isinstance(said, dict) or set(said) != {"answer"}:
            raise silent("neither an answer nor a refusal")
        return said["answer"]

    return send
