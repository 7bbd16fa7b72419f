# Cut from steps/step60.py by "make framework": edit the step, not this file.
"""Variables, functions and the backward walk."""

import contextlib
import copy
import threading
import weakref

import numpy as np

from framework.backend import as_cupy, as_numpy, is_on_gpu


class ThreadConfig(threading.local):
    """Settings that each thread has for itself; Config is an object of this class."""

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
    """Within the with block dropout changes nothing, and batch_norm uses averages."""
    return using_config("train", False)


NUMBERS = (int, float, np.number, np.bool_)


def as_array(x):
    """x as an array: an array stays itself, a number becomes a 0-d array.

    NUMBERS are the types of a number. Anything else is a TypeError that shows it.
    """
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, NUMBERS):
        return np.array(x)
    if is_on_gpu(x):
        return x
    raise TypeError(f"Expected an array or a number, but got {x!r}.")


class Variable:
    """A box that holds an array as its data: the one it is given, not a copy."""

    __array_ufunc__ = None  # array + variable is left to Variable.__radd__
    __slots__ = (
        "data",
        "name",
        "grad",
        "creator",
        "generation",
        "requires_grad",
        "__weakref__",
    )

    def __init__(self, data, name=None):
        """data is an array or None; a TypeError shows anything else, and what to do.

        requires_grad is True. Set it to False, and the variable is a constant.
        """
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

    def item(self):
        """The number in an array of one element, as Python's."""
        return self.data.item()

    def __len__(self):
        """The length of the first axis; a TypeError if there is none."""
        return len(self.data)

    def __bool__(self):
        return bool(self.data)

    def __repr__(self):
        """What str() makes of the array, in "variable(...)", the rows in line."""
        indent = "\n" + " " * len("variable(")
        return "variable(" + str(self.data).replace("\n", indent) + ")"

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __format__(self, spec):
        """The number in this format; without a format, what print writes."""
        return format(self.item(), spec) if spec else str(self)

    def __array__(self, dtype=None, copy=None):
        """The array, for np.asarray: a copy only where one is needed or asked for."""
        return np.array(self.data, dtype, copy=copy)

    def __getstate__(self):
        """What copy and pickle take along: what Python's own __getstate__ gives.

        For a variable with a history it is a TypeError that says so.
        """
        if self.creator is not None:
            raise TypeError(
                "A variable that a function has made cannot be copied or pickled, "
                "since it has a history: copy Variable(x.data)."
            )
        return super().__getstate__()

    def __copy__(self):
        """The same array in a variable without a history, as plots ask for it.

        The copy of a constant is a constant.
        """
        x = Variable(self.data, self.name)
        x.requires_grad = self.requires_grad
        return x

    def set_creator(self, func):
        """Remember func, the function that made this variable.

        This variable is one generation behind it.
        """
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Forget the gradient, before the variable is used in a new calculation."""
        self.grad = None

    def detach(self):
        """The same array in a constant, without history and name."""
        return as_variable(self.data)

    def unchain(self):
        """Forget the function that made this variable."""
        self.creator = None
        self.generation = 0

    def unchain_backward(self):
        """Unchain all variables behind this one, which keeps its own creator."""
        funcs = [self.creator]
        while funcs:
            func = funcs.pop()
            for x in func.inputs if func else ():
                funcs.append(x.creator)
                x.unchain()

    def to_cpu(self):
        """Move the array, if there is one, into the CPU's memory."""
        if self.data is not None:
            self.data = as_numpy(self.data)

    def to_gpu(self):
        """Move the array, if there is one, into the GPU's memory."""
        if self.data is not None:
            self.data = as_cupy(self.data)

    def backward(self, *, retain_grad=False, create_graph=False):
        """Give the variables at the ends of the graph their gradients, or add to them.

        It starts from self.grad, an array or a Variable, or from ones, and sets
        self.grad to None. Only with retain_grad do self and the variables in between
        get their gradients, too. With create_graph the gradients have a graph of
        their own, and can be differentiated again; without it they are constants.
        Each gradient goes through fit_gradient(), which refuses a wrong shape, and
        which is also told the function that the gradient comes from.
        """
        gy = self.grad
        if gy is None:
            gy = np.ones_like(self.data, np.result_type(self.dtype, 0.0))
        waiting = [{} for _ in range(self.generation)]  # functions, by generation

        def put(func):
            if func is not None:
                waiting[func.generation][func] = True  # once, in the order they come

        put(self.creator)
        with using_config("enable_backprop", create_graph):
            grads, taken = {self: fit_gradient(gy, self)}, {id(as_variable(gy).data)}
            self.grad = None
            while waiting:
                for func in waiting.pop():
                    gys = func.output_grads(grads, retain_grad)
                    for x, gx in zip(func.inputs, func.gradients(gys)):
                        if gx is not None and x.requires_grad:
                            gx = fit_gradient(gx, x, func)
                            grads[x] = grads[x] + gx if x in grads else gx
                            put(x.creator)
            for x, gx in grads.items():  # what is left are the ends of the graph
                x.add_grad(gx, taken)

    def add_grad(self, gx, taken):
        """Add gx to the gradient; a copy, if its array may belong to others, too.

        That is so if it is a view, or if its id is in the set taken. The id of the
        array that is added goes into taken.
        """
        gx = as_variable(gx)
        if gx.data.base is not None or id(gx.data) in taken:
            gx = cast(gx, gx.dtype)
        taken.add(id(gx.data))
        self.grad = gx if self.grad is None else self.grad + gx


class Parameter(Variable):
    """A Variable that belongs to a layer and is to be learned.

    Its data is None as long as its size is not known.
    """

    __slots__ = ()


class Statistic(Parameter):
    """What is saved with the parameters of a layer, but not learned.

    Its requires_grad is False.
    """

    __slots__ = ()

    def __init__(self, data, name=None):
        super().__init__(data, name)
        self.requires_grad = False


def fit_gradient(gx, x, func=None):
    """gx, an array, a number or a Variable, in the dtype of x, whose gradient it is.

    If x holds integers or truth values, the dtype is float64. Another shape than that
    of x is a ValueError that shows both, and names func if that is where gx is from:
    "Mul.backward gave a gradient of shape (3,) for a variable of shape (1,); ...".
    What comes back is a Variable while Config.enable_backprop is True, as in a
    recorded pass; else an array or a number of NumPy's. If gx is that already and
    fits, it comes back itself.
    """
    if Config.enable_backprop:
        gx = as_variable(gx)
        array = gx.data
    else:
        gx = array = bare(gx)
    if array.shape != x.data.shape:
        giver = f"{type(func).__name__}.backward" if func else "You"
        raise ValueError(
            f"{giver} gave a gradient of shape {array.shape} "
            f"for a variable of shape {x.shape}; the two must be equal."
        )
    dtype = x.data.dtype
    if array.dtype == dtype and dtype.kind == "f":
        return gx
    dtype = np.result_type(dtype, 0.0)
    return cast(gx, dtype) if Config.enable_backprop else gx.astype(dtype)


def read_only(gy):
    """gy as a view that cannot be changed: others may have the same array."""
    if isinstance(gy, np.ndarray):
        gy = gy.view()
        gy.flags.writeable = False
    return gy


def bare(x):
    """x without its Variable: an array, or a number of NumPy's."""
    if isinstance(x, Variable):
        return x.data
    return x if isinstance(x, (np.ndarray, np.generic)) else as_array(x)


def as_variable(x):
    """x itself if it is a Variable; else a constant that holds it.

    A constant is a Variable that gets no gradient: its requires_grad is False.
    """
    if isinstance(x, Variable):
        return x
    constant = Variable(as_array(x))
    constant.requires_grad = False
    return constant


def as_variables(xs):
    """Each of xs as a Variable; a number takes the dtype of a float Variable there.

    A number is one of NUMBERS. Without a float Variable it is as in as_variable().
    """
    dtype = None
    for x in xs:
        if isinstance(x, Variable) and x.data.dtype.kind == "f":
            dtype = x.data.dtype
    return [
        as_variable(np.array(x, dtype) if isinstance(x, NUMBERS) else x) for x in xs
    ]


def same_number(x, number):
    """True if x has no axes and is equal to a number, or both are nan."""
    return x.ndim == 0 and (x[()] == number or number != number)


CONSTANT = -1  # the generation of a function none of whose inputs needs a gradient


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, *inputs):
        """The variable made out of these; a list of them if forward gives a tuple.

        self.inputs and self.outputs keep both, self.input_arrays and
        self.output_arrays what forward() takes and gives. Called again, it leaves
        that to a copy of itself, which is then the creator. Its generation is the
        largest among those of the inputs that need a gradient, CONSTANT if none does.

        forward() gets a number for an array without axes. Its ValueError gets a name
        and shapes in front: "Mul cannot take shapes (2, 3) and (4,): ...".
        """
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs, generation = [], CONSTANT
        for x in inputs:
            if not isinstance(x, Variable):
                return self(*as_variables(inputs))  # wrap the constants first
            # NumPy is ten times as fast with a number as with an array without axes
            xs.append(x.data if x.data.ndim else x.data[()])
            if x.requires_grad and x.generation > generation:
                generation = x.generation
        self.inputs = inputs
        self.outputs = []
        self.generation = generation
        self.input_arrays = xs
        try:
            ys = self.forward(*xs)
        except ValueError as error:
            shapes = " and ".join(str(x.shape) for x in xs)
            name = type(self).__name__
            raise ValueError(f"{name} cannot take shapes {shapes}: {error}") from error
        if isinstance(ys, tuple):
            self.output_arrays = ys
            return [self.make_output(y) for y in ys]
        self.output_arrays = (ys,)
        return self.make_output(ys)

    def make_output(self, y):
        """The array y in a Variable made by this function, the last of its outputs.

        There they are weak references. None is a TypeError that names the class:
        its forward() lacks a return. In no_grad(), and if no input needs a gradient,
        it is a constant, without a creator and not among the outputs.
        """
        if y is None:
            raise TypeError(f"{type(self).__name__}.forward gave None, not an array.")
        output = Variable(as_array(y))
        if Config.enable_backprop and self.generation != CONSTANT:
            output.set_creator(self)
            self.outputs.append(weakref.ref(output))
        else:
            output.requires_grad = False
        return output

    def needs(self, i):
        """True if input number i needs a gradient; a constant does not."""
        return self.inputs[i].requires_grad

    @property
    def saved_inputs(self):
        """What forward() got: arrays; the inputs, where backward() is recorded."""
        if not Config.enable_backprop:
            return self.input_arrays
        for x, array in zip(self.inputs, self.input_arrays):
            if x.data is not array and not same_number(x.data, array):
                raise RuntimeError(
                    f"The data of an input of {type(self).__name__} were replaced "
                    "after forward(): calculate the output again."
                )
        return self.inputs

    @property
    def saved_outputs(self):
        """What forward() gave: arrays; the outputs, where backward() is recorded.

        An output that was dropped is made again, with this function as its creator.
        """
        if not Config.enable_backprop:
            return self.output_arrays
        ys = [output() for output in self.outputs]
        for i, array in enumerate(self.output_arrays):
            if ys[i] is None:  # it was dropped: here it is once more
                ys[i] = Variable(as_array(array))
                ys[i].set_creator(self)
                self.outputs[i] = weakref.ref(ys[i])
            elif ys[i].data is not array and not same_number(ys[i].data, array):
                raise RuntimeError(
                    f"The data of an output of {type(self).__name__} were replaced "
                    "after forward(): calculate it again."
                )
        return ys

    def output_grads(self, grads, retain_grad):
        """The gradients of the outputs, taken out of grads; zeros for unused ones.

        grads has them by variable. They are made read_only(), and with retain_grad
        each output gets a copy in its grad.
        """
        gys = []
        for output, saved in zip(self.outputs, self.output_arrays):
            y = output()
            if y is None or y.creator is not self or y not in grads:
                gys.append(np.zeros_like(saved))
                continue
            gys.append(read_only(grads.pop(y)))
            if retain_grad:
                y.add_grad(gys[-1], {id(bare(gys[-1]))})
        return gys

    def gradients(self, gys):
        """What backward() gives as a tuple: one gradient for each input.

        What is not a tuple counts as one gradient. None instead of gradients is a
        TypeError: "NoReturn.backward gave None, not a gradient." Another number of
        gradients than of inputs is a ValueError: "OneOnly.backward gave 1 gradients
        for 2 inputs; it must give one for each."
        """
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

    def forward(self, *xs):
        """The array, or the tuple of arrays, this function makes out of xs.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, *gys):
        """The gradients of the inputs, given gys, those of the outputs.

        For one input it is the gradient itself, for several a tuple in their order.
        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no backward() yet.")

    def __getstate__(self):
        """What a copy gets: the options, not what a call has left here.

        There inputs, outputs and so on are None, as in a function not called yet.
        """
        call = "inputs", "outputs", "input_arrays", "output_arrays", "generation"
        return {key: x for key, x in vars(self).items() if key not in call}


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
