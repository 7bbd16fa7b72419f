"""Step 26: the graph of a calculation as DOT text and as a picture."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from dot_language import bring_dot, bring_pygraphviz, hide_dot, parse_dot
from helpers import var

HOSTILE = [
    'say "x"',
    "back\\slash",
    "end\\",
    '\\"',
    '"',
    "\\n",
    "a\nb",
    "x]; y",
    "勾配",
]


@pytest.fixture
def no_dot(monkeypatch, tmp_path):
    """Neither the dot program nor pygraphviz is there."""
    hide_dot(monkeypatch, tmp_path)


@pytest.fixture
def some_dot(monkeypatch, tmp_path):
    """A dot program that says what it was asked to draw."""
    bring_dot(monkeypatch, tmp_path)


def goldstein(x, y):
    a = 19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2
    b = 18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2
    return (1 + (x + y + 1) ** 2 * a) * (30 + (2 * x - 3 * y) ** 2 * b)


@pytest.fixture
def z(step):
    """Goldstein-Price at (1, 1), with names for x, y and z."""
    x, y = var(step, 1.0), var(step, 1.0)
    z = goldstein(x, y)
    x.name, y.name, z.name = "x", "y", "z"
    return z


def graph_of(output):
    """The functions, the variables and the edges that made output."""
    funcs, variables, edges, todo = {}, {id(output): output}, [], [output.creator]
    while todo:
        func = todo.pop()
        if func is None or id(func) in funcs:
            continue
        funcs[id(func)] = func
        for x in func.inputs:
            variables[id(x)] = x
            edges.append((x, func))
            todo.append(x.creator)
        for y in [y() for y in func.outputs if y() is not None]:
            variables[id(y)] = y
            edges.append((func, y))
    return list(funcs.values()), list(variables.values()), edges


def label(x):
    """What a picture without shapes and dtypes says about x."""
    return x.name or "" if hasattr(x, "creator") else type(x).__name__


def labels(nodes):
    return {name: attributes["label"] for name, attributes in nodes.items()}


# The text


def test_each_function_is_drawn_once(step):
    t = var(step, 1.0)
    for _ in range(10):
        t = t + t
    text = step.get_dot_graph(t)
    drawn = text.count("Add"), text.count("->")
    assert drawn == (10, 30), "functions and edges: draw none a second time"


def test_each_line_of_the_text_ends_with_a_newline(step, z):
    lines = step.get_dot_graph(z).splitlines(keepends=True)
    assert (lines[0], lines[-1]) == ("digraph g {\n", "}\n"), "first and last line"
    assert len(lines) == 1 + 95 + 108 + 1, "a line for each node and each edge"


def test_each_variable_and_each_function_is_one_node(step, z):
    nodes, _ = parse_dot(step.get_dot_graph(z, verbose=False))
    funcs, variables, _ = graph_of(z)
    assert len(funcs) == 38 and len(variables) == 57
    assert len(nodes) == len(funcs) + len(variables)
    expected = sorted(label(x) for x in [*funcs, *variables])
    assert sorted(labels(nodes).values()) == expected


def test_each_input_and_each_output_is_one_edge(step, z):
    nodes, edges = parse_dot(step.get_dot_graph(z, verbose=False))
    _, _, expected = graph_of(z)
    assert len(edges) == 108
    found = sorted((labels(nodes)[start], labels(nodes)[end]) for start, end in edges)
    assert found == sorted((label(start), label(end)) for start, end in expected)


def test_edges_join_the_right_nodes(step):
    x, y = var(step, 2.0), var(step, 3.0)
    a = step.exp(x)
    z = a / y
    for variable, name in zip((x, y, a, z), "xyaz"):
        variable.name = name
    nodes, edges = parse_dot(step.get_dot_graph(z, verbose=False))
    found = [(labels(nodes)[start], labels(nodes)[end]) for start, end in edges]
    assert sorted(found) == [
        ("Div", "z"),
        ("Exp", "a"),
        ("a", "Div"),
        ("x", "Exp"),
        ("y", "Div"),
    ]


def test_an_input_that_goes_in_twice_has_two_edges(step):
    x = var(step, 2.0)
    nodes, edges = parse_dot(step.get_dot_graph(x * x))
    assert len(nodes) == 3
    assert len(edges) == 3
    assert len(set(edges)) == 2


def test_a_shared_variable_is_drawn_once(step):
    x = var(step, 2.0)
    a = x**2
    nodes, edges = parse_dot(step.get_dot_graph(step.square(a) + step.exp(a)))
    assert len(nodes) == 9
    assert len(edges) == 9


def test_functions_are_boxes_and_variables_are_ovals(step, z):
    nodes, _ = parse_dot(step.get_dot_graph(z, verbose=False))
    for attributes in nodes.values():
        box = attributes["label"] in ("Add", "Sub", "Mul", "Pow")
        assert attributes.get("shape") == ("box" if box else None)
        assert attributes["color"] == ("lightblue" if box else "orange")
        assert attributes["style"] == "filled"


def test_nodes_are_numbered_as_they_are_met_beginning_with_the_output(step, z):
    nodes, _ = parse_dot(step.get_dot_graph(z, verbose=False))
    assert list(nodes) == [f"n{i}" for i in range(95)]
    assert labels(nodes)["n0"] == "z"


def test_the_text_is_the_same_from_run_to_run(step):
    texts = set()
    keep = []  # so that no object gets the address of an earlier one
    for _ in range(3):
        keep.append(goldstein(var(step, 1.0), var(step, 1.0)))
        texts.add(step.get_dot_graph(keep[-1]))
    assert len(texts) == 1


@pytest.mark.parametrize(
    "name, shape, dtype, brief, full",
    [
        ("x", (2, 3), np.float64, "x", "x: (2, 3) float64"),
        (None, (2, 3), np.float32, "", "(2, 3) float32"),
        ("n", (), int, "n", "n: () int64"),
        ("v", (4,), np.float64, "v", "v: (4,) float64"),
    ],
)
def test_verbose_adds_shape_and_dtype(step, name, shape, dtype, brief, full):
    dtype = np.int64 if dtype is int else dtype
    x = step.Variable(np.ones(shape, dtype), name)
    for verbose, expected in ((False, brief), (True, full)):
        nodes, edges = parse_dot(step.get_dot_graph(x, verbose=verbose))
        assert labels(nodes) == {"n0": expected}
        assert edges == []
    assert step.get_dot_graph(x) == step.get_dot_graph(x, verbose=True)


def test_verbose_holds_for_every_variable_of_the_graph(step):
    x = var(step, [1.0, 2.0], np.float32)
    nodes, _ = parse_dot(step.get_dot_graph(var(step, 2.0, np.float32) * x))
    found = sorted(labels(nodes).values())
    assert found == ["() float32", "(2,) float32", "(2,) float32", "Mul"]


def test_a_variable_without_data_has_no_shape(step):
    nodes, _ = parse_dot(step.get_dot_graph(step.Variable(None, "later")))
    assert labels(nodes) == {"n0": "later"}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("verbose", [False, True])
def test_a_name_may_hold_quotes_backslashes_and_newlines(step, name, verbose):
    x = var(step, 1.0)
    x.name = name
    nodes, edges = parse_dot(step.get_dot_graph(-x, verbose=verbose))
    assert (name + ": () float64" if verbose else name) in labels(nodes).values()
    assert len(nodes) == 3
    assert len(edges) == 2


def test_each_output_of_a_function_is_drawn_while_it_is_alive(step):
    class Split(step.Function):
        def forward(self, x):
            return x[:1], x[1:]

    y0, y1 = Split()(var(step, [1.0, 2.0]))
    nodes, edges = parse_dot(step.get_dot_graph(y0))
    assert len(nodes) == 4
    assert len(edges) == 3
    del y1
    nodes, edges = parse_dot(step.get_dot_graph(y0))
    assert len(nodes) == 3
    assert len(edges) == 2


def test_what_has_no_creator_is_one_node(step):
    with step.no_grad():
        y = var(step, 1.0) * 2.0
    for x in (y, var(step, 1.0)):
        nodes, edges = parse_dot(step.get_dot_graph(x))
        assert len(nodes) == 1
        assert edges == []


@pytest.mark.needs("a deep stack")
def test_a_chain_of_3000_functions_does_not_overflow(step):
    x = var(step, 1.0)
    for _ in range(3000):
        x = -x
    _, edges = parse_dot(step.get_dot_graph(x))
    assert len(edges) == 6000


# The picture


@pytest.mark.needs("processes")
@pytest.mark.usefixtures("some_dot")
@pytest.mark.parametrize("name", ["graph.svg", "a b.png", 'it\'s "one"; ls $HOME.pdf'])
def test_the_dot_program_draws_in_the_format_of_the_ending(
    step, z, tmp_path, capsys, name
):
    if os.name == "nt":
        name = name.replace('"', "")
    path = tmp_path / "new" / "folder" / name
    assert step.plot_dot_graph(z, to_file=path) == path
    drawn = path.read_text(encoding="utf-8")
    assert drawn == f"-Kdot -T{path.suffix[1:]} drew {step.get_dot_graph(z)}"
    assert capsys.readouterr() == ("", "")


@pytest.mark.needs("processes")
@pytest.mark.usefixtures("some_dot")
def test_the_picture_may_be_brief_and_its_path_a_text(step, z, tmp_path):
    path = step.plot_dot_graph(z, verbose=False, to_file=str(tmp_path / "graph.svg"))
    drawn = Path(path).read_text(encoding="utf-8")
    assert drawn.endswith(" drew " + step.get_dot_graph(z, verbose=False))


@pytest.mark.needs("processes")
@pytest.mark.usefixtures("some_dot")
def test_a_picture_is_called_out_graph_svg_if_you_give_no_name(
    step, z, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert step.plot_dot_graph(z) == Path("out/graph.svg")
    assert step.plot_dot_graph(z) == Path("out/graph.svg"), "and once more"
    assert [path.name for path in Path("out").iterdir()] == ["graph.svg"]


def test_pygraphviz_draws_where_there_is_no_dot_program(
    step, z, tmp_path, monkeypatch, capsys
):
    bring_pygraphviz(monkeypatch, tmp_path)
    path = tmp_path / "graph.png"
    assert step.plot_dot_graph(z, to_file=path) == path
    drawn = path.read_text(encoding="utf-8")
    assert drawn == f"dot -Tpng drew {step.get_dot_graph(z)}"
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("no_dot")
def test_the_text_is_kept_where_nothing_can_draw_it(step, z, tmp_path, capsys):
    path = step.plot_dot_graph(z, to_file=tmp_path / "new" / "a b.svg")
    assert path == tmp_path / "new" / "a b.dot"
    assert path.read_text(encoding="utf-8") == step.get_dot_graph(z)
    assert not path.with_suffix(".svg").exists()
    out, err = capsys.readouterr()
    assert out == ""
    assert "Graphviz" in err, "it says what to install"
    assert "a b.dot" in err
    assert err.count("\n") == 1


@pytest.mark.usefixtures("no_dot")
def test_the_kept_text_keeps_every_letter_of_a_name(step, tmp_path):
    x = var(step, 1.0)
    x.name = "勾配"
    path = step.plot_dot_graph(x, verbose=False, to_file=tmp_path / "graph.svg")
    assert labels(parse_dot(path.read_text(encoding="utf-8"))[0]) == {"n0": "勾配"}


@pytest.mark.needs("processes")
def test_draw_dot_gives_bytes_or_none(step, tmp_path, monkeypatch):
    bring_pygraphviz(monkeypatch, tmp_path)
    assert step.draw_dot("digraph g {}", Path("graph.svg")).startswith(b"dot -Tsvg")
    bring_dot(monkeypatch, tmp_path)
    assert step.draw_dot("digraph g {}", Path("graph.svg")).startswith(b"-Kdot -Tsvg")
    hide_dot(monkeypatch, tmp_path)
    (tmp_path / "no programs" / "dot").unlink()
    assert step.draw_dot("digraph g {}", Path("graph.svg")) is None


@pytest.mark.needs("processes")
def test_a_drawing_that_fails_leaves_the_old_picture(step, z, tmp_path, monkeypatch):
    path = tmp_path / "graph.svg"
    path.write_text("old")
    bring_dot(monkeypatch, tmp_path, status=1)
    with pytest.raises(subprocess.CalledProcessError):
        step.plot_dot_graph(z, to_file=path)
    assert path.read_text() == "old"


@pytest.mark.needs("hard links")
def test_a_file_is_replaced_and_never_half_written(step, tmp_path):
    path, old = tmp_path / "new" / "file.svg", tmp_path / "new" / "old.svg"
    step.write_file(path, b"old")
    os.link(path, old)  # a second name of what was written
    step.write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert old.read_bytes() == b"old", "the old file was written into"
    assert sorted(path.parent.iterdir()) == [path, old], "nothing else is left"
