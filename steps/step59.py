"""Step 59 · RNN

Problem
A sine is shown point by point, 20 points to a turn. What comes after 0.5?

    on the way up      0.21   0.50   0.74
    on the way down    0.74   0.50   0.21

A network that sees 0.5 alone has one answer for both cases. Half-way, 0.475,
is the best it can do. However long such a network learns, its loss stays at
0.05. The answer is in the point before, and the network has forgotten it.

Idea
Give the layer a memory. Its output h goes back into it at the next call. This
is a recurrent neural network (RNN):

    h = tanh(x @ Wx + h @ Wh + b)        h on the right: that of the last call

    x ----> x @ Wx + b --> + --> tanh --+--> h
                           ^            |
            h @ Wh --------+            |
              ^-------------------------+   kept for the next x

Take one number for h, Wx = 1, Wh = 0.5 and b = 0. Show it the two cases:

    0.21, then 0.5     tanh(0.21) = 0.207   tanh(0.5 + 0.5 · 0.207) = 0.540
    0.74, then 0.5     tanh(0.74) = 0.629   tanh(0.5 + 0.5 · 0.629) = 0.672

The input is 0.5 both times, and h differs. A layer behind it can tell up from
down.

In the code
The same weights serve at each call. x2h has Wx and b. h2h has Wh and no bias,
and as it knows its size, H x H, its weights are drawn at once. For the first
point there is no h yet, so its term is left out:

    [RNN]

x is (N, D) and h is (N, H): N sequences go side by side. check_batch, which is
given, refuses an x with another N than the h from before.

How does such a layer learn? Nothing new is needed. h is a Variable with a
creator, so the last h is connected to all points before it. backward() walks
back through all calls. This is backpropagation through time.

This has a price. Each point adds eight functions to the graph, four of them in
the RNN, and the graph of 999 points holds 7,990. A sequence without an end
would fill the memory, and each backward() would walk through all of it.

So we cut the graph after each 30 points: h keeps its numbers, and forgets
where they came from. For a single variable that is two lines:

    [Variable.unchain]

A generation is the length of the longest way back. Now there is none, so it
is 0 again.

Cutting at the last h alone is not enough, as other variables may still lead
into the old part of the graph. In step 60 there is one, c. So unchain all that
the loss was made of. The loss itself keeps its creator:

    [Variable.unchain_backward]

The loop is that of step 8. It need not remember which functions it has seen: a
variable that it meets again has no creator any more.

The demo calls loss.backward(), then loss.unchain_backward(), and goes on with
the h it has. The next backward() ends at the cut. The field's name for it is
truncated backpropagation through time. At most 240 functions are kept now.

The next trouble is Wh. On the way back through 30 calls the gradient is
multiplied by Wh about 30 times. If Wh is one number and tanh shrinks little:

    Wh = 0.5     0.5 ** 30 = 0.0000000009       the gradient vanishes
    Wh = 1.5     1.5 ** 30 = 191,751            the gradient explodes

And if Wh is 20 x 20? The demo goes back from the last h, with a gradient of 1
for each of its numbers, and prints the mean size on the way. With Wh as it is
drawn 0.00008 is left at point 1. With a Wh three times as large it is 3000.

Train the network with the larger Wh by SGD(0.1). The loss of the first three
rounds is 0.7, 0.8 and 2, and that of the sixth is about 20. Is the way back to
blame? Try 2 closes it, and the loss falls.

The first gradient has a length of 150. Such a step ruins what was learned. Yet
its direction is of use, so keep the direction and limit the length. Take the
gradients of all parameters as one arrow. With 3 for one parameter and 4 for
another it has the length 5:

    max_norm = 1     (3, 4) / 5 = (0.6, 0.8)

So all gradients are multiplied by max_norm / (length + 1e-6), if that is below
1. The 1e-6 is there for a length of 0. Now a step is never longer than
max_norm times the learning rate:

    [ClipGrad]

With ClipGrad(1.0) the loss of the same network falls, and is below 0.4 after
100 rounds.

A parameter that is frozen, as in step 58, must not count in that length.
Otherwise its gradient shrinks those of the others, and is then thrown away.
So a FreezeParam goes in front of all other hooks, whenever it is added:

    [Optimizer.add_hook]

Two given classes bring the data. SinCurve has a sine of 1,000 points, with
noise, to learn from, and a cosine to test with. SeqDataLoader reads a long
sequence in order, cut into several that go side by side. With batch_size=3 it
turns 0 to 9 into the batches 0 3 6, 1 4 7 and 2 5 8, so each column goes on
where it stopped.

In the demo's first lines an RNN with 20 numbers for h learns in 150 rounds, by
Adam(0.01), and is then shown the cosine. In a round it sees 50 sequences of 30
points, each 50th of the 1,000, and makes one update. A second RNN, with 50
numbers for h, learns from all points in their order, in 5 epochs of Adam with
an update after each 30.

ClipGrad helps where gradients explode. Where they vanish it can do nothing.
And how long can such a layer remember a point at all? That is step 60.

New:      Variable.unchain, Variable.unchain_backward, check_batch, RNN,
          ClipGrad, SinCurve, SeqDataLoader
Changed:  Optimizer.add_hook
Removed:  nothing
Given:    check_batch, SinCurve, SeqDataLoader

Elsewhere
torch.nn.RNN takes whole sequences (T, N, D) and has two biases. It keeps
nothing: h goes in and comes out, and h.detach() cuts. Chainer has
unchain_backward(), too. In JAX, jax.lax.scan carries h along.

Watch out
Take the mean of the losses, as learn() does. Their sum has a gradient 30 times
as long, and SGD(0.1) ends at nan even with Wh as it is drawn. That is no
explosion on the way back. The steps are simply too long.

unchain_backward() cuts only what the loss was made of. So the last h must have
gone into the loss. And call reset_state() where a new sequence begins, or the
layer takes it for the rest of the old one.

Try
1. Leave out loss.unchain_backward() in learn(). What becomes of the time for
   an epoch of 999 points?
2. Close the way back: let the loop in learn() begin with this line. What does
   SGD make of 3 * Wh now? Why can the first RNN still use its memory?

       if i > 1: model.rnn.h = Variable(model.rnn.h.data)

Output
    point  1   loss 0.06, without memory 0.05
    point  3   loss 0.006, without memory 0.05
    point  5   loss 0.002, without memory 0.05
    point 30   loss 0.0001, without memory 0.05
    functions kept for 999 points: 7990, cut after each 30: 240
    loss of each epoch of 999 points: 0.09 0.02 0.006 0.003 0.002
    gradient at      30      20      10       1
         1 * Wh       1    0.02   0.001   8e-05
         2 * Wh       1       2       8      50
         3 * Wh       1       8      90    3000
    3 * Wh, SGD          loss 0.7 0.8 2
    3 * Wh, and ClipGrad loss 0.7 0.6 0.6

Answers
1. It grew from 0.5 to 3.3 seconds where we measured. Each backward() walks
   back to the first point: 30 points, then 60, then 90, and at last 999.
2. The loss falls: 0.7, 0.5, 0.4. At point 30 the first RNN has 0.0005. h still
   carries numbers from point to point. It only gets no gradient for them.
"""

import contextlib
import copy
import io
import math
import operator
import os
import pathlib
import sys
import threading
import urllib.parse
import weakref

import numpy as np

# === backend: NumPy, or CuPy for arrays on a GPU ===


def gpu_is_available():
    """True if CuPy is installed and finds a GPU."""
    try:
        import cupy

        return cupy.cuda.is_available()
    except (ImportError, RuntimeError):  # CuPy is missing, or finds no driver
        return False


def is_on_gpu(x):
    """True if x is an array of CuPy."""
    cupy = sys.modules.get("cupy")  # without it, nothing can be one of its arrays
    return cupy is not None and isinstance(x, cupy.ndarray)


def get_array_module(x):
    """cupy if the array x, or that in the Variable x, is one of CuPy, else numpy."""
    if hasattr(x, "requires_grad"):
        x = x.data
    return sys.modules["cupy"] if is_on_gpu(x) else np


def as_numpy(x):
    """The array x, or that in the Variable x, as NumPy's in the CPU's memory.

    An array that is there already is returned as it is.
    """
    x = x.data if hasattr(x, "requires_grad") else x
    return x.get() if is_on_gpu(x) else np.asarray(x)


def as_cupy(x):
    """The array x, or that in the Variable x, as CuPy's on the GPU.

    An array that is there already is returned as it is. Without CuPy it is a
    RuntimeError that says what to install: "pip install cupy-cuda12x".
    """
    try:
        import cupy
    except ImportError as error:
        raise RuntimeError(
            "A GPU is used through CuPy, which is not installed: "
            "pip install cupy-cuda12x, or see https://docs.cupy.dev"
        ) from error
    return cupy.asarray(x.data if hasattr(x, "requires_grad") else x)


# === core: variables, functions and the backward walk ===


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
        funcs = [] if self.creator is None else [self.creator]
        while funcs:
            for x in funcs.pop().inputs:
                if x.creator is not None:
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

    A number is one of NUMBERS. If the dtypes of two float Variables differ, the last
    one counts. Without a float Variable it is as in as_variable().
    """
    dtype = None
    for x in xs:
        if isinstance(x, Variable) and x.data.dtype.kind == "f":
            dtype = x.data.dtype
    return [
        as_variable(np.array(x, dtype) if isinstance(x, NUMBERS) else x) for x in xs
    ]


def same_number(x, number):
    """True if x, an array, and number have no axes and are equal, or both nan."""
    if x.ndim or getattr(number, "ndim", 0):  # a float of Python has no ndim
        return False
    value = x[()]
    return value == number or (value != value and number != number)


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


# === functions/shape: what moves, repeats or adds up elements ===


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
    """The mean of x along an axis; of an x without elements: a ValueError.

    It is NumPy's mean: a sum in float16 can overflow where its mean does not.
    """

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


# === functions/operators: + - * / ** and comparisons ===


class Add(Function):
    """x0 + x1."""

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = unbroadcast(gy, x0.shape) if self.needs(0) else None
        gx1 = unbroadcast(gy, x1.shape) if self.needs(1) else None
        return gx0, gx1


def add(x0, x1):
    """x0 + x1, element by element."""
    return Add()(x0, x1)


Variable.__add__ = add
Variable.__radd__ = add


class Mul(Function):
    """x0 * x1."""

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = unbroadcast(gy * x1, x0.shape) if self.needs(0) else None
        gx1 = unbroadcast(gy * x0, x1.shape) if self.needs(1) else None
        return gx0, gx1


def mul(x0, x1):
    """x0 * x1, element by element."""
    return Mul()(x0, x1)


Variable.__mul__ = mul
Variable.__rmul__ = mul


class Neg(Function):
    """-x."""

    def forward(self, x):
        return -x

    def backward(self, gy):
        return -gy


def neg(x):
    """-x, element by element."""
    return Neg()(x)


Variable.__neg__ = neg


class Sub(Function):
    """x0 - x1."""

    def forward(self, x0, x1):
        return x0 - x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = unbroadcast(gy, x0.shape) if self.needs(0) else None
        gx1 = unbroadcast(-gy, x1.shape) if self.needs(1) else None
        return gx0, gx1


def sub(x0, x1):
    """x0 - x1, element by element."""
    return Sub()(x0, x1)


def rsub(x0, x1):
    """x1 - x0: Python swaps the operands of a reflected operator."""
    return sub(x1, x0)


Variable.__sub__ = sub
Variable.__rsub__ = rsub


class Div(Function):
    """x0 / x1."""

    def forward(self, x0, x1):
        return x0 / x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = gy / x1
        gx1 = unbroadcast(-gx0 * x0 / x1, x1.shape) if self.needs(1) else None
        return unbroadcast(gx0, x0.shape), gx1


def div(x0, x1):
    """x0 / x1, element by element."""
    return Div()(x0, x1)


def rdiv(x0, x1):
    """x1 / x0: Python swaps the operands of a reflected operator."""
    return div(x1, x0)


Variable.__truediv__ = div
Variable.__rtruediv__ = rdiv


class Log(Function):
    """The natural logarithm of x."""

    def forward(self, x):
        return np.log(x)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy / x


def log(x):
    """The natural logarithm of x, element by element."""
    return Log()(x)


class Pow(Function):
    """x ** c for a number c; where c is 0, the slope is 0 everywhere."""

    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return x**self.c

    def backward(self, gy):
        (x,), c = self.saved_inputs, self.c
        if c == 0:
            return gy * 0.0  # not gy * 0 * x ** -1, which has no value at 0
        if c == 2:
            return gy * (2 * x)  # a product takes less time than a power
        return gy * (c * x ** (c - 1))


class ConstantPow(Function):
    """c ** x for a number c; where c is 0, the slope is 0 everywhere."""

    def __init__(self, c):
        self.c = c

    def forward(self, x):
        return self.c**x

    def backward(self, gy):
        (y,) = self.saved_outputs
        if self.c == 0:
            return gy * 0.0  # not gy * log 0 * y, which has no value
        return gy * np.log(self.c) * y


class VariablePow(Function):
    """x0 ** x1 where both may vary; a constant gets no gradient.

    The slope along x1 needs x0 > 0. The slope of 0 ** 0 along x0 is 0.
    """

    def forward(self, x0, x1):
        return x0**x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = gx1 = None
        if self.needs(0):
            less = (x0 != 0) | (x1 != 0)  # 0 ** 0 has the slope 0, not nan
            less = less.astype(np.result_type(x1.dtype, 0.0))
            gx0 = unbroadcast(gy * x1 * x0 ** (x1 - less), x0.shape)
        if self.needs(1):
            gx1 = unbroadcast(gy * x0**x1 * log(x0), x1.shape)
        return gx0, gx1


def python_number(c):
    """A number as Python's own, which leaves the dtype of the arrays it meets."""
    return c.item() if isinstance(c, np.generic) else c


def pow(x, c):
    """x ** c, element by element, for a number, an array or a Variable c.

    Pow for a number, VariablePow for any other c.
    """
    if isinstance(c, NUMBERS):
        return Pow(python_number(c))(x)
    return VariablePow()(x, c)


def rpow(x, c):
    """c ** x, element by element, for a number, an array or a Variable c.

    ConstantPow for a number, VariablePow for any other c.
    """
    if isinstance(c, NUMBERS):
        return ConstantPow(python_number(c))(x)
    return VariablePow()(c, x)


Variable.__pow__ = pow
Variable.__rpow__ = rpow


def comparison(operate):
    """A method that compares the array in a Variable with another or a number.

    It gives an array of bool: nothing about it can be differentiated.
    """

    def compare(x0, x1):
        return operate(x0.data, x1.data if isinstance(x1, Variable) else x1)

    return compare


Variable.__lt__ = comparison(operator.lt)
Variable.__le__ = comparison(operator.le)
Variable.__gt__ = comparison(operator.gt)
Variable.__ge__ = comparison(operator.ge)
Variable.__eq__ = comparison(operator.eq)
Variable.__ne__ = comparison(operator.ne)


# === functions/math: functions of elements, and matrix products ===


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy * (2 * x)


def square(x):
    """x ** 2, element by element."""
    return Square()(x)


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        (y,) = self.saved_outputs
        return gy * y


def exp(x):
    """e ** x, element by element."""
    return Exp()(x)


class Sin(Function):
    """sin x, x in radians."""

    def forward(self, x):
        return np.sin(x)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy * cos(x)


def sin(x):
    """sin x, element by element, x in radians."""
    return Sin()(x)


class Cos(Function):
    """cos x, x in radians."""

    def forward(self, x):
        return np.cos(x)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy * -sin(x)


def cos(x):
    """cos x, element by element, x in radians."""
    return Cos()(x)


class Tanh(Function):
    """The hyperbolic tangent of x."""

    def forward(self, x):
        return np.tanh(x)

    def backward(self, gy):
        (y,) = self.saved_outputs
        return gy * (1 - y * y)


def tanh(x):
    """The hyperbolic tangent of x, element by element; integers count as float64."""
    return Tanh()(as_float(x))


class Absolute(Function):
    """x without its sign; the slope at 0 is taken to be 0."""

    def forward(self, x):
        self.sign = np.sign(x)
        return np.absolute(x)

    def backward(self, gy):
        return gy * self.sign


def absolute(x):
    """x without its sign, element by element; its slope at 0 is taken to be 0."""
    return Absolute()(x)


Variable.__abs__ = absolute


class MatMul(Function):
    """x @ W."""

    def forward(self, x, W):
        if x.ndim < 2 or W.ndim < 2:
            raise ValueError("a matrix product takes arrays of two axes or more")
        return x @ W

    def backward(self, gy):
        x, W = self.saved_inputs[:2]
        gx = gW = None
        if self.needs(0):
            gx = unbroadcast(gy @ swap_last_axes(W), x.shape)
        if self.needs(1):
            gW = unbroadcast(swap_last_axes(x) @ gy, W.shape)
        return gx, gW


def swap_last_axes(x):
    """Each matrix in x transposed."""
    return x.transpose((*range(x.ndim - 2), -1, -2))


def matmul(x, W):
    """x @ W for x (..., N, D) and W (..., D, H): (..., N, H).

    The axes in front count matrices, and are broadcast. Shapes that do not fit, or
    of fewer than two axes, are a ValueError.
    """
    return MatMul()(x, W)


def rmatmul(x, W):
    """W @ x: Python swaps the operands of a reflected operator."""
    return matmul(W, x)


Variable.__matmul__ = matmul
Variable.__rmatmul__ = rmatmul
Variable.matmul = matmul
Variable.dot = matmul


def as_float(x):
    """x as a Variable; integers become float64, since they would wrap around."""
    x = as_variable(x)
    return cast(x, float) if x.dtype.kind in "biu" else x


class Clip(Function):
    """x with what is below x_min or above x_max moved there."""

    def __init__(self, x_min, x_max):
        self.x_min = x_min
        self.x_max = x_max

    def forward(self, x):
        return np.clip(x, self.x_min, self.x_max)

    def backward(self, gy):
        (x,), (y,) = self.saved_inputs, self.saved_outputs
        return gy * (x == y)  # where clipping has left x as it was


def clip(x, x_min, x_max):
    """x with what is below x_min or above x_max moved there; the slope there is 0.

    None is no limit. At the limits themselves the slope is 1.
    """
    return Clip(python_number(x_min), python_number(x_max))(x)


# === functions/affine: x W + b, and rows of W ===


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


# === functions/activation: what bends a line, and what makes probabilities ===


def sigmoid_array(x):
    """1 / (1 + e ** -x) of an array, which is e ** x / (1 + e ** x) as well.

    Of the two each element gets the one in which nothing overflows.
    """
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.absolute(x)))


class Sigmoid(Function):
    """1 / (1 + e ** -x)."""

    def forward(self, x):
        return sigmoid_array(x)

    def backward(self, gy):
        (y,) = self.saved_outputs
        return gy * (y * (1 - y))


def sigmoid(x):
    """1 / (1 + e ** -x), element by element; integers count as float64."""
    return Sigmoid()(as_float(x))


class ReLU(Function):
    """x where it is positive, else 0."""

    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, gy):
        (y,) = self.saved_outputs
        return gy * (y > 0)


def relu(x):
    """x where it is positive, else 0 (rectified linear unit); the slope at 0 is 0."""
    return ReLU()(x)


class LeakyReLU(Function):
    """x where it is positive, else slope * x."""

    def __init__(self, slope):
        self.slope = slope

    def forward(self, x):
        return np.where(x > 0, x, x * self.slope)

    def backward(self, gy):
        (x,) = self.saved_inputs
        return gy * np.where(x > 0, 1.0, self.slope).astype(gy.dtype)


def leaky_relu(x, slope=0.2):
    """x where it is positive, else slope * x."""
    return LeakyReLU(python_number(slope))(x)


class Softmax(Function):
    """e ** x, divided by its sum along an axis."""

    def __init__(self, axis):
        self.axis = axis

    def forward(self, x):
        y = np.exp(x - x.max(axis=self.axis, keepdims=True))
        return y / y.sum(axis=self.axis, keepdims=True)

    def backward(self, gy):
        (y,) = self.saved_outputs
        gx = y * gy
        return gx - y * gx.sum(axis=self.axis, keepdims=True)


def softmax_simple(x, axis=1):
    """softmax as its formula, of integers, too, without protection from overflow."""
    y = exp(as_float(x))
    return y / sum(y, axis, keepdims=True)


def softmax(x, axis=1):
    """e ** x, divided by its sum along an axis: probabilities, which sum to 1.

    x is a Variable or an array; integers count as float64. Large x do no harm.
    """
    return Softmax(axis)(as_float(x))


class LogSumExp(Sum):
    """log(sum(e ** x)) along an axis."""

    def forward(self, x):
        largest = x.max(axis=self.axis, keepdims=True)
        total = super().forward(np.exp(x - largest))
        return np.log(total) + largest.reshape(total.shape)

    def backward(self, gy):
        (x,), (y,) = self.saved_inputs, self.saved_outputs
        y = y.reshape(kept_shape(x.shape, self.axis))
        return super().backward(gy) * exp(x - y)


def log_sum_exp(x, axis=None, keepdims=False):
    """log(sum(e ** x)) along an axis, or several, or all; e ** x may be too large.

    Of integers, too. axis and keepdims are those of sum.
    """
    return LogSumExp(axis, keepdims)(as_float(x))


def log_softmax(x, axis=1):
    """The logarithm of softmax, right even where that rounds to 0; of integers, too."""
    return x - log_sum_exp(x, axis, keepdims=True)


# === functions/normalization: dropout and batch normalization ===


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


# === functions/loss: how far a prediction is off ===


def mean_squared_error_simple(x0, x1):
    """mean_squared_error out of -, **, sum and /, which do not check the shapes."""
    diff = as_float(x0) - as_float(x1)
    return sum(diff**2) / len(diff)


class MeanSquaredError(Function):
    """The sum of (x0 - x1) ** 2, divided by the number of examples.

    Shapes that differ, or hold nothing, are a ValueError.
    """

    def forward(self, x0, x1):
        if x0.shape != x1.shape or x0.size == 0:
            raise ValueError("they must be equal and hold something")
        self.n = len(x0) if x0.ndim else 1
        diff = x0 - x1
        return (diff * diff).mean() * (diff.size / self.n)

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        gx0 = (x0 - x1) * (gy * (2 / self.n))
        return gx0, -gx0 if self.needs(1) else None


def mean_squared_error(x0, x1):
    """The sum of (x0 - x1) ** 2 of two arrays (N, ...), divided by N.

    They are Variables or arrays of one shape; integers count as float64. If both hold
    one number, such as (1, 1) and (), x1 gets the shape of x0. Other shapes that
    differ, or hold nothing, are a ValueError. Gives a Variable without axes.
    """
    x0, x1 = as_float(x0), as_float(x1)
    if x0.size == x1.size == 1:
        x1 = reshape(x1, x0.shape)
    return MeanSquaredError()(x0, x1)


def check_labels(x, t):
    """t if it is one label for each of the N rows of x, (N, C)."""
    if x.ndim != 2 or t.shape != (len(x),) or len(x) == 0:
        raise ValueError(
            "Expected scores of shape (N, C) and labels of shape (N,), "
            f"but got {x.shape} and {t.shape}."
        )
    return check_ids(t, x.shape[1])


def softmax_cross_entropy_simple(x, t):
    """softmax_cross_entropy with check_labels(), out of smaller functions."""
    x, t = as_variable(x), as_variable(t)
    check_labels(x.data, t.data)
    log_p = log_softmax(x)[np.arange(len(x)), t.data]
    return -1 * sum(log_p) / len(x)


class SoftmaxCrossEntropy(Function):
    """-log(softmax(x)) at the labels t, on average; no gradient for t.

    check_labels() looks at both. The gradient must not overflow for many rows of
    float16: for 70,000, N is inf there, and 1 / N is not.
    """

    def forward(self, x, t):
        check_labels(x, t)
        at_labels = get_array_module(x).arange(len(t)), t
        largest = x.max(axis=1, keepdims=True)
        p = np.exp(x - largest)
        total = p.sum(axis=1, keepdims=True)
        p /= total
        p[at_labels] -= 1  # softmax(x), less 1 at the labels: N times the slopes
        self.slopes = p
        return (np.log(total) + largest - x[at_labels][:, None]).mean()

    def backward(self, gy):
        x, t = self.saved_inputs
        slopes = self.slopes
        if Config.enable_backprop:  # once more, out of Variables
            p = softmax(x)
            slopes = p + (slopes - p.data)
        return slopes * (gy * (1 / len(t))), None


def softmax_cross_entropy(x, t):
    """-log(softmax(x)) at labels t (N,) from 0 to C - 1, on average; x is (N, C).

    Both are Variables or arrays. Integers in x count as float64; check_labels() looks
    at both. Gives a Variable without axes, in the dtype of x.
    """
    return SoftmaxCrossEntropy()(as_float(x), t)


def as_targets(t, x):
    """t, numbers from 0 to 1, as a Variable in the shape of the scores x."""
    x, t = as_variable(x), as_variable(t)
    column = [x.shape[:1], (*x.shape[:1], 1)]
    if x.size == 0 or t.shape != x.shape and sorted([t.shape, x.shape]) != column:
        raise ValueError(f"Scores of shape {x.shape} have targets of {t.shape}.")
    if not (0 <= t.data.min() and t.data.max() <= 1):
        raise ValueError("The targets must be from 0 to 1.")
    dtype = np.result_type(x.dtype, 0.0)
    return reshape(t if t.dtype == dtype else cast(t, dtype), x.shape)


class SigmoidCrossEntropy(Function):
    """-t log(p) - (1 - t) log(1 - p) for p = sigmoid(x), summed, divided by N."""

    def forward(self, x, t):
        loss = np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.absolute(x)))
        return loss.mean() * (loss.size / len(x))

    def backward(self, gy):
        x, t = self.saved_inputs
        gy = gy * (1 / len(x))
        return (sigmoid(x) - t) * gy, -x * gy if self.needs(1) else None


def sigmoid_cross_entropy(x, t):
    """The loss of scores x for yes or no, (N,) or (N, D), with targets t from 0 to 1.

    -t log(p) - (1 - t) log(1 - p) for p = sigmoid(x), summed, divided by N.
    """
    x = as_float(x)
    return SigmoidCrossEntropy()(x, as_targets(t, x))


class BinaryCrossEntropy(Function):
    """-t log(p) - (1 - t) log(1 - p), summed, divided by N."""

    def forward(self, p, t):
        with np.errstate(divide="ignore"):
            log_p, log_q = np.log(p), np.log1p(-p)
        loss = -t * np.maximum(log_p, -100) - (1 - t) * np.maximum(log_q, -100)
        return loss.mean() * (loss.size / len(p))

    def backward(self, gy):
        p, t = self.saved_inputs
        gy = gy * (1 / len(p))
        gt = (log(1 - p) - log(p)) * gy if self.needs(1) else None
        return (p - t) / clip(p * (1 - p), 1e-12, 1) * gy, gt


def binary_cross_entropy(p, t):
    """The loss of probabilities p, (N,) or (N, D), with targets t from 0 to 1.

    -t log(p) - (1 - t) log(1 - p), summed, divided by N; a logarithm below -100
    counts as -100. sigmoid_cross_entropy is more exact where there are scores.
    """
    p = as_float(p)
    t = as_targets(t, p)
    if not (0 <= p.data.min() and p.data.max() <= 1):
        raise ValueError(
            "Probabilities are from 0 to 1; for scores there is sigmoid_cross_entropy."
        )
    return BinaryCrossEntropy()(p, t)


def accuracy(y, t):
    """The share of rows of y (N, C) whose first maximum is at t (N,), a constant.

    y and t are Variables or arrays, and check_labels() looks at them. Gives what
    as_variable() makes of one float64.
    """
    y, t = as_variable(y).data, as_variable(t).data
    check_labels(y, t)
    return as_variable(as_array((y.argmax(axis=1) == t).mean()))


# === functions/conv: convolution and pooling ===


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
    Padding is never larger than an element, and integers stay integers. A pad as
    large as the kernel is a ValueError.
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
    """The transpose of conv2d: each number of x, (N, C, H, W), places a whole kernel.

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


# === checks: gradients against numerical slopes ===


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is. The slope is what
    NumPy computes, not a Variable: an array, or a number for a 0-d x.
    """
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


def moved(xs, us, eps):
    """New Variables: each of xs, moved by eps along its direction in us."""
    return [Variable(as_array(x.data + eps * u)) for x, u in zip(xs, us)]


def weighted(xs, weights):
    """One number: the sum of all elements of these Variables, times their weights.

    It is a Variable, 0 for no Variables.
    """
    total = as_variable(0.0)
    for x, w in zip(xs, weights):
        total = total + sum(x * w)
    return total


def derivative(f, us):
    """The function that gives the slope of f(*xs), a number, along us, with a graph.

    It clears the gradients of xs before it calls f, and again at the end. One that is
    None counts as 0.
    """

    def df(*xs):
        for x in xs:
            x.cleargrad()
        f(*xs).backward(create_graph=True)
        gxs = [as_variable(0.0) if x.grad is None else x.grad for x in xs]
        for x in xs:
            x.cleargrad()
        return weighted(gxs, us)

    return df


def gradient_check(f, *xs, order=1, eps=1e-4, tolerance=1e-5):
    """True if backward() through f agrees with a numerical slope at xs, Variables.

    f gives a Variable or a list of them, ys. xs move along random directions us, and
    ys are weighted with random vs, so that one number stands for every element. An
    AssertionError says both slopes if they are further apart than tolerance *
    (abs(numerical slope) + 0.001). The derivatives of f are checked in the same way,
    up to the given order. standard_normal() draws both: us with default_rng(order),
    vs with default_rng(0), anew at each call of f.
    """
    rng = np.random.default_rng(order)
    us = [rng.standard_normal(x.shape) for x in xs]

    def total(*xs):
        ys = f(*xs)
        ys = ys if isinstance(ys, list) else [ys]
        rng = np.random.default_rng(0)  # the same weights each time
        return weighted(ys, [rng.standard_normal(y.shape) for y in ys])

    df = derivative(total, us)
    y0, y1 = (total(*moved(xs, us, by)).data for by in (-eps, eps))
    slope, found = (y1 - y0) / (2 * eps), df(*moved(xs, us, 0.0)).data
    if not abs(found - slope) < tolerance * (abs(slope) + 1e-3):
        raise AssertionError(
            f"backward() gives a slope of {found:.6g}, "
            f"but the numerical slope is {slope:.6g}."
        )
    if order == 1:
        return True
    return gradient_check(df, *xs, order=order - 1, eps=eps, tolerance=tolerance)


# === files: files that are whole, or not there at all ===


def write_file(path, content):
    """Write bytes to path, whole or not at all; its folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


def cache_dir():
    """The folder for what is downloaded: SIXTY_STEPS_CACHE, or ~/.cache/sixty-steps."""
    folder = os.environ.get("SIXTY_STEPS_CACHE")
    return pathlib.Path(folder or pathlib.Path.home() / ".cache" / "sixty-steps")


def is_cached(file_name, sha256=None):
    """True if the cache has this file, with this SHA-256 if one is given."""
    import hashlib

    path = cache_dir() / file_name
    if not path.is_file():
        return False
    return sha256 in (None, hashlib.sha256(path.read_bytes()).hexdigest())


def get_file(url, file_name=None, sha256=None):
    """The path of a file of the web, which is downloaded unless the cache has it.

    Its name there is the whole address, unless told. With sha256 no other is taken.
    """
    file_name = file_name or urllib.parse.quote(url, safe="")
    path = cache_dir() / file_name
    if not is_cached(file_name, sha256):
        write_file(path, download(url))
        if not is_cached(file_name, sha256):
            raise ConnectionError(f"What came from {url} has another SHA-256.")
    return path


def download(url):
    """The bytes at an address; a ConnectionError if they do not all come."""
    import http.client
    import urllib.request

    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            print(f"Downloading {url} ...", file=sys.stderr)
            return response.read()
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionError(f"Cannot download {url}: {error!r}") from error


# === graph: pictures of graphs ===


def dot_variable(name, x, verbose):
    """The line of DOT that draws the variable x as an oval, without a newline.

    Its label is x's name, if it has one. verbose adds shape and dtype, if it has
    data: "x: (2, 3) float64", or "(2, 3) float64" without a name. A backslash
    comes before each " and each backslash of the label.

    n0 [label="x: (2, 3) float64", color=orange, style=filled]
    """
    label = x.name or ""
    if verbose and x.data is not None:
        label += f"{': ' if label else ''}{x.shape} {x.dtype}"
    label = label.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name} [label="{label}", color=orange, style=filled]'


def dot_function(name, func):
    """The same for the function func: a rectangle with the name of its class.

    n2 [label="Add", color=lightblue, style=filled, shape=box]
    """
    label = type(func).__name__
    return f'{name} [label="{label}", color=lightblue, style=filled, shape=box]'


def get_dot_graph(output, verbose=True):
    """The graph that made output, as text in the DOT language.

    Each variable and function is drawn once, as a node. Their names are n0 (the
    output), n1, ... as they are met. There is an edge for each input, and for each
    output that is alive. verbose adds shape and dtype to the names of the variables.

    The first line is "digraph g {", the last one "}". Every line ends with a newline.
    """
    names, lines, funcs = {}, [], [output.creator]

    def node(obj):
        if id(obj) not in names:
            name = names[id(obj)] = f"n{len(names)}"
            if isinstance(obj, Variable):
                lines.append(dot_variable(name, obj, verbose))
            else:
                lines.append(dot_function(name, obj))
        return names[id(obj)]

    node(output)
    while funcs:
        func = funcs.pop()
        if func is None or id(func) in names:
            continue
        for x in func.inputs:
            lines.append(f"{node(x)} -> {node(func)}")
            funcs.append(x.creator)
        for y in func.outputs:
            if y() is not None:
                lines.append(f"{node(func)} -> {node(y())}")
    return "digraph g {\n" + "\n".join(lines) + "\n}\n"


def draw_dot(dot, path):
    """DOT text as a picture in the format that the ending of path names, as bytes.

    None if neither the dot program nor pygraphviz is there to draw it.
    """
    import graphviz

    kind = path.suffix[1:].lower()
    try:
        return graphviz.Source(dot).pipe(format=kind)
    except (graphviz.ExecutableNotFound, OSError):
        pass
    try:
        import pygraphviz
    except ImportError:
        return None
    return pygraphviz.AGraph(string=dot).draw(format=kind, prog="dot")


def plot_dot_graph(output, verbose=True, to_file="out/graph.svg"):
    """Draw the graph that made output into a file; .svg, .png and .pdf will do.

    Returns the Path of the picture. Where nothing can draw it, the text goes into
    a .dot file, whose Path is returned, and one line on stderr names that file
    and says that Graphviz is to be installed.
    """
    path = pathlib.Path(to_file)
    dot = get_dot_graph(output, verbose)
    picture = draw_dot(dot, path)
    if picture is None:
        path = path.with_suffix(".dot")
        picture = dot.encode()
        print(f"{path} is not drawn: install Graphviz (graphviz.org).", file=sys.stderr)
    write_file(path, picture)
    return path


# === layers: functions with parameters of their own ===


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
    (out_size,) is zeros; with nobias it is None. x is a Variable or an array; anything
    else is a TypeError, as in as_variable().
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


# === weights: files of weights ===


def read_npz(path):
    """A dict of the arrays in an .npz file.

    A ValueError: "{path} is not a whole .npz file of arrays.", however it is damaged,
    or that it holds something else. A missing file stays a FileNotFoundError.
    """
    content = pathlib.Path(path).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = dict(file)
    except Exception as error:  # a damaged file makes zipfile raise all kinds
        raise ValueError(f"{path} is not a whole .npz file of arrays.") from error
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError(f"{path} holds something else than arrays.")
    return arrays


def read_safetensors(path):
    """The arrays in a .safetensors file by name.

    The file: 8 bytes, the length of a header; the header, as JSON; the numbers.
    """
    import json

    kinds = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "I64": np.int64}
    content, arrays = np.fromfile(path, np.uint8), {}
    try:
        start = 8 + int.from_bytes(content[:8].tobytes(), "little")
        header = json.loads(content[8:start].tobytes())
        header.pop("__metadata__", None)
        for name, entry in header.items():
            a, b = entry["data_offsets"]
            array = content[start + a : start + b].view(kinds[entry["dtype"]])
            arrays[name] = array.reshape(entry["shape"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a whole .safetensors file.") from error
    return arrays


def read_weights(path):
    """The arrays in an .npz or .safetensors file by name."""
    path = pathlib.Path(path)
    return (read_safetensors if path.suffix == ".safetensors" else read_npz)(path)


def save_weights(layer, path):
    """Write all parameters into an .npz file by name, whole or not at all.

    A ValueError names those whose data are not yet known; no file is touched then.
    """
    params = layer.named_params()
    missing = [name for name, param in params.items() if param.data is None]
    if missing:
        raise ValueError(f"Not yet known, call the layer once: {', '.join(missing)}.")
    write_npz({name: as_numpy(param) for name, param in params.items()}, path)


def write_npz(arrays, path):
    """Write a dict of arrays into an .npz file, whole or not at all."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    write_file(pathlib.Path(path), file.getvalue())


def load_weights(layer, path):
    """Read all parameters from a file that save_weights has written, all or none."""
    set_weights(layer, read_npz(path), path)


def expected_shapes(layer, arrays):
    """The shapes of all parameters by name, as far as they are known."""
    shapes = {}
    for path, x in found_members(layer, "", set()):
        if isinstance(x, Layer):
            shapes |= shapes_to_come(x, path, arrays)
        elif x.data is not None:
            shapes[path] = x.shape
    return shapes


def shapes_to_come(layer, path, arrays):
    """The late_shapes() of the layer at this path, for the size that arrays have."""
    late = layer.late_shapes(None).items()
    shapes = {f"{path}/{key}" if path else key: shape for key, shape in late}
    size = None
    for name, shape in shapes.items():
        if None in shape and name in arrays and arrays[name].ndim == len(shape):
            size = size or arrays[name].shape[shape.index(None)]
    return {
        name: tuple(size if n is None else n for n in shape)
        for name, shape in shapes.items()
    }


def set_weights(layer, arrays, path):
    """Put arrays into the parameters of the same names, all of them or none.

    Real numbers and booleans fit. One ValueError says all that is wrong: first what is
    missing, then what is too much, then in the order of the parameters a wrong dtype
    or else a wrong shape: "{path} does not fit: l0/W is missing; l9/W is too much;
    l0/b has the shape (3, 1), not (3,); l1/b is of <U4."
    """
    params, shapes = layer.named_params(), expected_shapes(layer, arrays)
    wrong = [f"{name} is missing" for name in params if name not in arrays]
    wrong += [f"{name} is too much" for name in arrays if name not in params]
    for name in [name for name in params if name in arrays]:
        array = arrays[name]
        if array.dtype.kind not in "fiub":
            wrong.append(f"{name} is of {array.dtype}")
        elif array.shape != shapes.get(name, array.shape):
            wrong.append(f"{name} has the shape {array.shape}, not {shapes[name]}")
    if wrong:
        raise ValueError(f"{path} does not fit: {'; '.join(wrong)}.")
    for name, param in params.items():
        set_weight(param, arrays[name])


def set_weight(param, array):
    """Give a parameter a copy of an array, in the dtype and on the device it has.

    It is a new array. A parameter without data takes the dtype of the array.
    """
    if param.data is not None:
        array = get_array_module(param).asarray(array, param.dtype)
    param.data = array.copy()


KINDS = {  # what PyTorch calls the parameters of a layer, and what we call them
    "weight": ("W", "gamma"),
    "bias": ("b", "beta"),
    "running_mean": ("avg_mean",),
    "running_var": ("avg_var",),
}


def from_pytorch(model, arrays, layers=None):
    """Arrays that are named and laid out as in PyTorch, as our model has them.

    A layer whose name begins with fc is linear, and its weight is transposed. layers
    gives the names of the layers that we name otherwise.
    """
    params, found = model.named_params(), {}
    for key, array in arrays.items():
        layer, _, kind = key.rpartition(".")
        layer = (layers or {}).get(layer) or layer.replace(".", "/")
        names = [f"{layer}/{name}" for name in KINDS.get(kind, ())]
        names = [name for name in names if name in params] or [key]
        if layer.startswith("fc") and kind == "weight" and array.ndim > 1:
            array = array.reshape(len(array), -1).T  # (out, in) there, (in, out) here
        if kind != "num_batches_tracked":
            found[names[0]] = array
    return found


Layer.save_weights = save_weights
Layer.load_weights = load_weights


# === transforms: what is done to an example before it is used ===


class Compose:
    """compose(x) calls these transforms one after the other; without any, x stays x."""

    def __init__(self, transforms=()):
        self.transforms = transforms

    def __call__(self, x):
        for transform in self.transforms:
            x = transform(x)
        return x


class Convert:
    """A PIL image with its channels as RGB, BGR or in another of PIL's modes."""

    def __init__(self, mode="RGB"):
        self.mode = mode

    def __call__(self, image):
        if self.mode != "BGR":
            return image.convert(self.mode)
        from PIL import Image

        return Image.merge("RGB", image.convert("RGB").split()[::-1])


class Resize:
    """A PIL image in another size: a number, or (width, height)."""

    def __init__(self, size, mode=2):
        self.size = pair(size)
        self.mode = mode  # how PIL is to find the new pixels: 2 is bilinear

    def __call__(self, image):
        return image.resize(self.size, self.mode)


class ResizeShortSide:
    """A PIL image whose shorter side gets a length, the longer one in proportion."""

    def __init__(self, size):
        self.size = size

    def __call__(self, image):
        width, height = image.size
        scale = self.size / (width if width < height else height)
        return image.resize((round(width * scale), round(height * scale)), 2)


class CenterCrop:
    """The middle of a PIL image: a number, or (width, height)."""

    def __init__(self, size):
        self.size = pair(size)

    def __call__(self, image):
        (W, H), (w, h) = image.size, self.size
        left, top = (W - w) // 2, (H - h) // 2
        return image.crop((left, top, left + w, top + h))


class ToArray:
    """A PIL image as an array (C, H, W); an array as it is."""

    def __init__(self, dtype=np.float32):
        self.dtype = dtype

    def __call__(self, image):
        if isinstance(image, np.ndarray):
            return image
        x = np.asarray(image, self.dtype)
        return x[None] if x.ndim == 2 else x.transpose(2, 0, 1)


class ToPIL:
    """An array (C, H, W) of numbers from 0 to 255 as a PIL image."""

    def __call__(self, x):
        from PIL import Image

        x = x.astype(np.uint8)
        return Image.fromarray(x[0] if len(x) == 1 else x.transpose(1, 2, 0))


class RandomHorizontalFlip:
    """An array (..., W), mirrored in every second case on average."""

    def __call__(self, x):
        return x[..., ::-1] if np.random.rand() < 0.5 else x


class Normalize:
    """(x - mean) / std, numbers or C of them for x (C, ...); int becomes float64.

    C numbers are a list, tuple or array. Floats keep their dtype, whatever that of
    mean and std; x itself stays as it is.
    """

    def __init__(self, mean=0, std=1):
        self.mean = mean
        self.std = std

    def __call__(self, x):
        x = x.astype(np.result_type(x.dtype, 0.0), copy=False)  # 8 bits would overflow
        mean, std = np.array(self.mean, x.dtype), np.array(self.std, x.dtype)
        return ((x.T - mean) / std).T  # the C channels are the last axis of x.T


def imagenet_image(image, size=224, dtype=np.float32):
    """The middle of a PIL image, (3, size, size), as PyTorch's weights ask for it."""
    steps = [Convert("RGB"), ResizeShortSide(size * 256 // 224), CenterCrop(size)]
    x = Compose([*steps, ToArray(dtype)])(image) / 255
    return Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])(x)


class Flatten:
    """x in one row."""

    def __call__(self, x):
        return x.reshape(-1)


class AsType:
    """x in another dtype."""

    def __init__(self, dtype=np.float32):
        self.dtype = dtype

    def __call__(self, x):
        return x.astype(self.dtype)


ToFloat = AsType


class ToInt(AsType):
    """x as whole numbers."""

    def __init__(self, dtype=int):
        super().__init__(dtype)


# === models: layers that are a whole network ===


class Model(Layer):
    """A layer that is a whole network, and can be drawn."""

    def plot(self, *xs, to_file="out/model.svg", **options):
        """Draw the graph of a call by plot_dot_graph, verbose; returns its path."""
        return plot_dot_graph(self(*xs, **options), verbose=True, to_file=to_file)


class Sequential(Model):
    """Layers, or any functions of one Variable, one after the other.

    They are the attributes l0, l1, ... and may be replaced there. A layer that stands
    twice has two attributes.
    """

    def __init__(self, *layers):
        self.count = len(layers)
        for i, layer in enumerate(layers):
            setattr(self, f"l{i}", layer)

    @property
    def layers(self):
        """The attributes l0, l1, ... as a tuple."""
        return tuple(getattr(self, f"l{i}") for i in range(self.count))

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x


class MLP(Sequential):
    """Linear layers l0, l1, ... of these sizes, and the activation between any two.

    fc_output_sizes is a tuple or list with the out_size of each; in_size is left to
    the first call.
    """

    def __init__(self, fc_output_sizes, *, activation=sigmoid):
        super().__init__(*map(Linear, fc_output_sizes))
        self.activation = activation

    def forward(self, x):
        *layers, last = self.layers
        for layer in layers:
            x = self.activation(layer(x))
        return last(x)


class VGG16(Model):
    """13 convolutions and 3 linear layers. (Simonyan and Zisserman 2014)

    pretrained: True downloads weights (553 MB); a path reads them from a file,
    .safetensors with the names of timm or .npz with those of the book.
    """

    URL = "https://huggingface.co/timm/vgg16.tv_in1k/resolve/main/model.safetensors"
    SHA256 = "57b026918159a6bf9faf8405c3a551903768e7138989d9c6224a14227203fad8"
    BLOCKS = (64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3

    def __init__(self, pretrained=False):
        for i, block in enumerate(self.BLOCKS, 1):
            for j, channels in enumerate(block, 1):
                setattr(self, f"conv{i}_{j}", Conv2d(channels, 3, pad=1))
        self.fc6 = Linear(4096)
        self.fc7 = Linear(4096)
        self.fc8 = Linear(1000)
        if pretrained is True:
            pretrained = get_file(self.URL, "vgg16.safetensors", self.SHA256)
        if pretrained:
            self.load_published(pretrained)

    def forward(self, x):
        for i, block in enumerate(self.BLOCKS, 1):
            for j in range(1, len(block) + 1):
                x = relu(getattr(self, f"conv{i}_{j}")(x))
            x = pooling(x, 2, 2)
        x = flatten(x)
        x = dropout(relu(self.fc6(x)))
        x = dropout(relu(self.fc7(x)))
        return self.fc8(x)

    def load_published(self, path):
        """Read the weights from a file in one of the published layouts."""
        arrays = read_weights(path)
        convs = [name for name in vars(self) if name.startswith("conv")]
        places = {k.split(".")[1] for k in arrays if k.startswith("features.")}
        places = sorted(places, key=lambda place: (len(place), place))
        layers = {f"features.{place}": conv for place, conv in zip(places, convs)}
        layers |= {"pre_logits.fc1": "fc6", "pre_logits.fc2": "fc7", "head.fc": "fc8"}
        if places:
            self.preprocess = imagenet_image
        set_weights(self, from_pytorch(self, arrays, layers), path)

    @staticmethod
    def preprocess(image, size=(224, 224), dtype=np.float32):
        """A PIL image as an array (3, H, W), as the book's weights ask for it."""
        steps = [Convert("BGR"), *([Resize(size)] if size else []), ToArray(dtype)]
        return Compose([*steps, Normalize([103.939, 116.779, 123.68])])(image)


class Bottleneck(Layer):
    """Three convolutions, and a way around them with one or none."""

    def __init__(self, channels, stride=1, downsample=False):
        self.conv1, self.bn1 = normalized(channels, 1)
        self.conv2, self.bn2 = normalized(channels, 3, stride, pad=1)
        self.conv3, self.bn3 = normalized(4 * channels, 1)
        self.downsample = normalized(4 * channels, 1, stride) if downsample else ()

    def forward(self, x):
        y = relu(self.bn1(self.conv1(x)))
        y = relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        for layer in self.downsample:
            x = layer(x)
        return relu(x + y)


def normalized(channels, kernel_size, stride=1, pad=0):
    """A Conv2d without a bias, and the batch normalization behind it, which has one."""
    conv = Conv2d(channels, kernel_size, stride=stride, pad=pad, nobias=True)
    return conv, BatchNorm(eps=1e-5)


class ResNet(Model):
    """A network of 50, 101 or 152 layers, most of them with a way around them.

    (He et al. 2015.) pretrained: the path of a file with the names of torchvision,
    .safetensors or .npz.
    """

    DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
    preprocess = staticmethod(imagenet_image)

    def __init__(self, n_layers=152, pretrained=False):
        if n_layers not in self.DEPTHS:
            raise ValueError(f"A ResNet has 50, 101 or 152 layers, not {n_layers}.")
        self.conv1, self.bn1 = normalized(64, 7, 2, pad=3)
        for i, depth in enumerate(self.DEPTHS[n_layers]):
            channels, stride = 64 * 2**i, 2 if i > 0 else 1
            blocks = [Bottleneck(channels, stride, downsample=True)]
            blocks += [Bottleneck(channels) for _ in range(depth - 1)]
            setattr(self, f"layer{i + 1}", blocks)
        self.fc = Linear(1000)
        load_pretrained(self, pretrained)

    def forward(self, x):
        x = pooling(relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for block in self.layer1 + self.layer2 + self.layer3 + self.layer4:
            x = block(x)
        return self.fc(mean(x, axis=(2, 3)))


class ResNet50(ResNet):
    """ResNet with 50 layers."""

    def __init__(self, pretrained=False):
        super().__init__(50, pretrained)


class ResNet101(ResNet):
    """ResNet with 101 layers."""

    def __init__(self, pretrained=False):
        super().__init__(101, pretrained)


class ResNet152(ResNet):
    """ResNet with 152 layers."""

    def __init__(self, pretrained=False):
        super().__init__(152, pretrained)


def load_pretrained(model, path):
    """Read weights with the names of PyTorch, if a path is given.

    True is a ValueError: "No published checksum is known: give the path of a file."
    """
    if path is True:
        raise ValueError("No published checksum is known: give the path of a file.")
    if path:
        set_weights(model, from_pytorch(model, read_weights(path)), path)


class Fire(Layer):
    """A narrow convolution, then two wide ones side by side: 2 * wide channels.

    squeeze, 1 x 1; expand1x1; expand3x3, with pad 1. There is relu behind each. In
    the output the channels of expand1x1 come first.
    """

    def __init__(self, narrow, wide):
        self.squeeze = Conv2d(narrow, 1)
        self.expand1x1 = Conv2d(wide, 1)
        self.expand3x3 = Conv2d(wide, 3, pad=1)

    def forward(self, x):
        x = relu(self.squeeze(x))
        return concatenate([relu(self.expand1x1(x)), relu(self.expand3x3(x))])


class SqueezeNet(Model):
    """SqueezeNet 1.0, of 1.2 million parameters. (Iandola et al. 2016)

    pretrained: the path of a file with names such as fire2.squeeze.weight.
    """

    NARROW = 16, 16, 32, 32, 48, 48, 64, 64  # channels of fire2 to fire9

    def __init__(self, pretrained=False):
        self.conv1 = Conv2d(96, 7, stride=2)
        for i, narrow in enumerate(self.NARROW, 2):
            setattr(self, f"fire{i}", Fire(narrow, 4 * narrow))
        self.conv_final = Conv2d(1000, 1, pad=1)
        load_pretrained(self, pretrained)

    def forward(self, x):
        x = pooling(relu(self.conv1(x)), 3, 2)
        for i in range(2, 10):
            x = getattr(self, f"fire{i}")(x)
            if i in (4, 8):
                x = pooling(x, 3, 2)
        x = relu(self.conv_final(dropout(x)))
        return mean(x, axis=(2, 3))

    @staticmethod
    def preprocess(image, size=227, dtype=np.float32):
        """The middle of a PIL image, (3, size, size), as the weights ask for it.

        Its short side gets 256 pixels first, whatever size is. The channels are blue,
        green, red, less 104, 117 and 123.
        """
        steps = [Convert("BGR"), ResizeShortSide(256), CenterCrop(size), ToArray(dtype)]
        return Compose([*steps, Normalize([104, 117, 123])])(image)


# === optimizers: from gradients to better parameters ===


class Optimizer:
    """Moves the parameters of a layer, its target, along their gradients.

    states is what it keeps: {param: {key: value}}. The keys are the letters of the
    formula, and Adam's t, an int. Only a parameter that was moved has an entry.
    hooks is a list of what add_hook() was given.
    """

    def __init__(self):
        self.target = None
        self.hooks = []
        self.states = {}  # what is kept for each parameter: {param: {key: value}}

    def setup(self, target):
        """Take the layer whose parameters are to be moved; returns self.

        Else a TypeError: setup() takes a layer or a model, not list.
        """
        if not isinstance(target, Layer):
            raise TypeError(
                f"setup() takes a layer or a model, not {type(target).__name__}."
            )
        self.target = target
        return self

    def add_hook(self, hook):
        """Call hook(params) before each update; FreezeParam before all others."""
        self.hooks.insert(0 if isinstance(hook, FreezeParam) else len(self.hooks), hook)

    def update(self):
        """Move each parameter that has a gradient after the hooks, except frozen ones.

        check_learnable() looks at all of them before the first is moved. A RuntimeError
        asks for setup(layer) if there was none.
        """
        if self.target is None:
            raise RuntimeError("There is nothing to update: call setup(layer) first.")
        params = [p for p in self.target.params() if p.requires_grad]
        for hook in self.hooks:  # one may take gradients away
            hook([p for p in params if p.grad is not None])
        params = [p for p in params if p.grad is not None]
        for param in params:
            check_learnable(param)
        for param in params:
            self.update_one(param)

    def __repr__(self):
        """The class and its numbers: MomentumSGD(lr=0.01, momentum=0.9)."""
        numbers = {key: x for key, x in vars(self).items() if isinstance(x, NUMBERS)}
        options = [f"{key}={x}" for key, x in numbers.items()]
        return f"{type(self).__name__}({', '.join(options)})"

    def update_one(self, param):
        """Change param.data with the help of param.grad, which stays as it is.

        Each optimizer has its own. This one raises a NotImplementedError: Optimizer has
        no update_one() yet.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update_one() yet.")

    def state(self, param, key):
        """The array states[param][key], zeros at first, to be changed in place.

        It has the shape and dtype of param, but float32 for float16.
        """
        state = self.states.setdefault(param, {})
        if key not in state:
            dtype = np.result_type(param.dtype, np.float32)
            state[key] = np.zeros_like(param.data, dtype)
        return state[key]

    def save_states(self, path):
        """Write what is kept for each parameter, by names as "Adam/l0/W/m"."""
        kind, arrays = type(self).__name__, {}
        for name, param in self.target.named_params().items():
            for key, value in self.states.get(param, {}).items():
                arrays[f"{kind}/{name}/{key}"] = as_numpy(value)
        write_npz(arrays, path)

    def load_states(self, path):
        """Go on with what save_states() has written; t becomes an int again.

        A ValueError names the first that does not fit and leaves all as it was:
        "{path} does not fit: there is no place for Adam/l9/W/m." It is of another
        optimizer, parameter or shape, or its parameter has no data yet.
        """
        kind, states = type(self).__name__, {}
        params = {f"{kind}/{n}": p for n, p in self.target.named_params().items()}
        for name, array in read_npz(path).items():
            owner, _, key = name.rpartition("/")
            data = params[owner].data if owner in params else None
            is_count = array.shape == () and array.dtype.kind == "i"
            if data is None or not (is_count or array.shape == data.shape):
                raise ValueError(f"{path} does not fit: there is no place for {name}.")
            value = int(array) if is_count else get_array_module(data).asarray(array)
            states.setdefault(params[owner], {})[key] = value
        self.states = states


def check_learnable(param):
    """A TypeError if a parameter is of integers: small steps would be rounded off.

    It says: The parameter counts is of int64; only floating-point numbers can be
    learned. counts is the name, or without a name.
    """
    if param.dtype.kind != "f":
        raise TypeError(
            f"The parameter {param.name or 'without a name'} is of {param.dtype}; "
            "only floating-point numbers can be learned."
        )


def gradient_of(param):
    """The array of a gradient, of float16 as float32: squares would be 0 or inf."""
    g = param.grad.data
    return g.astype(np.result_type(g.dtype, np.float32), copy=False)


def take_step(param, step):
    """Move a parameter by -step, into a new array of its own dtype.

    Graphs that were made before keep the old array. A single number is an array, too.
    """
    param.data = as_array((param.data - step).astype(param.dtype, copy=False))


class SGD(Optimizer):
    """Stochastic gradient descent: p -= lr * g."""

    def __init__(self, lr=0.01):
        super().__init__()
        self.lr = lr

    def update_one(self, param):
        take_step(param, self.lr * param.grad.data)


class MomentumSGD(Optimizer):
    """A ball that rolls downhill: v = momentum * v - lr * g; p += v. (Polyak 1964)"""

    def __init__(self, lr=0.01, momentum=0.9):
        super().__init__()
        self.lr = lr
        self.momentum = momentum

    def update_one(self, param):
        v = self.state(param, "v")
        v *= self.momentum
        v -= self.lr * gradient_of(param)
        take_step(param, -v)


class AdaGrad(Optimizer):
    """Smaller steps where gradients have been large. (Duchi et al. 2011)

    h += g ** 2; p -= lr * g / (sqrt(h) + eps)
    """

    def __init__(self, lr=0.001, eps=1e-8):
        super().__init__()
        self.lr = lr
        self.eps = eps

    def update_one(self, param):
        h, g = self.state(param, "h"), gradient_of(param)
        h += g * g
        take_step(param, self.lr * g / (np.sqrt(h) + self.eps))


class AdaDelta(Optimizer):
    """Steps in the units of the parameter, without a learning rate. (Zeiler 2012)

    h = rho * h + (1 - rho) * g ** 2        running means of g ** 2
    d = sqrt((s + eps) / (h + eps)) * g
    s = rho * s + (1 - rho) * d ** 2        and of d ** 2
    p -= d
    """

    def __init__(self, rho=0.95, eps=1e-6):
        super().__init__()
        self.rho = rho
        self.eps = eps

    def update_one(self, param):
        h, s = self.state(param, "h"), self.state(param, "s")
        rho, eps, g = self.rho, self.eps, gradient_of(param)
        h += (1 - rho) * (g * g - h)
        d = np.sqrt((s + eps) / (h + eps)) * g
        s += (1 - rho) * (d * d - s)
        take_step(param, d)


class Adam(Optimizer):
    """Momentum and AdaGrad in one. (Kingma and Ba 2015)

    m = beta1 * m + (1 - beta1) * g         running means of g
    v = beta2 * v + (1 - beta2) * g ** 2    and of g ** 2
    p -= alpha * (m / (1 - beta1 ** t)) / (sqrt(v / (1 - beta2 ** t)) + eps)
    """

    def __init__(self, alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        super().__init__()
        self.alpha = alpha
        self.beta1 = beta1
        self.beta2 = beta2
        self.eps = eps

    @property
    def t(self):
        """How many updates have moved the parameter that was moved most; 0 at first."""
        counts = sorted(state.get("t", 0) for state in self.states.values())
        return counts[-1] if counts else 0

    @property
    def lr(self):
        """What m / sqrt(v) is multiplied by in the latest update, or in the first.

        alpha * sqrt(1 - beta2 ** t) / (1 - beta1 ** t)
        """
        t = self.t or 1
        return self.alpha * (1 - self.beta2**t) ** 0.5 / (1 - self.beta1**t)

    def update_one(self, param):
        m, v, g = self.state(param, "m"), self.state(param, "v"), gradient_of(param)
        t = self.states[param]["t"] = self.states[param].get("t", 0) + 1
        m += (1 - self.beta1) * (g - m)
        v += (1 - self.beta2) * (g * g - v)
        unbias1, unbias2 = 1 - self.beta1**t, 1 - self.beta2**t
        root = np.sqrt(v / unbias2)
        take_step(param, self.alpha / unbias1 * m / (root + self.eps))


class AdamW(Adam):
    """Adam with weight decay of its own. (Loshchilov and Hutter 2019)

    p -= alpha * weight_decay * p, then as Adam does. The gradient stays as it is.
    """

    def __init__(
        self, alpha=0.001, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01
    ):
        super().__init__(alpha, beta1, beta2, eps)
        self.weight_decay = weight_decay

    def update_one(self, param):
        take_step(param, self.alpha * self.weight_decay * param.data)
        super().update_one(param)


class WeightDecay:
    """A hook: adds rate * p to each gradient, which pulls the parameters to 0.

    The gradient is a new one of the same dtype; the array of the old one is kept.
    """

    def __init__(self, rate):
        self.rate = float(rate)

    def __call__(self, params):
        for param in params:
            param.grad = as_variable(param.grad.data + self.rate * param.data)


class ClipGrad:
    """A hook: shortens all gradients together, if they are longer than max_norm."""

    def __init__(self, max_norm):
        self.max_norm = max_norm

    def __call__(self, params):
        squares = [float((gradient_of(param) ** 2).sum()) for param in params]
        rate = float(self.max_norm / (np.sqrt(np.sum(squares)) + 1e-6))
        if rate < 1:
            for param in params:
                param.grad = Variable(as_array(param.grad.data * rate))


class FreezeParam:
    """A hook: keeps these parameters, and those of these layers, as they are.

    It sets their gradients to None, and asks a layer for its parameters each time.
    """

    def __init__(self, *frozen):
        self.frozen = frozen

    def __call__(self, params):
        for one in self.frozen:
            for param in one.params() if isinstance(one, Layer) else [one]:
                param.grad = None


# === datasets: examples to learn from ===


class Dataset:
    """Examples: dataset[i] is (transform(data[i]), target_transform(label[i])).

    i is any integer, else a TypeError; data and label get it as an int. A label is
    None if there are none, and then it is not transformed.

    __init__ ends with prepare(), in which a subclass sets data and label. Before, they
    are None, and len(dataset) is 0. Without a transform an example stays as it is.
    """

    def __init__(self, train=True, transform=None, target_transform=None):
        self.train = train
        self.transform = transform or Compose()
        self.target_transform = target_transform or Compose()
        self.data = None
        self.label = None
        self.prepare()

    def prepare(self):
        """Load the data and the labels; here there are none."""

    def __repr__(self):
        """The class, and how many examples there are: Spiral(300 examples)."""
        return f"{type(self).__name__}({len(self)} examples)"

    def __getitem__(self, index):
        index = operator.index(index)
        t = None if self.label is None else self.target_transform(self.label[index])
        return self.transform(self.data[index]), t

    def __len__(self):
        return 0 if self.data is None else len(self.data)


class ArrayDataset(Dataset):
    """Arrays as a data set; a ValueError: "2 examples cannot have 3 labels."."""

    def __init__(self, data, label=None, transform=None, target_transform=None):
        if label is not None and len(data) != len(label):
            raise ValueError(f"{len(data)} examples cannot have {len(label)} labels.")
        super().__init__(True, transform, target_transform)
        self.data, self.label = data, label


class Subset(Dataset):
    """Example i is example indices[i] of a data set; indices is an array or a list."""

    def __init__(self, dataset, indices):
        super().__init__()
        self.dataset, self.data = dataset, indices

    def __getitem__(self, index):
        return self.dataset[self.data[operator.index(index)]]


def random_split(dataset, count, seed=None):
    """Two Subsets: `count` examples of this data set, drawn at random, and the others.

    They are cut from permutation(N) of np.random, or of default_rng(seed). A count that
    is not 1, 2, ... N - 1 is a ValueError: Of 5 examples 0.8 cannot be split off.
    """
    if count not in range(1, len(dataset)):
        raise ValueError(f"Of {len(dataset)} examples {count} cannot be split off.")
    random = np.random if seed is None else np.random.default_rng(seed)
    order = random.permutation(len(dataset))
    return Subset(dataset, order[:count]), Subset(dataset, order[count:])


def get_spiral(train=True):
    """300 points in a spiral of three arms: x (300, 2), float32; their arms t (300,).

    The points for training and for testing differ by chance.
    """
    rng = np.random.default_rng(0 if train else 1)
    t = np.arange(300) // 100
    radius = np.arange(300) % 100 / 100
    angle = 4 * t + 4 * radius + 0.2 * rng.standard_normal(300)
    x = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    order = rng.permutation(300)
    return x[order].astype(np.float32), t[order]


class Spiral(Dataset):
    """The points of get_spiral()."""

    def prepare(self):
        self.data, self.label = get_spiral(self.train)


def data_file(name):
    """The path of a small file of data that comes with this code."""
    here = pathlib.Path(__file__).resolve().parent
    paths = [place / "data" / name for place in (here, here.parent, pathlib.Path())]
    return next((path for path in paths if path.is_file()), paths[-1])


class Digits(Dataset):
    """1,797 handwritten digits of 8 x 8 pixels, the numbers 0 to 16, from UCI.

    digits.npz has the arrays "images" and "labels". Those at an index with
    index % 5 == 4 are for testing. data (N, 1, 8, 8) stays np.uint8, as in the file;
    label (N,) becomes int. Without a transform of yours, each image becomes a row of
    64 float32 from 0 to 1. (Alpaydin and Kaynak 1998)
    """

    def __init__(self, train=True, transform=None, target_transform=None):
        flat = Compose([Flatten(), ToFloat(), Normalize(0, 16)])
        super().__init__(train, transform or flat, target_transform)

    def prepare(self):
        with np.load(data_file("digits.npz"), allow_pickle=False) as file:
            images, labels = file["images"][:, None], file["labels"]
        chosen = (np.arange(len(labels)) % 5 == 4) != self.train
        self.data, self.label = images[chosen], labels[chosen].astype(int)


class MNIST(Dataset):
    """70,000 handwritten digits of 28 x 28 pixels, 0 to 255; 10,000 are for testing.

    They are downloaded at first (11 MB), as mnist.npz in the cache. It has the
    arrays x_train, y_train, x_test and y_test. data (N, 1, 28, 28) stays np.uint8;
    label (N,) becomes int. Without a transform of yours, each image becomes a row of
    784 float32 from 0 to 1. (LeCun et al. 1998)
    """

    URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
    SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

    def __init__(self, train=True, transform=None, target_transform=None):
        flat = Compose([Flatten(), ToFloat(), Normalize(0, 255)])
        super().__init__(train, transform or flat, target_transform)

    @classmethod
    def is_cached(cls):
        """True if the cache has the file with this SHA-256."""
        return is_cached("mnist.npz", cls.SHA256)

    def prepare(self):
        part = "train" if self.train else "test"
        with np.load(get_file(self.URL, "mnist.npz", self.SHA256)) as file:
            self.data = file[f"x_{part}"][:, None]
            self.label = file[f"y_{part}"].astype(int)


class ImageNet:
    """The names of the 1,000 kinds of photographs of ImageNet."""

    URL = (
        "https://raw.githubusercontent.com/anishathalye/imagenet-simple-labels/"
        "master/imagenet-simple-labels.json"
    )
    SHA256 = "987705581d9446328498f950454a1cc7d8dfc578a8243d8bfdcd2588a6905aae"

    @classmethod
    def labels(cls):
        """The names as a list, downloaded at first (14 kB)."""
        import json

        path = get_file(cls.URL, "imagenet/imagenet-simple-labels.json", cls.SHA256)
        return json.loads(path.read_bytes())


class CIFAR10(Dataset):
    """60,000 photographs of 32 x 32 pixels, of 10 classes; 10,000 are for testing.

    data is (N, 3, 32, 32), 0 to 255; downloaded at first, 170 MB. (Krizhevsky 2009)
    """

    URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    TRAIN = [f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)]
    TEST = ["cifar-10-batches-bin/test_batch.bin"]
    LABELS, CHOSEN = 1, 0  # so many labels stand before the pixels; this one counts

    def __init__(self, train=True, transform=None, target_transform=None):
        scaled = Compose([ToFloat(), Normalize(127.5, 127.5)])
        super().__init__(train, transform or scaled, target_transform)

    @classmethod
    def read(cls, names):
        """What is in the files of these names in the archive, one after the other."""
        import tarfile

        with tarfile.open(get_file(cls.URL, sha256=cls.SHA256)) as archive:
            return b"".join(archive.extractfile(name).read() for name in names)

    def prepare(self):
        content = self.read(self.TRAIN if self.train else self.TEST)
        rows = np.frombuffer(content, np.uint8).reshape(-1, self.LABELS + 3 * 32 * 32)
        self.data = rows[:, self.LABELS :].reshape(-1, 3, 32, 32)
        self.label = rows[:, self.CHOSEN].astype(int)

    @staticmethod
    def labels():
        """The names of the classes."""
        return "airplane automobile bird cat deer dog frog horse ship truck".split()


class CIFAR100(CIFAR10):
    """As CIFAR10, of 100 classes, label_type "fine", or in 20 groups, "coarse"."""

    URL = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
    SHA256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
    TRAIN = ["cifar-100-binary/train.bin"]
    TEST = ["cifar-100-binary/test.bin"]
    LABELS = 2

    def __init__(
        self, train=True, transform=None, target_transform=None, label_type="fine"
    ):
        self.CHOSEN = ("coarse", "fine").index(label_type)
        super().__init__(train, transform, target_transform)

    @classmethod
    def labels(cls, label_type="fine"):
        """The names of the classes, or of the groups, out of the archive."""
        name = f"cifar-100-binary/{label_type}_label_names.txt"
        return cls.read([name]).decode().split()


class SinCurve(Dataset):
    """A sine of 1,000 points with noise, each to be followed by the next.

    For testing a cosine without noise. data and label are (999, 1).
    """

    def prepare(self):
        x = np.linspace(0, 2 * np.pi, 1000)
        noise = np.random.default_rng(0).uniform(-0.05, 0.05, x.shape)
        y = np.sin(x) + noise if self.train else np.cos(x)
        y = y.astype(np.float32)[:, None]
        self.data, self.label = y[:-1], y[1:]


# === dataloaders: batches of examples ===


class DataLoader:
    """The examples of a data set in batches, as arrays x and t, on the GPU if gpu.

    Each loop is an epoch of its own, with each dataset[i] once, i an int. The last
    batch may be shorter, unless drop_last. With shuffle, iter() draws the order of an
    epoch at once: permutation(N) of default_rng(seed), or else of np.random. next()
    goes along an epoch of its own, whose order __init__ draws first.

    batch_size is an int from 1. Any other, as 0 or 2.0, and one that leaves no batch
    is a ValueError: There are no batches of 8 out of 7 examples. After the last batch
    next() raises StopIteration, until reset().
    """

    def __init__(
        self,
        dataset,
        batch_size,
        shuffle=True,
        gpu=False,
        *,
        seed=None,
        drop_last=False,
    ):
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.gpu = gpu
        self.drop_last = drop_last
        self.random = np.random if seed is None else np.random.default_rng(seed)
        is_whole = isinstance(batch_size, int | np.integer)
        if not is_whole or batch_size < 1 or len(self) == 0:
            raise ValueError(
                f"There are no batches of {batch_size} out of {len(dataset)} examples."
            )
        self.reset()

    def reset(self):
        """Begin a new epoch for next(), which goes along the iterator batches."""
        self.batches = iter(self)

    def __len__(self):
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    @property
    def max_iter(self):
        """The number of batches in an epoch, as len(loader)."""
        return len(self)

    def __iter__(self):
        n = len(self.dataset)
        order = self.random.permutation(n) if self.shuffle else np.arange(n)
        return map(self.batch, self.split(order))

    def split(self, order):
        """The numbers of the examples in their order, a part for each batch."""
        size = self.batch_size
        return [order[i * size : (i + 1) * size] for i in range(len(self))]

    def __next__(self):
        return next(self.batches)

    def batch(self, indices):
        """The examples at these indices: x (N, ...), and t (N, ...) or None.

        Both by np.array; t is None if there are no labels.
        """
        xs, ts = zip(*(self.dataset[int(i)] for i in indices))
        moved = as_cupy if self.gpu else as_numpy
        return moved(np.array(xs)), None if ts[0] is None else moved(np.array(ts))

    def next(self):
        """The next batch, as next(loader) gives it."""
        return next(self)

    def to_cpu(self):
        """Give NumPy's arrays from now on."""
        self.gpu = False

    def to_gpu(self):
        """Give CuPy's arrays from now on."""
        self.gpu = True


class SeqDataLoader(DataLoader):
    """The examples of a long sequence in order, from batch_size places at a time.

    The k-th numbers of all batches make up the k-th part of the sequence.
    """

    def __init__(self, dataset, batch_size, gpu=False):
        super().__init__(dataset, batch_size, shuffle=False, gpu=gpu, drop_last=True)

    def split(self, order):
        """The numbers of the examples, a row for each batch."""
        used = order[: len(self) * self.batch_size]
        return used.reshape(self.batch_size, -1).T


# === demo ===


class Recurrent(Model):
    """An RNN, and a linear layer that makes one number of its h."""

    def __init__(self, hidden_size):
        self.rnn = RNN(hidden_size)
        self.fc = Linear(1)

    def forward(self, x):
        return self.fc(self.rnn(x))

    def reset_state(self):
        """Forget what was seen."""
        self.rnn.reset_state()


class Forgetful(Recurrent):
    """The same, without a memory: each point is the first of a sequence."""

    def forward(self, x):
        self.reset_state()
        return super().forward(x)


def rounds(data, gap=50, N=50, T=30):
    """A round: N sequences of T points around a curve, as xs and ts, (T, N, 1).

    A point is followed by that which stands `gap` places further on.
    """
    at = gap * np.arange(T)[:, None] + 20 * np.arange(N)
    return data.data[at % len(data)], data.data[(at + gap) % len(data)]


def learn(model, optimizer, xs, ts, length=30):
    """Go through sequences once, and update after each `length` points.

    Returns the mean loss.
    """
    model.reset_state()
    loss = total = 0.0
    for i, (x, t) in enumerate(zip(xs, ts), 1):
        loss = loss + mean_squared_error(model(x), t) / length
        if i % length == 0 or i == len(xs):
            model.cleargrads()
            loss.backward()
            loss.unchain_backward()
            optimizer.update()
            total, loss = total + float(loss.data), 0.0
    return total * length / len(xs)


def predictions(model, xs):
    """What the model makes of sequences xs, (T, N, 1), as an array (T, N, 1)."""
    model.reset_state()
    with no_grad():
        return np.array([model(x).data for x in xs])


def with_larger_Wh(factor):
    """A Recurrent(20) whose Wh is so many times as large as it was drawn."""
    np.random.seed(2)
    model = Recurrent(20)
    Wh = model.rnn.h2h.W
    Wh.data = Wh.data * np.float32(factor)
    return model


def way_back(model, xs):
    """The mean size of the gradient of the last h by each h."""
    model.reset_state()
    hs = []
    for x in xs:
        model(x)
        hs.append(model.rnn.h)
    sum(hs[-1]).backward(retain_grad=True)
    return [np.abs(h.grad.data).mean() for h in hs]


def one_digit(number):
    """A number as text, rounded to its first digit, in 7 places."""
    return f"{float(f'{number:.1g}'):7g}"


def losses_of_sgd(model, xs, ts, *hooks, times=3):
    """The loss of each of so many rounds of SGD with these hooks."""
    optimizer = SGD(0.1).setup(model)
    for hook in hooks:
        optimizer.add_hook(hook)
    return [learn(model, optimizer, xs, ts) for _ in range(times)]


def functions_kept(model, xs, ts, length):
    """The largest number of functions behind the loss, cut after `length` points."""
    model.reset_state()
    loss, counts = 0.0, []
    for i, (x, t) in enumerate(zip(xs, ts), 1):
        loss = loss + mean_squared_error(model(x), t) / length
        if i % length == 0 or i == len(xs):
            counts.append(len(functions_behind(loss)))
            loss.unchain_backward()
            loss = 0.0
    return np.max(counts)


def functions_behind(y):
    """The functions that made y."""
    waiting, found = [y.creator], set()
    while waiting:
        func = waiting.pop()
        if func is not None and func not in found:
            found.add(func)
            waiting += [x.creator for x in func.inputs]
    return found


def show_explosion(xs, ts):
    """Print how the gradient changes on its way back, and what ClipGrad does."""
    print("gradient at", *(f"{i:7}" for i in (30, 20, 10, 1)))
    for factor in (1, 2, 3):
        sizes = way_back(with_larger_Wh(factor), xs)
        row = [one_digit(sizes[i - 1]) for i in (30, 20, 10, 1)]
        print(f"     {factor} * Wh", *row)
    for name, hooks in {"SGD": [], "and ClipGrad": [ClipGrad(1.0)]}.items():
        losses = losses_of_sgd(with_larger_Wh(3), xs, ts, *hooks)
        print(f"3 * Wh, {name:12} loss", *(f"{loss:.1g}" for loss in losses))


def plot_curve(y, t, to_file="out/step59.png"):
    """Draw the curve t and what was predicted, y; None without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("The curve is not drawn: pip install matplotlib.", file=sys.stderr)
        return None
    figure = Figure()
    axes = figure.add_subplot(xlabel="point", title="A cosine, by a network for sines")
    axes.plot(t.reshape(-1), label="cosine")
    axes.plot(y.reshape(-1), "r", label="predicted")
    axes.legend()
    picture, to_file = io.BytesIO(), pathlib.Path(to_file)
    figure.savefig(picture, format=to_file.suffix[1:])
    write_file(to_file, picture.getvalue())
    return to_file


if __name__ == "__main__":
    sine, cosine = SinCurve(), SinCurve(train=False)
    errors = []
    for kind in (Recurrent, Forgetful):
        np.random.seed(0)
        model = kind(20)
        optimizer = Adam(0.01).setup(model)
        for _ in range(150):
            learn(model, optimizer, *rounds(sine))
        xs, ts = rounds(cosine)
        errors.append(((predictions(model, xs) - ts) ** 2).mean(axis=(1, 2)))
    for i in (1, 3, 5, 30):
        with_h, without_h = (error[i - 1] for error in errors)
        print(f"point {i:2}   loss {with_h:.1g}, without memory {without_h:.1g}")

    xs, ts = zip(*SeqDataLoader(sine, batch_size=1))  # (1, 1) each, in their order
    np.random.seed(0)
    model = Recurrent(50)
    kept = [functions_kept(model, xs, ts, length) for length in (999, 30)]
    print(f"functions kept for 999 points: {kept[0]}, cut after each 30: {kept[1]}")
    optimizer = Adam().setup(model)
    losses = [learn(model, optimizer, xs, ts) for _ in range(5)]
    print("loss of each epoch of 999 points:", *(f"{loss:.1g}" for loss in losses))
    show_explosion(*rounds(sine))
    plot_curve(predictions(model, cosine.data[:, None]), cosine.label)
