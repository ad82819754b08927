"""Runs side by side, on this machine or a cluster (dask); their results are kept in files."""

import json
import logging
import signal
from contextlib import contextmanager

from bep import results
from bep.experiments.runs import content, execute, file_name


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
    console = results.console
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
    try:
        with results.Stages() as stages, cluster(scheduler, workers) as client:
            done = stages.begin(f"{total} runs", total)
            done(len(found))
            for run, result in completed(client, names, data):
                checksum = checksums[run.dataset]
                if not isinstance(result, Exception) and result["data"] != checksum:
                    result = ValueError(f"the data {run.dataset} are others where it was run")
                if isinstance(result, Exception):
                    failed(names[run], result)
                else:
                    path = folder / file_name(run, checksum)
                    results.write_json(path, result)
                    found[run.digest] = stored(path, run, checksum)
                done(1)
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
    results.console.print(f"failed: {name}: {type(error).__name__}: {text}",
                         markup=False, highlight=False, soft_wrap=True)
