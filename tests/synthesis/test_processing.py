import numpy as np
import pytest

from pbrs.synthesis.exposure import expose
from pbrs.synthesis.factor_table import FACTORS
from pbrs.synthesis.factors import Draw, Table
from pbrs.synthesis.film import digitise
from pbrs.synthesis.processing import process
from synthetic_patient import body, extreme_tables, fixed, only, opencv_threads, patient, view_of

VIEW = view_of(192)
BODY = body(VIEW)
SIGNAL = expose(patient(VIEW), np.ones(VIEW.shape, np.float32), VIEW, Draw(only("quantum_noise"), 1))
PICTURE = ("light_leak", "dust", "scratches", "screen_photo", "row_bands", "row_lines", "picture_noise")
PICTURE += ("few_levels", "scaled_file", "jpeg")
PROCESSING = [name for name, row in FACTORS.items() if row.group == "processing" and name not in PICTURE]


def processed(table: Table, *, seed: int = 1, signal: np.ndarray = SIGNAL, interest: np.ndarray = BODY) -> np.ndarray:
    return process(signal, interest, Draw(table, seed))


def test_with_no_factor_grey_is_a_straight_line_of_the_logarithm() -> None:
    grey = processed(only())
    within = (grey > 0) & (grey < 1)
    depth = -np.log(SIGNAL[within].astype(float))
    assert np.corrcoef(depth, grey[within])[0, 1] > 0.999999


def test_with_no_factor_the_window_spans_the_patient() -> None:
    grey = processed(only())[BODY]
    assert np.mean(grey <= 0) == pytest.approx(0.005, abs=0.004)
    assert np.mean(grey >= 1) == pytest.approx(0.005, abs=0.004)


def test_bone_is_bright_and_air_is_dark() -> None:
    grey = processed(only())
    assert grey[patient(VIEW)["cortical_bone"] > 10].mean() > grey[BODY].mean() > 0.2
    assert grey[~BODY].max() < 0.1


def test_the_doses_scale_does_not_matter() -> None:
    assert processed(only(), signal=SIGNAL * np.float32(7)) == pytest.approx(processed(only()), abs=1e-4)


@pytest.mark.parametrize("name", PROCESSING)
def test_each_factor_changes_the_grey(name: str) -> None:
    assert not np.array_equal(processed(only(name)), processed(only()))


def test_is_the_same_again_and_other_with_another_seed() -> None:
    assert np.array_equal(processed(FACTORS), processed(FACTORS))
    assert not np.array_equal(processed(FACTORS), processed(FACTORS, seed=2))


def test_does_not_depend_on_the_number_of_threads() -> None:
    with opencv_threads(1):
        alone = processed(extreme_tables()["widened"])
    with opencv_threads(4):
        assert np.array_equal(processed(extreme_tables()["widened"]), alone)


@pytest.mark.parametrize("name", PROCESSING)
def test_a_tiny_difference_between_machines_stays_tiny(name: str) -> None:
    nudge = 1 + 1e-6 * np.random.default_rng(0).standard_normal(SIGNAL.shape).astype(np.float32)
    difference = np.abs(processed(only(name), signal=SIGNAL * nudge) - processed(only(name)))
    assert np.mean(difference > 1 / 255) < 0.001


@pytest.mark.parametrize("extreme", ["widened", "lows", "highs"])
@pytest.mark.parametrize("seed", range(3))
def test_extremes_give_grey(extreme: str, seed: int) -> None:
    grey = processed(extreme_tables()[extreme], seed=seed)
    assert grey.dtype == np.float32
    assert grey.shape == VIEW.shape
    assert np.isfinite(grey).all()
    assert grey.min() >= 0
    assert grey.max() <= 1


@pytest.mark.parametrize("level", [0.0, 1e-9, 1.0])
@pytest.mark.parametrize("interest", [True, False])
def test_an_even_signal_and_an_empty_region_give_grey(level: float, interest: bool) -> None:
    for table in (only(), extreme_tables()["highs"]):
        grey = processed(table, signal=np.full_like(SIGNAL, level), interest=np.full_like(BODY, interest))
        assert np.isfinite(grey).all()


@pytest.mark.parametrize("shape", [(192, 140), (101, 97), (40, 40)])
def test_any_size_will_do(shape: tuple[int, int]) -> None:
    assert (
        processed(
            extreme_tables()["widened"], signal=SIGNAL[: shape[0], : shape[1]], interest=BODY[: shape[0], : shape[1]]
        ).shape
        == shape
    )


def spread(grey: np.ndarray) -> float:
    """Tell how much rows of the body's middle differ from one another."""
    return float(np.percentile(grey[BODY], 90) - np.percentile(grey[BODY], 10))


def test_dark_windows_black_out_thin_parts_and_bright_ones_whiten_thick_ones() -> None:
    plain = processed(only())
    assert np.mean(processed(only("dark_window"))[BODY] == 0) > np.mean(plain[BODY] == 0) + 0.02
    assert np.mean(processed(only("bright_window"))[BODY] == 1) > np.mean(plain[BODY] == 1) + 0.02


def test_dynamic_range_compression_brings_thick_and_thin_together() -> None:
    step = np.exp(-np.where(np.arange(180) < 90, 2, 5)[None] + 0.1 * np.sin(np.arange(192) / 3)[:, None]).astype(
        np.float32
    )
    everywhere = np.ones_like(BODY)
    table = fixed(only("dynamic_range"), "dynamic_range", sigma_px=60, share=0.8)
    plain, even = (processed(made, signal=step, interest=everywhere) for made in (only(), table))

    def detail_per_step(grey: np.ndarray) -> float:
        return float(grey[:, 40].std() / (grey[:, 150].mean() - grey[:, 30].mean()))

    assert detail_per_step(even) > 1.5 * detail_per_step(plain)


def test_unsharp_masking_leaves_a_dark_halo_beside_bone() -> None:
    smooth = expose(patient(VIEW), np.ones(VIEW.shape, np.float32), VIEW, Draw(only(), 1))
    row, column = (int(edge) for edge in VIEW.to_pixel(-60, 0))
    table = fixed(only("edge_halo"), "edge_halo", sigma_px=8, gain=1.5)
    halo = processed(table, signal=smooth)[column, row - 20 : row + 21]
    bone = np.argmax(halo)
    assert halo[bone - 9 : bone].min() < halo[:4].mean() - 0.01


def test_smoothing_takes_noise_away_and_enhancement_brings_it_out() -> None:
    def noise(table: Table) -> float:
        grey = processed(table)[80:110, 90:110]
        return float(np.diff(grey, axis=0).std())

    plain = noise(only())
    assert noise(fixed(only("soft_filter"), "soft_filter", sigma_px=3)) < 0.7 * plain
    assert noise(fixed(only("multi_frequency"), "multi_frequency", fine=3)) > 1.2 * plain


def test_washing_out_leaves_less_contrast() -> None:
    assert spread(processed(only("washed_out"))) < 0.95 * spread(processed(only()))


def test_a_gamma_keeps_black_and_white() -> None:
    plain, bent = processed(only()), processed(only("gamma"))
    assert np.array_equal(plain == 0, bent == 0)
    assert np.array_equal(plain == 1, bent == 1)


def test_film_marks_stay_in_range() -> None:
    grey = digitise(processed(only()), Draw(extreme_tables()["highs"], 1))
    assert grey.min() >= 0
    assert grey.max() <= 1
