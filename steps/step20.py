"""Step 20 · Operators (1)

Problem
y = a · b + c is written add(mul(a, b), c), from the inside out, and mul does
not exist yet. We would like to write what we mean. But Python does not know
what * is for our variables:

    a * b       TypeError: unsupported operand type(s) for *: 'Variable'
                and 'Variable'

Idea
For a * b Python calls a.__mul__(b), and for a + b it calls a.__add__(b). A
class with these two methods has the two operators. Python's own rules do the
rest: * goes before +, and brackets before both.

What is the slope of a product? Take 3 · 2 = 6, and let the 3 grow by 0.01:

    3.01 · 2    = 6.02      grows by 0.02, which is 2 times 0.01
    3 · 2.01    = 6.03      grows by 0.03, which is 3 times 0.01

The slope along each factor is the other factor:

    y = x0 · x1     dy/dx0 = x1     dy/dx1 = x0

Backward through y = a · b + c at a = 3, b = 2, c = 1:

    add     gives 1 to a · b and 1 to c
    mul     gives 1 · 2 = 2 to a and 1 · 3 = 3 to b

In the code
Mul multiplies gy by the other input, for each of the two:

    [Mul]

    [mul]

And the operators? A method is a function whose first argument is the object.
add takes two variables and gives one. So add can be the method as it stands.
These two lines are given:

    [Variable.__add__]

    [Variable.__mul__]

Inside the class, __add__ = add would be a NameError: add stands further down
in the file. So the line stands right below the function it is about.

Expressions get long now, and sooner or later two shapes do not fit. NumPy
says: operands could not be broadcast together with shapes (2,3) (4,). But in
which of the twenty operators? __call__ knows whose forward() it has called.
It catches the ValueError and puts the name and the shapes in front. "raise
... from error" keeps what NumPy said as the cause:

    Mul cannot take shapes (2, 3) and (4,): operands could not be ...

The other change is for speed. Many variables hold a single number, as a loss
does. So where an array has no axes, x.data[()] takes the number out, and
forward() gets the number. as_array puts the result back into an array. The
product alone is about ten times as fast with numbers. With x.data[()] and
as_array around it, a quarter to a third of the time is saved. Arrays with
axes go in as they are:

    [Function.__call__]

Two variables can be added and multiplied. But 3.0 * a + 1.0 is an error, and
np.array(2.0) * a is worse than that; see Try 2. Step 21 is about such pairs.

New:      Variable.__add__, Mul, mul, Variable.__mul__
Changed:  Function.__call__
Removed:  nothing
Given:    Variable.__add__, Variable.__mul__

Elsewhere
In PyTorch, too, a * b is a method of the tensor. The grad_fn of its result is
a MulBackward0. For shapes that do not fit PyTorch names the two
sizes and the axis: (3) must match (4) at dimension 1.

Watch out
Mul keeps its inputs for the way back. Where they have axes, these are the
arrays themselves, not copies. After y = a * b, b.data[0] = 5.0 silently
changes what a gets as its gradient. PyTorch counts such changes and refuses
to go on.

Try
1. Swap the two results of Mul.backward. Does a * b notice? a * a? a * a * a?
2. What do a * 2.0 and np.array(2.0) * a say?
3. Before running: the gradients of a and b for y = a * b + a at 3 and 2.

Output
    a * b + c = variable(7.0)
    gradient of a = 2.0
    gradient of b = 3.0
    gradient of c = 1.0
    a * a * a = variable(27.0), gradient of a = 27.0
    Mul cannot take shapes (2, 3) and (4,)

Answers
1. a * b does: a gets 3.0 and b gets 2.0. a * a does not, since both factors
   are the same. a * a * a does, and says 57.0: a gets 3, a * a gets 9, and
   9 · 3 goes to a twice. 3 + 27 + 27 = 57.
2. The first one: AttributeError: 'float' object has no attribute 'data'. The
   second one says 6.0. The array has asked a for its __array__ and has
   multiplied it. The result is a number, and the way back is lost.
3. 3 and 3. a gets 2 from the product and 1 from the sum.
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

    __slots__ = ("data", "name", "grad", "creator", "generation", "__weakref__")

    def __init__(self, data, name=None):
        """data is an array or None; a TypeError shows anything else, and what to do."""
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
        """The same array in a variable without a history, as plots ask for it."""
        return Variable(self.data, self.name)

    def set_creator(self, func):
        """Remember func, the function that made this variable.

        This variable is one generation behind it.
        """
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Forget the gradient, before the variable is used in a new calculation."""
        self.grad = None

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


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, *inputs):
        """The variable made out of these; a list of them if forward gives a tuple.

        self.inputs and self.outputs keep both, self.saved_inputs and
        self.saved_outputs what forward() takes and gives. Called again, it leaves
        that to a copy of itself, which is then the creator. Its generation is the
        largest among those of the inputs.

        forward() gets a number for an array without axes. Its ValueError gets a name
        and shapes in front: "Mul cannot take shapes (2, 3) and (4,): ...".
        """
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs, generation = [], 0
        for x in inputs:
            # NumPy is ten times as fast with a number as with an array without axes
            xs.append(x.data if x.data.ndim else x.data[()])
            if x.generation > generation:
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
        its forward() lacks a return. In no_grad() the Variable has no creator and is
        not among the outputs.
        """
        if y is None:
            raise TypeError(f"{type(self).__name__}.forward gave None, not an array.")
        output = Variable(as_array(y))
        if Config.enable_backprop:
            output.set_creator(self)
            self.outputs.append(weakref.ref(output))
        return output

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


class Mul(Function):
    """x0 * x1."""

    def forward(self, x0, x1):
        return x0 * x1

    def backward(self, gy):
        x0, x1 = self.saved_inputs
        return gy * x1, gy * x0


def mul(x0, x1):
    """x0 * x1, element by element."""
    return Mul()(x0, x1)


Variable.__mul__ = mul


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
    a = Variable(np.array(3.0), name="a")
    b = Variable(np.array(2.0), name="b")
    c = Variable(np.array(1.0), name="c")
    y = a * b + c
    y.backward()
    print("a * b + c =", y)
    for x in (a, b, c):
        print(f"gradient of {x.name} = {x.grad}")
    a.cleargrad()
    y = a * a * a
    y.backward()
    print(f"a * a * a = {y}, gradient of a = {a.grad}")
    try:
        Variable(np.ones((2, 3))) * Variable(np.ones(4))
    except ValueError as error:
        print(str(error).split(":")[0])
