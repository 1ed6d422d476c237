"""A lodging and the opening at one moment: an acknowledged cell is never passed over."""

import threading

from tests.trading.world import FIRMS, ISSUED, OPENING, World
from trading.lodging import service as lodging
from trading.opening.opening import OpeningBegun


class TestSameMoment:
    """电子招标投标办法 第二十七条: what was received before the deadline is opened; what comes later is
    refused. There is nothing in between."""

    def test_a_batch_that_began_in_time_is_opened(self, any_world: World) -> None:
        world = any_world
        lot_id = world.noticed()
        world.lodge(*(world.bid_cell(lot_id, firm) for firm in FIRMS[:3]))
        begun: list[OpeningBegun] = []

        def open_lot() -> None:
            begun.append(world.begin(lot_id))

        opener = threading.Thread(target=open_lot)
        with world.office.write() as tx:
            lodging.begin(tx)
            lodging.check_lodging_open(tx.db, tx.now, lot_id)
            assert ISSUED < tx.now < OPENING
            world.at(OPENING)
            opener.start()
            opener.join(0.5)
            assert not begun, "the opening waits for what is on its way"
            lodging.lodge(tx, [world.bid_cell(lot_id, FIRMS[3])])
        opener.join(30)
        assert begun[0].bidders == tuple(sorted(FIRMS[:4]))
