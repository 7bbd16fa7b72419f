# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""X W + b, and rows of W."""

from framework.core import as_variable
from framework.functions.math import MatMul, matmul
from framework.functions.shape import check_ids, get_item, unbroadcast


class Affine(MatMul):
    """x @ W + b."""

    def forward(self, x, W, b):
        return super().forward(x, W) + b

    def backward(self, gy):
        b = self.saved_inputs[2]
        gb = unbroadcast(gy, b.shape) if self.needs(2) else None
        return *super().backward(gy), gb


def linear_simple(x, W, b=None):
    """x @ W + b, out of two functions, for x (N, D), W (D, H), b (H,): (N, H)."""
    y = matmul(x, W)
    return y if b is None else y + b


def linear(x, W, b=None):
    """x @ W + b as one function, for x (N, D), W (D, H), b (H,): (N, H)."""
    return matmul(x, W) if b is None else Affine()(x, W, b)


def embed_id(x, W):
    """The rows of W, (V, D), that x, integers of any shape, names: (..., D)."""
    return get_item(W, check_ids(as_variable(x).data, len(as_variable(W))))
