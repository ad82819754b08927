import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bep import cli
from bep.experiments.experiments import EXPERIMENTS, Figure, Point
from bep.experiments.runs import Run
from bep.reports import bench_report, figures, report

ROOT = Path(__file__).parents[2]
RUN = Run("digits", (16,), epochs=5)


def result(test, validation=0.5):
    return {"test_accuracy": test, "validation_accuracy": validation, "stored_bits": 1000,
            "seconds": 1.5, "versions": {"numpy": "2"}}


def point(labels, mean, *, sd=0.5, paper=None, validation=50.0, bits=1000):
    return {"labels": labels, "paper": paper, "n": 3, "mean": mean, "sd": sd,
            "validation_mean": validation, "stored_bits": bits, "run": {"epochs": 5}}


def test_aggregates():
    found = {RUN.seeded(seed).digest: result(test, validation) for seed, test, validation in
             ((1, 0.7, 0.8), (2, 0.8, 0.9), (3, 0.9, 0.7))}
    entry = report.aggregate(Point({"width": 16}, RUN, 81.0), 3, found)
    assert (entry["n"], entry["mean"], entry["sd"], entry["paper"]) == (3, 80.0, 10.0, 81.0)
    assert entry["test"] == [70.0, 80.0, 90.0] and entry["validation_mean"] == 80.0
    assert entry["seconds"] == 4.5 and entry["run"]["epochs"] == 5
    single = report.aggregate(Point({}, RUN), 1, found)
    assert (single["n"], single["mean"], single["sd"]) == (1, 70.0, None)
    with pytest.raises(KeyError):
        report.aggregate(Point({}, RUN), 4, found)


def test_the_triggered_part_of_every_epoch():
    assert report.triggered([result(0.5)]) is None
    assert report.triggered([{"history": [{"triggered": part} for part in parts]}
                             for parts in ((0.5, 0.25, 0.125), (0.7, 0.25, 0.375))]) == [60, 25, 25]


def test_equal_runs_count_once():
    regression = Run("digits", (16,), model="logistic-regression")
    entry = report.aggregate(Point({}, regression), 3, {regression.digest: result(0.5)})
    assert (entry["n"], entry["sd"]) == (1, None)


def test_a_table_beside_the_paper():
    document = {"points": [point({"width": 35}, 61.24, paper=61.7),
                           point({"width": 75}, 71.0, sd=None, paper=70.5),
                           point({"width": 80}, 72.0)]}
    assert report.table(document) == [
        ["width", "ours, %", "n", "paper, %", "difference"],
        ["35", "61.2 ± 0.5", "3", "61.7", "-0.5"],
        ["75", "71.0", "3", "70.5", "+0.5"],
        ["80", "72.0 ± 0.5", "3", "", ""]]
    assert report.below_paper(document) == ["width 35 (-0.5)"]


@pytest.mark.parametrize(("mean", "other", "lead"), [
    (84.5467, 85.0, -0.5), (84.9533, 85.0, 0.0), (96.25, 95.0, 1.2), (83.5167, 84.25, -0.7)])
def test_a_difference_is_that_of_the_figures_shown(mean, other, lead):
    assert report.ahead(point({}, mean), other) == lead
    assert not f"{report.ahead(point({}, mean), other):+.1f}".startswith("-0.0")


def test_a_table_without_the_paper_and_one_across():
    points = [point({"q": q, "B_h": bits}, mean) for q, bits, mean in
              ((1.0, 3, 10), (1.0, 4, 20), (0.25, 4, 30))]
    assert report.table({"points": points})[0] == ["q", "B_h", "ours, %", "n"]
    assert report.table({"points": points}, "B_h") == [
        ["q", "B_h = 3", "B_h = 4"],
        ["1.0", "10.0 ± 0.5", "20.0 ± 0.5"], ["0.25", "", "30.0 ± 0.5"]]


def test_what_is_ahead_of_bep():
    points = [point({"data set": "mnist", "net": "75-75", "model": model}, mean)
              for model, mean in (("bep", 95), ("random-features", 96),
                                  ("logistic-regression", 92))]
    lines = report.against_baselines({"points": points})
    assert [line[3:] for line in lines] == [("random-features", "96.0 ± 0.5", -1),
                                            ("logistic-regression", "92.0 ± 0.5", 3)]


@pytest.fixture
def docs(tmp_path):
    """A folder with two made experiments, one of them with a baseline ahead of BEP."""
    (tmp_path / "results").mkdir()
    made = {
        "fashion-mnist": [point({"hidden layers": 2, "width": 35}, 83.0, paper=82.5)],
        "baselines": [point({"data set": "mnist", "net": "75-75", "model": model}, mean)
                      for model, mean in (("bep", 95.0), ("random-features", 96.25))],
        "hardware": [point({"data set": "mnist", "net": "75-75", "B_h": 7}, 95.0),
                     point({"data set": "digits", "net": "75-75", "B_h": 7}, 94.0)],
        "headline": [point({"design": "small", "inputs": "median", "trained on": "all"}, 83.5)
                     | {"triggered": [50.0, 40.0, 30.0]}],
    }
    for name, points in made.items():
        (tmp_path / "results" / f"{name}.json").write_text(json.dumps({
            "experiment": name, "command": f"bep reproduce {name} --seeds 3",
            "versions": {"numpy": "2"}, "points": points}))
    return tmp_path


def test_the_document_says_what_is_there_and_what_is_not(docs):
    text = report.render(docs)
    assert (docs / "results.md").read_text() == text
    assert "| 2 | 35 | 83.0 ± 0.5 | 3 | 82.5 | +0.5 |" in text
    for name in EXPERIMENTS:
        there = name in ("fashion-mnist", "baselines", "hardware", "headline")
        assert (f"`bep reproduce {name} --seeds 3`" in text) == there
        assert (f"Not run yet: `bep reproduce {name}`" in text) != there
        assert (f"(figures/{name}.svg)" in text) == there
    assert "- mnist, 75-75: random-features 96.2 ± 0.5, BEP 95.0 ± 0.5 (-1.2)" in text
    assert "| small | median | all | 50.0 | 40.0 | 30.0 | 30.0 | 40.0 |" in text
    assert "| mnist | 75-75 | 7 | 95.0 ± 0.5 | 97.6 | -2.6 |" in text


def test_the_document_of_nothing(tmp_path):
    text = report.render(tmp_path)
    assert text.count("Not run yet: ") == len(EXPERIMENTS)
    assert "No experiment has been run yet." in text


def test_report_is_a_command(docs):
    run = CliRunner().invoke(cli.app, ["reproduce", "--report", "--docs", str(docs), "--results",
                                       str(docs / "runs")])
    assert run.exit_code == 0, run.output
    assert "95.0 ± 0.5" in (docs / "results.md").read_text()
    (docs / "results" / "hardware.json").write_text("{")
    run = CliRunner().invoke(cli.app, ["reproduce", "--report", "--docs", str(docs), "--results",
                                       str(docs / "runs")])
    assert run.exit_code == 2 and "hardware.json is damaged" in run.stderr


def test_figures_are_the_same_for_the_same_points(tmp_path):
    points = [point({"net": net, "batch": batch, "B_h": bits}, 50 + bits, bits=100 * bits,
                    paper=60 if bits == 4 else None)
              for net in ("75-75", "255-255") for batch in (1, 100) for bits in (3, 4, 7)]
    for number, figure in enumerate((
            Figure("B_h", ("batch",), ("net",)), Figure("net", ("B_h",), ("batch",)),
            Figure("stored bits", (), ("net",), logarithmic=True, best=True),
            Figure("B_h", ("net", "batch"), logarithmic=True))):
        paths = [tmp_path / f"{number}{copy}.svg" for copy in "ab"]
        for path in paths:
            figures.accuracies(path, points, figure)
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_best_on_validation_is_drawn():
    points = [point({"net": "75-75", "batch": batch}, mean, validation=held, bits=bits)
              for batch, mean, held, bits in
              ((1, 90, 60, 100), (10, 80, 70, 100), (1, 70, 60, 200), (10, 60, 50, 200))]
    kept = figures.best(points, ("stored bits", "net"), lambda point: point["stored_bits"])
    assert [point["mean"] for point in kept] == [80, 70]


def test_documents_cite_what_the_table_has():
    """Hand-written pages agree with bep/cited.py, from which the generated ones are made."""
    table = (ROOT / "bep" / "cited.py").read_text(encoding="utf-8")
    found = 0
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        text = path.read_text(encoding="utf-8")
        for number in re.findall(r"arXiv:(\d+\.\d+)|arxiv\.org/abs/(\d+\.\d+)|(10\.\d+/[\w.]+\w)",
                                 text):
            found += 1
            assert "".join(number) in table, f"{path}: {number}"
    assert found > 4
    for template in (ROOT / "bep" / "reports" / "templates").iterdir():
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"arXiv|doi\.org|et al\.|https?://", text), template


def test_the_pages_are_what_the_stored_results_give(tmp_path):
    """What is committed is what the code writes today."""
    shutil.copytree(ROOT / "docs" / "results", tmp_path / "docs" / "results")
    shutil.copy(ROOT / "README.md", tmp_path)
    report.render(tmp_path / "docs")
    bench_report.write(tmp_path / "docs", tmp_path / "README.md", {})
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        assert path.read_bytes() == (ROOT / path.relative_to(tmp_path)).read_bytes(), path.name
