"""Step 2 · Functions make variables

Problem
There is a 10 in the box, and no way to compute with it:

    x = Variable(np.array(10.0))
    x ** 2                         TypeError
    Variable(x.data ** 2)          works, and is tedious

Every calculation would have to open the box and pack the result again.

Idea
Three things happen in every calculation, and only the middle one differs
from function to function:

     Variable                                         Variable
    +--------+    open     forward       pack        +---------+
    |  10.0  | --------> 10.0 --> 100.0 -----------> |  100.0  |
    +--------+                                       +---------+

Write the first and the last once, in a class Function. What is special
about a function is its forward, in a class of its own.

In the code
Function.__call__(x) takes a Variable, gives its array, x.data, to
self.forward, and returns what comes back in a new Variable.
Function.forward(x) takes an array. There is nothing it could compute, so
it raises NotImplementedError, with the name of the class in the message.
Square is a Function; its forward(x) returns x ** 2.

New:      Function, Square
Changed:  nothing
Removed:  nothing

Elsewhere
torch.autograd.Function is cut in the same way: one subclass for each
function, with a forward of its own; it is called as Square.apply(x).
Chainer's class is FunctionNode. In JAX a function is a plain Python
function of arrays, and what it is made of is found by tracing it.

Watch out
Square()(x) has two pairs of brackets. The first makes a function, the
second calls it. And within forward x is an array; outside, a Variable.
Square()(np.array(10.0)) fails with a puzzling message about memoryview,
because an array has an attribute data of its own: its raw memory.

Try
1. Write Cube, in four lines.
2. Misspell its forward. What does the message say?
3. What is Square()(x) if x holds the array [1, 2, 3]?

Output
    x               10.0
    y = Square()(x) 100.0  in a Variable
    x afterwards    10.0
    Function()(x)   NotImplementedError: Function has no forward() yet.
"""

import numpy as np


class Variable:
    """A box that holds an array."""

    def __init__(self, data):
        self.data = data


class Function:
    """Makes a variable out of a variable; what it computes is up to forward()."""

    def __call__(self, x):
        return Variable(self.forward(x.data))

    def forward(self, x):
        """The array this function makes out of the array x."""
        raise NotImplementedError(f"{type(self).__name__} has no forward() yet.")


class Square(Function):
    """x ** 2."""

    def forward(self, x):
        return x**2


# === demo ===


if __name__ == "__main__":
    x = Variable(np.array(10.0))
    y = Square()(x)
    print(f"x               {x.data}")
    print(f"y = Square()(x) {y.data}  in a {type(y).__name__}")
    print(f"x afterwards    {x.data}")
    try:
        Function()(x)
    except NotImplementedError as error:
        print(f"Function()(x)   {type(error).__name__}: {error}")
