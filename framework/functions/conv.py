# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Convolution and pooling."""

import numpy as np

from framework.backend import get_array_module
from framework.core import Function, as_variable
from framework.functions.affine import linear
from framework.functions.shape import max, reshape, transpose


def pair(x):
    """(x, x) for a whole number x; two of them, in a tuple or list, as a tuple."""
    if isinstance(x, int | np.integer):
        return x, x
    if isinstance(x, tuple | list) and len(x) == 2:
        return tuple(x)
    raise ValueError(f"Expected a whole number or two, (height, width), not {x!r}.")


def get_conv_outsize(input_size, kernel_size, stride, pad):
    """The number of places of a kernel along an axis of a padded picture."""
    free = input_size + 2 * pad - kernel_size
    if free < 0 or kernel_size < 1 or stride < 1 or pad < 0:
        raise ValueError(
            f"A kernel of {kernel_size} with stride {stride} does not fit "
            f"into {input_size} with {pad} more at each end."
        )
    return free // stride + 1


def get_deconv_outsize(size, kernel_size, stride, pad):
    """The shortest axis of a picture that has `size` places for the kernel."""
    return stride * (size - 1) + kernel_size - 2 * pad


def conv_outsizes(sizes, kernel_size, stride, pad):
    """(OH, OW) for sizes (H, W), the other arguments being pairs as well."""
    return tuple(map(get_conv_outsize, sizes, kernel_size, stride, pad))


def padded(x, pad, value=0):
    """The pictures x, (N, C, H, W), with `pad` (PH, PW) more pixels at the edges."""
    (N, C, H, W), (PH, PW) = x.shape, pad
    if PH == PW == 0:
        return x
    shape = N, C, H + 2 * PH, W + 2 * PW
    y = get_array_module(x).full(shape, value, x.dtype)
    y[:, :, PH : PH + H, PW : PW + W] = x
    return y


def unpadded(y, pad):
    """The pictures y without the pixels that padded() adds."""
    (H, W), (PH, PW) = y.shape[2:], pad
    if PH == PW == 0:
        return y
    return y[:, :, PH : H - PH, PW : W - PW]


def windows(x, kernel_size, stride):
    """What a kernel sees at each place, as a view: (N, C, KH, KW, OH, OW)."""
    (KH, KW), (SH, SW) = kernel_size, stride
    OH, OW = conv_outsizes(x.shape[2:], kernel_size, stride, (0, 0))
    n, c, h, w = x.strides
    return get_array_module(x).lib.stride_tricks.as_strided(
        x, (*x.shape[:2], KH, KW, OH, OW), (n, c, h, w, h * SH, w * SW)
    )


def shifted(x, kernel_size, stride):
    """What each pixel of a kernel sees at all places, one view (N, C, OH, OW) each."""
    view = windows(x, kernel_size, stride)
    return [view[:, :, i, j] for i, j in np.ndindex(kernel_size)]


def im2col_array(x, kernel_size, stride, pad, to_matrix=True):
    """im2col of an array."""
    kernel_size, stride, pad = pair(kernel_size), pair(stride), pair(pad)
    col = windows(padded(x, pad), kernel_size, stride)
    if not to_matrix:
        return col.copy()
    N, C, KH, KW, OH, OW = col.shape
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * OH * OW, C * KH * KW)


def col2im_array(col, img_shape, kernel_size, stride, pad, to_matrix=True):
    """col2im of an array."""
    kernel_size, stride, pad = pair(kernel_size), pair(stride), pair(pad)
    (N, C, H, W), (PH, PW) = img_shape, pad
    x = get_array_module(col).zeros((N, C, H + 2 * PH, W + 2 * PW), col.dtype)
    view = windows(x, kernel_size, stride)
    if to_matrix:
        N, C, KH, KW, OH, OW = view.shape
        col = col.reshape(N, OH, OW, C, KH, KW).transpose(0, 3, 4, 5, 1, 2)
    for i, j in np.ndindex(kernel_size):
        view[:, :, i, j] += col[:, :, i, j]
    return unpadded(x, pad)


class Im2col(Function):
    """What a kernel sees at each place, side by side."""

    def __init__(self, *geometry):
        self.geometry = geometry

    def forward(self, x):
        return im2col_array(x, *self.geometry)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return Col2im(x.shape, *self.geometry)(gy)


def im2col(x, kernel_size, stride=1, pad=0, to_matrix=True):
    """What a kernel sees at each place of the pictures x, (N, C, H, W).

    (N * OH * OW, C * KH * KW), a row for each place; without to_matrix
    (N, C, KH, KW, OH, OW).
    """
    return Im2col(kernel_size, stride, pad, to_matrix)(x)


class Col2im(Function):
    """Pictures in which what im2col has taken apart is added up again."""

    def __init__(self, img_shape, *geometry):
        self.img_shape = img_shape
        self.geometry = geometry

    def forward(self, col):
        return col2im_array(col, self.img_shape, *self.geometry)

    def backward(self, gy):
        return Im2col(*self.geometry)(gy)


def col2im(col, img_shape, kernel_size, stride=1, pad=0, to_matrix=True):
    """Pictures of img_shape, (N, C, H, W), that add up what im2col has taken apart.

    A pixel that several places of the kernel see gets the sum of theirs.
    """
    return Col2im(img_shape, kernel_size, stride, pad, to_matrix)(col)


def conv2d_simple(x, W, b=None, stride=1, pad=0):
    """The same as conv2d, as a matrix product of im2col and W."""
    x, W = as_variable(x), as_variable(W)
    OC, _, KH, KW = W.shape
    col = im2col(x, (KH, KW), stride, pad)
    y = linear(col, reshape(W, (OC, -1)).T, b)
    OH, OW = conv_outsizes(x.shape[2:], (KH, KW), pair(stride), pair(pad))
    return transpose(reshape(y, (len(x), OH, OW, OC)), (0, 3, 1, 2))


BLOCK = 250_000  # numbers: 1 MB of float32, which stays in the processor's cache


def blocks(x, kernel_size, stride):
    """Cut the windows of x into blocks of columns: (pictures, rows, view) of each.

    The view, (n, C, KH, KW, rows, OW), is on a few pictures or a few rows of one.
    """
    view = windows(x, kernel_size, stride)
    N, C, KH, KW, OH, OW = view.shape
    pictures = BLOCK // (C * KH * KW * OH * OW) or 1
    height = BLOCK // (C * KH * KW * OW) or 1
    for i in range(0, N, pictures):
        for j in range(0, OH, height):
            some, rows = slice(i, i + pictures), slice(j, j + height)
            yield some, rows, view[some, :, :, :, rows]


def check_channels(x, channels):
    """A ValueError unless x is (N, C, H, W), with C the channels of the kernel."""
    if x.ndim != 4 or x.shape[1] != channels:
        raise ValueError(f"the kernel asks for pictures (N, {channels}, H, W)")


def conv2d_array(x, W, stride, pad):
    """conv2d of arrays, without a bias."""
    OC, C, KH, KW = W.shape
    check_channels(x, C)
    OH, OW = conv_outsizes(x.shape[2:], (KH, KW), stride, pad)
    x = padded(x, pad)
    xp = get_array_module(x)
    y = xp.empty((len(x), OC, OH, OW), np.result_type(x, W))
    for some, rows, view in blocks(x, (KH, KW), stride):
        n, *_, height, OW = view.shape
        col = view.reshape(n, C * KH * KW, height * OW)
        y[some, :, rows] = (W.reshape(OC, -1) @ col).reshape(n, OC, height, OW)
    return y


def deconv2d_array(x, W, stride, pad, outsize):
    """deconv2d of arrays, without a bias."""
    C, OC, KH, KW = W.shape
    check_channels(x, C)
    (H, W_), (PH, PW) = outsize, pad
    xp = get_array_module(x)
    y = xp.zeros((len(x), OC, H + 2 * PH, W_ + 2 * PW), np.result_type(x, W))
    for some, rows, view in blocks(y, (KH, KW), stride):
        part = x[some, :, rows].reshape(len(view), C, -1)
        col = (W.reshape(C, -1).T @ part).reshape(view.shape)
        for i, j in np.ndindex(KH, KW):
            view[:, :, i, j] += col[:, :, i, j]
    return unpadded(y, pad)


def kernel_gradient_array(x, gy, kernel_size, stride, pad):
    """The gradient of the kernel of conv2d, given x and that of its output."""
    (C, OC), (KH, KW) = (x.shape[1], gy.shape[1]), kernel_size
    xp = get_array_module(x)
    gW = xp.zeros((OC, C * KH * KW), np.result_type(x, gy))
    for some, rows, view in blocks(padded(x, pad), kernel_size, stride):
        col = view.reshape(len(view), C * KH * KW, -1)
        part = gy[some, :, rows].reshape(len(view), OC, -1)
        gW += (part @ col.transpose(0, 2, 1)).sum(axis=0)
    return gW.reshape(OC, C, KH, KW)


class Convolution(Function):
    """conv2d."""

    def __init__(self, stride, pad):
        self.stride = stride
        self.pad = pad

    def forward(self, x, W, *bias):
        y = conv2d_array(x, W, self.stride, self.pad)
        for b in bias:
            y += b.reshape(-1, 1, 1)
        return y

    def backward(self, gy):
        x, W, *bias = self.saved_inputs
        gx = gW = None
        if self.needs(0):
            gx = deconv2d(gy, W, None, self.stride, self.pad, x.shape[2:])
        if self.needs(1):
            gW = KernelGradient(W.shape[2:], self.stride, self.pad)(x, gy)
        return gx, gW, *(gy.sum(axis=(0, 2, 3)) for _ in bias)


def conv2d(x, W, b=None, stride=1, pad=0):
    """Pictures x, (N, C, H, W), seen through kernels W, (OC, C, KH, KW).

    (N, OC, OH, OW); b is (OC,). stride and pad are numbers or pairs.
    """
    bias = [] if b is None else [b]
    return Convolution(pair(stride), pair(pad))(x, W, *bias)


class TransposedConvolution(Function):
    """deconv2d."""

    def __init__(self, stride, pad, outsize):
        self.stride = stride
        self.pad = pad
        self.outsize = outsize

    def forward(self, x, W, *bias):
        y = deconv2d_array(x, W, self.stride, self.pad, self.outsize)
        for b in bias:
            y += b.reshape(-1, 1, 1)
        return y

    def backward(self, gy):
        x, W, *bias = self.saved_inputs
        gx = gW = None
        if self.needs(0):
            gx = conv2d(gy, W, None, self.stride, self.pad)
        if self.needs(1):
            gW = KernelGradient(W.shape[2:], self.stride, self.pad)(gy, x)
        return gx, gW, *(gy.sum(axis=(0, 2, 3)) for _ in bias)


def deconv2d(x, W, b=None, stride=1, pad=0, outsize=None):
    """The opposite of conv2d: each number of x, (N, C, H, W), places a whole kernel.

    W is (C, OC, KH, KW), b (OC,); (N, OC, OH, OW), where the kernels overlap their
    sum. outsize is (OH, OW) if it is not to be the smallest that is possible.
    """
    x, W = as_variable(x), as_variable(W)
    stride, pad = pair(stride), pair(pad)
    sizes = x.shape[2:], W.shape[2:], stride, pad
    outsize = tuple(map(get_deconv_outsize, *sizes)) if outsize is None else outsize
    if conv_outsizes(outsize, *sizes[1:]) != x.shape[2:]:
        raise ValueError(f"From {x.shape[2:]} no picture of {outsize} can be made.")
    bias = [] if b is None else [b]
    return TransposedConvolution(stride, pad, outsize)(x, W, *bias)


class KernelGradient(Function):
    """The gradient of the kernel of conv2d, given x and that of its output."""

    def __init__(self, kernel_size, stride, pad):
        self.geometry = kernel_size, stride, pad

    def forward(self, x, gy):
        return kernel_gradient_array(x, gy, *self.geometry)

    def backward(self, ggW):
        x, gy = self.saved_inputs
        _, stride, pad = self.geometry
        gx = deconv2d(gy, ggW, None, stride, pad, x.shape[2:])
        return gx, conv2d(x, ggW, None, stride, pad)


def pooling_simple(x, kernel_size, stride=1, pad=0):
    """The same as pooling without padding, as the maximum of im2col."""
    x = as_variable(x)
    col = im2col(x, kernel_size, stride, pad, to_matrix=False)
    N, C, KH, KW, OH, OW = col.shape
    return max(reshape(col, (N, C, KH * KW, OH, OW)), axis=2)


class Pooling(Function):
    """The largest number that a kernel sees at each place."""

    def __init__(self, kernel_size, stride, pad):
        self.kernel_size = kernel_size
        self.stride = stride
        self.pad = pad

    def views(self, x):
        """What each pixel of the kernel sees; padding never is the largest."""
        lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        return shifted(padded(x, self.pad, lowest), self.kernel_size, self.stride)

    def forward(self, x):
        first, *others = self.views(x)
        y = first.copy()
        for view in others:
            np.maximum(y, view, out=y)
        return y

    def backward(self, gy):
        (x,), (y,) = self.input_arrays, self.output_arrays
        masks, free = [], y == y
        for view in self.views(x):
            masks.append(free & (view == y))  # of equals the first one counts
            free = free & ~masks[-1]
        return Unpooling(self, masks, x.shape)(gy)


class Unpooling(Function):
    """Pictures with each number of gy where a mask says that it came from."""

    def __init__(self, pool, masks, img_shape):
        self.pool = pool
        self.masks = masks
        self.img_shape = img_shape

    def forward(self, gy):
        pool, (N, C, H, W) = self.pool, self.img_shape
        shape = N, C, H + 2 * pool.pad[0], W + 2 * pool.pad[1]
        gx = get_array_module(gy).zeros(shape, gy.dtype)
        for view, mask in zip(shifted(gx, pool.kernel_size, pool.stride), self.masks):
            view[...] += gy * mask
        return unpadded(gx, pool.pad)

    def backward(self, ggx):
        return MaskedPooling(self.pool, self.masks)(ggx)


class MaskedPooling(Function):
    """The number that a mask names, of those that a kernel sees at each place."""

    def __init__(self, pool, masks):
        self.pool = pool
        self.masks = masks

    def forward(self, x):
        pool = self.pool
        views = shifted(padded(x, pool.pad), pool.kernel_size, pool.stride)
        y = views[0] * self.masks[0]
        for view, mask in zip(views[1:], self.masks[1:]):
            y += view * mask
        return y

    def backward(self, gy):
        (x,) = self.saved_inputs
        return Unpooling(self.pool, self.masks, x.shape)(gy)


def pooling(x, kernel_size, stride=1, pad=0):
    """The largest number that a kernel sees at each place of x, (N, C, H, W).

    (N, C, OH, OW). Of several that are equally large the first gets the gradient.
    """
    kernel_size, stride, pad = pair(kernel_size), pair(stride), pair(pad)
    if pad[0] >= kernel_size[0] or pad[1] >= kernel_size[1]:
        raise ValueError(f"A kernel of {kernel_size} would see nothing but pad {pad}.")
    return Pooling(kernel_size, stride, pad)(x)


class AveragePooling(Function):
    """The average of what a kernel sees at each place."""

    def __init__(self, kernel_size, stride, pad):
        self.geometry = kernel_size, stride, pad

    def forward(self, x):
        (KH, KW), stride, pad = self.geometry
        first, *others = shifted(padded(x, pad), (KH, KW), stride)
        y = first / (KH * KW)
        for view in others:
            y += view / (KH * KW)
        return y

    def backward(self, gy):
        (x,) = self.saved_inputs
        return AverageUnpooling(x.shape, *self.geometry)(gy)


class AverageUnpooling(Function):
    """Pictures in which each number of gy is shared by what the kernel saw."""

    def __init__(self, img_shape, *geometry):
        self.img_shape = img_shape
        self.geometry = geometry

    def forward(self, gy):
        (N, C, H, W), ((KH, KW), stride, pad) = self.img_shape, self.geometry
        shape = N, C, H + 2 * pad[0], W + 2 * pad[1]
        gx = get_array_module(gy).zeros(shape, gy.dtype)
        gy = gy / (KH * KW)
        for view in shifted(gx, (KH, KW), stride):
            view[...] += gy
        return unpadded(gx, pad)

    def backward(self, ggx):
        return AveragePooling(*self.geometry)(ggx)


def average_pooling(x, kernel_size, stride=1, pad=0):
    """The average of what a kernel sees at each place of x, (N, C, H, W).

    (N, C, OH, OW); padding counts as zeros.
    """
    return AveragePooling(pair(kernel_size), pair(stride), pair(pad))(x)
