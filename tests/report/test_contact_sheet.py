"""Every planted flaw is on the contact sheet, but what is clean or secret."""

from pathlib import Path

from report_fixture import results

from onecurve.report.pages.assets import Assets
from onecurve.report.pages.contact_sheet import MOST, contact_sheet
from onecurve.report.rows.secrecy import redacted_display
from onecurve.report.words.naming import CLEAN


def test_every_flaw_is_shown_with_its_target_and_success_by_kind(tmp_path: Path) -> None:
    whole = results(3, 2, 1, side=8)
    flawed = [one for one in whole.displays.values() if one.flaw != CLEAN]
    sheet = contact_sheet(whole.displays, whole.plants, Assets(tmp_path))
    assert {one.case for one in sheet} == {one.case for one in flawed}
    assert [one.flaw for one in sheet] == sorted(one.flaw for one in flawed)
    assert all(one.target and "%" in one.success for one in sheet)
    for one in sheet:
        assert 1 <= len(one.pictures) <= 3
        assert all((tmp_path / "assets" / shown.file).is_file() and shown.alt for shown in one.pictures)


def test_secret_flaws_are_left_out_and_the_sheet_stays_small(tmp_path: Path) -> None:
    whole = results(3, 2, 1, side=8)
    secret = next(case for case, one in whole.displays.items() if one.flaw != CLEAN)
    kept = {case: redacted_display(one, {secret}) for case, one in whole.displays.items()}
    assert secret not in {one.case for one in contact_sheet(kept, whole.plants, Assets(tmp_path))}
    example = whole.displays[secret]
    assert len(contact_sheet({str(n): example for n in range(MOST + 5)}, (), Assets(tmp_path))) == MOST
