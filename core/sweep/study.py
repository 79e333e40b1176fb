"""A study: Optuna says which points to try and which to give up, and keeps what became of them.

Points are asked for and told in memory, which takes a fraction of what a database takes. Finished
points are put into the storage many at once, so nothing there is ever half a truth. The points of a
grid are given out by the storage instead: they wait in it, and each is taken by one driver.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import SystemRandom
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from eetui.core.errors import EetuiError, UsageError
from eetui.core.store.run_names import two_words
from eetui.core.sweep.point import SeedResult, State, SweepPoint
from eetui.core.sweep.search import distributions_of, pruner_of, sampler_of
from eetui.core.sweep.storage import (
    HEARTBEAT_SECONDS,
    Place,
    default_path,
    open_storage,
    optuna,
    told,
)
from eetui.core.sweep.sweep_plan import SweepPlan
from eetui.core.sweep.trial_rows import add_finished, count_trials
from eetui.core.text import visible

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study as OptunaStudy
    from optuna.trial import FrozenTrial, Trial

PLAN = "eetui plan"
POINT = "eetui point"
"""All of a point is one attribute of its trial: each costs a database some milliseconds."""
TRIES = 1000
"""Points that do not go together in a row, after which a search is given up."""
REFRESH_SECONDS = 2.0
WRITE_SECONDS = 0.5
"""How long a finished point may wait for others, to be put down together with them."""


@dataclass(slots=True)
class Asked:
    """A point to try. waiting: its number in the storage, where it waited there, else None.

    known: trainings that are done already.
    """

    point: SweepPoint
    trial: Trial
    waiting: int | None = None
    known: tuple[SeedResult, ...] = ()


class Study:
    """A study that is open. name: within its storage. points: the finished ones, ours or not."""

    def __init__(
        self,
        place: Place,
        storage: BaseStorage,
        stored: OptunaStudy,
        plan: SweepPlan,
        *,
        is_new: bool = False,
    ) -> None:
        library = optuna()
        self.place, self.plan, self.name = place, plan, str(stored.study_name)
        self._stored, self._storage = stored, storage
        self._id = storage.get_study_id_from_name(stored.study_name)
        self._distributions = distributions_of(plan.space)
        self._seen: set[int] = set()
        self._unwritten: list[FrozenTrial] = []
        self._write_due = self._due = 0.0
        self._count = 0
        self._own = uuid4().hex
        self._alive = monotonic()
        self._waiting: deque[FrozenTrial] = deque()
        self._taken: dict[int, int] = {}
        trials = self._read()
        self._memory = library.create_study(
            sampler=sampler_of(plan, is_new=is_new), pruner=pruner_of(plan)
        )
        self.points: list[SweepPoint] = []
        self._learn(trials)

    @property
    def reference(self) -> str:
        """What finds the study again: its name, with its place where that is not the usual one."""
        if self.place.file == default_path():
            return f'"{self.name}"'
        return f'"{self.place.shown}#{self.name}"'

    # -- asking and telling ---------------------------------------------------------------------

    def ask(self) -> Asked | None:
        """The next point to try; None where there is none, at least for now."""
        with told(self.place):
            if self._waiting:
                return self._claimed()
            if self.plan.sampler == "grid":
                return None
            for _ in range(TRIES):
                trial = self._memory.ask(self._distributions)
                if self.plan.space.is_legal(trial.params):
                    return Asked(SweepPoint(trial.number, dict(trial.params), "running"), trial)
                self._memory.tell(trial, state=optuna().trial.TrialState.FAIL)
        raise UsageError(
            "No point of the space that was tried is legal: heads must divide d_model."
        )

    def _claimed(self) -> Asked | None:
        """The next of those that wait in the storage, unless other drivers have taken all."""
        running = optuna().trial.TrialState.RUNNING
        while self._waiting:
            found = self._waiting.popleft()
            try:
                trial_id = self._storage.get_trial_id_from_study_id_trial_number(
                    self._id, found.number
                )
                if not self._storage.set_trial_state_values(trial_id, running):
                    continue
            except optuna().exceptions.UpdateFinishedTrialError:
                continue
            self._memory.enqueue_trial(found.params)
            trial = self._memory.ask(self._distributions)
            known = tuple(
                map(SeedResult.from_json, found.user_attrs.get(POINT, {}).get("trainings", ()))
            )
            point = SweepPoint(trial.number, dict(trial.params), "running", known)
            self._taken[found.number] = trial_id
            return Asked(point, trial, found.number, known)
        return None

    def report(self, asked: Asked, step: int, value: float) -> bool:
        """A figure of a point on its way; answers whether it is losing and should end."""
        if self.plan.pruner == "none":
            return False
        asked.trial.report(value, step)
        return bool(asked.trial.should_prune())

    def tell(self, asked: Asked, point: SweepPoint) -> None:
        """Keep what became of a point; `write` puts it down."""
        library = optuna()
        done = point.state == "done"
        states = library.trial.TrialState
        state = states.COMPLETE if done else states.PRUNED
        state = states.FAIL if point.state == "failed" else state
        frozen = self._memory.tell(asked.trial, point.mean if done else None, state=state)
        attributes = {POINT: {**_attributes(point), "by": self._own}}
        self.points.append(point)
        if asked.waiting is not None:
            with told(self.place):
                trial_id = self._taken.pop(asked.waiting)
                self._storage.set_trial_user_attr(trial_id, POINT, attributes[POINT])
                values = [point.mean] if done and point.mean is not None else None
                self._storage.set_trial_state_values(trial_id, state, values)
            return
        trial = library.trial.create_trial(
            state=state,
            value=point.mean if done else None,
            params=frozen.params,
            distributions=frozen.distributions,
            user_attrs=attributes,
            intermediate_values=frozen.intermediate_values,
        )
        if not self._unwritten:
            self._write_due = monotonic() + WRITE_SECONDS
        self._unwritten.append(trial)

    def write(self) -> None:
        """Put down all that is finished."""
        unwritten, self._unwritten = self._unwritten, []
        with told(self.place):
            add_finished(self._storage, self._id, unwritten)
        self._count += len(unwritten)

    def put_back(self, asked: Asked, trainings: Sequence[SeedResult]) -> None:
        """Leave a point for whoever goes on with the study, with what is known of it."""
        library = optuna()
        states = library.trial.TrialState
        with told(self.place):
            if asked.waiting is not None:
                trial_id = self._taken.pop(asked.waiting)
                self._storage.set_trial_state_values(trial_id, states.FAIL)
            trial = library.trial.create_trial(
                state=states.WAITING,
                params=asked.trial.params,
                distributions=asked.trial.distributions,
                user_attrs={POINT: {"trainings": [t.to_json() for t in trainings]}},
            )
            self._storage.create_new_trial(self._id, trial)

    # -- what others do -------------------------------------------------------------------------

    def refresh(self) -> None:
        """Put down what has waited long enough, learn of what other drivers have finished, and show
        the storage that we are alive."""
        if self._unwritten and monotonic() > self._write_due:
            self.write()
        if monotonic() < self._due:
            return
        self._due = monotonic() + REFRESH_SECONDS
        with told(self.place):
            if monotonic() - self._alive > HEARTBEAT_SECONDS and self._taken:
                self._alive = monotonic()
                beat = getattr(self._storage, "record_heartbeat", None)
                for trial_id in self._taken.values() if beat else ():
                    assert beat is not None
                    beat(trial_id)
            optuna().storages.fail_stale_trials(self._stored)
            if self._taken or self._waiting or self._has_others():
                self._learn(self._read())

    def _has_others(self) -> bool:
        """Whether the storage may have trials beside those that were read and ours since then."""
        return count_trials(self._storage, self._id) != self._count

    @property
    def others_running(self) -> int:
        """Points of a grid that other drivers have taken, alive or about to be given up."""
        running = optuna().trial.TrialState.RUNNING
        with told(self.place):
            found = self._stored.get_trials(deepcopy=False, states=(running,))
        return sum(trial.number not in self._taken for trial in found)

    def _read(self) -> list[FrozenTrial]:
        """What has finished since the last time; what waits is kept for later."""
        with told(self.place):
            trials = self._stored.get_trials(deepcopy=False)
        self._count = len(trials)
        states = optuna().trial.TrialState
        waiting = [trial for trial in trials if trial.state == states.WAITING]
        self._waiting = deque(waiting)
        finished = [t for t in trials if t.state.is_finished() and t.number not in self._seen]
        self._seen.update(trial.number for trial in finished)
        return [trial for trial in finished if self._is_news(trial.user_attrs.get(POINT, {}))]

    def _is_news(self, kept: Mapping[str, Any]) -> bool:
        """Whether a finished trial is a point that this driver has not told of itself."""
        return "state" in kept and kept.get("by") != self._own

    def _learn(self, trials: Sequence[FrozenTrial]) -> None:
        for trial in trials:
            self._memory.add_trial(trial)
            number = len(self._memory.get_trials(deepcopy=False)) - 1
            self.points.append(_point(number, trial))

    # -- what it says ---------------------------------------------------------------------------

    def importances(self) -> dict[str, float]:
        """How much each setting has to do with the result, 0 to 1 (Optuna's PED-ANOVA)."""
        library = optuna()
        done = [point for point in self.points if point.state == "done"]
        if len(done) < 2 or len({point.mean for point in done}) < 2:
            return {}
        evaluator = library.importance.PedAnovaImportanceEvaluator()
        try:
            found = library.importance.get_param_importances(self._memory, evaluator=evaluator)
        except (ValueError, RuntimeError):  # too few points that differ
            return {}
        return {str(key): float(value) for key, value in found.items()}

    def change_plan(self, plan: SweepPlan) -> None:
        """Go on with more runs or seconds."""
        with told(self.place):
            self.plan = plan
            self._stored.set_user_attr(PLAN, plan.to_json())


def create_study(place: Place, plan: SweepPlan) -> Study:
    """A new study; raises `UsageError` where there is one of that name."""
    library = optuna()
    storage = open_storage(place, make=True)
    name = place.name
    with told(place):
        taken = set(library.get_all_study_names(storage))
        while name is None or (place.name is None and name in taken):
            name = two_words(SystemRandom())
        if name in taken:
            raise UsageError(
                f"There is a study {visible(name)} already: go on with it by --study alone."
            )
        stored = library.create_study(storage=storage, study_name=name, direction="minimize")
        stored.set_user_attr(PLAN, plan.to_json())
        if plan.sampler == "grid":
            distributions = distributions_of(plan.space)
            study_id = storage.get_study_id_from_name(name)
            for point in plan.space.points()[: plan.total]:
                trial = library.trial.create_trial(
                    state=library.trial.TrialState.WAITING,
                    params=point,
                    distributions=distributions,
                )
                storage.create_new_trial(study_id, trial)
    return Study(place, storage, stored, plan, is_new=True)


def open_study(place: Place) -> Study:
    """A study that is there; raises `UsageError` where there is none, or several to choose from."""
    library = optuna()
    storage = open_storage(place, make=False)
    with told(place):
        names = library.get_all_study_names(storage)
        name = place.name or (names[0] if len(names) == 1 else None)
        if not names:
            raise UsageError(f"There is no study at {visible(place.shown)} yet.")
        if name is None:
            some = ", ".join(visible(each) for each in names[:10])
            raise UsageError(
                f"{visible(place.shown)} has {len(names)} studies ({some}): name one behind a #."
            )
        if name not in names:
            raise UsageError(f"There is no study {visible(name)} at {visible(place.shown)}.")
        stored = library.load_study(study_name=name, storage=storage)
        values = stored.user_attrs.get(PLAN)
    if values is None:
        raise UsageError(f"{visible(name)} is a study of another program: begin a new one.")
    try:
        plan = SweepPlan.from_json(values)
    except (KeyError, TypeError, AttributeError, UsageError) as error:
        raise EetuiError(
            f"The study {visible(name)} was written by another version of eetui: begin a new one."
        ) from error
    return Study(place, storage, stored, plan)


def study_names(place: Place) -> list[str]:
    """The studies at a place, none where there is nothing."""
    if place.file is not None and not place.file.exists():
        return []
    storage = open_storage(place, make=False)
    with told(place):
        return [str(name) for name in optuna().get_all_study_names(storage)]


def _attributes(point: SweepPoint) -> dict[str, Any]:
    return {
        "state": point.state,
        "why": point.why,
        "trainings": [training.to_json() for training in point.trainings],
    }


def _point(number: int, trial: FrozenTrial) -> SweepPoint:
    kept = trial.user_attrs[POINT]
    state: State = kept["state"]
    trainings = tuple(map(SeedResult.from_json, kept["trainings"]))
    return SweepPoint(number, dict(trial.params), state, trainings, kept["why"])
