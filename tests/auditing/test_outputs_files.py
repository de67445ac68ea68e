"""JSON and back, JUnit, the comment and the page."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hand_made_audit import EMPTY, POWER, REPAIR, TROJAN, WEAK, audit, picture
from page_reader import Page
from PIL import Image

from onecurve.auditing.finding import Exhibit
from onecurve.auditing.outputs.as_json import read_audit, write_json
from onecurve.auditing.outputs.baseline import Accepted, Baseline
from onecurve.auditing.outputs.junit import write_junit
from onecurve.auditing.outputs.markdown import SHOWN, as_markdown
from onecurve.auditing.outputs.outcome import Outcome
from onecurve.auditing.outputs.page import write_page
from onecurve.auditing.outputs.words import repair_words
from onecurve.auditing.result import Audit
from onecurve.core.errors import DataError, SchemaError

GOLDEN = Path(__file__).with_name("golden") / "index.html"
NASTY = "<b>@all|`x`\x07"


def bare(made: Audit) -> Audit:
    """Without pictures, so that two audits compare."""
    stages = tuple(replace(one, findings=tuple(replace(inner, exhibits=()) for inner in one.findings)) for one in made.stages)
    return replace(made, stages=stages, findings=tuple(replace(one, exhibits=()) for one in made.findings))


def test_json_comes_back_as_the_same_audit(tmp_path: Path) -> None:
    made = audit(power={**POWER, "seconds_each": 1.5}, repair=REPAIR)
    back = read_audit(write_json(Outcome(made), tmp_path))
    assert bare(back) == bare(made)
    for before, after in zip(made.findings, back.findings, strict=True):
        assert [one.caption for one in after.exhibits] == [one.caption for one in before.exhibits]
        assert all(np.allclose(one.image, other.image, atol=1e-6) for one, other in zip(before.exhibits, after.exhibits, strict=True))


def test_json_is_strict_and_takes_numbers_of_numpy(tmp_path: Path) -> None:
    card = {"mean": np.float32(0.5), "counts": np.arange(2), "worst": float("-inf"), 3: (1, 2)}
    made = audit(TROJAN)
    path = write_json(Outcome(replace(made, looked=replace(made.looked, data_card=card))), tmp_path)
    json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    assert read_audit(path).looked.data_card == {"mean": 0.5, "counts": [0, 1], "worst": float("-inf"), "3": [1, 2]}


def test_json_without_its_pictures_and_of_another_schema(tmp_path: Path) -> None:
    path = write_json(
        Outcome(audit(replace(TROJAN, exhibits=(*TROJAN.exhibits, Exhibit(picture(1, channels=7), "seven channels"))))), tmp_path
    )
    assert [one.caption for one in read_audit(path).findings[0].exhibits] == [one.caption for one in TROJAN.exhibits]
    for file in (tmp_path / "pictures").iterdir():
        file.unlink()
    assert read_audit(path).findings[0].exhibits == ()
    path.write_text(path.read_text(encoding="utf-8").replace('"schema": 1', '"schema": 99', 1), encoding="utf-8")
    with pytest.raises(SchemaError, match="schema 1"):
        read_audit(path)
    with pytest.raises(DataError, match="no audit"):
        read_audit(tmp_path / "none.json")


def test_junit_fails_what_is_new_and_skips_what_is_accepted_or_was_not_seen(tmp_path: Path) -> None:
    suite = ET.parse(write_junit(Outcome(audit(), Baseline((Accepted(WEAK.id, why="known"),))), tmp_path)).getroot()[0]
    assert {name: suite.get(name) for name in ("tests", "failures", "skipped", "errors")} == {
        "tests": "6",
        "failures": "1",
        "skipped": "2",
        "errors": "0",
    }
    states = {
        case.get("classname", "").rpartition(".")[2]: [one.tag for one in case if one.tag != "system-out"]
        for case in suite.iter("testcase")
    }
    assert states["trojan-trigger"] == ["failure"]
    assert states["weak-class"] == ["skipped"]
    assert states["class-without-images"] == []


def test_junit_keeps_names_from_audit_to_audit_and_survives_control_characters(tmp_path: Path) -> None:
    again = replace(TROJAN, title=NASTY, effect=replace(TROJAN.effect, value=0.5))
    names = [
        [case.get("name") for case in ET.parse(write_junit(Outcome(audit(one)), tmp_path)).getroot().iter("testcase")]
        for one in (TROJAN, again)
    ]
    assert names[0] == names[1]


def test_the_comment_mentions_nobody_and_makes_no_mark_up_of_names() -> None:
    text = as_markdown(Outcome(audit(replace(WEAK, title=NASTY, classes=(NASTY,)))))
    assert "@all" not in text
    assert "\\<b\\>" in text
    assert "not looked at" in text.lower()


def test_the_comment_stays_short() -> None:
    many = audit(*(replace(EMPTY, where=str(at)) for at in range(SHOWN + 5)))
    text = as_markdown(Outcome(many))
    assert text.count("class-without-images") == SHOWN
    assert "5 more verified findings" in text


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    made = audit(power=None, repair=REPAIR)
    return Page(write_page(Outcome(made, Baseline((Accepted(WEAK.id, why="<i>known</i>"),))), tmp_path_factory.mktemp("page")))


def test_the_page_is_as_it_was(page: Page) -> None:
    """``ONECURVE_GOLDEN=write`` writes it anew; read the difference before keeping it."""
    made = re.sub(r"assets/[0-9a-f]{16}\.png", "assets/PICTURE.png", page.path.read_text(encoding="utf-8"))
    made = re.sub(r"\n\s*\n+", "\n", re.sub(r"Written by OneCurve \S+\. ", "Written by OneCurve VERSION. ", made))
    if os.environ.get("ONECURVE_GOLDEN") == "write":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(made, encoding="utf-8")
    assert made == GOLDEN.read_text(encoding="utf-8")


def test_the_page_is_sound(page: Page) -> None:
    """It shows large pictures that are there, and takes nothing of a name for mark-up."""
    assert len(page.ids()) == len(set(page.ids()))
    assert not page.all("i", "b") or all(one.text == "" for one in page.all("i"))
    shown = page.all("img")
    assert len(shown) == 3
    for one in shown:
        with Image.open(page.path.parent / one.attributes["src"]) as png:
            assert png.size == (int(one.attributes["width"]), int(one.attributes["height"])) == (224, 224)
        assert one.attributes["alt"]
    for link in page.all("link", "script"):
        assert (page.path.parent / (link.attributes.get("href") or link.attributes["src"])).is_file()


def test_the_page_sets_apart_what_was_not_seen_and_what_is_not_verified(page: Page) -> None:
    order = [one.attributes["id"] for one in page.all("section")]
    assert order == ["verified", "unverified", "refuted", "looks", "power", "repaired", "data", "limits"]
    text = re.sub(r"\s+", " ", page.all("main")[0].text)
    assert "changes of the whole image: the budget pays for no class (not looked at; says nothing about flaws)" in text
    assert "accepted: <i>known</i>" in text


def test_the_page_shows_the_power_as_curves_with_bands_and_every_planted_flaw(tmp_path: Path) -> None:
    page = Page(write_page(Outcome(audit(power=POWER)), tmp_path))
    charts = [one for one in page.all("svg") if one.attributes.get("class") == "power-chart"]
    assert len(charts) == 2
    assert sorted(one.attributes["class"] for one in page.all("polygon")) == ["power-band"] * 2 + ["power-wider"] * 2
    assert sorted(one.attributes["class"] for one in page.all("circle")) == ["power-dot"] * 4 + ["power-dot apart"] * 2
    tops = {float(one.attributes["cy"]) for one in page.all("circle")}
    assert tops == {12.0, 156.0}
    text = re.sub(r"\s+", " ", page.all("main")[0].text)
    assert "0.45 (0.30 to 0.50)" in text
    assert "Not measured, because too few were planted: it works at least half as well as planted." in text
    assert "7 of 8 (95% interval 0.47 to 1.00)" in text
    assert "easier by −0.4 logits than the curve says (95% interval −2.00 to 1.10" in text
    assert "0.2 (95% interval 0.1 to 0.4)" in text


def test_a_repair_is_told_before_and_after_with_intervals_on_the_page_and_in_the_comment(page: Page) -> None:
    on_page = re.sub(r"\s+", " ", page.all("main")[0].text).replace("“", "").replace("”", "").replace("\u00a0", " ")
    comment = as_markdown(Outcome(audit(repair=REPAIR))).replace("\\", "").replace("“", "").replace("”", "")
    for text in (on_page, comment):
        assert "sends a share of 0.95 (0.863 to 0.983) of fresh images of other classes to ship before, and 0 (0 to 0.0602) after" in text
        assert "0.9 (95% interval 0.85 to 0.94, n = 100) before, 0.88 (95% interval 0.82 to 0.92, n = 100) after" in text
        assert "no class stands apart any more; the next class takes 1.2 times as large a trigger (p = 0.4)" in text
        assert "not searched again: the time did not pay for all classes" in text
    assert "1 (0.912 to 1)" in on_page


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"refused": "there is no verified trigger to unlearn"}, "No repaired network: there is no verified trigger to unlearn."),
        ({**REPAIR, "refused": "it costs too much"}, "No repaired network: it costs too much. Finding"),
    ],
)
def test_a_repair_that_is_refused_says_why(told: dict[str, object], words: str) -> None:
    assert words in repair_words(audit(repair=told))
    assert "handed back" not in repair_words(audit(repair=told))
