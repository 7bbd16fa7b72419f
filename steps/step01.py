"""Step 1 · A variable is a box

Problem
A NumPy array is a value and nothing else. There is no place on it to
write down what is soon needed, such as its gradient:

    x = np.array(1.0)
    x.grad = 0.0            AttributeError

Idea
Put the array into a box. The name x then stands for the box, and the box
has room for notes beside what it holds:

    x --> +------------------+
          | data: array(1.0) |
          +------------------+

An array may have any number of dimensions, or axes. ndim counts them,
shape is the length of each, and size the number of elements:

    1.0              ndim 0    shape ()           a number
    [1 2 3]          ndim 1    shape (3,)         a vector
    [[1 2 3]
     [4 5 6]]        ndim 2    shape (2, 3)       a matrix
    two of those     ndim 3    shape (2, 2, 3)    a stack of matrices

In the code
Variable(data) keeps the array it is given, as the attribute data: that
very object, not a copy. What is in the box can be replaced: after
x.data = other, x is the same box with something else in it.

New:      Variable
Changed:  nothing
Removed:  nothing

Elsewhere
PyTorch's box is torch.Tensor, with the same .data; before version 0.4 it
was a class of its own, called Variable. Chainer has chainer.Variable.
JAX works on plain arrays, and puts them into boxes, its tracers, only
while it differentiates.

Watch out
A vector with three elements is three-dimensional to a mathematician, and
to NumPy it has one dimension: ndim counts axes, not elements.

Try
1. Let two variables hold the same array and set one element of it to 9.
   What is in each box? And after x.data = np.array(9.0)?
2. Put "a" into a Variable. Does it complain? Should it?

Output
    ndim 0    shape ()          size 1
    ndim 1    shape (3,)        size 3
    ndim 2    shape (2, 3)      size 6
    ndim 3    shape (2, 2, 3)   size 12

    x.data = 1.0
    x.data = 2.0    the same box: True

    x.grad = 0.0       the box has room for it
    number.grad = 0.0  AttributeError: the array has none
"""

import numpy as np


class Variable:
    """A box that holds an array."""

    def __init__(self, data):
        self.data = data


# === demo ===


if __name__ == "__main__":
    number = np.array(1.0)
    vector = np.array([1, 2, 3])
    matrix = np.array([[1, 2, 3], [4, 5, 6]])
    for data in (number, vector, matrix, np.array([matrix, matrix])):
        x = Variable(data)
        print(f"ndim {x.data.ndim}    shape {x.data.shape!s:<10}  size {x.data.size}")

    x = Variable(number)
    box = x
    print(f"\nx.data = {x.data}")
    x.data = np.array(2.0)
    print(f"x.data = {x.data}    the same box: {x is box}")

    x.grad = 0.0
    print(f"\nx.grad = {x.grad}       the box has room for it")
    try:
        number.grad = 0.0
    except AttributeError:
        print("number.grad = 0.0  AttributeError: the array has none")
