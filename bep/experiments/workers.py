"""Runs side by side, on this machine or a cluster (dask); their results are kept in files."""

import hashlib
import json
import logging
import signal
from collections import Counter
from contextlib import ExitStack, contextmanager
from multiprocessing import util
from unittest.mock import patch

from bep import results
from bep.experiments.runs import content, execute, file_name
from bep.stopping import held
from sim import folders


@contextmanager
def apart():
    """Processes that multiprocessing starts in this block, from any thread, never see Ctrl-C."""
    start = util.spawnv_passfds

    def spawn(*given):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # it is inherited
        try:
            return start(*given)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    with patch.object(util, "spawnv_passfds", spawn):
        yield


@contextmanager
def cluster(scheduler, workers, folder):
    """A dask client: of the scheduler at this address, or of processes on this machine.

    Files of these processes are in ``folder`` as long as they live.

    Raises OSError if the scheduler does not answer, or the processes do not start.
    """
    import dask  # an extra, and slow to import
    from distributed import Client, LocalCluster

    if scheduler is not None:
        with Client(scheduler, timeout=10) as client:
            yield client
        return
    with (folders.temporary(folder) as own, dask.config.set(temporary_directory=str(own)), apart(),
          ExitStack() as stack):
        with held():
            try:
                client = stack.enter_context(Client(stack.enter_context(LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=":0",
                    memory_limit=None, silence_logs=logging.CRITICAL))))
            except RuntimeError as error:  # dask's for whatever happens to a process
                raise OSError(f"the work did not begin: a process for it could not be started, or "
                              f"was ended at once ({error})") from None
        yield client


def store(path, result):
    """Keep the result of a run in a file, with a checksum over all of it."""
    results.write_json(path, result | {"sha256": sha256(result)})


def sha256(result):
    """Checksum of a result as JSON, 64 hex digits."""
    return hashlib.sha256(json.dumps(result, sort_keys=True).encode()).hexdigest()


def stored(path, run, checksum):
    """The result of a run that is kept in a file; None if there is no file.

    Raises ValueError for a file that is damaged or of another run or other data.
    """
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        whole = result.pop("sha256") == sha256(result)
        if whole and (result["digest"], result["data"]) == (run.digest, checksum):
            return result
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise ValueError(f"{path} is damaged")


def completed(client, runs, data):
    """Carry out runs side by side; yield each with its result, or the exception it ended with."""
    # With a name in common they wait for a worker that is free; else each is given to one at once,
    # and all of them to the first that has started.
    return ended({client.submit(execute, run, data=data, key=("run", run.digest), pure=False): run
                  for run in runs})


def ended(futures):
    """Yield what each of these dask futures stands for, with its result, or the exception it ended
    with, as they end."""
    from distributed import as_completed

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

    Raises
    ------
    ValueError, OSError
        For data that are not as they should be, before anything is run, and for a file that
        cannot be written.
    """
    console = results.console
    checksums = {dataset: content(dataset, data)
                 for dataset in dict.fromkeys(run.dataset for run in runs.values())}
    names, found, others, failures = {}, {}, 0, Counter()
    for name, run in runs.items():
        path = folder / file_name(run, checksums[run.dataset])
        try:
            result = stored(path, run, checksums[run.dataset])
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
        with results.Stages() as stages, cluster(scheduler, workers, folder) as client:
            done = stages.begin(f"{total} runs", total)
            done(len(found))
            for run, result in completed(client, names, data):
                checksum = checksums[run.dataset]
                if not isinstance(result, Exception) and result["data"] != checksum:
                    result = ValueError(f"the data {run.dataset} are others where it was run")
                if isinstance(result, Exception):
                    failures[text := told(result)] += 1
                    if failures[text] == 1:
                        say(f"failed: {names[run]}: {text}")
                else:
                    path = folder / file_name(run, checksum)
                    store(path, result)
                    found[run.digest] = stored(path, run, checksum)
                done(1)
    except KeyboardInterrupt as stop:
        stop.add_note(f"{len(found)} of {total} runs are in {folder}; the same command goes on "
                      "from there")
        raise
    for text, count in failures.items():
        if count > 1:
            say(f"failed in the same way: {count - 1} more runs: {text}")
    return found


def told(error):
    """An exception on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def say(text):
    """Print a line that is no mark-up."""
    results.console.print(text, markup=False, highlight=False, soft_wrap=True)
