"""Any number of processes: what one has written the pages of another show, and who has signed in at
one is known at the other; nothing of a page lives in a process."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import expect

from api.identity import service as identity
from api.identity.accounts import Account
from api.office import open_office
from api.settings import Environment, Settings
from archive.actor import SYSTEM, Role
from tests.builders import CENTRE
from tests.pages.looks import sign_in
from tests.support.browser import Pages
from tests.support.servers import Servers
from tests.trading.world import ISSUED, World

PASSWORD = "demo-demo-demo"


@pytest.mark.postgres
def test_two_servers_on_one_database(
    chromium_page: Pages, run_server: Servers, migrated_postgres_url: str, tmp_path: Path
) -> None:
    start = ISSUED - timedelta(hours=1)
    settings = Settings(
        environment=Environment.DEMO,
        data=tmp_path / "data",
        database_url=migrated_postgres_url,
        clock_start=start,
        clock_rate=1,
    )
    office = open_office(settings)
    world = World(office).setup()
    with office.write() as tx:
        account = Account("staff", frozenset({Role.STAFF}), centre_id=CENTRE)
        identity.create_account(tx, SYSTEM, account, PASSWORD)
    env = {
        "BIGLOOP_ENVIRONMENT": "demo",
        "BIGLOOP_DATA": str(settings.data),
        "BIGLOOP_DATABASE_URL": migrated_postgres_url,
        "BIGLOOP_CLOCK_START": start.isoformat(),
        "BIGLOOP_CLOCK_RATE": "1",
    }
    first, second = (run_server("serve", env=env, ready="/health") for _ in range(2))
    board = chromium_page(first.url + "/")
    page = sign_in(chromium_page, first.url, "staff", "/centre/lots")
    page.goto(second.url + "/centre/lots")
    expect(page.locator("header")).to_contain_text("staff")
    expect(page.locator(".empty-state")).to_be_visible()
    lot_id = world.register().lots[0].id  # a third process, this one
    expect(board.locator(".stages .count").first).to_have_text("1")
    for server in (first, second):
        page.goto(f"{server.url}/lots/{lot_id}")
        expect(page.locator("h1")).to_contain_text("示例标段")
    board.close()
    first.stop()
    page.reload()
    expect(page.locator("h1")).to_contain_text("示例标段")
    page.get_by_role("button", name="退出").click()
    expect(page.locator("header")).to_contain_text("登录")
    office.connections.dispose()
