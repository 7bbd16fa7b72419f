"""Record the expected gradients with PyTorch, in float64, on the CPU.

    python tests/expected/record.py

Needs torch (the tests don't: they read what is written here). It writes, for
every line of tests/function_table.py, into functions.json

    inputs, cotangent    random, from a seed made of the line's name
    value                y = f(inputs)
    gradients            of L = sum(cotangent * y), one for each input
    directions           random, one for each input
    second               the gradients of sum(directions * gradients): the
                         second derivatives of L along the directions

and into double_backprop.json the gradient penalty that step 36 computes.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from function_table import CASES  # noqa: E402


def leaf(x):
    """x as a tensor that gets a gradient."""
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


def gradients(y, xs):
    """The gradients of y, a number; zeros where y does not depend on an input."""
    if not y.requires_grad:
        return [torch.zeros_like(x) for x in xs]
    gxs = torch.autograd.grad(y, xs, create_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if gx is None else gx for x, gx in zip(xs, gxs)]


def inner(us, vs):
    """The inner product of two lists of tensors."""
    return sum((u * v).sum() for u, v in zip(us, vs))


def lists(tensors):
    """The numbers in the tensors."""
    # torch keeps some zeros without storage: a sum has it
    return [(tensor + torch.zeros_like(tensor)).tolist() for tensor in tensors]


def record_case(case):
    """The expected value and gradients of one line of the table."""
    rng = np.random.default_rng(list(case.name.encode()))
    ranges = zip(case.inputs, case.input_shapes())
    xs = [leaf(rng.uniform(*ends, shape)) for ends, shape in ranges]
    us = [torch.tensor(rng.standard_normal(x.shape)) for x in xs]
    y = (case.torch or case.call)(torch, *xs)
    v = torch.tensor(rng.standard_normal(y.shape))
    gxs = gradients(inner([v], [y]), xs)
    return {
        "inputs": lists(xs),
        "cotangent": v.tolist(),
        "value": y.tolist(),
        "gradients": lists(gxs),
        "directions": lists(us),
        "second": lists(gradients(inner(us, gxs), xs)),
    }


def record_penalty():
    """How far the slope of a small network is from 1, and the gradients of that.

    f(x0, x1) = v0 tanh(a0 x0 + b0 x1) + v1 tanh(a1 x0 + b1 x1)
    penalty   = (sqrt(f0 ** 2 + f1 ** 2) - 1) ** 2, f0 and f1 its derivatives
    """
    numbers = {"a0": 0.8, "b0": -0.5, "v0": 1.2, "a1": -0.3, "b1": 0.9, "v1": 0.7}
    weights = {name: leaf(number) for name, number in numbers.items()}
    x0, x1 = leaf(0.5), leaf(-0.3)
    a0, b0, v0, a1, b1, v1 = weights.values()
    y = v0 * torch.tanh(a0 * x0 + b0 * x1) + v1 * torch.tanh(a1 * x0 + b1 * x1)
    f0, f1 = torch.autograd.grad(y, (x0, x1), create_graph=True)
    penalty = ((f0**2 + f1**2) ** 0.5 - 1) ** 2
    penalty.backward()
    return {
        "x": [x0.item(), x1.item()],
        "weights": {name: w.item() for name, w in weights.items()},
        "value": y.item(),
        "slopes": [f0.item(), f1.item()],
        "penalty": penalty.item(),
        "gradients": {name: w.grad.item() for name, w in weights.items()},
    }


def write(name, record):
    """Write a record, with the version of torch that made it, as a line a key."""
    record = {"made by": f"record.py with torch {torch.__version__}", **record}
    lines = [f"{json.dumps(key)}: {json.dumps(record[key])}" for key in record]
    (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    write("functions.json", {case.name: record_case(case) for case in CASES})
    write("double_backprop.json", record_penalty())
