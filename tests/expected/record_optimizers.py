"""Record ten updates of each optimizer with PyTorch, in float64, on the CPU.

    python tests/expected/record_optimizers.py

Needs torch (the tests don't: they read what is written here). It writes into
optimizers.json

    start, gradients     a parameter (2, 3), and ten gradients of it, random
    runs                 for each line of RUNS its optimizer, with what it is given,
                         and the parameter after each of the ten updates
    net                  x (4, 2), t (4, 1) and the weights of a small network,
                         sigmoid(x @ W0 + b0) @ W1 + b1, and for each optimizer the
                         ten losses and the weights after ten updates
    clipped              three gradients, and what clip_grad_norm_ makes of them
"""

import json
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).resolve().parent
UPDATES = 10
WIDE = [1.0, 1e-3, 1e-6, 1.0, 1e3, 1e6]  # gradients of very different sizes
KINDS = {  # ours: PyTorch's, and its names for what ours is given
    "SGD": (torch.optim.SGD, {"lr": "lr"}),
    "MomentumSGD": (torch.optim.SGD, {"lr": "lr", "momentum": "momentum"}),
    "AdaGrad": (torch.optim.Adagrad, {"lr": "lr", "eps": "eps"}),
    "AdaDelta": (torch.optim.Adadelta, {"rho": "rho", "eps": "eps"}),
    "Adam": (torch.optim.Adam, {"alpha": "lr", "eps": "eps"}),
    "AdamW": (
        torch.optim.AdamW,
        {"alpha": "lr", "eps": "eps", "weight_decay": "weight_decay"},
    ),
}
DEFAULTS = {
    "SGD": {"lr": 0.01},
    "MomentumSGD": {"lr": 0.01, "momentum": 0.9},
    "AdaGrad": {"lr": 0.001, "eps": 1e-8},
    "AdaDelta": {"rho": 0.95, "eps": 1e-6},
    "Adam": {"alpha": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    "AdamW": {
        "alpha": 0.001,
        "beta1": 0.9,
        "beta2": 0.999,
        "eps": 1e-8,
        "weight_decay": 0.01,
    },
}
OTHERS = {
    "SGD": {"lr": 0.3},
    "MomentumSGD": {"lr": 0.2, "momentum": 0.5},
    "AdaGrad": {"lr": 0.1, "eps": 0.01},
    "AdaDelta": {"rho": 0.7, "eps": 0.01},
    "Adam": {"alpha": 0.05, "beta1": 0.6, "beta2": 0.8, "eps": 0.01},
    "AdamW": {
        "alpha": 0.05,
        "beta1": 0.6,
        "beta2": 0.8,
        "eps": 0.01,
        "weight_decay": 0.5,
    },
}


def optimizer(name, given, params):
    """PyTorch's optimizer of this kind, for our names."""
    kind, names = KINDS[name]
    words = {names[key]: value for key, value in given.items() if key in names}
    if "beta1" in given:
        words["betas"] = given["beta1"], given["beta2"]
    if name == "AdaDelta":
        words["lr"] = 1.0
    return kind(params, **words)


def tensor(x):
    """x as a tensor that gets a gradient."""
    return torch.tensor(x, dtype=torch.float64, requires_grad=True)


def record_run(name, given, start, gradients):
    """The parameter after each update."""
    p = tensor(start)
    optim = optimizer(name, given, [p])
    path = []
    for g in gradients:
        p.grad = torch.tensor(g)
        optim.step()
        path.append(p.tolist())
    return {"optimizer": name, "given": given, "path": path}


def record_runs(rng):
    """Each optimizer with its defaults, with other numbers, and on wide gradients."""
    start = rng.standard_normal((2, 3))
    gradients = rng.standard_normal((UPDATES, 2, 3))
    wide = gradients * np.reshape(WIDE, (2, 3))
    runs = {}
    for name in KINDS:
        runs[f"{name}()"] = record_run(name, DEFAULTS[name], start, gradients)
        runs[f"{name} with other numbers"] = record_run(
            name, OTHERS[name], start, gradients
        )
        runs[f"{name} on wide"] = record_run(name, DEFAULTS[name], start, wide)
    for name in runs:
        runs[name]["gradients"] = "wide" if name.endswith("on wide") else "gradients"
    return {
        "start": start.tolist(),
        "gradients": gradients.tolist(),
        "wide": wide.tolist(),
        "runs": runs,
    }


def record_net(rng):
    """A small network, trained by each optimizer on the same four examples."""
    x, t = rng.standard_normal((4, 2)), rng.standard_normal((4, 1))
    shapes = {"l0/W": (2, 3), "l0/b": (3,), "l1/W": (3, 1), "l1/b": (1,)}
    weights = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    runs = {}
    for name in KINDS:
        params = {key: tensor(weights[key]) for key in weights}
        W0, b0, W1, b1 = params.values()
        optim = optimizer(name, OTHERS[name], params.values())
        losses = []
        for _ in range(UPDATES):
            y = torch.sigmoid(torch.tensor(x) @ W0 + b0) @ W1 + b1
            loss = ((y - torch.tensor(t)) ** 2).sum() / 4
            optim.zero_grad()
            loss.backward()
            optim.step()
            losses.append(loss.item())
        after = {key: p.tolist() for key, p in params.items()}
        runs[name] = {"given": OTHERS[name], "losses": losses, "after": after}
    weights = {key: w.tolist() for key, w in weights.items()}
    return {"x": x.tolist(), "t": t.tolist(), "weights": weights, "runs": runs}


def record_clipped(rng):
    """Three gradients together, clipped to several norms."""
    gradients = [rng.standard_normal(shape) for shape in [(2, 3), (4,), (1, 1)]]
    runs = []
    for max_norm in (0.5, 2.0, 100.0):
        params = [tensor(np.zeros(g.shape)) for g in gradients]
        for p, g in zip(params, gradients):
            p.grad = torch.tensor(g)
        torch.nn.utils.clip_grad_norm_(params, max_norm)
        runs.append({"max_norm": max_norm, "after": [p.grad.tolist() for p in params]})
    return {"gradients": [g.tolist() for g in gradients], "runs": runs}


if __name__ == "__main__":
    torch.set_num_threads(1)
    rng = np.random.default_rng(46)
    record = {"made by": f"record_optimizers.py with torch {torch.__version__}"}
    record |= record_runs(rng) | {"net": record_net(rng)}
    record["clipped"] = record_clipped(rng)
    lines = [f"{json.dumps(key)}: {json.dumps(record[key])}" for key in record]
    (HERE / "optimizers.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
