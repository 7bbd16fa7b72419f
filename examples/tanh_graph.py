"""The graph of a derivative of tanh, drawn.

    python -m examples.tanh_graph --order 3

Each derivative is computed by a graph of its own, larger than the one before.
"""

import argparse

import numpy as np

import framework.functions as F
from framework import Variable
from framework.utils import plot_dot_graph


def tanh_derivative(order):
    """The derivative of tanh of this order at 1, with the graph that made it."""
    x = Variable(np.array(1.0), name="x")
    y = F.tanh(x)
    for _ in range(order):
        x.cleargrad()
        y.backward(create_graph=True)
        y = x.grad
    y.name = "tanh" + "'" * order
    return y


def functions_behind(y):
    """How many functions made y."""
    funcs, seen = [y.creator], set()
    while funcs:
        func = funcs.pop()
        if func is not None and func not in seen:
            seen.add(func)
            funcs += [x.creator for x in func.inputs]
    return len(seen)


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--order", type=int, default=3)
    parser.add_argument("--to-file", default="out/tanh.svg")
    options = parser.parse_args(words)
    for order in range(options.order + 1):
        y = tanh_derivative(order)
        print(f"order {order}  {float(y.data):9.5f}  {functions_behind(y)} functions")
    print(f"The graph is {plot_dot_graph(y, verbose=False, to_file=options.to_file)}.")


if __name__ == "__main__":
    main()
