"""docs/draw.md: its worked example is computed again, in both languages, from the page alone.

With the second verifier's functions for the trustees' outputs and hashing from the standard library;
nothing of the drawing side takes part but the making of a proof from a secret key (RFC 9381, 5.1),
which has published vectors of its own.
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from api.flows.example import example
from experts.vrf.prove import prove, public_key
from tests.experts.test_verify import SECOND

PAGE = Path(__file__).parents[2] / "docs" / "draw.md"
SEATS, PREFECTURE_MAX, CODE = 3, 2, b"A080304"


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def part(language: str) -> str:
    chinese, english = PAGE.read_text("utf-8").split("\n## English\n")
    return chinese if language == "zh" else english


def candidates(text: str) -> list[dict[str, str]]:
    rows = re.findall(
        r"^\| (\d) \| `([0-9a-f]{64})` \| (\S+) \| (\S+) \| (\d{6}) \| (\d) \|$", text, re.MULTILINE
    )
    names = ("number", "leaf", "name", "employer", "home", "rank")
    return [dict(zip(names, row, strict=True)) for row in rows]


def order(seed: bytes, attempt: int, n: int) -> tuple[bytes, int, list[int]]:
    """The key, the first number below n, and the permutation of one attempt."""
    key = sha(
        b"bigloop.draw.lottery.v1\0", seed, attempt.to_bytes(4, "big"), bytes([len(CODE)]), CODE
    )
    items, c, first = list(range(n)), 0, -1
    for i in range(n):
        while True:
            block = int.from_bytes(sha(key, c.to_bytes(8, "big")), "big")
            c += 1
            if block < 2**256 // (n - i) * (n - i):
                break
        first = block % n if first < 0 else first
        j = i + block % (n - i)
        items[i], items[j] = items[j], items[i]
    return key, first, items


@pytest.mark.parametrize("language", ["zh", "en"])
class TestTheExample:
    def test_request_trustees_seed(self, language: str) -> None:
        text = part(language)
        found = candidates(text)
        assert len(found) == 9
        for one in found:
            assert sha(one["name"].encode()).hex() == one["leaf"]
        leaves = [one["leaf"] for one in found]
        assert leaves == sorted(leaves)
        (request,) = re.findall(r"```json\n(.*)\n```", text)
        listed = json.loads(request)
        assert listed["candidates"] == sha("".join(f"{x}\n" for x in leaves).encode()).hex()
        digest = sha(request.encode())
        assert f"`{digest.hex()}`" in text
        alpha = b"bigloop.draw.alpha.v1\0" + digest + (1).to_bytes(4, "big") + bytes(32)
        assert f"`{alpha.hex()}`" in text
        proofs = re.findall(r"`([0-9a-f]{160})`\n- \S+ `([0-9a-f]{128})`", text)
        outputs = []
        for (proof, output), key in zip(proofs, listed["trustees"].values(), strict=True):
            made = SECOND.vrf_output(bytes.fromhex(key), alpha, bytes.fromhex(proof))
            assert made.hex() == output
            outputs.append(made)
        assert f"`{sha(b'bigloop.draw.seed.v1', bytes(1), alpha, *outputs).hex()}`" in text

    def test_attempts_and_ranks(self, language: str) -> None:
        text = part(language)
        found = candidates(text)
        seed = bytes.fromhex(example().seed)
        assert f"`{example().seed}`" in text
        rows = re.findall(
            r"^\| (\d) \| `([0-9a-f]{64})` \| (\d) \| (\S+、\S+) \| (.+) \|$", text, re.MULTILINE
        )
        assert len(rows) >= 2, "one attempt is void, one is taken"
        ranks: list[int] = []
        for number, (attempt, key, first, names, verdict) in enumerate(rows):
            made, low, ranks = order(seed, int(attempt), len(found))
            assert (int(attempt), key, int(first)) == (number, made.hex(), low)
            drawn = [found[index] for index in ranks[:SEATS]]
            assert names == "、".join(one["name"] for one in drawn)
            employers, homes = ([one[x] for one in drawn] for x in ("employer", "home"))
            lawful = len(set(employers)) == SEATS and all(
                homes.count(home) <= PREFECTURE_MAX for home in homes
            )
            assert lawful == (number == len(rows) - 1)
            assert lawful == ("采用" in verdict or "taken" in verdict)
        for rank, index in enumerate(ranks, start=1):
            assert found[index]["rank"] == str(rank)


@pytest.mark.parametrize("language", ["zh", "en"])
class TestEveryDigest:
    """What docs/draw.md promises: a stranger gets every number of the page from the page's words.
    The rules typed here are those that its text states; a number that none of them makes is a fault."""

    def computed(self, text: str) -> set[str]:
        found = candidates(text)
        made = {sha(one["name"].encode()).hex() for one in found}
        lines = "".join(f"{one['leaf']}\n" for one in found).encode()
        assert f"{len(lines)} " in text, "the page says how many bytes there are"
        (said,) = re.findall(r"```json\n(.*)\n```", text)
        secrets = {
            name: sha(b"synthetic trustee\0", "示例".encode(), name.encode())
            for name in re.findall(r"`(demo-[a-z]+)`", text)
        }
        keys = {name: public_key(secret).hex() for name, secret in sorted(secrets.items())}
        of_leaves = sha(lines).hex()
        request = {
            "candidates": of_leaves,
            "prefecture_max": PREFECTURE_MAX,
            "quotas": {CODE.decode(): SEATS},
            "trustees": keys,
        }
        assert said == json.dumps(request, separators=(",", ":")), "keys stand in order"
        alpha = b"bigloop.draw.alpha.v1\0" + sha(said.encode()) + (1).to_bytes(4, "big") + bytes(32)
        proofs = [prove(secrets[name], alpha) for name in keys]
        outputs = [
            SECOND.vrf_output(bytes.fromhex(key), alpha, proof)
            for key, proof in zip(keys.values(), proofs, strict=True)
        ]
        seed = sha(b"bigloop.draw.seed.v1\0", alpha, *outputs)
        made |= {of_leaves, sha(said.encode()).hex(), alpha.hex(), seed.hex()}
        made |= {*keys.values(), *(x.hex() for x in (*proofs, *outputs))}
        attempts = len(re.findall(r"^\| \d \| `[0-9a-f]{64}` \| \d \| \S+、", text, re.MULTILINE))
        return made | {order(seed, number, len(found))[0].hex() for number in range(attempts)}

    def test_is_made_by_a_rule_of_the_text(self, language: str) -> None:
        text = part(language)
        shown = set(re.findall(r"[0-9a-f]{64,}", text))
        assert len(shown) == 9 + 4 + 3 * 3 + 3
        assert shown == self.computed(text)

    def test_one_byte_less_makes_another_number(self, language: str) -> None:
        text = part(language)
        without = "\n".join(one["leaf"] for one in candidates(text)).encode()
        assert sha(without).hex() not in text


def test_both_languages_show_the_same_numbers() -> None:
    def numbers(language: str) -> Any:
        return re.findall(r"[0-9a-f]{64,}", part(language))

    assert numbers("zh") == numbers("en")
    assert len(numbers("zh")) > 20


def test_the_site_shows_the_same_example() -> None:
    made = example()
    for value in (made.seed, made.request_hash, *(proof for _, _, proof in made.trustees)):
        assert value in PAGE.read_text("utf-8")
