"""Accounts, signing in and out, and what an attacker meets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.access import COOKIE
from api.app import create_app
from api.identity import service
from api.identity.accounts import Account, SignedIn
from api.identity.service import Limits, Throttled
from api.office import open_custodian
from api.settings import Environment, Settings
from archive.actor import SYSTEM, Role
from archive.errors import Kind, Refusal
from archive.journal import service as journal
from archive.office import Office
from tests.api.conftest import PASSWORD, make_account
from tests.builders import CENTRE

NOW = datetime(2026, 10, 21, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIMITS = Limits(idle=15 * MINUTE, length=timedelta(hours=8), window=15 * MINUTE, failures_max=5)


def sign_in(office: Office, account: str, password: str, now: datetime = NOW) -> str:
    return service.sign_in(office, LIMITS, account, password, "10.0.0.1", now)[0]


class TestAccounts:
    def test_creating_leaves_an_entry_without_names_or_hash(self, office: Office) -> None:
        make_account(office, Role.STAFF)
        with office.read() as db:
            (entry,) = journal.entries(db, "account/staff-1")
        assert entry.action == "api:account:created"
        assert entry.data == {"roles": ["staff"], "centre": CENTRE, "party": ""}
        assert b"argon2" not in entry.body

    def test_all_faults_are_told_at_once(self, office: Office) -> None:
        bad = Account("../x", frozenset({Role.STAFF, Role.BIDDER}))
        with pytest.raises(Refusal) as caught, office.write() as tx:
            service.create_account(tx, SYSTEM, bad, "short")
        pointers = [fault.pointer for fault in caught.value.faults]
        assert pointers == ["/id", "/centre_id", "/party_id", "/password"]

    def test_nobody_is_made_the_system(self, office: Office) -> None:
        for account in (
            Account("x", frozenset({Role.SYSTEM})),
            Account("x", frozenset()),
            Account("system", frozenset({Role.SUPERVISOR})),
        ):
            with pytest.raises(Refusal), office.write() as tx:
                service.create_account(tx, SYSTEM, account, PASSWORD)

    def test_an_id_is_taken_once(self, office: Office) -> None:
        make_account(office, Role.SUPERVISOR)
        with pytest.raises(Refusal) as caught:
            make_account(office, Role.SUPERVISOR)
        assert caught.value.kind is Kind.CONFLICT


class TestSigningIn:
    def test_the_right_password_signs_in_and_the_token_is_not_stored(self, office: Office) -> None:
        make_account(office, Role.SUPERVISOR)
        token = sign_in(office, "supervisor-1", PASSWORD)
        with office.read() as db:
            bearer = service.bearer(db, LIMITS, service.period_of(token), NOW)
            stored = db.connection().exec_driver_sql("SELECT token_sha256 FROM sign_in").scalars()
            assert token not in list(stored)
        assert bearer is not None
        assert bearer.account.actor.roles == {Role.SUPERVISOR}

    @pytest.mark.parametrize("who", ["supervisor-1", "nobody", "no-password", "disabled"])
    def test_every_refusal_says_the_same_after_the_same_work(
        self, office: Office, who: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_account(office, Role.SUPERVISOR)
        make_account(office, Role.SUPERVISOR, "disabled")
        with office.write() as tx:
            account = Account("no-password", frozenset({Role.SUPERVISOR}))
            service.create_account(tx, SYSTEM, account, None)
            service.disable_account(tx, SYSTEM, "disabled")
        checked: list[str] = []
        verify = PasswordHasher.verify

        def counting(self: PasswordHasher, kept: str, word: str) -> bool:
            checked.append(kept)
            return bool(verify(self, kept, word))

        monkeypatch.setattr(PasswordHasher, "verify", counting)
        password = PASSWORD if who == "disabled" else "wrong password!!"
        with pytest.raises(Refusal) as caught:
            sign_in(office, who, password)
        assert (caught.value.code, caught.value.params) == ("api.sign_in.wrong", {})
        assert len(checked) == 1
        assert "m=19456,t=2,p=1" in checked[0]

    def test_who_comes_before_there_is_any_account_is_not_locked_out(self, office: Office) -> None:
        """While a province is being set up: told to wait, and no try counts as a failure."""
        for _ in range(LIMITS.failures_max + 1):
            with pytest.raises(Refusal) as caught:
                sign_in(office, "supervisor-1", PASSWORD)
            assert caught.value.code == "api.sign_in.no_accounts"
            assert caught.value.kind is Kind.UNAVAILABLE
        make_account(office, Role.SUPERVISOR)
        sign_in(office, "supervisor-1", PASSWORD)

    def test_disabling_ends_what_is_signed_in(self, office: Office) -> None:
        make_account(office, Role.SUPERVISOR)
        token = sign_in(office, "supervisor-1", PASSWORD)
        with office.write() as tx:
            service.disable_account(tx, SYSTEM, "supervisor-1")
        with office.read() as db:
            assert service.bearer(db, LIMITS, service.period_of(token), NOW) is None

    def test_signing_out_ends_the_token_itself(self, office: Office) -> None:
        make_account(office, Role.SUPERVISOR)
        token = sign_in(office, "supervisor-1", PASSWORD)
        service.sign_out(office, token)
        with office.read() as db:
            assert service.bearer(db, LIMITS, service.period_of(token), NOW) is None


class TestThrottling:
    def test_after_five_failures_even_the_right_password_waits(self, office: Office) -> None:
        make_account(office, Role.SUPERVISOR)
        for _ in range(5):
            with pytest.raises(Refusal):
                sign_in(office, "supervisor-1", "wrong password!!")
        with pytest.raises(Throttled):
            sign_in(office, "supervisor-1", PASSWORD)
        assert sign_in(office, "supervisor-1", PASSWORD, NOW + 16 * MINUTE)

    def test_another_address_is_not_locked_out_by_a_stranger(self, office: Office) -> None:
        make_account(office, Role.SUPERVISOR)
        for _ in range(5):
            with pytest.raises(Refusal):
                service.sign_in(office, LIMITS, "supervisor-1", "x" * 12, "10.9.9.9", NOW)
        assert sign_in(office, "supervisor-1", PASSWORD)

    def test_success_forgets_the_failures_before(self, office: Office) -> None:
        make_account(office, Role.SUPERVISOR)
        for _ in range(2):
            for _ in range(4):
                with pytest.raises(Refusal):
                    sign_in(office, "supervisor-1", "wrong password!!")
            assert sign_in(office, "supervisor-1", PASSWORD)

    def test_an_address_that_tries_many_accounts_is_stopped(self, office: Office) -> None:
        make_account(office, Role.SUPERVISOR)
        few = Limits(LIMITS.idle, LIMITS.length, LIMITS.window, failures_max=1)
        for number in range(10):
            with pytest.raises(Refusal):
                service.sign_in(office, few, f"guess-{number}", "x" * 12, "10.9.9.9", NOW)
        with pytest.raises(Throttled):
            service.sign_in(office, few, "guess-10", "x" * 12, "10.9.9.9", NOW)


class TestTheEndOfAPeriod:
    @pytest.mark.parametrize(
        ("seen", "now", "ended"),
        [
            (0, 14, False),
            (0, 15, True),
            (470, 479, False),
            (479, 480, True),  # eight hours, however active
            (10, 5, True),  # the host's clock went back
        ],
    )
    def test_idle_and_absolute(self, seen: int, now: int, ended: bool) -> None:
        period = SignedIn("a", NOW, NOW + seen * MINUTE)
        assert period.has_ended(NOW + now * MINUTE, LIMITS.idle, LIMITS.length) is ended

    def test_use_keeps_it_alive(self, office: Office) -> None:
        make_account(office, Role.SUPERVISOR)
        token = sign_in(office, "supervisor-1", PASSWORD)
        with office.read() as db:
            bearer = service.bearer(db, LIMITS, service.period_of(token), NOW + 14 * MINUTE)
            assert bearer is not None
            assert bearer.is_stale
        service.see(office, service.period_of(token), NOW + 14 * MINUTE)
        with office.read() as db:
            assert (
                service.bearer(db, LIMITS, service.period_of(token), NOW + 28 * MINUTE) is not None
            )
            assert service.bearer(db, LIMITS, service.period_of(token), NOW + 29 * MINUTE) is None


class TestOverHttp:
    def test_the_cookie_is_for_our_pages_only(self, client: TestClient, office: Office) -> None:
        make_account(office, Role.SUPERVISOR)
        answer = client.post("/api/sign-in", json={"account": "supervisor-1", "password": PASSWORD})
        assert answer.json()["roles"] == ["supervisor"]
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"{COOKIE}=")
        for part in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=28800"):
            assert part in cookie
        assert "Secure" not in cookie  # a demonstration runs without TLS
        assert client.get("/api/me").json()["account"] == "supervisor-1"

    def test_outside_demos_the_cookie_needs_tls(self, office: Office, settings: Settings) -> None:
        make_account(office, Role.SUPERVISOR)
        real = settings.model_copy(update={"environment": Environment.PRODUCTION})
        app = create_app(office, real, open_custodian(real, office))
        answer = TestClient(app).post(
            "/api/sign-in", json={"account": "supervisor-1", "password": PASSWORD}
        )
        assert "Secure" in answer.headers["set-cookie"]

    def test_failures_are_counted_although_the_request_is_refused(
        self, client: TestClient, office: Office
    ) -> None:
        make_account(office, Role.SUPERVISOR)
        body = {"account": "supervisor-1", "password": "wrong password!!"}
        assert [client.post("/api/sign-in", json=body).status_code for _ in range(6)] == [
            *[403] * 5,
            429,
        ]
        answer = client.post("/api/sign-in", json={**body, "password": PASSWORD})
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "900"

    def test_signing_out(self, signed_in: Callable[[Role], TestClient], app: FastAPI) -> None:
        person = signed_in(Role.SUPERVISOR)
        token = person.cookies[COOKIE]
        assert person.post("/api/sign-out").status_code == 204
        assert person.get("/api/me").status_code == 401
        copy = TestClient(app, cookies={COOKIE: token})
        assert copy.get("/api/me").status_code == 401

    @pytest.mark.parametrize("token", ["", "x", "é", "a" * 5000, '"', "%00"])
    def test_a_made_up_token_is_nobody(self, client: TestClient, token: str) -> None:
        answer = client.get("/api/me", headers={b"cookie": f"{COOKIE}={token}".encode()})
        assert answer.status_code == 401

    def test_the_form_leads_back_to_a_page_of_ours(
        self, client: TestClient, office: Office
    ) -> None:
        make_account(office, Role.SUPERVISOR)
        form = {"account": "supervisor-1", "password": PASSWORD}
        for wanted, given in [
            ("/problems/api.http.method?lang=en", "/problems/api.http.method?lang=en"),
            ("https://evil.example/", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("/a\nb", "/"),
        ]:
            answer = client.post("/sign-in", data={**form, "next": wanted}, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, given)

    def test_the_form_says_what_is_wrong(self, client: TestClient) -> None:
        answer = client.post("/sign-in?lang=en", data={"account": "a b", "password": "x"})
        assert answer.status_code == 403
        assert "Wrong account or password" in answer.text


class TestForeignPages:
    """A request that changes something must come from a page of ours or from no page."""

    def post(self, client: TestClient, **headers: str) -> int:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post("/api/sign-out", headers=names).status_code

    def test_our_own_origin_and_programs_pass(self, client: TestClient) -> None:
        assert self.post(client) == 204
        assert self.post(client, origin="http://testserver") == 204
        assert self.post(client, sec_fetch_site="same-origin") == 204

    @pytest.mark.parametrize(
        "origin",
        [
            "http://evil.example",
            "https://testserver",
            "http://testserver:81",
            "http://testserver.evil.example",
            "null",
            "",
        ],
    )
    def test_others_are_refused(self, client: TestClient, origin: str) -> None:
        assert self.post(client, origin=origin) == 403

    def test_without_an_origin_the_fetch_site_counts(self, client: TestClient) -> None:
        assert self.post(client, sec_fetch_site="cross-site") == 403
        assert self.post(client, sec_fetch_site="same-site") == 403

    def test_a_listed_origin_passes(self, office: Office, settings: Settings) -> None:
        listed = settings.model_copy(update={"origins": "https://trade.example"})
        client = TestClient(create_app(office, listed, open_custodian(listed, office)))
        assert self.post(client, origin="https://trade.example") == 204

    def test_reading_is_open_to_all(self, client: TestClient) -> None:
        answer = client.get("/api/clock", headers={"origin": "http://evil.example"})
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers
