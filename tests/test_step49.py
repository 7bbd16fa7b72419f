"""Step 49: data sets, and what is done to an example before it is used."""

import tracemalloc

import numpy as np
import pytest

PIXELS = np.array([[0, 3, 128], [127, 254, 255]], np.uint8)


def made(step, data, label=None, **options):
    """A data set of these data and labels."""

    class Made(step.Dataset):
        def prepare(self):
            self.data, self.label = data, label

    return Made(**options)


class Files:
    """What looks like an array of examples, but reads a file for each."""

    def __init__(self, paths):
        self.paths = paths
        self.read = []

    def __getitem__(self, i):
        self.read.append(i)
        return np.load(self.paths[i])

    def __len__(self):
        return len(self.paths)


# --- Dataset ---


def test_a_data_set_gives_its_examples_with_their_labels(step):
    dataset = made(step, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([7, 8]))
    x, t = dataset[1]
    assert (x.tolist(), t) == ([3.0, 4.0], 8)
    assert isinstance(dataset[1], tuple)
    assert len(dataset) == 2


def test_the_examples_are_as_they_are_without_transforms(step):
    data = np.array([[0, 255], [1, 2]], np.uint8)
    x, t = made(step, data, np.array([3, 4], np.int16))[0]
    assert (x.dtype, t.dtype) == (np.uint8, np.int16)
    assert x.tolist() == [0, 255]
    assert t == 3


@pytest.mark.parametrize("label", [None, np.array([5, 6, 7])], ids=["without", "with"])
@pytest.mark.parametrize("index", [1, -2, np.int64(1), np.uint8(1), np.array(1)])
def test_an_index_may_be_any_integer(step, index, label):
    x, t = made(step, np.array([10.0, 20.0, 30.0]), label)[index]
    assert x == 20.0
    assert t == (None if label is None else 6)


def test_data_of_ones_own_are_asked_with_an_int(step):
    class Spy:
        def __getitem__(self, index):
            kinds.append(type(index))
            return np.zeros(2)

    kinds = []
    dataset = made(step, Spy(), Spy())
    dataset[np.int64(0)]
    dataset[np.array(0)]
    assert kinds == [int] * 4


@pytest.mark.parametrize("index", [0.5, 1.0, "0", None, slice(0, 1), [0, 1], (0, 1)])
def test_what_is_no_integer_is_refused(step, index):
    with pytest.raises(TypeError):
        made(step, np.zeros((3, 2)), np.zeros(3))[index]


@pytest.mark.parametrize("index", [3, -4, 100])
def test_an_index_out_of_range_is_refused(step, index):
    with pytest.raises(IndexError):
        made(step, np.zeros((3, 2)), np.zeros(3))[index]


def test_a_loop_over_a_data_set_ends(step):
    found = [(float(x), int(t)) for x, t in made(step, np.arange(3.0), np.arange(3))]
    assert found == [(0.0, 0), (1.0, 1), (2.0, 2)]


def test_data_without_labels(step):
    """Without labels an example is x and None."""
    x, t = made(step, np.array([1.0, 2.0]), target_transform=lambda t: 1 / 0)[0]
    assert (x, t) == (1.0, None)


def test_prepare_finds_all_settings_and_is_called_once(step):
    class Watch(step.Dataset):
        def prepare(self):
            calls.append((self.train, self.data, self.label))
            calls.append((self.transform(2.0), self.target_transform(2.0)))
            self.data = np.zeros(3)

    calls = []
    dataset = Watch(False, lambda x: x + 1, lambda t: t + 2)
    assert calls == [(False, None, None), (3.0, 4.0)]
    assert (dataset.train, len(dataset)) == (False, 3)


def test_a_data_set_is_for_training_if_nothing_is_said(step):
    assert made(step, np.zeros(1)).train is True
    assert made(step, np.zeros(1), train=False).train is False


def test_a_data_set_without_prepare_has_no_data(step):
    dataset = step.Dataset()
    assert dataset.data is None
    assert dataset.label is None


def test_each_transform_gets_its_own_part_of_the_example(step):
    data, label = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([7, 8])
    dataset = made(
        step, data, label, transform=lambda x: 10 * x, target_transform=lambda t: -t
    )
    x, t = dataset[0]
    assert (x.tolist(), t) == ([10.0, 20.0], -7)
    assert data.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert label.tolist() == [7, 8]


def test_nothing_is_transformed_before_it_is_asked_for(step):
    seen = []
    dataset = made(step, np.arange(1000), transform=lambda x: seen.append(int(x)))
    assert (len(dataset), seen) == (1000, [])
    dataset[5], dataset[-1], dataset[5]
    assert seen == [5, 999, 5]


def test_prepare_and_getitem_may_be_written_anew(step):
    class Squares(step.Dataset):
        def __getitem__(self, i):
            return self.transform(np.array(i * i)), None

        def __len__(self):
            return 10**9

    dataset = Squares(transform=lambda x: x + 1)
    assert len(dataset) == 10**9
    assert dataset[10**4][0] == 10**8 + 1


# --- more data than there is memory ---


def test_one_file_for_each_example(step, tmp_path):
    paths = [tmp_path / f"{i}.npy" for i in range(5)]
    for i, path in enumerate(paths):
        np.save(path, np.full((2, 2), i, np.uint8))
    files = Files(paths)
    dataset = made(step, files, np.arange(5), transform=step.ToFloat())
    assert (len(dataset), files.read) == (5, [])
    x, t = dataset[3]
    assert (x.tolist(), x.dtype, t) == ([[3.0, 3.0], [3.0, 3.0]], np.float32, 3)
    assert files.read == [3], "only the file that is asked for is read"


def test_a_file_on_disk_takes_the_memory_of_one_example(step, tmp_path):
    path, count = tmp_path / "images", 500
    with open(path, "wb") as file:
        for i in range(count):
            file.write(bytes([i % 256]) * 10000)

    class OnDisk(step.Dataset):
        def prepare(self):
            self.data = np.memmap(path, np.uint8, "r").reshape(-1, 100, 100)

    tracemalloc.start()
    try:
        dataset = OnDisk(transform=step.Compose([step.ToFloat(), step.Flatten()]))
        means = [float(x.mean()) for x, _ in dataset]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert means == [i % 256 for i in range(count)]
    assert peak < count * 10000 / 10, "the file is 5 MB, in float32 it is 20 MB"


# --- transforms ---


def test_compose_calls_its_transforms_in_order(step):
    both = step.Compose([lambda x: x + 1.0, lambda x: x * 10.0])
    assert both(np.array(2.0)) == 30.0
    assert step.Compose([lambda x: x * 10.0, lambda x: x + 1.0])(np.array(2.0)) == 21.0


@pytest.mark.parametrize("nothing", [(), ([],), ((),)])
def test_compose_of_nothing_changes_nothing(step, nothing):
    x = np.ones(3)
    assert step.Compose(*nothing)(x) is x


def test_compose_works_again_and_within_another(step):
    inner = step.Compose((step.ToFloat(), step.Normalize(0, 2)))
    outer = step.Compose([inner, inner])
    for _ in range(2):
        assert outer(np.array([4, 8])).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (3, 5, 5)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_normalize_with_two_numbers(step, shape, dtype):
    x = np.random.default_rng(0).normal(3.0, 2.0, shape).astype(dtype)
    before = x.copy()
    y = step.Normalize(1.5, 0.25)(x)
    assert (y.shape, y.dtype) == (shape, dtype)
    np.testing.assert_allclose(
        y, (before.astype(float) - 1.5) / 0.25, rtol=2 * np.finfo(dtype).eps, atol=0.01
    )
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("shape", [(3,), (3, 2), (3, 4, 5), (3, 2, 2, 2)])
@pytest.mark.parametrize("kind", [list, tuple, np.array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalize_with_one_number_for_each_channel(step, shape, kind, dtype):
    x = np.random.default_rng(1).normal(size=shape).astype(dtype)
    mean, std = [0.5, -1.0, 2.0], [2.0, 0.5, 4.0]
    y = step.Normalize(kind(mean), kind(std))(x)
    assert (y.shape, y.dtype) == (shape, dtype)
    for c in range(3):
        expected = (x[c].astype(float) - mean[c]) / std[c]
        np.testing.assert_allclose(y[c], expected, rtol=1e-6)


def test_normalize_takes_a_number_for_one_and_channels_for_the_other(step):
    x = np.arange(12.0).reshape(2, 2, 3)
    y = step.Normalize(3.0, [2.0, 4.0])(x)
    assert y.tolist() == [((x[0] - 3) / 2).tolist(), ((x[1] - 3) / 4).tolist()]
    y = step.Normalize([1.0, 2.0], 2.0)(x)
    assert y.tolist() == [((x[0] - 1) / 2).tolist(), ((x[1] - 2) / 2).tolist()]


def test_normalize_alone_changes_nothing(step):
    x = np.array([1.5, -2.0], np.float32)
    y = step.Normalize()(x)
    assert (y.tolist(), y.dtype) == ([1.5, -2.0], np.float32)
    assert step.Normalize(1.0)(x).tolist() == [0.5, -3.0]
    assert step.Normalize(std=2.0)(x).tolist() == [0.75, -1.0]


@pytest.mark.parametrize("number", [np.float64, np.array], ids=["scalar", "0-d"])
def test_numbers_of_numpy_leave_float32_alone(step, number):
    x = np.array([1.0, 5.0], np.float32)
    y = step.Normalize(number(3.0), number(2.0))(x)
    assert (y.tolist(), y.dtype) == ([-1.0, 1.0], np.float32)


@pytest.mark.parametrize("mean", [128, 128.0, [128, 128], [127.5, 128.5]])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_integers_do_not_wrap_around_in_normalize(step, mean, dtype):
    y = step.Normalize(mean, 2)(PIXELS.astype(dtype))
    expected = (PIXELS.astype(float) - np.reshape(mean, (-1, 1))) / 2
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y, expected)


def test_normalize_of_integers_keeps_fractions_of_mean_and_std(step):
    y = step.Normalize([0.25, 0.75], [0.5, 0.25])(np.array([[1, 2], [3, 4]]))
    assert y.tolist() == [[1.5, 3.5], [9.0, 13.0]]


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (1, 2, 3), (2, 0)])
def test_flatten_makes_one_row(step, shape):
    x = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    y = step.Flatten()(x)
    assert (y.shape, y.dtype) == ((x.size,), np.float32)
    assert y.tolist() == list(range(x.size))


def test_flatten_goes_along_the_rows_of_a_transposed_array(step):
    x = np.arange(6).reshape(2, 3).T
    assert step.Flatten()(x).tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize("x", [PIXELS, PIXELS[1, 1], np.array(7.0), np.array([2.9])])
def test_the_dtypes_of_the_transforms(step, x):
    for transform, dtype in (
        (step.AsType(), np.float32),
        (step.AsType(np.float64), np.float64),
        (step.AsType(np.int16), np.int16),
        (step.ToFloat(), np.float32),
        (step.ToInt(), int),
        (step.ToInt(np.uint8), np.uint8),
    ):
        y = transform(x)
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, x.astype(dtype))


def test_an_image_on_its_way_to_a_linear_layer(step):
    steps = [step.Flatten(), step.ToFloat(), step.Normalize(0, 255)]
    dataset = made(step, PIXELS[None], transform=step.Compose(steps))
    x, _ = dataset[0]
    assert (x.shape, x.dtype) == ((6,), np.float32)
    np.testing.assert_allclose(x, PIXELS.reshape(-1) / 255, rtol=1e-6)
    assert dataset.data.dtype == np.uint8


# --- Spiral ---


@pytest.mark.parametrize("train", [True, False])
def test_the_spiral_as_a_data_set(step, train):
    x, t = step.get_spiral(train)
    dataset = step.Spiral(train=train)
    assert isinstance(dataset, step.Dataset)
    assert len(dataset) == 300
    for i in (0, 1, 150, 299):
        example, label = dataset[i]
        assert example.tolist() == x[i].tolist()
        assert (example.shape, example.dtype, label) == ((2,), np.float32, t[i])


def test_the_spiral_is_for_training_if_nothing_is_said(step):
    assert step.Spiral()[0][0].tolist() == step.get_spiral()[0][0].tolist()
    assert step.Spiral()[0][0].tolist() != step.Spiral(False)[0][0].tolist()


def test_the_spiral_takes_transforms(step):
    dataset = step.Spiral(transform=step.AsType(float), target_transform=lambda t: -t)
    x, t = step.get_spiral()
    assert (dataset[7][0].dtype, dataset[7][1]) == (np.float64, -t[7])
    assert dataset[7][0].tolist() == x[7].tolist()


def test_a_data_set_is_printed_with_its_length(step):
    assert repr(step.Spiral()) == "Spiral(300 examples)"
    assert repr(step.Dataset()) == "Dataset(0 examples)"


# --- a data set made of arrays, and a random split ---


def test_arrays_as_a_data_set(step):
    dataset = step.ArrayDataset(PIXELS, np.array([7, 8]), lambda x: x / 255)
    x, t = dataset[1]
    assert (x.tolist(), t) == ((PIXELS[1] / 255).tolist(), 8)
    assert (len(dataset), repr(dataset)) == (2, "ArrayDataset(2 examples)")
    assert isinstance(dataset, step.Dataset) and dataset.train


def test_labels_may_be_missing_and_are_transformed_if_not(step):
    assert step.ArrayDataset(PIXELS)[0][1] is None
    dataset = step.ArrayDataset(PIXELS, [3, 4], target_transform=lambda t: t + 1)
    assert [t for _, t in dataset] == [4, 5]


def test_as_many_labels_as_examples(step):
    with pytest.raises(ValueError, match="2 examples.*3 labels"):
        step.ArrayDataset(PIXELS, np.zeros(3))


def numbered(step, count):
    """A data set whose labels are the numbers of its examples."""
    return step.ArrayDataset(np.arange(count) * 10.0, np.arange(count))


def test_a_subset_has_the_examples_at_its_indices(step):
    subset = step.Subset(numbered(step, 5), np.array([4, 0, 4]))
    assert [*subset] == [(40.0, 4), (0.0, 0), (40.0, 4)]
    assert subset[-1] == (40.0, 4)
    assert repr(subset) == "Subset(3 examples)"
    assert isinstance(subset, step.Dataset) and subset.train
    with pytest.raises(TypeError):
        subset[0.5]


def test_each_example_is_in_one_of_two_parts(step):
    parts = step.random_split(numbered(step, 100), 30, seed=5)
    assert [len(part) for part in parts] == [30, 70]
    labels = [[t for _, t in part] for part in parts]
    assert sorted(labels[0] + labels[1]) == [*range(100)]
    assert labels[0] != sorted(labels[0]), "they are not drawn by chance"
    order = np.random.default_rng(5).permutation(100)
    assert labels[0] + labels[1] == order.tolist()
    assert [len(part) for part in step.random_split(numbered(step, 5), 1)] == [1, 4]


def test_without_a_seed_numpy_draws(step):
    np.random.seed(3)
    first, _ = step.random_split(numbered(step, 100), 30)
    np.random.seed(3)
    assert [t for _, t in first] == np.random.permutation(100)[:30].tolist()


@pytest.mark.parametrize("count", [0, 5, 6, -1, 0.8])
def test_a_part_that_cannot_be_split_off_is_refused(step, count):
    with pytest.raises(ValueError, match=f"{count}"):
        step.random_split(numbered(step, 5), count)
