import math

from noisylab.sweep.figures import RatePoint, rate_curves

GOOD = [RatePoint(rate, 0.8, loss, loss) for rate, loss in ((1e-4, 0.5), (1e-3, 0.4), (1e-2, 1.1))]
DIVERGED = RatePoint(0.1, math.nan, math.nan, math.nan)


def test_a_line_for_each_optimizer_and_a_cross_where_it_diverged() -> None:
    series = {"adam": [*GOOD, DIVERGED], "sgd": GOOD[:1]}
    figure = rate_curves("caption", series, ("before", 0.9))
    upper, lower = figure.axes
    legend = upper.get_legend()
    assert legend
    assert [text.get_text() for text in legend.get_texts()] == [
        *("adam, dev", "diverged", "sgd, dev", "before")
    ]
    assert upper.get_xscale() == "log"
    assert [tick.get_text() for tick in lower.get_xticklabels()] == [
        "0.0001",
        "0.001",
        "0.01",
        "0.1",
    ]
    assert figure.get_supxlabel() == "caption"


def test_one_high_loss_does_not_hide_the_others() -> None:
    shown = rate_curves("", {"adam": GOOD}, ("before", 0.9)).axes[1].get_ylim()
    assert shown[0] == 0
    assert 1.1 < shown[1] < 1.5
    high = RatePoint(0.1, 0.3, 150.0, 1.1)
    assert rate_curves("", {"adam": [*GOOD, high]}, ("", 0.9)).axes[1].get_ylim()[1] < 5
    assert rate_curves("", {"adam": [DIVERGED]}, ("", 0.9)).axes[1].get_ylim()[0] == 0
