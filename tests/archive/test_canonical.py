"""Canonical JSON: the examples of RFC 8785, one spelling per value, and what has none."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive import canonical

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-canonical.INTEGER_MAX, canonical.INTEGER_MAX)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


class TestPublishedVectors:
    """RFC 8785, without the numbers that are floats."""

    def test_strings_and_literals(self) -> None:
        """Section 3.2.2."""
        value = {
            "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
            "literals": [None, True, False],
        }
        expected = '{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        assert canonical.encode(value).decode() == expected

    def test_keys_are_sorted_by_utf_16_units(self) -> None:
        """Section 3.2.3: the emoji (a surrogate pair) stands before the Hebrew letter."""
        value = {
            "\u20ac": "Euro Sign",
            "\r": "Carriage Return",
            "\ufb33": "Hebrew Letter Dalet With Dagesh",
            "1": "One",
            "\U0001f600": "Emoji: Grinning Face",
            "\u0080": "Control",
            "\u00f6": "Latin Small Letter O With Diaeresis",
        }
        order = list(canonical.decode(canonical.encode(value)).values())
        assert order == [
            "Carriage Return",
            "One",
            "Control",
            "Latin Small Letter O With Diaeresis",
            "Euro Sign",
            "Emoji: Grinning Face",
            "Hebrew Letter Dalet With Dagesh",
        ]

    @pytest.mark.parametrize("number", [0, 1, -1, 2**53 - 1, -(2**53) + 1])
    def test_whole_numbers(self, number: int) -> None:
        assert canonical.encode(number) == str(number).encode()


class TestOneSpelling:
    @given(values)
    def test_round_trip(self, value: Any) -> None:
        data = canonical.encode(value)
        assert canonical.decode(data) == value
        assert canonical.encode(canonical.decode(data)) == data

    @given(values)
    def test_another_spelling_is_refused(self, value: Any) -> None:
        data = canonical.encode(value)
        for other in (data + b" ", b" " + data, data + b"\n", b"\xef\xbb\xbf" + data, data[:-1]):
            if other != b"" and not (isinstance(value, int) and other == data[:-1]):
                with pytest.raises(ValueError):
                    canonical.decode(other)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            '{"b":1,"a":2}',
            '{"a":1,"a":1}',
            '{"a": 1}',
            "[1, 2]",
            "1.0",
            "1e2",
            "-0",
            "01",
            "NaN",
            "Infinity",
            "9007199254740992",
            "1" + "0" * 5000,
            '"\\u0041"',
            '"\\/"',
            '"\\ud800"',
            '"\\u000F"',
            "'a'",
            "[1,]",
            "[" * 100_000 + "]" * 100_000,
        ],
    )
    def test_refused_texts(self, text: str) -> None:
        with pytest.raises(ValueError):
            canonical.decode(text.encode())

    def test_bytes_that_are_no_text(self) -> None:
        with pytest.raises(ValueError):
            canonical.decode(b'"\xff"')
        with pytest.raises(ValueError):
            canonical.decode('"text"'.encode("utf-16"))


class TestNoForm:
    @pytest.mark.parametrize(
        "value", [1.0, float("nan"), b"x", {1: 2}, {"a": 0.1}, {1, 2}, object()]
    )
    def test_types(self, value: Any) -> None:
        with pytest.raises(TypeError):
            canonical.encode(value)

    @pytest.mark.parametrize("value", [2**53, -(2**53), "\ud800", {"\udfff": 1}])
    def test_values(self, value: Any) -> None:
        with pytest.raises(ValueError):
            canonical.encode(value)

    def test_tuples_and_mappings_are_read_as_json(self) -> None:
        assert canonical.encode({"a": (1, 2)}) == b'{"a":[1,2]}'
        assert canonical.digest({}) == (
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        )
