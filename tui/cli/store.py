"""`eetui runs`: the runs in the store as tables or JSON, and keeping them in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from eetui.core.errors import UsageError
from eetui.core.store.retention import Retention
from eetui.tui.cli.output import JSON, complain, print_json, print_text

if TYPE_CHECKING:
    from eetui.core.store.store import Store

runs = typer.Typer(
    name="runs",
    help="List, compare and keep the runs that wrote themselves down.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

File = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="The file of the runs, if not the one in your data folder.",
        metavar="FILE",
        envvar="EETUI_STORE",
        show_envvar=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help=JSON)]
Run = Annotated[
    str,
    typer.Argument(
        help="Its id, the beginning of it, its name, or 'last'.", metavar="RUN", show_default=False
    ),
]
RETENTION = Retention()


def opened(chosen: str | None) -> Store:
    """The store that an option, the environment or the configuration file names."""
    from eetui.core.settings import load_config
    from eetui.core.store.store import Store, find_store

    return Store(find_store(chosen or load_config().get("store")))


@runs.command("list")
def list_runs(
    store: File = None,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="Those that were deleted and can be restored.")
    ] = False,
    json: Json = False,
) -> int:
    """List all runs, the newest first."""
    with opened(store) as found:
        rows = found.runs(deleted=deleted)
        if json:
            print_json({"store": str(found.path), "runs": [run.to_json() for run in rows]})
            return 0
        from eetui.tui.cli.store_tables import print_runs

        print_runs(rows)
        if not deleted:
            complain(
                f"{len(rows):,} runs in {found.path}, {found.size / 1e6:,.1f} MB. They stay until "
                f"`eetui runs prune`, which keeps pinned ones, the newest {RETENTION.newest} and "
                f"those of the last {RETENTION.days:.0f} days."
            )
    return 0


@runs.command()
def show(run: Run, store: File = None, json: Json = False) -> int:
    """Show all of a run: where and how it was trained, its curve, its names, its commands."""
    with opened(store) as found:
        row = found.find(run)
        if json:
            print_json(_everything(found, row.id) | row.to_json())
            return 0
        from eetui.tui.cli.store_tables import print_run

        print_run(row, found.curves(row.id), found.names(row.id), found.log(row.id))
    return 0


@runs.command()
def compare(
    a: Annotated[str, typer.Argument(help="A run.", metavar="A", show_default=False)],
    b: Annotated[str, typer.Argument(help="Another one.", metavar="B", show_default=False)],
    store: File = None,
    json: Json = False,
) -> int:
    """Compare two runs: settings that differ, and both losses at the same steps and seconds."""
    from dataclasses import asdict

    from eetui.core.store.compare import compare as compare_runs

    with opened(store) as found:
        first, second = found.find(a), found.find(b)
        if first.id == second.id:
            raise UsageError(f"{a} and {b} are the same run: name two.")
        result = compare_runs(first, second, found.runs(), found.curves)
        if json:
            verdict = result.verdict
            print_json(
                asdict(result)
                | {"a": first.to_json(), "b": second.to_json()}
                | {"more_than_seeds": verdict.more_than_seeds if verdict else None}
            )
            return 0
        from eetui.tui.cli.store_tables import print_comparison

        print_comparison(first, second, result)
    return 0


@runs.command()
def export(
    run: Run,
    file: Annotated[
        str,
        typer.Argument(
            help=".json: all of it. .csv: its curve. .safetensors: a checkpoint to load.",
            metavar="FILE",
            show_default=False,
        ),
    ],
    store: File = None,
    json: Json = False,
) -> int:
    """Write a run to a file: everything as JSON, the curve as CSV, or its state as a checkpoint."""
    import json as codec

    from eetui.core.files import named, write_atomically
    from eetui.core.run import checkpoint
    from eetui.core.store.export import curve_csv
    from eetui.core.store.resume import resume

    path = named(file)
    with opened(store) as found:
        row = found.find(run)
        match path.suffix:
            case ".json":
                everything = _everything(found, row.id) | row.to_json()
                content = codec.dumps(everything, allow_nan=False).encode()
            case ".csv":
                content = curve_csv(found.curves(row.id)).encode()
            case ".safetensors":
                content = checkpoint.to_bytes(resume(found, row.id).checkpoint)
            case _:
                raise UsageError(f"{path} must end in .json, .csv or .safetensors.")
        write_atomically(path, content)
    _told({"run": row.id, "file": str(path), "bytes": len(content)}, f"Wrote {path}.", json)
    return 0


@runs.command()
def rename(
    run: Run,
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)],
    store: File = None,
    json: Json = False,
) -> int:
    """Give a run another name."""
    with opened(store) as found:
        row = found.find(run)
        found.rename(row.id, name)
        after = found.find(row.id)
    _told(after.to_json(), f"{row.name} is now called {after.name}.", json)
    return 0


@runs.command()
def note(
    run: Run,
    text: Annotated[str, typer.Argument(metavar="TEXT", show_default=False)],
    store: File = None,
    json: Json = False,
) -> int:
    """Write a note on a run; an empty text takes it away."""
    with opened(store) as found:
        row = found.find(run)
        found.annotate(row.id, text)
        after = found.find(row.id)
    _told(after.to_json(), f"Noted on {row.name}.", json)
    return 0


@runs.command()
def pin(
    run: Run,
    off: Annotated[bool, typer.Option("--off", help="Take the pin away.")] = False,
    store: File = None,
    json: Json = False,
) -> int:
    """Pin a run, so that it is never pruned."""
    with opened(store) as found:
        row = found.find(run)
        found.pin(row.id, not off)
        after = found.find(row.id)
    _told(after.to_json(), f"{row.name} is {'no longer ' if off else ''}pinned.", json)
    return 0


@runs.command()
def rm(
    run: Annotated[list[str], typer.Argument(metavar="RUN...", show_default=False)],
    undo: Annotated[bool, typer.Option("--undo", help="Restore what was deleted.")] = False,
    store: File = None,
    json: Json = False,
) -> int:
    """Delete runs; --undo restores them until the store is pruned."""
    with opened(store) as found:
        chosen = [found.find(each, deleted=undo) for each in run]
        rows = list({row.id: row for row in chosen}.values())
        (found.restore if undo else found.delete)([row.id for row in rows])
    names = ", ".join(row.name for row in rows)
    message = f"Restored {names}." if undo else f"Deleted {names}; --undo restores it."
    _told({"restored" if undo else "deleted": [row.id for row in rows]}, message, json)
    return 0


@runs.command()
def prune(
    keep: Annotated[
        int, typer.Option("--keep", help="The newest so many runs stay.", min=0)
    ] = RETENTION.newest,
    days: Annotated[
        float, typer.Option("--days", help="Those written to in so many days stay.", min=0)
    ] = RETENTION.days,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    store: File = None,
    json: Json = False,
) -> int:
    """Remove deleted runs and old ones for good, pinned ones never, and make the file small."""
    retention = Retention(keep, days)
    with opened(store) as found:
        before = found.size
        gone = found.prunable(retention) if dry_run else found.prune(retention)
        after = found.size
    printed = {"removed": [run.id for run in gone], "bytes_before": before, "bytes_after": after}
    would = "would go" if dry_run else "are gone for good"
    sizes = f"{before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now"
    _told(printed | {"dry_run": dry_run}, f"{len(gone):,} runs {would}; {sizes}.", json)
    return 0


def _everything(store: Store, run: str) -> dict[str, object]:
    """What the list does not hold: curves, names and the command log."""
    import json

    log = store.log(run)
    return {
        "curves": store.curves(run).to_json(),
        "names": store.names(run),
        "log": json.loads(log) if log else None,
    }


def _told(printed: dict[str, object], message: str, as_json: bool) -> None:
    if as_json:
        print_json(printed)
    else:
        print_text(message)
