"""The tables of what can be done on the main screen, the ladder screen and the race screen.

Key bindings, the key bar, the command palette and the help are all drawn from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding

from eetui.core.optimizations import CATALOGUE

TRAINING = "training"
TOGGLES = "toggles"
CHARTS = "charts"
NAMES = "names"
PROGRAM = "program"
LADDER = "the ladder"
RACE = "the race"
LABS = "labs"
RUNS = "the runs"
SWEEP = "the sweep"


@dataclass(frozen=True, slots=True)
class Action:
    """`action` is the screen's method in Textual's notation; `word` stands in the key bar."""

    action: str
    keys: str
    shown_key: str
    title: str
    group: str
    word: str = ""

    def binding(self) -> Binding:
        return Binding(
            self.keys,
            self.action,
            self.word or self.title,
            show=bool(self.word),
            key_display=self.shown_key,
        )


ACTIONS: tuple[Action, ...] = (
    Action("toggle_pause", "space", "space", "Pause or resume training", TRAINING, "pause"),
    Action("single_step", "full_stop", ".", "Do one single step", TRAINING),
    Action("configure", "c", "c", "Set up the model and the run", TRAINING, "set up"),
    Action("restart", "R", "R", "Start over from step 0", TRAINING),
    Action("lower_rate", "l", "l", "Lower the learning rate", TRAINING),
    Action("raise_rate", "L", "L", "Raise the learning rate", TRAINING),
    Action("undo", "u", "u", "Undo the last change", TRAINING),
    Action("redo", "U", "U", "Redo the change that was undone", TRAINING),
    Action("ghost", "G", "G", "Ghost: the run without its last change", TRAINING, "ghost"),
    Action("rewind", "h", "h", "Back to the last good step with half the rate", TRAINING),
    Action("go_on", "g", "g", "Go on after the plan is reached", TRAINING),
    Action("runs", "H", "H", "The runs so far: compare them, go on with one", TRAINING, "runs"),
    Action("travel(True)", "less_than_sign", "<", "Back along the timeline", TRAINING),
    Action("travel(False)", "greater_than_sign", ">", "Forth along the timeline", TRAINING),
    Action("step_back", "comma", ",", "One step back along the timeline, . one forth", TRAINING),
    Action("go_to_step", "colon", ":", "Look at any step of the run", TRAINING),
    Action("save", "s", "s", "Save a checkpoint", TRAINING),
    Action("open", "o", "o", "Open a checkpoint", TRAINING),
    *(
        Action(f"flip({e.key!r})", e.hotkey, e.hotkey, f"Toggle {e.name}", TOGGLES)
        for e in CATALOGUE
    ),
    *(
        Action(
            f"alternate({e.key!r}, {e.shortcut[1]!r})",
            e.shortcut[0],
            e.shortcut[0],
            f"Toggle {e.name}: {e.label(e.shortcut[1])}, and back",
            TOGGLES,
        )
        for e in CATALOGUE
        if e.shortcut is not None
    ),
    Action("preset('off')", "1", "1", "Everything off", TOGGLES),
    Action("preset('eemicrogpt')", "2", "2", "EEmicroGPT's set of toggles", TOGGLES),
    Action("preset('on')", "3", "3", "Everything on", TOGGLES),
    Action("preset('back')", "4", "4", "The toggles as they were before", TOGGLES),
    Action("double_batch", "b", "b", "Double the batch", TOGGLES),
    Action("halve_batch", "B", "B", "Halve the batch", TOGGLES),
    Action("measure", "equals_sign", "=", "Measure the selected toggle again, longer", TOGGLES),
    Action("climb", "C", "C", "Climb the ladder: every toggle measured", TOGGLES, "climb"),
    Action("race", "V", "V", "Race: every way of training, side by side", TOGGLES, "race"),
    Action("sweep", "S", "S", "Sweep: many short runs over a space of settings", TOGGLES),
    Action("labs", "P", "P", "Labs: predict, then measure", TOGGLES, "labs"),
    Action("switch_axis", "x", "x", "Steps or seconds on the x axis", CHARTS),
    Action("switch_scale", "y", "y", "The y axis close up, linear or logarithmic", CHARTS),
    Action("smooth_more", "plus", "+", "Smooth more", CHARTS),
    Action("smooth_less", "minus", "-", "Smooth less, at last not at all", CHARTS),
    Action("look_reset", "0", "0", "See the whole run again after zooming", CHARTS),
    Action("next_view", "z", "z", "Next view: all, loss, pace, names", CHARTS, "view"),
    Action("cooler", "left_square_bracket", "[", "Lower the temperature", NAMES),
    Action("warmer", "right_square_bracket", "]", "Raise the temperature", NAMES),
    Action("prefix", "slash", "/", "Begin every name with a prefix", NAMES),
    Action("picture", "w", "w", "Write a picture of the screen (SVG)", PROGRAM),
    Action("themes", "t", "t", "Choose a theme", PROGRAM),
    Action("help", "question_mark", "?", "Help", PROGRAM, "help"),
    Action("quit", "q", "q", "Quit", PROGRAM, "quit"),
)

LADDER_ACTIONS: tuple[Action, ...] = (
    Action("leave", "escape,q", "esc", "Back to the training", LADDER, "back to the training"),
    Action("again", "r", "r", "Climb again", LADDER, "climb again"),
    Action("ablate", "a", "a", "Climb, and take each rung away alone", LADDER, "take away"),
    Action("picture", "w", "w", "Write a picture of the ladder (SVG)", LADDER, "picture"),
    Action("scroll(1)", "j,down", "j", "Scroll down", LADDER),
    Action("scroll(-1)", "k,up", "k", "Scroll up", LADDER),
    Action("help", "question_mark", "?", "Help", LADDER, "help"),
)

LAB_ACTIONS: tuple[Action, ...] = (
    Action("leave", "escape,q", "esc", "Back to the training", LABS, "back to the training"),
    Action("export", "e", "e", "Write the results (Markdown, JSON)", LABS, "hand in"),
    Action("picture", "w", "w", "Write a picture of the lab (SVG)", LABS, "picture"),
    Action("scroll(1)", "J,pagedown", "J", "Scroll down", LABS),
    Action("scroll(-1)", "K,pageup", "K", "Scroll up", LABS),
    Action("help", "question_mark", "?", "Help", LABS, "help"),
)

RACE_ACTIONS: tuple[Action, ...] = (
    Action("leave", "escape,q", "esc", "Back to the training", RACE, "back"),
    Action("toggle_pause", "space,enter", "space", "Pause the race or go on", RACE, "pause"),
    Action("skip", "s", "s", "End the contestant under the cursor", RACE, "skip"),
    Action("again", "r", "r", "Race or measure again", RACE, "again"),
    Action("choose", "c", "c", "Choose who races", RACE, "who"),
    Action("widen", "d", "d", "Race at the next d_model: 16, 32, 64, 128", RACE, "d_model"),
    Action("switch_order", "o", "o", "Sort by pace, loss, time to the threshold, line-up", RACE),
    Action("switch_axis", "x", "x", "The x axis logarithmic or linear", RACE),
    Action("switch_scale", "y", "y", "The y axis with everything or close up", RACE),
    Action("next_view", "z", "z", "Next view: all, league, chart, contestant", RACE, "view"),
    Action("measure", "m", "m", "The loss within a second, and a GPU's step", RACE, "measure"),
    Action("picture", "w", "w", "Write a picture of the race (SVG)", RACE, "picture"),
    Action("help", "question_mark", "?", "Help", RACE, "help"),
)

RUNS_ACTIONS: tuple[Action, ...] = (
    Action("leave", "escape,q", "esc", "Back to the training", RUNS, "back"),
    Action("resume", "enter", "enter", "Go on with the run under the cursor", RUNS, "go on"),
    Action("tick", "space", "space", "Lay the run over the chart, or fold a group", RUNS, "tick"),
    Action("untick", "U", "U", "Untick all", RUNS),
    Action("filter", "slash", "/", "Filter as you type: words or key=value", RUNS, "filter"),
    Action("switch_order", "o", "o", "Sort by the next column", RUNS, "sort"),
    Action("reverse", "O", "O", "Sort the other way round", RUNS),
    Action("group", "g", "g", "Group by settings into a tree", RUNS, "group"),
    Action("rename", "n", "n", "Give the run another name", RUNS, "name"),
    Action("note", "N", "N", "Write a note on the run", RUNS),
    Action("pin", "p", "p", "Pin the run, so that it is never pruned", RUNS),
    Action("delete", "d,delete", "d", "Delete the ticked runs, or this one", RUNS, "delete"),
    Action("undo", "u", "u", "Bring back what was deleted", RUNS),
    Action("export", "e", "e", "Write the run as a capsule to replay", RUNS),
    Action("switch_axis", "x", "x", "By steps, by seconds, by samples", RUNS),
    Action("switch_scale", "y", "y", "The loss close up, or all of it", RUNS),
    Action("switch_loss", "l", "l", "The loss or the held-out loss", RUNS),
    Action("next_view", "z", "z", "Next view: all, list, chart", RUNS, "view"),
    Action("picture", "w", "w", "Write a picture of the runs (SVG)", RUNS),
    Action("help", "question_mark", "?", "Help", RUNS, "help"),
)

SWEEP_ACTIONS: tuple[Action, ...] = (
    Action("leave", "escape,q", "esc", "Back to the training; the study is kept", SWEEP, "back"),
    Action("new", "n", "n", "Begin a sweep, or go on with a study", SWEEP, "new"),
    Action("toggle_pause", "space", "space", "Pause the sweep or go on", SWEEP, "pause"),
    Action("stop", "s", "s", "Stop the sweep; the study is kept", SWEEP, "stop"),
    Action("open", "enter", "enter", "Open the point as a live run", SWEEP, "open"),
    Action("tick", "t", "t", "Lay the point's runs over each other", SWEEP, "tick"),
    Action("untick", "U", "U", "Untick all", SWEEP),
    Action("next_on_front", "f", "f", "The next point on the front", SWEEP, "front"),
    Action("switch_x", "x", "x", "The next setting on the map's x axis", SWEEP, "map"),
    Action("switch_y", "y", "y", "The next setting on the map's y axis", SWEEP),
    Action("export", "e", "e", "Write the study (CSV, JSON, Parquet)", SWEEP),
    Action("next_view", "z", "z", "Next view: map, front, league, what matters", SWEEP, "view"),
    Action("picture", "w", "w", "Write a picture of the sweep (SVG)", SWEEP),
    Action("help", "question_mark", "?", "Help", SWEEP, "help"),
)

BINDINGS = [action.binding() for action in ACTIONS]
LADDER_BINDINGS = [action.binding() for action in LADDER_ACTIONS]
LAB_BINDINGS = [action.binding() for action in LAB_ACTIONS]
RACE_BINDINGS = [action.binding() for action in RACE_ACTIONS]
RUNS_BINDINGS = [action.binding() for action in RUNS_ACTIONS]
SWEEP_BINDINGS = [action.binding() for action in SWEEP_ACTIONS]


def group(name: str) -> list[Action]:
    """The actions of one group, in the order of their table."""
    tables = (*ACTIONS, *LADDER_ACTIONS, *LAB_ACTIONS, *RACE_ACTIONS, *RUNS_ACTIONS, *SWEEP_ACTIONS)
    return [action for action in tables if action.group == name]
