"""Step 11 · Many inputs and outputs (forward)

Problem
So far every function has one input. The plainest sum has two, and it
cannot be written:

    class Add(Function):
        def forward(self, x0, x1):
            return x0 + x1

    Add()(x0, x1)       TypeError: Function.__call__() takes 2 positional
                        arguments but 3 were given

Python counts self, too: it takes self and x, and was given self, x0 and x1.
Other functions have two outputs: 17 divided by 5 is 3, with remainder 2.

Idea
We could write a __call__ for two inputs, with self.input0 and self.input1,
then one for three, and all of them again for two outputs. But they would all
do the same: take the arrays out of the variables, let forward() compute, and
put the results into variables.

A list has any length. So let a function take one list and give back one:

    [x0, x1]    --> Add    --> [y]
    [x0, x1]    --> DivMod --> [whole, remainder]
    [x]         --> Square --> [y]

Here is 2 + 3 by hand:

    inputs      [x0, x1]        two variables
    xs          [2.0, 3.0]      their arrays
    forward     [2.0 + 3.0]     a list with one array
    outputs     [y]             the array 5.0 in a variable

In the code
__call__ goes down these four lines. Where step 7 kept self.input and
self.output, it now keeps two lists, self.inputs and self.outputs. But a
function object has room for one call only. What if it is called twice?

    f = Square()
    f(f([x]))       x --> f --> v --> f --> y

    after call 1    f.inputs = [x]      v.creator = f
    after call 2    f.inputs = [v]      v.creator = f, as before

Now backward() goes from f to its input v, from v to its creator f, and so on
without end. So a function object keeps its first call. At a second call it
copies itself, and the copy keeps that call. How does it know that it was
called before? The class has an attribute inputs = None. A new object finds
this None, and after a call it has a list of its own:

    [Function]

So __call__ looks for a call before this one, and then goes down the four
lines:

    [Function.__call__]

The end of the old __call__ becomes a method of its own, for one output. It
adds the new variable to the list of outputs, and returns it:

    [Function.make_output]

forward() gets a list of arrays and gives back a list of arrays, even if it
is a list of one:

    [Function.forward]

    [Add]

Square and Exp take and give lists of one element:

    [Square.forward]

    [Exp.forward]

square(x) and exp(x) hide these lists from the caller:

    [square]

    [exp]

Only the forward pass is new in this step. backward() still takes one bare
gradient and gives back one. In place of self.input it uses the only one of
self.inputs:

    [Square.backward]

    [Exp.backward]

The loop does the same with the only input and the only output:

    [Variable.backward]

Add has no backward() of its own. It inherits that of Function, which raises
NotImplementedError with the name Add. Step 13 gives it one.

Is our problem solved? Two variables can be added now. But Add()(x0, x1) is
still an error: we must write Add()([x0, x1])[0], with four brackets more.
Step 12 makes them disappear.

New:      Function.make_output, Add
Changed:  Variable.backward, Function, Function.__call__, Function.forward,
          Square.forward, Square.backward, square, Exp.forward, Exp.backward,
          exp
Removed:  nothing

Elsewhere
In Chainer, too, forward takes all inputs in one tuple and must return a
tuple, even of one array: exp(x) is Exp().apply((x,))[0]. In TensorFlow an
operation has its tensors in op.inputs and op.outputs, one or many.

Watch out
Forget the brackets in forward, and an array of three elements is taken for
three outputs. There is no error, but a list of three variables.

Try
1. Remove the brackets in Add.forward. Why is 2 + 3 an error all the same?
2. Why does Square()(x) no longer work? Read the error from its end.
3. Before running: what does Square()(Add()([x0, x1])) give?

Output
    2 + 3           5.0, in a list of 1
    17 by 5         3.0, remainder 2.0
    (e^(x^2))^2     x.grad = 3.297443, as before
    2 + 3 backward  Add has no backward() yet.

Answers
1. 2.0 + 3.0 is a single number, and __call__ loops over what forward gave:
   TypeError: 'numpy.float64' object is not iterable.
2. 'Variable' object is not iterable. __call__ loops over its inputs, and x
   is not a list. Square()([x]) works.
3. A list of one variable, with 25.0. A list comes out of Add, and a list is
   just what Square takes.
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
                x, y = func.inputs[0], func.outputs[0]
                x.grad = as_array(func.backward(y.grad))
                funcs.append(x.creator)


class Function:
    """Makes variables out of variables; what it computes is up to forward()."""

    inputs = None

    def __call__(self, inputs):
        """The list of variables that this function makes out of a list of variables.

        It keeps both, in self.inputs and self.outputs. Called again, it leaves
        that to a copy of itself, which is then the creator.
        """
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs = [x.data for x in inputs]
        self.inputs = inputs
        self.outputs = []
        return [self.make_output(y) for y in self.forward(xs)]

    def make_output(self, y):
        """The array y in a Variable made by this function, the last of its outputs."""
        output = Variable(as_array(y))
        output.set_creator(self)
        self.outputs.append(output)
        return output

    def forward(self, xs):
        """The list of arrays this function makes out of the list of arrays xs.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")

    def backward(self, gy):
        """The gradient of the input, given gy, the gradient of the output.

        Each function has its own. This one raises NotImplementedError and names the
        class that has none.
        """
        raise NotImplementedError(f"{type(self).__name__} has no backward() yet.")


class Add(Function):
    """x0 + x1."""

    def forward(self, xs):
        x0, x1 = xs
        return [x0 + x1]


class Square(Function):
    """x ** 2."""

    def forward(self, xs):
        return [xs[0] ** 2]

    def backward(self, gy):
        x = self.inputs[0].data
        return gy * 2 * x


def square(x):
    """x ** 2, element by element."""
    return Square()([x])[0]


class Exp(Function):
    """e ** x."""

    def forward(self, xs):
        return [np.exp(xs[0])]

    def backward(self, gy):
        x = self.inputs[0].data
        return gy * np.exp(x)


def exp(x):
    """e ** x, element by element."""
    return Exp()([x])[0]


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is. The slope is what
    NumPy computes, not a Variable: an array, or a number for a 0-d x.
    """
    y0 = f(Variable(as_array(x.data - eps)))
    y1 = f(Variable(as_array(x.data + eps)))
    return (y1.data - y0.data) / (2 * eps)


def gradient_check(f, x, eps=1e-4, tolerance=1e-5):
    """True if backward() through f agrees with the numerical slopes at x, a Variable.

    Each element of f(x) must depend on the same element of x alone. An
    AssertionError names the first element whose two slopes are further apart
    than tolerance * (abs(numerical slope) + 0.001), and says both. x.grad stays
    as it is.
    """
    slopes = numerical_diff(f, x, eps)
    x = Variable(x.data)
    f(x).backward()
    for i, slope in np.ndenumerate(slopes):
        found = x.grad[i]
        if not abs(found - slope) < tolerance * (abs(slope) + 1e-3):
            raise AssertionError(
                f"Element {i}: backward() gives a slope of {found:.6g}, "
                f"but the numerical slope is {slope:.6g}."
            )
    return True


# === demo ===


class DivMod(Function):
    """The whole part and the remainder of x0 / x1."""

    def forward(self, xs):
        x0, x1 = xs
        return [x0 // x1, x0 % x1]


if __name__ == "__main__":
    x0, x1 = Variable(np.array(2.0)), Variable(np.array(3.0))
    ys = Add()([x0, x1])
    print(f"2 + 3           {ys[0].data}, in a {type(ys).__name__} of {len(ys)}")

    ys = DivMod()([Variable(np.array(17.0)), Variable(np.array(5.0))])
    print(f"17 by 5         {ys[0].data}, remainder {ys[1].data}")

    x = Variable(np.array(0.5))
    y = square(exp(square(x)))
    y.backward()
    print(f"(e^(x^2))^2     x.grad = {x.grad:.6f}, as before")

    try:
        Add()([x0, x1])[0].backward()
    except NotImplementedError as error:
        print(f"2 + 3 backward  {error}")
