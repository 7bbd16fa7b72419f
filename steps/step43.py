"""Step 43 · A neural network

Problem
Step 42 fits a line. But these points lie around sin(2 pi x), and the best
line has a loss of 0.2354. The curve itself has 0.0095. Would two layers do
better, one behind the other?

    (x @ W1 + b1) @ W2 + b2  =  x @ (W1 @ W2) + (b1 @ W2 + b2)

No. That is a line again, with the same 0.2354. A line of a line is a line,
however many you put in a row.

Idea
So put something between the two that is not a line. The simplest is a line
with a kink: relu(x) is x where x is positive, and 0 elsewhere. What good is a
kink? Three of them make a tent:

    x                     0     0.5    1     1.5    2     3
    relu(x)               0     0.5    1     1.5    2     3
    -2 * relu(x - 1)      0     0      0    -1     -2    -4
    relu(x - 2)           0     0      0     0      0     1
    sum                   0     0.5    1     0.5    0     0

Put tents side by side, each with a height of its own. They come as near to
any continuous curve as you like. And see what the table is made of: x - 1 and
x - 2 are x @ W1 + b1, and the sum is one more @ W2. This is a neural network.
The function in the middle is called its activation function:

    x ----> linear ----> activation ----> linear ----> y
    (N, 1)      (N, 10)           (N, 10)      (N, 1)

Who finds the kinks and the heights? The gradient descent of step 42: the
loss, backward(), and a step for W1, b1, W2 and b2.

In the code
A layer is a matrix product and a sum. We have both:

    [linear_simple]

But the graph keeps x @ W until backward() is over, an array as large as y.
The slope of a sum does not depend on what is added. One function for both
never keeps x @ W, only its own output. Mathematics calls a product plus b
affine. The field says linear, and so does our function. The gradients of x and
W are those of step 41. Each of the N rows got the same b. So the gradient of b
is the sum over the rows, and unbroadcast() of step 40 makes it:

    [Affine]

Where there is no b, the product is all:

    [linear]

Now the kink. Its slope is 1 where x is positive and 0 where it is negative.
At 0 itself there is none, and we say 0. Looking at y is enough: it is positive
exactly where x is.

    [ReLU]

    [relu]

If x has no axes, y > 0 is no array but a single np.bool_. It is to be
multiplied with gy like a number, so it joins the numbers:

    [NUMBERS]

A kink is easy to compute and has a corner. The older activation function has
none. sigmoid(x) = 1 / (1 + e ** -x) is a smooth stair from 0 to 1. Here e is
2.718, the base of exp():

    x             -1000   -4       -1       0      1       4       1000
    sigmoid(x)     0       0.018    0.269   0.5    0.731   0.982   1

The formula has a weak spot. At -1000 it needs e ** 1000, which overflows with
a warning. Multiply both parts of the fraction by e ** x, and it becomes
e ** x / (1 + e ** x). That one is right at -1000, and nan at 1000. So each is
used where its exponent is not positive:

    [sigmoid_array]

Its slope is e ** -x / (1 + e ** -x) ** 2. The first factor, 1 / (1 + e ** -x),
is y, and what is left, e ** -x / (1 + e ** -x), is 1 - y. So the slope is
y * (1 - y). At x = 0 that is 0.5 · 0.5 = 0.25, where the stair is steepest:

    [Sigmoid]

Bytes would go wrong here, for -x wraps around. So as_float() of step 42 comes
first:

    [sigmoid]

Two relatives are given. leaky_relu has a small slope below 0, where relu has
none. clip(x, 0, 1) is a stair of three straight pieces.

The demo trains the network of the diagram on 100 points, in float32, with lr
= 0.15. The weights begin as random numbers of seed 0, the biases as zeros.
First it uses sigmoid. After 2000 steps the loss is 0.2176, hardly better than
the best line. After 6000 it is 0.0170. What is it waiting for?

The stair sigmoid(w * x) rises over a width of about 4 / w. The largest w is
2.2 at the start, and x is between 0 and 1. So each stair is wider than the
data, and what we see of it is almost a line. A sum of lines is a line. After
128 steps the network is as good as the best line. Then it hardly improves
until step 2000. Meanwhile one stair gets steeper, slowly: its w is 3.2 after
2000 steps and 9.4 after 6000. Now it bends, and the loss falls.

relu has another trouble. b1 is 0 at the start, so all ten kinks are at
x = 0, at the edge of the points. There they make no tent, and they move
slowly. The kinks of clip(x, 0, 1) are at 0 and at 1 / w, and three of those
are inside from the start. Its loss is 0.03 after 2000 steps. Where you begin
matters as much as where you want to go.

tanh of step 35 is an activation, too. NumPy's tanh turns bytes into numbers of
half precision, which have three digits. So as_float() comes first, as in
sigmoid():

    [tanh]

There is one more thing to see in the demo. It makes four arrays by hand,
passes four names to predict() and lists them for improve(). Step 44 lets a
layer keep its own.

New:      Clip, clip, Affine, linear_simple, linear, sigmoid_array, Sigmoid,
          sigmoid, ReLU, relu, LeakyReLU, leaky_relu
Changed:  NUMBERS, tanh
Removed:  nothing
Given:    LeakyReLU, leaky_relu, Clip, clip

Elsewhere
torch.nn.functional.linear(x, W, b) is x @ W.T + b: its W is (H, D). PyTorch,
too, takes 0 as the slope of relu at 0, and 1 as that of clamp at its limits.

Watch out
If all weights start with the same number, the ten stairs get the same
gradients. They stay one stair for ever. Start all weights from 1, and the loss
is 0.2308 after 2000 steps and still 0.2244 after 10000. Hence the random
numbers.

Try
1. Start W1 and W2 from zeros. What is the loss after 10000 steps, and why?
2. Write linear_simple into predict(). Does any loss change?
3. Train with sigmoid and lr=0.2. What is the largest of the last 5000 losses?

Output
    loss of the best line         0.2354
    loss of two linear in a row   0.2354
    loss of sin(2 pi x) itself    0.0095
    loss after     0 steps        1.3068
    loss after  2000 steps        0.2176
    loss after  4000 steps        0.1173
    loss after  6000 steps        0.0170
    loss after  8000 steps        0.0148
    loss after 10000 steps        0.0140
    after 2000 steps with relu    0.2
    after 2000 with leaky_relu    0.2
    after 2000 with clip to 0, 1  0.03

Answers
1. 0.2272. All ten columns begin equal and get equal gradients, so they stay
   equal. Ten equal stairs can do no more than one.
2. No: the losses are the same to all four digits. It is the same formula.
3. 0.1813. The loss is 0.016 after 5200 steps, climbs to 0.18 and is back at
   0.016 within 200 steps, again and again: the steps are too long.
"""

import contextlib
import copy
import io
import math
import operator
import pathlib
import sys
import weakref

import numpy as np

# === core: variables, functions and the backward walk ===


class Config:
    """Settings of the whole program."""

    enable_backprop = True


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


NUMBERS = (int, float, np.number, np.bool_)


def as_array(x):
    """x as an array: an array stays itself, a number becomes a 0-d array.

    NUMBERS are the types of a number. Anything else is a TypeError that shows it.
    """
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, NUMBERS):
        return np.array(x)
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
        if data is not None and not isinstance(data, np.ndarray):
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
                return self(*map(as_variable, inputs))  # wrap the constants first
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
        gx = np.zeros(self.shape, gy.dtype)
        part = gx[self.index]
        if part.base is gx:  # a view, in which no element stands twice
            part[...] = gy
        else:
            np.add.at(gx, self.index, gy)
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


# === demo ===


def sine_points():
    """100 points around y = sin(2 pi x): x and y, both (100, 1), in float32."""
    rng = np.random.default_rng(0)
    x = rng.random((100, 1))
    y = np.sin(2 * np.pi * x) + 0.1 * rng.standard_normal((100, 1))
    return x.astype(np.float32), y.astype(np.float32)


def random_weights(in_size, out_size):
    """A Variable of random numbers (in_size, out_size), in float32."""
    W = np.random.randn(in_size, out_size) * (1 / in_size) ** 0.5
    return Variable(W.astype(np.float32))


def make_params(hidden):
    """W1, b1, W2, b2 of a network of one input and one output."""
    b1, b2 = np.zeros(hidden, np.float32), np.zeros(1, np.float32)
    W1, W2 = random_weights(1, hidden), random_weights(hidden, 1)
    return [W1, Variable(b1), W2, Variable(b2)]


def predict(x, params, activation):
    """What the network makes of x: (N, 1) -> (N, hidden) -> (N, 1)."""
    W1, b1, W2, b2 = params
    return linear(activation(linear(x, W1, b1)), W2, b2)


def improve(params, loss, lr=0.15):
    """Move the parameters a step against the gradients of the loss."""
    for param in params:
        param.cleargrad()
    loss.backward()
    for param in params:
        param.data = param.data - lr * param.grad.data


def train(x, y, params, activation, iters):
    """Improve the parameters; returns the loss before each step and at the end."""
    losses = []
    for _ in range(iters):
        loss = mean_squared_error(predict(x, params, activation), y)
        losses.append(float(loss.data))
        improve(params, loss)
    loss = mean_squared_error(predict(x, params, activation), y)
    return [*losses, float(loss.data)]


def plot_fit(x, y, params, to_file="out/step43.png"):
    """Draw the points and what the network makes of x; None without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("The fit is not drawn: pip install matplotlib.", file=sys.stderr)
        return None
    xs = np.linspace(0, 1, 200, dtype=np.float32).reshape(200, 1)
    figure = Figure()
    axes = figure.add_subplot(xlabel="x", ylabel="y", title="A neural network")
    axes.plot(x, y, ".", label="points")
    axes.plot(xs, predict(xs, params, sigmoid).data, "r", label="network")
    axes.legend()
    picture, to_file = io.BytesIO(), pathlib.Path(to_file)
    figure.savefig(picture, format=to_file.suffix[1:])
    write_file(to_file, picture.getvalue())
    return to_file


if __name__ == "__main__":
    x, y = sine_points()
    line = np.polyval(np.polyfit(x[:, 0], y[:, 0], 1), x)
    np.random.seed(0)
    two_lines = train(x, y, make_params(10), lambda x: x, 2000)
    print(f"loss of the best line         {mean_squared_error(line, y).data:.4f}")
    print(f"loss of two linear in a row   {two_lines[-1]:.4f}")
    true = np.sin(2 * np.pi * x)
    print(f"loss of sin(2 pi x) itself    {mean_squared_error(true, y).data:.4f}")

    np.random.seed(0)
    params = make_params(10)
    losses = train(x, y, params, sigmoid, 10000)
    for i in range(0, 10001, 2000):
        print(f"loss after {i:5} steps        {losses[i]:.4f}")
    plot_fit(x, y, params)

    others = {"steps with relu": relu, "with leaky_relu": leaky_relu}
    others["with clip to 0, 1"] = lambda x: clip(x, 0, 1)
    for name, activation in others.items():
        np.random.seed(0)
        loss = train(x, y, make_params(10), activation, 2000)[-1]
        print(f"after 2000 {name:18} {loss:.1g}")
