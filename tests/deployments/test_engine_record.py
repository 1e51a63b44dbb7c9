"""The record on the engine, joined with a machine's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.record import begun, done, ended, running
from whalebuild.deployments.engine_record import joined, packed, unpacked
from whalebuild.deployments.record import Warmed
from whalebuild.deployments.record_format import entry_line, read_history

AT = "2026-11-29T00:00:00+00:00"


def lines(first: int, last: int, of: str = "a") -> list[str]:
    return [entry_line(e) for n in range(first, last + 1) for e in done(n, web=f"{of}{n}")]


def test_what_is_packed_is_unpacked() -> None:
    assert unpacked(packed(lines(1, 9))) == tuple(lines(1, 9))
    assert unpacked(packed([])) == ()
    assert unpacked(packed(["", *lines(1, 1), " "])) == tuple(lines(1, 1))


def test_a_damaged_label_is_none() -> None:
    label = packed(lines(1, 9))
    for damaged in ("", "zlib:", label[:-8], label[:40] + "AAAA" + label[44:], "gz:abc", "zlib:é"):
        assert unpacked(damaged) is None, damaged


def test_an_engine_keeps_the_last_ones_and_no_end_without_its_begin() -> None:
    kept = unpacked(packed(lines(1, 500)))
    assert kept is not None
    assert list(kept) == lines(401, 500)
    many = {f"service{at}": f"{at}" for at in range(60)}
    long = [
        entry_line(e)
        for n in range(1, 90)
        for e in done(n, **{k: v + str(n) for k, v in many.items()})
    ]
    label = packed(long)
    assert len(label) < 1 << 17, "a docker command takes no longer word"
    kept = unpacked(label)
    assert kept
    history = read_history("\n".join(kept))
    assert history.damaged == ()
    assert history.deployments[-1].number == 89


def test_one_of_them_alone() -> None:
    assert joined([], lines(1, 3)).lines == tuple(lines(1, 3))
    assert joined(lines(1, 3), ()).lines == tuple(lines(1, 3))
    assert joined(["", " "], lines(1, 1)).lines == tuple(lines(1, 1))


def test_another_machine_went_on() -> None:
    both = joined(lines(1, 3), lines(1, 7))
    assert (both.lines, both.lost) == (tuple(lines(1, 7)), ())


def test_the_engine_keeps_the_last_ones_only() -> None:
    assert joined(lines(1, 7), lines(5, 9)).lines == tuple(lines(1, 9))
    assert joined(lines(1, 3), lines(5, 9)).lines == (*lines(1, 3), *lines(5, 9))
    assert joined(lines(1, 3), lines(5, 9)).lost == ()


def test_what_the_engine_could_not_be_given_goes_after() -> None:
    both = joined(lines(1, 7), lines(3, 5))
    assert (both.lines, both.lost) == (tuple(lines(1, 7)), ())
    open_ended = [*lines(1, 2), entry_line(begun(3, running(web="a3")))]
    both = joined([*open_ended, entry_line(ended(3, running(web="a3")))], open_ended)
    assert read_history("\n".join(both.lines)).deployments[-1].ended


def test_where_both_went_on_the_engines_count() -> None:
    own = [*lines(1, 3), *lines(4, 6, "b")]
    both = joined(own, lines(2, 5))
    assert (both.lines, both.lost) == (tuple(lines(1, 5)), tuple(lines(4, 6, "b")))


def test_records_that_never_met() -> None:
    both = joined(lines(1, 8, "b"), lines(1, 5))
    assert (both.lines, both.lost) == (tuple(lines(1, 5)), tuple(lines(1, 8, "b")))


def test_a_damaged_line_of_the_machine_is_healed_by_the_engine() -> None:
    own = lines(1, 3)
    own[2] = own[2][:40]
    assert joined(own, lines(1, 3)).lines == tuple(lines(1, 3))


def test_images_pulled_ahead_have_no_number() -> None:
    warmed = entry_line(Warmed(AT, "web", running(web="x")["web"]))  # type: ignore[arg-type]
    own = [warmed, *lines(1, 2)]
    assert joined(own, own).lines == tuple(own)
    assert joined(own, lines(2, 3)).lines == (warmed, *lines(1, 3))


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 12))
def test_parts_of_one_history_are_that_history(machine: int, engine: int, first: int) -> None:
    whole = lines(1, max(machine, engine))
    kept = lines(first, engine)
    both = joined(lines(1, machine), kept)
    if kept and first > machine + 1:
        assert both.lines == (*lines(1, machine), *kept)
    else:
        assert both.lines == (tuple(whole) if kept else tuple(lines(1, machine)))
    assert both.lost == ()
