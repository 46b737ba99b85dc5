"""Pictures of an attack show what it did."""

import numpy as np

from noisylab.adversarial.figures import example


def test_a_change_of_most_levels_is_drawn_as_it_is() -> None:
    before = np.full((32, 32, 3), 20, np.uint8)
    after = before.copy()
    after[:16] += 200
    figure = example(before, after, np.array([[0.9, 0.1], [0.2, 0.8]]), ("truck", "cat"))
    panel = figure.axes[1]
    assert "amplified 1×\nlargest change: 200 of 255" in panel.get_xlabel()
    drawn = panel.images[0].get_array()
    assert drawn is not None
    assert (drawn[:16] == 255).all()
    assert (drawn[16:] == 128).all()
