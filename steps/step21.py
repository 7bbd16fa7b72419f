"""Step 21 · Operators (2)

Problem
We have + and *, but only between variables. What everybody writes first is
this:

    3.0 * x + 1.0       TypeError

3.0 is a number, and nobody wants to write Variable(np.array(3.0)) for it.

Idea
So let the function do it. Before it computes, it makes a Variable of each
input that is not one. That is enough for x * 3.0, but not for 3.0 * x. There
Python asks the left operand first, and a float has never heard of Variables.
It gives up, and Python calls another method, one of the right operand:

    x * 3.0     x.__mul__(3.0)
    3.0 * x     float gives up, then x.__rmul__(3.0)

An array on the left does not give up. It takes the array out of x, by the
__array__ of step 19, and adds that. For x = 2:

    np.array([1.0, 2.0]) + x        [3. 4.], an array with no history

The numbers are correct and the gradient is gone, without a word. But NumPy
keeps its hands off a class in which __array_ufunc__ is None. Then Python asks
the right operand, as it does for a float.

One question is left. What is the gradient of the 3.0 in 3.0 * x? It is x, and
nobody will ever read it. For one number that hardly matters. But in place of
the 3.0 there may be an array of a million numbers, and its gradient has a
million more. So what you pass as a plain number or array is a constant. It
gets no gradient, and none is computed for it. What you wrap in a Variable
yourself gets one.

We have met constants before. In step 18 the result of a no_grad() block got
no creator, so that no gradient goes through it. It is a constant, too.

In the code
How does the framework tell a constant? Each variable gets one more attribute,
requires_grad. It is True for a variable and False for a constant, and you may
set it to False yourself. So the class has two new lines: __array_ufunc__ =
None, and a slot for requires_grad:

    [Variable]

    [Variable.__init__]

A copy of a constant must be a constant, too:

    [Variable.__copy__]

The wrapping is a function that leaves Variables as they are:

    [as_variable]

Sometimes a Variable should count as a constant in one place only. detach()
puts the same array into a constant:

    [Variable.detach]

Now Function.__call__. If one input is not a Variable, it wraps them all and
calls itself again. Then it looks for the latest generation, as before, but
only among the inputs that need a gradient. If no input needs one, the
generation of the function is CONSTANT. That is -1, since 0 is taken: it
belongs to functions of variables that you made yourself:

    [CONSTANT]

    [Function.__call__]

What such a function makes is a constant. So is what any function makes in a
no_grad() block. Both get requires_grad = False and no creator, so no walk
will go there:

    [Function.make_output]

On the way back, a function may ask which of its inputs needs a gradient:

    [Function.needs]

Mul asks, because each gradient costs it a product. For a constant it gives
None, and saves that product. Add need not ask. Both its gradients are gy, and
they cost nothing:

    [Mul.backward]

The walk skips an input if it is a constant, or if its gradient is None:

    [Variable.backward]

Last, the two methods for the right operand. Sums and products do not mind the
order, so the same functions will do:

    [Variable.__radd__]

    [Variable.__rmul__]

For 1 - x the order does matter. Step 22 finds out what happens then.

New:      Variable.detach, as_variable, CONSTANT, Function.needs,
          Variable.__radd__, Variable.__rmul__
Changed:  Variable, Variable.__init__, Variable.__copy__, Variable.backward,
          Function.__call__, Function.make_output, Mul.backward
Removed:  nothing

Elsewhere
In PyTorch a tensor that you make has requires_grad=False, and you ask for True
where you want a gradient. So numbers and data are constants there, too.
x.detach() is the same as ours.

Watch out
3.0 becomes a float64, and 3 becomes an int64. With either of them a float32 x
gives a float64. Step 44 changes that, when float32 begins to matter.

NumPy refuses np.exp(x) from now on, and a += x for an array a, with a
TypeError.

c.backward() sets c.grad to 1.0 even for a constant c, since the walk starts
there.

Try
1. Let CONSTANT be 0. What is x.grad after y = 3.0 * x and y.backward()?
2. Multiply two constants and print the creator of the result.

Output
    3.0 * x + 1.0    = variable(7.0)
    x.grad           = 3.0
    variable + array = variable([11. 22.])
    array + variable = variable([11. 22.])
    variable.grad    = [1. 2.]
    constant.grad    = None
    x.detach() * x   = variable(4.0), with the slope 2.0

Answers
1. None. Nothing made x, so its generation is 0, and so is that of Mul. Now 0
   says that no input needs a gradient, and y is a constant.
2. None: what is made of constants is a constant.
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


if __name__ == "__main__":
    x = Variable(np.array(2.0))
    y = 3.0 * x + 1.0
    y.backward()
    print("3.0 * x + 1.0    =", y)
    print("x.grad           =", x.grad)

    v = Variable(np.array([10.0, 20.0]))
    print("variable + array =", v + np.array([1.0, 2.0]))
    print("array + variable =", np.array([1.0, 2.0]) + v)

    c = as_variable(np.array([1.0, 2.0]))
    y = c * v
    y.backward()
    print("variable.grad    =", v.grad)
    print("constant.grad    =", c.grad)

    x.cleargrad()
    y = x.detach() * x
    y.backward()
    print(f"x.detach() * x   = {y}, with the slope {x.grad}")
