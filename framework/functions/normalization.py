# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Dropout and batch normalization."""

from framework.backend import get_array_module
from framework.core import Config, as_array, as_variable
from framework.functions.shape import mean, reshape


def dropout(x, dropout_ratio=0.5):
    """x with a share of its elements set to 0, the others scaled to keep the mean.

    dropout_ratio is the share, 0 <= dropout_ratio < 1; another is a ValueError that
    names it, in both modes. It may be a number of NumPy: the dtype of x is kept. In
    test_mode the result is x itself, and nothing is drawn. (Srivastava et al. 2014)
    """
    if not 0 <= dropout_ratio < 1:
        raise ValueError(f"dropout_ratio is from 0 to below 1, not {dropout_ratio}.")
    x = as_variable(x)
    if not Config.train:
        return x
    xp = get_array_module(x)
    kept = as_array(xp.random.rand(*x.shape) >= dropout_ratio)
    return x * (kept.astype(x.dtype) / float(1 - dropout_ratio))


def standardized(x, axes, eps):
    """x minus its mean along these axes, divided by sqrt(variance + eps)."""
    x = x - mean(x, axes, keepdims=True)
    return x * (mean(x * x, axes, keepdims=True) + eps) ** -0.5


def batch_norm(x, gamma, beta, mean, var, decay=0.9, eps=2e-5):
    """x of mean 0 and standard deviation 1 for each channel, times gamma, plus beta.

    x is (N, C, ...): any number of axes may follow the channels; the others are (C,).
    y has the dtype of x. In training the moving averages mean and var change in place,
    by 1 - decay of the way, to the mean of x and to its variance times n / (n - 1) for
    n numbers a channel. In test_mode they stay, and are used in place of those of x.
    ValueErrors that move nothing: "An x of (4, 2) does not have 3 channels.", in both
    modes, and in training "Batch normalization needs more than one number a channel."
    (Ioffe and Szegedy 2015)
    """
    x, gamma, beta = as_variable(x), as_variable(gamma), as_variable(beta)
    if x.ndim < 2 or x.shape[1] != len(mean):
        raise ValueError(f"An x of {x.shape} does not have {len(mean)} channels.")
    axes, eps = (0, *range(2, x.ndim)), float(eps)
    shape = (1, -1, *[1] * (x.ndim - 2))
    gamma, beta = reshape(gamma, shape), reshape(beta, shape)
    if not Config.train:
        inv_std = (var.reshape(shape) + eps) ** -0.5
        return (x - mean.reshape(shape)) * (gamma * inv_std) + beta
    n = x.size // len(mean)
    if n < 2:
        raise ValueError("Batch normalization needs more than one number a channel.")
    mean += (1 - decay) * (x.data.mean(axis=axes) - mean)
    var += (1 - decay) * (x.data.var(axis=axes) * (n / (n - 1)) - var)
    return standardized(x, axes, eps) * gamma + beta


def layer_norm(x, gamma, beta, eps=1e-5):
    """x of mean 0, standard deviation 1 along its last axis, times gamma, plus beta.

    gamma and beta are (D,) for x (..., D). (Ba et al. 2016)
    """
    x, gamma = as_variable(x), as_variable(gamma)
    if x.shape[-1:] != gamma.shape:
        raise ValueError(f"An x of {x.shape} does not end in {gamma.shape}.")
    return standardized(x, -1, eps) * gamma + beta
