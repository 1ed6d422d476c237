"""The deposit clause of a tender file, as staff enter it from its page before the notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from archive.actor import Role
from archive.office import Office
from deposits import service as deposits
from deposits.forms import DepositForm
from deposits.terms import CreditRelief
from tests.trading.world import World, lot_spec
from trading.money import Money

FORMS = [form.value for form in DepositForm if form is not DepositForm.CASH]
CLAUSE: dict[str, Any] = {
    "deposit.forms": FORMS,
    "deposit.stage": "0",
    "deposit.relief.grades": "aaa AA",
    "deposit.relief.permille": "300",
}
LOT = lot_spec(deposit_charged=Money.yuan(50_000))
HEADERS = {"Origin": "http://testserver"}


@pytest.fixture
def world(office: Office) -> World:
    return World(office).setup()


class TestTheClause:
    """招标投标法实施条例 第二十六条, 第三十条; 16号令 第十一条: no named institution, no condition of its
    own for giving the deposit back, guarantees accepted."""

    def test_it_is_kept_and_shown(
        self, world: World, signed_in: Callable[[Role], TestClient]
    ) -> None:
        lot_id = world.register(lots=(LOT,)).lots[0].id
        staff = signed_in(Role.STAFF)
        assert "尚未核对" in staff.get(f"/centre/lots/{lot_id}/notice").text
        path = f"/centre/lots/{lot_id}/clause"
        assert "保证金条款核对" in staff.get(path).text
        said = staff.post(path, data=CLAUSE, headers=HEADERS)
        assert said.status_code == 200
        assert "信用等级 AAA AA 减免 300‰" in said.text
        with world.office.read() as db:
            assert deposits.clause(db, lot_id) == (0, CreditRelief(("AAA", "AA"), 300))

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"deposit.named_issuers": "示例银行"}, "第十一条"),
            ({"deposit.return_conditions": "原件返还后"}, "退还"),
            ({"deposit.forms": ["TRANSFER"]}, "保函"),
            ({"deposit.forms": ["SEASHELLS"]}, "请"),
            ({"deposit.stage": "1"}, "两阶段招标第 1 阶段"),
            ({"deposit.stage": "9"}, "请"),
            ({"deposit.relief.grades": ""}, "等级"),
        ],
    )
    def test_what_breaks_a_rule_is_refused_at_its_field(
        self,
        world: World,
        signed_in: Callable[[Role], TestClient],
        change: dict[str, Any],
        said: str,
    ) -> None:
        lot_id = world.register(lots=(LOT,)).lots[0].id
        staff = signed_in(Role.STAFF)
        answer = staff.post(f"/centre/lots/{lot_id}/clause", data=CLAUSE | change, headers=HEADERS)
        assert answer.status_code == 422
        assert said in answer.text
        assert f'href="#f-{next(iter(change)).replace(".", "-")}' in answer.text
        with world.office.read() as db:
            assert deposits.clause(db, lot_id) is None

    def test_after_the_notice_it_stands(
        self, world: World, signed_in: Callable[[Role], TestClient]
    ) -> None:
        lot_id = world.noticed()
        staff = signed_in(Role.STAFF)
        assert "不能再改" in staff.get(f"/centre/lots/{lot_id}/clause").text
        answer = staff.post(f"/centre/lots/{lot_id}/clause", data=CLAUSE, headers=HEADERS)
        assert answer.status_code == 409
