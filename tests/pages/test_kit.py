"""Values as they read, the navigation, and where a task stands."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from api.flows.names import OPEN_TASK, PLAN_TASK
from api.pages import navigation
from api.pages.kit import text
from api.pages.kit.page import attachment
from archive.actor import Actor, Role
from archive.errors import Refusal
from archive.office import Office
from archive.tasks import service as tasks
from archive.words import Language, catalogue
from trading.money import Money

ZH, EN = Language.ZH, Language.EN


class TestValues:
    def test_amounts(self) -> None:
        assert text.money(Money.yuan("1234567")) == "¥1,234,567.00"
        assert text.money(Money(-5)) == "-¥0.05"
        assert text.money(None) == text.in_words(None) == "—"
        assert text.in_words(Money.yuan("123.4")) == "壹佰贰拾叁元肆角"

    def test_times_are_read_in_beijing(self) -> None:
        late = datetime(2026, 10, 20, 17, 5, 9, tzinfo=UTC)
        assert text.moment(late) == "2026-10-21 01:05"
        assert text.second(late) == "2026-10-21 01:05:09"
        assert text.iso(late) == "2026-10-21T01:05:09+08:00"
        assert text.day(late, ZH) == text.day(date(2026, 10, 21), ZH) == "2026-10-21 周三"
        assert text.day_and_hour(late, EN) == "2026-10-21 Wed 01:05"

    @pytest.mark.parametrize(
        ("length", "said"),
        [
            (timedelta(seconds=59), "不足 1 分钟"),
            (timedelta(minutes=5), "5 分钟"),
            (timedelta(days=3, hours=4, minutes=7), "3 天 4 小时"),
            (timedelta(days=2, minutes=7), "2 天 7 分钟"),
            (-timedelta(hours=1), "1 小时"),
        ],
    )
    def test_lengths(self, length: timedelta, said: str) -> None:
        assert text.duration(length, ZH) == said

    @pytest.mark.parametrize(
        ("count", "said"), [(0, "0 B"), (999, "999 B"), (3_456, "3.4 kB"), (12_345_678, "12.3 MB")]
    )
    def test_sizes(self, count: int, said: str) -> None:
        assert text.size(count) == said

    def test_a_download_has_a_harmless_name(self) -> None:
        said = attachment('../x"\r\n<b>/公告.pdf', b"").headers["content-disposition"]
        assert "\n" not in said
        assert 'filename="x-b-.pdf"' in said


class TestNavigation:
    def test_every_label_has_its_word(self) -> None:
        words = catalogue("api", ZH)
        pages = [navigation.PUBLIC, *navigation.PAGES.values()]
        assert [c for found in pages for c, _ in found if f"api.page.nav.{c}" not in words] == []

    def test_each_role_has_its_pages_and_each_page_is_there(
        self, signed_in: Callable[[Role], TestClient]
    ) -> None:
        for role, pages in navigation.PAGES.items():
            person = signed_in(role)
            for _, path in pages:
                answer = person.get(path)
                assert answer.status_code == 200, (role, path)
                assert f'<a href="{path}" aria-current="page">' in answer.text or len(pages) == 1

    def test_the_longest_path_is_here(self) -> None:
        staff = Actor("s", frozenset({Role.STAFF}))
        here = [p.path for p in navigation.places(staff, "/centre/lots/1/notice") if p.is_here]
        assert here == ["/centre/lots"]
        assert [p.path for p in navigation.places(staff, "/") if p.is_here] == ["/"]
        assert [p for p in navigation.places(staff, "/centre/lotsx") if p.is_here] == []

    def test_a_department_is_offered_nothing_that_is_the_provinces(self) -> None:
        roles = frozenset({Role.SUPERVISOR})
        whole, part = (navigation.places(Actor("s", roles, party_id=p), "/") for p in ("", "9"))
        assert {p.path for p in whole} - {p.path for p in part} == navigation.PROVINCES


class TestTasks:
    def ask(self, office: Office, name: str) -> str:
        with office.write() as tx:
            return tasks.enqueue(tx, name, {"x": 1}, tx.now + timedelta(hours=1))

    def test_it_shows_where_it_stands_until_it_is_over(
        self, signed_in: Callable[[Role], TestClient], office: Office
    ) -> None:
        task_id = self.ask(office, PLAN_TASK)
        staff, expert = signed_in(Role.STAFF), signed_in(Role.EXPERT)
        shown = staff.get(f"/fragments/tasks/{task_id}").text
        assert "排定工位" in shown
        assert 'hx-trigger="every 2s"' in shown
        assert f"/tasks/{task_id}/cancel" in shown
        assert f"/tasks/{task_id}/cancel" not in expert.get(f"/tasks/{task_id}").text
        assert expert.post(f"/tasks/{task_id}/cancel").status_code == 403
        assert staff.post(f"/tasks/{task_id}/cancel", follow_redirects=False).status_code == 303
        after = staff.get(f"/tasks/{task_id}").text
        assert "已取消" in after
        assert "hx-trigger" not in after
        with office.read() as db:
            assert tasks.waiting(db) == 0
        assert staff.post(f"/tasks/{task_id}/cancel").status_code == 409

    def test_a_refused_one_says_in_words_what_was_wrong(
        self, signed_in: Callable[[Role], TestClient], office: Office
    ) -> None:
        """With its parameters, in the reader's language; and no code."""

        def refuse(_office: Office, _args: object) -> tasks.Write:
            raise Refusal(
                "archive.vault.too_large", {"name": "示例.pdf", "bytes": 8, "bytes_max": 7}
            )

        with office.write() as tx:
            task_id = tasks.enqueue(tx, PLAN_TASK, {})
        tasks.Worker(office, {PLAN_TASK: refuse}, "test").run_all_due()
        staff = signed_in(Role.STAFF)
        shown = staff.get(f"/fragments/tasks/{task_id}").text
        assert "文件“示例.pdf”大小为 8 字节,超过上限 7 字节。" in html.unescape(shown)
        assert "archive.vault" not in shown
        english = staff.get(f"/fragments/tasks/{task_id}", headers={"Accept-Language": "en"}).text
        assert "has 8 bytes; at most 7 are allowed" in english

    def test_an_opening_is_called_off_by_nobody(
        self, signed_in: Callable[[Role], TestClient], office: Office
    ) -> None:
        task_id = self.ask(office, OPEN_TASK)
        staff = signed_in(Role.STAFF)
        assert "cancel" not in staff.get(f"/fragments/tasks/{task_id}").text
        answer = staff.post(f"/tasks/{task_id}/cancel")
        assert answer.status_code == 403
        assert "不能由页面取消" in answer.text
        assert staff.get("/fragments/tasks/none").status_code == 404
