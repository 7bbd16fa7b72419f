# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Convolution and pooling."""

import math

import numpy as np

from framework.backend import get_array_module
from framework.core import Function, as_variable
from framework.functions.affine import linear
from framework.functions.shape import max, reshape, sum, transpose


def pair(x):
    """(x, x) for a whole number x; two of them, in a tuple or list, as a tuple.

    A tuple of two comes back itself. Anything else is a ValueError that names it.
    """
    if isinstance(x, int | np.integer):
        return x, x
    if isinstance(x, tuple | list) and len(x) == 2:
        return tuple(x)
    raise ValueError(f"Expected a whole number or two, (height, width), not {x!r}.")


def get_conv_outsize(input_size, kernel_size, stride, pad):
    """The number of places of a kernel along an axis, with `pad` more at each end.

    kernel_size and stride are at least 1, pad at least 0. Otherwise, and if the kernel
    does not fit in, a ValueError: "A kernel of 8 with stride 1 does not fit into 5 with
    1 more at each end."
    """
    free = input_size + 2 * pad - kernel_size
    if free < 0 or kernel_size < 1 or stride < 1 or pad < 0:
        raise ValueError(
            f"A kernel of {kernel_size} with stride {stride} does not fit "
            f"into {input_size} with {pad} more at each end."
        )
    return free // stride + 1


def get_deconv_outsize(size, kernel_size, stride, pad):
    """The shortest axis, without its padding, that has `size` places for a kernel.

    It is not checked: a large pad makes it 0 or less.
    """
    return stride * (size - 1) + kernel_size - 2 * pad


def conv_outsizes(sizes, kernel_size, stride, pad):
    """(OH, OW): get_conv_outsize for both axes; all the arguments are pairs."""
    return tuple(map(get_conv_outsize, sizes, kernel_size, stride, pad))


def padded(x, pad, value=0):
    """x, (..., H, W), in a frame of `value`: PH rows and PW columns at each edge.

    `pad` is the pair (PH, PW). For (0, 0) it is x itself.
    """
    if pad == (0, 0):
        return x
    edges = [(0, 0)] * (x.ndim - 2) + [(size, size) for size in pad]
    return np.pad(x, edges, constant_values=value)


def windows(x, kernel_size, stride):
    """What a kernel sees at each place of x, (..., H, W): (..., KH, KW, OH, OW).

    A view: element [..., k, m, i, j] is x[..., i * SH + k, j * SW + m] itself.
    kernel_size and stride are pairs. x may be of CuPy. A kernel that does not fit in
    is refused as by get_conv_outsize.
    """
    (*more, h, w), (SH, SW) = x.strides, stride
    sizes = conv_outsizes(x.shape[-2:], kernel_size, stride, (0, 0))
    return get_array_module(x).lib.stride_tricks.as_strided(
        x, (*x.shape[:-2], *kernel_size, *sizes), (*more, h, w, h * SH, w * SW)
    )


def unpadded(y, pad):
    """The images y without the pixels that padded() adds."""
    (H, W), (PH, PW) = y.shape[-2:], pad
    return y if pad == (0, 0) else y[..., PH : H - PH, PW : W - PW]


class Im2col(Function):
    """What a kernel sees at each place, (N, C, KH, KW, OH, OW)."""

    def __init__(self, kernel_size, stride, pad):
        self.geometry = kernel_size, stride, pad

    def forward(self, x):
        kernel_size, stride, pad = self.geometry
        return windows(padded(x, pad), kernel_size, stride).copy()

    def backward(self, gy):
        (x,) = self.saved_inputs
        return Col2im(x.shape, *self.geometry)(gy)


def im2col(x, kernel_size, stride=1, pad=0, to_matrix=True):
    """What a kernel sees at each place of the images x, (N, C, H, W).

    (N * OH * OW, C * KH * KW): rows in the order n, i, j, columns in the order c, k, m.
    Without to_matrix (N, C, KH, KW, OH, OW). Sizes are whole numbers or pairs.
    """
    col = Im2col(pair(kernel_size), pair(stride), pair(pad))(x)
    if not to_matrix:
        return col
    N, C, KH, KW, OH, OW = col.shape
    return reshape(transpose(col, (0, 4, 5, 1, 2, 3)), (N * OH * OW, C * KH * KW))


class Col2im(Function):
    """Images (N, C, H, W) in which what Im2col has taken apart is added up."""

    def __init__(self, img_shape, kernel_size, stride, pad):
        self.img_shape = img_shape
        self.geometry = kernel_size, stride, pad

    def forward(self, col):
        (N, C, H, W), (kernel_size, stride, (PH, PW)) = self.img_shape, self.geometry
        x = get_array_module(col).zeros((N, C, H + 2 * PH, W + 2 * PW), col.dtype)
        seen = windows(x, kernel_size, stride)
        for k, m in np.ndindex(kernel_size):  # all at once would lose what overlaps
            seen[:, :, k, m] += self.part(col, k, m)
        return unpadded(x, (PH, PW))

    def part(self, col, k, m):
        """What is to be added where pixel (k, m) of the kernel has seen something."""
        return col[:, :, k, m]

    def backward(self, gx):
        return Im2col(*self.geometry)(gx)


def col2im(col, img_shape, kernel_size, stride=1, pad=0, to_matrix=True):
    """Images of img_shape, (N, C, H, W), that add up what im2col has taken apart.

    A pixel seen from several places gets the sum of theirs. Padding is left out.
    """
    (N, C, *sizes), (KH, KW) = img_shape, pair(kernel_size)
    stride, pad = pair(stride), pair(pad)
    if to_matrix:
        OH, OW = conv_outsizes(sizes, (KH, KW), stride, pad)
        col = transpose(reshape(col, (N, OH, OW, C, KH, KW)), (0, 3, 4, 5, 1, 2))
    return Col2im(img_shape, (KH, KW), stride, pad)(col)


def check_channels(x, channels):
    """A ValueError unless x is (N, C, H, W), with C the channels of the kernel."""
    if x.ndim != 4 or x.shape[1] != channels:
        raise ValueError(f"the kernel asks for images (N, {channels}, H, W)")


def conv2d_simple(x, W, b=None, stride=1, pad=0):
    """y (N, OC, OH, OW) of x (N, C, H, W), W (OC, C, KH, KW) and perhaps b (OC,).

    A matrix product of im2col and W. N may be 0. Another C is a ValueError.
    """
    x, W = as_variable(x), as_variable(W)
    OC, C, KH, KW = W.shape
    check_channels(x, C)
    col = im2col(x, (KH, KW), stride, pad)
    y = linear(col, reshape(W, (OC, -1)).T, b)
    OH, OW = conv_outsizes(x.shape[2:], (KH, KW), pair(stride), pair(pad))
    return transpose(reshape(y, (len(x), OH, OW, OC)), (0, 3, 1, 2))


def pooling_simple(x, kernel_size, stride=1, pad=0):
    """The same as pooling, as the maximum of im2col; but padding counts as 0."""
    col = im2col(x, kernel_size, stride, pad, to_matrix=False)
    N, C, KH, KW, OH, OW = col.shape
    return max(reshape(col, (N, C, KH * KW, OH, OW)), axis=2)


class Pooling(Function):
    """The largest number that a kernel sees at each place."""

    def __init__(self, kernel_size, stride, pad):
        self.geometry = kernel_size, stride, pad

    def views(self, x):
        """A dict, row by row: what each pixel (k, m) of the kernel sees.

        Padding is -inf, or for integers the smallest number of their dtype.
        """
        kernel_size, stride, pad = self.geometry
        lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        seen = windows(padded(x, pad, lowest), kernel_size, stride)
        return {(k, m): seen[:, :, k, m] for k, m in np.ndindex(kernel_size)}

    def forward(self, x):
        first, *others = self.views(x).values()
        y = first.copy()
        for view in others:
            np.maximum(y, view, out=y)
        return y

    def backward(self, gy):
        (x,), (y,) = self.input_arrays, self.output_arrays
        masks, free = {}, True
        for pixel, view in self.views(x).items():
            masks[pixel] = free & (view == y)  # of equals the first one counts
            free = free & ~masks[pixel]
        return Unpooling(masks, x.shape, *self.geometry)(gy)


class Unpooling(Col2im):
    """Images with each number of gy where a mask says that it came from.

    masks is a dict, row by row: for each pixel (k, m) of the kernel an array
    (N, C, OH, OW), True where that pixel was the largest, or the first of equals.
    """

    def __init__(self, masks, *geometry):
        super().__init__(*geometry)
        self.masks = masks

    def part(self, gy, k, m):
        """gy where pixel (k, m) was the largest."""
        return gy * self.masks[k, m]

    def backward(self, ggx):
        col = super().backward(ggx)
        masks = np.stack([*self.masks.values()], axis=2)
        return sum(col * masks.reshape(col.shape), (2, 3))


def pooling(x, kernel_size, stride=1, pad=0):
    """The largest number that a kernel sees at each place of x, (N, C, H, W).

    (N, C, OH, OW). Of several that are equally large the first gets the gradient.
    Padding never exceeds an element; a pad as large as the kernel is a ValueError.
    Integers stay integers.
    """
    kernel_size, stride, pad = pair(kernel_size), pair(stride), pair(pad)
    if pad[0] >= kernel_size[0] or pad[1] >= kernel_size[1]:
        raise ValueError(f"A kernel of {kernel_size} would see nothing but pad {pad}.")
    return Pooling(kernel_size, stride, pad)(x)


def average_pooling(x, kernel_size, stride=1, pad=0):
    """The average of what a kernel sees at each place of x, (N, C, H, W).

    (N, C, OH, OW); padding counts as zeros.
    """
    KH, KW = pair(kernel_size)
    return sum(im2col(x, (KH, KW), stride, pad, to_matrix=False), (2, 3)) / (KH * KW)


BLOCK = 250_000  # numbers: 1 MB of float32, which stays in the processor's cache


def blocks(x, kernel_size, stride):
    """windows(x) in parts, each as (images, rows, view), with two slices.

    x, (N, C, H, W), is padded already; rows are those of the output. A part has as
    many images, or else rows of one image, as BLOCK numbers hold; at least a row.
    """
    view = windows(x, kernel_size, stride)
    N, C, KH, KW, OH, OW = view.shape
    images = BLOCK // (C * KH * KW * OH * OW) or 1
    height = BLOCK // (C * KH * KW * OW) or 1
    for i in range(0, N, images):
        for j in range(0, OH, height):
            some, rows = slice(i, i + images), slice(j, j + height)
            yield some, rows, view[some, :, :, :, rows]


class Convolution(Function):
    """conv2d."""

    def __init__(self, stride, pad):
        self.geometry = stride, pad

    def forward(self, x, W, *bias):
        (OC, C, KH, KW), (stride, pad) = W.shape, self.geometry
        check_channels(x, C)
        shape = len(x), OC, *conv_outsizes(x.shape[2:], (KH, KW), stride, pad)
        y = get_array_module(x).empty(shape, np.result_type(x, W))
        for some, rows, view in blocks(padded(x, pad), (KH, KW), stride):
            col, out = view.reshape(len(view), C * KH * KW, -1), y[some, :, rows]
            out[...] = (W.reshape(OC, -1) @ col).reshape(out.shape)
        for b in bias:
            y += b.reshape(-1, 1, 1)
        return y

    def backward(self, gy):
        x, W, *bias = self.saved_inputs
        gx = gW = None
        if self.needs(0):
            gx = deconv2d(gy, W, None, *self.geometry, x.shape[2:])
        if self.needs(1):
            gW = KernelGradient(W.shape[2:], *self.geometry)(x, gy)
        return gx, gW, *(gy.sum(axis=(0, 2, 3)) for _ in bias)


def conv2d(x, W, b=None, stride=1, pad=0):
    """Images x, (N, C, H, W), seen through kernels W, (OC, C, KH, KW).

    (N, OC, OH, OW); b is (OC,). stride and pad are numbers or pairs. Another C
    is a ValueError (check_channels).
    """
    bias = [] if b is None else [b]
    return Convolution(pair(stride), pair(pad))(x, W, *bias)


class TransposedConvolution(Function):
    """deconv2d."""

    def __init__(self, outsize, stride, pad):
        self.outsize = outsize
        self.geometry = stride, pad

    def forward(self, x, W, *bias):
        (C, OC, KH, KW), (stride, pad) = W.shape, self.geometry
        check_channels(x, C)
        sizes = [size + 2 * more for size, more in zip(self.outsize, pad)]
        y = get_array_module(x).zeros((len(x), OC, *sizes), np.result_type(x, W))
        for some, rows, view in blocks(y, (KH, KW), stride):
            part = x[some, :, rows].reshape(len(view), C, -1)
            col = (W.reshape(C, -1).T @ part).reshape(view.shape)
            for k, m in np.ndindex(KH, KW):
                view[:, :, k, m] += col[:, :, k, m]
        y = unpadded(y, pad)
        for b in bias:
            y += b.reshape(-1, 1, 1)
        return y

    def backward(self, gy):
        x, W, *bias = self.saved_inputs
        gx = gW = None
        if self.needs(0):
            gx = conv2d(gy, W, None, *self.geometry)
        if self.needs(1):
            gW = KernelGradient(W.shape[2:], *self.geometry)(gy, x)
        return gx, gW, *(gy.sum(axis=(0, 2, 3)) for _ in bias)


def deconv2d(x, W, b=None, stride=1, pad=0, outsize=None):
    """The opposite of conv2d: each number of x, (N, C, H, W), places a whole kernel.

    W is (C, OC, KH, KW), b (OC,); (N, OC, OH, OW), where the kernels overlap their
    sum. outsize is (OH, OW) if it is not to be the smallest that is possible.
    Another C is a ValueError (check_channels).
    """
    x, W = as_variable(x), as_variable(W)
    stride, pad = pair(stride), pair(pad)
    sizes = x.shape[2:], W.shape[2:], stride, pad
    outsize = tuple(map(get_deconv_outsize, *sizes)) if outsize is None else outsize
    if conv_outsizes(outsize, *sizes[1:]) != x.shape[2:]:
        raise ValueError(f"From {x.shape[2:]} no image of {outsize} can be made.")
    bias = [] if b is None else [b]
    return TransposedConvolution(outsize, stride, pad)(x, W, *bias)


class KernelGradient(Function):
    """The gradient of the kernel of conv2d, given x and that of its output."""

    def __init__(self, kernel_size, stride, pad):
        self.geometry = kernel_size, stride, pad

    def forward(self, x, gy):
        (kernel_size, stride, pad), OC = self.geometry, gy.shape[1]
        shape = OC, x.shape[1] * math.prod(kernel_size)
        gW = get_array_module(x).zeros(shape, np.result_type(x, gy))
        for some, rows, view in blocks(padded(x, pad), kernel_size, stride):
            col = view.reshape(len(view), shape[1], -1)
            part = gy[some, :, rows].reshape(len(view), OC, -1)
            gW += (part @ col.transpose(0, 2, 1)).sum(axis=0)
        return gW.reshape(OC, -1, *kernel_size)

    def backward(self, ggW):
        x, gy = self.saved_inputs
        _, stride, pad = self.geometry
        gx = deconv2d(gy, ggW, None, stride, pad, x.shape[2:])
        return gx, conv2d(x, ggW, None, stride, pad)
