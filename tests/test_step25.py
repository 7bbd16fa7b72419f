"""Step 25: a graph in the DOT language, drawn, or kept as text."""

import os
import subprocess
import sys

import pytest
from dot_language import bring_dot, bring_pygraphviz, hide_dot, parse_dot


@pytest.fixture
def dot(step):
    """The text of the graph of step 15."""
    return step.digraph(step.step15_lines())


def test_the_graph_is_dot_text_with_nine_nodes_and_nine_edges(dot):
    nodes, edges = parse_dot(dot)
    labels = {name: attributes["label"] for name, attributes in nodes.items()}
    assert labels == {name: name for name in "xabcy"} | {
        "P": "Square",
        "Q": "Square",
        "R": "Square",
        "S": "Add",
    }
    assert sorted(edges) == sorted(
        tuple(pair) for pair in "xP Pa aQ aR Qb Rc bS cS Sy".split()
    )


def test_functions_are_boxes_and_variables_are_not(dot):
    nodes, _ = parse_dot(dot)
    boxes = {name for name, attributes in nodes.items() if "shape" in attributes}
    assert boxes == set("PQRS")
    assert all(nodes[name]["shape"] == "box" for name in boxes)
    assert len({nodes[name]["color"] for name in "xabcy"}) == 1
    assert nodes["x"]["color"] != nodes["P"]["color"]


def test_a_node_has_a_label_and_attributes(step):
    line = step.node("n1", "two words", color="red", shape="box")
    nodes, edges = parse_dot(step.digraph([line]))
    assert nodes == {"n1": {"label": "two words", "color": "red", "shape": "box"}}
    assert edges == []
    assert parse_dot(step.digraph([step.node("n1", "x")]))[0] == {"n1": {"label": "x"}}


def test_an_edge_leads_from_the_first_to_the_second(step):
    lines = [step.node("a", "a"), step.node("b", "b"), step.edge("a", "b")]
    assert parse_dot(step.digraph(lines))[1] == [("a", "b")]


@pytest.mark.parametrize(
    "label", ['say "x"', "back\\slash", "end\\", '\\"', '"', "\\n", "x -> y]", "勾配"]
)
def test_a_label_may_hold_quotes_and_backslashes(step, label):
    nodes, _ = parse_dot(step.digraph([step.node("n", label, shape="box")]))
    assert nodes == {"n": {"label": label, "shape": "box"}}


@pytest.mark.needs("processes")
def test_the_dot_program_draws_in_the_format_of_the_ending(
    step, dot, tmp_path, monkeypatch, capsys
):
    bring_dot(monkeypatch, tmp_path)
    for ending in "svg", "png":
        path = tmp_path / "new folder" / f"a 'b'.{ending}"
        assert step.save(dot, path) == path
        assert path.read_text(encoding="utf-8") == f"-Kdot -T{ending} drew {dot}"
    assert capsys.readouterr() == ("", "")


def test_pygraphviz_draws_where_there_is_no_dot_program(
    step, dot, tmp_path, monkeypatch, capsys
):
    bring_pygraphviz(monkeypatch, tmp_path)
    path = tmp_path / "graph.svg"
    assert step.save(dot, path) == path
    assert path.read_text(encoding="utf-8") == f"dot -Tsvg drew {dot}"
    assert capsys.readouterr() == ("", "")


def test_the_text_is_kept_where_nothing_can_draw_it(
    step, dot, tmp_path, monkeypatch, capsys
):
    hide_dot(monkeypatch, tmp_path)
    path = step.save(dot, tmp_path / "out" / "graph.svg")
    assert path == tmp_path / "out" / "graph.dot"
    assert path.read_text(encoding="utf-8") == dot
    assert not path.with_suffix(".svg").exists()
    out, err = capsys.readouterr()
    assert out == ""
    assert "Graphviz" in err, "it says what to install"
    assert err.count("\n") == 1


@pytest.mark.needs("processes")
def test_the_demo_ends_well_where_nothing_can_draw(step, dot, tmp_path):
    blocked = "raise ImportError\n"
    (tmp_path / "pygraphviz.py").write_text(blocked, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, step.__file__],
        cwd=tmp_path,
        env=os.environ | {"PATH": str(tmp_path), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(dot)
    assert "Graphviz" in run.stderr
    texts = [path.read_text(encoding="utf-8") for path in tmp_path.glob("out/*.dot")]
    assert texts == [dot]
