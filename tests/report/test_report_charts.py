"""Charts: what is drawn where, and what happens at the edges of the axes."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onecurve.repairs.catalog import SOLVERS
from onecurve.report.charts.curve_chart import CLEAN, NARROW, WIDE, ChartLine, ChartPoint, curve_chart
from onecurve.report.charts.layout import LinearScale, Rectangle, free_place, log_scale, marker, round_ticks, spread
from onecurve.report.charts.share_chart import share_chart
from onecurve.report.charts.small_multiples import small_multiples
from onecurve.report.words.marks import COLOURS, FILLED, MARKS, SHAPES, mark_of
from onecurve.tools.catalog import TOOLS


def line(key, *spots, heavy=False, label=None):
    made = tuple(ChartPoint(cost, skill, skill - 0.1, skill + 0.1, f"tip {cost}") for cost, skill in spots)
    return ChartLine(label or f"solver-{key}", f"solvers/solver-{key}.html", key, key, heavy, made)


def drawn(svg):
    return ET.fromstring(str(svg))


@given(st.lists(st.floats(0, 400), max_size=30), st.floats(1, 30))
def test_spread_places_keep_order_distance_and_bounds(places, gap):
    moved = spread(places, gap, 0, 400)
    room = min(gap, 400 / max(len(places) - 1, 1))
    ordered = [moved[at] for at in sorted(range(len(places)), key=lambda at: (places[at], at))]
    assert all(after - before >= room - 1e-6 for before, after in pairwise(ordered))
    assert all(-1e-6 <= place <= 400 + 1e-6 for place in moved)


def test_places_that_are_far_apart_do_not_move():
    assert spread([10, 50, 200], 12, 0, 400) == pytest.approx((10, 50, 200))


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=10))
def test_log_scale_keeps_order_and_stays_on_the_axis(costs):
    scale = log_scale(costs, 40, 900, 30)
    places = [scale.at(cost) for cost in sorted(costs)]
    assert places == sorted(places)
    assert all(40 <= place <= 900 for place in places)
    assert len(scale.ticks()) >= 2


def test_free_solvers_stand_left_of_the_log_axis():
    scale = log_scale([0, 100, 1000], 40, 900, 30)
    assert scale.at(0) < scale.start <= scale.at(100)


def test_ticks_are_round_and_inside():
    assert round_ticks(-1.0, 1.2, 5) == (-1.0, -0.5, 0.0, 0.5, 1.0)


def test_linear_scale_holds_values_at_the_edge():
    scale = LinearScale(-1, 1, 100, 0)
    assert scale.at(-7) == scale.at(-1) == 100
    assert scale.at(9) == 0


@pytest.mark.parametrize("frame", [WIDE, NARROW])
def test_chart_names_every_solver_marks_the_front_and_both_reference_lines(frame):
    front = ChartPoint(100, 0.4, 0.3, 0.5, "tip", on_front=True)
    lines = [line(0, (10, 0.2), (100, 0.3), heavy=True), ChartLine("other", "o.html", 1, 1, False, (front,)), line(2)]
    svg = str(curve_chart(lines, frame, "a chart"))
    drawn(svg)
    assert "solver-0" in svg
    assert "other" in svg
    assert "solver-2" not in svg, "a solver without a spot has no line"
    assert svg.count('class="ring"') == 1
    assert 'class="ceiling"' in svg
    assert 'class="floor"' in svg
    assert re.search(r'class="line heavy s0"', svg)
    assert 'class="band heavy s0"' in svg
    assert 'class="whisker thin s1"' in svg


def test_floor_lies_below_ceiling_and_above_the_lowest_tick():
    svg = str(curve_chart([line(0, (10, -0.8), (100, 0.5))], WIDE, "a chart"))
    heights = {kind: float(re.search(rf'class="{kind}"[^>]* y1="([\d.]+)"', svg).group(1)) for kind in ("floor", "ceiling")}
    lowest = max(float(height) for height in re.findall(r'class="grid"[^>]* y1="([\d.]+)"', svg))
    assert heights["ceiling"] < heights["floor"] < lowest


def test_everything_stays_inside_the_view_box_even_far_off_the_axis():
    lines = [line(key, (0, -9), (10 ** (key % 7), 3)) for key in range(25)]
    for frame in (WIDE, NARROW):
        root = drawn(curve_chart(lines, frame, "a chart"))
        for element in root.iter():
            x, y = element.attrib.get("x"), element.attrib.get("y")
            if x is not None and y is not None:
                assert 0 <= float(x) <= frame.width
                assert 0 <= float(y) <= frame.height


def test_labels_do_not_overlap():
    rng = np.random.default_rng(0)
    lines = [line(key, (float(10 ** rng.uniform(1, 4)), float(rng.uniform(0, 0.3)))) for key in range(14)]
    svg = str(curve_chart(lines, WIDE, "a chart"))
    found = re.findall(r'<a href="[^"]*"><text x="([\d.]+)" y="([\d.]+)">([^<]+)', svg)
    boxes = [Rectangle(float(x), float(y) - 10, float(x) + 7 * len(words), float(y)) for x, y, words in found]
    assert len(boxes) == 14
    assert not [1 for at, box in enumerate(boxes) for other in boxes[:at] if box.meets(other)]


def test_label_goes_nowhere_if_all_places_are_taken():
    field = Rectangle(0, 0, 200, 100)
    assert free_place((50, 50), 40, 12, [], field) is not None
    assert free_place((50, 50), 40, 12, [field], field) is None


def test_names_cannot_break_out_of_a_chart():
    svg = curve_chart([line(0, (10, 0.2), label='"><script>x</script>')], WIDE, '"><script>x</script>')
    assert "<script>" not in str(svg)
    drawn(svg)


def test_all_marks_differ():
    assert len({str(marker(style, 10, 10, 5)) for style in range(SHAPES)}) == SHAPES


def test_every_catalogue_tool_has_a_filled_mark_of_its_own():
    assert {*TOOLS.names_in_order(), *SOLVERS.names_in_order()} <= MARKS.keys(), "a new tool takes the next free number in words/marks.py"
    assert len(set(MARKS.values())) == len(MARKS)
    assert max(MARKS.values()) < FILLED
    looks = {(number % COLOURS, str(marker(number, 10, 10, 5))) for number in range(2 * FILLED)}
    assert len(looks) == 2 * FILLED


def test_a_mark_is_a_function_of_the_name():
    assert [mark_of(name) for name in ("neural-cleanse", "random-patches", "my-tool", "cppn[steps=9]")] == [0, 8, 114, 75]
    assert "hollow" in str(marker(mark_of("my-tool"), 10, 10, 5))


def test_shares_are_drawn_on_one_scale_and_nothing_is_drawn_for_nothing():
    svg = str(share_chart([("a", 0.0, 0.0, 0.5, 0.125), ("b", 1.0, None, None, None), ("c", None, None, None, None)]))
    drawn(svg)
    places = [float(place) for place in re.findall(r'cx="([\d.]+)"', svg)]
    assert len(places) == 2
    assert places[0] < places[1]
    assert svg.count('class="reach"') == 1
    assert str(share_chart([])) == ""


@pytest.mark.parametrize("frame", [WIDE, NARROW])
def test_small_multiples_give_each_solver_a_chart_with_its_name_and_links(frame):
    lines = [line(key, (10, 0.1 * key), (100, 0.1 * key + 0.05)) for key in range(12)] + [line(12)]
    root = drawn(small_multiples(lines, frame, "many"))
    (shared,) = [one for one in root.iter() if one.get("id")]
    uses = [one for one in root.iter() if one.tag == "use"]
    assert {one.get("href") for one in uses} == {f"#{shared.get('id')}"}
    assert len(uses) == 12, "a solver without a spot has no chart"
    labels = [one.text for one in root.iter() if one.tag == "text" and (one.text or "").startswith("solver-")]
    assert labels == [f"solver-{key}" for key in reversed(range(12))]
    assert len([one for one in root.iter() if one.get("class") == "spot" and one.get("href")]) == 24
    corners = [tuple(map(float, re.findall(r"[\d.]+", one.get("transform")))) for one in root.iter() if one.get("transform")]
    assert len(set(corners)) == 12
    assert all(0 <= x < frame.width for x, _ in corners)


@pytest.mark.parametrize("chart", [curve_chart, small_multiples])
@pytest.mark.parametrize("costs", [(0, 200), (0, 0), (1, 200)])
def test_what_costs_nothing_stands_at_a_zero_of_its_own(chart, costs):
    lines = [line(key, *((cost, 0.1 * at) for at, cost in enumerate(costs))) for key in range(2)]
    root = drawn(chart(lines, WIDE, "clean images", CLEAN))
    ticks = [one for one in root.iter() if one.tag == "text" and "tick" in one.get("class", "")]
    zeros = [float(one.get("x")) for one in ticks if one.text == "0" and "middle" in one.get("class")]
    assert bool(zeros) == (0 in costs)
    others = [float(one.get("x")) for one in ticks if "end" not in one.get("class") and one.text != "0"]
    assert all(min(zeros) < place for place in others if zeros)
    assert any("clean images read per case" in (one.text or "") for one in root.iter())
