# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Pictures of graphs."""

import pathlib
import sys

from framework.core import Variable
from framework.files import write_file


def dot_variable(name, x, verbose):
    """The line of DOT that draws the variable x as an oval, without a newline.

    Its label is x's name, if it has one. verbose adds shape and dtype, if it has
    data: "x: (2, 3) float64", or "(2, 3) float64" without a name. A backslash
    comes before each " and each backslash of the label.

    n0 [label="x: (2, 3) float64", color=orange, style=filled]
    """
    label = x.name or ""
    if verbose and x.data is not None:
        label += f"{': ' if label else ''}{x.shape} {x.dtype}"
    label = label.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name} [label="{label}", color=orange, style=filled]'


def dot_function(name, func):
    """The same for the function func: a rectangle with the name of its class.

    n2 [label="Add", color=lightblue, style=filled, shape=box]
    """
    label = type(func).__name__
    return f'{name} [label="{label}", color=lightblue, style=filled, shape=box]'


def get_dot_graph(output, verbose=True):
    """The graph that made output, as text in the DOT language.

    Each variable and function is drawn once, as a node. Their names are n0 (the
    output), n1, ... as they are met. There is an edge for each input, and for each
    output that is alive. verbose adds shape and dtype to the names of the variables.

    The first line is "digraph g {", the last one "}". Every line ends with a newline.
    """
    names, lines, funcs = {}, [], [output.creator]

    def node(obj):
        if id(obj) not in names:
            name = names[id(obj)] = f"n{len(names)}"
            if isinstance(obj, Variable):
                lines.append(dot_variable(name, obj, verbose))
            else:
                lines.append(dot_function(name, obj))
        return names[id(obj)]

    node(output)
    while funcs:
        func = funcs.pop()
        if func is None or id(func) in names:
            continue
        for x in func.inputs:
            lines.append(f"{node(x)} -> {node(func)}")
            funcs.append(x.creator)
        for y in func.outputs:
            if y() is not None:
                lines.append(f"{node(func)} -> {node(y())}")
    return "digraph g {\n" + "\n".join(lines) + "\n}\n"


def draw_dot(dot, path):
    """DOT text as a picture in the format that the ending of path names, as bytes.

    None if neither the dot program nor pygraphviz is there to draw it.
    """
    import graphviz

    kind = path.suffix[1:].lower()
    try:
        return graphviz.Source(dot).pipe(format=kind)
    except (graphviz.ExecutableNotFound, OSError):
        pass
    try:
        import pygraphviz
    except ImportError:
        return None
    return pygraphviz.AGraph(string=dot).draw(format=kind, prog="dot")


def plot_dot_graph(output, verbose=True, to_file="out/graph.svg"):
    """Draw the graph that made output into a file; .svg, .png and .pdf will do.

    Returns the Path of the picture. Where nothing can draw it, the text goes into
    a .dot file, whose Path is returned, and one line on stderr names that file
    and says that Graphviz is to be installed.
    """
    path = pathlib.Path(to_file)
    dot = get_dot_graph(output, verbose)
    picture = draw_dot(dot, path)
    if picture is None:
        path = path.with_suffix(".dot")
        picture = dot.encode()
        print(f"{path} is not drawn: install Graphviz (graphviz.org).", file=sys.stderr)
    write_file(path, picture)
    return path
