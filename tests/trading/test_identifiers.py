"""Check digits of GB 32100-2015 and GB 11643-1999, by vectors made independently of the library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.identifiers import is_uscc, make_uscc, resident_id_fault, uscc_fault

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


class TestCreditCode:
    """GB 32100-2015 统一社会信用代码."""

    @pytest.mark.parametrize(
        "code",
        [
            "91110000600037341L",
            "91532900216550001D",
            "125329004316000080",
            "52530000504200006U",
            "93532922070000006F",
        ],
    )
    def test_right_ones(self, code: str) -> None:
        assert uscc_fault(code) is None
        assert make_uscc(code[:-1]) == code

    @pytest.mark.parametrize(
        ("code", "fault"),
        [
            ("911100006000373412", "trading.uscc.check"),
            ("91110000600037341I", "trading.uscc.characters"),
            ("9111000060003734", "trading.uscc.length"),
            ("A1110000600037341L", "trading.uscc.check"),
            ("91110000600037341l", "trading.uscc.characters"),
            (" 1110000600037341L", "trading.uscc.characters"),
            ("", "trading.uscc.length"),
        ],
    )
    def test_wrong_ones_say_why(self, code: str, fault: str) -> None:
        reason = uscc_fault(code)
        assert reason is not None
        assert reason.code == fault

    @given(st.text(ALPHABET, min_size=9, max_size=9), st.integers(0, 16), st.integers(1, 30))
    def test_any_single_slip_is_noticed(self, organisation: str, place: int, shift: int) -> None:
        code = make_uscc("91532901" + organisation)
        assert is_uscc(code)
        slipped = ALPHABET[(ALPHABET.index(code[place]) + shift) % 31]
        assert not is_uscc(code[:place] + slipped + code[place + 1 :])

    def test_a_body_of_wrong_form_gets_no_check_character(self) -> None:
        with pytest.raises(ValueError):
            make_uscc("91532901IOSVZ0000")


class TestResidentIdentity:
    """GB 11643-1999 公民身份号码."""

    @pytest.mark.parametrize(
        "number",
        [
            "11010519491231002X",
            "532901199001011230",
            "532922198506150022",
            "530102197511200017",  # stdnum's own table of regions would reject this one
        ],
    )
    def test_right_ones(self, number: str) -> None:
        assert resident_id_fault(number) is None

    @pytest.mark.parametrize(
        ("number", "fault"),
        [
            ("110105194912310021", "trading.resident_id.check"),
            ("53290119900230123X", "trading.resident_id.birth"),
            ("999999199001011238", "trading.resident_id.form"),
            ("11010519491231002x", "trading.resident_id.form"),
        ],
    )
    def test_wrong_ones_say_why_without_the_number(self, number: str, fault: str) -> None:
        reason = resident_id_fault(number)
        assert reason is not None
        assert (reason.code, dict(reason.params)) == (fault, {})
