"""Step 24 · Long formulas, wrong gradients

Problem
This is Goldstein and Price's function of x and y:

    (1 + (x + y + 1)^2 (19 - 14x + 3x^2 - 14y + 6xy + 3y^2))
    (30 + (2x - 3y)^2 (18 - 32x + 12x^2 + 48y - 36xy + 27y^2))

Its derivatives fill a page by hand. We type three lines, goldstein() in the
demo, and backward() gives -5376 and 8064 at (1, 1). Now let Mul.backward()
forget the gradient of its second factor:

    def backward(self, gy):
        return gy * self.saved_inputs[1]

The framework of step 23 then gives 1206 and 1206, and no error. The graph
holds 38 functions, and the fault is in one class. Which one?

Idea
The long formula is no trouble at all. Each operator knows its own derivative,
and backward() puts them together, however many there are. So all three
formulas of the demo work at once. Programs that search for the lowest point of
a function are tested with them, since their lowest points are known.

    sphere        x^2 + y^2
    matyas        0.26 (x^2 + y^2) - 0.48 x y
    goldstein     the one above

The trouble is a function whose backward() is wrong. Take a short formula to
see what happens, x + x · x² at 1. Its slope is 1 + 3x² = 4, and three paths
make it up:

    x in the sum            1
    the first factor        x²       = 1
    the second factor       x · 2x   = 2        together 4

A product that forgets the second gradient gives 2. The walk pairs the one
gradient with the first input, and the second input gets nothing. A product
that forgets its return statement gives 1. Its gradient is None, and the walk
takes None for "no gradient wanted". 2 and 1 look like any other slope, and
nothing warns us.

gradient_check() would find that something is wrong. But it checks the formula
as a whole, and cannot say which function is to blame. The best moment to
complain is when the gradients arrive. At that moment we know who gave them.

In the code
So gradients() looks at what backward() gave. A None instead of gradients is a
TypeError. If there are more gradients than inputs, or fewer, that is a
ValueError. Both messages name the class of the function:

    [Function.gradients]

Only a tuple stands for several gradients. A list counts as one gradient. Step
12 made the same rule for what forward() gives.

The number of gradients can be right, and one of them still of no use. Multiply
a variable of shape (1,) by one of shape (3,). The first one holds a single
number, and yet its gradient has shape (3,). Or multiply a float32 variable by
a float64 array. The gradient is float64, and takes twice the memory of its
variable.

A gradient should be like its variable. A wrong shape is a mistake. We refuse
it with a ValueError that shows both shapes, and names the function if one gave
the gradient. A wrong dtype is no mistake, and we convert it:

    [fit_gradient]

What about integers? The slope of n / 4 is 0.25, and no integer can hold that.
So the gradients of integers are float64. True and False count as integers.

Each gradient goes through fit_gradient() as it arrives. So does the gradient
that backward() starts from, for you may have set y.grad by hand. It comes from
no function, so there the message begins with "You gave":

    [Variable.backward]

What comes to add_grad() is now a fitted gradient or a sum of fitted ones. So
its first line, gx = as_array(gx), is gone:

    [Variable.add_grad]

In the demo gradient() and numerical_gradient() give the slopes in two ways.
count_functions() counts the functions of a graph. OneOnly and NoReturn are
the two bad products. Their names are in the messages.

So among 38 functions we know the one that made a mistake. But we still cannot
see them. Steps 25 and 26 draw them.

New:      fit_gradient
Changed:  Variable.backward, Variable.add_grad, Function.gradients
Removed:  nothing

Elsewhere
Give goldstein() two tensors of PyTorch, and it gives the same gradient.
PyTorch, too, refuses a wrong number of gradients on arrival, and converts a
wrong dtype. It is milder with shapes: a gradient of shape (3,) for a tensor of
shape (1,) is summed. It refuses a shape that no sum can mend.

Watch out
Number, shape and dtype are checked, but the values are not. A wrong value may
even look right. Let Pow.backward() return gy * c, without the x. At (1, 1)
sphere has the gradient (2, 2) all the same, for x is 1. At (2, 1) it is (2, 2)
again, and should be (4, 2). So check at a point with nothing special about it.

Try
1. The lowest point of matyas is (0, 0), and that of goldstein is (0, -1).
   What are the values and the gradients there?
2. Write x * x + y * y in sphere. What changes in the Output?
3. What does backward() say for the product of shapes (1,) and (3,)?

Output
    sphere, 3 functions
        value at (1, 1)          2.000
        gradient                 2.000        2.000
        numerical slopes         2.000        2.000
    matyas, 7 functions
        value at (1, 1)          0.040
        gradient                 0.040        0.040
        numerical slopes         0.040        0.040
    goldstein, 38 functions
        value at (1, 1)       1876.000
        gradient             -5376.000     8064.000
        numerical slopes     -5376.000     8064.000
    OneOnly.backward gave 1 gradients for 2 inputs; it must give one for each.
    NoReturn.backward gave None, not a gradient.

Answers
1. 0 and 3. Both gradients are (0, 0), as they must be at a lowest point.
2. Nothing. Two products take the place of the two powers, so there are still
   3 functions.
3. "Mul.backward gave a gradient of shape (3,) for a variable of shape (1,);
   the two must be equal." Step 40 will add the three up.
"""

import contextlib
import copy
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

    def backward(self, *, retain_grad=False):
        """Give the variables at the ends of the graph their gradients, or add to them.

        It starts from self.grad, or from ones, and sets self.grad to None. Only with
        retain_grad do self and the variables in between get their gradients, too.
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
        grads, taken = {self: fit_gradient(gy, self)}, {id(gy)}
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
        if gx.base is not None or id(gx) in taken:
            gx = gx.copy()
        taken.add(id(gx))
        self.grad = as_array(gx if self.grad is None else self.grad + gx)


def fit_gradient(gx, x, func=None):
    """gx, an array or a number, as the gradient of x: in the shape and dtype of x.

    If x holds integers or truth values, the dtype is float64. Another shape than that
    of x is a ValueError that shows both, and names func if that is where gx is from:
    "Mul.backward gave a gradient of shape (3,) for a variable of shape (1,); ...".
    What fits already is returned as it is.
    """
    gx = gx if isinstance(gx, np.generic) else as_array(gx)
    if gx.shape != x.data.shape:
        giver = f"{type(func).__name__}.backward" if func else "You"
        raise ValueError(
            f"{giver} gave a gradient of shape {gx.shape} "
            f"for a variable of shape {x.data.shape}; the two must be equal."
        )
    if gx.dtype == x.data.dtype and gx.dtype.kind == "f":
        return gx
    return gx.astype(np.result_type(x.data.dtype, 0.0))


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


def sphere(x, y):
    """x^2 + y^2, lowest at (0, 0)."""
    return x**2 + y**2


def matyas(x, y):
    """0.26 (x^2 + y^2) - 0.48 x y, lowest at (0, 0)."""
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


def goldstein(x, y):
    """Goldstein and Price's function (1971), lowest at (0, -1)."""
    a = 19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2
    b = 18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2
    return (1 + (x + y + 1) ** 2 * a) * (30 + (2 * x - 3 * y) ** 2 * b)


def gradient(f, x, y):
    """The value of f at (x, y), and its derivatives along x and y."""
    x, y = Variable(np.array(x)), Variable(np.array(y))
    z = f(x, y)
    z.backward()
    return float(z.data), float(x.grad), float(y.grad)


def numerical_gradient(f, x, y):
    """The slopes of f at (x, y), along x and along y."""
    x, y = Variable(np.array(x)), Variable(np.array(y))
    along_x = numerical_diff(lambda x: f(x, y), x)
    along_y = numerical_diff(lambda y: f(x, y), y)
    return float(along_x), float(along_y)


def count_functions(f):
    """How many functions stand in the graph of f."""
    z = f(Variable(np.array(1.0)), Variable(np.array(1.0)))
    funcs, seen = [z.creator], set()
    while funcs:
        func = funcs.pop()
        if func is not None and func not in seen:
            seen.add(func)
            funcs += [x.creator for x in func.inputs]
    return len(seen)


class OneOnly(Mul):
    """x0 * x1, with a backward() that forgets the second input."""

    def backward(self, gy):
        return gy * self.saved_inputs[1]


class NoReturn(Mul):
    """x0 * x1, with a backward() that forgets to return the gradients."""

    def backward(self, gy):
        gxs = super().backward(gy)
        assert len(gxs) == 2


if __name__ == "__main__":
    for f in sphere, matyas, goldstein:
        z, x_grad, y_grad = gradient(f, 1.0, 1.0)
        along_x, along_y = numerical_gradient(f, 1.0, 1.0)
        print(f"{f.__name__}, {count_functions(f)} functions")
        print(f"    value at (1, 1)   {z:12.3f}")
        print(f"    gradient          {x_grad:12.3f} {y_grad:12.3f}")
        print(f"    numerical slopes  {along_x:12.3f} {along_y:12.3f}")
    for wrong in OneOnly(), NoReturn():
        x = Variable(np.array(1.0))
        try:
            (x + wrong(x, x**2)).backward()
        except (ValueError, TypeError) as error:
            print(error)
