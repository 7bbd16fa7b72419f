"""Step 19 · A variable like an array

Problem
The engine is done. Now we make it pleasant to use: first looking into a
variable (19), then calculating with it (20). We want to know what is in x:

    print(x)        <__main__.Variable object at 0x7f21c03a5bd0>
    x.shape         AttributeError
    len(x)          TypeError
    float(x)        TypeError
    np.mean(x)      TypeError

The array inside can do all this. We ask for x.data each time, and each time
we forget it first.

Idea
A box should be as easy to look into as what is in it. Python asks an object
by calling methods with fixed names, so we only have to write these methods.
Each of them passes the question on to the array:

    x.shape         a property               (2, 3)
    len(x)          x.__len__()              2
    print(x)        x.__repr__()             a text
    float(x)        x.__float__()            a number
    np.asarray(x)   x.__array__()            the array

In the code
First the text. The naive way puts what str() gives between "variable(" and
")". For a matrix that looks like this:

    variable([[1. 2. 3.]
     [4. 5. 6.]])

NumPy has put the second row under the first, but we have moved the first by
the nine characters of "variable(". So every further line gets nine blanks:

    [Variable.__repr__]

Why not __str__? In a list, Python asks each element for its __repr__. And
print(x) is content with __repr__ if there is no __str__. One will do.

Now the shape. A property is a method that is read without brackets. One
cannot write to it: x.shape = (3, 2) is an error. ndim, size and dtype are
written in the same way and are given.

    [Variable.shape]

len(x) and bool(x), which an if asks for, have methods of their own:

    [Variable.__len__]

    [Variable.__bool__]

A variable may have a name of its own. It is not in the text of print(x); step
26 writes it into a picture of the graph. __slots__ is the list of all the
attributes that a variable has, so the name goes there, too. It is None if
none is given:

    [Variable]

    [Variable.__init__]

A loss is an array of one element, and one wants it as a number. float() of
an array of shape (1, 1) is an error in NumPy 2.4. item() gives the number for
every shape with one element. So float() calls item(), and int(), which is
given, does so, too:

    [Variable.item]

    [Variable.__float__]

For f"{y:.2f}" Python calls y.__format__(".2f"). In f"{y}" the format is an
empty text, and y is written as print writes it:

    [Variable.__format__]

NumPy knows nothing about our box. So far np.asarray(x) made an array with
one element, the box itself, and the error came later, somewhere else. If
there is a method __array__, NumPy calls it. It passes on the dtype it wants,
and whether there has to be a copy. np.array() takes both as arguments:

    [Variable.__array__]

The last two are about copies. The function behind a deep copy z of y = x²
still knows y as its output, not z. It finds no gradient at y, and z.backward()
gives the slope 0. So a variable with a creator is neither deep-copied nor
pickled. Both ways call __getstate__:

    [Variable.__getstate__]

Plotting programs call copy.copy(). They want the array alone, without the
graph behind it:

    [Variable.__copy__]

We can look into a variable as if it were an array. We cannot calculate with
it yet: a + b is a TypeError. That is step 20.

New:      Variable.shape, Variable.ndim, Variable.size, Variable.dtype,
          Variable.item, Variable.__len__, Variable.__bool__,
          Variable.__repr__, Variable.__float__, Variable.__int__,
          Variable.__format__, Variable.__array__, Variable.__getstate__,
          Variable.__copy__
Changed:  Variable, Variable.__init__
Removed:  nothing
Given:    Variable.ndim, Variable.size, Variable.dtype, Variable.__int__

Elsewhere
PyTorch's tensors have shape, ndim, dtype and item(), but size() is the shape
there, and numel() the number of elements. copy.deepcopy() of a tensor that a
function made is an error there, too. copy.copy() shares the data alone.

Watch out
if x: asks for the number in it from now on, and 0.0 counts as false. If you
mean "is there a variable?", write if x is not None.

Try
1. Leave out the call of replace() in __repr__. Which lines change?
2. Take "name" out of the __slots__. Which line complains?
3. Before running: which lines change if the method is __str__, not __repr__?

Output
    x = variable([1. 2. 3.])
    y = variable(9.0)
    variable([[1. 2. 3.]
              [4. 5. 6.]])
    name weights, shape (2, 3), ndim 2, size 6
    dtype float64, length 2
    in a list: [variable([1. 2. 3.]), variable(9.0)]
    as a number: 9.0 9 9.0 9.00
    in NumPy: 3.5
    A variable that a function has made cannot be copied or pickled

Answers
1. The second row of the matrix moves to the left, as in the lesson.
2. self.name = name in __init__: 'Variable' object has no attribute 'name'.
   Making the first Variable of the demo raises it.
3. Only the list: it shows two objects at their addresses. print(x) asks for
   __str__ first.
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
        """
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs, generation = [], 0
        for x in inputs:
            xs.append(x.data)
            if x.generation > generation:
                generation = x.generation
        self.inputs = inputs
        self.outputs = []
        self.generation = generation
        self.saved_inputs = xs
        ys = self.forward(*xs)
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
    x = Variable(np.array([1.0, 2.0, 3.0]))
    W = Variable(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), name="weights")
    y = square(Variable(np.array(3.0)))
    print("x =", x)
    print("y =", y)
    print(W)
    print(f"name {W.name}, shape {W.shape}, ndim {W.ndim}, size {W.size}")
    print(f"dtype {W.dtype}, length {len(W)}")
    print("in a list:", [x, y])
    print("as a number:", float(y), int(y), y.item(), f"{y:.2f}")
    print("in NumPy:", np.mean(W))
    try:
        copy.deepcopy(y)
    except TypeError as error:
        print(str(error).split(",")[0])
