"""Step 14 · One variable used twice

Problem
y = add(x, x) is 2x, so its slope is 2. Step 13 says 1:

    x = Variable(np.array(3.0))
    y = add(x, x)
    y.backward()
    x.grad              1.0

Idea
Do the loop's work by hand. Add.backward(1.0) gives two gradients, 1.0 for
the first input and 1.0 for the second. Both inputs are x:

    x.grad = 1.0        for the first input
    x.grad = 1.0        for the second

The second line wipes out the first. What should it do? Let x grow by 0.01.
Then the first input grows by 0.01, and so does y. The second input grows by
0.01 as well, and y grows by another 0.01. The two effects add up:

    x --+--> add --> y        dy/dx = 1 + 1 = 2
        |     |
        +-----+

It is the same for every graph. The slope of y along x is the sum over all
the paths that lead from x to y. For y = x² + x at 3 there are two paths, one
with the slope 2x = 6 and one with the slope 1. The sum is 7.

In the code
So the loop has to add where it used to write. The first gradient that
arrives at a variable is kept as it is. Each later one is added to it:

    [Variable.backward]

(NumPy gives a number for the sum of two arrays without axes. as_array makes
it an array again.)

Why not simply x.grad += gx? With NumPy, += writes into the array that is
there. And this array has other names. Add gives one and the same gy to both
its inputs, and gy is the array in y.grad. This is called aliasing:

    y.grad --+
    x.grad --+--> [1.0]       after the first gradient

Add 1.0 in place, and x.grad is 2.0, as it should be. But y.grad is 2.0 as
well, and nobody asked for that. x.grad + gx makes a new array, and y.grad
keeps its 1.0.

Adding has a price. The gradient of the first calculation is still there when
the second one begins. Let us look for the lowest point of y = x² + x, which
is at -0.5. We begin at 3 and move x by -0.3 · x.grad, again and again:

    x, cleared        0.9    0.06  -0.28  -0.41  -0.46  -0.49
    x, not cleared    0.9   -2.04  -4.06  -3.94  -1.76   1.18

The second row never settles. A variable must be able to forget:

    [Variable.cleargrad]

Are the gradients right now, for every graph? They are where the paths part
at x itself. Where they part and meet in between, the order of the functions
matters. That is step 15.

New:      Variable.cleargrad
Changed:  Variable.backward
Removed:  nothing

Elsewhere
PyTorch adds into .grad, too. That is why each training loop there calls
optimizer.zero_grad(). In JAX there is nothing to clear, since jax.grad(f) is
a function that returns its gradient as a value.

Watch out
A second y.backward() on the same graph adds to the variables in between as
well. For a = x² and y = a² at x = 2, the first call gives a.grad = 8 and
x.grad = 8 · 4 = 32. The second makes 16 of the 8 and adds 16 · 4 = 64 to x:
96, not 64. Until step 18 puts this right, clear x and build the graph anew.

Try
1. Before running: what is x.grad for add(add(x, x), add(x, x))?
2. In backward(), where x.grad is an array already, write x.grad += gx. What
   does the second line of the demo say, and why?
3. Leave out the first x.cleargrad() of the demo. Where does each number
   come from?

Output
    y = x + x               x.grad = 2.0   y.grad = 1.0
    y = (x + x) + x         x.grad = 3.0   y.grad = 1.0
    y = x + x, not cleared  x.grad = 5.0
    y = x^2 + x at 3        x.grad = 7.0

Answers
1. 4: there are four paths, each with the slope 1.
2. x.grad = 4.0, y.grad = 4.0. Let a be x + x, so y = a + x. The outer sum
   hands the array of y.grad to both its inputs:

       y.grad --+
       a.grad --+--> [1.0]
       x.grad --+

   Then the inner sum hands the array of a.grad to x, twice. Each time it is
   added to x.grad, which is to itself: 1 becomes 2, and 2 becomes 4.
3. 2, then 2 + 3 = 5, then 5 + 2 = 7. The last line is 7 as before: it comes
   after the second cleargrad(), and 6 + 1 = 7.
"""

import copy

import numpy as np

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

    def __init__(self, data):
        """data is an array or None; a TypeError shows anything else, and what to do."""
        if data is not None and not isinstance(data, np.ndarray):
            raise TypeError(
                f"Variable holds a NumPy array, but got {data!r}. "
                f"Turn it into one first: np.array({data!r})."
            )
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        """Remember func as the creator, the function that made this variable."""
        self.creator = func

    def cleargrad(self):
        """Forget the gradient, before the variable is used in a new calculation."""
        self.grad = None

    def backward(self):
        """Give a gradient to every variable this one was made from, or add to one.

        Adding makes a new array; an array that is a gradient stays as it is.
        """
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        funcs = [self.creator]
        while funcs:
            func = funcs.pop()
            if func is not None:
                gys = func.output_grads()
                for x, gx in zip(func.inputs, func.gradients(gys)):
                    x.grad = as_array(gx if x.grad is None else x.grad + gx)
                    funcs.append(x.creator)


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, *inputs):
        """The variable made out of these; a list of them if forward gives a tuple.

        self.inputs and self.outputs keep both, self.saved_inputs and
        self.saved_outputs what forward() takes and gives. Called again, it leaves
        that to a copy of itself, which is then the creator.
        """
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs = [x.data for x in inputs]
        self.inputs = inputs
        self.outputs = []
        self.saved_inputs = xs
        ys = self.forward(*xs)
        if isinstance(ys, tuple):
            self.saved_outputs = ys
            return [self.make_output(y) for y in ys]
        self.saved_outputs = (ys,)
        return self.make_output(ys)

    def make_output(self, y):
        """The array y in a Variable made by this function, the last of its outputs.

        None is a TypeError that names the class: its forward() lacks a return.
        """
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
    x = Variable(np.array(3.0))
    y = add(x, x)
    y.backward()
    print(f"y = x + x               x.grad = {x.grad}   y.grad = {y.grad}")

    x.cleargrad()
    y = add(add(x, x), x)
    y.backward()
    print(f"y = (x + x) + x         x.grad = {x.grad}   y.grad = {y.grad}")

    y = add(x, x)
    y.backward()
    print(f"y = x + x, not cleared  x.grad = {x.grad}")

    x.cleargrad()
    y = add(square(x), x)
    y.backward()
    print(f"y = x^2 + x at 3        x.grad = {x.grad}")
