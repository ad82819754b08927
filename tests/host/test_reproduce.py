import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bep import cli
from bep.commands import reproduce
from bep.experiments import runs, workers
from bep.experiments.experiments import EXPERIMENTS
from bep.experiments.points import WIDTHS
from bep.experiments.runs import Run
from bep_model import configuration
from bep_model.fit.training import Hyper

CONFIGURATIONS = Path(__file__).parents[2] / "docs" / "configurations"

SMALL = Run("digits", (16,), epochs=1, counter_bits=7, hyper=Hyper(group=4), train_samples=60)
TWO = {"first": SMALL, "second": replace(SMALL, seed=2)}


def bep(*arguments):
    return CliRunner().invoke(cli.app, ["reproduce", *map(str, arguments)])


@pytest.fixture
def here(monkeypatch):
    """Carry out runs in this process; the fixture lists those that were carried out."""
    done = []

    def completed(_, wanted, data):
        for run in wanted:
            done.append(run)
            try:
                yield run, runs.execute(run, data=data)
            except ValueError as error:
                yield run, error

    monkeypatch.setattr(workers, "cluster", lambda *_: nullcontext())
    monkeypatch.setattr(workers, "completed", completed)
    return done


def test_a_quick_experiment_from_its_command_to_the_document(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ("random-prototypes", "--quick", "--seeds", 2, "--workers", 1,
                 "--results", tmp_path / "runs")
    outcome = bep(*arguments)
    assert outcome.exit_code == 0, outcome.output
    files = sorted((tmp_path / "runs").iterdir())
    assert len(files) == 8 and all(path.suffix == ".json" for path in files)
    document = json.loads((tmp_path / "build/quick/results/random-prototypes.json").read_text())
    assert document["command"] == "bep reproduce random-prototypes --quick --seeds 2"
    point = document["points"][0]
    each = [json.loads(path.read_text()) for path in files]
    tests = [100 * result["test_accuracy"] for result in each
             if result["run"]["hidden"] == point["run"]["hidden"]]
    assert sorted(point["test"]) == pytest.approx(sorted(tests), abs=1e-4)
    assert {result["run"]["data_seed"] for result in each} == {1, 2}
    assert "<svg" in (tmp_path / "build/quick/figures/random-prototypes.svg").read_text()
    text = (tmp_path / "build/quick/results.md").read_text()
    assert document["command"] in text and f"| {point['mean']:.1f} ±" in text
    # Again: nothing is run, nothing changes.
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert bep(*arguments).exit_code == 0
    assert before == {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}


def test_finished_runs_are_not_repeated(tmp_path, here):
    first = workers.carry_out({"first": SMALL}, tmp_path)
    assert here == [SMALL]
    both = workers.carry_out(TWO, tmp_path)
    assert here == list(TWO.values())
    assert set(both) == {run.digest for run in here} and both[SMALL.digest] == first[SMALL.digest]


@pytest.mark.parametrize("damage", [
    lambda text: text[:100], lambda text: "", lambda text: "[]", lambda text: "\xff",
    lambda text: json.dumps(json.loads(text) | {"digest": TWO["second"].digest}),
    lambda text: json.dumps(json.loads(text) | {"stored_bits": 1}),
    lambda text: json.dumps({name: value for name, value in json.loads(text).items()
                             if name != "sha256"}),
    lambda text: "{}", lambda text: "5", lambda text: '"text"', lambda text: "[" * 100000,
    lambda text: text.replace("0.", "0.0", 1),
])
def test_a_damaged_result_is_told_and_run_again(tmp_path, here, damage, capsys):
    whole = workers.carry_out({"first": SMALL}, tmp_path)
    path = tmp_path / f"{SMALL.digest}.json"
    path.write_text(damage(path.read_text()), encoding="latin-1")
    again = workers.carry_out({"first": SMALL}, tmp_path)
    assert len(here) == 2 and f"{path} is damaged; it is run again" in capsys.readouterr().err
    assert again[SMALL.digest]["history"] == whole[SMALL.digest]["history"]


def test_a_failed_run_is_told_and_the_others_go_on(tmp_path, here, capsys):
    wrong = replace(SMALL, hyper=Hyper(r=9))
    found = workers.carry_out({"wrong": wrong, **TWO}, tmp_path)
    assert set(found) == {run.digest for run in TWO.values()} and len(here) == 3
    assert "failed: wrong: ValueError: r must be between -2 and 2, not 9" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interruption_keeps_what_is_finished(tmp_path, here, monkeypatch):
    whole = workers.completed

    def interrupted(*arguments):
        yield next(whole(*arguments))
        raise KeyboardInterrupt

    monkeypatch.setattr(workers, "completed", interrupted)
    with pytest.raises(KeyboardInterrupt) as stop:
        workers.carry_out(TWO, tmp_path)
    assert stop.value.__notes__ == [
        f"1 of 2 runs are in {tmp_path}; the same command goes on from there"]
    monkeypatch.setattr(workers, "completed", whole)
    assert len(workers.carry_out(TWO, tmp_path)) == 2
    assert here == list(TWO.values())


def test_nothing_is_written_about_an_experiment_with_failed_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reproduce, "carry_out", lambda *_, **__: {})
    outcome = bep("random-prototypes", "ablation-gate", "--quick", "--seeds", 1)
    assert outcome.exit_code == 2
    assert "not written: random-prototypes (4 of 4 runs failed), ablation-gate (4 of" \
        in outcome.stderr
    assert "written: " not in outcome.stderr.replace("not written: ", "")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_failure_of_many_runs_is_told_once(tmp_path, here, capsys):
    many = {f"run {seed}": replace(SMALL, seed=seed, hyper=Hyper(r=9)) for seed in range(20)}
    assert workers.carry_out(many, tmp_path) == {} and len(here) == 20
    said = capsys.readouterr().err
    assert said.count("r must be between -2 and 2, not 9") == 2
    assert "failed: run 0: " in said and "failed in the same way: 19 more runs: " in said


def test_data_that_are_missing_are_told_before_anything_is_run(tmp_path, here, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = bep("random-prototypes", "fashion-mnist", "baselines", "--data", tmp_path / "missing")
    assert outcome.exit_code == 2 and outcome.stderr.count("\n") == 1
    assert f"there is no data folder {tmp_path / 'missing'}" in outcome.stderr
    assert here == [] and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("arguments", "text"), [
    (("headline", "--quick"), "complete runs only, not those of --quick"),
    (("headline", "--seeds", 2), "complete runs only: headline needs --seeds 3 or more, not 2"),
    (("headline", "random-prototypes", "--seeds", 3), "random-prototypes needs --seeds 5 or more"),
])
def test_the_project_s_documents_take_complete_runs_only(arguments, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = bep(*arguments, "--docs", "docs")
    assert outcome.exit_code == 2 and text in outcome.stderr and outcome.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_they_are_written_on_request_only(tmp_path, here, monkeypatch):
    monkeypatch.chdir(tmp_path)
    points = [replace(point, run=point.run.small())
              for point in list(EXPERIMENTS["random-prototypes"].points())[:2]]
    monkeypatch.setattr(reproduce, "planned", lambda *_: points)
    assert bep("random-prototypes").exit_code == 0
    first = {path.relative_to("build/docs"): path.read_bytes()
             for path in Path("build/docs").rglob("*") if path.is_file()}
    assert [path.name for path in tmp_path.iterdir()] == ["build"] and len(first) == 3
    assert len(here) == 10  # five seeds of each
    assert bep("random-prototypes", "--docs", "docs").exit_code == 0
    assert len(here) == 10
    assert {path.relative_to("docs"): path.read_bytes()
            for path in Path("docs").rglob("*") if path.is_file()} == first


@pytest.mark.parametrize(("arguments", "text"), [
    (("nothing",), "unknown experiment 'nothing'; known are random-prototypes, "),
    ((), "name an experiment: random-prototypes, "),
    (("hardware", "--seeds", 0), "--seeds must be between 1 and 1000, not 0"),
    (("hardware", "--workers", 0), "--workers must be between 1 and 1000, not 0"),
    (("hardware", "--workers", 1, "--scheduler", "tcp://127.0.0.1:1"), "with --scheduler"),
])
def test_wrong_arguments(arguments, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = bep(*arguments)
    assert outcome.exit_code == 2 and outcome.stderr.count("\n") == 1
    assert text in outcome.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_list_of_names():
    outcome = bep("--list")
    assert outcome.exit_code == 0 and outcome.stdout.split() == list(EXPERIMENTS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_points_are_different_runs_with_different_labels(name):
    points = list(EXPERIMENTS[name].points())
    labels = [tuple(point.labels.items()) for point in points]
    assert len(set(labels)) == len(points) == len({point.run.digest for point in points}) > 2
    assert len({tuple(point.labels) for point in points}) == 1
    for figure in EXPERIMENTS[name].figures:
        assert {figure.x, *figure.series, *figure.panel} <= {*points[0].labels, "stored bits"}


@pytest.mark.parametrize("name", ["random-prototypes", "fashion-mnist"])
def test_the_paper_s_nets_are_there(name):
    points = list(EXPERIMENTS[name].points())
    nets = [(depth, width) for depth in (2, 3) for width in WIDTHS]
    assert [(len(p.run.hidden), p.run.hidden[0]) for p in points if not p.run.refit] == nets
    refits = [(len(p.run.hidden), p.run.hidden[0]) for p in points if p.run.refit]
    assert refits == (nets[:len(WIDTHS)] if name == "fashion-mnist" else [])
    for point in points:
        assert point.run.counter_bits == 15 and point.run.hyper.batch == 100
        assert point.run.dataset == name
        assert (point.paper is not None) == (len(point.run.hidden) == 2)


@pytest.mark.parametrize(("name", "factor", "reach"), [
    ("ablation-gate", "nu", (0, 1)), ("ablation-margin", "r", (0, 1)),
    ("ablation-reinforcement", "p_r", (0, 2)), ("ablation-group", "group", (1, 525))])
def test_an_ablation_varies_one_factor(name, factor, reach):
    points = list(EXPERIMENTS[name].points())
    values = [getattr(point.run.hyper, factor) for point in points]
    assert (min(values), max(values)) == reach and 6 <= len(set(values)) == len(points) <= 8
    assert len({replace(point.run, hyper=replace(point.run.hyper, **{factor: 0}))
                for point in points}) == 1
    assert points[0].run.hidden == (525, 525)
    if factor == "group":
        assert all(525 % value == 0 for value in values)


def test_headline_settings_are_cheap_in_hardware():
    points = list(EXPERIMENTS["headline"].points())
    assert {point.labels["design"] for point in points} == {"wide-fast", "wide-large", "small"}
    for point in points:
        hyper = point.run.hyper
        assert point.run.counter_bits < 8 and point.run.epochs <= 50 and hyper.batch <= 16
        assert hyper.thinning_bits <= 2 and hyper.reinforce_bits <= 4 and hyper.sweep >= 1024
        assert point.run.encoding in ("selected-784", "default")
    refits = [point for point in points if point.run.refit]
    assert [replace(point.run, refit=True) for point in points if not point.run.refit] \
        == [point.run for point in refits] and len(refits) == 6
    for point in points:  # as the hardware: other lanes get other random bits
        design = configuration.load(CONFIGURATIONS / f"{point.labels['design']}.toml").config
        assert point.run.counter_lanes == design.counter_lanes
        if point.run.encoding != "default":
            assert (*point.run.hidden, point.run.hyper.batch, point.run.counter_bits) \
                == (*design.layers, design.max_batch, design.counter_bits)
    others = {point.run.hyper for point in EXPERIMENTS["hardware"].points()}
    assert others.isdisjoint(point.run.hyper for point in points)
