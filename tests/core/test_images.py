from dataclasses import replace

import numpy as np
import pytest

from noisylab.core.errors import InputError
from noisylab.core.images import ImageSet, identical_images, joined, most_common, rarest


def test_counts_by_label(train: ImageSet) -> None:
    labels = np.array([2, 2, 0, 2])
    assert train.subset([0, 1, 2, 3]).with_labels(labels).counts().tolist() == [1, 0, 3]


def test_a_set_is_shown_in_one_line(train: ImageSet) -> None:
    assert repr(train.subset(range(4))) == "ImageSet(4 images: 2 car, 1 truck, 1 cat)"
    many = ImageSet(train.images, train.labels, tuple(map(str, range(300))))
    assert repr(many).endswith(", 0 8, 0 9, ... 300 classes)")


def test_a_subset_keeps_the_order_and_its_labels(train: ImageSet) -> None:
    part = train.subset([7, 3])
    assert (part.images == train.images[[7, 3]]).all()
    assert part.labels.tolist() == [train.labels[7], train.labels[3]]
    assert part.true_labels is not None
    assert part.true_labels.tolist() == part.labels.tolist()


def test_probabilities_stay_with_their_images(train: ImageSet, dev: ImageSet) -> None:
    probs = np.eye(3)[::-1][train.labels]
    predicted = replace(train, pred_probs=probs)
    both = joined(predicted, predicted.subset([7, 3]))
    assert both.pred_probs is not None
    assert (both.pred_probs == [*probs, probs[7], probs[3]]).all()
    assert both.with_labels(both.labels[::-1]).pred_probs is both.pred_probs
    assert joined(predicted, dev).pred_probs is None


def test_names_stay_with_their_images(train: ImageSet, dev: ImageSet) -> None:
    named = replace(train, names=tuple(f"train/{index}.png" for index in range(90)))
    part = named.subset([7, 3])
    assert part.names == ("train/7.png", "train/3.png")
    assert named.subset([]).names == ()
    assert named.subset(train.labels == 1).names == tuple(named.names or ())[1::3]
    assert joined(part, part).names == part.names * 2
    assert joined(part, dev).names is None
    assert part.with_labels(part.labels[::-1]).names == part.names
    assert train.subset([7, 3]).names is None


def test_an_image_is_named_in_messages_even_without_names(train: ImageSet) -> None:
    assert train.image_name(41, "dev") == "dev 41"
    part = replace(train.subset([5]), names=("train/cat/IMG_1.jpg",))
    assert part.image_name(0, "train") == "train/cat/IMG_1.jpg"


def test_with_labels_leaves_the_original_unchanged(train: ImageSet) -> None:
    before = train.labels.copy()
    other = train.with_labels(np.zeros(len(train), dtype=np.int64))
    assert other.counts().tolist() == [90, 0, 0]
    assert (train.labels == before).all()


def test_a_set_may_be_empty() -> None:
    empty = ImageSet(np.empty((0, 32, 32, 3), np.uint8), np.empty(0, np.int64), ("a", "b"))
    assert len(empty) == 0
    assert empty.counts().tolist() == [0, 0]


IMAGES = np.zeros((3, 32, 32, 3), np.uint8)
LABELS = np.array([0, 1, 0])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"labels": np.array([0, 7, 0])}, "labels must be in 0..1, got 7 at index 1"),
        (
            {"labels": np.array([0, 7, 0]), "names": ("a.png", "b.png", "c.png")},
            "got 7 at index 1 (b.png)",
        ),
        ({"labels": np.array([0, 1, -1])}, "labels must be in 0..1, got -1 at index 2"),
        ({"labels": np.array([0, 1])}, "labels must be int64 of shape (3,), one per image"),
        ({"labels": np.array([0.0, 1.0, 0.0])}, "labels must be int64"),
        ({"true_labels": np.array([0, 2, 0])}, "true_labels must be in 0..1, got 2 at index 1"),
        ({"pred_probs": np.full((3, 3), 1 / 3)}, "pred_probs must be float64 of shape (3, 2), got"),
        ({"pred_probs": np.full((3, 2), 0.5, np.float32)}, "got float32 of shape (3, 2)"),
        ({"pred_probs": np.full((3, 2), 0.6)}, "rows that sum to 1, got 0.6, 0.6 at index 0"),
        ({"names": ("a.png", "b.png")}, "expected 3 names, one per image, got 2"),
        ({"names": ("a", "b", "c\n")}, r"1,000 printable characters, got 'c\n' at index 2"),
        ({"names": ("a", "", "c")}, "1 to 1,000 printable characters, got '' at index 1"),
        ({"names": ("a", "b" * 1001, "c")}, "1 to 1,000 printable characters, got 'bbb"),
        ({"names": (1, "b", "c")}, "1 to 1,000 printable characters, got 1 at index 0"),
        (
            {"images": IMAGES.tolist()},
            "images must be uint8 of shape (N, 32, 32, 3), got list of 3",
        ),
        ({"classes": "cat"}, "classes must be a tuple of names, got 'cat'"),
        ({"images": IMAGES.astype(np.float32)}, "images must be uint8 of shape (N, 32, 32, 3)"),
        ({"images": IMAGES.transpose(0, 3, 1, 2)}, "got uint8 of shape (3, 3, 32, 32)"),
        ({"classes": ("car",)}, "classes must name at least 2 classes, got ['car']"),
        ({"classes": ("car", "car")}, "classes must be distinct, got 'car' more than once"),
        ({"classes": ("car", "cat ")}, "names without space at either end, got 'cat '; rename it"),
        ({"classes": ("car", "a\nb")}, r"printable characters, got 'a\nb'"),
        ({"classes": ("car", "\ud800")}, r"printable characters, got '\ud800'"),
        ({"classes": ("car", "a\u202eb")}, r"printable characters, got 'a\u202eb'"),
        ({"classes": ("car", "\u200c \u200c")}, r"printable characters, got '\u200c \u200c'"),
        ({"names": ("a", "b", "c\u2028d")}, r"printable characters, got 'c\u2028d' at index 2"),
        ({"classes": ("car", "x" * 101)}, "printable characters, got 'xxx"),
        (
            {"classes": (*map(str, range(1001)),)},
            "classes must name at most 1000 classes, got ['0', '1', '2', ... 1001 in all]",
        ),
        (
            {"classes": ("car", " ")},
            "classes must be names of 1 to 100 printable characters, got ' '",
        ),
    ],
)
def test_contradictory_parts_are_refused(parts: dict[str, object], message: str) -> None:
    good: dict[str, object] = {"images": IMAGES, "labels": LABELS, "classes": ("car", "cat")}
    with pytest.raises(InputError) as error:
        ImageSet(**{**good, **parts})  # type: ignore[arg-type]
    assert message in str(error.value)


@pytest.mark.parametrize(
    "sign", [*"\u00a0\u202f\u3000\u00ad\u200b\u200c\u200d\u200e\u200f\U000e0067"]
)
def test_names_may_have_spaces_and_joiners_of_any_script(sign: str) -> None:
    name = f"a{sign}b"
    made = ImageSet(IMAGES, LABELS, ("car", name), names=(name,) * 3)
    assert (made.classes[1], made.names) == (name, (name,) * 3)


@pytest.mark.parametrize(
    "sign", [*"\0\n\x85\u2028\u2029\u202a\u202e\u2066\u2069\ue000\uffff\ud800"]
)
def test_names_have_no_signs_that_break_or_turn_a_line(sign: str) -> None:
    name = f"a{sign}b"
    with pytest.raises(InputError, match="printable characters, got") as error:
        ImageSet(IMAGES, LABELS, ("car", name))
    assert str(error.value).isprintable()
    with pytest.raises(InputError, match="printable characters, got"):
        ImageSet(IMAGES, LABELS, ("car", "cat"), names=(name,) * 3)


def test_identical_images_between_sets(train: ImageSet, dev: ImageSet) -> None:
    assert identical_images(train, dev.subset(range(len(dev)))) == []
    dev.images[4] = train.images[9]
    dev.images[6] = train.images[9]
    assert identical_images(train, dev) == [(9, 4), (9, 6)]


def test_identical_images_within_a_set(train: ImageSet) -> None:
    train.images[50] = train.images[80] = train.images[2]
    assert identical_images(train, train) == [(2, 50), (2, 80)]


def test_images_that_differ_by_one_level_are_not_identical(train: ImageSet) -> None:
    train.images[1] = train.images[0]
    train.images[1, 31, 31, 2] ^= 1
    assert identical_images(train, train) == []


@pytest.mark.parametrize(
    ("counts", "least", "most"),
    [
        ([7, 2, 5], 1, 0),
        ([7, 2, 2], 1, 0),
        ([7, 7, 2], 2, 1),
        ([3, 3, 3], 0, 2),
        ([0, 0], 0, 1),
        ([4], 0, 0),
    ],
)
def test_of_equal_counts_the_first_is_rarest_and_the_last_most_common(
    counts: list[int], least: int, most: int
) -> None:
    for values in (counts, np.array(counts)):
        assert (rarest(values), most_common(values)) == (least, most)


def test_a_set_counts_its_given_labels(train: ImageSet) -> None:
    relabelled = train.with_labels(np.repeat([2, 0, 2], 30))
    assert relabelled.counts().tolist() == [30, 0, 60]
    assert (relabelled.rarest(), relabelled.most_common()) == (1, 2)
