# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Functions with parameters of their own."""

import math

import numpy as np

from framework.backend import get_array_module
from framework.core import Parameter, Statistic, as_variable
from framework.functions.affine import embed_id, linear
from framework.functions.conv import conv2d, deconv2d, pair
from framework.functions.math import tanh
from framework.functions.normalization import batch_norm, dropout, layer_norm
from framework.functions.recurrent import lstm_cell


class Layer:
    """A function with parameters of its own, which are its attributes.

    Attributes may also be layers, or lists, tuples and dicts of layers. A parameter
    can be replaced only as check_successor() says. To set requires_grad is an
    AttributeError: "requires_grad belongs to a Parameter: ...".
    """

    def __setattr__(self, name, value):
        if name == "requires_grad":
            raise AttributeError(
                "requires_grad belongs to a Parameter: "
                "for p in layer.params(): p.requires_grad = ..."
            )
        if isinstance(vars(self).get(name), Parameter | Layer):
            check_successor(self, name, value)
        super().__setattr__(name, value)

    def __call__(self, *xs, **options):
        return self.forward(*xs, **options)

    def forward(self, *xs, **options):
        """What this layer makes out of xs, which come as they are given to the call.

        Each layer writes its own. That of Layer is a NotImplementedError that names
        the class.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def late_shapes(self, size):
        """{name: shape} of what the first call makes or made, on inputs of this size.

        size may be None, not yet known, and then stands in the shapes as None.
        """
        return {}

    def named_params(self):
        """The parameters by name, each once: {"W": ..., "l1/W": ...}.

        A name has the attributes, indices and keys on the way to the parameter,
        with "/" between them. They come in the order in which the attributes were
        set. What can be reached in two ways has the first name.
        """
        found = found_members(self, "", set())
        return {name: x for name, x in found if isinstance(x, Parameter)}

    def params(self):
        """The parameters, frozen ones too, in the order of named_params().

        Statistics are left out: they are saved, but never learned.
        """
        params = self.named_params().values()
        return [p for p in params if not isinstance(p, Statistic)]

    def __repr__(self):
        """The class, and each parameter's name and shape: Linear(W (2, 3), b (3,)).

        A parameter that has no data yet has None for a shape: Linear(W None, b (3,)).
        """
        params = self.named_params().items()
        shapes = [f"{name} {None if p.data is None else p.shape}" for name, p in params]
        return f"{type(self).__name__}({', '.join(shapes)})"

    def cleargrads(self):
        """Forget the gradients of all parameters."""
        for param in self.params():
            param.cleargrad()

    def to_cpu(self):
        """Move all named_params(), not their gradients, into the CPU's memory."""
        for param in self.named_params().values():
            param.to_cpu()

    def to_gpu(self):
        """Move all named_params(), not their gradients, into the GPU's memory."""
        for param in self.named_params().values():
            param.to_gpu()


def check_successor(layer, name, value):
    """A TypeError if value, which would not be learned, replaces what is learned.

    None may replace it, and another Parameter or Layer. The message: MLP.l1 is learned,
    ... .l1.data = array, or give another Parameter or Layer.
    """
    if not (value is None or isinstance(value, Parameter | Layer)):
        raise TypeError(
            f"{type(layer).__name__}.{name} is learned, and would no longer be as "
            f"{type(value).__name__}: set the numbers of a Parameter by .{name}.data = "
            "array, or give another Parameter or Layer."
        )


def found_members(owner, name, seen):
    """(name, x) of each Layer and Parameter x in a layer, list, tuple or dict.

    They may lie in each other to any depth. name is that of owner, or ""; seen is
    a set with the id of each object that was met, which does not count again.
    """
    if isinstance(owner, Layer):
        members = vars(owner).items()
    elif isinstance(owner, list | tuple):
        members = enumerate(owner)
    else:
        members = owner.items() if isinstance(owner, dict) else []
    if id(owner) in seen:
        return
    seen.add(id(owner))
    if isinstance(owner, Parameter | Layer):
        yield name, owner
    for key, member in members:
        yield from found_members(member, f"{name}/{key}" if name else str(key), seen)


class Linear(Layer):
    """x @ W + b, with W and b to be learned; they are named "W" and "b".

    W (in_size, out_size) is drawn by np.random.randn, times sqrt(1 / in_size).
    Without in_size that waits for the first call and takes the last length of x. b
    (out_size,) is zeros; with nobias it is None. x is a Variable or an array.
    """

    def __init__(self, out_size, *, nobias=False, dtype=np.float32, in_size=None):
        self.out_size = out_size
        self.dtype = dtype
        self.W = Parameter(None, name="W")
        self.b = None if nobias else Parameter(np.zeros(out_size, dtype), name="b")
        if in_size is not None:
            self.init_W(in_size)

    def late_shapes(self, size):
        """The shape of W, whether W is made or not; size may be None."""
        return {"W": (size, self.out_size)}

    def init_W(self, in_size, xp=np):
        """Weights from xp.random.randn: outputs are about as large as the inputs."""
        W = xp.random.randn(in_size, self.out_size) * (1 / in_size) ** 0.5
        self.W.data = W.astype(self.dtype)

    def forward(self, x):
        x = as_variable(x)
        if self.W.data is None:
            self.init_W(x.shape[-1], get_array_module(x))
        return linear(x, self.W, self.b)


class BatchNorm(Layer):
    """Batch normalization with gamma and beta to be learned.

    avg_mean and avg_var follow the batches, for test_mode; they are saved with the
    parameters, but not learned.
    """

    def __init__(self, *, decay=0.9, eps=2e-5, dtype=np.float32):
        self.decay = decay
        self.eps = eps
        self.dtype = dtype
        self.gamma = Parameter(None, name="gamma")
        self.beta = Parameter(None, name="beta")
        self.avg_mean = Statistic(None, name="avg_mean")
        self.avg_var = Statistic(None, name="avg_var")

    def late_shapes(self, size):
        """The shape of all four."""
        return dict.fromkeys(self.named_params(), (size,))

    def init_params(self, channels, xp=np):
        """gamma and avg_var of ones, beta and avg_mean of zeros."""
        for param in (self.gamma, self.avg_var):
            param.data = xp.ones(channels, self.dtype)
        for param in (self.beta, self.avg_mean):
            param.data = xp.zeros(channels, self.dtype)

    def forward(self, x):
        x = as_variable(x)
        if self.gamma.data is None:
            self.init_params(x.shape[1], get_array_module(x))
        statistics = self.avg_mean.data, self.avg_var.data
        return batch_norm(x, self.gamma, self.beta, *statistics, self.decay, self.eps)


class Dropout(Layer):
    """dropout as a layer, with a ratio of its own."""

    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio = dropout_ratio

    def forward(self, x):
        return dropout(x, self.dropout_ratio)


class LayerNorm(Layer):
    """layer_norm with gamma and beta, (size,), to be learned."""

    def __init__(self, size, *, eps=1e-5, dtype=np.float32):
        self.eps = eps
        self.gamma = Parameter(np.ones(size, dtype), name="gamma")
        self.beta = Parameter(np.zeros(size, dtype), name="beta")

    def forward(self, x):
        return layer_norm(x, self.gamma, self.beta, self.eps)


class Conv2d(Layer):
    """conv2d with W and b to be learned.

    W is (out_channels, in_channels, KH, KW); without in_channels it is made at the
    first call. kernel_size, stride and pad are numbers or pairs. If the first x is
    no (N, C, H, W), that is a ValueError, and no weights are made.
    """

    convolve = staticmethod(conv2d)

    def __init__(
        self,
        out_channels,
        kernel_size,
        *,
        stride=1,
        pad=0,
        nobias=False,
        dtype=np.float32,
        in_channels=None,
    ):
        self.out_channels = out_channels
        self.kernel_size = pair(kernel_size)
        self.stride = pair(stride)
        self.pad = pair(pad)
        self.dtype = dtype
        self.W = Parameter(None, name="W")
        self.b = None if nobias else Parameter(np.zeros(out_channels, dtype), name="b")
        if in_channels is not None:
            self.init_W(in_channels)

    def late_shapes(self, size):
        """The shape of W, for so many channels."""
        return {"W": (self.out_channels, size, *self.kernel_size)}

    def init_W(self, in_channels, xp=np):
        """Random weights: the outputs then are about as large as the inputs."""
        W = xp.random.randn(*self.late_shapes(in_channels)["W"])
        size = in_channels * math.prod(self.kernel_size)
        self.W.data = (W * (1 / size) ** 0.5).astype(self.dtype)

    def forward(self, x):
        x = as_variable(x)
        if self.W.data is None:
            if x.ndim != 4:
                raise ValueError(f"Expected images (N, C, H, W), not {x.shape}.")
            self.init_W(x.shape[1], get_array_module(x))
        return self.convolve(x, self.W, self.b, self.stride, self.pad)


class Deconv2d(Conv2d):
    """deconv2d with W and b to be learned; W is (in_channels, out_channels, KH, KW)."""

    convolve = staticmethod(deconv2d)

    def late_shapes(self, size):
        """The shape of W, for so many channels."""
        return {"W": (size, self.out_channels, *self.kernel_size)}


def check_batch(layer, x, h):
    """A ValueError if a stateful layer is called with another number of sequences."""
    if h is not None and len(h) != len(x):
        raise ValueError(
            f"{type(layer).__name__} holds the state of {len(h)} sequences, but got "
            f"{len(x)}; call reset_state() before another batch size."
        )


class RNN(Layer):
    """h = tanh(x @ Wx + h @ Wh + b), where h on the right is that of the last call.

    x is (N, D) and h (N, hidden_size), None before the first call. x2h is a Linear
    with Wx and b, h2h one with Wh alone, which is drawn at once.
    """

    def __init__(self, hidden_size, *, in_size=None):
        self.x2h = Linear(hidden_size, in_size=in_size)
        self.h2h = Linear(hidden_size, nobias=True, in_size=hidden_size)
        self.reset_state()

    def reset_state(self):
        """Forget the last call: a new sequence begins."""
        self.h = None

    def forward(self, x):
        check_batch(self, x, self.h)
        a = self.x2h(x)
        self.h = tanh(a if self.h is None else a + self.h2h(self.h))
        return self.h


class LSTM(Layer):
    """Long short-term memory: h and the memory c are those of the last call.

    f, i, o = sigmoid(...)  forget, input and output gate
    u = tanh(...)           each ... is x @ Wx + h @ Wh + b with its own weights
    c = f * c + i * u
    h = o * tanh(c)         (Hochreiter and Schmidhuber 1997, Gers et al. 2000)

    The sums are x2h(x) + h2h(h), for f, i, o and u side by side: two Linear layers of
    4 * hidden_size outputs, h2h without a bias. At first h and c are None, which stands
    for zeros. Another batch size than the last is refused by check_batch().
    """

    def __init__(self, hidden_size, *, in_size=None):
        self.x2h = Linear(4 * hidden_size, in_size=in_size)
        self.h2h = Linear(4 * hidden_size, nobias=True, in_size=hidden_size)
        self.reset_state()

    def reset_state(self):
        """Forget the last call: a new sequence begins."""
        self.h = self.c = None

    def forward(self, x):
        check_batch(self, x, self.h)
        a = self.x2h(x)
        if self.h is None:
            c = get_array_module(a).zeros((len(a), a.shape[1] // 4), a.dtype)
        else:
            a, c = a + self.h2h(self.h), self.c
        self.h, self.c = lstm_cell(a, c)
        return self.h


class EmbedID(Layer):
    """A row of numbers, to be learned, for each of in_size integers."""

    def __init__(self, in_size, out_size, *, dtype=np.float32):
        self.W = Parameter(np.random.randn(in_size, out_size).astype(dtype), name="W")

    def forward(self, x):
        return embed_id(x, self.W)
