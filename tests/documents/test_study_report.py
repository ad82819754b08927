"""The report of a study: its page, also in a browser, its table, and its JSON."""

import asyncio
import csv
import io
import json
from html.parser import HTMLParser

import pytest

from bep.reports import study_report
from bep.reports.study_plots import Axis
from tests.documents import chromium

NASTY = """<script>alert("1")</script> & 'two' </pre>"""
DIRECTIONS = {"accuracy": "maximize", "trained_samples_per_second": "maximize",
              "luts": "minimize", "microjoules_per_sample": "minimize"}
VOID = {"meta", "link", "br", "img"}


def around(value):
    return {"value": value, "low": 0.9 * value, "high": 1.1 * value}


def trial(number, state="complete", front=False, built=False, **values):
    """A trial of the report; what is not given follows from the number."""
    speed, luts, trained = 12345.0 * number + 100, 1000.0 + 3 * number, state != "infeasible"
    accuracies = [0.5 + 0.04 * number, 0.6 + 0.04 * number] if trained else []
    return {
        "number": number, "state": state, "board": "icebreaker", "front": front,
        "configuration": f"# {NASTY}\n[network]\nhidden = [{number}]\n",
        "network": f"192-{number}-10", "counter_bits": 7, "weight_lanes": 16,
        "counter_lanes": 4, "max_batch": 1, "encoding": NASTY,
        "values": {"accuracy": max(accuracies, default=None), "luts": luts,
                   "trained_samples_per_second": speed, "microjoules_per_sample": None} | values,
        "accuracies": accuracies,
        "predicted": {
            **{key: around(luts) for key in ("luts", "ffs", "cells")},
            "fmax_mhz": around(25.0), "built_mhz": around(24.0), "brams": 12, "spram": 4,
            "cycles_per_sample": 600.0,
            "cycles": {"trained": {"forward": 200, "update": 400}, "inferred": {"forward": 200}},
            "board_samples_per_second": around(speed), "microjoules_per_sample": None,
            "available": {"luts": 5280, "ffs": 5280, "brams": 30, "spram": 4},
            "bottlenecks": [f"update & {NASTY}"]},
        "why": None if state == "complete" else f"{state}: {NASTY}",
        "built": {"luts": 1111, "ffs": 999, "brams": 12, "spram": 4, "fmax_mhz": 26.7,
                  "clock_mhz": 25.1, "cells": {"used": 1222, "available": 5280}} if built else None}


def study(trials, *names):
    return {
        "name": "mine", "title": NASTY, "command": f"bep explore '{NASTY}'",
        "versions": {"python": "3.11", "amaranth": None}, "toml": f"dataset = '{NASTY}'",
        "dataset": "digits", "boards": ["icebreaker"], "epochs": 2, "seed": 1,
        "objectives": [{"name": name, "direction": DIRECTIONS[name]} for name in names],
        "constraints": ["luts <= 3000"], "trials": trials}


MIXED = [trial(2, front=True, built=True), trial(10), trial(1, "stopped"), trial(7, front=True),
         trial(3, "infeasible"), trial(4, luts=None) | {"predicted": None}]


class Outline(HTMLParser):
    """Reads a page; raises AssertionError where an element ends that is not the open one."""

    def __init__(self, page):
        super().__init__()
        self.open, self.texts, self.scripts, self.seen = [], [], 0, []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in ("td", "th", "h3"):
            self.texts.append(" ")

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join("".join(self.texts).split())


def test_the_page_says_what_was_found():
    found = Outline(study_report.page(study(MIXED, *DIRECTIONS)))
    assert "6 configurations tried: 4 trained to the end, 1 stopped early as hopeless, 1 " \
        "infeasible" in found.text
    assert "On the Pareto front: 2." in found.text
    best = "192-7-10 on icebreaker, 7-bit counters, 16 weight lanes, 4 counter lanes"
    assert f"Highest validation accuracy: 88.0 %, 86,515 samples/s, 1,021 LUT4, - µJ (trial 7, " \
        f"{best})" in found.text
    assert "Fewest LUT4: 68.0 %, 24,790 samples/s, 1,006 LUT4, - µJ (trial 2," in found.text
    assert "1,006 of 5,280, 19 %; built 1,111" in found.text
    assert "fastest clock, MHz 25.0 22.5 to 27.5 26.7 -" in found.text
    assert "SPRAM 4 exact 4 4" in found.text and "µJ per trained sample - - - -" in found.text
    assert "versions: python 3.11, amaranth not installed" in found.text.lower()


def test_what_users_write_is_text():
    page = study_report.page(study(MIXED, *DIRECTIONS))
    found = Outline(page)
    assert "<script>alert" not in page
    shown = " ".join(NASTY.split())
    for text in (f"Study mine: data set digits; board {'icebreaker'}", f"bep explore '{shown}'",
                 f"dataset = '{shown}'", f"# {shown} [network] hidden = [2]",
                 f"update & {shown}", f"infeasible: {shown}"):
        assert text in found.text


@pytest.mark.parametrize(("names", "plots"), [
    (["accuracy"], 1), (["luts", "accuracy"], 1), (list(DIRECTIONS), 6)])
def test_a_plot_per_pair_of_objectives(names, plots):
    found = Outline(study_report.page(study(MIXED, *names)))
    drawn = [attrs for tag, attrs in found.seen if tag == "div" and "data-root-id" in attrs]
    assert len(drawn) == plots + 1  # and the accuracies over the epochs


def test_without_a_front():
    found = Outline(study_report.page(study([trial(1), trial(2, "stopped")], "accuracy", "luts")))
    assert "No configuration is on the Pareto front." in found.text
    assert "What the front takes" not in found.text


@pytest.mark.parametrize("trials", [
    [], [trial(1, "infeasible")], [trial(1, "infeasible"), trial(2, "stopped")]])
def test_without_a_complete_trial(trials):
    found = Outline(study_report.page(study(trials, "accuracy", "luts")))
    assert "No configuration was trained to the end." in found.text
    assert f"{len(trials)} configurations tried: 0 trained" in found.text


def test_axes():
    """From a ratio of 10 they are logarithmic; what is unknown has a place of its own."""
    few = Axis.of([trial(1), trial(2)], "luts")
    assert (few.kind, few.unknown) == ("linear", None) and few.start < 1003 < 1006 < few.end
    wide = Axis.of([trial(0), trial(9), trial(5, trained_samples_per_second=None)],
                   "trained_samples_per_second")
    assert wide.kind == "log" and 0 < wide.start < wide.unknown < wide.border < 100
    assert [tick for tick in wide.ticks if 100 <= tick < wide.end] == [
        100, 1000, 10_000, 100_000]


def test_the_files_hold_all_of_it(tmp_path):
    given = study(MIXED, *DIRECTIONS)
    study_report.write(given, tmp_path / "new" / "folder")
    folder = tmp_path / "new" / "folder"
    assert sorted(path.name for path in folder.iterdir()) == [
        "study.csv", "study.html", "study.json"]
    assert json.loads((folder / "study.json").read_text()) == given
    with open(folder / "study.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["number"] for row in rows] == ["2", "10", "1", "7", "3", "4"]
    assert "predicted" not in rows[0] and "built" not in rows[0]
    assert rows[0]["configuration"] == MIXED[0]["configuration"]
    assert float(rows[1]["predicted.luts.high"]) == 1.1 * 1030
    assert rows[0]["built.cells.used"] == "1222" and rows[1]["built.cells.used"] == ""
    assert rows[4]["values.accuracy"] == "" and rows[5]["predicted.luts.value"] == ""
    assert rows[0]["accuracies"] == "; ".join(map(str, MIXED[0]["accuracies"]))


def test_the_table_of_no_trials():
    assert list(csv.reader(io.StringIO(study_report.table(study([], "luts"))))) == [[]]


@chromium.needed
def test_in_a_browser(tmp_path):
    """Nothing is fetched, nothing goes wrong, tables sort, and a configuration can be copied."""
    study_report.write(study(MIXED, *DIRECTIONS), tmp_path)
    asyncio.run(visit(tmp_path / "study.html", tmp_path))


async def visit(page, folder):
    numbers = "Array.from(document.querySelectorAll('#complete > tbody'), " \
        "body => body.rows[0].cells[0].textContent).join(' ')"
    async with chromium.opened(page, folder) as tab:
        await tab.until("document.querySelectorAll('.plots > div').length === 7 && Array.from("
                        "document.querySelectorAll('.plots .bk-Figure'), "
                        "one => one.clientHeight).filter(height => height > 300).length === 7")
        assert await tab.value("Bokeh.documents[0].roots().length") == 7
        assert await tab.value("document.title") == NASTY

        assert await tab.value(numbers) == "2 10 7 4"
        for column, up, down in ((1, "2 4 7 10", "10 7 4 2"), (3, "2 4 7 10", "10 7 4 2"),
                                 (11, "2 7 10 4", "10 7 2 4")):  # trial 4 has no LUT4
            heading = f"#complete th:nth-child({column})"
            for order, sense in ((up, "ascending"), (down, "descending")):
                await tab.click(f"{heading} button")
                assert await tab.value(numbers) == order
                sorts = await tab.value("Array.from(document.querySelectorAll("
                                        "'#complete > thead th'), th => th.ariaSort)")
                assert sorts == ["none"] * (column - 1) + [sense] + ["none"] * (12 - column)

        assert not await tab.value("document.querySelector('#trial-7 details').open")
        await tab.click("#trial-7 summary")
        assert await tab.value("document.querySelector('#trial-7 details').open")
        await tab.click("#trial-7 .copy")
        await tab.until("document.querySelector('#trial-7 .copy').textContent === 'Copied'")
        assert await tab.value("navigator.clipboard.readText()") == MIXED[3]["configuration"]
        await tab.click(".bars a[href='#trial-2']")
        await tab.until("document.querySelector('#trial-2 details').open")

        asked = {parameters["request"]["url"] for method, parameters in tab.events
                 if method == "Network.requestWillBeSent"}
        # Icons of Bokeh's toolbar are data: in the file, too.
        assert {url for url in asked if not url.startswith("data:")} == {page.as_uri()}
        assert [parameters for method, parameters in tab.events
                if method == "Runtime.exceptionThrown"
                or (method == "Log.entryAdded" and parameters["entry"]["level"] == "error")
                or (method == "Runtime.consoleAPICalled"
                    and parameters["type"] in ("error", "warning", "assert"))] == []
