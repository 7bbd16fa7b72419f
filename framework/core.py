# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Variables, functions and the backward walk."""

import contextlib
import heapq
import threading
import weakref

import numpy as np

from framework.backend import as_cupy, as_numpy, is_on_gpu


class ThreadConfig(threading.local):
    """Settings that each thread has for itself."""

    enable_backprop = True
    train = True


Config = ThreadConfig()


@contextlib.contextmanager
def using_config(name, value):
    """Within the with block Config.name is value; afterwards it is what it was."""
    old = getattr(Config, name)
    setattr(Config, name, value)
    try:
        yield
    finally:
        setattr(Config, name, old)


def no_grad():
    """Within the with block nothing is recorded, so nothing can be differentiated."""
    return using_config("enable_backprop", False)


def test_mode():
    """Within the with block dropout and batch normalisation do as in use."""
    return using_config("train", False)


NUMBERS = (int, float, np.number, np.bool_)


def as_array(x):
    """x as an array: an array stays itself, a number becomes a 0-d array."""
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, NUMBERS):
        return np.array(x)
    if is_on_gpu(x):
        return x
    raise TypeError(f"Expected an array or a number, but got {x!r}.")


class Variable:
    """A box that holds an array."""

    __array_ufunc__ = None  # array + variable is left to Variable.__radd__
    __slots__ = (
        "data",
        "name",
        "grad",
        "creator",
        "generation",
        "requires_grad",
        "version",
        "__weakref__",
    )

    def __init__(self, data, name=None):
        if not (data is None or isinstance(data, np.ndarray) or is_on_gpu(data)):
            raise TypeError(
                f"Variable holds a NumPy array, but got {data!r}. "
                f"Turn it into one first: np.array({data!r})."
            )
        self.data = data
        self.name = name
        self.grad = None
        self.creator = None
        self.generation = 0
        self.requires_grad = True
        self.version = 0  # counts the updates by an optimizer

    @property
    def shape(self):
        """The length of each axis, as a tuple."""
        return self.data.shape

    @property
    def ndim(self):
        """The number of axes."""
        return self.data.ndim

    @property
    def size(self):
        """The number of elements."""
        return self.data.size

    @property
    def dtype(self):
        """The type of the elements."""
        return self.data.dtype

    def __len__(self):
        return len(self.data)

    def __repr__(self):
        indent = "\n" + " " * len("variable(")
        return "variable(" + str(self.data).replace("\n", indent) + ")"

    def set_creator(self, func):
        """Remember the function that made this variable, one generation before."""
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Forget the gradient, before the variable is used in a new calculation."""
        self.grad = None

    def unchain(self):
        """Forget the function that made this variable."""
        self.creator = None

    def unchain_backward(self):
        """Cut the graph behind this variable, so that backward() ends here."""
        funcs = [self.creator]
        while funcs:
            func = funcs.pop()
            for x in func.inputs if func else ():
                funcs.append(x.creator)
                x.unchain()

    def to_cpu(self):
        """Move the array into the memory of the host."""
        if self.data is not None:
            self.data = as_numpy(self.data)

    def to_gpu(self):
        """Move the array into the memory of the GPU."""
        if self.data is not None:
            self.data = as_cupy(self.data)

    def backward(self, retain_grad=False, create_graph=False):
        """Give every variable this one was made from its gradient.

        Only the variables at the ends of the graph keep it, unless retain_grad.
        With create_graph the gradients have a graph of their own, and can be
        differentiated again.
        """
        if self.grad is None:
            self.grad = np.ones_like(self.data, np.result_type(self.dtype, 0.0))
        self.grad = fit_gradient(self.grad, self)
        queue, seen = [], set()

        def put(func):
            if func is not None and func not in seen:
                seen.add(func)
                heapq.heappush(queue, (-func.generation, len(seen), func))

        put(self.creator)
        with using_config("enable_backprop", create_graph):
            while queue:
                func = heapq.heappop(queue)[2]
                gys = func.output_grads(retain_grad)
                for x, gx in zip(func.inputs, func.gradients(gys)):
                    if gx is not None and x.requires_grad:
                        gx = fit_gradient(gx, x)
                        x.grad = gx if x.grad is None else x.grad + gx
                        put(x.creator)


class Parameter(Variable):
    """A Variable that belongs to a layer and is to be learned."""

    __slots__ = ()


def fit_gradient(gx, x):
    """gx as the gradient of x: in its shape, and in its dtype if that is a float's."""
    gx = as_variable(gx)
    if gx.data.shape != x.data.shape:
        raise ValueError(
            f"A gradient of shape {gx.shape} came back "
            f"for a variable of shape {x.shape}; the two must be equal."
        )
    if gx.data.dtype == x.data.dtype and x.data.dtype.kind == "f":
        return gx
    return cast(gx, np.result_type(x.dtype, 0.0))


def as_variable(x):
    """x itself if it is a Variable; else a constant that holds it.

    A constant is a Variable that gets no gradient.
    """
    if isinstance(x, Variable):
        return x
    constant = Variable(as_array(x))
    constant.requires_grad = False
    return constant


def as_variables(xs):
    """Each of xs as a Variable; a number takes the dtype of a float Variable there."""
    dtype = data = None
    for x in xs:
        if isinstance(x, Variable):
            data = x.data
            if data.dtype.kind == "f":
                dtype = data.dtype
    # like=data: by the module that made it
    return [
        as_variable(np.array(x, dtype, like=data) if isinstance(x, NUMBERS) else x)
        for x in xs
    ]


CONSTANT = -1  # the generation of a function none of whose inputs needs a gradient


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    __slots__ = ("inputs", "outputs", "generation", "version")

    def __call__(self, *inputs):
        xs, generation, version = [], CONSTANT, 0
        for x in inputs:
            if not isinstance(x, Variable):
                return self(*as_variables(inputs))  # wrap the constants first
            xs.append(x.data)
            if x.requires_grad and x.generation > generation:
                generation = x.generation
            version += x.version
        self.inputs = inputs
        self.outputs = []
        self.generation = generation
        self.version = version
        try:
            ys = self.forward(*xs)
        except ValueError as error:
            shapes = " and ".join(str(x.shape) for x in xs)
            name = type(self).__name__
            raise ValueError(f"{name} cannot take shapes {shapes}: {error}") from error
        if isinstance(ys, tuple):
            return [self.make_output(y) for y in ys]
        return self.make_output(ys)

    def make_output(self, y):
        """The array y in a Variable that has this function as its creator."""
        if y is None:
            raise TypeError(f"{type(self).__name__}.forward gave None, not an array.")
        output = Variable(as_array(y))
        if Config.enable_backprop and self.generation != CONSTANT:
            output.set_creator(self)
            self.outputs.append(weakref.ref(output))
        else:
            output.requires_grad = False
        return output

    def output_grads(self, retain_grad):
        """The gradients of the outputs, taken from them unless retain_grad."""
        gys = []
        for output in self.outputs:
            y = output()
            gys.append(None if y is None else y.grad)
            if y is not None and not retain_grad:
                y.grad = None
        return gys

    def gradients(self, gys):
        """What backward() gives as a tuple: one gradient for each input."""
        self.check_versions()
        gxs = self.backward(*gys)
        if gxs is None:
            raise TypeError(
                f"{type(self).__name__}.backward gave None, not a gradient."
            )
        if not isinstance(gxs, tuple):
            gxs = (gxs,)
        if len(gxs) != len(self.inputs):
            raise ValueError(
                f"{type(self).__name__}.backward gave {len(gxs)} gradients "
                f"for {len(self.inputs)} inputs; it must give one for each."
            )
        return gxs

    def check_versions(self):
        """A RuntimeError if an optimizer has changed an input since forward()."""
        version = 0
        for x in self.inputs:
            version += x.version
        if version != self.version:
            raise RuntimeError(
                f"An input of {type(self).__name__} was updated after forward(), so "
                "its gradients would be wrong: calculate the loss again."
            )

    def forward(self, *xs):
        """The array, or the tuple of arrays, this function makes out of xs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, *gys):
        """The gradients of the inputs, given gys, those of the outputs."""
        raise NotImplementedError(f"{type(self).__name__} has no backward() yet.")


class Cast(Function):
    """x in another dtype."""

    def __init__(self, dtype):
        self.dtype = dtype

    def forward(self, x):
        return x.astype(self.dtype)

    def backward(self, gy):
        return gy


def cast(x, dtype):
    """x in another dtype; its gradient comes back in its own."""
    return Cast(dtype)(x)
