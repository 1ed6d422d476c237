"""The operator's registers in a browser: a file is looked at, refused or confirmed, and done as it was
looked at. The journal has what was entered (招标投标法实施条例 第三十四条; 16号令 §11)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Page, expect
from starlette.testclient import TestClient

from api.identity import service as identity
from api.identity.accounts import Account
from archive.actor import SYSTEM, Role
from archive.office import Office
from tests.api.conftest import PASSWORD
from tests.api.test_registers import FIRST, A, B, organisations
from tests.builders import CENTRE
from tests.pages.looks import looks, sign_in
from tests.support.browser import Pages
from tests.support.serving import serving
from trading.parties import service as parties

HOME = "/operator/registers"
PHONE = (390, 844)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def send(page: Page, content: bytes, register: str = "主体") -> None:
    page.get_by_label("登记簿", exact=True).select_option(register)
    page.get_by_label("文件", exact=True).set_input_files(
        {"name": "t.csv", "mimeType": "text/csv", "buffer": content}
    )
    press(page, "核对")


@pytest.fixture
def url(app: FastAPI, office: Office) -> Iterator[str]:
    account = Account("operator", frozenset({Role.OPERATOR}))
    with office.write() as tx:
        identity.create_account(tx, SYSTEM, account, PASSWORD)
    yield from serving(app)


def test_a_file_is_refused_entered_and_changes_what_is_known(
    chromium_page: Pages, url: str, office: Office
) -> None:
    page = sign_in(chromium_page, url, "operator", HOME, password=PASSWORD)
    looks(page, "operator-registers")
    send(page, organisations(f"{A[:-1]}!,,投标企业,{CENTRE},", f"{B},乙,未知,{CENTRE},"))
    expect(page.get_by_role("alert")).to_contain_text("不能登记")
    assert page.locator("tbody tr").count() == 3
    expect(page.get_by_role("button", name="登记", exact=True)).to_have_count(0)
    looks(page, "operator-refused")
    press(page, "放弃此文件")
    send(page, FIRST.decode("utf-8-sig").encode("gb18030"))
    expect(page.get_by_text("示例甲有限公司")).to_be_visible()
    press(page, "登记")
    expect(page.locator(".alert-success")).to_contain_text("文件已登记")
    send(page, organisations(f"{A},示例甲集团有限公司,投标企业,{CENTRE},6222000011119999"))
    expect(page.get_by_text("示例甲有限公司 → 示例甲集团有限公司")).to_be_visible()
    expect(page.get_by_text("…2222 → …9999")).to_be_visible()
    looks(page, "operator-changes")
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wider) <= 0
    if folder := os.environ.get("BIGLOOP_PICTURES"):
        page.screenshot(path=Path(folder) / "operator-changes-390.png", full_page=True)
    press(page, "确认变更并登记")
    expect(page.locator(".alert-success")).to_contain_text("文件已登记")
    with office.read() as db:
        assert parties.organisation(db, A).name == "示例甲集团有限公司"


@pytest.fixture
def operator(signed_in: Callable[[Role], TestClient]) -> TestClient:
    return signed_in(Role.OPERATOR)


def look_at(client: TestClient, register: str, content: bytes) -> tuple[str, str]:
    """The address of a file that waits, and what stands for its plan."""
    answer = client.post(HOME, data={"register": register}, files={"file": ("t.csv", content)})
    assert answer.status_code == 200, answer.text
    found = re.search(r'name="seen" value="(\w+)"', answer.text)
    return answer.url.path, found[1] if found else ""


def test_what_is_done_is_what_was_looked_at(operator: TestClient, office: Office) -> None:
    """Two files of one organisation: the second was looked at before the first was entered."""
    first, seen = look_at(
        operator, "organisations", organisations(f"{A},示例甲,投标企业,{CENTRE},")
    )
    other, seen_too = look_at(
        operator, "organisations", organisations(f"{A},示例乙,投标企业,{CENTRE},")
    )
    assert operator.post(f"{first}/take", data={"seen": seen}).status_code == 200
    late = operator.post(f"{other}/take", data={"seen": seen_too})
    assert (late.status_code, "已有变化" in late.text) == (409, True)
    assert "示例甲 → 示例乙" in late.text, "the page says what it would do by now"
    with office.read() as db:
        assert parties.organisation(db, A).name == "示例甲"
    assert operator.post(f"{first}/take", data={"seen": seen}).status_code == 404
    assert operator.post(HOME, data={"register": "organisations"}).status_code == 422


def test_what_is_registered_can_be_sent_again_without_a_change(operator: TestClient) -> None:
    """Accounts go out to nobody, and a file that lacks them leaves them."""
    path, seen = look_at(operator, "organisations", FIRST)
    operator.post(f"{path}/take", data={"seen": seen})
    for language in ("zh", "en"):
        held = operator.get(f"{HOME}/organisations/file?lang={language}").content
        assert "示例甲有限公司".encode() in held
        assert b"6222" not in held
        page = operator.get(look_at(operator, "organisations", held)[0]).text
        assert 'name="seen"' not in page, "nothing to enter"
    empty = operator.get(f"{HOME}/keys/file?empty=yes").content.decode("utf-8-sig")
    assert empty.count("\r\n") == 1
    assert operator.get(f"{HOME}/nobody/file").status_code == 404
