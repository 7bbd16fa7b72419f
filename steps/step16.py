"""Step 16 · Complex graphs: generations

Problem
y = (x²)² + (x²)² at x = 2 gives 96, and 64 is right: step 14's loop calls
P (below) before all of its gradient has come in, and then once more. For
50 doublings in a row, y1 = x + x, y2 = y1 + y1 and so on, the calls double
each time: 2⁵⁰ of them would take years.

Idea
Number the variables and functions while the graph is built:

    variable you make      generation 0
    function               the largest generation among its inputs
    output of a function   one more than the function

    0     0     1        1     2        2     3   (each above its column)

                    +--> Q --> b --+
    x --> P --> a --+              +--> S --> y
                    +--> R --> c --+

Take the latest generation first, and each function only once. Whatever
uses a is of a later generation than P, which made a. If it waits, it goes
first; if not, a function later still will put it in: P cannot overtake it.

In the code
Variable.generation is 0 and set_creator(func) makes it func.generation + 1.
Function.__call__ sets self.generation, the largest among its inputs, before
it makes the outputs: make_output calls set_creator, which reads it.
backward() keeps the waiting functions in a list, waiting, that has a place
for each generation: waiting[0], waiting[1] and so on, self.generation of
them. waiting.pop() takes the latest away. In each place is a dict with the
functions as its keys:

    waiting[func.generation][func] = True

A key is there once, however often it is put in. And a dict keeps the order
in which its keys came, which a set does not: two runs give the same bits.
None, the creator of a variable you made, stays out.

New:      nothing
Changed:  Variable.__init__, Variable.set_creator, Variable.backward,
          Function.__call__
Removed:  nothing

Elsewhere
Chainer keeps its functions in a heap and calls a generation a rank.
PyTorch counts how many gradients each function still waits for; among
those that are ready it takes the one made last.

Watch out
Sorting a list each time a function is put in gives the same numbers. But
in a sum of 4,000 squares each square(x) is of generation 0 and waits until
all adds are done. Looking at all that wait, each time, is n² work. Here a
function is put in its place and taken out, and nobody looks at the others.

Try
1. Take the functions from the front, waiting.pop(0). What is x.grad?
2. Let each place be a list, and use append. What do 50 doublings take?
3. Before running: which generation has the variable add(x, y) here?

Output
    variable    x a b c y
    generation  0 1 2 2 3
    y = (x^2)^2 + (x^2)^2   x.grad = 64.0
    50 doublings of x       x.grad = 1125899906842624.0
    sum of 4,000 x^2, x = 2 x.grad = 16000.0
"""

import copy

import numpy as np

NUMBERS = (int, float, np.number)


def as_array(x):
    """x as an array: an array stays itself, a number becomes a 0-d array."""
    if isinstance(x, np.ndarray):
        return x
    if isinstance(x, NUMBERS):
        return np.array(x)
    raise TypeError(f"Expected an array or a number, but got {x!r}.")


class Variable:
    """A box that holds an array."""

    def __init__(self, data):
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(
                f"Variable holds a NumPy array, but got {data!r}. "
                f"Turn it into one first: np.array({data!r})."
            )
        self.data = data
        self.grad = None
        self.creator = None
        self.generation = 0

    def set_creator(self, func):
        """Remember the function that made this variable, one generation before."""
        self.creator = func
        self.generation = func.generation + 1

    def cleargrad(self):
        """Forget the gradient, before the variable is used in a new calculation."""
        self.grad = None

    def backward(self):
        """Give every variable this one was made from its gradient."""
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        waiting = [{} for _ in range(self.generation)]  # functions, by generation

        def put(func):
            if func is not None:
                waiting[func.generation][func] = True  # once, in the order they come

        put(self.creator)
        while waiting:
            for func in waiting.pop():
                gys = func.output_grads()
                for x, gx in zip(func.inputs, func.gradients(gys)):
                    x.grad = as_array(gx if x.grad is None else x.grad + gx)
                    put(x.creator)


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, *inputs):
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
        """The array y in a Variable that has this function as its creator."""
        if y is None:
            raise TypeError(f"{type(self).__name__}.forward gave None, not an array.")
        output = Variable(as_array(y))
        output.set_creator(self)
        self.outputs.append(output)
        return output

    def output_grads(self):
        """The gradients of the outputs: zeros for one that was not used."""
        gys = []
        for y in self.outputs:
            gys.append(np.zeros_like(y.data) if y.grad is None else y.grad)
        return gys

    def gradients(self, gys):
        """What backward() gives as a tuple: one gradient for each input."""
        gxs = self.backward(*gys)
        return gxs if isinstance(gxs, tuple) else (gxs,)

    def forward(self, *xs):
        """The array, or the tuple of arrays, this function makes out of xs."""
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, *gys):
        """The gradients of the inputs, given gys, those of the outputs."""
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
    """The slope of f at x, a Variable, by a central difference of width 2 eps."""
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


def along(f, xs, k):
    """f as a function of input number k alone; the others stay what they are in xs."""
    return lambda x: f(*xs[:k], x, *xs[k + 1 :])


def gradient_check(f, *xs, eps=1e-4, tolerance=1e-5):
    """True if backward() through f agrees with the numerical slopes at xs, Variables.

    Each element of f(*xs) must depend on the same element of each x alone. An
    AssertionError names the first element whose two slopes are further apart
    than the tolerance, relative to the numerical one.
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


def forks(x):
    """(x ** 2) ** 2 + (x ** 2) ** 2, and each variable on the way by name."""
    a = square(x)
    b, c = square(a), square(a)
    return {"x": x, "a": a, "b": b, "c": c, "y": add(b, c)}


def doubled(x, times):
    """x + x = y1, y1 + y1 = y2, and so on; each y forks again."""
    for _ in range(times):
        x = add(x, x)
    return x


def sum_of_squares(x, terms):
    """x ** 2 + x ** 2 + ... : a wide graph, with all squares in generation 0."""
    total = square(x)
    for _ in range(terms - 1):
        total = add(total, square(x))
    return total


if __name__ == "__main__":
    x = Variable(np.array(2.0))
    variables = forks(x)
    print("variable   ", *variables)
    print("generation ", *[v.generation for v in variables.values()])
    variables["y"].backward()
    print(f"y = (x^2)^2 + (x^2)^2   x.grad = {x.grad}")
    for name, y in [
        ("50 doublings of x", doubled(x, 50)),
        ("sum of 4,000 x^2, x = 2", sum_of_squares(x, 4000)),
    ]:
        x.cleargrad()
        y.backward()
        print(f"{name:23} x.grad = {x.grad}")
