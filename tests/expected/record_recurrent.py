"""Record an RNN and an LSTM over several time steps with PyTorch, in float64.

    python tests/expected/record_recurrent.py

Needs torch (the tests don't: they read what is written here). The weights are ours:
Wx (D, H), Wh (H, H) and b (H,), for the LSTM 4 H wide, in the order f, i, o, u;
PyTorch's are transposed, in the order i, f, u, o, and have a second bias, here 0.
For both networks recurrent.json has

    inputs      x (T, N, D), Wx, Wh and b
    h, c        h after each step (T, N, H), and c after the last
    cotangents  v (T, N, H), and w (N, H) for c: the loss is sum(h * v) + sum(c * w)
    gradients   of the loss, for each of the inputs
    cut         the same, with the graph cut behind the third step
    directions  like the inputs
    second      the gradients of sum(gradients * directions)
"""

import numpy as np
import torch
from record import write

T, N, D, H = 5, 2, 3, 4
CUT = 3
NAMES = ["x", "Wx", "Wh", "b"]
ORDERS = {"RNN": [0], "LSTM": [1, 0, 3, 2]}  # where PyTorch's gates stand among ours


def as_torch(array, gates):
    """Weights of ours, (..., 4 H), as PyTorch has them."""
    parts = array.chunk(len(gates), dim=-1)
    return torch.cat([parts[gate] for gate in gates], -1).T


def run(kind, inputs, cut=None):
    """h after each step, (T, N, H), and the last c; none for an RNN."""
    network = getattr(torch.nn, kind)(D, H).double()
    x, Wx, Wh, b = inputs
    gates = ORDERS[kind]
    weights = {
        "weight_ih_l0": as_torch(Wx, gates),
        "weight_hh_l0": as_torch(Wh, gates),
        "bias_ih_l0": as_torch(b[None], gates)[:, 0],
        "bias_hh_l0": torch.zeros_like(b),
    }
    state, hs = None, []
    for part in (x[:cut], x[cut:]) if cut else (x,):
        if state is not None:
            state = [s.detach() for s in state]
            state = state[0] if kind == "RNN" else tuple(state)
        h, state = torch.func.functional_call(network, weights, (part, state))
        state = (state,) if kind == "RNN" else state
        hs.append(h)
    return torch.cat(hs), state[1][0] if kind == "LSTM" else None


def loss_of(kind, inputs, v, w, cut=None):
    h, c = run(kind, inputs, cut)
    return (h * v).sum() + ((c * w).sum() if kind == "LSTM" else 0.0)


def record_network(kind):
    """What recurrent.json has of a network."""
    rng = np.random.default_rng(0)
    width = len(ORDERS[kind]) * H
    shapes = [(T, N, D), (D, width), (H, width), (width,)]
    arrays = [torch.tensor(rng.standard_normal(shape)) for shape in shapes]
    inputs = [array.requires_grad_() for array in arrays]
    v, w = (torch.tensor(rng.standard_normal(s)) for s in ((T, N, H), (N, H)))
    us = [torch.tensor(rng.standard_normal(shape)) for shape in shapes]
    h, c = run(kind, inputs)
    loss = loss_of(kind, inputs, v, w)
    gradients = torch.autograd.grad(loss, inputs, create_graph=True)
    along_us = sum((g * u).sum() for g, u in zip(gradients, us))
    cut = torch.autograd.grad(loss_of(kind, inputs, v, w, CUT), inputs)
    second = torch.autograd.grad(along_us, inputs)
    record = {"h": h.tolist(), "cotangents": {"v": v.tolist(), "w": w.tolist()}}
    if c is not None:
        record["c"] = c.tolist()
    for name, tensors in (
        ("inputs", inputs),
        ("gradients", gradients),
        ("cut", cut),
        ("directions", us),
        ("second", second),
    ):
        record[name] = dict(zip(NAMES, (tensor.tolist() for tensor in tensors)))
    return record


if __name__ == "__main__":
    torch.set_num_threads(1)
    version = f"record_recurrent.py with torch {torch.__version__}"
    networks = {kind: record_network(kind) for kind in ORDERS}
    write("recurrent.json", {"made by": version, **networks})
