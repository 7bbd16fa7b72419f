"""Record batch normalization with PyTorch, in float64, on the CPU.

    python tests/expected/record_batch_norm.py

Needs torch (the tests don't: they read what is written here). It writes into
batch_norm.json, for inputs x of several shapes, in training and in test mode,

    x, gamma, beta       random, and the statistics mean and var at the start
    decay, eps           what batch_norm is given; decay is 1 - momentum of PyTorch
    value                y = batch_norm(x, gamma, beta, mean, var)
    new_mean, new_var    the statistics afterwards
    cotangent            random
    gradients            of L = sum(cotangent * y), by x, gamma and beta
    directions           random, one for each of the three
    second               the gradients of sum(directions * gradients)

and, of the layer as it comes, with gamma and beta learned in between,

    batches              x of three batches, and the gradient of their outputs
    answers              the output for each
    statistics           running mean and variance after each
    learned              gamma and beta after each update by SGD(0.1)
    x, in_test_mode      another batch, and the output for it in test mode
"""

import json
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
CHANNELS, DECAY, EPS = 3, 0.7, 0.01
SHAPES = [(5, CHANNELS), (4, CHANNELS, 2, 3)]
DEFAULT_EPS = 2e-5


def leaf(x):
    """x as a tensor that gets a gradient."""
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


def inner(us, vs):
    """The inner product of two lists of tensors."""
    return sum((u * v).sum() for u, v in zip(us, vs))


def gradients(y, xs):
    """The gradients of y, a number; zeros where y does not depend on an input."""
    gxs = torch.autograd.grad(y, xs, create_graph=True, allow_unused=True)
    return [torch.zeros_like(x) if gx is None else gx for x, gx in zip(xs, gxs)]


def lists(tensors):
    """The numbers in the tensors."""
    return [tensor.tolist() for tensor in tensors]


def record_function(shape, training):
    """One call of batch_norm, its gradients and theirs."""
    rng = np.random.default_rng([len(shape), training])
    xs = [leaf(rng.normal(2, 3, shape))]
    xs += [leaf(rng.standard_normal(CHANNELS)) for _ in range(2)]
    mean = torch.tensor(rng.standard_normal(CHANNELS))
    var = torch.tensor(rng.uniform(0.5, 2, CHANNELS))
    record = {"mean": mean.tolist(), "var": var.tolist(), "decay": DECAY, "eps": EPS}
    x, gamma, beta = xs
    y = torch.nn.functional.batch_norm(
        x, mean, var, gamma, beta, training, 1 - DECAY, EPS
    )
    v = torch.tensor(rng.standard_normal(shape))
    us = [torch.tensor(rng.standard_normal(x.shape)) for x in xs]
    gxs = gradients(inner([v], [y]), xs)
    return record | {
        **dict(zip(["x", "gamma", "beta"], lists(xs))),
        "value": y.tolist(),
        "new_mean": mean.tolist(),
        "new_var": var.tolist(),
        "cotangent": v.tolist(),
        "gradients": lists(gxs),
        "directions": lists(us),
        "second": lists(gradients(inner(us, gxs), xs)),
    }


def record_layer(shape):
    """Three batches that a layer is trained on, and one in test mode."""
    rng = np.random.default_rng(len(shape))
    kind = torch.nn.BatchNorm1d if len(shape) == 2 else torch.nn.BatchNorm2d
    layer = kind(CHANNELS, eps=DEFAULT_EPS, dtype=torch.float64)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
    record = {"batches": [], "answers": [], "statistics": [], "learned": []}
    for _ in range(3):
        x = torch.tensor(rng.normal(2, 3, shape))
        v = torch.tensor(rng.standard_normal(shape))
        y = layer(x)
        optimizer.zero_grad()
        y.backward(v)
        optimizer.step()
        record["batches"].append(lists([x, v]))
        record["answers"].append(y.tolist())
        record["statistics"].append(lists([layer.running_mean, layer.running_var]))
        record["learned"].append(lists([layer.weight, layer.bias]))
    x = torch.tensor(rng.normal(2, 3, shape))
    return record | {"x": x.tolist(), "in_test_mode": layer.eval()(x).tolist()}


def write(name, record):
    """Write a record, with the version of torch that made it, as a line a key."""
    made_by = f"record_batch_norm.py with torch {torch.__version__}"
    record = {"made by": made_by, **record}
    lines = [f"{json.dumps(key)}: {json.dumps(record[key])}" for key in record]
    (HERE / name).write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    record = {}
    for shape in SHAPES:
        axes = f"{len(shape)} axes"
        record[f"{axes}, training"] = record_function(shape, True)
        record[f"{axes}, test mode"] = record_function(shape, False)
        record[f"{axes}, layer"] = record_layer(shape)
    write("batch_norm.json", record)
