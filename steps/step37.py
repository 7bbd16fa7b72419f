"""Step 37 · Tensors

Problem
The six weights of step 36 had six names. An array needs one. Here are the
chances of three teams to win, in two leagues, as an array p of shape (2, 3):

    0.60  0.30  0.10
    0.10  0.10  0.80

The field calls an array with any number of axes a tensor. How surprising will
the results be? A result with chance p surprises by -log p. It happens with
chance p, so each team adds -p log p. Which of the chances are above 0.2? And
what is p ** t, if t is an array? So far, none of this works:

    log(p)       NameError: there is no log
    p > 0.2      TypeError: '>' not supported
    p == 0.6     False, whatever p holds
    p ** t       TypeError: A power takes a variable and a number

Idea
Until now almost every x in our demos was a single number. What is a gradient
if x and y are arrays? Step 5 has the answer, the Jacobian. It holds the slope
of each element of y along each element of x. Here it is for y = log(x), whose
slope is 1 / x, at x = [1, 2, 4]:

               x[0]  x[1]  x[2]
    y[0]       1     0     0
    y[1]       0     0.5   0
    y[2]       0     0     0.25

For an image of 1000 · 1000 numbers this table would have 10 ** 12 entries,
which fill 8 terabytes. We never make it. See what it is good for: backward()
multiplies it by gy, which has one number for each y. Let gy be [10, 20, 30]:

    gx  =  [10 · 1, 20 · 0.5, 30 · 0.25]  =  [10, 10, 7.5]

All other products are 0, because log takes each y from one x alone. Such a
function is called elementwise, and nearly all that we have are of this kind.
For them, the backward() that we wrote for numbers is right for tensors:

    gx[i, j] = gy[i, j] * f'(x[i, j])

gx has the shape of x. No backward() of ours has to be changed. What does the
way back begin with? With ones, in the shape of y. So each y counts once, and
x.grad is the gradient of the sum of all y.

In the code
So the missing functions are quickly written. The logarithm:

    [Log]

    [log]

Now the power. Pow computes x ** c for a constant number c, and ConstantPow
computes c ** x. If both are Variables, we need two slopes. For each, keep the
other Variable fixed. At 2 ** 3:

    dy/dx0 = x1 * x0 ** (x1 - 1)  =  3 · 2 ** 2      =  12
    dy/dx1 = x0 ** x1 * log(x0)   =  8 · 0.6931      =   5.545

    [VariablePow]

The first formula has a gap. At 0 ** 0 it is 0 * 0 ** -1, which is nan. But
x ** 0 is 1 for every x, a level line, so its slope is 0. The cure is to leave
the exponent as it is there, since 0 * 0 ** 0 is 0. So we subtract `less`. It
is 0 at 0 ** 0 and 1 everywhere else:

    less = (x0 != 0) | (x1 != 0)
    x1 * x0 ** (x1 - less)

The comparison gives True and False. astype() turns them into 1 and 0. Let
them be floats even if x1 has integers, since NumPy refuses 2 ** -1 for two
integers. np.result_type(x1.dtype, 0.0) is the dtype of x1 if it is one of
floats, and float64 otherwise.

The second formula needs x0 > 0, since it has log(x0) in it. Nothing helps
there: (-2) ** 3 is -8, but (-2) ** 3.1 is not a real number.

A power with a number goes the old way, with one slope to compute. Any other
goes the new way:

    [pow]

    [rpow]

An array is a constant there and gets no gradient. What is neither number nor
array nor Variable is refused by as_array(). So python_number() need not check
it any more:

    [python_number]

The line with `less` compares x0 with 0, and with create_graph=True x0 is a
Variable. So Variables must be comparable. An == they have already, and that
is a trap: Python's own == only asks whether both are the same object.

What does a comparison give? True or False, for each element. Move x by a
little, and the answer is mostly the same. Its slope is 0, so it needs no
graph, and a bare array will do. The six methods for <, <=, >, >=, == and !=
are given, and comparison() makes them. They compare the array in the Variable
with whatever stands on the other side.

They are attached below the class, as the other operators are. Here it matters.
A class with __eq__ in its body loses its hash, and then no Variable could be
the key of a dict. backward() keeps its gradients in such a dict.

Last comes abs(), with the slope -1 below 0 and 1 above. At 0 it has a kink and
no slope. We take 0, which is what np.sign says. Take the sign in forward(),
where x is an array. In backward() x may be a Variable, which np.sign refuses:

    [Absolute]

    [absolute]

    [Variable.__abs__]

The Output begins with -p log p for the six chances. By hand, for 0.6: log(0.6)
is -0.51, so y is 0.31, and its slope -log(p) - 1 is -0.49. Later, the demo
shows the Jacobian from the Idea. jacobian(f, x) runs backward() once for each
row, with gy = [1, 0, 0], then [0, 1, 0], then [0, 0, 1].

In all of this, each number stays in its place. The next functions calculate
nothing: they only move numbers elsewhere. That is step 38.

New:      Log, log, VariablePow, comparison, Variable.__lt__, Variable.__le__,
          Variable.__gt__, Variable.__ge__, Variable.__eq__, Variable.__ne__,
          Absolute, absolute, Variable.__abs__
Changed:  python_number, pow, rpow
Removed:  nothing
Given:    comparison, Variable.__lt__, Variable.__le__, Variable.__gt__,
          Variable.__ge__, Variable.__eq__, Variable.__ne__

Elsewhere
PyTorch compares element by element, too, and its tensors keep their hash. It
takes 0 for the slope of abs at 0, and for that of 0 ** 0 along the base.

Watch out
`if a == b:` is an error for arrays of several elements, and so is `a in [b]`.
Ask `a is b` if you mean the same variable.

Try
1. Print jacobian(f, x) at [1, 2, 4] for f(x) = x * x and for f(x) = x ** x.
   Are they elementwise?
2. Set p to [[0.5, 0.5, 0], [0.1, 0.1, 0.8]]. Which numbers become nan?
3. Let surprise(p) return log(p ** -p). Does p.grad stay the same?

Output
    y = -p log p   0.31  0.36  0.23 |  0.23  0.23  0.18
    p.grad        -0.49  0.20  1.30 |  1.30  1.30 -0.78
    p > 0.2      [True, True, False] [False, False, True]
    Jacobian, log  1.00  0.00  0.00 |  0.00  0.50  0.00 |  0.00  0.00  0.25
    x0 ** x1       8.00  9.00
    its slopes    12.00  6.00 |  5.55  9.89
    slopes of abs -1.00  0.00  1.00

Answers
1. The diagonals are 2, 4, 8 and 1.00, 6.77, 610.89, with zeros around them.
   Both are elementwise, though x is used twice.
2. The surprise of the 0 and its slope: 0 * log(0) is 0 times -inf. All other
   numbers stay, as no element depends on another one.
3. Yes, to all digits shown. It needs VariablePow: base and exponent both vary.
"""

import contextlib
import copy
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


NUMBERS = (int, float, np.number)


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


class Add(Function):
    """x0 + x1."""

    def forward(self, x0, x1):
        return x0 + x1

    def backward(self, gy):
        return gy, gy


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
        gx0 = gy * x1 if self.needs(0) else None
        gx1 = gy * x0 if self.needs(1) else None
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
        return gy, -gy


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
        gx1 = -gx0 * x0 / x1 if self.needs(1) else None
        return gx0, gx1


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
        less = (x0 != 0) | (x1 != 0)  # 0 ** 0 has the slope 0, not nan
        less = less.astype(np.result_type(x1.dtype, 0.0))
        gx0 = gy * x1 * x0 ** (x1 - less) if self.needs(0) else None
        gx1 = gy * x0**x1 * log(x0) if self.needs(1) else None
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


# === functions: functions of the elements of an array ===


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
    """The hyperbolic tangent of x, element by element."""
    return Tanh()(x)


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


def along(f, xs, k):
    """f as a function of input number k alone; the others stay what they are in xs."""
    return lambda x: f(*xs[:k], x, *xs[k + 1 :])


def derivative(f, k):
    """The function that gives the gradient of f(*xs) to xs[k], or zeros for None.

    It clears the gradients of xs before it calls f, and again at the end.
    """

    def df(*xs):
        for x in xs:
            x.cleargrad()
        f(*xs).backward(create_graph=True)
        gx = xs[k].grad
        for x in xs:
            x.cleargrad()
        return as_variable(np.zeros_like(xs[k].data)) if gx is None else gx

    return df


def gradient_check(f, *xs, order=1, eps=1e-4, tolerance=1e-5):
    """True if backward() through f agrees with the numerical slopes at xs, Variables.

    Each element of f(*xs) must depend on the same element of each x alone. An
    AssertionError names the first element whose two slopes are further apart
    than tolerance * (abs(numerical slope) + 0.001), and says both. Up to the given
    order, each derivative(f, k) is checked, too. The gradients of xs stay as they are.
    """
    xs = [Variable(x.data) for x in xs]
    for k, x in enumerate(xs):
        slopes, df = numerical_diff(along(f, xs, k), x, eps), derivative(f, k)
        gx = df(*xs)
        for i, slope in np.ndenumerate(slopes):
            found = gx.data[i]
            if not abs(found - slope) < tolerance * (abs(slope) + 1e-3):
                raise AssertionError(
                    f"Input {k}, element {i}: backward() gives a slope of {found:.6g}, "
                    f"but the numerical slope is {slope:.6g}."
                )
        if order > 1:
            gradient_check(df, *xs, order=order - 1, eps=eps, tolerance=tolerance)
    return True


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


def surprise(p):
    """-p log p for each probability: how much of a surprise to expect."""
    return -p * log(p)


def jacobian(f, x):
    """The slope of each element of f(x), a row, along each of x, a column."""
    rows = []
    for v in np.eye(len(x)):
        x.cleargrad()
        y = f(x)
        y.grad = v
        y.backward()
        rows.append(x.grad.data)
    return np.array(rows)


def show(label, x):
    """Print the rows of the array x behind a label."""
    rows = ("".join(f"{number:6.2f}" for number in row) for row in x)
    print(f"{label:13}" + " |".join(rows))


if __name__ == "__main__":
    p = Variable(np.array([[0.6, 0.3, 0.1], [0.1, 0.1, 0.8]]))
    y = surprise(p)
    y.backward()
    show("y = -p log p", y.data)
    show("p.grad", p.grad.data)
    print("p > 0.2     ", *(p > 0.2).tolist())
    show("Jacobian, log", jacobian(log, Variable(np.array([1.0, 2.0, 4.0]))))
    x0, x1 = Variable(np.array([2.0, 3.0])), Variable(np.array([3.0, 2.0]))
    y = x0**x1
    y.backward()
    show("x0 ** x1", [y.data])
    show("its slopes", [x0.grad.data, x1.grad.data])
    x = Variable(np.array([-2.0, 0.0, 3.0]))
    abs(x).backward()
    show("slopes of abs", [x.grad.data])
