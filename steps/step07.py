"""Step 7 · Backpropagation by itself

Problem
With step 6 every program has to be written twice, the second time in reverse:

    a = A(x)               b.grad = C.backward(y.grad)
    b = B(a)               a.grad = B.backward(b.grad)
    y = C(b)               x.grad = A.backward(a.grad)

If we exchange two lines on the right, it breaks. And for some programs the
lines cannot even be written:

    while y.data < 100:
        y = Square()(y)

How many squares it takes depends on y. From y = 3 it takes three: 9, 81, 6561.
From y = 5 it takes two.

Idea
Then let the run itself leave a trail. Each call could append its function to
one common list, and backward() could go through the list in reverse. That
works, and it is called a tape. But a common list holds all that was ever
computed, whether y depends on it or not, and we must say when it begins and
when it ends.

So we take references instead. Each variable remembers the function that made
it, its creator. Each function remembers its input and its output. Here is the
chain of step 6 with all of them:

       input     output    input     output    input     output
    x <------ A <------> a <------ B <------> b <------ C <------> y
                creator             creator             creator

From y, creator and input lead back to those functions that y depends on, and
to no others. (output leads forward. Step 8 will use it.) A variable that has
its gradient does three things:

    1. Get the function that made me. None? Then I am the start: done.
    2. Give its input a gradient: func.backward(my gradient).
    3. Have its input do the same.

At x = 0.5 it goes like this:

    y  was made by C    so b.grad = 1 · 2b        =  2.568
    b  was made by B    so a.grad = 2.568 · e^a   =  3.297
    a  was made by A    so x.grad = 3.297 · 2x    =  3.297
    x  has no creator: done

In the code
A variable that you make yourself has no creator, so it starts with None:

    [Variable.__init__]

    [Variable.set_creator]

All functions run through Function.__call__. So the trail is laid there, and
no function can forget it:

    [Function.__call__]

The three things from above take four lines: one each, and an if. The last line
is backward() calling backward(), for the input:

    [Variable.backward]

In a chain only one path leads back to each variable, so = is enough. The paths
of step 5, which add up, have to wait for step 14. The gradient of y is still
up to you: y.grad = np.array(1.0).

The demo prints the trail. Then it makes long chains of PlusOne, the function
x + 1, whose slope is 1.

Python allows about 1,000 calls inside one another, and here each function
costs one. So a chain of 500 works, and one of 5,000 ends in a RecursionError.
Step 8 removes that limit.

New:      Variable.set_creator, Variable.backward
Changed:  Variable.__init__, Function.__call__
Removed:  nothing

Elsewhere
PyTorch leaves the same trail: y.grad_fn is the creator, and the way on is
y.grad_fn.next_functions. TensorFlow has no such references. Its GradientTape
writes down each operation as it happens, and reads its list backward.

Watch out
If y.grad is not set, the first backward() gets None and fails to multiply it.

A single A called twice, as in step 6, is worse now. The second call writes
over A.input:

    a = A(x)     a.creator is A     A.input is x
    y = A(a)     y.creator is A     A.input is a

From y the way leads to A and on to a. The creator of a is A, and A.input is a
again. It would never end, but a RecursionError stops it.

Try
1. Put one more Exp() around the chain. What else has to change?
2. Call a.backward() alone, with a.grad = np.array(1.0). What is x.grad now?
3. Find the longest chain of PlusOne that works. What uses the rest of the
   1,000 calls?

Output
    y -> Square -> Exp -> Square -> x
    y.grad = 1.00000000
    b.grad = 2.56805083
    a.grad = 3.29744254
    x.grad = 3.29744254
    500 PlusOne in a row:  x.grad = 1.0
    5000 PlusOne in a row: RecursionError

Answers
1. Nothing. The new y is 5.200326, and x.grad is 17.147775.
2. 1.0. The walk starts at a, so x.grad is da/dx = 2x.
3. 997, in Python 3.11, with the file run as a script. The chain then has 998
   variables, with a call of backward() for each. The program and
   slope_of_chain() are the other two. In a notebook it is fewer.
"""

import numpy as np


class Variable:
    """A box that holds an array as its data: the one it is given, not a copy."""

    def __init__(self, data):
        self.data = data
        self.grad = None
        self.creator = None

    def set_creator(self, func):
        """Remember func as the creator, the function that made this variable."""
        self.creator = func

    def backward(self):
        """Give a gradient to every variable that this one was made from.

        It starts from self.grad.
        """
        func = self.creator
        if func is not None:
            func.input.grad = func.backward(self.grad)
            func.input.backward()


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        """The variable that this function makes out of the variable x.

        It keeps both, in self.input and self.output, and is the creator.
        """
        y = Variable(self.forward(x.data))
        y.set_creator(self)
        self.input = x
        self.output = y
        return y

    def forward(self, x):
        """The array this function makes out of the array x.

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


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2

    def backward(self, gy):
        x = self.input.data
        return gy * 2 * x


class Exp(Function):
    """e ** x."""

    def forward(self, x):
        return np.exp(x)

    def backward(self, gy):
        x = self.input.data
        return gy * np.exp(x)


def numerical_diff(f, x, eps=1e-4):
    """The slope of f at x, a Variable, by a central difference of width 2 eps.

    f takes a Variable and returns one. It is called twice, on new Variables whose
    elements are all moved by eps, down and up; x stays as it is. The slope is what
    NumPy computes, not a Variable: an array, or a number for a 0-d x.
    """
    y0 = f(Variable(x.data - eps))
    y1 = f(Variable(x.data + eps))
    return (y1.data - y0.data) / (2 * eps)


# === demo ===


class PlusOne(Function):
    """x + 1."""

    def forward(self, x):
        return x + 1

    def backward(self, gy):
        return gy


def way_back(y):
    """The way back from y, function by function."""
    names = ["y"]
    while y.creator is not None:
        names.append(type(y.creator).__name__)
        y = y.creator.input
    return " -> ".join([*names, "x"])


def slope_of_chain(length):
    """dy/dx for a chain of so many PlusOne."""
    x = y = Variable(np.array(0.0))
    for _ in range(length):
        y = PlusOne()(y)
    y.grad = np.array(1.0)
    y.backward()
    return x.grad


if __name__ == "__main__":
    x = Variable(np.array(0.5))
    a = Square()(x)
    b = Exp()(a)
    y = Square()(b)
    print(way_back(y))

    y.grad = np.array(1.0)
    y.backward()
    for name, v in (("y", y), ("b", b), ("a", a), ("x", x)):
        print(f"{name}.grad = {v.grad:.8f}")

    for length in (500, 5000):
        try:
            print(f"{length} PlusOne in a row:  x.grad = {slope_of_chain(length)}")
        except RecursionError as error:
            print(f"{length} PlusOne in a row: {type(error).__name__}")
