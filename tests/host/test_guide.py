"""`bep guide`: what its tables are made of, and that the page is of these results."""

from pathlib import Path

import pytest

from bep.commands import guide
from bep.reports import guide_plots, guides
from bep_model.config import Config

DOCS = Path("docs")


def test_the_widest_network_has_room_and_a_wider_one_has_not():
    board, lanes = "icebreaker", 16
    width = guides.widest(784, board, lanes)
    assert width > 8
    assert guides.has_room(guides.trainer(784, width, lanes), board)
    assert not guides.has_room(guides.trainer(784, width + 1, lanes), board)


def test_logic_counts_beside_memory(monkeypatch):
    config = guides.trainer(64, 16, 16)
    assert guides.has_room(config, "icebreaker")
    least = guides.predicted(config, "icebreaker")
    monkeypatch.setattr(guides, "predicted", lambda *_: least | {
        "cells": {"low": 5000, "value": 5200, "high": 5281}})
    assert not guides.has_room(config, "icebreaker")


def test_points_are_those_of_the_results():
    points = guides.measured(DOCS)
    assert {point["inputs"] for point in points if point["dataset"] == "fashion-mnist"} == {784}
    assert {point["inputs"] for point in points if point["dataset"] == "digits"} == {192}
    keys = [(p["dataset"], p["hidden"], p["bits"], p["batch"]) for p in points]
    assert len(keys) == len(set(keys))
    for curve in guides.over_bits(points).values():
        assert [p["bits"] for p in curve] == sorted({p["bits"] for p in curve})


def test_no_smaller_network_is_better_than_one_of_the_front():
    points = [p for p in guides.measured(DOCS) if p["dataset"] == guides.FRONT]
    best = guides.front(points)
    assert len(best) > 3
    for point in points:
        ahead = any(p["stored_bits"] <= point["stored_bits"]
                    and p["validation"] >= point["validation"] for p in best)
        assert ahead, point
    for one in best:
        assert not any(p["stored_bits"] < one["stored_bits"]
                       and p["validation"] >= one["validation"] for p in points)


def test_the_page_has_the_front_and_its_pictures():
    page = (DOCS / "choosing.md").read_text(encoding="utf-8")
    for point in guides.front(guides.measured(DOCS)):
        start = (f"| {'-'.join(map(str, point['hidden']))} | {point['bits']} | {point['batch']} | "
                 f"{point['stored_bits'] / 1e3:,.0f} | {point['test']:.2f} ± {point['sd']:.2f} |")
        assert start in page, start
    for name in ("size", "lanes", "accuracy"):
        assert f"figures/choosing-{name}.svg" in page
        assert (DOCS / "figures" / f"choosing-{name}.svg").stat().st_size > 10_000
    assert "None" not in page and "nan" not in page


def test_equal_results_give_equal_pictures(tmp_path):
    points = guides.measured(DOCS)
    for name in ("a.svg", "b.svg"):
        guide_plots.front(tmp_path / name, points, guides.front(points), guides.FRONT)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"lacks results/counters\.json"):
        guide.command(docs=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_point_is_priced_where_it_fits():
    point = guides.front(guides.measured(DOCS))[0]
    found = guides.priced(point)
    assert guides.FRONT_BOARD in found["boards"]
    assert found["costs"]["cycles_per_sample"] > 0
    config = Config(point["inputs"], point["hidden"], 10, counter_bits=point["bits"])
    assert sum(k * f for k, f in config.shapes) * point["bits"] == point["stored_bits"]
