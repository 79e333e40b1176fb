"""What a worker is told, and what it has found where nothing came of it."""

from __future__ import annotations

import json
from dataclasses import asdict

from eetui.core.sweep.aim import parse_aim
from eetui.core.sweep.job import RUNGS, Job, JobResult


def test_a_job_that_came_to_nothing_has_cost_nothing():
    assert asdict(JobResult((3, 7), "withdrawn")) == {
        "key": (3, 7), "ending": "withdrawn", "value": None, "held_out": None, "loss": None,
        "steps": 0, "seconds": 0.0, "clock": "cpu", "front": (), "cost": 0.0, "busy": 0.0,
        "why": "", "kept": None,
    }  # fmt: skip


def test_a_job_reports_in_eighths_and_travels_as_json():
    job = Job(3, 7, {"d_model": 8, "adam": "fused"}, parse_aim("loss@1s"))
    assert job.is_told
    assert RUNGS == 8
    for each in (job, Job(3, 7, {}, parse_aim("time@2.0"), is_told=False)):
        assert Job.from_json(json.loads(json.dumps(each.to_json()))) == each
