"""Step 12 · Many inputs and outputs (nicer)

Problem
Step 11 can add two variables. But look at what one has to write:

    y = Add()([x0, x1])[0]              in each call

    def forward(self, xs):              in each function
        x0, x1 = xs
        return [x0 + x1]

Three lists for one sum.

Idea
The lists are the business of Function. Nobody else should have to see them.
Python packs and unpacks them for us, with a star:

    in a def, it packs        def f(*inputs)    f(a, b): inputs = (a, b)
    in a call, it unpacks     f(*xs)            xs = [a, b]: f(a, b)

That is the way in. With add(x0, x1) at 2 and 3 it goes like this:

    inputs      (x0, x1)
    xs          [2.0, 3.0]
    forward     forward(*xs), which is forward(2.0, 3.0)

On the way out there is a question. forward gives 5.0 for a sum, and for 17
by 5 it gives 3.0 and 2.0. How can Function tell one output from several?
Asking for len() is no help: an array of three elements has a length, too.
But return 3.0, 2.0 is a tuple in Python, and an array never is:

    5.0             no tuple: one output        y
    (3.0, 2.0)      a tuple: its elements       [whole, remainder]

In the code
One star where the variables come in and one where the arrays go out. After
forward() it checks whether the result is a tuple:

    [Function.__call__]

    [Function.forward]

Now the functions get plainer. Four definitions are again what they were in
step 10:

    [Square.forward]

    [square]

    [Exp.forward]

    [exp]

And a sum is a sum at last. Its short name add() is new:

    [Add.forward]

    [add]

One mistake is easily made. A forward() without a return gives back None, and
as_array says: "Expected an array or a number, but got None." True, but which
of fifty functions was it? So make_output raises a TypeError that names it:

    [Function.make_output]

That was the way forward. On the way back nothing has changed: the loop looks
at the first input of a function and at no other, and Add has no backward()
at all. Step 13 gives both inputs their gradients.

New:      add
Changed:  Function.__call__, Function.make_output, Function.forward,
          Add.forward, Square.forward, square, Exp.forward, exp
Removed:  nothing

Elsewhere
In PyTorch, F.apply(x0, x1) calls forward(ctx, x0, x1), unpacked in the same
way. One tensor comes back as it is, and a tuple of them as a tuple.
torch.max(x, dim=0) has two outputs: the values and where they stood.

Watch out
The comma makes the tuple. return x0 // x1, x0 % x1 has two outputs. With
brackets around, return [x0 // x1, x0 % x1] is one output, a list, and
as_array refuses it.

Try
1. Before running: what does the demo print if Silent.forward has a return?
2. Put a comma behind the x0 + x1 of Add.forward. What does the demo say?
3. Call DivMod() with three variables. Which line complains, and how?

Output
    2 + 3    5.0, in a Variable
    17 by 5  3.0, remainder 2.0
    Silent   Silent.forward gave None, not an array.

Answers
1. Silent   7.389056, which is e ** 2.
2. AttributeError: 'list' object has no attribute 'data'. The comma makes a
   tuple of one element, so add() gives a list with one variable.
3. The line ys = self.forward(*xs): DivMod.forward() takes 3 positional
   arguments but 4 were given. (self is one of them.)
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

    def __call__(self, *inputs):
        """The variable made out of these; a list of them if forward gives a tuple.

        self.inputs and self.outputs keep both. Called again, it leaves that to a
        copy of itself, which is then the creator.
        """
        if self.inputs is not None:
            self = copy.copy(self)  # this one goes on remembering its own call
        xs = [x.data for x in inputs]
        self.inputs = inputs
        self.outputs = []
        ys = self.forward(*xs)
        if isinstance(ys, tuple):
            return [self.make_output(y) for y in ys]
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

    def forward(self, *xs):
        """The array, or the tuple of arrays, this function makes out of xs.

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

    def forward(self, x0, x1):
        return x0 + x1


def add(x0, x1):
    """x0 + x1, element by element."""
    return Add()(x0, x1)


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.inputs[0].data
        return gy * 2 * x


def square(x):
    """x ** 2, element by element."""
    return Square()(x)


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.inputs[0].data
        return gy * np.exp(x)


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

    def forward(self, x0, x1):
        return x0 // x1, x0 % x1


class Silent(Function):
    """e ** x, by someone who forgot the return."""

    def forward(self, x):
        np.exp(x)


if __name__ == "__main__":
    x0, x1 = Variable(np.array(2.0)), Variable(np.array(3.0))
    y = add(x0, x1)
    print(f"2 + 3    {y.data}, in a {type(y).__name__}")

    whole, remainder = DivMod()(Variable(np.array(17.0)), Variable(np.array(5.0)))
    print(f"17 by 5  {whole.data}, remainder {remainder.data}")

    try:
        print(f"Silent   {Silent()(x0).data:.6f}")
    except TypeError as error:
        print(f"Silent   {error}")
