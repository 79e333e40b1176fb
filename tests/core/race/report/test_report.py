"""A report: what a reader needs is in it, and its pictures are pictures."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from eetui.core.curves.history import Curve
from eetui.core.curves.log_points import decades, loss_points
from eetui.core.race.lane import RacePlan
from eetui.core.race.league import compete
from eetui.core.race.report.folder import require_folder, write_report
from eetui.core.race.report.markdown import markdown
from eetui.core.race.report.pictures import league_chart, loss_chart
from eetui.core.race.report.to_json import league_json
from eetui.core.race.standing import Names
from eetui.core.race.studies import one_second
from eetui.core.race.studies.launch_model import LaunchResult
from tests.core.race.conftest import Fake


@pytest.fixture
def league(race, clock):
    """The end of a race of four, one of whom cannot run."""
    return race(
        [
            Fake("scalar", clock, us=50_000, batch=1),
            Fake("native", clock, us=50),
            Fake("rnn", clock, us=500, batch=1, model="a recurrent net"),
            Fake("torch", clock, missing="torch is not installed: pip install 'eetui[torch]'."),
        ],
        seconds=2,
    )[-1]


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter() if element.text]


def test_the_files(league, tmp_path):
    folder = tmp_path / "new" / "report"
    write_report(folder, league)
    assert {path.name for path in folder.iterdir()} == {
        "report.md", "league.svg", "loss.svg", "race.json",
    }  # fmt: skip
    printed = json.loads((folder / "race.json").read_text())
    assert printed["table"] == json.loads(json.dumps(league_json(league)["table"]))
    text = (folder / "report.md").read_text()
    for name in ("league.svg", "loss.svg"):
        assert f"]({name})" in text


def test_the_text_says_how_it_was_measured(league):
    text = markdown(league)
    for words in (
        "3 ways of training",
        "d_model 8, 4 heads, 1 block, block size 16, relu: 1,328 parameters",
        "equal rules", "learning rate 0.007, constant", "2 s of training each",
        "slices of about 50 ms in turn", "seed 42", "numpy ", "eetui ", "**Machine**",
        "Speed-ups are over scalar on", "pip install 'eetui[torch]'",
        "- `rnn`: a recurrent net, clockwork",
    ):  # fmt: skip
        assert words in text, words
    native, rnn, scalar = (
        next(line for line in text.splitlines() if line.startswith(f"| `{name}`"))
        for name in ("native", "rnn", "scalar")
    )
    assert "| 3.12 | 16,000× | 640,000 | 1.000 | 0.05 s |" in native
    assert "(another model)" in rnn
    assert "| 1.00× |" in scalar
    assert "mJ/step" not in text


def test_what_was_measured_beside_is_in_it(league, clock):
    result = one_second.OneSecondResult("native", 16, 16, 0.008, 4000, 1.0, 2.1, 2.0869)
    absent = one_second.OneSecondResult("native+matrix", 16, 16, 0.008, reason="There is no unit.")
    text = markdown(league, [result, absent], [LaunchResult(16, 16, league.standings)])
    assert "| 16 | `native` | 250.0 | 4,000 | 2.1000 | 2.0869 |" in text
    assert "`native+matrix`: There is no unit." in text
    assert "| 16 | 50.0 (`native`) | 130 (2.60×) | 410 (8.20×) | 610 (12.2×) |" in text
    assert "No GPU was measured here." in text


def test_a_report_of_nothing(race, clock):
    league = race([Fake("torch", clock, missing="It is not there.")], seconds=1)[-1]
    assert "It is not there." in markdown(league)
    for chart in (league_chart(league), loss_chart(league)):
        assert "Nobody has taken a step." in texts(chart)


def test_the_pictures_show_everyone_who_raced(league):
    for chart in (league_chart(league), loss_chart(league)):
        shown = texts(chart)
        assert {"scalar", "native", "rnn"} <= {*shown}
        assert "torch" not in shown
    assert shown.count("native") == 1


def test_labels_of_equal_lines_do_not_touch(race, clock):
    names = [f"contestant {i}" for i in range(16)]
    league = race([Fake(name, clock) for name in names], seconds=1)[-1]
    labels = [e for e in ET.fromstring(loss_chart(league)).iter() if e.text in names]
    heights = sorted(float(label.attrib["y"]) for label in labels)
    assert len(heights) == len(names)
    assert min(np.diff(heights)) >= 14


def test_points_are_means_over_the_time_before_them():
    seconds = np.arange(1, 1001) / 100
    loss = np.where(seconds <= 5, 3.0, 2.0)
    curve = Curve(np.arange(1, 1001) * 4, seconds, loss, np.zeros(1000))
    at, found = loss_points(curve, 50)
    assert 20 <= len(at) <= 50
    assert (at[0], at[-1]) == pytest.approx((0.01, 10))
    assert found[at <= 5] == pytest.approx(3.0)
    assert found[at >= 7.6] == pytest.approx(2.0)
    between = (at > 5.2) & (at < 7.4)
    assert np.all((found[between] > 2.0) & (found[between] < 3.0))


@pytest.mark.parametrize("n", [0, 1])
def test_a_short_curve_is_itself(n):
    curve = Curve(np.ones(n, np.int64), np.ones(n), np.full(n, 3.0), np.ones(n))
    at, found = loss_points(curve, 50)
    assert (at.tolist(), found.tolist()) == ([1.0] * n, [3.0] * n)


def test_decades_enclose():
    assert decades(0.002, 30) == pytest.approx([0.001, 0.01, 0.1, 1, 10, 100])
    assert decades(1, 1) == [1, 10]


def test_a_folder_that_cannot_be_is_refused_at_once(tmp_path, refused):
    (tmp_path / "file").write_text("")
    with refused("cannot be made"):
        require_folder(tmp_path / "file" / "report")


def test_the_pictures_are_drawn_as_they_were(league, snapshot):
    """To a hundredth of a point; after a change that is meant: pytest --snapshot-update."""
    assert league_chart(league) == snapshot(name="league")
    assert loss_chart(league) == snapshot(name="loss")


def test_losses_are_compared_on_documents_that_are_held_out(task, clock):
    held_out = replace(task, dataset=task.dataset.with_held_out(0.1))
    fakes = [Fake("scalar", clock, us=50_000, batch=1), Fake("native", clock, us=50)]
    *_, league = compete(held_out, fakes, RacePlan(seconds=2), clock=clock)
    assert [s.held_out for s in league.standings] == [2.44, 2.44]
    assert all(s.seconds < 3 for s in league.standings)  # measured off the clock
    text = markdown(league)
    assert "| held-out loss |" in text
    assert "first 512 of 3,316 documents that no contestant is trained on" in text
    assert "| 2.440 |" in next(row for row in text.splitlines() if row.startswith("| `native`"))
    printed = league_json(league)
    assert printed["held_out_documents"] == 3316
    assert printed["table"][1]["held_out_loss"] == 2.44


def test_where_none_is_held_out_the_report_says_so(league):
    text = markdown(league)
    assert "none is held out" in text
    assert "| loss |" in text
    assert league_json(league)["table"][0]["held_out_loss"] is None


def test_the_first_and_the_last_names_are_told(league):
    told = tuple(Names(10**k, 10.0**-k, (f"ann{k}", "a|b")) for k in range(4))
    standings = tuple(
        replace(s, names=told if s.name == "native" else ()) for s in league.standings
    )
    text = markdown(replace(league, standings=standings))
    assert r"| `native` | 1 | 1 s | ann0, a\|b |" in text
    assert r"| `native` | 1,000 | 0.001 s | ann3, a\|b |" in text
    assert "ann1" not in text
    one = tuple(replace(s, names=told[:1] if s.name == "rnn" else ()) for s in league.standings)
    assert markdown(replace(league, standings=one)).count("ann0") == 1


def test_the_figures_are_written_for_people_too(league, tmp_path):
    """A line a figure, in the order of the report, and names as they are."""
    named = replace(league, data="nömes")
    write_report(tmp_path, named)
    text = (tmp_path / "race.json").read_text()
    assert "nömes" in text
    assert text.startswith('{\n "')
    assert text.endswith("}\n")
