# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""What moves, repeats or adds up elements."""

import math

import numpy as np

from framework.backend import get_array_module
from framework.core import Function, Variable, as_variable


def one_tuple(numbers):
    """(2, 3), whether a function was called with 2, 3 or with (2, 3)."""
    if len(numbers) == 1 and not isinstance(numbers[0], int | np.integer):
        return tuple(numbers[0] or ())
    return numbers


class Reshape(Function):
    """The elements of x in another shape."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        return x.reshape(self.shape)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy.reshape(x.shape)


def reshape(x, *shape):
    """The elements of x in another shape, in which one length may be -1.

    It is given as 2, 3 or as one tuple or list. If x has it already, x comes back
    (an array as a Variable).
    """
    x, shape = as_variable(x), one_tuple(shape)
    return x if x.shape == shape else Reshape(shape)(x)


Variable.reshape = reshape


class Transpose(Function):
    """x with its axes in another order."""

    def __init__(self, axes):
        self.axes = axes

    def forward(self, x):
        return x.transpose(self.axes)

    def backward(self, gy):
        axes = [axis % gy.ndim for axis in self.axes]
        return gy.transpose(tuple(axes.index(i) for i in range(gy.ndim)))


def transpose(x, *axes):
    """x with its axes in another order; in reverse without any, or with None.

    They are given as 2, 0, 1 or as one tuple or list, and -1 is the last.
    """
    x, axes = as_variable(x), one_tuple(axes)
    return Transpose(axes or tuple(range(x.ndim))[::-1])(x)


Variable.transpose = transpose
Variable.T = property(transpose)


def expand_dims(x, axis):
    """x with an axis of length 1 at `axis` of the result, or at several (a tuple)."""
    x = as_variable(x)
    return reshape(x, np.expand_dims(x.data, axis).shape)


def flatten(x):
    """x (N, ...) as (N, D), each example in a row; (N,) as (N, 1), a number as (1,)."""
    x = as_variable(x)
    return reshape(x, (*x.shape[:1], math.prod(x.shape[1:])))


class GetItem(Function):
    """Some elements of x."""

    def __init__(self, index):
        self.index = index

    def forward(self, x):
        return x[self.index]

    def backward(self, gy):
        (x,) = self.saved_inputs
        return GetItemGrad(self.index, x)(gy)


class GetItemGrad(Function):
    """An array like x with the numbers of gy at an index, zeros elsewhere."""

    def __init__(self, index, x):
        self.index = index
        self.shape = x.shape

    def forward(self, gy):
        xp = get_array_module(gy)
        gx = xp.zeros(self.shape, gy.dtype)
        part = gx[self.index]
        if part.base is gx:  # a view, in which no element stands twice
            part[...] = gy
        else:
            xp.add.at(gx, self.index, gy)
        return gx

    def backward(self, ggx):
        return get_item(ggx, self.index)


def get_item(x, index):
    """x[index] for all that NumPy takes; the index may be a Variable."""
    if isinstance(index, Variable):
        index = index.data
    return GetItem(index)(x)


Variable.__getitem__ = get_item


def iterate(x):
    """The parts of x along its first axis; a TypeError without one, as in NumPy."""
    return (x[i] for i in range(len(x)))


Variable.__iter__ = iterate


def check_ids(ids, count):
    """ids if they are integers from 0 to count - 1."""
    if ids.dtype.kind not in "iu":
        raise TypeError(f"Expected integers, but got an array of {ids.dtype}.")
    if ids.size and not (0 <= ids.min() and ids.max() < count):
        raise ValueError(
            f"Expected integers from 0 to {count - 1}, "
            f"but they reach from {ids.min()} to {ids.max()}."
        )
    return ids


class Concatenate(Function):
    """Arrays one after the other along an axis."""

    def __init__(self, axis):
        self.axis = axis

    def forward(self, *xs):
        return np.concatenate(xs, axis=self.axis)

    def backward(self, gy):
        gxs, start, before = [], 0, (slice(None),) * (self.axis % gy.ndim)
        for x in self.saved_inputs:
            end = start + x.shape[self.axis]
            gxs.append(gy[(*before, slice(start, end))])
            start = end
        return tuple(gxs)


def concatenate(xs, axis=1):
    """The arrays xs one after the other along an axis; the others must be equal."""
    return Concatenate(axis)(*xs)


def kept_shape(shape, axis):
    """A shape with 1 for each axis that is summed over: one, several, or None, all.

    The shape of a number stays (): NumPy takes axis 0 of a number, too.
    """
    if axis is None or not shape:
        return (1,) * len(shape)
    axes = np.atleast_1d(axis) % len(shape)
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


class Sum(Function):
    """The sum of x along an axis."""

    def __init__(self, axis, keepdims):
        self.axis = tuple(axis) if isinstance(axis, list) else axis
        self.keepdims = keepdims

    def forward(self, x):
        return x.sum(axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return BroadcastTo(x.shape)(gy.reshape(kept_shape(x.shape, self.axis)))


def sum(x, axis=None, keepdims=False):
    """The sum of x along an axis, several (a tuple or list) or all, as in NumPy.

    keepdims leaves an axis of length 1 for each that was summed.
    """
    return Sum(axis, keepdims)(x)


Variable.sum = sum


class Mean(Sum):
    """The mean of x along an axis."""

    def forward(self, x):
        if x.size == 0:
            raise ValueError("there is no mean of no numbers")
        return x.mean(axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return super().backward(gy * (gy.size / x.size))


def mean(x, axis=None, keepdims=False):
    """The mean of x along axes as in sum(); an x without elements: a ValueError."""
    return Mean(axis, keepdims)(x)


average = mean
Variable.mean = mean


class Max(Sum):
    """The largest elements of x along an axis."""

    def forward(self, x):
        return x.max(axis=self.axis, keepdims=self.keepdims)

    def backward(self, gy):
        (x,), (y,) = self.saved_inputs, self.saved_outputs
        is_max = x == y.reshape(kept_shape(x.shape, self.axis))
        share = is_max / is_max.sum(axis=self.axis, keepdims=True)
        return super().backward(gy) * share.astype(gy.dtype)


def max(x, axis=None, keepdims=False):
    """The largest elements along axes as in sum(); equal ones share the gradient."""
    return Max(axis, keepdims)(x)


class Min(Max):
    """The smallest elements of x along an axis."""

    def forward(self, x):
        return x.min(axis=self.axis, keepdims=self.keepdims)


def min(x, axis=None, keepdims=False):
    """The smallest elements along axes as in sum(); equal ones share the gradient."""
    return Min(axis, keepdims)(x)


Variable.max = max
Variable.min = min


class BroadcastTo(Function):
    """x repeated along its axes of length 1, so that it gets a shape."""

    def __init__(self, shape):
        self.shape = shape

    def forward(self, x):
        return np.broadcast_to(x, self.shape)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return unbroadcast(gy, x.shape)


def broadcast_to(x, shape):
    """x, a Variable or an array, repeated until it has the shape: a Variable.

    It is repeated along new axes in front and along its axes of length 1. If x has
    the shape already, x itself comes back; if it cannot get it: a ValueError. The
    shape is a tuple or a list.
    """
    x, shape = as_variable(x), tuple(shape)
    return x if x.shape == shape else BroadcastTo(shape)(x)


def sum_to(x, shape):
    """x, a Variable or an array, added up until it has the shape: a Variable.

    It adds up along the axes that broadcast_to(..., x.shape) would repeat along. If
    x has the shape already, x itself comes back; a ValueError if the shape is not
    one that is broadcast to x.shape. The shape is a tuple or a list.
    """
    return unbroadcast(as_variable(x), tuple(shape))


def unbroadcast(x, shape):
    """sum_to for backward(): a Variable of a Variable, an array of an array."""
    if x.shape == shape:
        return x
    more = x.ndim - len(shape)
    axes = tuple(i for i in range(x.ndim) if i < more or shape[i - more] == 1)
    y = x.sum(axis=axes, keepdims=True)
    if y.shape[more:] != shape:
        raise ValueError(f"{x.shape} is not a shape that {shape} is broadcast to.")
    return y.reshape(shape)
