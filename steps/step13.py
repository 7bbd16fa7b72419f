"""Step 13 · Many inputs and outputs (backward)

Problem
x² + y² has the slopes 2x and 2y. At (2, 3) that is 4 and 6. Ask for them:

    x, y = Variable(np.array(2.0)), Variable(np.array(3.0))
    z = add(square(x), square(y))
    z.backward()        NotImplementedError: Add has no backward() yet.

Idea
So give Add one. If x0 grows by 0.01, so does x0 + x1. The same holds for
x1. Both slopes are 1, and both inputs get gy as it is:

    x0 --+                     gx0 <--+
         +--> Add --> y               +-- Add <-- gy        gx0 = gx1 = gy
    x1 --+                     gx1 <--+

So Add.backward(gy) returns gy, gy. But the loop of step 12 does not know what
to do with two. It treats the whole tuple as the gradient of the first input:

    TypeError: Expected an array or a number, but got (array(1.), array(1.)).

backward() runs the other way: one gradient in for each output, one out for
each input. Here is the whole way back, with a = x² and b = y²:

    z.grad = 1
    Add       gives a.grad = 1         and b.grad = 1
    Square    gives x.grad = 1 · 4 = 4        for x = 2
    Square    gives y.grad = 1 · 6 = 6        for y = 3

In the code
Of these four lines only the one for Add is new:

    [Add.backward]

Now the loop. It pairs the inputs of a function with their gradients. It also
follows each input, where it used to follow the first:

    [Variable.backward]

Until now the list funcs held one function at a time. After Add it holds two,
one for each path. They wait there until the loop comes to them.

Square gives one gradient and Add gives two. As on the way forward, one value
comes bare and several come as a tuple. The loop wants a tuple in any case:

    [Function.gradients]

A function may have several outputs, too. Then backward() needs a gradient for
each of them, and a star collects them:

    [Function.backward]

But an output may be unused. Here one function gives s = x + y and d = x - y,
and only d goes on. At (2, 3) d is -1:

    x --+             +--> s                   gs = 0
        +--> SumDiff -+
    y --+             +--> d --> Square        gd = 2 · (-1) = -2

    x.grad = gs + gd = -2        y.grad = gs - gd = 2

d² does not depend on s. So the gradient of s is 0, and the missing gradients
become zeros:

    [Function.output_grads]

Where does a backward() find its numbers? Square looked into inputs[0].data,
and Exp computed e ** x a second time. Keeping the arrays saves that, and step
17 needs them, too. Each call puts those that go in into self.saved_inputs, and
those that come out into self.saved_outputs:

    [Function.__call__]

    [Square.backward]

(The brackets in Square only show its slope, 2x.) The slope of e ** x is the
output itself:

    [Exp.backward]

Are 4 and 6 right? numerical_diff() takes a function of one input. So to check
one input we keep all others fixed. along() makes that function of one input:

    [along]

At (2, 3) along(f, [x, y], 1) is 4 + y², with the slope 6. The check goes
over the inputs one by one. An input that got no gradient counts as slope 0:

    [gradient_check]

Now z = x² + y² works. Try z = x + x, and there is a surprise: backward() says
1, and the check says 2. Step 14 follows the loop to see why.

New:      Function.output_grads, Function.gradients, Add.backward, along
Changed:  Variable.backward, Function.__call__, Function.backward,
          Square.backward, Exp.backward, gradient_check
Removed:  nothing

Elsewhere
PyTorch has the same contract. backward(ctx, *grad_outputs) returns one
gradient for each input of forward. If one is missing, PyTorch says "returned
an incorrect number of gradients (expected 2, got 1)".

Watch out
zip stops at the end of the shorter list. If a backward() forgets an input,
that input silently gets no gradient. Step 24 makes it an error.

NumPy can add the shapes (3,) and (1,). Then Add gives both inputs a gradient
of shape (3,), and for the second that is wrong. Step 40 puts it right.

Try
1. Let Add.backward return gy, 2 * gy. What is y.grad, and what does the check
   say?
2. Let Add.backward return gy alone. What is y.grad, and what does the check
   say?
3. Before running: for z = x² + y² + w, what is w.grad?

Output
    z = x^2 + y^2   z = 13.0
    dz/dx = 2x      x.grad = 4.0
    dz/dy = 2y      y.grad = 6.0
    checked         True

Answers
1. y.grad is 2 · 6 = 12. Input 1, element (): backward() gives a slope of 12,
   but the numerical slope is 6.
2. None. The check takes that for a slope of 0, and stops at input 1: 0
   against 6.
3. 1.0. z = add(add(square(x), square(y)), w), and Add gives w what it got.
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

    def backward(self):
        """Give a gradient to every variable that this one was made from.

        It starts from self.grad, or from ones where that is None.
        """
        if self.grad is None:
            self.grad = np.ones_like(self.data)
        funcs = [self.creator]
        while funcs:
            func = funcs.pop()
            if func is not None:
                gys = func.output_grads()
                for x, gx in zip(func.inputs, func.gradients(gys)):
                    x.grad = as_array(gx)
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


def sum_of_squares(x, y):
    """x ** 2 + y ** 2."""
    return add(square(x), square(y))


if __name__ == "__main__":
    x, y = Variable(np.array(2.0)), Variable(np.array(3.0))
    z = sum_of_squares(x, y)
    z.backward()
    print(f"z = x^2 + y^2   z = {z.data}")
    print(f"dz/dx = 2x      x.grad = {x.grad}")
    print(f"dz/dy = 2y      y.grad = {y.grad}")
    print(f"checked         {gradient_check(sum_of_squares, x, y)}")
