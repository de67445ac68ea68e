"""What a reader cannot tell with the truth before it is not put to it."""

import pytest

from onecurve.core.question import Form
from onecurve.flaws.catalog import FLAWS
from onecurve.readers.catalog import READERS
from onecurve.readers.machinery.readable_kinds import READS, Readability, readabilities, why_not_asked

NAMES = ("matcher", "embedder")


@pytest.mark.parametrize("name", NAMES)
def test_the_table_is_of_the_readers_as_they_are(name: str) -> None:
    own = {kind: found for (reader, kind), found in readabilities().items() if reader == name}
    assert Form.LINEUP in READERS.make(name).answers
    assert {found.version for found in own.values()} == {READERS.make(name).version}
    assert set(own) <= set(FLAWS.names())
    assert len(own) >= 18
    assert all(found.lineups >= 12 and 0 <= found.right <= found.lineups for found in own.values())


def test_patches_are_put_to_every_reader_and_each_reads_most_kinds() -> None:
    for name in NAMES:
        assert why_not_asked(name, "patch") == ""
        read = [found.enough for (reader, _), found in readabilities().items() if reader == name]
        assert sum(read) >= len(read) / 2


def test_what_is_not_in_the_table_is_asked() -> None:
    assert why_not_asked("my-reader", "warp") == ""
    assert why_not_asked("matcher", "my-flaw") == ""


def test_the_reason_says_how_many_were_named() -> None:
    refused = [key for key, found in readabilities().items() if not found.enough]
    assert refused
    reader, kind = refused[0]
    found = readabilities()[reader, kind]
    assert why_not_asked(reader, kind).startswith(f"{reader} names {found.right:.4g} of {found.lineups} true triggers")


def test_a_tie_is_not_rounded_up_to_what_would_have_been_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {("matcher", "warp"): Readability(1, 24, 17.5)}
    monkeypatch.setattr("onecurve.readers.machinery.readable_kinds.readabilities", lambda: table)
    assert why_not_asked("matcher", "warp").startswith("matcher names 17.5 of 24 true triggers of this kind, fewer than 75%")


def test_a_kind_is_read_from_three_quarters_on() -> None:
    assert Readability(1, 20, READS * 20).enough
    assert not Readability(1, 20, READS * 20 - 1).enough
