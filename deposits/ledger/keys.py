"""How transfers of the ledger are named: one name for one movement of money, for good. Whoever makes
the same move again, after a crash or beside somebody else, uses the same name."""

from __future__ import annotations


def received(reference: str) -> str:
    """What a bank's receipt brought in."""
    return f"received/{reference}"


def nobodys(reference: str) -> str:
    """What a statement's line brought in whose owner is not known."""
    return f"nobodys/{reference}"


def paid(payout: str) -> str:
    """What a payout takes out."""
    return f"paid/{payout}"


def interest_added(payout: str) -> str:
    """What the bank adds for a payout."""
    return f"interest/{payout}"


def interest_paid(payout: str) -> str:
    """What leaves with a payout as interest."""
    return f"interest-paid/{payout}"


def bounced(payout: str) -> str:
    """What came back of a payout."""
    return f"bounced/{payout}"


def interest_back(payout: str) -> str:
    """The interest that came back with a payout."""
    return f"interest-back/{payout}"


def forfeited(holding: str) -> str:
    return f"forfeited/{holding}"


def converted(holding: str) -> str:
    return f"converted/{holding}"


def opening(centre_id: str) -> str:
    """What lay in a centre's account before the first statement."""
    return f"opening/{centre_id}"


def legacy(item: str) -> str:
    """What was found to be an old deposit."""
    return f"legacy/{item}"


def again(name: str, undone: int) -> str:
    """The same movement made anew after something was undone for the time `undone`: a name is used
    once for good."""
    return f"{name}~{undone}" if undone else name


def undone(name: str) -> str:
    """The counter-entry of a movement."""
    return f"undone/{name}"
