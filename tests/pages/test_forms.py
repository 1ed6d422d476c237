"""Forms: every fault at its field, in the reader's language, with what was typed kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.pages.kit.forms import Form, articles_of, name_of, pointer_of, points
from api.pages.kit.text import yuan
from api.settings import Environment
from api.shell import Shell
from archive.clock import SHANGHAI
from archive.errors import Fault, Refusal
from archive.words import Language
from trading.money import Money
from trading.regime import ProjectKind

GOOD = {
    "name": "示例",
    "count": "3",
    "amount": "1,234,567.5",
    "at": "2026-10-21T09:00",
    "day": "2026-10-21",
    "kind": "WORKS",
}


def sent(**values: str | list[str]) -> Form:
    return Form(dict(values))


def faults_of(form: Form) -> tuple[Fault, ...]:
    try:
        form.refuse()
    except Refusal as refusal:
        return refusal.faults
    return ()


def shanghai(typed: str) -> datetime:
    return datetime.fromisoformat(typed).replace(tzinfo=SHANGHAI)


class TestReading:
    def test_values_of_the_domain(self) -> None:
        form = sent(**GOOD, kinds=["a", "b", "a"], on="1")
        assert form.text("name") == "示例"
        assert form.whole("count") == 3
        assert form.money("amount") == Money.yuan("1234567.50")
        assert form.moment("at").isoformat() == "2026-10-21T01:00:00+00:00"  # Beijing time is read
        assert form.day("day").isoformat() == "2026-10-21"
        assert form.maybe_day("other") is None
        assert form.choice("kind", ProjectKind) is ProjectKind.WORKS
        assert form.several("kinds") == ("a", "b")
        assert form.switch("on")
        assert not form.switch("off")
        form.refuse()

    def test_all_faults_at_once_each_with_its_pointer(self) -> None:
        form = sent(**{"lots.0.name": "a\x00b", "n": "1e3", "m": "1.234", "at": "soon", "k": "X"})
        form.text("lots.0.name")
        form.whole("n")
        form.money("m")
        form.moment("at")
        form.day("day")
        form.choice("k", ProjectKind)
        form.file("f")
        with pytest.raises(Refusal) as caught:
            form.refuse()
        found = {fault.pointer: fault.code for fault in caught.value.faults}
        assert found == {
            "/lots/0/name": "api.form.control",
            "/n": "api.form.whole",
            "/m": "api.form.money",
            "/at": "api.form.moment",
            "/day": "api.form.missing",
            "/k": "api.form.choice",
            "/f": "api.form.file",
        }

    @pytest.mark.parametrize(
        ("typed", "fen"),
        [("0", 0), ("12.3", 1230), ("¥1,000.00", 100_000), ("1，000 元", 100_000)],
    )
    def test_amounts_as_people_type_them(self, typed: str, fen: int) -> None:
        assert yuan(typed) == Money(fen)

    @pytest.mark.parametrize("typed", ["", "abc", "1.234", "1e9", "--1", "1" * 30, "٣"])
    def test_what_is_no_amount(self, typed: str) -> None:
        assert yuan(typed) is None

    def test_scores(self) -> None:
        assert points("87.5") == 8750
        assert points("87.555") is points("-1") is points("") is None

    @given(st.text() | st.datetimes().map(datetime.isoformat) | st.dates().map(date.isoformat))
    @example("0001-01-01T00:00")
    def test_a_field_gives_what_was_typed_or_notes_a_fault(self, typed: str) -> None:
        bare = typed.strip()
        meant: list[tuple[str, Callable[[Any], object]]] = [
            ("text", lambda found: found == bare),
            ("whole", lambda found: found == int(bare)),
            ("money", lambda found: found == yuan(bare)),
            ("moment", lambda found: found == shanghai(bare)),
            ("day", lambda found: found == date.fromisoformat(bare)),
            ("maybe_day", lambda found: found is None or found == date.fromisoformat(bare)),
        ]
        for kind, is_meant in meant:
            form = sent(x=typed)
            found = getattr(form, kind)("x")
            if not (faults := faults_of(form)):
                assert is_meant(found), kind
            assert {fault.pointer for fault in faults} <= {"/x"}
        form = sent(x=typed)
        form.choice("x", ProjectKind)
        assert bool(faults_of(form)) is (bare not in tuple(ProjectKind))


class TestPlaces:
    def fault_at(self, pointer: str, *, places: dict[str, str] | None = None) -> tuple[Form, str]:
        form = Form({"lots.0.estimate": "1", "committee.quotas": "x"}, language=Language.EN)
        form.text("lots.0.estimate")
        form.text("committee.quotas")
        refusal = Refusal(
            "api.form.invalid", {"count": 1}, faults=(Fault(pointer, "api.form.day"),)
        )
        form.take_refusal(refusal, 422, places or {})
        return form, "Please give a date, such as 2026-10-21."

    def test_at_its_field_or_the_nearest_above_it(self) -> None:
        form, text = self.fault_at("/lots/0/estimate")
        assert form.faults_at("lots.0.estimate") == [text]
        form, text = self.fault_at("/committee/quotas/A01")
        assert form.faults_at("committee.quotas") == [text]

    def test_elsewhere_at_the_top(self) -> None:
        form, text = self.fault_at("/fair_review")
        assert form.said is not None
        assert form.said.others == (text,)
        assert form.faulty == []

    def test_a_form_that_shows_a_part_says_where_it_stands(self) -> None:
        form, text = self.fault_at("/estimate", places={"/estimate": "/lots/0/estimate"})
        assert form.faults_at("lots.0.estimate") == [text]

    def test_rule_and_article_are_said(self) -> None:
        form = Form(language=Language.ZH)
        refusal = Refusal("api.gallery.refused", rule="opening.bidders_min")
        form.take_refusal(refusal, 422, {})
        assert form.said is not None
        assert form.said.articles == articles_of("opening.bidders_min")
        assert any("招标投标法" in article for article in form.said.articles)

    @given(st.lists(st.text("abc~/", min_size=1), min_size=1, max_size=4))
    def test_names_and_pointers(self, parts: list[str]) -> None:
        name = ".".join(parts)
        assert name_of(pointer_of(name)) == name


class TestOnThePage:
    def test_each_fault_at_its_field_in_both_languages(self, client: TestClient) -> None:
        for language, missing in (("zh", "请填写此项。"), ("en", "Please fill this in.")):
            answer = client.post(f"/kit?lang={language}", data={**GOOD, "name": "", "count": "x"})
            assert answer.status_code == 422
            (fault,) = re.findall(r'id="f-name-fault"><p>([^<]+)<', answer.text)
            assert fault == missing
            assert 'aria-invalid="true" aria-describedby="f-name-hint f-name-fault"' in answer.text
            assert 'id="f-day-fault"' not in answer.text

    def test_what_was_typed_stays_and_is_escaped(self, client: TestClient) -> None:
        typed = {**GOOD, "count": "x", "name": '"><script>1</script>', "notes": "</textarea><b>"}
        text = client.post("/kit", data={**typed, "kinds": ["WORKS", "GOODS"]}).text
        assert 'value="&#34;&gt;&lt;script&gt;1&lt;/script&gt;"' in text
        assert "&lt;/textarea&gt;&lt;b&gt;" in text
        assert 'value="1,234,567.5"' in text
        assert "壹佰贰拾叁万肆仟伍佰陆拾柒元伍角" in text
        assert '<option value="WORKS" selected>' in text
        assert len(re.findall(r'name="kinds" value="(?:WORKS|GOODS)" checked', text)) == 2

    def test_a_refusal_of_the_flow_has_its_rule_and_article(self, client: TestClient) -> None:
        answer = client.post("/kit", data={**GOOD, "count": "13"})
        assert answer.status_code == 422
        assert "opening.bidders_min" in answer.text
        assert "招标投标法" in answer.text
        assert 'href="#f-count"' in answer.text

    def test_success_leads_on_and_is_said_once(self, client: TestClient) -> None:
        answer = client.post("/kit", data=GOOD, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/kit")
        assert "示例表单不保存任何内容" in client.get("/kit").text
        assert "示例表单不保存任何内容" not in client.get("/kit").text

    @pytest.mark.parametrize("code", ["<b>", "no_such", "gallery_sent.x", "A"])
    def test_a_made_up_notice_says_nothing(self, client: TestClient, code: str) -> None:
        client.cookies.set("bigloop_done", code)
        assert 'class="alert alert-success"' not in client.get("/kit").text

    def test_the_amount_in_words(self, client: TestClient) -> None:
        assert client.get("/fragments/amount?yuan=1,409.50").text == "壹仟肆佰零玖元伍角"
        assert client.get("/fragments/amount?yuan=x").text == ""

    def test_only_demonstrations_have_the_gallery(self, app: FastAPI, client: TestClient) -> None:
        shell: Shell = app.state.shell
        shell.settings = shell.settings.model_copy(update={"environment": Environment.PRODUCTION})
        assert client.get("/kit").status_code == 404


class TestLanguage:
    def test_what_was_chosen_stays_and_the_query_too(self, client: TestClient) -> None:
        text = client.get("/kit?sort=-count&q=a&lang=en").text
        assert 'href="/kit?sort=-count&amp;q=a&amp;lang=zh"' in text
        assert '<html lang="en">' in client.get("/kit").text
        assert '<html lang="zh-CN">' in client.get("/kit?lang=zh").text
        assert '<html lang="zh-CN">' in client.get("/kit").text
