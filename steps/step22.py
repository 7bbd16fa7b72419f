"""Step 22 · Operators (3)

Problem
We have + and *, and this is all we have:

    -x        TypeError: bad operand type for unary -: 'Variable'
    x - 1     TypeError: unsupported operand type(s) for -: 'Variable'
              and 'int'

x / 4 and x ** 3 are errors of the same kind. So let us make a minus as step 21
made its plus, with the same function for both methods:

    Variable.__sub__ = sub
    Variable.__rsub__ = sub

Now x - 1 at x = 2 is 1, as it should be. But 1 - x is 1 as well, and it should
be -1.

Idea
What went wrong with 1 - x? The number 1 does not know variables. So Python
asks the right operand, and calls x.__rsub__(1). There x is the first argument
and 1 the second, and sub computes x - 1. Python has swapped the operands. For
+ and * that makes no difference. For -, / and ** we have to swap them back:

    rsub(x0, x1) = sub(x1, x0)

Now each operator needs its slope. Take x = 2, and let it grow by 0.01:

    -x        -2.01         falls by 0.01, which is 1 times 0.01
    1 - x     -1.01         falls by 0.01 as well
    x / 4      0.5025       grows by 0.0025, which is 1/4 times 0.01
    4 / x      1.990050     falls by 0.00995, about 1 times 0.01
    x ** 3     8.120601     grows by 0.120601, about 12 times 0.01
    2 ** x     4.027822     grows by 0.027822, about 2.78 times 0.01

Three of these need a word. In 4 / x, x grows by half a percent, from 2 to
2.01. So the result, which is 2, falls by half a percent. That is 0.01, as much
as x has grown, and the slope is -1. For x ** 3 it is 3 x ** 2 = 3 · 4 = 12.
And 2 ** x is e ** (log 2 · x), where log is the natural logarithm. So the
chain rule brings a factor log 2 = 0.693147. The slope is 0.693147 · 4, which
is 2.772589. As a table:

    -x          -1
    x0 - x1     1 for x0, and -1 for x1
    x0 / x1     1 / x1 for x0, and -x0 / x1 ** 2 for x1
    x ** c      c x ** (c - 1)
    c ** x      log c · c ** x

In the code
The minus in front of one operand:

    [Neg]

    [neg]

    [Variable.__neg__]

The minus between two operands, and its reflected form:

    [Sub]

    [sub]

    [rsub]

    [Variable.__sub__]

    [Variable.__rsub__]

Division has the same five parts. Its backward() computes gx0 = gy / x1 first.
Then gx1 = -gx0 · x0 / x1, which saves a power. Where x1 is a constant, as in
x / 4, gx1 is None, as in Mul:

    [Div]

    [div]

    [rdiv]

    [Variable.__truediv__]

    [Variable.__rtruediv__]

A power is different. Its second operand c could be an input like any other.
Then it would need a gradient, which is log x · x ** c, and a negative number
has no real logarithm. In nearly every formula c is a plain number, as in
x ** 3, and nobody asks for its slope. So c is not an input. It is a setting of
the function, kept in the object:

    [Pow]

Pow(3) is the function "to the third", and Pow(3)(x) calls it. Its backward()
has a line for c = 0. x ** 0 is 1 everywhere, so its slope is 0 everywhere. But
the formula says 0 · 0 ** -1 at x = 0, which is 0 · inf, and that is nan. The
line for c = 2 is there for speed alone.

In 2 ** x the base is the number, and the exponent is the variable. That is
another function. Its slope contains its result, which saved_outputs has ready.
The base 0 gets a line of its own. 0 ** x is 0 for all x above 0, so its slope
is 0. The formula would say log 0 · 0, and that is nan, for log 0 is -inf:

    [ConstantPow]

One thing is left. c is not an input, so nobody wraps it in a Variable, and
forward() computes with c as it comes. Does it matter what type of number it
is? Let x hold an array of one float32:

    Pow(2)(x)                   float32
    Pow(np.float64(2))(x)       float64

In NumPy a number of Python adapts to the array, and a number of NumPy does
not. This single np.float64 makes every later result float64. So
python_number() makes a Python number of c first. If c is no number at all, it
raises a TypeError:

    [python_number]

    [pow]

    [rpow]

    [Variable.__pow__]

    [Variable.__rpow__]

That is all of arithmetic. The file has become long on the way, and a program
that wants a Variable has to import step22. No framework has a name like that.
Step 23 makes a package out of the file.

New:      Neg, neg, Variable.__neg__, Sub, sub, rsub, Variable.__sub__,
          Variable.__rsub__, Div, div, rdiv, Variable.__truediv__,
          Variable.__rtruediv__, Pow, ConstantPow, python_number, pow, rpow,
          Variable.__pow__, Variable.__rpow__
Changed:  nothing
Removed:  nothing

Elsewhere
In PyTorch a and b may both be tensors in a ** b. At 2 and 3 the slopes are 12
and 8 · log 2 = 5.545. x ** 0.0 has the slope 0 at x = 0 there, too. Chainer
has three functions for powers: PowVarVar, PowVarConst and PowConstVar.

Watch out
From here on pow in this file is ours. Python's own is hidden behind it.

For c ** x with c below 0 the value may exist where the slope does not.
(-2.0) ** x is 4 at x = 2. Its slope is nan, because log -2 is nan.

For a float32 x the gradient through 2 ** x is float64, because np.log(2) is a
number of NumPy. Step 24 makes each gradient like its variable.

NumPy has no n ** -1 for an array n of integers. Its ValueError says so, and
Function.__call__ puts the shape of n in front, which is not to blame.

Try
1. Leave gy out of the three lines of Pow.backward. Which line of the Output
   changes? And what is the slope of (x**3) ** 2 at 2?
2. Let the last line of Pow.backward return gy * c * x**c / x. Which line of
   the Output is nan now?
3. Write 2 ** x as exp(x * 0.6931471805599453). Does the slope agree?

Output
    y         x     value     slope
    -x      2.0 -2.000000 -1.000000
    x - 1   2.0  1.000000  1.000000
    1 - x   2.0 -1.000000 -1.000000
    x / 4   2.0  0.500000  0.250000
    4 / x   2.0  2.000000 -1.000000
    x ** 3  2.0  8.000000 12.000000
    2 ** x  2.0  4.000000  2.772589
    x ** 1  0.0  0.000000  1.000000
    x ** 0  0.0  1.000000  0.000000
    x ** y: A power takes a variable and a number, but got variable(3.0).

Answers
1. None: gy is 1 wherever the function is the last one. The slope of
   (x**3) ** 2 is 12 instead of 16 · 12 = 192: Pow(3) drops the 16 that it
   received as gy.
2. x ** 1 at 0: 1 · 0 / 0 is nan. x ** 0 is safe, since it has its own line.
3. Yes, 2.772589.
"""

import contextlib
import copy
import weakref

import numpy as np


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

    def backward(self, *, retain_grad=False):
        """Give the variables at the ends of the graph their gradients, or add to them.

        It starts from self.grad, or from ones, and sets self.grad to None. Only with
        retain_grad do self and the variables in between get their gradients, too.
        """
        gy = np.ones_like(self.data) if self.grad is None else self.grad
        waiting = [{} for _ in range(self.generation)]  # functions, by generation

        def put(func):
            if func is not None:
                waiting[func.generation][func] = True  # once, in the order they come

        put(self.creator)
        grads, taken = {self: gy}, {id(gy)}
        self.grad = None
        while waiting:
            for func in waiting.pop():
                gys = func.output_grads(grads, retain_grad)
                for x, gx in zip(func.inputs, func.gradients(gys)):
                    if gx is not None and x.requires_grad:
                        grads[x] = grads[x] + gx if x in grads else gx
                        put(x.creator)
        for x, gx in grads.items():  # what is left are the ends of the graph
            x.add_grad(gx, taken)

    def add_grad(self, gx, taken):
        """Add gx to the gradient; a copy, if its array may belong to others, too.

        That is so if it is a view, or if its id is in the set taken. The id of the
        array that is added goes into taken.
        """
        gx = as_array(gx)
        if gx.base is not None or id(gx) in taken:
            gx = gx.copy()
        taken.add(id(gx))
        self.grad = as_array(gx if self.grad is None else self.grad + gx)


def read_only(gy):
    """gy as a view that cannot be changed: others may have the same array."""
    if isinstance(gy, np.ndarray):
        gy = gy.view()
        gy.flags.writeable = False
    return gy


def as_variable(x):
    """x itself if it is a Variable; else a constant that holds it.

    A constant is a Variable that gets no gradient: its requires_grad is False.
    """
    if isinstance(x, Variable):
        return x
    constant = Variable(as_array(x))
    constant.requires_grad = False
    return constant


CONSTANT = -1  # the generation of a function none of whose inputs needs a gradient


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, *inputs):
        """The variable made out of these; a list of them if forward gives a tuple.

        self.inputs and self.outputs keep both, self.saved_inputs and
        self.saved_outputs what forward() takes and gives. Called again, it leaves
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
        self.saved_inputs = xs
        try:
            ys = self.forward(*xs)
        except ValueError as error:
            shapes = " and ".join(str(x.shape) for x in xs)
            name = type(self).__name__
            raise ValueError(f"{name} cannot take shapes {shapes}: {error}") from error
        if isinstance(ys, tuple):
            self.saved_outputs = ys
            return [self.make_output(y) for y in ys]
        self.saved_outputs = (ys,)
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

    def output_grads(self, grads, retain_grad):
        """The gradients of the outputs, taken out of grads; zeros for unused ones.

        grads has them by variable. They are made read_only(), and with retain_grad
        each output gets a copy in its grad.
        """
        gys = []
        for output, saved in zip(self.outputs, self.saved_outputs):
            y = output()
            if y is None or y.creator is not self or y not in grads:
                gys.append(np.zeros_like(saved))
                continue
            gys.append(read_only(grads.pop(y)))
            if retain_grad:
                y.add_grad(gys[-1], {id(gys[-1])})
        return gys

    def gradients(self, gys):
        """What backward() gives as a tuple: one gradient for each input."""
        gxs = self.backward(*gys)
        return gxs if isinstance(gxs, tuple) else (gxs,)

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


def python_number(c):
    """A number as Python's own, which leaves the dtype of the arrays it meets.

    NUMBERS are the types of a number. Anything else is a TypeError:
    "A power takes a variable and a number, but got None."
    """
    if not isinstance(c, NUMBERS):
        raise TypeError(f"A power takes a variable and a number, but got {c!r}.")
    return c.item() if isinstance(c, np.generic) else c


def pow(x, c):
    """x ** c, element by element, for a number c."""
    return Pow(python_number(c))(x)


def rpow(x, c):
    """c ** x, element by element, for a number c."""
    return ConstantPow(python_number(c))(x)


Variable.__pow__ = pow
Variable.__rpow__ = rpow


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


def gradient_check(f, *xs, eps=1e-4, tolerance=1e-5):
    """True if backward() through f agrees with the numerical slopes at xs, Variables.

    Each element of f(*xs) must depend on the same element of each x alone. An
    AssertionError names the first input and element whose two slopes are further
    apart than tolerance * (abs(numerical slope) + 0.001), and says both. An input
    without a gradient counts as slope 0. The gradients of xs stay as they are.
    """
    xs = [Variable(x.data) for x in xs]
    f(*xs).backward()
    for k, x in enumerate(xs):
        slopes = numerical_diff(along(f, xs, k), x, eps)
        for i, slope in np.ndenumerate(slopes):
            found = 0.0 if x.grad is None else x.grad[i]
            if not abs(found - slope) < tolerance * (abs(slope) + 1e-3):
                raise AssertionError(
                    f"Input {k}, element {i}: backward() gives a slope of {found:.6g}, "
                    f"but the numerical slope is {slope:.6g}."
                )
    return True


# === demo ===


FORMULAS = [
    ("-x", 2.0, lambda x: -x),
    ("x - 1", 2.0, lambda x: x - 1),
    ("1 - x", 2.0, lambda x: 1 - x),
    ("x / 4", 2.0, lambda x: x / 4),
    ("4 / x", 2.0, lambda x: 4 / x),
    ("x ** 3", 2.0, lambda x: x**3),
    ("2 ** x", 2.0, lambda x: 2**x),
    ("x ** 1", 0.0, lambda x: x**1),
    ("x ** 0", 0.0, lambda x: x**0),
]


def value_and_slope(f, at):
    """f and its derivative at the number `at`."""
    x = Variable(np.array(at))
    y = f(x)
    y.backward()
    return y.data, x.grad


if __name__ == "__main__":
    print("y         x     value     slope")
    for text, at, f in FORMULAS:
        value, slope = value_and_slope(f, at)
        print(f"{text:6}{at:5.1f}{value:10.6f}{slope:10.6f}")

    try:
        Variable(np.array(2.0)) ** Variable(np.array(3.0))
    except TypeError as error:
        print("x ** y:", error)
