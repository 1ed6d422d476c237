#!/usr/bin/env python3
# mypy: ignore-errors
"""Verify the draw of a committee of experts. One file, Python's standard library, nothing else.

    python3 verify_draw.py TRANSCRIPT.json [--head HASH] [--trustees FILE]

This program was written from the published description (docs/draw.md), not from the program that
draws, and shares nothing with it. It is meant to be read: the steps stand below in the order in which
they are taken, each under its number, and the first that fails is named.

     1. form        format, scope, fields, types; no field twice
     2. chain       each step holds the hash of the one before
     3. order       request, public value, trustees' outputs, draw, rounds: in this order
     4. request     the transcript's request is the one recorded first
     5. pool        each candidate's leaf is in the pool's tree
     6. candidates  who may be drawn was fixed in the request; each answers a quota
     7. outputs     each trustee's proof holds for his key and the question (RFC 9381)
     8. seed        the seed is made of the outputs
     9. lottery     the committee is what the seed leads to
    10. course      invitations, seats, replacements follow the ranks
    11. result      the members named are those seated
    12. filter      audit transcript only: the exclusions follow from the facts and from all links
                    between companies, at the request and at the opening

--head compares the last hash of the chain with one from elsewhere, e.g. the public record of the day.
--trustees compares the trustees with a list of your own, one `id key` a line.
Exit code 0: valid. 1: not valid, with the step. 2: not readable.
"""

import hashlib
import json
import re
import sys
from bisect import bisect_left
from datetime import date, datetime, timedelta

STEPS = "form chain order request pool candidates outputs seed lottery course result filter".split()
ZEROS = "0" * 64


class Refused(Exception):
    """A step that does not hold."""


def need(holds, what):
    if not holds:
        raise Refused(what)


# --- Hashing and JSON ----------------------------------------------------------------------------


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def sm3(*parts):
    """GB/T 32905-2016, written out: not every Python has it."""
    data = b"".join(parts)
    data += b"\x80" + bytes((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    mask = 0xFFFFFFFF

    def rol(x, n):
        n %= 32
        return (x << n | x >> (32 - n)) & mask

    state = [
        0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600,
        0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E,
    ]  # fmt: skip
    for start in range(0, len(data), 64):
        w = [int.from_bytes(data[i : i + 4], "big") for i in range(start, start + 64, 4)]
        for j in range(16, 68):
            x = w[j - 16] ^ w[j - 9] ^ rol(w[j - 3], 15)
            x ^= rol(x, 15) ^ rol(x, 23)
            w.append(x ^ rol(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = state
        for j in range(64):
            t = 0x79CC4519 if j < 16 else 0x7A879D8A
            one = rol((rol(a, 12) + e + rol(t, j)) & mask, 7)
            two = one ^ rol(a, 12)
            ff = a ^ b ^ c if j < 16 else a & b | a & c | b & c
            gg = e ^ f ^ g if j < 16 else e & f | ~e & mask & g
            t1 = (ff + d + two + (w[j] ^ w[j + 4])) & mask
            t2 = (gg + h + one + w[j]) & mask
            a, b, c, d = t1, a, rol(b, 9), c
            e, f, g, h = t2 ^ rol(t2, 9) ^ rol(t2, 17), e, rol(f, 19), g
        state = [x ^ y for x, y in zip(state, (a, b, c, d, e, f, g, h))]
    return b"".join(x.to_bytes(4, "big") for x in state)


HASHES = {"bigloop.draw.sha256.v1": sha256, "bigloop.draw.sm3.v1": sm3}


def canonical(value):
    """RFC 8785 for values without floats: keys sorted, no white space, UTF-8."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def digest(value):
    return sha256(canonical(value)).hex()


def hexed(text, count):
    """The bytes of lower-case hexadecimal digits."""
    need(isinstance(text, str) and re.fullmatch(f"[0-9a-f]{{{2 * count}}}", text), f"hex: {text}")
    return bytes.fromhex(text)


def fields(value, names):
    need(isinstance(value, dict) and sorted(value) == sorted(names.split()), f"fields: {names}")


def number(value):
    need(type(value) is int, f"not a whole number: {value!r}")
    return value


def moment(text):
    need(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text), f"not a moment: {text}")
    return datetime.fromisoformat(text[:-1] + "+00:00")


def reader(data):
    """JSON without floats and without a field that is there twice."""

    def once(pairs):
        need(len({key for key, _ in pairs}) == len(pairs), "a field stands twice")
        return dict(pairs)

    def never(text):
        raise Refused(f"not a whole number: {text}")

    return json.loads(data, object_pairs_hook=once, parse_float=never, parse_constant=never)


# --- Trustees' outputs: ECVRF-EDWARDS25519-SHA512-TAI, RFC 9381 -----------------------------------

P = 2**255 - 19
Q = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
I = pow(2, (P - 1) // 4, P)  # noqa: E741 - a root of minus one


def to_point(text):
    """RFC 8032, 5.1.3; None where the bytes are no point."""
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if len(text) != 32 or y >= P:
        return None
    xx = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if (x * x - xx) % P:
        x = x * I % P
    if (x * x - xx) % P or (x == 0 and sign):
        return None
    if x % 2 != sign:
        x = P - x
    return (x, y, 1, x * y % P)


def plus(p, q):
    """RFC 8032, 5.1.4."""
    a = (p[1] - p[0]) * (q[1] - q[0])
    b = (p[1] + p[0]) * (q[1] + q[0])
    c = 2 * p[3] * q[3] * D
    d = 2 * p[2] * q[2]
    e, f, g, h = (b - a) % P, (d - c) % P, (d + c) % P, (b + a) % P
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(n, p):
    found = (0, 1, 1, 0)
    for bit in bin(n)[2:]:
        found = plus(found, found)
        if bit == "1":
            found = plus(found, p)
    return found


def minus(p):
    return (P - p[0], p[1], p[2], P - p[3])


def to_bytes(p):
    z = pow(p[2], P - 2, P)
    x, y = p[0] * z % P, p[1] * z % P
    return (y + (x % 2 << 255)).to_bytes(32, "little")


def is_zero(p):
    return p[0] % P == 0 and (p[1] - p[2]) % P == 0


BASE = to_point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def vrf_output(key, alpha, proof):
    """RFC 9381, 5.3, with validation of the key: the output of 64 bytes."""
    public = to_point(key)
    need(public is not None and not is_zero(times(8, public)), "not a trustee's key")
    gamma = to_point(proof[:32])
    c, s = int.from_bytes(proof[32:48], "little"), int.from_bytes(proof[48:], "little")
    need(gamma is not None and s < Q, "malformed proof")
    for counter in range(256):  # 5.4.1.1, try and increment
        text = b"\x03\x01" + key + alpha + bytes([counter]) + b"\x00"
        h = to_point(hashlib.sha512(text).digest()[:32])
        if h is not None and not is_zero(times(8, h)):
            break
    else:
        raise Refused("no point")
    h = times(8, h)
    u = plus(times(s, BASE), times(c, minus(public)))
    v = plus(times(s, h), times(c, minus(gamma)))
    text = b"\x03\x02" + key + to_bytes(h) + proof[:32] + to_bytes(u) + to_bytes(v) + b"\x00"
    need(c == int.from_bytes(hashlib.sha512(text).digest()[:16], "little"), "proof does not hold")
    return hashlib.sha512(b"\x03\x03" + to_bytes(times(8, gamma)) + b"\x00").digest()


# --- The steps ------------------------------------------------------------------------------------


class Verification:
    """One transcript; each step is a method, and leaves what later ones need."""

    def __init__(self, value):
        self.value = value

    # 1
    def form(self):
        v = self.value
        need(isinstance(v, dict) and v.get("scope") in ("public", "audit"), "scope")
        self.is_audit = v["scope"] == "audit"
        fields(
            v,
            "format scope request candidates proof steps result" + " audit" * self.is_audit,
        )
        need(v["format"] == "bigloop.draw.v1", "format")
        self.request, self.steps, self.candidates = v["request"], v["steps"], v["candidates"]
        need(self.request["format"] == "bigloop.draw-request.v1", "format of the request")
        need(self.request["algorithm"] in HASHES, "algorithm")
        self.h = HASHES[self.request["algorithm"]]
        need(isinstance(self.candidates, list) and isinstance(self.steps, list), "lists")
        opened = " person facts reasons" * self.is_audit
        for candidate in self.candidates:
            fields(candidate, "unit area specialties record place in" + opened)
            need(isinstance(candidate["in"], bool), "in")
        for step in self.steps:
            fields(step, "seq kind data prev hash")
        fields(v["result"], "state members")

    # 2
    def chain(self):
        prev = ZEROS
        for seq, step in enumerate(self.steps):
            need(number(step["seq"]) == seq and step["prev"] == prev, f"step {seq}: its place")
            said = {name: step[name] for name in ("seq", "kind", "data", "prev")}
            need(step["hash"] == digest(said), f"step {seq}: its hash")
            prev = step["hash"]
        self.head = prev

    # 3
    def order(self):
        letters = {
            "REQUESTED": "r", "VALUE": "v", "ASKED": "a", "OUTPUT": "o", "WITHHELD": "w",
            "UNSEEDED": "u", "ABANDONED": "z", "ABORTED": "x", "DRAWN": "d", "INVITED": "i",
            "SETTLED": "s", "RECHECKED": "c", "SUBSTITUTED": "b", "EXTENDED": "t",
            "EXHAUSTED": "e",
        }  # fmt: skip
        text = "".join(letters.get(step["kind"], "?") for step in self.steps)
        need(re.fullmatch("rv?(z|a(o*wa)*(z|o*(wu|d[iscbt]*e?|x)?))?", text), f"order: {text}")
        need(not ("z" in text and "o" in text), "given up after a trustee answered")
        if self.request["public_value"] is None:
            need("v" not in text, "a public value that nobody asked for")
        else:
            need("v" in text or "a" not in text, "trustees asked without the public value")
        ends = {"u": "UNSEEDED", "z": "ABANDONED", "x": "ABORTED", "a": "ASKING", "o": "ASKING"}
        self.state = ends.get(text[-1], "REQUESTED")
        self.drawn = next((s["data"] for s in self.steps if s["kind"] == "DRAWN"), None)
        self.aborted = next((s["data"] for s in self.steps if s["kind"] == "ABORTED"), None)

    # 4
    def request_(self):
        r = self.request
        need(self.steps[0]["data"] == {"request": digest(r)}, "hash")
        need(number(r["number"]) >= 1, "number")
        need(r["number"] > 1 or r["predecessor"] == ZEROS, "predecessor")
        need(0 < number(r["attempts_max"]) <= 10**6, "attempts")
        need(number(r["coupling"]["prefecture_max"]) >= 1, "cap")
        need(isinstance(r["coupling"]["one_per_unit"], bool), "one per unit")
        need(number(r["batch_multiple"]) >= 1, "batches")
        self.quotas = []
        for quota in r["quotas"]:
            code, source = quota["specialty"], quota["source"]
            need(code.startswith(source), f"{code} is not drawn from {source}")
            need((code != source) == (quota["consent"] is not None), f"{code}: consent")
            need(number(quota["count"]) >= 1, "count")
            self.quotas.append((code, quota["count"], source))
        areas = [area for area, _ in r["weights"]]
        need(areas == sorted(set(areas)), "weights")
        need(all(number(weight) >= 1 for _, weight in r["weights"]), "weights")
        self.weights = dict(r["weights"])

    # 5
    def pool(self):
        self.leaves, opened = [], {}
        for candidate in self.candidates:
            unit, area, record = (hexed(candidate[n], 32) for n in ("unit", "area", "record"))
            codes = sha256(canonical(candidate["specialties"]))
            leaf = self.h(b"\x00", unit, area, codes, record)
            self.leaves.append(leaf.hex())
            opened[number(candidate["place"])] = leaf
        size = number(self.request["pool"]["size"])
        places = [candidate["place"] for candidate in self.candidates]
        need(all(a < b for a, b in zip(self.leaves, self.leaves[1:])), "order of leaves")
        need(all(a < b for a, b in zip(places, places[1:])), "order of places")
        need(places and 0 <= places[0] and places[-1] < size, "places")
        proof = [hexed(item, 32) for item in self.value["proof"]]
        used = 0

        def node(start, stop, first, last):  # RFC 6962, 2.1
            nonlocal used
            if first == last:
                used += 1
                need(used <= len(proof), "proof too short")
                return proof[used - 1]
            if stop - start == 1:
                return opened[start]
            half = 1
            while half * 2 < stop - start:
                half *= 2
            split = bisect_left(places, start + half, first, last)
            left = node(start, start + half, first, split)
            return self.h(b"\x01", left, node(start + half, stop, split, last))

        need(node(0, size, 0, len(places)).hex() == self.request["pool"]["root"], "root")
        need(used == len(proof), "proof too long")

    # 6
    def candidates_(self):
        fixed = self.request["candidates"]
        lines = []
        for leaf, candidate in zip(self.leaves, self.candidates):
            codes = candidate["specialties"]
            need(
                any(code.startswith(source) for code in codes for _, _, source in self.quotas),
                f"{leaf} answers no quota",
            )
            lines.append(f"{leaf} {'1' if candidate['in'] else '0'}\n")
        need(len(lines) == fixed["count"], "count")
        need(self.h("".join(lines).encode()).hex() == fixed["hash"], "hash")
        out = sum(not candidate["in"] for candidate in self.candidates)
        counts = [number(count) for count in fixed["excluded"].values()]
        need(max(counts, default=0) <= out <= sum(counts), "numbers of the excluded")

    # 7
    def outputs(self):
        panel = self.request["trustees"]
        keys = {member["id"]: hexed(member["key"], 32) for member in panel["members"]}
        need([m["id"] for m in panel["members"]] == sorted(keys), "trustees")
        asked, asking, value, given = sorted(keys), 0, bytes(32), {}
        self.alpha = b""
        for step in self.steps[1:]:
            kind, data = step["kind"], step["data"]
            if kind == "VALUE":
                fields(data, "value")
                need(isinstance(data["value"], str) and data["value"], "public value")
                value = sha256(data["value"].encode())
            elif kind == "ASKED":
                fields(data, "asking trustees from until")
                asking, given = asking + 1, {}
                need(data["asking"] == asking and data["trustees"] == asked, "who is asked")
                need(1 <= number(panel["min"]) <= len(asked), "too few trustees")
                start, end = moment(data["from"]), moment(data["until"])
                earliest = moment(self.request["evaluation_at"]) - timedelta(
                    hours=self.request["earliest_hours"]
                )
                need(start >= earliest, "asked too early")
                need(end - start == timedelta(minutes=panel["minutes"]), "time for answers")
                question = bytes.fromhex(self.steps[0]["data"]["request"])
                self.alpha = b"bigloop.draw.alpha.v1\x00" + question
                self.alpha += asking.to_bytes(4, "big") + value
            elif kind == "OUTPUT":
                fields(data, "trustee proof")
                who = data["trustee"]
                need(who in asked and who not in given, f"{who} is not asked, or twice")
                given[who] = vrf_output(keys[who], self.alpha, hexed(data["proof"], 80))
            elif kind == "WITHHELD":
                fields(data, "asking trustees")
                silent = [who for who in asked if who not in given]
                need(silent and data["trustees"] == silent, "who withheld")
                need(data["asking"] == asking, "who withheld")
                asked = [who for who in asked if who in given]
            elif kind == "UNSEEDED":
                need(data == {"left": len(asked)} and len(asked) < panel["min"], "too few left")
            elif kind == "ABANDONED":
                fields(data, "cause")
            else:
                need(sorted(given) == asked, "drawn without every output")
                break
        self.betas = [given[who] for who in asked if who in given]

    # 8
    def seed(self):
        for data in (self.drawn, self.aborted):
            if data is not None:
                self.seed_bytes = self.h(b"bigloop.draw.seed.v1\x00", self.alpha, *self.betas)
                need(data["seed"] == self.seed_bytes.hex(), "seed")

    def stream(self, label, attempt):
        name = label.encode("ascii")
        tag = b"bigloop.draw.lottery.v1\x00" + self.seed_bytes + attempt.to_bytes(4, "big")
        key, count = self.h(tag, bytes([len(name)]), name), 0
        while True:
            yield int.from_bytes(self.h(key, count.to_bytes(8, "big")), "big")
            count += 1

    def below(self, n, stream):
        limit = 2**256 // n * n
        while True:
            block = next(stream)
            if block < limit:
                return block % n

    def ranked(self, g, attempt):
        """The candidates of a group in the order of an attempt, lazily."""
        stream, names = self.stream(self.quotas[g][0], attempt), self.listed[g]
        moved = {}
        for i in range(len(names)):
            j = i + self.below(len(names) - i, stream)
            moved[i], moved[j] = moved.get(j, j), moved.get(i, i)
            yield names[moved.pop(i)]

    def together(self, leaves):
        """Whether these may sit in one committee."""
        coupling = self.request["coupling"]
        units, areas = {}, {}
        for leaf in leaves:
            unit, area = self.face[leaf]
            units[unit] = units.get(unit, 0) + 1
            areas[area] = areas.get(area, 0) + 1
        return (
            len(set(leaves)) == len(leaves)
            and not (coupling["one_per_unit"] and max(units.values(), default=0) > 1)
            and max(areas.values(), default=0) <= coupling["prefecture_max"]
        )

    def first_of(self, attempt):
        committee = []
        for g, (_, count, _) in enumerate(self.quotas):
            order = self.ranked(g, attempt)
            committee.append([next(order) for _ in range(count)])
        return committee

    def is_taken(self, attempt, committee):
        members = [leaf for group in committee for leaf in group]
        if not self.together(members):
            return False
        if not self.weights:
            return True
        product = 1
        for leaf in members:
            product *= self.weights.get(self.face[leaf][1], 1)
        most = max(self.weights.values()) ** len(members)
        return self.below(most, self.stream("#weights", attempt)) < product

    def search(self, orders):
        """The fallback: the first committee by rank, at most 100,000 candidates looked at."""
        seats = [g for g, (_, count, _) in enumerate(self.quotas) for _ in range(count)]
        path, index = [], 0
        for _ in range(100_000):
            g = seats[len(path)]
            if index >= len(orders[g]):
                if not path:
                    return None
                index = path.pop() + 1
                continue
            members = [orders[seats[i]][at] for i, at in enumerate(path)]
            if not self.together([*members, orders[g][index]]):
                index += 1
                continue
            path.append(index)
            if len(path) == len(seats):
                return [[at for s, at in zip(seats, path) if s == g] for g in range(len(orders))]
            index = index + 1 if seats[len(path)] == g else 0
        return None

    # 9
    def lottery(self):
        if self.drawn is None and self.aborted is None:
            return
        self.face, self.listed = {}, [[] for _ in self.quotas]
        for leaf, candidate in zip(self.leaves, self.candidates):
            if candidate["in"]:
                self.face[leaf] = (candidate["unit"], candidate["area"])
                for g, (_, _, source) in enumerate(self.quotas):
                    if any(code.startswith(source) for code in candidate["specialties"]):
                        self.listed[g].append(leaf)
        for (code, count, _), listed in zip(self.quotas, self.listed):
            need(len(listed) >= count, f"{code}: too few candidates")
        most = self.request["attempts_max"]
        last = number((self.drawn or {"attempt": most})["attempt"])
        need(0 <= last <= most, "attempt")
        for attempt in range(last):
            taken = self.is_taken(attempt, self.first_of(attempt))
            need(not taken, f"attempt {attempt} should have been taken")
        self.orders = [list(self.ranked(g, last)) for g in range(len(self.quotas))]
        front = self.search(self.orders) if last == most else None
        if self.drawn is None:
            need(self.aborted == {"seed": self.seed_bytes.hex(), "attempts": most}, "aborted")
            need(front is None, "there is a committee")
            return
        fields(self.drawn, "seed attempt fallback committee")
        need(self.drawn["fallback"] is (last == most), "fallback")
        if last == most:
            need(front is not None, "there is no committee")
            self.orders = [
                [order[at] for at in ahead]
                + [leaf for at, leaf in enumerate(order) if at not in ahead]
                for order, ahead in zip(self.orders, front)
            ]
        else:
            need(self.is_taken(last, self.first_of(last)), "this attempt breaks the rules")
        committee = [
            [code, order[:count]] for (code, count, _), order in zip(self.quotas, self.orders)
        ]
        need(self.drawn["committee"] == committee, "committee")

    def vacant(self, g):
        code, count, _ = self.quotas[g]
        seats = [f"{code}-{n}" for n in range(1, count + 1)]
        return [seat for seat in seats if seat not in self.seats]

    def due(self):
        """Whom a round invites, and the groups for which nobody is left."""
        sitting = [seat[2] for seat in self.seats.values()]
        invited, empty = [], []
        for g, order in enumerate(self.orders):
            wanted = len(self.vacant(g)) * self.request["batch_multiple"]
            mine = []
            for rank, leaf in enumerate(order, 1):
                if len(mine) == wanted:
                    break
                if leaf not in self.barred and self.together([*sitting, leaf]):
                    mine.append([g, rank, leaf])
            if wanted and not mine:
                empty.append(g)
            invited += mine
        return invited, empty

    def settle(self, invited, data):
        fields(data, "round accepted declined silent seated")
        lists = [data[name] for name in ("accepted", "declined", "silent")]
        need(all(names == sorted(names) for names in lists), "order of answers")
        need(sorted(sum(lists, [])) == sorted({leaf for _, _, leaf in invited}), "answers")
        self.barred |= {*data["declined"], *data["silent"]}
        willing = set(data["accepted"]) - self.barred
        turn = sorted(
            (rank > self.quotas[g][1], rank, g, leaf)
            for g, rank, leaf in invited
            if leaf in willing
        )
        taken = []
        for _, rank, g, leaf in turn:
            seats = self.vacant(g)
            sitting = [seat[2] for seat in self.seats.values()]
            if seats and self.together([*sitting, leaf]):
                self.seats[seats[0]] = (self.quotas[g][0], rank, leaf)
                taken.append([seats[0], self.quotas[g][0], rank, leaf])
        need(data["seated"] == taken, "seats")

    def leave(self, leaves):
        self.barred |= set(leaves)
        gone = [seat for seat in sorted(self.seats) if self.seats[seat][2] in leaves]
        for seat in gone:
            del self.seats[seat]
        return gone

    # 10
    def course(self):
        self.seats, self.barred, self.rechecks = {}, set(), []
        if self.drawn is None:
            return
        wanted = sum(count for _, count, _ in self.quotas)
        kinds = [step["kind"] for step in self.steps]
        invited, rounds = None, 0
        self.state = ""
        for step in self.steps[kinds.index("DRAWN") + 1 :]:
            kind, data = step["kind"], step["data"]
            at = f"step {step['seq']}"
            if kind in ("INVITED", "EXHAUSTED"):
                need(invited is None and len(self.seats) < wanted, f"{at}: no round is due")
                due, empty = self.due()
                if kind == "EXHAUSTED":
                    need(empty and data == {"groups": empty}, f"{at}: somebody is left")
                    self.state = "EXHAUSTED"
                    continue
                fields(data, "round until invitations")
                moment(data["until"])
                rounds, invited = rounds + 1, due
                need(not empty and data["round"] == rounds, f"{at}: round")
                need(data["invitations"] == due, f"{at}: invitations")
            elif kind == "EXTENDED":
                fields(data, "round until")
                moment(data["until"])
                need(invited is not None and data["round"] == rounds, f"{at}: no open round")
            elif kind == "SETTLED":
                need(invited is not None and data["round"] == rounds, f"{at}: no open round")
                self.settle(invited, data)
                invited = None
            elif kind == "RECHECKED":
                fields(data, "bidders grounds affiliations excluded reasons removed")
                for name in ("bidders", "grounds", "affiliations"):
                    hexed(data[name], 32)
                self.rechecks.append((at, data, set(self.barred)))
                out = data["excluded"]
                need(out == sorted(set(out)) and set(out) <= set(self.face), f"{at}: excluded")
                need(not self.barred & set(out), f"{at}: excluded twice")
                counts = [number(count) for count in data["reasons"].values()]
                need(max(counts, default=0) <= len(out) <= sum(counts), f"{at}: reasons")
                need(data["removed"] == self.leave(out), f"{at}: removed")
            else:
                fields(data, "seat leaf cause")
                causes = ("RECUSAL", "LEFT_POST", "HEALTH", "ABSENT")
                need(data["cause"] in causes, f"{at}: no lawful cause")
                need(self.leave([data["leaf"]]) == [data["seat"]], f"{at}: seat")
        if not self.state:
            need(invited is not None or len(self.seats) == wanted, "seats are empty")
            self.state = "INVITING" if invited is not None else "SEATED"

    # 11
    def result(self):
        said = self.value["result"]
        need(said["state"] == self.state, f"state {said['state']}, not {self.state}")
        members = [[seat, *self.seats[seat]] for seat in sorted(self.seats)]
        need(said["members"] == members, "members")

    # 12
    def filter(self):
        if not self.is_audit:
            return
        audit, fixed = self.value["audit"], self.request["context"]
        fields(audit, "salt context rechecks affiliations")
        salt, known = hexed(audit["salt"], 32), audit["context"]
        need(self.h(salt, canonical(known)).hex() == fixed["hash"], "grounds")
        evaluation = moment(self.request["evaluation_at"]) + timedelta(hours=8)  # China's day
        need(known["on"] == evaluation.date().isoformat(), "the day")
        need(known["regime"] == self.request["regime"], "the regime")
        need(known["county"] in ("", self.request["division"]), "the county")
        named = {fixed["affiliations"], *(data["affiliations"] for _, data, _ in self.rechecks)}
        need(set(audit["affiliations"]) == named, "which affiliations")
        for name, text in audit["affiliations"].items():
            hashed = sha256("".join(f"{line}\n" for line in text).encode()).hex()
            need(hashed == name, f"affiliations {name}")
        links = Affiliations(audit["affiliations"][fixed["affiliations"]], known)
        ties, interests = links.ties(known)
        lines, counts = [], {}
        for leaf, candidate in zip(self.leaves, self.candidates):
            person, facts = hexed(candidate["person"], 32), candidate["facts"]
            record = self.h(b"bigloop.draw.record.v1\x00", person, sha256(canonical(facts)))
            need(record.hex() == candidate["record"], f"{leaf}: facts")
            over = {
                code
                for code, since, until in facts["terms"]
                if (since and since > known["on"]) or (until and until <= known["on"])
            }
            codes = [code for code in facts["specialties"] if code not in over]
            need(codes == candidate["specialties"], f"{leaf}: specialties")
            reasons = ineligible(facts, known) + conflicts(facts, known, ties, interests)
            if known["county"] and facts["home"] == known["county"]:
                reasons.append("experts.dispersal.tenderer_county")
            need(candidate["reasons"] == reasons, f"{leaf}: {reasons}")
            need(candidate["in"] is (not reasons), f"{leaf}: admitted or excluded")
            lines.append(f"{leaf} {','.join(reasons)}\n")
            for code in reasons:
                counts[code] = counts.get(code, 0) + 1
        need(counts == self.request["candidates"]["excluded"], "numbers by reason")
        hashed = self.h(salt, "".join(lines).encode()).hex()
        need(hashed == self.request["candidates"]["reasons"], "hash of the reasons")
        self.pseudonyms(links)
        need(len(audit["rechecks"]) == len(self.rechecks), "number of second checks")
        for recheck, grounds in zip(self.rechecks, audit["rechecks"]):
            self.rechecked(salt, *recheck, grounds)

    def pseudonyms(self, links):
        """One expert once; units and prefectures have one pseudonym each, and no two the same one."""
        everybody = [candidate["facts"] for candidate in self.candidates]
        need(len({facts["id"] for facts in everybody}) == len(everybody), "one expert twice")
        one_per = self.request["coupling"]["one_per"]
        units = links.units([facts["employer"] for facts in everybody], one_per)
        areas = [facts["home"][:4] for facts in everybody]
        for name, true in (("unit", units), ("area", areas)):
            pairs = {(one, shown[name]) for one, shown in zip(true, self.candidates)}
            need(len(pairs) == len(set(true)) == len({shown for _, shown in pairs}), name)

    def rechecked(self, salt, at, data, barred, grounds):
        """The second check: whom the bidders' ties exclude, of all who might still be called."""
        fields(grounds, "bidders context facts")
        known, base = grounds["context"], self.value["audit"]["context"]
        need(self.h(salt, canonical(grounds)).hex() == data["grounds"], f"{at}: grounds")
        need(digest(grounds["bidders"]) == data["bidders"], f"{at}: bidders")
        parties = {*map(tuple, base["parties"]), *(("BIDDER", one) for one in grounds["bidders"])}
        need(known["parties"] == [list(party) for party in sorted(parties)], f"{at}: parties")
        for name in ("on", "regime", "drafters", "voided"):
            need(known[name] == base[name], f"{at}: {name}")
        text = self.value["audit"]["affiliations"][data["affiliations"]]
        ties, interests = Affiliations(text, known).ties(known)
        need(all(facts["id"] == name for name, facts in grounds["facts"].items()), f"{at}: facts")
        out, counts = [], {}
        for leaf, candidate in zip(self.leaves, self.candidates):
            if candidate["in"] and leaf not in barred:
                was = candidate["facts"]
                facts = grounds["facts"].get(was["id"], was)
                reasons = conflicts(facts, known, ties, interests)
                out += [leaf] * bool(reasons)
                for code in reasons:
                    counts[code] = counts.get(code, 0) + 1
        need(data["excluded"] == out, f"{at}: excluded should be {out}")
        need(data["reasons"] == counts, f"{at}: numbers by reason")


class Affiliations:
    """Who hangs together with whom: the text of the links (docs/draw.md, affiliations), as graphs of
    control and of interest. Codes of one company count as one, the one it is known by."""

    def __init__(self, text, known):
        words = [line.split(" ") for line in text]
        need(all(len(w) == {"link": 7, "same": 3, "stop": 2}.get(w[0]) for w in words), "links")
        self.known_by = {w[1]: w[2] for w in words if w[0] == "same"}
        self.codes = {}
        for code, known_by in self.known_by.items():
            self.codes.setdefault(known_by, []).append(code)
        self.stops = {self.one(w[1]) for w in words if w[0] == "stop"}
        self.control, self.interest = {}, {}
        day, numbers = known["linked_on"], known["recusal"]
        for _, owner, owned, relation, share, since, until in (w for w in words if w[0] == "link"):
            if since > day or (until != "-" and until <= day):
                continue
            ends = self.one(owner), self.one(owned)
            held = int(share) if relation == "SHARE" else 0
            if relation != "SHARE" or held > numbers["control_permille"]:
                self.join(self.control, *ends)
            if relation == "SHARE" and held >= numbers["interest_permille"]:
                self.join(self.interest, *ends)

    def one(self, code):
        return self.known_by.get(code, code)

    @staticmethod
    def join(graph, one, other):
        graph.setdefault(one, set()).add(other)
        graph.setdefault(other, set()).add(one)

    def reach(self, graph, start, steps):
        """All that so many steps lead to; stops are reached and not passed."""
        found, edge = {start}, {start}
        for _ in range(steps):
            edge = {
                near
                for code in edge
                if code == start or code not in self.stops
                for near in graph.get(code, ())
            } - found
            found |= edge
        return found

    def ties(self, known):
        """Organisation -> {(side, is the party itself)}; and those bound by an interest alone."""
        ties, interests = {}, set()
        for side, party in known["parties"]:
            start, depth = self.one(party), known["recusal"]["depth_max"]
            for code in self.reach(self.control, start, 0 if side == "SUPERVISOR" else depth):
                for alias in self.codes.get(code, [code]):
                    ties.setdefault(alias, set()).add((side, code == start))
            if side != "SUPERVISOR":
                for code in self.reach(self.interest, start, 1):
                    interests |= set(self.codes.get(code, [code]))
        return ties, interests - set(ties)

    def units(self, employers, one_per):
        """What counts as one unit: the company, or all that control joins without passing a stop."""
        units = [self.one(employer) for employer in employers]
        if one_per != "control_group":
            return units
        group = {}
        for start in units:
            pending = [start]
            while pending:
                code = pending.pop()
                if code not in group:
                    group[code] = start
                    near = self.control.get(code, ()) if code not in self.stops else ()
                    pending += [other for other in near if other not in self.stops]
        return [group[unit] for unit in units]


def years_before(day, years):
    on = date.fromisoformat(day)
    try:
        return on.replace(year=on.year - years).isoformat()
    except ValueError:  # 29 February
        return date(on.year - years, 2, 28).isoformat()


def ineligible(facts, known):
    """Every code by which an expert may not be drawn at all (docs/draw.md, the filter)."""
    on, numbers = known["on"], known["eligibility"]
    senior = numbers["senior_title_suffices"] and facts["title"] >= 3
    found = []
    for name, holds in (
        ("status", facts["status"] != "ACTIVE"),
        ("enrolled", facts["enrolled"] > on),
        ("age", facts["born"] <= years_before(on, numbers["age_max"])),
        ("field_years", facts["years"] < numbers["field_years_min"] and not senior),
        ("title", facts["title"] < numbers["title_level_min"]),
        ("penalised", facts["penalised"]),
        ("certificate", facts["certified"] != "" and facts["certified"] <= on),
    ):
        if holds:
            found.append(f"experts.eligibility.{name}")

    return found


def conflicts(facts, known, ties, interests):
    """Every code for which an expert must recuse himself, in the order of the rules."""
    recusal, found = known["recusal"], []
    window = years_before(known["on"], recusal["window_years"])

    def party(units, side=None):
        return any(
            is_party and side in (None, its)
            for unit in units
            for its, is_party in ties.get(unit, ())
        )

    def lately(pairs):
        return [unit for unit, until in pairs if until > window]

    own = [facts["employer"]]
    near = [*own, *facts["boards"], *facts["controls"], *facts["declared"]]
    week, tenderer = known["served"].get(facts["id"], (0, 0))
    is_counted = facts["id"] in known["served"]
    for name, holds in (
        ("own_tenderer", party(own, "TENDERER")),
        ("own_agency", party(own, "AGENCY")),
        ("own_supervisor", party(own, "SUPERVISOR")),
        ("own_bidder", party(own, "BIDDER")),
        ("own_named", party(own, "NAMED")),
        ("past_employer", party(lately(facts["past"]))),
        ("board_seat", party(facts["boards"])),
        ("past_board_seat", party(lately(facts["past_boards"]))),
        ("controls_party", party(facts["controls"])),
        ("declared_unit", party(facts["declared"])),
        ("control_group", any(not is_it for unit in near for _, is_it in ties.get(unit, ()))),
        ("interest", facts["employer"] in interests),
        ("drafted_file", facts["id"] in known["drafters"]),
        ("voided_committee", facts["id"] in known["voided"]),
        ("penalised", facts["penalised"]),
        ("self_declared", facts["id"] in known["recused"]),
        ("frequent", is_counted and week >= recusal["week_max"]),
        ("same_tenderer", is_counted and tenderer >= recusal["tenderer_max"]),
    ):
        if holds and (recusal["active"] is None or f"recusal.{name}" in recusal["active"]):
            found.append(f"experts.conflict.{name}")
    return found


def verify(value):
    """(number, name, what) of the step that refuses, or None where the transcript is valid; and the
    verification, with what it found."""
    run = Verification(value)
    methods = {"request": "request_", "candidates": "candidates_"}
    for count, name in enumerate(STEPS, 1):
        try:
            getattr(run, methods.get(name, name))()
        except Refused as refused:
            return (count, name, str(refused)), run
        except (
            AttributeError, IndexError, KeyError, OverflowError, RecursionError, StopIteration,
            TypeError, ValueError,
        ) as error:  # fmt: skip
            return (count, name, f"malformed: {type(error).__name__} {error}"), run
    return None, run


def main(words):
    if len(words) not in (1, 3, 5) or set(words[1::2]) - {"--head", "--trustees"}:
        print(__doc__)
        return 2
    options = dict(zip(words[1::2], words[2::2]))
    try:
        with open(words[0], "rb") as file:
            data = file.read()
        value = reader(data.decode("utf-8"))
    except Refused as refused:
        print(f"refused at step 1 (form): {refused}")
        return 1
    except (OSError, ValueError, RecursionError) as error:
        print(f"not readable: {error}")
        return 2
    found, run = verify(value)
    if found is not None:
        print("refused at step {} ({}): {}".format(*found))
        return 1
    if run.head != options.get("--head", run.head):
        print(f"refused: the chain ends in {run.head}")
        return 1
    if "--trustees" in options:
        with open(options["--trustees"], encoding="utf-8") as file:
            listed = {tuple(line.split()[:2]) for line in file if line.strip()}
        for member in value["request"]["trustees"]["members"]:
            if (member["id"], member["key"]) not in listed:
                print(f"refused: {member['id']} is not on your list of trustees")
                return 1
    for count, name in enumerate(STEPS[: 12 if run.is_audit else 11], 1):
        print(f"{count:2} {name}: holds")
    print(f"valid; the chain ends in {run.head}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
