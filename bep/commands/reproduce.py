"""`bep reproduce NAME`: one command per result of docs/results.md."""

import json
import logging
import shlex
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer import Argument, Option

from bep import results as output
from bep.commands import options
from bep.experiments.experiments import EXPERIMENTS
from bep.experiments.runs import content, execute, file_name
from bep.reports import report


@contextmanager
def cluster(scheduler, workers):
    """A dask client: of the scheduler at this address, or of processes on this machine.

    Raises OSError if the scheduler does not answer.
    """
    from distributed import Client, LocalCluster  # an extra, and slow to import

    if scheduler is not None:
        with Client(scheduler, timeout=10) as client:
            yield client
        return
    # Ctrl-C is for this process: the workers inherit that they ignore it, and are ended below.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        local = LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=":0",
                             memory_limit=None, silence_logs=logging.CRITICAL)
    finally:
        signal.signal(signal.SIGINT, before)
    with local, Client(local) as client:
        yield client


def stored(path, run, checksum):
    """The result of a run that is kept in a file; None if there is no file.

    Raises ValueError for a file that is damaged or of another run or other data.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        held = result["validation_accuracy"]
        whole = (result["digest"] == run.digest and result.get("data") == checksum
                 and 0 <= result["test_accuracy"] <= 1
                 and (held is None if run.refit else 0 <= held <= 1))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise ValueError(f"{path} is damaged")
    return result


def completed(client, runs, data):
    """Carry out runs side by side; yield each with its result, or the exception it ended with."""
    from distributed import as_completed

    futures = {client.submit(execute, run, data=data, key=run.digest, pure=False): run
               for run in runs}
    for future in as_completed(futures):
        error = future.exception()
        yield futures[future], error if error is not None else future.result()
        future.release()


def carry_out(runs, folder, *, data=None, scheduler=None, workers=None):
    """Results of runs: read from the folder if they are there, else carried out and kept there.

    Parameters
    ----------
    runs : dict of str to run
        By a name for messages.
    folder : path
        Of the results, one file each, named by the run's digest.
    data : str, optional
        Folder of the data sets where the runs are carried out.
    scheduler : str, optional
        Address of a dask scheduler; else processes on this machine.
    workers : int, optional
        Their number; by default one per core.

    Returns
    -------
    dict of str to dict
        Results by digest; a run that failed is told on the screen and missing here.
    """
    console = output.console
    names, found, checksums, others = {}, {}, {}, 0
    for name, run in runs.items():
        if run.dataset not in checksums:
            checksums[run.dataset] = told(content, run.dataset, data)
        checksum = checksums[run.dataset]
        if isinstance(checksum, Exception):
            failed(name, checksum)
            continue
        path = folder / file_name(run, checksum)
        try:
            result = stored(path, run, checksum)
        except ValueError as error:
            console.print(f"{error}; it is run again", soft_wrap=True)
            result = None
        if result is None:
            names.setdefault(run, name)
            others += any(other != path for other in folder.glob(f"{run.digest}*.json"))
        else:
            found[run.digest] = result
    if others:
        console.print(f"{others} of these runs have results in {folder} that are of other data, or "
                      "do not say of which: they are not used", soft_wrap=True)
    if not names:
        return found
    total = len(names) + len(found)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
               TimeRemainingColumn())
    try:
        with (Progress(*columns, console=console) as bar,
              cluster(scheduler, workers) as client):
            task = bar.add_task("runs", total=total, completed=len(found))
            for run, result in completed(client, names, data):
                checksum = checksums[run.dataset]
                if not isinstance(result, Exception) and result["data"] != checksum:
                    result = ValueError(f"the data {run.dataset} are others where it was run")
                if isinstance(result, Exception):
                    failed(names[run], result)
                else:
                    path = folder / file_name(run, checksum)
                    output.write_json(path, result)
                    found[run.digest] = stored(path, run, checksum)
                bar.advance(task)
    except KeyboardInterrupt:
        console.print(f"stopped: {len(found)} of {total} runs are in {folder}; the same command "
                      "goes on from there", soft_wrap=True)
        raise
    return found


def told(function, *arguments):
    """What a function returns, or its exception if the data are not as they should be."""
    try:
        return function(*arguments)
    except (ValueError, OSError) as error:
        return error


def failed(name, error):
    """Tell that a run failed."""
    text = " ".join(str(error).split())
    output.console.print(f"failed: {name}: {type(error).__name__}: {text}",
                         markup=False, highlight=False, soft_wrap=True)


def planned(name, quick):
    """Points of an experiment; with ``quick`` at most four, with runs that take a moment."""
    if name not in EXPERIMENTS:
        raise ValueError(f"unknown experiment {name!r}; known are {', '.join(EXPERIMENTS)}")
    points = list(EXPERIMENTS[name].points())
    return report.shortened(points) if quick else points


def reproduce(
    names: Annotated[list[str] | None, Argument(
        metavar="NAME...", show_default=False,
        help=f"Experiments: {', '.join(EXPERIMENTS)}.")] = None,
    quick: Annotated[bool, Option(
        "--quick", help="A smoke version: a few points, 200 samples, 2 epochs.")] = False,
    seeds: Annotated[int, Option(help="Repetitions, with the seeds 1, 2, ...")] = 3,
    data: options.Data = None,
    scheduler: Annotated[str | None, Option(
        help="Address of a dask scheduler, tcp://HOST:PORT; else processes here.")] = None,
    workers: Annotated[int | None, Option(
        help="Processes on this machine; by default one per core.")] = None,
    folder: Annotated[Path, Option(
        "--results", help="Folder of the results of single runs.")] = Path("build/results"),
    docs: Annotated[Path | None, Option(
        help="Folder of the document; by default docs, with --quick build/quick.")] = None,
    only_list: Annotated[bool, Option(
        "--list", help="Print the names of the experiments.")] = False,
    only_report: Annotated[bool, Option(
        "--report", help="Only write results.md anew.")] = False,
):
    """Carry out experiments and write their tables and figures into docs/results.md.

    A run whose result is in the folder of results is not repeated.
    """
    if only_list:
        typer.echo("\n".join(EXPERIMENTS))
        return
    if not names and not only_report:
        raise ValueError(f"name an experiment: {', '.join(EXPERIMENTS)}")
    if seeds < 1:
        raise ValueError(f"seeds must be at least 1, not {seeds}")
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    if workers is not None and scheduler is not None:
        raise ValueError("workers are of this machine; with a scheduler there are its own")
    plans = {name: planned(name, quick) for name in names or ()}
    docs = docs or Path("build/quick" if quick else "docs")
    for made in (folder, docs / "results", docs / "figures"):
        made.mkdir(parents=True, exist_ok=True)
    missing = []
    for name, points in plans.items():
        output.console.rule(name)
        runs = {f"{name}, {report.told(point.labels)}, seed {run.seed}": run
                for point in points for run in report.repeated(point, seeds)}
        found = carry_out(runs, folder, data=None if data is None else str(data),
                          scheduler=scheduler, workers=workers)
        lost = [run for run in runs.values() if run.digest not in found]
        if lost:
            missing.append(f"{name} ({len(lost)} of {len(runs)} runs failed)")
            continue
        command = ["bep", "reproduce", name, *["--quick"] * quick, "--seeds", str(seeds)]
        report.write(docs, name, points, seeds, found, shlex.join(command))
    report.render(docs)
    output.console.print(f"written: {docs / 'results.md'}", soft_wrap=True)
    if missing:
        raise ValueError(f"not written: {', '.join(missing)}")
