"""What is typed on the screen of sweeps, read as on the command line."""

from __future__ import annotations

import pytest

from eetui.core.sweep.request import SweepRequest, read_request


def test_options_a_study_of_the_program_or_a_name():
    assert read_request("--lr 0.001..0.03 --runs 9 --set adam=fused --aim loss@1s") == SweepRequest(
        {"lr": "0.001..0.03", "adam": "fused"}, runs=9, aim="loss@1s"
    )
    assert read_request("sweep.sh") == SweepRequest({}, shipped="sweep.sh")
    assert read_request('"amber heron"') == SweepRequest({}, study="amber heron")


@pytest.mark.parametrize(
    ("typed", "part"),
    [
        ("--lr", "reads as on the command line"),
        ("--lr 1,2 --runs x", "takes a number"),
        ("--lr 1,2 --sampler best", "is one of"),
        ("'", "no partner"),
    ],
)
def test_what_cannot_be_read_is_refused(typed, part, refused):
    with refused(part):
        read_request(typed)
